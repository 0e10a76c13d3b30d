//! How long outcomes take: a small fixed grid.

use serde::{Deserialize, Serialize};

use super::rank::rank;

/// Grid points per factor of two: a quantile is known to 9 %.
const PER_OCTAVE: f64 = 8.0;
/// 2^23 s are 97 days.
const OCTAVES: usize = 23;
const CELLS: usize = OCTAVES * PER_OCTAVE as usize + 1;

/// Counts of delays on a geometric grid from 1 s to 97 days; what lies outside is counted at the
/// ends. Counts are signed: a later arrival may take an earlier one back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Delays {
    /// `(cell, count)` with count != 0, ascending.
    cells: std::collections::BTreeMap<u16, i64>,
}

impl Delays {
    /// Counts (`sign` 1) or takes back (-1) one delay in seconds.
    pub fn observe(&mut self, seconds: f64, sign: i64) {
        self.bump(cell(seconds), sign);
    }

    /// Adds other counts.
    pub fn merge(&mut self, other: &Delays) {
        for (&cell, &n) in &other.cells {
            self.bump(cell, n);
        }
    }

    /// How many delays were counted.
    #[must_use]
    pub fn n(&self) -> i64 {
        self.cells.values().sum()
    }

    /// The smallest delay that a share `q` of the outcomes does not exceed, with the bounds of its
    /// cell; `None` without outcomes.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<(f64, f64, f64)> {
        let n = self.n();
        if n <= 0 {
            return None;
        }
        let rank = rank(q * n as f64, n);
        let mut below = 0;
        for (&cell, &count) in &self.cells {
            below += count;
            if below >= rank {
                let (low, high) = bounds(cell);
                return Some(((low * high).sqrt().max(low), low, high));
            }
        }
        None
    }

    fn bump(&mut self, cell: u16, by: i64) {
        let count = self.cells.entry(cell).or_default();
        *count += by;
        if *count == 0 {
            self.cells.remove(&cell);
        }
    }
}

fn cell(seconds: f64) -> u16 {
    let place = (seconds.max(1.0).log2() * PER_OCTAVE).floor();
    (place as usize).min(CELLS - 1) as u16
}

fn bounds(cell: u16) -> (f64, f64) {
    let edge = |c: f64| (c / PER_OCTAVE).exp2();
    let low = if cell == 0 { 0.0 } else { edge(f64::from(cell)) };
    (low, edge(f64::from(cell) + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_lies_within_nine_percent() {
        let mut delays = Delays::default();
        for i in 1..=1000 {
            delays.observe(f64::from(i) * 10.0, 1);
        }
        for (q, truth) in [(0.5, 5000.0), (0.95, 9500.0)] {
            let (value, low, high) = delays.quantile(q).unwrap();
            assert!(low <= truth && truth < high, "{truth} in {low}..{high}");
            assert!((value / truth - 1.0).abs() < 0.09, "{value}");
        }
    }

    #[test]
    fn taking_back_is_exact_and_empty_has_no_quantile() {
        let mut delays = Delays::default();
        delays.observe(0.0, 1);
        delays.observe(1e12, 1);
        delays.observe(0.0, -1);
        delays.observe(1e12, -1);
        assert_eq!(delays, Delays::default());
        assert!(delays.quantile(0.5).is_none());
    }
}
