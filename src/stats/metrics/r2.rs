//! Share of the outcomes' variance that predictions explain.

use std::sync::Arc;

use super::metric::{Estimate, Formula, Metric, REGRESSION, errors, regression};
use super::mse::mean_square;
use crate::stats::{Direction, Extra, Performance, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "r2",
    summary: "coefficient of determination; at most 1, 0 for always saying the mean, smaller is worse",
    definition: "1 - sum of (outcome - prediction)^2 / sum of (outcome - mean outcome)^2; the interval is that of mse, divided by the outcomes' variance, which it takes as it is: 95 % for other errors about outcomes that vary as these do, less where their variance is chance too",
    sees: "errors beside the spread of the outcomes; not which of the two moved: it falls where outcomes vary less, also where errors are what they were. Not the sign of errors",
    source: "as sklearn.metrics.r2_score; interval: normal, of the mean squared error",
    range: "up to 1",
    direction: Direction::Down,
    best: Some(1.0),
    extras: &[Extra::Outcomes, Extra::Squares],
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
        let explained = |square: f64| 1.0 - square * (sums.n as f64 / spread);
        let interval = mean_square(sums).1;
        let interval = interval.map(|(low, high)| (explained(high), explained(low).min(1.0)));
        (spread > 0.0 && spread.is_finite()).then(|| (1.0 - sums.sum_sq.value() / spread, interval))
    }
}
