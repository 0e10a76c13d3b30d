//! Total variation distance.

use super::binned::{self, Formula, Tables};
use super::chance::Part;
use crate::stats::noise::{Change, Noise};
use crate::stats::{Basis, Direction, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "total_variation",
    summary: "total variation distance over the bins of psi; 0 to 1, greater is worse",
    definition: "half the sum over bins of |p - q|: the share of rows that would have to change bins, shares as they are",
    sees: "how many rows changed bins; not how far they went, nor what moves within a bin, and little of rare bins: one that grows from 0.1 % to 1 % adds 0.009",
    range: "0 to 1",
    source: "Levin & Peres, Markov Chains and Mixing Times, chapter 4",
    basis: Basis::Distribution,
    tasks: &[],
    extras: &[],
    direction: Direction::Up,
    best: Some(0.0),
    mean_of: None,
    floor: true,
    options: binned::OPTIONS,
    build: |params| binned::build(TotalVariation, params),
};

#[derive(Debug)]
struct TotalVariation;

impl Formula for TotalVariation {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn value(&self, tables: &Tables) -> f64 {
        (tables.shares().map(|(p, q)| (p - q).abs()).sum::<f64>() / 2.0).min(1.0)
    }

    fn floor(&self, tables: &Tables) -> Option<f64> {
        let (m, n) = (tables.m, tables.n);
        let sum = tables.sum_99(Part::Absolute, |r, c| (r / m - c / n).abs())?;
        Some((sum / 2.0).min(1.0))
    }

    fn noise(&self, tables: &Tables) -> Noise {
        // It is the largest difference of shares of any set of bins.
        let unit = 0.5 * tables.spread().sqrt();
        Noise { origin: 0.0, unit, squared: false, change: Change::Line, most: 1.0 }
    }
}
