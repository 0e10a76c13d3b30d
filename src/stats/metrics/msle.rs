//! Mean squared error of logarithms.

use std::sync::Arc;

use super::interval::normal;
use super::metric::{Estimate, Formula, Metric, REGRESSION, regression};
use crate::stats::{Extra, Performance, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "msle",
    summary: "mean squared error of ln(1 + x), pairs with a number of -1 or less left out; from 0, greater is worse",
    definition: "mean of (ln(1 + prediction) - ln(1 + outcome))^2 over pairs of numbers above -1",
    sees: "errors as ratios where numbers are large, as differences where they are near 0; not their sign, though too low costs more than too high by as much, nor numbers of -1 or less",
    source: "as sklearn.metrics.mean_squared_log_error; interval: normal, of the mean",
    extras: &[Extra::Logarithms],
    mean_of: Some((0.0, f64::INFINITY)),
    build: |_| Ok(Arc::new(Metric(Msle))),
    ..REGRESSION
};

#[derive(Debug)]
struct Msle;

impl Formula for Msle {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn support(&self, sums: &Performance) -> i64 {
        regression(sums).and_then(|sums| sums.logarithms.as_ref()).map_or(0, |logs| logs.n)
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        let sums = regression(sums)?;
        let logs = sums.logarithms.as_ref().filter(|logs| logs.n + logs.undefined == sums.n)?;
        let sum = logs.sum_sq.value();
        Some((sum / logs.n as f64, normal(sum, logs.sum_fourth.value(), logs.n)))
    }
}
