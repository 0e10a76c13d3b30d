//! Losses of probabilities.

use serde::{Deserialize, Serialize};

use super::{Additive, Extra, combine_extra};
use crate::stats::ExactSum;

/// Probabilities are kept this far from 0 and 1 in the log loss.
const CLIP: f64 = 1e-15;

/// Losses of probabilities.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Losses {
    /// Pairs with a probability.
    pub n: i64,
    /// Sum of -ln(probability of what came true), clipped at 1e-15.
    pub sum_log: ExactSum,
    /// Sum of squared errors of the probabilities.
    pub sum_brier: ExactSum,
    /// Squares of both, where asked for.
    pub squares: Option<LossSquares>,
}

/// Squares of losses.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LossSquares {
    /// Pairs in the sums.
    pub n: i64,
    /// Of the log losses.
    pub log: ExactSum,
    /// Of the Brier losses.
    pub brier: ExactSum,
}

/// A probability as the log loss takes it.
pub(super) fn clipped(probability: f64) -> f64 {
    probability.clamp(CLIP, 1.0 - CLIP)
}

impl Losses {
    pub(super) fn empty(extras: &[Extra]) -> Losses {
        let squares = extras.contains(&Extra::Squares).then(LossSquares::default);
        Losses { squares, ..Losses::default() }
    }

    /// `given` is the clipped probability of what came true; both are finite.
    pub(super) fn observe(&mut self, given: f64, brier: f64, sign: i64) {
        let (log, signed) = (-given.ln(), sign as f64);
        self.n += sign;
        self.sum_log.add(signed * log);
        self.sum_brier.add(signed * brier);
        if let Some(squares) = &mut self.squares {
            squares.n += sign;
            squares.log.add(signed * log * log);
            squares.brier.add(signed * brier * brier);
        }
    }
}

impl Additive for Losses {
    fn combine(&mut self, other: &Losses, sign: i64) {
        self.n += sign * other.n;
        self.sum_log.combine(&other.sum_log, sign);
        self.sum_brier.combine(&other.sum_brier, sign);
        combine_extra(&mut self.squares, other.squares.as_ref(), sign);
    }
}

impl Additive for LossSquares {
    fn combine(&mut self, other: &LossSquares, sign: i64) {
        self.n += sign * other.n;
        self.log.combine(&other.log, sign);
        self.brier.combine(&other.brier, sign);
    }
}
