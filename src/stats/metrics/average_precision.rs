//! Area under the curve of precision over recall.

use std::sync::Arc;

use super::interval::Z;
use super::metric::{BINARY, Estimate, Formula, Metric, binary};
use crate::stats::{Extra, Performance, ScoreGrid, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "average_precision",
    summary: "precision averaged over the thresholds at which recall grows; 0 to 1, the share of positives for guessing, smaller is worse",
    definition: "sum over thresholds, from the highest, of (recall - recall before) precision, from the counts of roc_auc; the interval is normal on the logit scale, widened by what pairs within one cell may add. Its support is the positives",
    sees: "how well the highest probabilities find the positives; neither calibration nor the threshold, and hardly the order of the low ones. It moves with the share of positives",
    source: "as sklearn.metrics.average_precision_score; interval: Boyd, Eng & Page, ECML PKDD 2013",
    extras: &[Extra::Scores],
    build: |_| Ok(Arc::new(Metric(AveragePrecision))),
    ..BINARY
};

#[derive(Debug)]
struct AveragePrecision;

/// The value, and its bounds over every order of the pairs within cells.
fn bounded(grid: &ScoreGrid, positives: f64) -> (f64, f64, f64) {
    let (mut hits, mut alarms) = (0.0, 0.0);
    let (mut value, mut low, mut high) = (0.0, 0.0, 0.0);
    for cell in grid.cells().rev().filter(|cell| cell.positives + cell.negatives > 0.0) {
        let gain = cell.positives / positives;
        let (all_hits, all_alarms) = (hits + cell.positives, alarms + cell.negatives);
        if cell.positives > 0.0 {
            value += gain * all_hits / (all_hits + all_alarms);
            // The first positive may come after all negatives of its cell, the last before them.
            low += gain * (hits + 1.0) / (hits + 1.0 + all_alarms);
            high += gain * all_hits / (all_hits + alarms);
        }
        (hits, alarms) = (all_hits, all_alarms);
    }
    (value, low, high)
}

impl Formula for AveragePrecision {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn support(&self, sums: &Performance) -> i64 {
        binary(sums).and_then(|sums| sums.scores.as_ref()).map_or(0, |grid| grid.totals().1)
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        let sums = binary(sums)?;
        let grid = sums.scores.as_ref()?;
        let (negatives, positives) = grid.totals();
        if negatives + positives != sums.losses.n {
            return None;
        }
        let count = positives as f64;
        let (value, low, high) = bounded(grid, count);
        let on_logit = |x: f64, side: f64| {
            if x <= 0.0 || x >= 1.0 {
                return x;
            }
            let logit = (x / (1.0 - x)).ln() + side * Z / (count * x * (1.0 - x)).sqrt();
            1.0 / (1.0 + (-logit).exp())
        };
        let interval = (on_logit(low.min(value), -1.0), on_logit(high.max(value), 1.0));
        Some((value, Some((interval.0.min(low), interval.1.max(high)))))
    }
}
