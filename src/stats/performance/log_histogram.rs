//! Counts of numbers on a logarithmic grid.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Additive;

/// Cells per factor two: a number is known to 1 / 128 of itself.
const PER_OCTAVE_BITS: u32 = 7;
/// Bits of a float below the cell's.
const SHIFT: u32 = f64::MANTISSA_DIGITS - 1 - PER_OCTAVE_BITS;
/// The sign of a cell.
const SIGN: u32 = 1 << (u64::BITS - 1 - SHIFT);

/// Counts of numbers by sign and size; only cells that hold any are kept. Signed: what arrives in one
/// hop may take back what came in an earlier one.
///
/// A *place* numbers cells in the order of their values: 0 holds 0 alone (and what lies nearer to
/// it than 1e-310), 1 the smallest numbers above it, -1 those below.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHistogram {
    /// By the leading bits of the number.
    cells: BTreeMap<u32, i64>,
}

impl LogHistogram {
    pub(super) fn observe(&mut self, number: f64, sign: i64) {
        let cell = (number.to_bits() >> SHIFT) as u32;
        self.bump(if cell == SIGN { 0 } else { cell }, sign);
    }

    /// Counts by place, in any order; a place that no float lies at is left out.
    #[must_use]
    pub fn of_places(counts: impl IntoIterator<Item = (i64, i64)>) -> LogHistogram {
        let mut made = LogHistogram::default();
        for (place, n) in counts {
            let size = u32::try_from(place.unsigned_abs()).ok();
            let size = size.filter(|size| *size < SIGN && edge(*size).is_finite());
            if let Some(size) = size {
                made.bump(if place < 0 { size | SIGN } else { size }, n);
            }
        }
        made
    }

    /// Counts by place.
    #[must_use]
    pub fn places(&self) -> BTreeMap<i64, i64> {
        let place = |cell: u32| match cell & SIGN {
            0 => i64::from(cell),
            _ => -i64::from(cell & !SIGN),
        };
        self.cells.iter().map(|(&cell, &n)| (place(cell), n)).collect()
    }

    /// Bounds of the numbers at a place.
    #[must_use]
    pub fn bounds(place: i64) -> (f64, f64) {
        // Places come from cells, which have 19 bits.
        let size = place.unsigned_abs() as u32;
        match place {
            0 => (0.0, 0.0),
            1.. => (edge(size), edge(size + 1)),
            _ => (-edge(size + 1), -edge(size)),
        }
    }

    /// How many numbers were counted.
    #[must_use]
    pub fn n(&self) -> i64 {
        self.cells.values().sum()
    }

    /// Bounds of the cell of the size with this rank, from 1, whatever its sign; `None` where there
    /// is none.
    #[must_use]
    pub fn size_at_rank(&self, rank: i64) -> Option<(f64, f64)> {
        let mut sizes: BTreeMap<i64, i64> = BTreeMap::new();
        for (&cell, n) in &self.cells {
            *sizes.entry(i64::from(cell & !SIGN)).or_default() += n;
        }
        let mut below = 0;
        let reached = sizes.into_iter().find(|(_, n)| {
            below += n;
            below >= rank
        });
        reached.map(|(size, _)| LogHistogram::bounds(size))
    }

    fn bump(&mut self, cell: u32, by: i64) {
        let n = self.cells.entry(cell).or_default();
        *n += by;
        if *n == 0 {
            self.cells.remove(&cell);
        }
    }
}

/// The least size of a cell.
fn edge(size: u32) -> f64 {
    f64::from_bits(u64::from(size) << SHIFT)
}

impl Additive for LogHistogram {
    fn combine(&mut self, other: &LogHistogram, sign: i64) {
        for (&cell, &n) in &other.cells {
            self.bump(cell, sign * n);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_the_order_of_numbers_and_hold_them() {
        let numbers =
            [-1e308, -3.5, -1.0, -1e-300, -0.0, 0.0, 1e-320, 2e-300, 1.0, 1.004, 7.7, 1e308];
        let mut last = i64::MIN;
        let mut all = LogHistogram::default();
        for number in numbers {
            let mut one = LogHistogram::default();
            one.observe(number, 1);
            all.observe(number, 1);
            let (&place, &n) = one.places().iter().next().unwrap();
            let (low, high) = LogHistogram::bounds(place);
            assert!(place >= last && n == 1, "{number}");
            assert!(low <= number && number <= high.max(1e-310), "{number} {low} {high}");
            assert!(high - low <= low.abs().max(high.abs()) / 128.0, "{number}");
            last = place;
        }
        assert_eq!(LogHistogram::of_places(all.places()), all);
        assert_eq!(LogHistogram::of_places([(1 << 18, 1), (i64::MIN, 1)]), LogHistogram::default());
    }

    #[test]
    fn sizes_have_no_sign() {
        let mut sums = LogHistogram::default();
        [-4.0, 1.0, 2.0, 0.0].into_iter().for_each(|x| sums.observe(x, 1));
        let at = |rank| sums.size_at_rank(rank).map(|(low, _)| low);
        assert_eq!([1, 2, 3, 4].map(at), [0.0, 1.0, 2.0, 4.0].map(Some));
        assert_eq!(at(5), None);
    }
}
