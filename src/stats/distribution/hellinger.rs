//! Hellinger distance.

use super::binned::{self, Formula, Tables};
use super::chance::Part;
use crate::stats::noise::Noise;
use crate::stats::{Basis, Direction, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "hellinger",
    summary: "Hellinger distance over the bins of psi; 0 to 1, greater is worse",
    definition: "sqrt(sum over bins of (sqrt(p) - sqrt(q))^2 / 2), shares as they are",
    sees: "any change of shares between its bins, in rare ones more than total_variation does; not what moves within a bin, nor how far values go. Being a root it is well above 0 by chance alone: read it beside its noise floor",
    range: "0 to 1",
    source: "Hellinger, Journal fuer die reine und angewandte Mathematik 136, 1909",
    basis: Basis::Distribution,
    tasks: &[],
    extras: &[],
    direction: Direction::Up,
    best: Some(0.0),
    mean_of: None,
    floor: true,
    options: binned::OPTIONS,
    build: |params| binned::build(Hellinger, params),
};

#[derive(Debug)]
struct Hellinger;

impl Formula for Hellinger {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn value(&self, tables: &Tables) -> f64 {
        let squares: f64 = tables.shares().map(|(p, q)| term(p, q)).sum();
        (squares / 2.0).sqrt().min(1.0)
    }

    /// Under no drift 8 / (1/m + 1/n) times the square is nearly chi-square.
    fn floor(&self, tables: &Tables) -> Option<f64> {
        let (m, n) = (tables.m, tables.n);
        let part = Part::Square(tables.spread() / 4.0);
        let squares = tables.sum_99(part, |r, c| term(r / m, c / n))?;
        Some((squares / 2.0).clamp(0.0, 1.0).sqrt())
    }

    fn noise(&self, tables: &Tables) -> Noise {
        tables.root_of_squares(tables.spread() / 8.0)
    }
}

fn term(p: f64, q: f64) -> f64 {
    (p.sqrt() - q.sqrt()).powi(2)
}
