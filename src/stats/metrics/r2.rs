//! Share of the outcomes' variance that predictions explain.

use std::sync::Arc;

use super::metric::{Estimate, Formula, Metric, REGRESSION, errors, regression};
use crate::stats::{Direction, Extra, Performance, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "r2",
    summary: "coefficient of determination; at most 1, 0 for always saying the mean, smaller is worse",
    definition: "1 - sum of (outcome - prediction)^2 / sum of (outcome - mean outcome)^2",
    source: "as sklearn.metrics.r2_score",
    range: "up to 1",
    direction: Direction::Down,
    best: Some(1.0),
    extras: &[Extra::Outcomes],
    build: |_| Ok(Arc::new(Metric(R2))),
    ..REGRESSION
};

#[derive(Debug)]
struct R2;

impl Formula for R2 {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn support(&self, sums: &Performance) -> i64 {
        errors(sums)
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        let sums = regression(sums)?;
        let outcomes = sums.outcomes.as_ref().filter(|outcomes| outcomes.n == sums.n)?;
        let spread = outcomes.spread();
        (spread > 0.0 && spread.is_finite()).then(|| (1.0 - sums.sum_sq.value() / spread, None))
    }
}
