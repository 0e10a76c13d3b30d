//! Drift detection method.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::river::{Errors, reading};
use super::running_mean::RunningMean;
use super::{Detector, DetectorKind, NoData, Observation, Reading, Sequential};
use crate::stats::{OptionDoc, ParamError, Params, Statistic};

/// Its entry in the registry.
pub const KIND: DetectorKind = DetectorKind {
    name: "ddm",
    summary: "drift detection method: the error rate against the least it has been",
    details: "Compares the error rate since the last drift plus its standard deviation with the least that \
        both have been together: `warning_threshold` and `drift_threshold` deviations beyond are a \
        warning and a drift. Made for one error (1) or success (0) at a time. Sees more errors, \
        slowly after a long calm; does not see fewer; false alarms are unbounded. Needs no \
        reference. Equal to River's `drift.binary.DDM`. Source: Gama, Medas, Castillo & Rodrigues, \
        Learning with drift detection, SBIA 2004.",
    options: &[
        OptionDoc {
            name: "warm_start",
            kind: "whole number",
            default: "30",
            doc: "scores before the first warning or drift",
        },
        OptionDoc {
            name: "warning_threshold",
            kind: "number",
            default: "2",
            doc: "standard deviations beyond the least error rate that are a warning",
        },
        OptionDoc {
            name: "drift_threshold",
            kind: "number",
            default: "3",
            doc: "standard deviations beyond the least error rate that are a drift",
        },
    ],
    build,
};

#[derive(Debug)]
struct Ddm {
    errors: Errors,
    warm_start: f64,
    warning_threshold: f64,
    drift_threshold: f64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Rate {
    errors: RunningMean,
    /// Error rate and its deviation when their sum was least.
    least: Option<(f64, f64)>,
    drift: bool,
    warning: bool,
}

impl Sequential for Ddm {
    type State = Rate;
    const NAME: &'static str = KIND.name;
    const LAYOUT: u8 = 1;

    fn take(&self, rate: &mut Rate, seen: &Observation<'_>) -> Result<Reading, NoData> {
        if rate.drift {
            *rate = Rate::default();
        }
        rate.errors.update(self.errors.of_score(seen.score));
        let (p, n) = (rate.errors.mean, rate.errors.n);
        let variance = p * (1.0 - p) / n;
        if variance < 0.0 {
            return Err(NoData::Undefined);
        }
        if n <= self.warm_start {
            return Ok(reading(false, false));
        }
        let now = p + variance.sqrt();
        let (least_p, least_s) = match rate.least {
            Some((p, s)) if now > p + s => (p, s),
            _ => *rate.least.insert((p, variance.sqrt())),
        };
        rate.drift = now > least_p + self.drift_threshold * least_s;
        rate.warning = now > least_p + self.warning_threshold * least_s && !rate.drift;
        Ok(reading(rate.drift, rate.warning))
    }
}

fn build(params: &mut Params, statistic: &dyn Statistic) -> Result<Arc<dyn Detector>, ParamError> {
    Ok(Arc::new(Ddm {
        errors: Errors::of(statistic),
        warm_start: params.whole("warm_start")?.unwrap_or(30) as f64,
        warning_threshold: params.number("warning_threshold")?.unwrap_or(2.0),
        drift_threshold: params.number("drift_threshold")?.unwrap_or(3.0),
    }))
}
