//! Population stability index.

use std::sync::Arc;

use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::binning::{Bins, Edges};
use super::{
    Basis, Direction, OptionDoc, ParamError, Params, Sample, Score, Statistic, StatisticKind,
    Undefined,
};

/// Its entry in the registry.
pub const KIND: StatisticKind = StatisticKind {
    name: "psi",
    summary: "population stability index over bins of the reference; 0 for equal shares, greater is worse",
    options: &[
        OptionDoc {
            name: "bins",
            kind: "whole number",
            default: "10",
            doc: "bins at quantiles of the reference; a divisor of 480",
        },
        OptionDoc {
            name: "edges",
            kind: "list of numbers",
            default: "",
            doc: "fixed edges instead of quantiles, ascending",
        },
        OptionDoc {
            name: "smoothing",
            kind: "number",
            default: "0.5",
            doc: "added to every bin's count on both sides",
        },
    ],
    build,
};

/// PSI = sum over bins of (q - p) ln(q / p), with p = (r + s) / (m + s B), q alike. Range [0, inf).
/// Karakoulas (2004); the law under no drift after Yurdakul & Naranjo: (1/n + 1/m) chi2 with B - 1
/// degrees of freedom.
#[derive(Debug)]
struct Psi {
    edges: Edges,
    smoothing: f64,
}

fn build(params: &mut Params) -> Result<Arc<dyn Statistic>, ParamError> {
    let bins = params.whole("bins")?;
    let edges = params.numbers("edges")?;
    let smoothing = params.number("smoothing")?.unwrap_or(0.5);
    if smoothing <= 0.0 {
        return Err(ParamError::new(
            "smoothing",
            "must be above 0, or an empty bin has no logarithm",
        ));
    }
    let edges = match (bins, edges) {
        (Some(_), Some(_)) => {
            return Err(ParamError::new("edges", "stands instead of `bins`; give one of them"));
        }
        (None, Some(edges)) if edges.is_empty() || edges.windows(2).any(|w| w[0] >= w[1]) => {
            return Err(ParamError::new("edges", "must be ascending numbers"));
        }
        (None, Some(edges)) => Edges::Fixed(edges),
        (bins, None) => {
            let bins = bins.unwrap_or(10);
            if bins < 2 || 480 % bins != 0 {
                return Err(ParamError::new("bins", format!("{bins} does not divide 480")));
            }
            Edges::Quantiles(bins as u32)
        }
    };
    Ok(Arc::new(Psi { edges, smoothing }))
}

impl Statistic for Psi {
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

    fn edges(&self) -> &[f64] {
        match &self.edges {
            Edges::Fixed(edges) => edges,
            Edges::Quantiles(_) => &[],
        }
    }

    fn support(&self, sample: &Sample<'_>) -> u64 {
        sample.window.map_or(0, |w| w.rows())
    }

    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        let pair = sample.pair.as_ref().ok_or(Undefined::NoReference)?;
        let bins = Bins::of(pair, &self.edges);
        let (m, n) = (bins.reference.iter().sum::<u64>(), bins.window.iter().sum::<u64>());
        if m == 0 || n == 0 {
            return Err(Undefined::Undefined);
        }
        let b = bins.reference.len() as f64;
        let share = |count: u64, total: u64| {
            (count as f64 + self.smoothing) / (total as f64 + self.smoothing * b)
        };
        let value = bins
            .reference
            .iter()
            .zip(&bins.window)
            .map(|(&r, &c)| {
                let (p, q) = (share(r, m), share(c, n));
                (q - p) * (q / p).ln()
            })
            .sum();
        Ok(Score { value, support: self.support(sample), interval: None })
    }

    fn noise_floor(&self, sample: &Sample<'_>) -> Option<f64> {
        let pair = sample.pair.as_ref()?;
        let bins = Bins::of(pair, &self.edges);
        let (m, n) = (bins.reference.iter().sum::<u64>(), bins.window.iter().sum::<u64>());
        let freedom = bins.reference.len().checked_sub(1).filter(|f| *f > 0)?;
        if m == 0 || n == 0 {
            return None;
        }
        let law = ChiSquared::new(freedom as f64).ok()?;
        Some(law.inverse_cdf(0.99) * (1.0 / m as f64 + 1.0 / n as f64))
    }
}
