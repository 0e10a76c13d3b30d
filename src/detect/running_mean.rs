//! The running mean of the River detectors, in River's order of operations.

use serde::{Deserialize, Serialize};

/// Mean of the values so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct RunningMean {
    /// Values so far; a float, as River counts.
    pub n: f64,
    /// Their mean; 0 before the first.
    pub mean: f64,
}

impl RunningMean {
    pub(super) fn update(&mut self, x: f64) {
        self.n += 1.0;
        self.mean += (1.0 / self.n) * (x - self.mean);
    }
}
