//! Whether probabilities are too extreme or too timid.

use std::sync::Arc;

use super::interval::Z;
use super::metric::{BINARY, Estimate, Formula, Metric, binary};
use crate::stats::{Direction, Extra, Performance, ScoreGrid, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "calibration_slope",
    summary: "slope of the logistic regression of the outcome on the probability's logit; 1 is best, below 1 probabilities are too extreme, bad in both directions",
    definition: "b of logit P(y = 1) = a + b logit(p) by maximum likelihood, from the counts of roc_auc (probabilities in the middle of their cells: 0 and 1, and what lies nearer to them than 2^-21, at 4.8e-7 from them, a logit of 14.55 either way, so that a few of them with the other outcome can decide the slope); undefined where the classes are separated or all probabilities lie in one cell; the interval is Wald's. Its support is the rarer class",
    sees: "probabilities that are spread too wide or too narrow; not whether all are too high or too low, which the intercept a takes up",
    range: "any number",
    source: "Cox, Biometrika 45, 1958; Van Calster et al., BMC Medicine 17, 2019",
    direction: Direction::None,
    extras: &[Extra::Scores],
    build: |_| Ok(Arc::new(Metric(CalibrationSlope))),
    ..BINARY
};

/// Newton's method doubles its digits with each step; more mean that there is no maximum.
const MOST_STEPS: usize = 50;

#[derive(Debug)]
struct CalibrationSlope;

/// Slope and its standard error; `None` where the classes are separated or all logits equal.
fn fit(grid: &ScoreGrid) -> Option<(f64, f64)> {
    let (mut intercept, mut slope) = (0.0f64, 1.0f64);
    for _ in 0..MOST_STEPS {
        let (mut gradient, mut information) = ([0.0; 2], [0.0; 3]);
        for cell in grid.cells() {
            let x = (cell.probability / (1.0 - cell.probability)).ln();
            let n = cell.positives + cell.negatives;
            let expected = 1.0 / (1.0 + (-(intercept + slope * x)).exp());
            let surplus = cell.positives - n * expected;
            gradient[0] += surplus;
            gradient[1] += surplus * x;
            let weight = n * expected * (1.0 - expected);
            information[0] += weight;
            information[1] += weight * x;
            information[2] += weight * x * x;
        }
        let [a, b, c] = information;
        let determinant = a * c - b * b;
        if determinant.is_nan() || determinant <= 1e-9 * a * c {
            return None;
        }
        let steps = [
            (c * gradient[0] - b * gradient[1]) / determinant,
            (a * gradient[1] - b * gradient[0]) / determinant,
        ];
        intercept += steps[0];
        slope += steps[1];
        if steps.iter().all(|step| step.abs() < 1e-10) {
            return Some((slope, (a / determinant).sqrt()));
        }
    }
    None
}

impl Formula for CalibrationSlope {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn support(&self, sums: &Performance) -> i64 {
        super::roc_auc::rarer(sums)
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        let sums = binary(sums)?;
        let grid = sums.scores.as_ref()?;
        let (negatives, positives) = grid.totals();
        let complete = negatives + positives == sums.losses.n;
        let (slope, error) = fit(grid).filter(|_| complete)?;
        Some((slope, Some((slope - Z * error, slope + Z * error))))
    }
}
