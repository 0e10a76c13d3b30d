//! Share of predicted positives that are.

use std::sync::Arc;

use super::average::{self, Average};
use super::metric::{CLASSES, Estimate, Formula, Hits, Metric, binary, share};
use super::table::Class;
use crate::stats::{Confusion, Expectation, Performance, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "precision",
    summary: "share of predicted positives that are; 0 to 1, smaller is worse",
    definition: "true positives / predicted positives; several classes averaged by `average`, one without predictions counts 0",
    sees: "false alarms among the alarms; not the positives that are missed. It falls with the share of positives, also where the model is what it was",
    source: "as sklearn.metrics.precision_score with zero_division = 0; interval: Wilson 1927, of macro and weighted the delta method (Bishop, Fienberg & Holland 1975) on a table with half a right and half a wrong pair more per class; noise floor of a binary model: exact prediction limit of its misses (Thatcher, JRSS B 26, 1964)",
    floor: true,
    options: average::OPTIONS,
    build: |params| Ok(Arc::new(Metric(Precision(Average::from_params(params)?)))),
    ..CLASSES
};

#[derive(Debug)]
struct Precision(Average);

fn ratio(class: Class) -> (i64, i64) {
    (class.hits, class.predicted)
}

impl Formula for Precision {
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
        average::estimate(sums, self.0, ratio)
    }

    fn of_confusion(&self, c: &Confusion) -> Option<(f64, f64)> {
        share(c.true_positive, c.true_positive + c.false_positive)
    }
}
