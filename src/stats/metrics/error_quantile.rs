//! Quantiles of the absolute error.

use std::sync::Arc;

use super::interval::Z;
use super::metric::{Estimate, Formula, Metric, REGRESSION, errors, regression};
use crate::stats::rank::rank;
use crate::stats::{Extra, OptionDoc, ParamError, Params, Performance, Statistic, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "error_quantile",
    summary: "absolute error that a share of the pairs does not exceed; from 0, greater is worse",
    definition: "the smallest |prediction - outcome| that a share `quantile` of the pairs does not exceed, from counts on a grid of 128 cells per factor two, hence to 0.4 %; the interval holds the order statistics between which the quantile lies in 95 % of samples, and their cells; it is open above (`[low, null]`) where a sample of that size has no such value",
    sees: "the error that all but the worst pairs stay below; not how large the errors beyond it are, nor their sign",
    source: "interval: Conover, Practical Nonparametric Statistics, 1971",
    extras: &[Extra::Errors],
    options: &[OptionDoc {
        name: "quantile",
        kind: "number",
        default: "0.5",
        doc: "the share: 0.5 is the median absolute error",
    }],
    build,
    ..REGRESSION
};

#[derive(Debug)]
struct ErrorQuantile {
    quantile: f64,
}

fn build(params: &mut Params) -> Result<Arc<dyn Statistic>, ParamError> {
    let quantile = params.share("quantile")?.unwrap_or(0.5);
    Ok(Arc::new(Metric(ErrorQuantile { quantile })))
}

impl Formula for ErrorQuantile {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn label(&self) -> String {
        match self.quantile {
            0.5 => KIND.name.to_owned(),
            quantile => format!("{}({quantile})", KIND.name),
        }
    }

    fn support(&self, sums: &Performance) -> i64 {
        errors(sums)
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        let errors = sums.errors()?;
        let sums = regression(sums)?;
        let (n, q) = (sums.n as f64, self.quantile);
        let rank = |place: f64| rank(place, sums.n);
        let spread = Z * (n * q * (1.0 - q)).sqrt();
        let (low, high) = errors.size_at_rank(rank(n * q))?;
        let (from, to) = (n * q - spread, n * q + spread);
        // A rank beyond the sample bounds nothing.
        let least = if from > 0.0 { errors.size_at_rank(rank(from))?.0 } else { 0.0 };
        let most = if to <= n { errors.size_at_rank(rank(to))?.1 } else { f64::INFINITY };
        Some(((low + high) / 2.0, Some((least, most))))
    }
}
