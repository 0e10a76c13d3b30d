//! Area under the receiver operating characteristic.

use std::sync::Arc;

use super::interval::Z;
use super::metric::{CLASSES, Estimate, Formula, Metric, binary, multiclass};
use crate::stats::{
    Binary, Expectation, Expected, ExpectedCell, Extra, Multiclass, Performance, ScoreGrid,
    StatisticKind,
};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "roc_auc",
    summary: "probability that a positive pair has the higher probability; 0 to 1, 0.5 for guessing, smaller is worse",
    definition: "P(p of a positive > p of a negative) + P(equal) / 2, from counts of both classes on a grid of 128 cells per factor two of the distance to 0 or 1 (probabilities beyond them count as 0 and 1, what lies nearer to them than 2^-21 shares a cell with them); several classes: the mean of one against the rest, classes without pairs of both kinds left out, as are pairs that lack a probability of some class or whose outcome has none. The interval is DeLong's, widened by what pairs within one cell may add; several classes: with the mean of their deviations, which that of the mean does not exceed, hence 95 % or more, and none where a class has one pair of a kind. Its support is the rarer class, of several classes all pairs",
    sees: "how well probabilities rank; not whether they are right (any change that keeps their order leaves it as it is), nor the threshold. Where positives are rare, false alarms that outnumber them hardly move it",
    source: "Hanley & McNeil 1982; interval: DeLong, DeLong & Clarke-Pearson, Biometrics 44, 1988; as sklearn.metrics.roc_auc_score(multi_class = \"ovr\")",
    extras: &[Extra::Scores],
    build: |_| Ok(Arc::new(Metric(RocAuc))),
    ..CLASSES
};

#[derive(Debug)]
struct RocAuc;

/// The area, and how far pairs within one cell may move it.
struct Area {
    value: f64,
    error: f64,
    /// DeLong's standard error; `None` with fewer than two pairs of a kind.
    deviation: Option<f64>,
}

fn area(grid: &ScoreGrid) -> Option<Area> {
    let (negatives, positives) = grid.totals();
    if negatives <= 0 || positives <= 0 {
        return None;
    }
    let (n, p) = (negatives as f64, positives as f64);
    let (mut below, mut sum, mut open) = (0.0, 0.0, 0.0);
    for cell in grid.cells() {
        sum += cell.positives * (below + cell.negatives / 2.0);
        open += cell.positives * cell.negatives / 2.0;
        below += cell.negatives;
    }
    let value = sum / (n * p);
    // Shares of the other class below (of a positive) and above (of a negative).
    let (mut below, mut above) = ((0.0, 0.0), (0.0, p));
    for cell in grid.cells() {
        let of_positive = (below.0 + cell.negatives / 2.0) / n;
        let of_negative = (above.1 - cell.positives / 2.0) / p;
        below.1 += cell.positives * (of_positive - value).powi(2);
        above.0 += cell.negatives * (of_negative - value).powi(2);
        below.0 += cell.negatives;
        above.1 -= cell.positives;
    }
    let variance = below.1 / (p - 1.0) / p + above.0 / (n - 1.0) / n;
    let deviation = (n > 1.0 && p > 1.0).then(|| variance.sqrt());
    Some(Area { value, error: open / (n * p), deviation })
}

/// The area of a binary model with its interval; `None` until every pane of the window has scores.
pub(super) fn of_binary(sums: &Binary) -> Option<Estimate> {
    let grid = sums.scores.as_ref()?;
    let (negatives, positives) = grid.totals();
    let Area { value, error, deviation } =
        area(grid).filter(|_| negatives + positives == sums.losses.n)?;
    Some((value, deviation.map(|deviation| around(value, deviation, error))))
}

fn around(value: f64, deviation: f64, error: f64) -> (f64, f64) {
    let half = Z * deviation + error;
    ((value - half).max(0.0), (value + half).min(1.0))
}

/// The area if outcomes are what was expected, the rarer class and the band.
///
/// The derivative of the area by one outcome is (b - A) / P - (a - A) / N, with b the share of
/// negatives below it and a that of positives above it: outcomes are independent given the
/// probabilities, so that its squares, weighted with their variances, add up to that of the area.
pub(super) fn of_expected(expected: &Expected<'_>) -> Option<(f64, f64, (f64, f64))> {
    let positives = |cell: &ExpectedCell| cell.rows * cell.share;
    let negatives = |cell: &ExpectedCell| cell.rows * (1.0 - cell.share);
    let total = |of: &dyn Fn(&ExpectedCell) -> f64| expected.cells().map(|c| of(&c)).sum::<f64>();
    let (p, n) = (total(&positives), total(&negatives));
    if p <= 0.0 || n <= 0.0 {
        return None;
    }
    let (mut below, mut sum, mut open) = (0.0, 0.0, 0.0);
    for cell in expected.cells() {
        let equal = positives(&cell) * negatives(&cell) / 2.0;
        sum += positives(&cell) * below + equal;
        open += if cell.open { equal } else { 0.0 };
        below += negatives(&cell);
    }
    let (value, error) = (sum / (n * p), open / (n * p));
    let (mut below, mut above, mut variance) = (0.0, p, 0.0);
    for cell in expected.cells() {
        let of_negative = (below + negatives(&cell) / 2.0) / n - value;
        let of_positive = (above - positives(&cell) / 2.0) / p - value;
        let slope = of_negative / p - of_positive / n;
        variance += cell.variance * slope * slope;
        below += negatives(&cell);
        above -= positives(&cell);
    }
    let half = Z * variance.sqrt() + error;
    Some((value, n.min(p), (value - half, value + half)))
}

/// Pairs of the rarer class.
pub(super) fn rarer(sums: &Performance) -> i64 {
    binary(sums)
        .and_then(|sums| sums.scores.as_ref())
        .map_or(0, |grid| grid.totals().0.min(grid.totals().1))
}

/// The mean over classes. The areas hang together in a way that the grids do not tell; the
/// deviation of a mean is at most the mean of the deviations, whatever it is.
fn of_classes(sums: &Multiclass) -> Option<Estimate> {
    let grids = sums.scores.as_ref()?;
    let complete = |grid: &&ScoreGrid| grid.totals().0 + grid.totals().1 == sums.losses.n;
    let areas: Vec<Area> = grids.values().filter(complete).filter_map(area).collect();
    if areas.is_empty() {
        return None;
    }
    let mean = |sum: f64| sum / areas.len() as f64;
    let value = mean(areas.iter().map(|area| area.value).sum());
    let error = mean(areas.iter().map(|area| area.error).sum());
    let deviations: Option<f64> = areas.iter().map(|area| area.deviation).sum();
    Some((value, deviations.map(|sum| around(value, mean(sum), error))))
}

impl Formula for RocAuc {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn expects(&self) -> Option<Expectation> {
        Some(Expectation::Classes)
    }

    fn support(&self, sums: &Performance) -> i64 {
        match multiclass(sums) {
            Some(sums) => sums.losses.n,
            None => rarer(sums),
        }
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        match sums {
            Performance::Binary(sums) => of_binary(sums),
            Performance::Multiclass(sums) => of_classes(sums),
            Performance::Regression(_) => None,
        }
    }

    fn expected(&self, expected: &Expected<'_>) -> Option<(f64, f64, (f64, f64))> {
        of_expected(expected)
    }
}
