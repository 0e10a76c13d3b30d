//! Mean absolute percentage error.

use std::sync::Arc;

use super::interval::normal;
use super::metric::{Estimate, Formula, Metric, REGRESSION, regression};
use crate::stats::{Extra, Performance, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "mape",
    summary: "mean of |error| / |outcome|, pairs with outcome 0 left out; from 0, greater is worse",
    definition: "mean of |prediction - outcome| / |outcome| over outcomes other than 0; 0.1 is ten percent",
    sees: "errors beside the size of the outcome, those of outcomes near 0 above all; not outcomes of 0, nor the sign of errors. Of positive numbers, too low a prediction costs at most 1, too high a one any amount",
    source: "as sklearn.metrics.mean_absolute_percentage_error where no outcome is 0; interval: normal, of the mean",
    extras: &[Extra::Squares],
    mean_of: Some((0.0, f64::INFINITY)),
    build: |_| Ok(Arc::new(Metric(Mape))),
    ..REGRESSION
};

#[derive(Debug)]
struct Mape;

impl Formula for Mape {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn support(&self, sums: &Performance) -> i64 {
        regression(sums).map_or(0, |sums| sums.n - sums.zero_outcomes)
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        let n = self.support(sums);
        let sums = regression(sums)?;
        let sum = sums.sum_share.value();
        let powers = sums.powers.as_ref().filter(|powers| powers.n == sums.n);
        let interval = powers.and_then(|powers| normal(sum, powers.sum_share_sq.value(), n));
        Some((sum / n as f64, interval))
    }
}
