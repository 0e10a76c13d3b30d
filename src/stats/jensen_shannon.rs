//! Jensen-Shannon distance.

use std::sync::Arc;

use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::binning::{Bins, Edges};
use super::{Basis, Direction, Sample, Score, Statistic, StatisticKind, Undefined};

/// Its entry in the registry.
pub const KIND: StatisticKind = StatisticKind {
    name: "jensen_shannon",
    summary: "square root of the Jensen-Shannon divergence, base 2, over the bins of psi; 0 to 1, greater is worse",
    options: &[],
    build: |_| Ok(Arc::new(JensenShannon)),
};

/// sqrt((KL(p || a) + KL(q || a)) / 2) with a = (p + q) / 2, logarithms base 2 (Lin 1991; Endres &
/// Schindelin 2003 show that the root is a metric).
#[derive(Debug)]
struct JensenShannon;

impl Statistic for JensenShannon {
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
        let pair = sample.pair.as_ref().ok_or(Undefined::NoReference)?;
        let bins = Bins::of(pair, &Edges::Quantiles(10));
        let m = bins.reference.iter().sum::<u64>() as f64;
        let n = bins.window.iter().sum::<u64>() as f64;
        if m == 0.0 || n == 0.0 {
            return Err(Undefined::Undefined);
        }
        let part = |x: f64, a: f64| if x > 0.0 { x * (x / a).log2() } else { 0.0 };
        let divergence: f64 = bins
            .reference
            .iter()
            .zip(&bins.window)
            .map(|(&r, &c)| {
                let (p, q) = (r as f64 / m, c as f64 / n);
                let a = (p + q) / 2.0;
                (part(p, a) + part(q, a)) / 2.0
            })
            .sum();
        // Rounding may leave a divergence of equal shares a hair below zero.
        let value = divergence.clamp(0.0, 1.0).sqrt();
        Ok(Score { value, support: self.support(sample), interval: None })
    }

    /// Under no drift 8 ln 2 / (1/m + 1/n) times the divergence is nearly chi-square with B - 1
    /// degrees of freedom.
    fn noise_floor(&self, sample: &Sample<'_>) -> Option<f64> {
        let pair = sample.pair.as_ref()?;
        let bins = Bins::of(pair, &Edges::Quantiles(10));
        let m = bins.reference.iter().sum::<u64>() as f64;
        let n = bins.window.iter().sum::<u64>() as f64;
        let freedom = bins.reference.len().checked_sub(1).filter(|f| *f > 0)?;
        if m == 0.0 || n == 0.0 {
            return None;
        }
        let law = ChiSquared::new(freedom as f64).ok()?;
        let divergence =
            law.inverse_cdf(0.99) * (1.0 / m + 1.0 / n) / (8.0 * std::f64::consts::LN_2);
        Some(divergence.min(1.0).sqrt())
    }
}
