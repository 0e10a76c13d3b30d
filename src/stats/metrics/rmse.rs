//! Root of the mean squared error.

use std::sync::Arc;

use super::interval::normal;
use super::metric::{Estimate, Formula, Metric, REGRESSION, errors, regression};
use super::mse::mean_square;
use crate::stats::{Expectation, ExpectedLosses, Extra, Loss, Performance, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "rmse",
    summary: "root of the mean squared error; from 0, greater is worse",
    definition: "sqrt(mse), with the root of its interval",
    sees: "what mse sees, in the outcome's unit; not the sign of errors",
    source: "as sklearn.metrics.root_mean_squared_error",
    extras: &[Extra::Squares],
    build: |_| Ok(Arc::new(Metric(Rmse))),
    ..REGRESSION
};

#[derive(Debug)]
struct Rmse;

impl Formula for Rmse {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn support(&self, sums: &Performance) -> i64 {
        errors(sums)
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        let (square, interval) = mean_square(regression(sums)?);
        let root = |(low, high): (f64, f64)| (low.max(0.0).sqrt(), high.sqrt());
        Some((square.sqrt(), interval.map(root)))
    }

    fn expects(&self) -> Option<Expectation> {
        Some(Expectation::Loss(Loss::Squared))
    }

    fn of_losses(&self, losses: &ExpectedLosses) -> Option<(f64, (f64, f64))> {
        let (n, sum) = (losses.n, losses.sum.value());
        let (low, high) = normal(sum, losses.squares.value(), n as i64)?;
        let root = |mean: f64| mean.max(0.0).sqrt();
        Some((root(sum / n as f64), (root(low), root(high))))
    }
}
