//! Mean error (bias).

use std::sync::Arc;

use super::interval::normal;
use super::metric::{Estimate, Formula, Metric, REGRESSION, errors, regression};
use crate::stats::{Direction, Performance, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "mean_error",
    summary: "mean of prediction - outcome (bias); 0 is best, bad in both directions",
    definition: "mean of prediction - outcome",
    sees: "errors that lean to one side; not errors that cancel, however large they are",
    source: "a mean; interval: normal, of the mean",
    range: "any number",
    direction: Direction::None,
    build: |_| Ok(Arc::new(Metric(MeanError))),
    ..REGRESSION
};

#[derive(Debug)]
struct MeanError;

impl Formula for MeanError {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn support(&self, sums: &Performance) -> i64 {
        errors(sums)
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        let sums = regression(sums)?;
        let sum = sums.sum_error.value();
        Some((sum / sums.n as f64, normal(sum, sums.sum_sq.value(), sums.n)))
    }
}
