//! What all metrics share: they read the sums over pairs and nothing else.

use std::fmt::Debug;

use crate::stats::{
    Basis, Binary, Direction, Losses, Multiclass, Performance, Regression, Sample, Score,
    Statistic, StatisticKind, Task, Undefined,
};

/// A value and, where one is published, its 95 % interval.
pub(super) type Estimate = (f64, Option<(f64, f64)>);

/// A formula over sums of pairs.
pub(super) trait Formula: Debug + Send + Sync + 'static {
    /// The metric's entry in the registry.
    fn kind(&self) -> &'static StatisticKind;

    /// Pairs that it is computed from: its denominator, also where it is 0.
    fn support(&self, sums: &Performance) -> i64;

    /// The metric; asked for only where the support is above 0.
    fn estimate(&self, sums: &Performance) -> Option<Estimate>;

    /// Its name, with the options that change its value.
    fn label(&self) -> String {
        self.kind().name.to_owned()
    }
}

/// A statistic out of a formula.
#[derive(Debug)]
pub(super) struct Metric<F>(pub F);

impl<F: Formula> Statistic for Metric<F> {
    fn kind(&self) -> &'static StatisticKind {
        self.0.kind()
    }

    fn label(&self) -> String {
        self.0.label()
    }

    fn support(&self, sample: &Sample<'_>) -> u64 {
        sample.performance.map_or(0, |sums| self.0.support(sums).max(0) as u64)
    }

    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        let support = self.support(sample);
        let sums = sample.performance.filter(|_| support > 0).ok_or(Undefined::Undefined)?;
        let (value, interval) = self.0.estimate(sums).ok_or(Undefined::Undefined)?;
        if !value.is_finite() {
            return Err(Undefined::Undefined);
        }
        let interval = interval.filter(|(low, high)| low.is_finite() && high.is_finite());
        Ok(Score { value, support, interval })
    }
}

/// What all metrics say alike in the registry; `build` is each one's own.
pub(super) const METRIC: StatisticKind = StatisticKind {
    name: "",
    summary: "",
    definition: "",
    range: "",
    source: "",
    basis: Basis::Performance,
    tasks: &[],
    extras: &[],
    direction: Direction::Up,
    best: Some(0.0),
    mean_of: None,
    floor: false,
    options: &[],
    build: |_| Err(crate::stats::ParamError { key: String::new(), message: String::new() }),
};

/// A metric of numbers: an error from 0.
pub(super) const REGRESSION: StatisticKind =
    StatisticKind { tasks: &[Task::Regression], range: "from 0", ..METRIC };

/// A metric of classes: a share, smaller is worse.
pub(super) const CLASSES: StatisticKind = StatisticKind {
    tasks: &[Task::Binary, Task::Multiclass],
    direction: Direction::Down,
    best: Some(1.0),
    range: "0 to 1",
    ..METRIC
};

/// A metric of yes and no: a share, smaller is worse.
pub(super) const BINARY: StatisticKind = StatisticKind { tasks: &[Task::Binary], ..CLASSES };

pub(super) fn regression(sums: &Performance) -> Option<&Regression> {
    match sums {
        Performance::Regression(sums) => Some(sums),
        _ => None,
    }
}

pub(super) fn binary(sums: &Performance) -> Option<&Binary> {
    match sums {
        Performance::Binary(sums) => Some(sums),
        _ => None,
    }
}

pub(super) fn multiclass(sums: &Performance) -> Option<&Multiclass> {
    match sums {
        Performance::Multiclass(sums) => Some(sums),
        _ => None,
    }
}

pub(super) fn losses(sums: &Performance) -> Option<&Losses> {
    match sums {
        Performance::Binary(sums) => Some(&sums.losses),
        Performance::Multiclass(sums) => Some(&sums.losses),
        Performance::Regression(_) => None,
    }
}

/// Pairs of a regression.
pub(super) fn errors(sums: &Performance) -> i64 {
    regression(sums).map_or(0, |sums| sums.n)
}
