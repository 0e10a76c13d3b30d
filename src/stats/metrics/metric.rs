//! What all metrics share: they read the sums over pairs and nothing else.

use std::fmt::Debug;

use crate::stats::law::{prediction_limit, visible_rate};
use crate::stats::{
    Baseline, Basis, Binary, Confusion, Direction, Expectation, Expected, ExpectedLosses, Losses,
    Multiclass, Performance, Regression, Sample, Score, Statistic, StatisticKind, Task, Undefined,
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

    /// How it is a share of hits among its support; `None` where it is none.
    fn hits(&self, _sums: &Performance) -> Option<Hits> {
        None
    }

    /// Its name, with the options that change its value.
    fn label(&self) -> String {
        self.kind().name.to_owned()
    }

    /// What an estimate of it without outcomes follows from; `None` where there is none.
    fn expects(&self) -> Option<Expectation> {
        None
    }

    /// The metric and its support, where it is a function of a confusion of the positive class;
    /// `None` where that leaves it undefined.
    fn of_confusion(&self, _confusion: &Confusion) -> Option<(f64, f64)> {
        None
    }

    /// The least value that there is, of a metric that has a best one.
    fn least(&self) -> f64 {
        0.0
    }

    /// The metric of losses that events expect, where it follows from them, and its band.
    fn of_losses(&self, _losses: &ExpectedLosses) -> Option<(f64, (f64, f64))> {
        None
    }

    /// The metric, its support and its band if outcomes are what was expected.
    fn expected(&self, expected: &Expected<'_>) -> Option<(f64, f64, (f64, f64))> {
        expected.confusion(|confusion| self.of_confusion(confusion))
    }
}

/// A share and what it is a share of.
pub(super) fn share(part: f64, of: f64) -> Option<(f64, f64)> {
    (of > 0.0).then(|| (part / of, of))
}

/// A metric that follows from a share of hits, both growing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hits {
    /// The share at which the metric has this value.
    pub share: fn(f64) -> f64,
    /// The metric at a share.
    pub metric: fn(f64) -> f64,
}

impl Hits {
    /// The share itself.
    pub(super) const PLAIN: Hits = Hits { share: |x| x, metric: |x| x };

    /// What one window in a hundred falls below at most: the exact prediction limit of its misses.
    /// Of a reference that does not say so as large a part of the pairs as of the window's counts.
    fn floor(self, baseline: Baseline, support: u64, pairs: u64) -> Option<f64> {
        let alike = || baseline.pairs as f64 * support as f64 / pairs.max(1) as f64;
        let known = baseline.own.map_or_else(alike, |own| own as f64).round().max(1.0);
        let misses = ((1.0 - (self.share)(baseline.value)).clamp(0.0, 1.0) * known).round();
        let limit = prediction_limit(misses as u64, known as u64, support, 0.01);
        Some((self.metric)(1.0 - limit / support as f64)).filter(|floor| floor.is_finite())
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
        let interval = interval.filter(|(low, high)| low.is_finite() && !high.is_nan());
        Ok(Score { value, support, interval })
    }

    fn noise_floor(&self, sample: &Sample<'_>) -> Option<f64> {
        let (sums, baseline) = (sample.performance?, sample.baseline?);
        let support = self.support(sample);
        let hits = self.0.hits(sums).filter(|_| support > 0 && baseline.pairs > 0)?;
        hits.floor(baseline, support, sums.n().max(0) as u64)
    }

    fn visible(&self, sample: &Sample<'_>, floor: f64) -> Option<f64> {
        let (hits, support) = (self.0.hits(sample.performance?)?, self.support(sample));
        let limit = (1.0 - (hits.share)(floor)) * support as f64;
        Some((hits.metric)(1.0 - visible_rate((limit + 1e-6).floor(), support)?))
    }

    fn expects(&self) -> Option<Expectation> {
        self.0.expects()
    }

    fn expectation(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        let expected = match self.0.expects() {
            None => None,
            Some(Expectation::Classes) => self.0.expected(&Expected::of(sample)?),
            Some(Expectation::Loss(_)) => sample.losses.and_then(|losses| {
                let (value, band) = self.0.of_losses(losses)?;
                Some((value, losses.n as f64, band))
            }),
        };
        let (value, support, (low, high)) = expected.ok_or(Undefined::Undefined)?;
        if ![value, low, high].into_iter().all(f64::is_finite) {
            return Err(Undefined::Undefined);
        }
        let (least, most) = match (self.kind().best, self.kind().direction) {
            (Some(best), Direction::Down) => (self.0.least(), best),
            (Some(best), _) => (best, f64::INFINITY),
            (None, _) => (f64::NEG_INFINITY, f64::INFINITY),
        };
        let interval = Some((low.max(least), high.min(most)));
        Ok(Score { value, support: support as u64, interval })
    }
}

/// What all metrics say alike in the registry; `build` is each one's own.
pub(super) const METRIC: StatisticKind = StatisticKind {
    name: "",
    summary: "",
    definition: "",
    sees: "",
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
