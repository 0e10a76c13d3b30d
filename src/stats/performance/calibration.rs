//! What probabilities promised and what came true, in ten bins.

use serde::{Deserialize, Serialize};

use super::Additive;
use crate::stats::ExactSum;

/// Equal bins of the probability.
const BINS: usize = 10;

/// Ten bins (0, 0.1], (0.1, 0.2] ... of the probability; 0 lies in the first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The bins, ascending.
    pub bins: [CalibrationBin; BINS],
}

/// One bin.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Pairs.
    pub n: i64,
    /// Those of the positive class.
    pub positives: i64,
    /// Sum of the probabilities.
    pub sum: ExactSum,
}

impl Calibration {
    pub(super) fn observe(&mut self, probability: f64, positive: bool, sign: i64) {
        let above = (1..BINS).filter(|i| (*i as f64) < probability * BINS as f64).count();
        let bin = &mut self.bins[above];
        bin.n += sign;
        bin.positives += if positive { sign } else { 0 };
        bin.sum.add(sign as f64 * probability);
    }

    /// Pairs in all bins.
    #[must_use]
    pub fn n(&self) -> i64 {
        self.bins.iter().map(|bin| bin.n).sum()
    }
}

impl Additive for Calibration {
    fn combine(&mut self, other: &Calibration, sign: i64) {
        for (bin, more) in self.bins.iter_mut().zip(&other.bins) {
            bin.n += sign * more.n;
            bin.positives += sign * more.positives;
            bin.sum.combine(&more.sum, sign);
        }
    }
}
