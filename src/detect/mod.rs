//! Detectors: scores become readings, readings become verdicts. Knows scores only.
//!
//! A *stateless* detector reads each window for itself; a [`Sequential`] one takes window after
//! window and remembers. Adding one is a new file and an entry in [`DETECTORS`].

use std::fmt::Debug;
use std::sync::Arc;

use crate::event::Span;
pub use crate::lines::{NoData, Severity};
use crate::stats::{OptionDoc, ParamError, Params, Statistic};

mod adwin;
mod calibration;
mod ddm;
mod dispersion;
mod e_detector;
mod eddm;
mod evidence;
mod hddm_a;
mod hddm_w;
mod manual;
mod memory;
mod observation;
mod page_hinkley;
mod promise;
mod risk;
mod river;
mod running_mean;
mod sequential;
mod threshold;
mod together;
mod waves;

#[cfg(test)]
mod tests;

pub use manual::manual;
pub use memory::Memory;
pub use observation::{InSeason, Observation, Step};
use sequential::Sequential;
pub use together::Member;

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
    Lasting(Span),
}

/// A detector with its options filled in.
pub trait Detector: Debug + Send + Sync {
    /// Name in the configuration.
    fn name(&self) -> &'static str;

    /// Reads one window. A sequential detector takes it into its memory: ask about each window
    /// once, in their order, with the memory that the window before left.
    ///
    /// # Errors
    /// Why it cannot say: what it compares with is not there, or the score is none of its kind.
    fn read(&self, seen: &Observation<'_>, memory: &mut Memory) -> Result<Reading, NoData>;

    /// Whether readings depend on the windows before.
    fn is_sequential(&self) -> bool {
        false
    }

    /// Whether its promise is one for all series and segments of a monitor: [`Detector::name_list`]
    /// then says which of them are beyond their level, once all have been read.
    fn is_joint(&self) -> bool {
        false
    }

    /// Says which members of a list are beyond a level; `of` series and segments share the promise,
    /// also those that are not among the members, in steps of `every`.
    fn name_list(&self, _members: &mut [Member<'_>], _of: usize, _every: Span) {}

    /// Whether it looks at [`Observation::step`].
    fn takes_steps(&self) -> bool {
        false
    }

    /// Whether it looks at [`Observation::noise`].
    fn takes_noise(&self) -> bool {
        false
    }

    /// Bytes that it may remember of one series and segment; 0 for a handful.
    fn memory(&self) -> u64 {
        0
    }

    /// The level that a score of this severity crossed, for findings; `None` where the detector
    /// does not judge by the score alone.
    fn level(&self, _severity: Severity, _score: f64, _reference: Option<f64>) -> Option<f64> {
        None
    }

    /// How many readings make a series fire.
    fn persistence(&self) -> For {
        For::Evaluations { m: 1, n: 1 }
    }

    /// Whether a level is relative to the metric on the reference.
    fn needs_reference_metric(&self) -> bool {
        false
    }
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
    /// What it promises, what it sees and does not see, when to choose it, its source.
    pub details: &'static str,
    /// Options beside `kind`.
    pub options: &'static [OptionDoc],
    /// Builds it for a statistic from its options.
    pub build: Build,
}

/// Every detector.
pub const DETECTORS: &[&DetectorKind] = &[
    &threshold::KIND,
    &e_detector::KIND,
    &risk::KIND,
    &adwin::KIND,
    &page_hinkley::KIND,
    &ddm::KIND,
    &eddm::KIND,
    &hddm_a::KIND,
    &hddm_w::KIND,
];
