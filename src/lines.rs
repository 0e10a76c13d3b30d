//! The lines that people and scripts read: scores, incidents, runs, outbox, summaries. Replay,
//! API, state export and evidence share them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::{Rhythm, Time};
use crate::stats::Tail;

/// How bad.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Warning,
    /// Worth waking somebody.
    Critical,
}

/// A slice of a model's events: dimension -> value, in the order of the dimension's features.
/// Empty: the whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Segment(pub Vec<(Arc<str>, Arc<str>)>);

impl Segment {
    /// Whether this is the whole model, not a slice.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both are the same slice, whatever the order of their dimensions: lines and
    /// requests sort them by name.
    #[must_use]
    pub fn same(&self, other: &Segment) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|pair| other.0.contains(pair))
    }
}

/// `city=Oslo, vehicle=van`.
impl std::fmt::Display for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{}{name}={value}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// `null` for the whole, else an object. For the store: a list of pairs.
impl Serialize for Segment {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if !s.is_human_readable() {
            return self.0.serialize(s);
        }
        if self.0.is_empty() {
            return s.serialize_none();
        }
        s.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for Segment {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Segment, D::Error> {
        if !d.is_human_readable() {
            return Vec::deserialize(d).map(Segment);
        }
        let map = Option::<BTreeMap<Arc<str>, Arc<str>>>::deserialize(d)?;
        Ok(Segment(map.unwrap_or_default().into_iter().collect()))
    }
}

/// A score's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Within every level.
    Ok,
    /// Beyond the warning level.
    Warning,
    /// Beyond the critical level.
    Critical,
    /// Cannot say; the line's reason tells why.
    NoData,
}

/// Why a window has no score. Which of several is told: the page of statistics has their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoData {
    /// The series has not covered the window's whole span yet.
    WindowNotFull,
    /// There is nothing to compare with.
    NoReference,
    /// Outcomes are not due yet.
    OutcomesImmature,
    /// Too few predictions have an outcome although it is due.
    LowCoverage,
    /// Fewer predictions than `min_events`.
    NotEnoughEvents,
    /// Less support than `min_support`.
    NotEnoughSupport,
    /// The formula has no value here.
    Undefined,
    /// The configured path was never seen in any event.
    PathNeverSeen,
    /// Too many events hold something of another type: a fault of whoever writes them, not drift.
    WrongType,
    /// The model has a season, and its reference was not counted by it.
    NoSlots,
    /// The window is too small for the monitor's levels: an unchanged one reaches them too.
    TooLittlePower,
    /// The window that it is compared with was not seen whole, or holds too little.
    NoEarlierWindow,
}

/// The window of a score line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowLine {
    /// First instant (inclusive).
    pub start: Time,
    /// Last instant (exclusive).
    pub end: Time,
    /// Predictions in it.
    pub events: u64,
    /// Events that the score was computed from.
    pub support: u64,
}

/// What a window of a model with a season was judged against.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SeasonLine {
    /// The season.
    pub name: Rhythm,
    /// Slots that the window's events lie in.
    pub slots: u32,
    /// Share of its events whose slot the reference holds too few rows of, judged against the same
    /// hour of all days.
    pub hour_of_day: f64,
    /// Share of its events that are judged against all hours.
    pub pooled: f64,
}

/// One judgement of one series and segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "score")]
pub struct ScoreLine {
    /// Model.
    pub model: Arc<str>,
    /// Its version, where configured.
    pub version: Option<Arc<str>>,
    /// Monitor.
    pub monitor: Arc<str>,
    /// `features.NAME`, `prediction`, `probability`, `outcome` or `model`.
    pub series: Arc<str>,
    /// Slice; null for the whole.
    pub segment: Segment,
    /// Statistic.
    pub statistic: Arc<str>,
    /// Whether it is an estimate without outcomes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
    /// Window.
    pub window: WindowLine,
    /// Counts restatements; the highest holds.
    pub revision: u32,
    /// The number; null with `no_data`.
    pub score: Option<f64>,
    /// Rigorous interval of a bound, 95 % interval of an estimate; null when exact or not known. Its upper end
    /// is null where nothing bounds the score above.
    pub interval: Option<(f64, Option<f64>)>,
    /// Probability of such a score without drift; see [`ScoreLine::written`].
    pub p_value: Option<f64>,
    /// What the probability follows from, where nobody has asked for it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<Tail>,
    /// Score that an undrifted window exceeds with probability 1 %.
    pub noise_floor: Option<f64>,
    /// Smallest change that this window shows, in the statistic's unit: the score that the sources
    /// themselves must have to be beyond the noise floor with probability 90 %.
    #[serde(default)]
    pub visible: Option<f64>,
    /// Id of the series' reference.
    pub reference: Option<Arc<str>>,
    /// Rows of that reference (of the segment's part).
    pub reference_events: Option<u64>,
    /// Slots that the reference was taken from, where the model has a season; their rows, weighted,
    /// are the reference's events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<SeasonLine>,
    /// The earlier window that it was judged against, for monitors with `against`; its support are
    /// the rows that were compared with, of a metric the pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<WindowLine>,
    /// Share of predictions with an outcome; null where outcomes play no part.
    pub coverage: Option<f64>,
    /// Reading of the detector.
    pub verdict: Verdict,
    /// Why there is no score.
    pub reason: Option<NoData>,
}

impl ScoreLine {
    /// The line as people and scripts read it: with its p-value, which may take long to sum.
    #[must_use]
    pub fn written(mut self) -> ScoreLine {
        if let Some(tail) = self.tail.take() {
            self.p_value = tail.probability();
        }
        self
    }
}

/// State of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IncidentState {
    /// It holds.
    Firing,
    /// It is over.
    Resolved,
}

/// Why an incident is recorded but nobody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Suppressed {
    /// A silence matches.
    Silence,
    /// It resolved a short while ago.
    Cooldown,
    /// The pipeline itself is broken.
    Inhibited,
    /// Opened by records too old to act on.
    Historic,
    /// Too many incidents in an hour.
    Storm,
}

/// One incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "incident")]
pub struct IncidentLine {
    /// Identity; the same after every restart, rebuild or restore.
    pub key: String,
    /// Firing or resolved.
    pub state: IncidentState,
    /// Worst severity so far.
    pub severity: Severity,
    /// Why nobody is told, if so.
    pub suppressed: Option<Suppressed>,
    /// Model.
    pub model: Arc<str>,
    /// Version.
    pub version: Option<Arc<str>>,
    /// Monitor.
    pub monitor: Arc<str>,
    /// End of the window that opened it.
    pub opened: Time,
    /// End of the window that changed it last.
    pub changed: Time,
    /// Why it resolved, where not by clearing: `stale`, `removed`, `retrained`.
    pub resolved_by: Option<String>,
    /// Series beyond their level, worst first.
    pub series: Vec<Arc<str>>,
}

/// End of a replay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "summary")]
pub struct SummaryLine {
    /// Rows read.
    pub events: u64,
    /// Score lines, latest revisions only.
    pub windows: u64,
    /// Those with a score.
    pub judged: u64,
    /// Those without.
    pub no_data: u64,
    /// Warnings.
    pub warning: u64,
    /// Critical ones.
    pub critical: u64,
    /// Incidents opened.
    pub incidents: u64,
    /// Time it took.
    pub seconds: f64,
}

/// State of a retraining run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// The request is in the outbox.
    Requested,
    /// The trainer took it.
    Accepted,
    /// It says that it runs.
    Running,
    /// It says that it is done.
    Succeeded,
    /// The new version carries enough of the traffic.
    Deployed,
    /// The new version has its reference; the loop is closed.
    Closed,
    /// It says that it failed, or the request was refused.
    Failed,
    /// Nothing heard within the timeout.
    TimedOut,
}

/// One retraining run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "run")]
pub struct RunLine {
    /// Identity.
    pub id: String,
    /// Model.
    pub model: Arc<str>,
    /// The incident that asked for it; null when started by hand.
    pub incident: Option<String>,
    /// Where it stands.
    pub state: RunState,
    /// Our clock when it was asked for.
    pub requested: Time,
    /// Our clock when it last changed.
    pub changed: Time,
    /// The version that it produced.
    pub version: Option<Arc<str>>,
    /// Where to look, as the trainer said.
    pub url: Option<String>,
    /// Why it was asked for.
    pub reason: String,
    /// What the trainer said last.
    pub message: Option<String>,
}

/// State of an outbox row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowState {
    /// Not accepted yet.
    Pending,
    /// Accepted.
    Delivered,
    /// A later message replaced it before it was accepted.
    Superseded,
    /// Given up.
    Dead,
}

/// One message to one receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "outbox")]
pub struct OutboxLine {
    /// The message's id, the same for all its attempts.
    pub id: String,
    /// The incident's key.
    pub key: String,
    /// Notifier or trainer.
    pub to: String,
    /// `incident.firing`, `retraining.requested`, ...
    pub message: String,
    /// Where it stands.
    pub state: RowState,
    /// Attempts so far.
    pub attempts: u32,
    /// Our clock when it was written.
    pub created: Time,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

/// A silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "silence")]
pub struct SilenceLine {
    /// Identity.
    pub id: String,
    /// Model.
    pub model: String,
    /// One monitor; null: all of the model.
    pub monitor: Option<String>,
    /// One segment; null: all.
    pub segment: Segment,
    /// First instant of event time.
    pub from: Time,
    /// Last instant (exclusive).
    pub until: Time,
    /// Why.
    pub comment: String,
}
