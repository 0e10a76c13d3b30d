//! Harmonic mean of precision and recall.

use std::sync::Arc;

use super::average::{self, Average};
use super::interval::wilson;
use super::metric::{CLASSES, Estimate, Formula, Hits, Metric, binary};
use super::table::Class;
use crate::stats::{Confusion, Expectation, Performance, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "f1",
    summary: "harmonic mean of precision and recall; 0 to 1, smaller is worse",
    definition: "2 TP / (2 TP + FP + FN); several classes averaged by `average`, one without predictions and outcomes counts 0; a binary model's support is what either side called positive; with several classes, all pairs",
    sees: "missed positives and false alarms at once, not which of them it was; not the true negatives of a binary model. It moves with the share of positives",
    source: "van Rijsbergen 1979; as sklearn.metrics.f1_score with zero_division = 0; interval: Wilson's of TP / (TP + FP + FN), of which f1 is an increasing function, as is its noise floor for a binary model; of macro and weighted the delta method (Bishop, Fienberg & Holland 1975) on a table with half a right and half a wrong pair more per class",
    floor: true,
    options: average::OPTIONS,
    build: |params| Ok(Arc::new(Metric(F1(Average::from_params(params)?)))),
    ..CLASSES
};

/// TP / (TP + FP + FN).
const OVERLAP: Hits =
    Hits { share: |f1| f1 / (2.0 - f1), metric: |share| 2.0 * share / (1.0 + share) };

#[derive(Debug)]
struct F1(Average);

fn ratio(class: Class) -> (i64, i64) {
    (2 * class.hits, class.predicted + class.actual)
}

impl Formula for F1 {
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
        match binary(sums) {
            Some(sums) => sums.true_positive + sums.false_positive + sums.false_negative,
            None => average::support(sums, ratio),
        }
    }

    fn hits(&self, sums: &Performance) -> Option<Hits> {
        binary(sums).map(|_| OVERLAP)
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        let (value, interval) = average::estimate(sums, self.0, ratio)?;
        let Some(counts) = binary(sums) else { return Some((value, interval)) };
        let overlap = wilson(counts.true_positive, self.support(sums));
        let f1 = OVERLAP.metric;
        Some((value, overlap.map(|(low, high)| (f1(low), f1(high)))))
    }

    fn of_confusion(&self, c: &Confusion) -> Option<(f64, f64)> {
        let overlap = c.true_positive + c.false_positive + c.false_negative;
        (overlap > 0.0).then(|| (2.0 * c.true_positive / (overlap + c.true_positive), overlap))
    }
}
