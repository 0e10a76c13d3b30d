//! Share of actual negatives that were predicted.

use std::sync::Arc;

use super::interval::wilson;
use super::metric::{BINARY, Estimate, Formula, Metric, binary, share};
use crate::stats::{Confusion, Expectation, Performance, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "specificity",
    summary: "share of actual negatives that were predicted; 0 to 1, smaller is worse",
    definition: "true negatives / actual negatives",
    sees: "false alarms among the negatives; not the positives that are missed. Where positives are rare it is near 1 though most alarms are false",
    source: "as sklearn.metrics.recall_score of the negative class; interval: Wilson 1927",
    build: |_| Ok(Arc::new(Metric(Specificity))),
    ..BINARY
};

#[derive(Debug)]
struct Specificity;

impl Formula for Specificity {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn expects(&self) -> Option<Expectation> {
        Some(Expectation::Classes)
    }

    fn support(&self, sums: &Performance) -> i64 {
        binary(sums).map_or(0, |sums| sums.true_negative + sums.false_positive)
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        let (hits, of) = (binary(sums)?.true_negative, self.support(sums));
        Some((hits as f64 / of as f64, wilson(hits, of)))
    }

    fn of_confusion(&self, c: &Confusion) -> Option<(f64, f64)> {
        share(c.true_negative, c.true_negative + c.false_positive)
    }
}
