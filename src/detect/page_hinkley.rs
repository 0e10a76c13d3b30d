//! Page-Hinkley test.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::river::reading;
use super::running_mean::RunningMean;
use super::{Detector, DetectorKind, NoData, Observation, Reading, Sequential};
use crate::stats::{OptionDoc, ParamError, Params, Statistic};

/// Its entry in the registry.
pub const KIND: DetectorKind = DetectorKind {
    name: "page-hinkley",
    summary: "Page-Hinkley: critical where the sum of deviations from the running mean strays too far",
    details: "Adds up how far each score lies beyond the mean so far, less `delta`, and measures how far \
        that sum has come from its lowest (or highest) point. `threshold` is in the score's own \
        unit, so that it must be chosen for the series; there is no promise about false alarms. Sees \
        lasting shifts of the mean; does not see a change of spread. Needs no reference. Equal to \
        River's `drift.PageHinkley`. Source: Page, Continuous inspection schemes, Biometrika 41 \
        (1954).",
    options: &[
        OptionDoc {
            name: "min_instances",
            kind: "whole number",
            default: "30",
            doc: "scores before the first drift",
        },
        OptionDoc {
            name: "delta",
            kind: "number",
            default: "0.005",
            doc: "deviations up to this much do not count, in the score's unit",
        },
        OptionDoc {
            name: "threshold",
            kind: "number",
            default: "50",
            doc: "sum of deviations that is a drift, in the score's unit",
        },
        OptionDoc {
            name: "alpha",
            kind: "number",
            default: "0.9999",
            doc: "share of the sum that each score leaves; below 1 the past fades",
        },
        OptionDoc {
            name: "mode",
            kind: "text",
            default: "both",
            doc: "up, down or both: which shifts of the mean are a drift",
        },
    ],
    build,
};

#[derive(Debug)]
struct PageHinkley {
    min_instances: f64,
    delta: f64,
    threshold: f64,
    alpha: f64,
    up: bool,
    down: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Sums {
    mean: RunningMean,
    increase: f64,
    least_increase: f64,
    decrease: f64,
    most_decrease: f64,
    drift: bool,
}

impl Default for Sums {
    fn default() -> Sums {
        Sums {
            mean: RunningMean::default(),
            increase: 0.0,
            least_increase: f64::INFINITY,
            decrease: 0.0,
            most_decrease: -1.0,
            drift: false,
        }
    }
}

impl Sequential for PageHinkley {
    type State = Sums;
    const NAME: &'static str = KIND.name;
    const LAYOUT: u8 = 1;

    fn take(&self, sums: &mut Sums, seen: &Observation<'_>) -> Result<Reading, NoData> {
        if sums.drift {
            *sums = Sums::default();
        }
        sums.mean.update(seen.score);
        let deviation = seen.score - sums.mean.mean;
        sums.increase = self.alpha * sums.increase + deviation - self.delta;
        sums.decrease = self.alpha * sums.decrease + deviation + self.delta;
        sums.least_increase = sums.least_increase.min(sums.increase);
        sums.most_decrease = sums.most_decrease.max(sums.decrease);
        let up = self.up && sums.increase - sums.least_increase > self.threshold;
        let down = self.down && sums.most_decrease - sums.decrease > self.threshold;
        sums.drift = sums.mean.n >= self.min_instances && (up || down);
        Ok(reading(sums.drift, false))
    }
}

fn build(params: &mut Params, _: &dyn Statistic) -> Result<Arc<dyn Detector>, ParamError> {
    let min_instances = params.whole("min_instances")?.unwrap_or(30) as f64;
    let delta = params.number("delta")?.unwrap_or(0.005);
    let threshold = params.number("threshold")?.unwrap_or(50.0);
    let alpha = params.number("alpha")?.unwrap_or(1.0 - 0.0001);
    if !(0.0..=1.0).contains(&alpha) {
        return Err(ParamError::new("alpha", format!("{alpha} is no share; write 0 to 1")));
    }
    let mode = params.text("mode")?;
    let (up, down) = match mode.as_deref().unwrap_or("both") {
        "up" => (true, false),
        "down" => (false, true),
        "both" => (true, true),
        other => {
            return Err(ParamError::new("mode", format!("'{other}' is none of up, down, both")));
        }
    };
    Ok(Arc::new(PageHinkley { min_instances, delta, threshold, alpha, up, down }))
}

/// Mean and the two sums, for the comparison with River.
#[cfg(test)]
pub(super) fn seen(memory: &super::Memory) -> Vec<f64> {
    let sums: Sums = memory.recall(KIND.name, PageHinkley::LAYOUT);
    vec![sums.mean.mean, sums.increase, sums.decrease]
}
