//! Counts of both classes by probability, on a fixed grid.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Additive;

/// Cells per factor two of the distance to the nearer of 0 and 1: neighbours differ by at most 0.8 %
/// of it, so that the scores of rare classes are told apart as well as common ones.
const PER_OCTAVE_BITS: u32 = 7;
/// Distances below 2^-21 share the outermost cells.
const OCTAVES: u64 = 20;
/// Bits of a float below the cell's.
const SHIFT: u32 = f64::MANTISSA_DIGITS - 1 - PER_OCTAVE_BITS;
/// The cell of 0.5, the distance's greatest.
const HALF: u64 = 0.5f64.to_bits() >> SHIFT;
/// Cells on either side of 0.5.
const SIDE: u64 = OCTAVES << PER_OCTAVE_BITS;

/// Counts of both classes by probability. Signed: what arrives in one hop may take back what came
/// in an earlier one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ScoreGrid {
    /// By place on the grid, ascending with the probability; none of them is empty.
    cells: BTreeMap<u16, (i64, i64)>,
}

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreCell {
    /// A probability in its middle.
    pub probability: f64,
    /// Pairs of the negative class.
    pub negatives: f64,
    /// Pairs of the positive class.
    pub positives: f64,
}

impl ScoreGrid {
    pub(super) fn observe(&mut self, probability: f64, positive: bool, sign: i64) {
        let by = if positive { (0, sign) } else { (sign, 0) };
        self.bump(place(probability), by);
    }

    /// Cells that hold pairs, ascending with the probability.
    pub fn cells(&self) -> impl DoubleEndedIterator<Item = ScoreCell> + '_ {
        self.cells.iter().map(|(&place, &(negatives, positives))| ScoreCell {
            probability: middle(place),
            negatives: negatives.max(0) as f64,
            positives: positives.max(0) as f64,
        })
    }

    /// Pairs of the negative and of the positive class.
    #[must_use]
    pub fn totals(&self) -> (i64, i64) {
        self.cells
            .values()
            .fold((0, 0), |(n, p), (negatives, positives)| (n + negatives, p + positives))
    }

    fn bump(&mut self, place: u16, by: (i64, i64)) {
        let cell = self.cells.entry(place).or_default();
        cell.0 += by.0;
        cell.1 += by.1;
        if *cell == (0, 0) {
            self.cells.remove(&place);
        }
    }
}

impl Additive for ScoreGrid {
    fn combine(&mut self, other: &ScoreGrid, sign: i64) {
        for (&place, &(negatives, positives)) in &other.cells {
            self.bump(place, (sign * negatives, sign * positives));
        }
    }
}

/// Cells of [0, 0.5) come first, in the order of their distance to 0; those of [0.5, 1] follow.
fn place(probability: f64) -> u16 {
    let p = probability.clamp(0.0, 1.0);
    let steps = |distance: f64| (HALF - (distance.to_bits() >> SHIFT)).min(SIDE);
    let place = if p < 0.5 { SIDE - steps(p) } else { SIDE + 1 + steps(1.0 - p) };
    place as u16
}

fn middle(place: u16) -> f64 {
    let place = u64::from(place);
    let distance = |steps: u64| {
        let edge = |cell: u64| f64::from_bits(cell << SHIFT);
        match steps {
            0 => 0.5,
            steps => (edge(HALF - steps) + edge(HALF - steps + 1)) / 2.0,
        }
    };
    if place <= SIDE { distance(SIDE - place) } else { 1.0 - distance(place - SIDE - 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_ascend_and_middles_lie_nearby() {
        let mut before = 0;
        for i in 0..=10_000 {
            let p = f64::from(i) / 10_000.0;
            let place = place(p);
            assert!(place >= before, "{p}");
            before = place;
            let distance = p.min(1.0 - p);
            assert!((middle(place) - p).abs() <= distance * 0.008 + 1e-6, "{p} {}", middle(place));
        }
        // One percent apart in their distance to the nearer end.
        for (p, q) in [(1e-5, 1.01e-5), (0.123, 0.1243), (0.99, 0.9901), (0.9999, 0.999_901)] {
            assert_ne!(place(p), place(q), "{p}");
        }
        assert_eq!((place(-1.0), place(2.0)), (place(0.0), place(1.0)));
    }
}
