//! Matthews correlation of predicted and actual classes.

use std::sync::Arc;

use super::delta::{self, Slopes, softened};
use super::metric::{CLASSES, Estimate, Formula, Metric};
use super::table::{Class, Table};
use crate::stats::{Confusion, Expectation, Performance, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "mcc",
    summary: "Matthews correlation of predicted and actual classes; -1 to 1, 0 for guessing, smaller is worse",
    definition: "(hits n - sum of predicted actual) / sqrt((n^2 - sum of predicted^2) (n^2 - sum of actual^2)), sums over classes: the phi coefficient for two; 0 where a side has one class only, then without an interval",
    sees: "every cell of the confusion matrix, those of rare classes too; not which kind of error grew, nor probabilities",
    range: "-1 to 1",
    source: "Matthews 1975; several classes: Gorodkin, Computational Biology and Chemistry 28, 2004; as sklearn.metrics.matthews_corrcoef; interval: the delta method (Bishop, Fienberg & Holland 1975) on a table with half a right and half a wrong pair more per class",
    build: |_| Ok(Arc::new(Metric(Mcc))),
    ..CLASSES
};

#[derive(Debug)]
struct Mcc;

/// How it follows the cells of each class: with N the numerator and A and P the terms under the
/// root, by dN / sqrt(A P) - N / sqrt(A P) (dA / A + dP / P) / 2.
fn slopes(table: &Table) -> Vec<Slopes> {
    let soft = softened(table);
    let pairs: f64 = soft.iter().map(|class| class.actual as f64).sum();
    let shares = |class: &Class| (class.actual as f64 / pairs, class.predicted as f64 / pairs);
    let sum = |of: fn((f64, f64)) -> f64| soft.iter().map(shares).map(of).sum::<f64>();
    let actual = 1.0 - sum(|(a, _)| a * a);
    let predicted = 1.0 - sum(|(_, p)| p * p);
    let hits = soft.iter().map(|class| class.hits as f64).sum::<f64>() / pairs;
    let scale = (actual * predicted).sqrt();
    let value = (hits - sum(|(a, p)| a * p)) / scale;
    let of_class = |class: &Class| {
        let (a, p) = shares(class);
        Slopes {
            right: 1.0 / scale,
            actual: value * a / actual - p / scale,
            predicted: value * p / predicted - a / scale,
        }
    };
    soft.iter().map(of_class).collect()
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
        let table = Table::of(sums)?;
        let sum = |of: fn(&Class) -> i128| table.classes.iter().map(of).sum::<i128>();
        let n = sum(|c| c.actual.into());
        let agreement =
            sum(|c| c.hits.into()) * n - sum(|c| i128::from(c.predicted) * i128::from(c.actual));
        let predicted = n * n - sum(|c| i128::from(c.predicted).pow(2));
        let actual = n * n - sum(|c| i128::from(c.actual).pow(2));
        if predicted == 0 || actual == 0 {
            return Some((0.0, None));
        }
        let scale = (predicted as f64).sqrt() * (actual as f64).sqrt();
        let value = (agreement as f64 / scale).clamp(-1.0, 1.0);
        Some((value, delta::interval(&table, &slopes(&table), value, self.least())))
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
