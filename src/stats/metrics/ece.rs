//! Expected calibration error.

use std::f64::consts::FRAC_2_PI;
use std::sync::Arc;

use super::metric::{BINARY, Estimate, Formula, Metric, binary};
use crate::stats::{Calibration, Direction, Extra, Performance, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "ece",
    summary: "expected calibration error over ten equal bins of the probability; 0 to 1, greater is worse",
    definition: "sum over the bins (0, 0.1], (0.1, 0.2] ... of n_b / n |share of positives - mean probability|; 0 and less lie in the first bin, more than 1 in the last. The interval is 95 % or more for these probabilities: the value is off by at most the sum over bins of n_b / n times the noise of its share of positives, whose deviation is taken with two positives and two negatives more; it goes 1.93 deviations beyond the mean of that sum",
    sees: "probabilities that are too high or too low within a tenth of the scale; not ranking (always saying the base rate has 0), nor errors that cancel within a bin. In small windows it is above 0 by chance alone",
    source: "Naeini, Cooper & Hauskrecht, AAAI 2015; Guo et al., ICML 2017; interval: sum of half normal laws (Leone, Nelson & Nottingham, Technometrics 3, 1961), shares as Agresti & Coull, American Statistician 52, 1998",
    direction: Direction::Up,
    best: Some(0.0),
    extras: &[Extra::Calibration],
    build: |_| Ok(Arc::new(Metric(Ece))),
    ..BINARY
};

/// How many of its deviations the 95 % point of a half normal law lies above its mean. That of a sum
/// of several lies lower, down to the normal law's 1.64: with this one bin has its 95 %, and ten
/// alike have 96.5 %.
const BEYOND: f64 = 1.927_769_767_624_194;

#[derive(Debug)]
struct Ece;

/// How far noise may have moved the value: ||x + e| - |x|| is at most |e|, and the noise e of a bin
/// is about normal.
fn noise(calibration: &Calibration) -> f64 {
    let (mut mean, mut variance) = (0.0, 0.0);
    for bin in calibration.bins.iter().filter(|bin| bin.n > 0) {
        let n = bin.n as f64;
        // A bin of positives alone, or of none, is not without noise.
        let share = (bin.positives as f64 + 2.0) / (n + 4.0);
        let square = n * share * (1.0 - share);
        mean += (square * FRAC_2_PI).sqrt();
        variance += square * (1.0 - FRAC_2_PI);
    }
    (mean + BEYOND * variance.sqrt()) / calibration.n() as f64
}

impl Formula for Ece {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn support(&self, sums: &Performance) -> i64 {
        binary(sums).and_then(|sums| sums.calibration.as_ref()).map_or(0, |c| c.n())
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        let sums = binary(sums)?;
        let calibration = sums.calibration.as_ref().filter(|c| c.n() == sums.losses.n)?;
        let gaps = calibration.bins.iter().map(|b| (b.positives as f64 - b.sum.value()).abs());
        let (value, noise) = (gaps.sum::<f64>() / calibration.n() as f64, noise(calibration));
        // Probabilities beyond 0 and 1 are counted too, and may be further off than by 1.
        Some((value, Some(((value - noise).max(0.0), (value + noise).min(value.max(1.0))))))
    }
}
