//! A feature that stopped moving.

use std::sync::Arc;

use crate::stats::{Basis, Counts, Direction, Sample, Score, Statistic, StatisticKind, Undefined};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "constant_feature",
    summary: "1 where all values of the window are one value and those of the reference are not, else 0; greater is worse",
    definition: "1 where all values of the window lie in one cell of the reference's grid (on one point, or between the same two neighbouring ones) or in one category, and the reference's do not; else 0; undefined for fewer than two values",
    sees: "a feature that stopped moving; not one that nearly did (a single other value makes it 0), nor values that differ between the same two neighbouring values of the reference",
    range: "0 or 1",
    source: "a count",
    basis: Basis::Quality,
    tasks: &[],
    extras: &[],
    direction: Direction::Up,
    best: Some(0.0),
    mean_of: None,
    floor: false,
    options: &[],
    build: |_| Ok(Arc::new(ConstantFeature)),
};

#[derive(Debug)]
struct ConstantFeature;

fn is_constant(counts: &Counts) -> bool {
    counts.cells.iter().filter(|n| **n > 0).count() <= 1
}

impl Statistic for ConstantFeature {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn support(&self, sample: &Sample<'_>) -> u64 {
        sample.window.map_or(0, |w| w.counted)
    }

    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        let pair = sample.pair.as_ref().ok_or(Undefined::NoReference)?;
        let support = self.support(sample);
        if support < 2 {
            return Err(Undefined::Undefined);
        }
        let stopped = is_constant(pair.window) && !is_constant(pair.reference);
        Ok(Score { value: if stopped { 1.0 } else { 0.0 }, support, interval: None })
    }
}
