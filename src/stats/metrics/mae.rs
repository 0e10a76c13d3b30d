//! Mean absolute error.

use std::sync::Arc;

use super::interval::normal;
use super::metric::{Estimate, Formula, Metric, REGRESSION, errors, regression};
use crate::stats::{Expectation, ExpectedLosses, Loss, Performance, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "mae",
    summary: "mean absolute error; from 0, greater is worse",
    definition: "mean of |prediction - outcome|",
    sees: "how large errors are, each by its size; not their sign, and a few large ones among many only weakly",
    source: "as sklearn.metrics.mean_absolute_error; interval: normal, of the mean",
    mean_of: Some((0.0, f64::INFINITY)),
    build: |_| Ok(Arc::new(Metric(Mae))),
    ..REGRESSION
};

#[derive(Debug)]
struct Mae;

impl Formula for Mae {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn support(&self, sums: &Performance) -> i64 {
        errors(sums)
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        let sums = regression(sums)?;
        let sum = sums.sum_abs.value();
        Some((sum / sums.n as f64, normal(sum, sums.sum_sq.value(), sums.n)))
    }

    fn expects(&self) -> Option<Expectation> {
        Some(Expectation::Loss(Loss::Absolute))
    }

    fn of_losses(&self, losses: &ExpectedLosses) -> Option<(f64, (f64, f64))> {
        let sum = losses.sum.value();
        let band = normal(sum, losses.squares.value(), losses.n as i64)?;
        Some((sum / losses.n as f64, band))
    }
}
