//! Expected calibration error.

use std::sync::Arc;

use super::metric::{BINARY, Estimate, Formula, Metric, binary};
use crate::stats::{Direction, Extra, Performance, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "ece",
    summary: "expected calibration error over ten equal bins of the probability; 0 to 1, greater is worse",
    definition: "sum over the bins (0, 0.1], (0.1, 0.2] ... of n_b / n |share of positives - mean probability|; 0 lies in the first bin",
    source: "Naeini, Cooper & Hauskrecht, AAAI 2015; Guo et al., ICML 2017",
    direction: Direction::Up,
    best: Some(0.0),
    extras: &[Extra::Calibration],
    build: |_| Ok(Arc::new(Metric(Ece))),
    ..BINARY
};

#[derive(Debug)]
struct Ece;

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
        Some((gaps.sum::<f64>() / calibration.n() as f64, None))
    }
}
