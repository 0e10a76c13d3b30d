//! Mean squared error.

use std::sync::Arc;

use super::interval::normal;
use super::metric::{Estimate, Formula, Metric, REGRESSION, errors, regression};
use crate::stats::{
    Expectation, ExpectedLosses, Extra, Loss, Performance, Regression, StatisticKind,
};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "mse",
    summary: "mean squared error; from 0, greater is worse",
    definition: "mean of (prediction - outcome)^2",
    sees: "how large errors are, large ones above all: a few may rule it; not their sign. Its unit is the outcome's, squared",
    source: "as sklearn.metrics.mean_squared_error; interval: normal, of the mean",
    extras: &[Extra::Squares],
    mean_of: Some((0.0, f64::INFINITY)),
    build: |_| Ok(Arc::new(Metric(Mse))),
    ..REGRESSION
};

#[derive(Debug)]
struct Mse;

/// Mean squared error with its interval.
pub(super) fn mean_square(sums: &Regression) -> Estimate {
    let sum = sums.sum_sq.value();
    let powers = sums.powers.as_ref().filter(|powers| powers.n == sums.n);
    let interval = powers.and_then(|powers| normal(sum, powers.sum_fourth.value(), sums.n));
    (sum / sums.n as f64, interval)
}

impl Formula for Mse {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn support(&self, sums: &Performance) -> i64 {
        errors(sums)
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        regression(sums).map(mean_square)
    }

    fn expects(&self) -> Option<Expectation> {
        Some(Expectation::Loss(Loss::Squared))
    }

    fn of_losses(&self, losses: &ExpectedLosses) -> Option<(f64, (f64, f64))> {
        let sum = losses.sum.value();
        let band = normal(sum, losses.squares.value(), losses.n as i64)?;
        Some((sum / losses.n as f64, band))
    }
}
