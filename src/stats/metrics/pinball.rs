//! Pinball loss of predicted quantiles.

use std::sync::Arc;

use super::interval::normal;
use super::metric::{Estimate, Formula, Metric, REGRESSION, errors, regression};
use crate::stats::{Extra, OptionDoc, ParamError, Params, Performance, Statistic, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "pinball",
    summary: "pinball loss of predictions that are meant as a quantile; from 0, greater is worse",
    definition: "mean of quantile (outcome - prediction) where the outcome is greater, (1 - quantile) (prediction - outcome) where it is smaller",
    sees: "errors to either side, each at its price; not to which side they lean, nor how many outcomes lie below the prediction",
    source: "Koenker & Bassett, Econometrica 46, 1978; as sklearn.metrics.mean_pinball_loss; interval: normal, of the mean",
    extras: &[Extra::Squares],
    options: &[OptionDoc {
        name: "quantile",
        kind: "number",
        default: "0.5",
        doc: "the quantile that is predicted, between 0 and 1",
    }],
    mean_of: Some((0.0, f64::INFINITY)),
    build,
    ..REGRESSION
};

#[derive(Debug)]
struct Pinball {
    quantile: f64,
}

fn build(params: &mut Params) -> Result<Arc<dyn Statistic>, ParamError> {
    let quantile = params.share("quantile")?.unwrap_or(0.5);
    Ok(Arc::new(Metric(Pinball { quantile })))
}

impl Formula for Pinball {
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
        let sums = regression(sums)?;
        let (under, over) = (self.quantile, 1.0 - self.quantile);
        // Errors above 0 and below: half the sum of |e| and half of e, added or subtracted.
        let (sum_abs, sum_error) = (sums.sum_abs.value(), sums.sum_error.value());
        let loss = over * (sum_abs + sum_error) / 2.0 + under * (sum_abs - sum_error) / 2.0;
        let powers = sums.powers.as_ref().filter(|powers| powers.n == sums.n);
        let interval = powers.and_then(|powers| {
            let above = powers.sum_over_sq.value();
            let squares = over * over * above + under * under * (sums.sum_sq.value() - above);
            normal(loss, squares, sums.n)
        });
        Some((loss / sums.n as f64, interval))
    }
}
