//! Population stability index.

use super::binned::{self, Formula, Tables};
use super::chance::Part;
use crate::stats::noise::Noise;
use crate::stats::{Basis, Direction, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "psi",
    summary: "population stability index over bins of the reference; 0 for equal shares, greater is worse",
    definition: "sum over bins of (q - p) ln(q / p), with p = (r + s) / (m + s B) and q = (c + s) / (n + s B), s = `smoothing`",
    sees: "any change of shares between its bins, rows without a value among them, and most of all rows in bins that the reference hardly holds; not what moves within a bin, nor how far values go",
    range: "from 0",
    source: "Karakoulas 2004; its law without drift, (1/m + 1/n) chi-square with B - 1 degrees of freedom: Yurdakul & Naranjo, Journal of Risk Model Validation 2020",
    basis: Basis::Distribution,
    tasks: &[],
    extras: &[],
    direction: Direction::Up,
    best: Some(0.0),
    mean_of: None,
    floor: true,
    options: &[binned::BINS, binned::EDGES, binned::SMOOTHING],
    build: |params| binned::build(Psi { smoothing: binned::smoothing(params)? }, params),
};

#[derive(Debug)]
struct Psi {
    smoothing: f64,
}

impl Formula for Psi {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn smoothing(&self) -> f64 {
        self.smoothing
    }

    fn value(&self, tables: &Tables) -> f64 {
        tables.smoothed(self.smoothing).map(|(p, q)| (q - p) * (q / p).ln()).sum()
    }

    fn floor(&self, tables: &Tables) -> Option<f64> {
        let smoothed = tables.smoothing(self.smoothing);
        tables.sum_99(Part::Square(tables.spread()), |r, c| {
            let (p, q) = smoothed(r, c);
            (q - p) * (q / p).ln()
        })
    }

    fn noise(&self, tables: &Tables) -> Noise {
        tables.squares(tables.spread())
    }
}
