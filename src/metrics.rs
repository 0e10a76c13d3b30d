//! Numbers for Prometheus: every metric of the daemon in one list.
//!
//! Counters are shared handles that the rooms count on, per slab and per message, never per
//! event. Gauges are drawn from the current picture when they are asked for, so that what was
//! removed vanishes.

mod gauges;
mod text;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::admin::snapshot::Snapshots;
use crate::clock::Clock;
use gauges::Gauges;
pub use text::Flavour;

/// What kind of number a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows, from the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
}

/// A metric, for the list and the reference.
#[derive(Debug)]
pub struct MetricDoc {
    /// Full name as it is scraped.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: MetricKind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// One sentence.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($name:ident: $text:literal, $kind:ident, [$($label:literal),*], $help:literal;)*) => {
        $(pub(crate) const $name: MetricDoc = MetricDoc {
            name: $text, kind: MetricKind::$kind, labels: &[$($label),*], help: $help,
        };)*
        /// Every metric.
        pub const METRICS: &[&MetricDoc] = &[$(&$name),*];
    };
}

metrics! {
    SCORE: "driftd_score", Gauge, ["model", "version", "monitor", "series", "statistic"],
        "Latest score of a series, whole model only; absent while there is none";
    VERDICT: "driftd_verdict", Gauge, ["model", "version", "monitor", "series", "statistic"],
        "Latest verdict: 0 ok, 1 warning, 2 critical, -1 no data";
    WINDOW_EVENTS: "driftd_window_events", Gauge,
        ["model", "version", "monitor", "series", "statistic"],
        "Predictions in the latest judged window";
    NO_DATA: "driftd_no_data", Gauge, ["model", "monitor", "reason"],
        "Series whose latest window has no score, by reason, whole model only";
    FIRING: "driftd_incidents_firing", Gauge, ["model", "monitor", "severity"],
        "Incidents that fire now, suppressed ones included";
    COVERAGE: "driftd_outcome_coverage_ratio", Gauge, ["model"],
        "Share of predictions with an outcome in the latest window judged on it";
    CONSUMED: "driftd_events_consumed_total", Counter, ["topic"],
        "Records that are in the state or were refused";
    BAD: "driftd_bad_events_total", Counter, ["topic", "reason"],
        "Records that were refused";
    LETTERS_LOST: "driftd_dead_letters_lost_total", Counter, ["to"],
        "Refused records that could not be kept, by where: file, topic";
    UNMATCHED: "driftd_unmatched_events_total", Counter, ["topic"],
        "Records that no model wants";
    LATE: "driftd_late_events_total", Counter, ["model"],
        "Predictions that came after their pane had closed";
    LAG: "driftd_consumer_lag_messages", Gauge, ["topic", "partition"],
        "Records of a partition that are not in the state yet";
    HELD: "driftd_partitions_held", Gauge, [],
        "Partitions that wait because their event time is far ahead of others of their models";
    WATERMARK_LAG: "driftd_watermark_lag_seconds", Gauge, ["model"],
        "Event time between the latest prediction and what has been judged";
    WAITING: "driftd_partitions_waiting", Gauge, [],
        "Partitions whose next record names a schema that is not known yet";
    REGISTRY: "driftd_registry_requests_total", Counter, ["registry", "result"],
        "Questions to schema registries, by what came of them: ok, or why there was no schema";
    MESSAGES: "driftd_messages_total", Counter, ["notifier", "result"],
        "Attempts to deliver, by what came of them: delivered, retrying, dead";
    OUTBOX_PENDING: "driftd_outbox_pending", Gauge, [],
        "Messages that nobody has accepted yet";
    OUTBOX_OLDEST: "driftd_outbox_oldest_seconds", Gauge, [],
        "Age of the oldest message that nobody has accepted yet";
    COMMIT: "driftd_commit_duration_seconds", Histogram, [],
        "How long commits of the state take";
    STATE_BYTES: "driftd_state_bytes", Gauge, [],
        "Bytes of the state on disk";
    RUNS: "driftd_runs", Gauge, ["model", "state"],
        "Retraining runs of the last 30 days by state";
    RELOAD: "driftd_config_last_reload_successful", Gauge, [],
        "Whether the last reload took its configuration";
    BUILD: "driftd_build_info", Gauge, ["version"],
        "Always 1; its label says what runs";
}

/// What came of an attempt to deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Accepted.
    Delivered,
    /// To be tried again.
    Retrying,
    /// Given up.
    Dead,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Outcome::Delivered => "delivered",
            Outcome::Retrying => "retrying",
            Outcome::Dead => "dead",
        }
    }
}

type Labels<const N: usize> = [(&'static str, String); N];

/// The counters; cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    consumed: Family<Labels<1>, Counter>,
    bad: Family<Labels<2>, Counter>,
    letters_lost: Family<Labels<1>, Counter>,
    unmatched: Family<Labels<1>, Counter>,
    late: Family<Labels<1>, Counter>,
    messages: Family<Labels<2>, Counter>,
    registry: Family<Labels<2>, Counter>,
    commit: Histogram,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics {
            consumed: Family::default(),
            bad: Family::default(),
            letters_lost: Family::default(),
            unmatched: Family::default(),
            late: Family::default(),
            messages: Family::default(),
            registry: Family::default(),
            // 1 ms to 16 s.
            commit: Histogram::new(exponential_buckets(0.001, 2.0, 15)),
        }
    }
}

impl Metrics {
    /// Shows zeros for what may be counted, so that rates exist before the first event.
    pub fn prepare<'a>(
        &self,
        topics: impl IntoIterator<Item = &'a str>,
        models: impl IntoIterator<Item = &'a str>,
        receivers: impl IntoIterator<Item = &'a str>,
    ) {
        for topic in topics {
            self.consumed(topic, 0);
            self.unmatched(topic, 0);
        }
        for model in models {
            self.late(model, 0);
        }
        for receiver in receivers {
            for outcome in [Outcome::Delivered, Outcome::Retrying, Outcome::Dead] {
                self.count_message(receiver, outcome, 0);
            }
        }
    }

    /// Records of a topic that are in the state now, or were refused.
    pub fn consumed(&self, topic: &str, records: u64) {
        self.consumed.get_or_create(&[("topic", topic.to_owned())]).inc_by(records);
    }

    /// Records of a topic that were refused. `reason` is a fixed word.
    pub fn bad(&self, topic: &str, reason: &str, records: u64) {
        let labels = [("topic", topic.to_owned()), ("reason", reason.to_owned())];
        self.bad.get_or_create(&labels).inc_by(records);
    }

    /// Refused records that could not be kept: in the `file`, or in the `topic`.
    pub fn letters_lost(&self, to: &'static str, letters: u64) {
        self.letters_lost.get_or_create(&[("to", to.to_owned())]).inc_by(letters);
    }

    /// Records of a topic that no model wants.
    pub fn unmatched(&self, topic: &str, records: u64) {
        self.unmatched.get_or_create(&[("topic", topic.to_owned())]).inc_by(records);
    }

    /// Predictions of a model that came too late.
    pub fn late(&self, model: &str, predictions: u64) {
        self.late.get_or_create(&[("model", model.to_owned())]).inc_by(predictions);
    }

    /// One question to a schema registry; `result` is a fixed word.
    pub fn registry_asked(&self, registry: &str, result: &str) {
        let labels = [("registry", registry.to_owned()), ("result", result.to_owned())];
        self.registry.get_or_create(&labels).inc();
    }

    /// One attempt to deliver to a notifier or trainer.
    pub fn message(&self, receiver: &str, outcome: Outcome) {
        self.count_message(receiver, outcome, 1);
    }

    fn count_message(&self, receiver: &str, outcome: Outcome, attempts: u64) {
        let labels = [("notifier", receiver.to_owned()), ("result", outcome.word().to_owned())];
        self.messages.get_or_create(&labels).inc_by(attempts);
    }

    /// One commit of the state.
    pub fn commit(&self, took: Duration) {
        self.commit.observe(took.as_secs_f64());
    }
}

/// Draws the text that Prometheus reads.
#[derive(Debug)]
pub struct Exporter {
    registry: Registry,
}

impl Exporter {
    /// All counters, and gauges from the current picture.
    #[must_use]
    pub fn new(metrics: &Metrics, snapshots: Snapshots, clock: Arc<dyn Clock>) -> Exporter {
        let mut registry = Registry::default();
        // The library adds `_total` to the names of counters.
        let stem = |doc: &MetricDoc| doc.name.trim_end_matches("_total").to_owned();
        registry.register(stem(&CONSUMED), CONSUMED.help, metrics.consumed.clone());
        registry.register(stem(&BAD), BAD.help, metrics.bad.clone());
        let lost = metrics.letters_lost.clone();
        registry.register(stem(&LETTERS_LOST), LETTERS_LOST.help, lost);
        registry.register(stem(&UNMATCHED), UNMATCHED.help, metrics.unmatched.clone());
        registry.register(stem(&LATE), LATE.help, metrics.late.clone());
        registry.register(stem(&REGISTRY), REGISTRY.help, metrics.registry.clone());
        registry.register(stem(&MESSAGES), MESSAGES.help, metrics.messages.clone());
        registry.register(stem(&COMMIT), COMMIT.help, metrics.commit.clone());
        registry.register_collector(Box::new(Gauges { snapshots, clock }));
        Exporter { registry }
    }

    /// The text in the flavour that the asker reads.
    ///
    /// # Errors
    /// Never in practice: writing to a text does not fail.
    pub fn text(&self, flavour: Flavour) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(flavour.of(text))
    }
}

#[cfg(test)]
mod tests;
