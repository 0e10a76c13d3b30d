//! Matthews correlation of predicted and actual classes.

use std::sync::Arc;

use super::average::{Class, classes};
use super::metric::{CLASSES, Estimate, Formula, Metric};
use crate::stats::{Binary, Confusion, Expectation, Performance, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "mcc",
    summary: "Matthews correlation of predicted and actual classes; -1 to 1, 0 for guessing, smaller is worse",
    definition: "(hits n - sum of predicted actual) / sqrt((n^2 - sum of predicted^2) (n^2 - sum of actual^2)), sums over classes: the phi coefficient for two; 0 where a side has one class only",
    range: "-1 to 1",
    source: "Matthews 1975; several classes: Gorodkin, Computational Biology and Chemistry 28, 2004; as sklearn.metrics.matthews_corrcoef",
    build: |_| Ok(Arc::new(Metric(Mcc))),
    ..CLASSES
};

#[derive(Debug)]
struct Mcc;

fn both(sums: &Binary) -> [Class; 2] {
    [
        Class {
            hits: sums.true_positive,
            predicted: sums.true_positive + sums.false_positive,
            actual: sums.true_positive + sums.false_negative,
        },
        Class {
            hits: sums.true_negative,
            predicted: sums.true_negative + sums.false_negative,
            actual: sums.true_negative + sums.false_positive,
        },
    ]
}

impl Formula for Mcc {
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
        let classes: Vec<Class> = match sums {
            Performance::Binary(sums) => both(sums).to_vec(),
            Performance::Multiclass(sums) => classes(sums).into_values().collect(),
            Performance::Regression(_) => return None,
        };
        let sum = |of: fn(&Class) -> i128| classes.iter().map(of).sum::<i128>();
        let n = sum(|c| c.actual.into());
        let agreement =
            sum(|c| c.hits.into()) * n - sum(|c| i128::from(c.predicted) * i128::from(c.actual));
        let predicted = n * n - sum(|c| i128::from(c.predicted).pow(2));
        let actual = n * n - sum(|c| i128::from(c.actual).pow(2));
        if predicted == 0 || actual == 0 {
            return Some((0.0, None));
        }
        let scale = (predicted as f64).sqrt() * (actual as f64).sqrt();
        Some(((agreement as f64 / scale).clamp(-1.0, 1.0), None))
    }

    fn least(&self) -> f64 {
        -1.0
    }

    fn of_confusion(&self, c: &Confusion) -> Option<(f64, f64)> {
        let (hits, alarms) = (c.true_positive, c.false_positive);
        let (quiet, missed) = (c.true_negative, c.false_negative);
        let sides = (hits + alarms) * (hits + missed) * (quiet + alarms) * (quiet + missed);
        let support = hits + alarms + quiet + missed;
        let phi = || ((hits * quiet - alarms * missed) / sides.sqrt()).clamp(-1.0, 1.0);
        (support > 0.0).then(|| (if sides > 0.0 { phi() } else { 0.0 }, support))
    }
}
