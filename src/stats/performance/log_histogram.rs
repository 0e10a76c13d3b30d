//! Counts of sizes on a logarithmic grid.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Additive;

/// Cells per factor two: a quantile is known to 1 / 128 of itself.
const PER_OCTAVE_BITS: u32 = 7;
/// Bits of a float below the cell's.
const SHIFT: u32 = f64::MANTISSA_DIGITS - 1 - PER_OCTAVE_BITS;

/// Counts of numbers from 0 by their size; only cells that hold any are kept. Signed: what arrives
/// in one hop may take back what came in an earlier one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHistogram {
    /// By the leading bits of the number.
    cells: BTreeMap<u32, i64>,
}

impl LogHistogram {
    pub(super) fn observe(&mut self, size: f64, sign: i64) {
        self.bump((size.to_bits() >> SHIFT) as u32, sign);
    }

    /// How many numbers were counted.
    #[must_use]
    pub fn n(&self) -> i64 {
        self.cells.values().sum()
    }

    /// Bounds of the cell of the number with this rank, from 1; `None` where there is none.
    #[must_use]
    pub fn at_rank(&self, rank: i64) -> Option<(f64, f64)> {
        let mut below = 0;
        for (&cell, &n) in &self.cells {
            below += n;
            if below >= rank {
                let edge = |cell: u32| f64::from_bits(u64::from(cell) << SHIFT);
                // The first cell ends at 1e-310: that is 0.
                return Some(if cell == 0 { (0.0, 0.0) } else { (edge(cell), edge(cell + 1)) });
            }
        }
        None
    }

    fn bump(&mut self, cell: u32, by: i64) {
        let n = self.cells.entry(cell).or_default();
        *n += by;
        if *n == 0 {
            self.cells.remove(&cell);
        }
    }
}

impl Additive for LogHistogram {
    fn combine(&mut self, other: &LogHistogram, sign: i64) {
        for (&cell, &n) in &other.cells {
            self.bump(cell, sign * n);
        }
    }
}
