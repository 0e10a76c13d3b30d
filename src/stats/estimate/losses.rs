//! Losses that events expect of their own predictions.

use serde::{Deserialize, Serialize};

use crate::stats::ExactSum;

/// What an expected loss is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Loss {
    /// The absolute error.
    Absolute,
    /// The squared error.
    Squared,
}

/// Sums of expected losses: exact, so that panes add up in any order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ExpectedLosses {
    /// Losses in the sums.
    pub n: u64,
    /// Sum.
    pub sum: ExactSum,
    /// Sum of squares.
    pub squares: ExactSum,
}

impl ExpectedLosses {
    /// Adds a loss; one whose square is no finite number is left out.
    pub fn observe(&mut self, loss: f64) {
        let square = loss * loss;
        if square.is_finite() {
            self.n += 1;
            self.sum.add(loss);
            self.squares.add(square);
        }
    }

    /// Adds other sums.
    pub fn merge(&mut self, other: &ExpectedLosses) {
        self.n += other.n;
        self.sum.merge(&other.sum);
        self.squares.merge(&other.squares);
    }
}
