//! Jensen-Shannon distance.

use std::f64::consts::LN_2;

use super::binned::{self, Formula, Tables};
use super::chance::Part;
use crate::stats::noise::Noise;
use crate::stats::{Basis, Direction, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "jensen_shannon",
    summary: "square root of the Jensen-Shannon divergence, base 2, over the bins of psi; 0 to 1, greater is worse",
    definition: "sqrt((KL(p || a) + KL(q || a)) / 2) with a = (p + q) / 2, logarithms base 2, shares as they are",
    sees: "any change of shares between its bins, of each by no more than its own rows; not what moves within a bin, nor how far values go. Being a root it is well above 0 by chance alone: read it beside its noise floor",
    range: "0 to 1",
    source: "Lin, IEEE Transactions on Information Theory 37, 1991; that the root is a metric: Endres & Schindelin 2003",
    basis: Basis::Distribution,
    tasks: &[],
    extras: &[],
    direction: Direction::Up,
    best: Some(0.0),
    mean_of: None,
    floor: true,
    options: binned::OPTIONS,
    build: |params| binned::build(JensenShannon, params),
};

#[derive(Debug)]
struct JensenShannon;

impl Formula for JensenShannon {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn value(&self, tables: &Tables) -> f64 {
        let divergence: f64 = tables.shares().map(|(p, q)| term(p, q)).sum();
        // Rounding may leave a divergence of equal shares a hair below zero.
        divergence.clamp(0.0, 1.0).sqrt()
    }

    /// Under no drift 8 ln 2 / (1/m + 1/n) times the divergence is nearly chi-square.
    fn floor(&self, tables: &Tables) -> Option<f64> {
        let (m, n) = (tables.m, tables.n);
        let part = Part::Square(tables.spread() / (8.0 * LN_2));
        Some(tables.sum_99(part, |r, c| term(r / m, c / n))?.clamp(0.0, 1.0).sqrt())
    }

    fn noise(&self, tables: &Tables) -> Noise {
        tables.root_of_squares(tables.spread() / (8.0 * LN_2))
    }
}

fn term(p: f64, q: f64) -> f64 {
    let a = (p + q) / 2.0;
    let part = |x: f64| if x > 0.0 { x * (x / a).log2() } else { 0.0 };
    (part(p) + part(q)) / 2.0
}
