//! Chi-square contingency statistic of two samples.

use std::sync::Arc;

use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::binning::{Bins, Edges};
use super::{Basis, Direction, Sample, Score, Statistic, StatisticKind, Undefined};

/// Its entry in the registry.
pub const KIND: StatisticKind = StatisticKind {
    name: "chi_square",
    summary: "two-sample chi-square over the bins of psi, without smoothing; from 0, greater is worse",
    options: &[],
    build: |_| Ok(Arc::new(ChiSquare)),
};

/// Sum of (observed - expected)^2 / expected over both rows of the contingency table; the reference
/// is a sample too (Pearson 1900). Degrees of freedom: bins with any value, less one.
#[derive(Debug)]
struct ChiSquare;

fn bins_of(sample: &Sample<'_>) -> Option<Bins> {
    sample.pair.as_ref().map(|pair| Bins::of(pair, &Edges::Quantiles(10)))
}

fn freedom(bins: &Bins) -> usize {
    let filled = bins.reference.iter().zip(&bins.window).filter(|(r, c)| **r + **c > 0).count();
    filled.saturating_sub(1)
}

impl Statistic for ChiSquare {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn basis(&self) -> Basis {
        Basis::Distribution
    }

    fn direction(&self) -> Direction {
        Direction::Up
    }

    fn best(&self) -> Option<f64> {
        Some(0.0)
    }

    fn support(&self, sample: &Sample<'_>) -> u64 {
        sample.window.map_or(0, |w| w.rows())
    }

    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        let bins = bins_of(sample).ok_or(Undefined::NoReference)?;
        let m = bins.reference.iter().sum::<u64>() as f64;
        let n = bins.window.iter().sum::<u64>() as f64;
        if m == 0.0 || n == 0.0 {
            return Err(Undefined::Undefined);
        }
        let mut value = 0.0;
        for (&r, &c) in bins.reference.iter().zip(&bins.window) {
            let column = (r + c) as f64;
            if column > 0.0 {
                let (expected_r, expected_c) = (column * m / (m + n), column * n / (m + n));
                value += (r as f64 - expected_r).powi(2) / expected_r;
                value += (c as f64 - expected_c).powi(2) / expected_c;
            }
        }
        Ok(Score { value, support: self.support(sample), interval: None })
    }

    /// The 99 % point of chi-square.
    fn noise_floor(&self, sample: &Sample<'_>) -> Option<f64> {
        let freedom = Some(freedom(&bins_of(sample)?)).filter(|f| *f > 0)?;
        ChiSquared::new(freedom as f64).ok().map(|law| law.inverse_cdf(0.99))
    }

    fn p_value(&self, sample: &Sample<'_>) -> Option<f64> {
        let freedom = freedom(&bins_of(sample)?);
        let score = self.score(sample).ok()?;
        if freedom == 0 {
            return Some(1.0);
        }
        ChiSquared::new(freedom as f64).ok().map(|law| law.sf(score.value))
    }
}
