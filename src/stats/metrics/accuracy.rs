//! Share of right classes.

use std::sync::Arc;

use super::average::{Average, estimate};
use super::interval::wilson;
use super::metric::{CLASSES, Estimate, Formula, Metric, share};
use super::table::Class;
use crate::stats::{Confusion, Expectation, Performance, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "accuracy",
    summary: "share of right classes; 0 to 1, smaller is worse",
    definition: "right pairs / pairs with a predicted class",
    sees: "how often the class is right; not which class is wrong, hence little of a rare one (where 1 % are positive, never saying so has 0.99), nor probabilities",
    source: "as sklearn.metrics.accuracy_score; interval: Wilson 1927",
    mean_of: Some((0.0, 1.0)),
    build: |_| Ok(Arc::new(Metric(Accuracy))),
    ..CLASSES
};

#[derive(Debug)]
struct Accuracy;

impl Formula for Accuracy {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn expects(&self) -> Option<Expectation> {
        Some(Expectation::Classes)
    }

    fn support(&self, sums: &Performance) -> i64 {
        match sums {
            Performance::Binary(sums) => sums.n(),
            Performance::Multiclass(sums) => sums.n(),
            Performance::Regression(_) => 0,
        }
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        let Performance::Binary(sums) = sums else {
            return estimate(sums, Average::Micro, |class: Class| (class.hits, class.actual));
        };
        let right = sums.true_positive + sums.true_negative;
        Some((right as f64 / sums.n() as f64, wilson(right, sums.n())))
    }

    fn of_confusion(&self, c: &Confusion) -> Option<(f64, f64)> {
        let right = c.true_positive + c.true_negative;
        share(right, right + c.false_positive + c.false_negative)
    }
}
