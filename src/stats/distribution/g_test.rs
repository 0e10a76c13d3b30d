//! Likelihood-ratio statistic of two samples.

use super::binned::{self, Formula, Tables};
use super::chance::Part;
use crate::stats::noise::Noise;
use crate::stats::{Basis, Direction, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "g_test",
    summary: "two-sample likelihood ratio (G) over the bins of psi, without smoothing; from 0, greater is worse",
    definition: "2 sum of observed ln(observed / expected) over both rows of the contingency table; degrees of freedom: bins with any value, less one",
    sees: "what chi_square sees, and like it not by how much; beside a large reference it is less ruled by bins that only the window has",
    range: "from 0",
    source: "Wilks, Annals of Mathematical Statistics 9, 1938; as scipy.stats.chi2_contingency with lambda_ = \"log-likelihood\", without correction",
    basis: Basis::Distribution,
    tasks: &[],
    extras: &[],
    direction: Direction::Up,
    best: Some(0.0),
    mean_of: None,
    floor: true,
    options: binned::OPTIONS,
    build: |params| binned::build(GTest, params),
};

#[derive(Debug)]
struct GTest;

impl Formula for GTest {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn value(&self, tables: &Tables) -> f64 {
        let half: f64 = tables.counts().map(|(r, c)| term(r, c, tables)).sum();
        // Rounding may leave equal shares a hair below zero.
        (2.0 * half).max(0.0)
    }

    fn floor(&self, tables: &Tables) -> Option<f64> {
        Some(2.0 * tables.sum_99(Part::Square(0.5), |r, c| term(r, c, tables))?)
    }

    fn noise(&self, tables: &Tables) -> Noise {
        tables.squares(1.0)
    }

    fn p_value(&self, tables: &Tables, value: f64) -> Option<f64> {
        tables.contingency_p(value)
    }
}

/// Both cells of a bin; an empty one adds nothing.
fn term(r: f64, c: f64, tables: &Tables) -> f64 {
    let (m, n, both) = (tables.m, tables.n, r + c);
    let cell = |observed: f64, expected: f64| {
        if observed > 0.0 { observed * (observed / expected).ln() } else { 0.0 }
    };
    cell(r, both * m / (m + n)) + cell(c, both * n / (m + n))
}
