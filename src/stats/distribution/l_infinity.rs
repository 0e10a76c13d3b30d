//! Largest difference of shares.

use statrs::distribution::{ContinuousCDF, Normal};

use super::binned::{self, Formula, Tables};
use crate::stats::{Basis, Direction, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "l_infinity",
    summary: "largest difference of a bin's shares, over the bins of psi; 0 to 1, greater is worse",
    definition: "max over bins of |p - q|, shares as they are",
    range: "0 to 1",
    source: "as TensorFlow Data Validation's L-infinity distance of categories",
    basis: Basis::Distribution,
    tasks: &[],
    extras: &[],
    direction: Direction::Up,
    best: Some(0.0),
    mean_of: None,
    floor: true,
    options: binned::OPTIONS,
    build: |params| binned::build(LInfinity, params),
};

/// Halvings that pin the floor to a millionth of its value.
const HALVINGS: usize = 20;

#[derive(Debug)]
struct LInfinity;

impl Formula for LInfinity {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn value(&self, tables: &Tables) -> f64 {
        tables.shares().map(|(p, q)| (p - q).abs()).fold(0.0, f64::max)
    }

    /// Each difference is nearly normal: where the sum of their tails (Bonferroni) is 1 %.
    fn floor(&self, tables: &Tables) -> Option<f64> {
        let errors: Vec<f64> =
            tables.pooled().map(|p| (p * (1.0 - p) * tables.spread()).sqrt()).collect();
        let widest = errors.iter().copied().fold(0.0, f64::max);
        if widest == 0.0 {
            return None;
        }
        let normal = Normal::standard();
        let tail = |t: f64| {
            let tails = errors.iter().filter(|e| **e > 0.0).map(|e| 2.0 * normal.sf(t / e));
            tails.sum::<f64>()
        };
        // One bin alone would reach its own 1 % point, all alike the point of 1 % over all of them.
        let mut low = widest * normal.inverse_cdf(0.995);
        let mut high = widest * normal.inverse_cdf(1.0 - 0.005 / errors.len() as f64);
        for _ in 0..HALVINGS {
            let middle = (low + high) / 2.0;
            if tail(middle) > 0.01 {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(high.min(1.0))
    }
}
