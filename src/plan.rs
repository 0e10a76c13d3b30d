//! What the core is asked to do: models, series, monitors, policy. Built once from the
//! configuration, complete and free of contradictions; the core never meets a default.

mod bound;
mod referred;

use std::sync::Arc;

use crate::detect::Detector;
use crate::event::{Role, Season, Span};
pub use crate::join::{OutcomeRepeats, PredictionRepeats};
use crate::reference::CLASSIFIED;
pub use crate::stats::SeriesKind;
use crate::stats::{Dtype, Expectation, Extra, Loss, Performance, Statistic, Task};

/// Name of the counts beside which the losses that events expect are summed.
pub const EXPECTED_LOSS: &str = "expected_loss";

/// Everything the engine does.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Name of this installation: in every page and every incident key.
    pub name: String,
    /// Digest of the effective configuration (secrets as references), for evidence.
    pub config_digest: String,
    /// Models in the order of their names.
    pub models: Vec<ModelPlan>,
    /// Silence of a caught-up partition after which it holds no watermark back.
    pub idle_after: Span,
    /// Records older than this when read open incidents that are recorded, not sent.
    pub act_within: Span,
    /// Incidents a model may open in one hour of event time before the rest is only recorded.
    pub storm: u32,
    /// Begins the links in messages; no trailing slash.
    pub public_url: String,
    /// Caps on what may grow.
    pub limits: Limits,
}

/// Caps on what may grow.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Segments per dimension; further values count as `other`.
    pub segments: usize,
    /// Categories of a feature without a fixed reference.
    pub categories: usize,
    /// Versions of a model that are counted at the same time.
    pub versions: usize,
    /// Bytes of join entries on disk.
    pub join: u64,
    /// Bytes of the whole database on disk.
    pub state: u64,
}

/// One model.
#[derive(Debug, Clone)]
pub struct ModelPlan {
    /// Its name: identity in state, lines and keys.
    pub name: String,
    /// A former name whose state and keys it carries on.
    pub was: Option<String>,
    /// What it predicts; `None`: drift only.
    pub task: Option<Task>,
    /// How far out of order the events of one partition may be.
    pub lateness: Span,
    /// Topics of predictions.
    pub prediction_topics: Vec<Arc<str>>,
    /// Whether a version is configured: it is then part of a prediction's identity.
    pub versioned: bool,
    /// Features, numeric ones and categories, in the order of their names.
    pub features: Vec<FeaturePlan>,
    /// Whether a prediction is configured (or made from the probability by `threshold`).
    pub prediction: Option<SeriesKind>,
    /// Classes that carry a probability: empty (none), one (binary), or all (multiclass).
    pub probabilities: Vec<String>,
    /// What the loss that events expect of their own predictions is of; `None` without one.
    pub expected_loss: Option<Loss>,
    /// Outcomes; `None`: nothing is kept for the join.
    pub outcomes: Option<OutcomePlan>,
    /// What a second prediction of one id (and version) means.
    pub repeats: PredictionRepeats,
    /// Texts that mean the positive class (binary).
    pub positive: Vec<String>,
    /// Makes a prediction where only a probability is published (binary).
    pub threshold: Option<f64>,
    /// Where references come from.
    pub reference: ReferencePlan,
    /// Rhythm that distributions are judged by, where there is one.
    pub season: Option<Season>,
    /// Dimensions of segments: each a list of features (more than one: crossed).
    pub dimensions: Vec<Vec<String>>,
    /// Monitors of this model, in the order of their names.
    pub monitors: Vec<MonitorPlan>,
    /// Retraining; `None`: nobody to ask.
    pub retrain: Option<RetrainPlan>,
    /// Who hears of warnings and critical findings, and of failed runs, by default.
    pub notify: NotifyPlan,
    /// Paths of the configuration, in the order of [`crate::event::Slab::seen`].
    pub paths: Vec<NamedPath>,
}

/// Where a field of a model is found in its events.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedPath {
    /// What it is: `features.NAME`, `predictions.id`, `outcomes.outcome` ...
    pub name: String,
    /// The path as configured.
    pub path: String,
}

/// A feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeaturePlan {
    /// Its name: identity in state and lines (`features.NAME`).
    pub name: String,
    /// Numeric or category.
    pub kind: SeriesKind,
}

/// Outcomes of a model.
#[derive(Debug, Clone)]
pub struct OutcomePlan {
    /// Topics of outcomes; empty where a prediction event carries its outcome.
    pub topics: Vec<Arc<str>>,
    /// How long a prediction waits.
    pub within: Span,
    /// The age at which outcomes should be there.
    pub due: Span,
    /// What a second outcome of one id means.
    pub repeats: OutcomeRepeats,
    /// The outcome of a prediction that has none after `within`.
    pub assume: Option<String>,
}

/// Where references come from.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferencePlan {
    /// A file is configured; its name may hold `{version}`.
    pub file: bool,
    /// The file's name holds `{version}`.
    pub per_version: bool,
    /// Learn from the first events where no file serves.
    pub learn: Option<Learn>,
}

/// How long to learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learn {
    /// This much event time.
    Span(Span),
    /// This many events.
    Events(u64),
}

/// A monitor of one model.
#[derive(Debug, Clone)]
pub struct MonitorPlan {
    /// Its name.
    pub name: String,
    /// A former name whose state and keys it carries on.
    pub was: Option<String>,
    /// What it watches: `features.NAME`, `prediction`, `probability`, `outcome`; only `model` for
    /// statistics of the whole model. Sorted.
    pub series: Vec<String>,
    /// What it computes.
    pub statistic: Arc<dyn Statistic>,
    /// Over which window.
    pub window: WindowPlan,
    /// Whether a window is judged against the reference of its own hours in the model's season.
    pub seasonal: bool,
    /// How long before a window the one lies that it is judged against, instead of the reference;
    /// a multiple of the hop, and no shorter than the window.
    pub against: Option<Span>,
    /// Indices into the model's dimensions.
    pub by: Vec<usize>,
    /// Fewer predictions than this: no data.
    pub min_events: u64,
    /// Less support than this: no data.
    pub min_support: u64,
    /// A lower outcome coverage than this is not judged.
    pub min_coverage: f64,
    /// Turns scores into verdicts.
    pub detector: Arc<dyn Detector>,
    /// After a resolve, how long a new crossing is only recorded.
    pub cooldown: Span,
    /// Who is told.
    pub notify: NotifyPlan,
    /// Whether a critical incident asks for a retraining.
    pub retrain: bool,
}

/// A window and how often it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowPlan {
    /// Event time; `every` divides `length`.
    Time {
        /// Length of the window.
        length: Span,
        /// Distance between two windows' ends.
        every: Span,
    },
    /// Predictions in the order of reading; `every` divides `length`.
    Count {
        /// Predictions per window.
        length: u64,
        /// Predictions between two windows' ends.
        every: u64,
    },
}

/// Names of notifiers per severity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotifyPlan {
    /// Told of warnings.
    pub warning: Vec<String>,
    /// Told of critical findings.
    pub critical: Vec<String>,
}

/// Retraining of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct RetrainPlan {
    /// The trainer's name.
    pub trainer: String,
    /// Runs per UTC day.
    pub budget: u32,
    /// No callback and no new version by then: timed out.
    pub timeout: Span,
    /// Share of the last hour's predictions that makes a version deployed.
    pub deployed_share: f64,
}

impl MonitorPlan {
    /// The series whose counts it reads.
    pub fn counted(&self) -> impl Iterator<Item = &str> {
        let watched = self.series.iter().filter(|_| self.statistic.basis().per_series());
        watched.map(String::as_str).chain(self.expects())
    }

    /// The counts that its estimate is made of.
    #[must_use]
    pub fn expects(&self) -> Option<&'static str> {
        self.statistic.estimates().map(|expectation| match expectation {
            Expectation::Classes => CLASSIFIED,
            Expectation::Loss(_) => EXPECTED_LOSS,
        })
    }

    /// Whether outcomes change its scores: it is judged when they are due, not when predictions
    /// are complete.
    #[must_use]
    pub fn by_outcomes(&self) -> bool {
        self.statistic.basis().needs_outcomes() || self.series.iter().any(|s| s == "outcome")
    }
}

impl ModelPlan {
    /// Width of a time pane: the greatest common divisor of all windows and hops, and of one hour
    /// where some monitor is seasonal, so that a pane lies in one slot; one hour where no monitor has
    /// a time window.
    #[must_use]
    pub fn pane_width(&self) -> Span {
        const HOUR: Span = Span::from_secs(3600);
        let width = self.monitors.iter().fold(Span(0), |width, m| match m.window {
            WindowPlan::Time { length, every } => width.gcd(length).gcd(every),
            WindowPlan::Count { .. } => width,
        });
        let seasonal = self.monitors.iter().any(|m| m.seasonal);
        if width == Span(0) || seasonal { width.gcd(HOUR) } else { width }
    }

    /// Topics that it reads and what for; one topic may serve both.
    #[must_use]
    pub fn topics(&self) -> Vec<(Arc<str>, Role)> {
        let predictions = self.prediction_topics.iter().map(|t| (t.clone(), Role::Prediction));
        let outcomes = self.outcomes.iter().flat_map(|o| &o.topics);
        predictions.chain(outcomes.map(|t| (t.clone(), Role::Outcome))).collect()
    }

    /// Empty sums over pairs, with the extras that some monitor reads; `None` without a task.
    #[must_use]
    pub fn performance(&self) -> Option<Performance> {
        let judged = self.monitors.iter().filter(|m| m.by_outcomes());
        let extras: Vec<Extra> = judged.flat_map(|m| m.statistic.kind().extras).copied().collect();
        self.task.map(|task| Performance::empty(task, &extras))
    }

    /// How long predictions wait for outcomes; zero without outcomes.
    #[must_use]
    pub fn within(&self) -> Span {
        self.outcomes.as_ref().map_or(Span(0), |o| o.within)
    }

    /// The longest time window.
    #[must_use]
    pub fn longest_window(&self) -> Span {
        self.monitors
            .iter()
            .filter_map(|m| match m.window {
                WindowPlan::Time { length, .. } => Some(length),
                WindowPlan::Count { .. } => None,
            })
            .max()
            .unwrap_or_else(|| self.pane_width())
    }

    /// How far before its end a time window looks back at most: its length, and that of the one
    /// it is judged against.
    #[must_use]
    pub fn reach(&self) -> Span {
        let reaches = self.monitors.iter().filter_map(|m| match m.window {
            WindowPlan::Time { length, .. } => Some(length + m.against.unwrap_or(Span(0))),
            WindowPlan::Count { .. } => None,
        });
        reaches.max().unwrap_or_else(|| self.pane_width())
    }

    /// The longest time from one time window of a monitor to its next.
    #[must_use]
    pub fn longest_hop(&self) -> Span {
        let hops = self.monitors.iter().filter_map(|m| match m.window {
            WindowPlan::Time { every, .. } => Some(every),
            WindowPlan::Count { .. } => None,
        });
        hops.max().unwrap_or_else(|| self.pane_width())
    }

    /// The kind of a series by its name, `None` for `model` and unknown names.
    #[must_use]
    pub fn series_kind(&self, series: &str) -> Option<SeriesKind> {
        if let Some(name) = series.strip_prefix("features.") {
            return self.features.iter().find(|f| f.name == name).map(|f| f.kind);
        }
        match series {
            "prediction" => self.prediction,
            "probability" if !self.probabilities.is_empty() => {
                Some(SeriesKind::Numeric(Dtype::F64))
            }
            "outcome" if self.outcomes.is_some() => Some(match self.task {
                Some(Task::Regression) | None => SeriesKind::Numeric(Dtype::F64),
                Some(_) => SeriesKind::Category,
            }),
            _ => None,
        }
    }
}
