//! Gini coefficient of a score.

use std::sync::Arc;

use super::metric::{BINARY, Estimate, Formula, Metric, binary};
use super::roc_auc;
use crate::stats::{Expectation, Expected, Extra, Performance, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "gini",
    summary: "Gini coefficient (accuracy ratio) of the probability; -1 to 1, 0 for guessing, smaller is worse",
    definition: "2 roc_auc - 1, with the interval of roc_auc",
    sees: "what roc_auc sees, on another scale; neither calibration nor the threshold",
    range: "-1 to 1",
    source: "Somers, American Sociological Review 27, 1962",
    extras: &[Extra::Scores],
    build: |_| Ok(Arc::new(Metric(Gini))),
    ..BINARY
};

#[derive(Debug)]
struct Gini;

impl Formula for Gini {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn expects(&self) -> Option<Expectation> {
        Some(Expectation::Classes)
    }

    fn support(&self, sums: &Performance) -> i64 {
        roc_auc::rarer(sums)
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        let (area, interval) = roc_auc::of_binary(binary(sums)?)?;
        let gini = |area: f64| 2.0 * area - 1.0;
        Some((gini(area), interval.map(|(low, high)| (gini(low), gini(high)))))
    }

    fn least(&self) -> f64 {
        -1.0
    }

    fn expected(&self, expected: &Expected<'_>) -> Option<(f64, f64, (f64, f64))> {
        let (area, support, (low, high)) = roc_auc::of_expected(expected)?;
        Some((2.0 * area - 1.0, support, (2.0 * low - 1.0, 2.0 * high - 1.0)))
    }
}
