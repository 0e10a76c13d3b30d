//! Chi-square contingency statistic of two samples.

use super::binned::{self, Formula, Tables};
use super::chance::Part;
use crate::stats::noise::Noise;
use crate::stats::{Basis, Direction, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "chi_square",
    summary: "two-sample chi-square over the bins of psi, without smoothing; from 0, greater is worse",
    definition: "sum of (observed - expected)^2 / expected over both rows of the contingency table, since the reference is a sample too; degrees of freedom: bins with any value, less one",
    sees: "whether shares of bins differ by more than chance; neither by how much (it grows with the window, so that in a large one a change of no consequence is far beyond chance) nor what moves within a bin",
    range: "from 0",
    source: "Pearson, Philosophical Magazine 50, 1900; as scipy.stats.chi2_contingency without correction",
    basis: Basis::Distribution,
    tasks: &[],
    extras: &[],
    direction: Direction::Up,
    best: Some(0.0),
    mean_of: None,
    floor: true,
    options: binned::OPTIONS,
    build: |params| binned::build(ChiSquare, params),
};

#[derive(Debug)]
struct ChiSquare;

impl Formula for ChiSquare {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn value(&self, tables: &Tables) -> f64 {
        tables.counts().map(|(r, c)| term(r, c, tables)).sum()
    }

    fn floor(&self, tables: &Tables) -> Option<f64> {
        tables.sum_99(Part::Square(1.0), |r, c| term(r, c, tables))
    }

    fn noise(&self, tables: &Tables) -> Noise {
        tables.squares(1.0)
    }

    fn p_value(&self, tables: &Tables, value: f64) -> Option<f64> {
        tables.contingency_p(value)
    }
}

/// Both cells of a bin; an empty bin adds nothing.
fn term(r: f64, c: f64, tables: &Tables) -> f64 {
    let (m, n, both) = (tables.m, tables.n, r + c);
    let cell = |observed: f64, expected: f64| (observed - expected).powi(2) / expected;
    if both > 0.0 { cell(r, both * m / (m + n)) + cell(c, both * n / (m + n)) } else { 0.0 }
}
