//! Sums over pairs of prediction and outcome. All are signed and exact, so that pairs can be
//! taken back and slices merge in any order.
//!
//! Every task has its ordinary sums; what only some statistics read is an [`Extra`] and kept where
//! a monitor asks for it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ExactSum, Task};

mod binary;
mod calibration;
mod log_histogram;
mod losses;
mod multiclass;
mod regression;
mod score_grid;

pub use binary::Binary;
pub use calibration::{Calibration, CalibrationBin};
pub use log_histogram::LogHistogram;
pub use losses::{LossSquares, Losses};
pub use multiclass::Multiclass;
pub use regression::{ErrorPowers, LogErrors, OutcomeMoments, Regression};
pub use score_grid::{ScoreCell, ScoreGrid};

/// One pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Observation<'a> {
    /// Two numbers.
    Regression {
        /// What was said.
        prediction: f64,
        /// What was.
        outcome: f64,
    },
    /// A yes or no.
    Binary {
        /// Whether the positive class was predicted, where a class was.
        predicted: Option<bool>,
        /// Probability of the positive class, where there is one.
        probability: Option<f64>,
        /// Whether it was the positive class.
        outcome: bool,
    },
    /// One class of several.
    Multiclass {
        /// Predicted class, where one was.
        predicted: Option<&'a str>,
        /// Names of the classes that have a probability.
        classes: &'a [String],
        /// Their probabilities in the same order; NaN where absent, empty where there are none.
        probabilities: &'a [f64],
        /// What came true.
        outcome: &'a str,
    },
}

/// Sums beyond the ordinary ones that some statistics read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extra {
    /// Counts per class on a grid of probabilities.
    Scores,
    /// Counts and sums in ten bins of the probability.
    Calibration,
    /// Squares of the losses, for their intervals.
    Squares,
    /// Sum and squares of the outcomes (regression).
    Outcomes,
    /// Squared errors of logarithms (regression).
    Logarithms,
    /// Counts of errors on a logarithmic grid (regression).
    Errors,
}

impl Extra {
    /// All of them.
    pub const ALL: [Extra; 6] = [
        Extra::Scores,
        Extra::Calibration,
        Extra::Squares,
        Extra::Outcomes,
        Extra::Logarithms,
        Extra::Errors,
    ];
}

/// Sums of one task.
#[expect(clippy::large_enum_variant, reason = "all panes of a model hold the same variant")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Performance {
    /// Of numbers.
    Regression(Regression),
    /// Of yes and no.
    Binary(Binary),
    /// Of classes.
    Multiclass(Multiclass),
}

/// What adds up over pairs and can be taken back.
trait Additive: Default {
    /// Adds (`sign` 1) or takes out (-1) what another holds.
    fn combine(&mut self, other: &Self, sign: i64);
}

impl Additive for ExactSum {
    fn combine(&mut self, other: &ExactSum, sign: i64) {
        if sign > 0 {
            self.merge(other);
        } else {
            self.subtract(other);
        }
    }
}

/// Sums that only one side keeps count from then on; what they cover is for their reader to check.
fn combine_extra<T: Additive>(into: &mut Option<T>, other: Option<&T>, sign: i64) {
    if let Some(other) = other {
        into.get_or_insert_default().combine(other, sign);
    }
}

impl Performance {
    /// No pair yet; with these sums beyond the ordinary ones.
    #[must_use]
    pub fn empty(task: Task, extras: &[Extra]) -> Performance {
        match task {
            Task::Regression => Performance::Regression(Regression::empty(extras)),
            Task::Binary => Performance::Binary(Binary::empty(extras)),
            Task::Multiclass => Performance::Multiclass(Multiclass::empty(extras)),
        }
    }

    /// Adds a pair (`sign` 1) or takes it back (-1). A pair of another task is ignored.
    pub fn observe(&mut self, pair: &Observation<'_>, sign: i64) {
        match (self, pair) {
            (Performance::Regression(sums), Observation::Regression { prediction, outcome }) => {
                sums.observe(*prediction, *outcome, sign);
            }
            (
                Performance::Binary(sums),
                Observation::Binary { predicted, probability, outcome },
            ) => sums.observe(*predicted, *probability, *outcome, sign),
            (
                Performance::Multiclass(sums),
                Observation::Multiclass { predicted, classes, probabilities, outcome },
            ) => sums.observe(*predicted, classes, probabilities, outcome, sign),
            _ => {}
        }
    }

    /// Adds other sums of the same task.
    pub fn merge(&mut self, other: &Performance) {
        self.combine(other, 1);
    }

    /// Takes other sums of the same task out again.
    pub fn subtract(&mut self, other: &Performance) {
        self.combine(other, -1);
    }

    fn combine(&mut self, other: &Performance, sign: i64) {
        match (self, other) {
            (Performance::Regression(a), Performance::Regression(b)) => a.combine(b, sign),
            (Performance::Binary(a), Performance::Binary(b)) => a.combine(b, sign),
            (Performance::Multiclass(a), Performance::Multiclass(b)) => a.combine(b, sign),
            _ => {}
        }
    }

    /// Pairs counted.
    #[must_use]
    pub fn n(&self) -> i64 {
        match self {
            Performance::Regression(r) => r.n,
            Performance::Binary(b) => b.n().max(b.losses.n),
            Performance::Multiclass(m) => m.n().max(m.losses.n),
        }
    }

    /// Errors by sign and size, of a regression where they were asked for.
    #[must_use]
    pub fn errors(&self) -> Option<&LogHistogram> {
        match self {
            Performance::Regression(sums) => {
                sums.errors.as_ref().filter(|errors| errors.n() == sums.n)
            }
            _ => None,
        }
    }

    /// The sums by name, as state lines show them.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Performance::Regression(r) => json!({
                "n": r.n,
                "sum_error": r.sum_error.value(),
                "sum_abs": r.sum_abs.value(),
                "sum_sq": r.sum_sq.value(),
                "sum_share": r.sum_share.value(),
                "zero_outcomes": r.zero_outcomes,
                "not_finite": r.not_finite,
            }),
            Performance::Binary(b) => json!({
                "n": self.n(),
                "tp": b.true_positive,
                "fp": b.false_positive,
                "tn": b.true_negative,
                "fn": b.false_negative,
                "probabilities": b.losses.n,
                "sum_log_loss": b.losses.sum_log.value(),
                "sum_brier": b.losses.sum_brier.value(),
            }),
            Performance::Multiclass(m) => json!({
                "n": self.n(),
                "confusion": m.confusion,
                "probabilities": m.losses.n,
                "sum_log_loss": m.losses.sum_log.value(),
                "sum_brier": m.losses.sum_brier.value(),
            }),
        }
    }
}
