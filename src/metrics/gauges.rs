//! Gauges, drawn from the current picture at the moment of a scrape.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use super::{
    BUILD, COVERAGE, FIRING, HELD, LAG, MetricDoc, NO_DATA, OUTBOX_OLDEST, OUTBOX_PENDING, RELOAD,
    RUNS, SCORE, STATE_BYTES, VERDICT, WAITING, WATERMARK_LAG, WINDOW_EVENTS,
};
use crate::admin::snapshot::{Snapshot, Snapshots};
use crate::clock::Clock;
use crate::lines::{IncidentState, ScoreLine, Verdict};

/// Draws the gauges.
#[derive(Debug)]
pub(super) struct Gauges {
    pub snapshots: Snapshots,
    pub clock: Arc<dyn Clock>,
}

/// Label values in the order of the metric's labels, and the number.
type Sample = (Vec<String>, f64);

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let snapshot = self.snapshots.load();
        let (pending, oldest) = snapshot.pending();
        let age = oldest.map_or(0.0, |at| (self.clock.now() - at).seconds().max(0.0));
        let alone = |value: f64| vec![(Vec::new(), value)];
        let groups: [(&MetricDoc, Vec<Sample>); 16] = [
            (&SCORE, per_series(&snapshot, |line| line.score)),
            (&VERDICT, per_series(&snapshot, |line| Some(verdict(line.verdict)))),
            (&WINDOW_EVENTS, per_series(&snapshot, |line| Some(line.window.events as f64))),
            (&NO_DATA, no_data(&snapshot)),
            (&FIRING, firing(&snapshot)),
            (&COVERAGE, per_model(&snapshot, |model| model.outcome_coverage)),
            (&LAG, lag(&snapshot)),
            (&HELD, alone(snapshot.held as f64)),
            (&WAITING, alone(snapshot.waiting as f64)),
            (&WATERMARK_LAG, per_model(&snapshot, |m| m.watermark_lag.map(|s| s.seconds()))),
            (&OUTBOX_PENDING, alone(pending as f64)),
            (&OUTBOX_OLDEST, alone(age)),
            (&STATE_BYTES, alone(snapshot.state_bytes as f64)),
            (&RUNS, runs(&snapshot)),
            (&RELOAD, alone(f64::from(u8::from(snapshot.reload_ok)))),
            (&BUILD, vec![(vec![env!("CARGO_PKG_VERSION").to_owned()], 1.0)]),
        ];
        for (doc, samples) in groups {
            let mut metric =
                encoder.encode_descriptor(doc.name, doc.help, None, MetricType::Gauge)?;
            for (values, number) in samples {
                if values.is_empty() {
                    metric.encode_gauge(&number)?;
                    continue;
                }
                let labels: Vec<(&str, String)> = doc.labels.iter().copied().zip(values).collect();
                metric.encode_family(&labels)?.encode_gauge(&number)?;
            }
        }
        Ok(())
    }
}

/// The latest line of every series of a whole model; of several versions each has its own.
fn per_series(snapshot: &Snapshot, value: impl Fn(&ScoreLine) -> Option<f64>) -> Vec<Sample> {
    let mut newest: BTreeMap<Vec<String>, &ScoreLine> = BTreeMap::new();
    for line in snapshot.status.latest.iter().filter(|line| line.segment.is_whole()) {
        let labels = [
            &*line.model,
            line.version.as_deref().unwrap_or(""),
            &*line.monitor,
            &*line.series,
            &*line.statistic,
        ];
        let place = newest.entry(labels.iter().map(|l| (*l).to_owned()).collect()).or_insert(line);
        if (place.window.end, place.revision) < (line.window.end, line.revision) {
            *place = line;
        }
    }
    newest.into_iter().filter_map(|(labels, line)| Some((labels, value(line)?))).collect()
}

fn verdict(verdict: Verdict) -> f64 {
    match verdict {
        Verdict::Ok => 0.0,
        Verdict::Warning => 1.0,
        Verdict::Critical => 2.0,
        Verdict::NoData => -1.0,
    }
}

fn no_data(snapshot: &Snapshot) -> Vec<Sample> {
    let lines = snapshot.status.latest.iter().filter(|line| line.segment.is_whole());
    count(lines.filter_map(|line| {
        let reason = word(&line.reason?);
        Some(vec![line.model.to_string(), line.monitor.to_string(), reason])
    }))
}

/// Zeros too for every monitor, so that an alert has something to compare with.
fn firing(snapshot: &Snapshot) -> Vec<Sample> {
    let mut counts: BTreeMap<Vec<String>, f64> = BTreeMap::new();
    for monitor in &snapshot.status.monitors {
        for severity in ["warning", "critical"] {
            let labels = [&*monitor.model, &*monitor.name, severity];
            counts.insert(labels.iter().map(|l| (*l).to_owned()).collect(), 0.0);
        }
    }
    let lines = snapshot.status.incidents.iter().map(|incident| &incident.line);
    for line in lines.filter(|line| line.state == IncidentState::Firing) {
        let labels = vec![line.model.to_string(), line.monitor.to_string(), word(&line.severity)];
        *counts.entry(labels).or_default() += 1.0;
    }
    counts.into_iter().collect()
}

fn per_model(
    snapshot: &Snapshot,
    value: impl Fn(&crate::engine::ModelStatus) -> Option<f64>,
) -> Vec<Sample> {
    let models = snapshot.status.models.iter();
    models.filter_map(|model| Some((vec![model.name.clone()], value(model)?))).collect()
}

fn lag(snapshot: &Snapshot) -> Vec<Sample> {
    let lags = snapshot.lag.iter();
    lags.map(|l| (vec![l.topic.to_string(), l.partition.to_string()], l.messages as f64)).collect()
}

fn runs(snapshot: &Snapshot) -> Vec<Sample> {
    count(snapshot.status.runs.iter().map(|run| vec![run.model.to_string(), word(&run.state)]))
}

fn count(labels: impl Iterator<Item = Vec<String>>) -> Vec<Sample> {
    let mut counts: BTreeMap<Vec<String>, f64> = BTreeMap::new();
    for labels in labels {
        *counts.entry(labels).or_default() += 1.0;
    }
    counts.into_iter().collect()
}

/// The word that a state or reason has in JSON.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
