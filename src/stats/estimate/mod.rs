//! Metrics without outcomes: what a metric is expected to be, given probabilities that were
//! calibrated on the reference (CBPE), and how far the metric fell from that once outcomes came.

mod calibrator;
mod expected;
mod isotonic;
mod losses;

use std::sync::Arc;

use super::{
    Basis, Direction, OptionDoc, ParamError, Params, STATISTICS, Sample, Score, Statistic,
    StatisticKind, Task, Undefined,
};
pub use calibrator::Calibrator;
pub use expected::{Confusion, Expected, ExpectedCell};
#[cfg(test)]
pub(super) use isotonic::{Isotonic, Level};
pub use losses::{ExpectedLosses, Loss};

/// What an estimate follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// Predictions by calibrated probability and class (binary models).
    Classes,
    /// The loss that events expect of their own predictions (regression).
    Loss(Loss),
}

impl Expectation {
    fn tasks(self) -> &'static [Task] {
        match self {
            Expectation::Classes => &[Task::Binary],
            Expectation::Loss(_) => &[Task::Regression],
        }
    }
}

const ESTIMATED: &str = "estimated";
const ERROR: &str = "estimate_error";

/// Options of every metric that has an estimate.
pub const ESTIMATE_OPTIONS: &[OptionDoc] = &[
    OptionDoc {
        name: ESTIMATED,
        kind: "true or false",
        default: "false",
        doc: "the metric that calibrated probabilities, or expected losses, promise: judged without waiting for outcomes",
    },
    OptionDoc {
        name: ERROR,
        kind: "true or false",
        default: "false",
        doc: "the metric minus its estimate, judged when outcomes are there: an alarm on the estimator",
    },
];

/// What the estimate of a metric of the registry follows from; `None` where it has none.
#[must_use]
pub fn expectation_of(kind: &StatisticKind) -> Option<Expectation> {
    (kind.build)(&mut Params::default()).ok()?.expects()
}

/// Builds a statistic of the registry out of its options: itself, its estimate, or the error of that.
///
/// # Errors
/// What [`StatisticKind::build`] refuses, and an estimate where there is none.
pub fn build(
    kind: &'static StatisticKind,
    params: &mut Params,
) -> Result<Arc<dyn Statistic>, ParamError> {
    let estimated = params.flag(ESTIMATED)?.unwrap_or(false);
    let error = params.flag(ERROR)?.unwrap_or(false);
    let realised = (kind.build)(params)?;
    let key = match (estimated, error) {
        (false, false) => return Ok(realised),
        (true, true) => {
            let message = "asks for the difference to the estimate, `estimated` for the estimate itself; \
                           write one of them, in a monitor each";
            return Err(ParamError::new(ERROR, message));
        }
        (true, false) => ESTIMATED,
        (false, true) => ERROR,
    };
    let Some(follows_from) = realised.expects() else {
        let known = STATISTICS.iter().filter(|k| expectation_of(k).is_some());
        let known: Vec<&str> = known.map(|k| k.name).collect();
        let message = format!(
            "{} has no estimate without outcomes; these have: {}",
            kind.name,
            known.join(", ")
        );
        return Err(ParamError::new(key, message));
    };
    Ok(match estimated {
        true => {
            Arc::new(Estimate { name: format!("{}_estimate", kind.name), realised, follows_from })
        }
        false => {
            let name = format!("{}_{ERROR}", kind.name);
            Arc::new(EstimateError { name, realised, follows_from })
        }
    })
}

/// What a metric is expected to be.
#[derive(Debug)]
struct Estimate {
    name: String,
    realised: Arc<dyn Statistic>,
    follows_from: Expectation,
}

impl Statistic for Estimate {
    fn kind(&self) -> &'static StatisticKind {
        self.realised.kind()
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn label(&self) -> String {
        self.realised.label()
    }

    fn basis(&self) -> Basis {
        Basis::Estimate
    }

    fn tasks(&self) -> &'static [Task] {
        self.follows_from.tasks()
    }

    fn mean_of(&self) -> Option<(f64, f64)> {
        None
    }

    fn estimates(&self) -> Option<Expectation> {
        Some(self.follows_from)
    }

    fn support(&self, sample: &Sample<'_>) -> u64 {
        self.score(sample).map_or(0, |score| score.support)
    }

    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        self.realised.expectation(sample)
    }

    fn on_reference(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        self.realised.score(sample)
    }
}

/// A metric minus what it was expected to be.
#[derive(Debug)]
struct EstimateError {
    name: String,
    realised: Arc<dyn Statistic>,
    follows_from: Expectation,
}

impl Statistic for EstimateError {
    fn kind(&self) -> &'static StatisticKind {
        self.realised.kind()
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn label(&self) -> String {
        self.name.clone()
    }

    fn tasks(&self) -> &'static [Task] {
        self.follows_from.tasks()
    }

    fn direction(&self) -> Direction {
        Direction::None
    }

    fn best(&self) -> Option<f64> {
        Some(0.0)
    }

    fn mean_of(&self) -> Option<(f64, f64)> {
        None
    }

    fn estimates(&self) -> Option<Expectation> {
        Some(self.follows_from)
    }

    fn support(&self, sample: &Sample<'_>) -> u64 {
        self.realised.support(sample)
    }

    /// Its interval is the estimate's band, seen from the metric and widened by the share of
    /// outcomes that never came: without 0 in it the estimator was wrong.
    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        let expected = self.realised.expectation(sample)?;
        let was = self.realised.score(sample)?;
        let value = was.value - expected.value;
        if let Expectation::Loss(_) = self.follows_from {
            // What one outcome does to its loss is in the metric's own interval.
            let interval =
                was.interval.map(|(low, high)| (low - expected.value, high - expected.value));
            return Ok(Score { value, support: was.support, interval });
        }
        let missing = expected.support as f64 / was.support.max(1) as f64;
        let wide = missing.max(1.0).sqrt();
        let interval = expected.interval.map(|(low, high)| {
            (value - wide * (high - expected.value), value + wide * (expected.value - low))
        });
        Ok(Score { value, support: was.support, interval })
    }

    fn on_reference(&self, _: &Sample<'_>) -> Result<Score, Undefined> {
        Err(Undefined::Undefined)
    }
}
