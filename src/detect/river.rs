//! What the detectors with River's names share: how they are fed, and how they answer.
//!
//! River's detectors are fed one value per event; here each window's score is such a value, so
//! that a monitor with `window = "1 events"` runs them event by event. All of them forget
//! everything after a drift.

use super::{Reading, Severity};
use crate::stats::{Direction, OptionDoc, Statistic};

/// A reading out of River's two flags; a drift outranks a warning.
pub(super) fn reading(drift: bool, warning: bool) -> Reading {
    let beyond = match (drift, warning) {
        (true, _) => Some(Severity::Critical),
        (false, true) => Some(Severity::Warning),
        (false, false) => None,
    };
    Reading { beyond, uncleared: beyond.is_some() }
}

/// Turns scores into errors for the detectors of errors (1 wrong, 0 right).
#[derive(Debug, Clone, Copy)]
pub(super) struct Errors {
    inverted: bool,
}

impl Errors {
    /// Of a statistic that says how much is right (accuracy), the rest is the error; another
    /// score is an error as it stands.
    pub(super) fn of(statistic: &dyn Statistic) -> Errors {
        let of_one = statistic.best() == Some(1.0);
        Errors { inverted: statistic.direction() == Direction::Down && of_one }
    }

    pub(super) fn of_score(self, score: f64) -> f64 {
        if self.inverted { 1.0 - score } else { score }
    }
}

/// `drift_confidence` of the HDDM detectors.
pub(super) const DRIFT_CONFIDENCE: OptionDoc = OptionDoc {
    name: "drift_confidence",
    kind: "number",
    default: "0.001",
    doc: "probability of a false drift that the bound allows at each event",
};

/// `warning_confidence` of the HDDM detectors.
pub(super) const WARNING_CONFIDENCE: OptionDoc = OptionDoc {
    name: "warning_confidence",
    kind: "number",
    default: "0.005",
    doc: "as drift_confidence, for a warning",
};

/// `two_sided_test` of the HDDM detectors.
pub(super) const TWO_SIDED_TEST: OptionDoc = OptionDoc {
    name: "two_sided_test",
    kind: "true or false",
    default: "false",
    doc: "whether fewer errors are a drift too",
};
