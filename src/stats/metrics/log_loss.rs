//! Logarithmic loss of probabilities.

use std::sync::Arc;

use super::interval::normal;
use super::metric::{CLASSES, Estimate, Formula, Metric, losses};
use crate::stats::{Direction, Extra, Performance, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "log_loss",
    summary: "mean of -ln(probability of what came true), clipped at 1e-15; from 0, greater is worse",
    definition: "mean of -ln(p) with p the probability of what came true, clipped to [1e-15, 1 - 1e-15], beyond 0 and 1 as well; several classes: pairs that lack a probability of some class, or whose outcome has none, are left out",
    sees: "ranking and calibration at once, not which of them it was; a few sure mistakes rule it, at 34.5 each where the probability was 0. Not the predicted class",
    range: "from 0",
    source: "Good 1952; interval: normal, of the mean",
    direction: Direction::Up,
    best: Some(0.0),
    extras: &[Extra::Squares],
    mean_of: Some((0.0, f64::INFINITY)),
    build: |_| Ok(Arc::new(Metric(LogLoss))),
    ..CLASSES
};

#[derive(Debug)]
struct LogLoss;

impl Formula for LogLoss {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn support(&self, sums: &Performance) -> i64 {
        losses(sums).map_or(0, |losses| losses.n)
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        let losses = losses(sums)?;
        let (n, sum) = (losses.n, losses.sum_log.value());
        let squares = losses.squares.as_ref().filter(|squares| squares.n == n);
        let interval = squares.and_then(|squares| normal(sum, squares.log.value(), n));
        Some((sum / n as f64, interval))
    }
}
