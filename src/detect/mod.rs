//! Detectors: scores become readings, readings become verdicts. Knows scores only.

use std::fmt::Debug;
use std::sync::Arc;

pub use crate::lines::Severity;
use crate::stats::{OptionDoc, ParamError, Params, Statistic};

mod threshold;

/// What one window of one series and segment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Reading {
    /// The level that the score is beyond, if any.
    pub beyond: Option<Severity>,
    /// Whether it is beyond the clear level: bad enough to keep a firing series firing.
    pub uncleared: bool,
}

/// How many readings make a series fire, and hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// M of the last N evaluations.
    Evaluations {
        /// Readings that must be beyond.
        m: usize,
        /// Of the last so many.
        n: usize,
    },
    /// All evaluations of this much event time.
    Lasting(crate::event::Span),
}

/// A detector with its options filled in.
pub trait Detector: Debug + Send + Sync {
    /// Name in the configuration.
    fn name(&self) -> &'static str;

    /// Reads one score. `reference` is the same metric on the reference, where there is one;
    /// `None` where a level is relative and the reference lacks the metric.
    fn read(&self, score: f64, reference: Option<f64>) -> Option<Reading>;

    /// The level that a score of this severity crossed, for findings.
    fn level(&self, severity: Severity, score: f64, reference: Option<f64>) -> Option<f64>;

    /// How many readings make a series fire.
    fn persistence(&self) -> For;

    /// Whether a level is relative to the metric on the reference.
    fn needs_reference_metric(&self) -> bool;
}

/// Makes a detector for a statistic.
pub type Build = fn(&mut Params, &dyn Statistic) -> Result<Arc<dyn Detector>, ParamError>;

/// A detector's entry in the registry.
#[derive(Debug)]
pub struct DetectorKind {
    /// Name in the configuration.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Options beside `kind`.
    pub options: &'static [OptionDoc],
    /// Builds it for a statistic from its options.
    pub build: Build,
}

/// Every detector.
pub const DETECTORS: &[&DetectorKind] = &[&threshold::KIND];
