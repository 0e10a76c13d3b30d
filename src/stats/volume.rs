//! How many predictions there are, how many have an outcome, and how long outcomes take.

use std::sync::Arc;

use super::{
    Basis, Direction, OptionDoc, ParamError, Params, Sample, Score, Statistic, StatisticKind,
    Undefined,
};

/// `event_rate`.
pub const EVENT_RATE: StatisticKind = StatisticKind {
    name: "event_rate",
    summary: "predictions per second over the window; bad in no fixed direction",
    options: &[],
    build: |_| Ok(Arc::new(EventRate)),
};

/// `outcome_coverage`.
pub const OUTCOME_COVERAGE: StatisticKind = StatisticKind {
    name: "outcome_coverage",
    summary: "share of predictions whose outcome is known or assumed; 0 to 1, smaller is worse",
    options: &[],
    build: |_| Ok(Arc::new(OutcomeCoverage)),
};

/// `outcome_delay`.
pub const OUTCOME_DELAY: StatisticKind = StatisticKind {
    name: "outcome_delay",
    summary: "seconds that a share of the outcomes takes at most, from a grid of 9 %; greater is worse",
    options: &[OptionDoc {
        name: "quantile",
        kind: "number",
        default: "0.5",
        doc: "the share: 0.5 is the median, 0.95 what all but the slowest take",
    }],
    build: outcome_delay,
};

#[derive(Debug)]
struct EventRate;

impl Statistic for EventRate {
    fn name(&self) -> &'static str {
        EVENT_RATE.name
    }

    fn basis(&self) -> Basis {
        Basis::Volume
    }

    fn direction(&self) -> Direction {
        Direction::None
    }

    fn best(&self) -> Option<f64> {
        None
    }

    fn support(&self, sample: &Sample<'_>) -> u64 {
        sample.events
    }

    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        if sample.seconds <= 0.0 {
            return Err(Undefined::Undefined);
        }
        let value = sample.events as f64 / sample.seconds;
        Ok(Score { value, support: sample.events, interval: None })
    }
}

#[derive(Debug)]
struct OutcomeCoverage;

impl Statistic for OutcomeCoverage {
    fn name(&self) -> &'static str {
        OUTCOME_COVERAGE.name
    }

    fn basis(&self) -> Basis {
        Basis::Coverage
    }

    fn direction(&self) -> Direction {
        Direction::Down
    }

    fn best(&self) -> Option<f64> {
        Some(1.0)
    }

    fn support(&self, sample: &Sample<'_>) -> u64 {
        sample.events
    }

    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        if sample.events == 0 {
            return Err(Undefined::Undefined);
        }
        let value = (sample.matched + sample.assumed) as f64 / sample.events as f64;
        Ok(Score { value, support: sample.events, interval: None })
    }
}

#[derive(Debug)]
struct OutcomeDelay {
    quantile: f64,
}

fn outcome_delay(params: &mut Params) -> Result<Arc<dyn Statistic>, ParamError> {
    let quantile = params.number("quantile")?.unwrap_or(0.5);
    if !(quantile > 0.0 && quantile < 1.0) {
        return Err(ParamError::new("quantile", "must lie between 0 and 1, such as 0.95"));
    }
    Ok(Arc::new(OutcomeDelay { quantile }))
}

impl Statistic for OutcomeDelay {
    fn name(&self) -> &'static str {
        OUTCOME_DELAY.name
    }

    fn basis(&self) -> Basis {
        Basis::Delay
    }

    fn direction(&self) -> Direction {
        Direction::Up
    }

    fn best(&self) -> Option<f64> {
        Some(0.0)
    }

    fn support(&self, sample: &Sample<'_>) -> u64 {
        sample.delays.map_or(0, |d| d.n().max(0) as u64)
    }

    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        let delays = sample.delays.ok_or(Undefined::Undefined)?;
        let (value, low, high) = delays.quantile(self.quantile).ok_or(Undefined::Undefined)?;
        Ok(Score { value, support: self.support(sample), interval: Some((low, high)) })
    }
}
