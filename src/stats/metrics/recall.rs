//! Share of actual positives that were predicted.

use std::sync::Arc;

use super::average::{self, Average};
use super::metric::{CLASSES, Estimate, Formula, Hits, Metric, binary, share};
use super::table::Class;
use crate::stats::{Confusion, Expectation, Performance, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "recall",
    summary: "share of actual positives that were predicted; 0 to 1, smaller is worse",
    definition: "true positives / actual positives; several classes averaged by `average`, one without outcomes counts 0; weighted it is accuracy",
    sees: "positives that are missed; not false alarms: who always says positive has 1",
    source: "as sklearn.metrics.recall_score with zero_division = 0; interval: Wilson 1927, of macro the delta method (Bishop, Fienberg & Holland 1975) on a table with half a right and half a wrong pair more per class; noise floor of a binary model: exact prediction limit of its misses (Thatcher, JRSS B 26, 1964)",
    floor: true,
    options: average::OPTIONS,
    build: |params| Ok(Arc::new(Metric(Recall(Average::from_params(params)?)))),
    ..CLASSES
};

#[derive(Debug)]
struct Recall(Average);

fn ratio(class: Class) -> (i64, i64) {
    (class.hits, class.actual)
}

impl Formula for Recall {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn expects(&self) -> Option<Expectation> {
        Some(Expectation::Classes)
    }

    fn label(&self) -> String {
        self.0.label(KIND.name)
    }

    fn support(&self, sums: &Performance) -> i64 {
        average::support(sums, ratio)
    }

    fn hits(&self, sums: &Performance) -> Option<Hits> {
        binary(sums).map(|_| Hits::PLAIN)
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        // Weighted by outcomes it is the share of right pairs.
        let average = if self.0 == Average::Weighted { Average::Micro } else { self.0 };
        average::estimate(sums, average, ratio)
    }

    fn of_confusion(&self, c: &Confusion) -> Option<(f64, f64)> {
        share(c.true_positive, c.true_positive + c.false_negative)
    }
}
