//! Mann-Whitney: how often the window lies above the reference.

use std::sync::Arc;

use statrs::distribution::{ContinuousCDF, Normal};

use super::ranked::{Measure, RankFormula, Ranked, Ranks};
use crate::stats::noise::{Change, Noise};
use crate::stats::{Basis, Direction, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "mann_whitney",
    summary: "probability that a value of the window exceeds one of the reference; 0 to 1, 0.5 without drift, bad in both directions",
    definition: "P(window > reference) + P(equal) / 2 = U / (m n), the AUC of the feature against the reference; on a compressed reference values within one gap count as equal, and the interval holds every order of them. Equal values of the window between two neighbouring values of the reference count as distinct, which the correction for ties in noise floor and p-value shows",
    sees: "whether values have grown or fallen; not a spread or shape that changes about the same middle, how far values went, nor rows without a value",
    range: "0 to 1",
    source: "Mann & Whitney, Annals of Mathematical Statistics 18, 1947; two-sided p-value as scipy.stats.mannwhitneyu(method=\"auto\")",
    basis: Basis::Distribution,
    tasks: &[],
    extras: &[],
    direction: Direction::None,
    best: Some(0.5),
    mean_of: None,
    floor: true,
    options: &[],
    build: |_| Ok(Arc::new(Ranked(MannWhitney))),
};

/// The smaller sample gets the exact law up to this size, as scipy's `auto`.
const MOST_EXACT: u64 = 8;
/// The exact law is computed for at most so many values of U.
const MOST_STATES: u64 = 1 << 22;

#[derive(Debug)]
struct MannWhitney;

impl RankFormula for MannWhitney {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn measure(&self, ranks: &Ranks<'_>) -> Option<Measure> {
        let (mut twice, mut open) = (0u128, 0u128);
        for step in ranks.steps() {
            let (below, here) = (u128::from(step.reference_below), u128::from(step.reference));
            let window = u128::from(step.window);
            twice += window * (2 * below + here);
            if step.is_gap() {
                open += window * here;
            }
        }
        let pairs = 2.0 * ranks.m as f64 * ranks.n as f64;
        let at = |twice: u128| twice as f64 / pairs;
        Some(Measure { value: at(twice), low: at(twice - open), high: at(twice + open) })
    }

    /// 0.5 and 2.326 standard errors.
    fn floor(&self, ranks: &Ranks<'_>) -> Option<f64> {
        let error = deviation(ranks) / (ranks.m as f64 * ranks.n as f64);
        Some((0.5 + 2.326_348 * error).min(1.0)).filter(|_| error > 0.0)
    }

    fn noise(&self, ranks: &Ranks<'_>) -> Option<Noise> {
        let unit = deviation(ranks) / (ranks.m as f64 * ranks.n as f64);
        let noise = Noise { origin: 0.5, unit, squared: false, change: Change::Line, most: 1.0 };
        Some(noise).filter(|noise| noise.unit > 0.0)
    }

    fn p_value(&self, ranks: &Ranks<'_>, value: f64) -> Option<f64> {
        let pairs = ranks.m as f64 * ranks.n as f64;
        let least = value.min(1.0 - value) * pairs;
        let (few, many) = (ranks.m.min(ranks.n), ranks.m.max(ranks.n));
        let tied = ranks.steps().any(|step| step.is_tie());
        if few <= MOST_EXACT && !tied && ranks.is_whole() && few * many <= MOST_STATES {
            return Some((2.0 * exact_cdf(few, many, least.round() as usize)).min(1.0));
        }
        let z = (pairs / 2.0 - least - 0.5) / deviation(ranks);
        z.is_finite().then(|| (2.0 * Normal::standard().sf(z)).min(1.0))
    }
}

/// Standard deviation of U without drift, corrected for ties.
fn deviation(ranks: &Ranks<'_>) -> f64 {
    let (m, n, all) = (ranks.m as f64, ranks.n as f64, ranks.total() as f64);
    let ties: f64 = ranks
        .steps()
        .filter(|step| step.is_tie())
        .map(|step| (step.reference + step.window) as f64)
        .map(|t| t * (t * t - 1.0))
        .sum();
    (m * n / 12.0 * ((all + 1.0) - ties / (all * (all - 1.0)))).max(0.0).sqrt()
}

/// P(U <= u) for distinct values: the coefficients of the Gaussian binomial, the product over i of
/// (1 - q^(many + i)) / (1 - q^i), count the orders by their U.
fn exact_cdf(few: u64, many: u64, u: usize) -> f64 {
    let mut counts = vec![0.0; u + 1];
    counts[0] = 1.0;
    let mut orders = 1.0;
    for i in 1..=few {
        let (up, down) = ((many + i) as usize, i as usize);
        for k in (up..counts.len()).rev() {
            counts[k] -= counts[k - up];
        }
        for k in down..counts.len() {
            counts[k] += counts[k - down];
        }
        orders *= (many + i) as f64 / i as f64;
    }
    counts.iter().sum::<f64>() / orders
}
