//! Largest difference of shares.

use statrs::distribution::{ContinuousCDF, Normal};

use super::binned::{self, Formula, Tables};
use crate::stats::noise::{Change, Noise};
use crate::stats::{Basis, Direction, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "l_infinity",
    summary: "largest difference of a bin's shares, over the bins of psi; 0 to 1, greater is worse",
    definition: "max over bins of |p - q|, shares as they are",
    sees: "the one bin that changed most; not a change that is spread over many bins, each of them small, nor what moves within a bin",
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

/// Rows of the thinner side that a bin must expect before its far tail is normal.
const DENSE: f64 = 60.0;

#[derive(Debug)]
struct LInfinity;

impl Formula for LInfinity {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn value(&self, tables: &Tables) -> f64 {
        tables.shares().map(|(p, q)| (p - q).abs()).fold(0.0, f64::max)
    }

    /// Where the tails of all bins sum to 1 % (Bonferroni): normal for dense bins, counted for the
    /// others.
    fn floor(&self, tables: &Tables) -> Option<f64> {
        let (m, n) = (tables.m, tables.n);
        let normal = Normal::standard();
        let (mut dense, mut thin) = (Vec::new(), Vec::new());
        for fall in tables.falls() {
            if fall.expects(DENSE) {
                dense.push((fall.share * (1.0 - fall.share) * tables.spread()).sqrt());
            } else {
                let law = fall.law();
                thin.extend(
                    law.outcomes().map(|(c, p)| ((fall.reference(c) / m - c / n).abs(), p)),
                );
            }
        }
        let tail = |t: f64| {
            let normal: f64 = dense.iter().map(|e| 2.0 * normal.sf(t / e)).sum();
            // Equal differences may differ in their last digit.
            let counted = thin.iter().filter(|(d, _)| *d > t + 1e-12).map(|(_, p)| p);
            normal + counted.sum::<f64>()
        };
        if tail(0.0) <= 0.01 {
            return None;
        }
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..HALVINGS {
            let middle = (low + high) / 2.0;
            if tail(middle) > 0.01 {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(high)
    }

    fn noise(&self, tables: &Tables) -> Noise {
        let widest = tables.falls().map(|fall| fall.share * (1.0 - fall.share)).fold(0.0, f64::max);
        let unit = (widest * tables.spread()).sqrt();
        Noise { origin: 0.0, unit, squared: false, change: Change::Line, most: 1.0 }
    }
}
