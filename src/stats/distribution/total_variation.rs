//! Total variation distance.

use std::f64::consts::FRAC_2_PI;

use statrs::distribution::{ContinuousCDF, Gamma};

use super::binned::{self, Formula, Tables};
use crate::stats::{Basis, Direction, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "total_variation",
    summary: "total variation distance over the bins of psi; 0 to 1, greater is worse",
    definition: "half the sum over bins of |p - q|: the share of rows that would have to change bins, shares as they are",
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

    /// The differences are nearly jointly normal: mean and variance of the sum of their absolute
    /// values (covariances to second order in the correlations), and a gamma law with both.
    fn floor(&self, tables: &Tables) -> Option<f64> {
        let (mut mean, mut own, mut cross, mut cross_own) = (0.0, 0.0, 0.0, 0.0);
        for p in tables.pooled().filter(|p| *p < 1.0) {
            let variance = p * (1.0 - p);
            mean += (FRAC_2_PI * variance).sqrt() / 2.0;
            own += (1.0 - FRAC_2_PI) * variance / 4.0;
            let weight = p * (p / (1.0 - p)).sqrt();
            cross += weight;
            cross_own += weight * weight;
        }
        let mean = mean * tables.spread().sqrt();
        let covariance = FRAC_2_PI / 2.0 * (cross * cross - cross_own) / 4.0;
        let variance = (own + covariance) * tables.spread();
        let law = Gamma::new(mean * mean / variance, mean / variance).ok()?;
        Some(law.inverse_cdf(0.99).min(1.0))
    }
}
