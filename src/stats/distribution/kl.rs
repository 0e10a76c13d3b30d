//! Kullback-Leibler divergence.

use super::binned::{self, Formula, Tables};
use super::chance::Part;
use crate::stats::noise::Noise;
use crate::stats::{Basis, Direction, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "kl",
    summary: "Kullback-Leibler divergence of the window from the reference over the bins of psi; from 0, greater is worse",
    definition: "sum over bins of q ln(q / p), with shares smoothed as in psi: what the window tells against the reference, in nats",
    sees: "what psi sees, above all rows in bins that the reference hardly holds; a bin that empties adds next to nothing and is seen by where its rows went",
    range: "from 0",
    source: "Kullback & Leibler, Annals of Mathematical Statistics 22, 1951; twice the divergence is nearly (1/m + 1/n) chi-square with B - 1 degrees of freedom (Wilks 1938)",
    basis: Basis::Distribution,
    tasks: &[],
    extras: &[],
    direction: Direction::Up,
    best: Some(0.0),
    mean_of: None,
    floor: true,
    options: &[binned::BINS, binned::EDGES, binned::SMOOTHING],
    build: |params| binned::build(Kl { smoothing: binned::smoothing(params)? }, params),
};

#[derive(Debug)]
struct Kl {
    smoothing: f64,
}

impl Formula for Kl {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn smoothing(&self) -> f64 {
        self.smoothing
    }

    fn value(&self, tables: &Tables) -> f64 {
        tables.smoothed(self.smoothing).map(|(p, q)| q * (q / p).ln()).sum()
    }

    fn floor(&self, tables: &Tables) -> Option<f64> {
        let smoothed = tables.smoothing(self.smoothing);
        tables.sum_99(Part::Square(tables.spread() / 2.0), |r, c| {
            let (p, q) = smoothed(r, c);
            // Shares sum to 1, so that q - p adds nothing over all bins.
            q * (q / p).ln() - (q - p)
        })
    }

    fn noise(&self, tables: &Tables) -> Noise {
        tables.squares(tables.spread() / 2.0)
    }
}
