//! Sums of yes and no.

use serde::{Deserialize, Serialize};

use super::losses::clipped;
use super::{Additive, Calibration, Extra, Losses, ScoreGrid, combine_extra};

/// Confusion of the positive class, and losses of its probability.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Binary {
    /// Predicted and true.
    pub true_positive: i64,
    /// Predicted but not true.
    pub false_positive: i64,
    /// Neither.
    pub true_negative: i64,
    /// True but not predicted.
    pub false_negative: i64,
    /// Losses.
    pub losses: Losses,
    /// Counts per class by probability, where asked for.
    pub scores: Option<ScoreGrid>,
    /// Counts and sums in bins of the probability, where asked for.
    pub calibration: Option<Calibration>,
}

impl Binary {
    pub(super) fn empty(extras: &[Extra]) -> Binary {
        Binary {
            losses: Losses::empty(extras),
            scores: extras.contains(&Extra::Scores).then(ScoreGrid::default),
            calibration: extras.contains(&Extra::Calibration).then(Calibration::default),
            ..Binary::default()
        }
    }

    /// Pairs with a predicted class.
    #[must_use]
    pub fn n(&self) -> i64 {
        self.true_positive + self.false_positive + self.true_negative + self.false_negative
    }

    pub(super) fn observe(
        &mut self,
        predicted: Option<bool>,
        probability: Option<f64>,
        outcome: bool,
        sign: i64,
    ) {
        let cell = match (predicted, outcome) {
            (Some(true), true) => Some(&mut self.true_positive),
            (Some(true), false) => Some(&mut self.false_positive),
            (Some(false), false) => Some(&mut self.true_negative),
            (Some(false), true) => Some(&mut self.false_negative),
            (None, _) => None,
        };
        if let Some(cell) = cell {
            *cell += sign;
        }
        let Some(p) = probability.filter(|p| (p * p).is_finite()) else { return };
        let clipped = clipped(p);
        let (given, truth) = if outcome { (clipped, 1.0) } else { (1.0 - clipped, 0.0) };
        self.losses.observe(given, (p - truth) * (p - truth), sign);
        if let Some(scores) = &mut self.scores {
            scores.observe(p, outcome, sign);
        }
        if let Some(calibration) = &mut self.calibration {
            calibration.observe(p, outcome, sign);
        }
    }
}

impl Additive for Binary {
    fn combine(&mut self, other: &Binary, sign: i64) {
        self.true_positive += sign * other.true_positive;
        self.false_positive += sign * other.false_positive;
        self.true_negative += sign * other.true_negative;
        self.false_negative += sign * other.false_negative;
        self.losses.combine(&other.losses, sign);
        combine_extra(&mut self.scores, other.scores.as_ref(), sign);
        combine_extra(&mut self.calibration, other.calibration.as_ref(), sign);
    }
}
