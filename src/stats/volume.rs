//! How many predictions there are, how many have an outcome, and how long outcomes take.

use std::sync::Arc;

use super::{
    Basis, Direction, OptionDoc, ParamError, Params, Sample, Score, Statistic, StatisticKind,
    Undefined,
};

/// `event_rate`.
pub static EVENT_RATE: StatisticKind = StatisticKind {
    name: "event_rate",
    summary: "predictions per second over the window; bad in no fixed direction",
    definition: "predictions / seconds of the window",
    sees: "how much traffic there is; not of what kind, and no silence: a window with no prediction, or fewer than `min_events`, is `no_data`",
    range: "from 0",
    source: "a count",
    basis: Basis::Volume,
    tasks: &[],
    extras: &[],
    direction: Direction::None,
    best: None,
    mean_of: None,
    floor: false,
    options: &[],
    build: |_| Ok(Arc::new(EventRate)),
};

/// `outcome_coverage`.
pub static OUTCOME_COVERAGE: StatisticKind = StatisticKind {
    name: "outcome_coverage",
    summary: "share of predictions whose outcome is known or assumed; 0 to 1, smaller is worse",
    definition: "(matched + assumed) / predictions. Matched is a prediction that says something (a number, a class or a probability) and has an outcome with a value within `within`, whether or not metrics can use the pair; an outcome without a value takes back the one before it. Assumed, with `assume`, are the others that say something, once the wait is over. Predictions that say nothing, or found no room to wait, count below the line only",
    sees: "outcomes that do not come, and predictions that none can match; not whether outcomes are right. With `assume` it rises to what can match once the wait is over, whether or not outcomes came",
    range: "0 to 1",
    source: "a count",
    basis: Basis::Coverage,
    tasks: &[],
    extras: &[],
    direction: Direction::Down,
    best: Some(1.0),
    mean_of: None,
    floor: false,
    options: &[],
    build: |_| Ok(Arc::new(OutcomeCoverage)),
};

/// `outcome_delay`.
pub static OUTCOME_DELAY: StatisticKind = StatisticKind {
    name: "outcome_delay",
    summary: "seconds that a share of the outcomes takes at most, from a grid of 9 %; greater is worse",
    definition: "the smallest delay that a share `quantile` of the matched outcomes does not exceed, from counts on a geometric grid of 8 cells per factor two, 1 s to 97 days; the interval is its cell. A delay is the time of the outcome that counts less that of the prediction, at least 0; below 1.09 s it counts as 0, beyond 97 days it lies in the last cell. Matched as in outcome_coverage, so that pairs that metrics cannot use have a delay too",
    sees: "how long the outcomes took that came; not those that are still missing, so that a window looks fast while its slow ones are on their way",
    range: "from 0",
    source: "a count",
    basis: Basis::Delay,
    tasks: &[],
    extras: &[],
    direction: Direction::Up,
    best: Some(0.0),
    mean_of: None,
    floor: false,
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
    fn kind(&self) -> &'static StatisticKind {
        &EVENT_RATE
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
    fn kind(&self) -> &'static StatisticKind {
        &OUTCOME_COVERAGE
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
    let quantile = params.share("quantile")?.unwrap_or(0.5);
    Ok(Arc::new(OutcomeDelay { quantile }))
}

impl Statistic for OutcomeDelay {
    fn kind(&self) -> &'static StatisticKind {
        &OUTCOME_DELAY
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
