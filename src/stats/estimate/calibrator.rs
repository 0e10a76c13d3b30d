//! What a probability was worth on the reference, frozen as a table over the codes of its grid.

use super::isotonic::{Isotonic, Level};
use crate::stats::NumericProfile;

/// Splits into rows to fit on and rows to test with.
const SPLITS: u64 = 10;
/// One row in so many is tested with.
const TESTED: u64 = 10;
/// Bins of the calibration error, of equal numbers of rows.
const BINS: u64 = 10;

/// The share of positives that a code of the probability stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibrator {
    /// Content hash.
    pub id: String,
    /// Id of the probability's profile, whose codes it knows.
    pub grid: String,
    /// Rows of the reference with a probability and an outcome, by code.
    pub rows: Vec<u64>,
    /// Whether probabilities are corrected by isotonic regression; else they are taken as they are.
    pub isotonic: bool,
    /// Share of positives by code, 0 to 1, never falling.
    pub table: Vec<f64>,
}

impl Calibrator {
    /// The calibrator of pairs of probability and outcome, in any order; `None` without any.
    ///
    /// Isotonic regression corrects the probabilities where that lowers the expected calibration
    /// error of ten stratified splits, each tested on a tenth of the rows. A code between two grid
    /// points stands for the mean over the reference's rows there.
    #[must_use]
    pub fn fit(profile: &NumericProfile, mut pairs: Vec<(f64, bool)>) -> Option<Calibrator> {
        pairs.retain(|(probability, _)| probability.is_finite());
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let levels: Vec<Level> = pairs
            .chunk_by(|a, b| a.0 == b.0)
            .map(|run| Level {
                at: run[0].0,
                rows: run.len() as u64,
                positives: run.iter().filter(|(_, positive)| *positive).count() as u64,
            })
            .collect();
        let fitted = Isotonic::fit(levels.iter().copied())?;
        let isotonic = corrects(&levels);
        let share = |x: f64| if isotonic { fitted.at(x) } else { x.clamp(0.0, 1.0) };
        let mut table = vec![(0u64, 0.0); 2 * profile.grid.len() + 1];
        for level in &levels {
            if let Some((rows, sum)) = table.get_mut(profile.code(level.at) as usize) {
                *rows += level.rows;
                *sum += level.rows as f64 * share(level.at);
            }
        }
        let points: Vec<f64> = profile.grid.iter().map(|point| share(*point)).collect();
        let of_code = |(code, (rows, sum)): (usize, (u64, f64))| match code % 2 {
            1 => points[code / 2],
            _ if rows > 0 => sum / rows as f64,
            _ => {
                let sides = [(code / 2).checked_sub(1), Some(code / 2)];
                let sides = sides.into_iter().flatten().filter_map(|side| points.get(side));
                let (n, sum) = sides.fold((0.0, 0.0), |(n, sum), side| (n + 1.0, sum + side));
                if n > 0.0 { sum / n } else { 0.0 }
            }
        };
        let rows = table.iter().map(|(rows, _)| *rows).collect();
        let mut table: Vec<f64> = table.into_iter().enumerate().map(of_code).collect();
        // A mean of equal shares may be rounded to either side of them.
        for code in (0..table.len()).step_by(2) {
            let low = code.checked_sub(1).map_or(0.0, |point| table[point]);
            let high = table.get(code + 1).copied().unwrap_or(1.0);
            table[code] = table[code].clamp(low, high);
        }
        Some(Calibrator { id: String::new(), grid: profile.id.clone(), rows, isotonic, table })
    }

    /// Variance of the positives among so many rows of a code, whose outcomes are independent, around
    /// what the reference's own rows of that code promise.
    pub(super) fn variance(&self, code: usize, rows: f64) -> f64 {
        let (share, known) = (self.table[code], self.rows[code].max(1) as f64);
        rows * share * (1.0 - share) * (1.0 + rows / known)
    }

    /// How far the share of positives of one event may lie from what its code stands for: nothing
    /// on a grid point, up to the neighbouring points between them.
    pub(super) fn doubt(&self, code: usize) -> f64 {
        if code % 2 == 1 {
            return 0.0;
        }
        let here = self.table[code];
        let side = |code: Option<usize>| code.and_then(|code| self.table.get(code));
        let sides = [side(code.checked_sub(1)), side(code.checked_add(1))];
        sides.into_iter().flatten().map(|side| (side - here).abs()).fold(0.0, f64::max)
    }
}

/// Whether isotonic regression lowers the expected calibration error of rows that it was not fitted
/// on. The rule is NannyML's (`needs_calibration`), the draws are our own.
fn corrects(levels: &[Level]) -> bool {
    let rows: u64 = levels.iter().map(|level| level.rows).sum();
    let positives: u64 = levels.iter().map(|level| level.positives).sum();
    if positives == 0 || positives == rows {
        return false;
    }
    let (mut as_is, mut corrected) = (Vec::new(), Vec::new());
    for split in 0..SPLITS {
        let tested = draw(levels, split);
        let rest = levels.iter().zip(&tested).map(|(level, tested)| Level {
            at: level.at,
            rows: level.rows - tested.rows,
            positives: level.positives - tested.positives,
        });
        let Some(fitted) = Isotonic::fit(rest) else { return false };
        for level in tested.into_iter().filter(|level| level.rows > 0) {
            as_is.push(Level { at: level.at.clamp(0.0, 1.0), ..level });
            corrected.push(Level { at: fitted.at(level.at), ..level });
        }
    }
    calibration_error(as_is) > calibration_error(corrected)
}

/// Draws a tenth of the positives and a tenth of the others (Knuth, The Art of Computer Programming
/// 2, 3.4.2, algorithm S), the same in every run; rows of one probability are all alike.
fn draw(levels: &[Level], split: u64) -> Vec<Level> {
    let mut drawn: Vec<Level> =
        levels.iter().map(|l| Level { rows: 0, positives: 0, ..*l }).collect();
    for positive in [false, true] {
        let of = |l: &Level| if positive { l.positives } else { l.rows - l.positives };
        let mut left: u64 = levels.iter().map(of).sum();
        let mut wanted = left.div_ceil(TESTED);
        let mut seed = 2 * split + u64::from(positive);
        for (level, drawn) in levels.iter().zip(&mut drawn) {
            let mut taken = 0;
            for _ in 0..of(level) {
                let place = (u128::from(random(&mut seed)) * u128::from(left)) >> 64;
                if place < u128::from(wanted) {
                    (wanted, taken) = (wanted - 1, taken + 1);
                }
                left -= 1;
            }
            drawn.rows += taken;
            drawn.positives += if positive { taken } else { 0 };
        }
    }
    drawn
}

/// Splitmix64: Steele, Lea & Flood, OOPSLA 2014.
fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut x = *seed;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Expected calibration error over bins of equal numbers of rows; rows of one probability are
/// divided among bins in equal shares, so that their order is of no account.
fn calibration_error(mut cells: Vec<Level>) -> f64 {
    cells.sort_by(|a, b| a.at.total_cmp(&b.at));
    let all: u64 = cells.iter().map(|cell| cell.rows).sum();
    let (mut error, mut before, mut gap) = (0.0, 0u64, 0.0);
    for run in cells.chunk_by(|a, b| a.at == b.at) {
        let rows: u64 = run.iter().map(|cell| cell.rows).sum();
        let positives: u64 = run.iter().map(|cell| cell.positives).sum();
        let each = positives as f64 / rows as f64 - run[0].at;
        // In tenths of a row, so that the edges of the bins are whole numbers.
        let mut left = rows * BINS;
        while left > 0 {
            let room = all - before % all;
            let part = left.min(room);
            gap += part as f64 * each;
            (before, left) = (before + part, left - part);
            if before % all == 0 {
                error += f64::abs(std::mem::take(&mut gap));
            }
        }
    }
    error / (all * BINS) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(cells: &[(f64, u64, u64)]) -> Vec<Level> {
        cells.iter().map(|&(at, rows, positives)| Level { at, rows, positives }).collect()
    }

    #[test]
    fn bins_of_the_calibration_error_hold_equal_numbers() {
        // By hand: ten bins of one row each; the two alike are half positive.
        let cells = [(0.0, 4, 0), (0.5, 2, 1), (1.0, 4, 2)];
        assert!((calibration_error(levels(&cells)) - 0.2).abs() < 1e-12);
        // Two rows, ten bins of a fifth of a row.
        assert!((calibration_error(levels(&[(0.25, 1, 0), (0.75, 1, 1)])) - 0.25).abs() < 1e-12);
    }

    #[test]
    fn every_split_tests_a_tenth_of_either_class() {
        let all = levels(&[(0.1, 700, 30), (0.2, 100, 50), (0.9, 200, 170)]);
        let draws: Vec<Vec<Level>> = (0..SPLITS).map(|split| draw(&all, split)).collect();
        for drawn in &draws {
            let sum = |of: fn(&Level) -> u64| drawn.iter().map(of).sum::<u64>();
            assert_eq!((sum(|l| l.rows), sum(|l| l.positives)), (100, 25));
            assert!(drawn.iter().zip(&all).all(|(d, a)| d.positives <= a.positives));
        }
        assert!(draws.windows(2).any(|two| two[0] != two[1]));
    }
}
