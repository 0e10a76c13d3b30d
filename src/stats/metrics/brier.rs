//! Squared error of probabilities.

use std::sync::Arc;

use super::interval::normal;
use super::metric::{CLASSES, Estimate, Formula, Metric, losses};
use crate::stats::{Direction, Extra, Performance, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "brier",
    summary: "mean squared error of the probabilities; from 0, greater is worse",
    definition: "mean of (p - y)^2 of the positive class; with several classes the sum over all of them, where pairs that lack a probability of some class, or whose outcome has none, are left out; probabilities beyond 0 and 1 are taken as they are",
    sees: "ranking and calibration at once, not which of them it was, nor the predicted class. Where positives are rare it is small and moves little, whatever the model does with them",
    range: "from 0",
    source: "Brier, Monthly Weather Review 78, 1950; interval: normal, of the mean",
    direction: Direction::Up,
    best: Some(0.0),
    extras: &[Extra::Squares],
    // Over several classes the squares of a wholly wrong answer add up to 2.
    mean_of: Some((0.0, 2.0)),
    build: |_| Ok(Arc::new(Metric(Brier))),
    ..CLASSES
};

#[derive(Debug)]
struct Brier;

impl Formula for Brier {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn support(&self, sums: &Performance) -> i64 {
        losses(sums).map_or(0, |losses| losses.n)
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        let losses = losses(sums)?;
        let (n, sum) = (losses.n, losses.sum_brier.value());
        let squares = losses.squares.as_ref().filter(|squares| squares.n == n);
        let interval = squares.and_then(|squares| normal(sum, squares.brier.value(), n));
        Some((sum / n as f64, interval))
    }
}
