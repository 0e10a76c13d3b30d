//! Early drift detection method.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::river::{Errors, reading};
use super::running_mean::RunningMean;
use super::{Detector, DetectorKind, NoData, Observation, Reading, Sequential};
use crate::stats::{OptionDoc, ParamError, Params, Statistic};

/// Its entry in the registry.
pub const KIND: DetectorKind = DetectorKind {
    name: "eddm",
    summary: "early drift detection method: the distance between errors against the most it has been",
    details: "Watches how many events lie between two errors: their mean plus two standard deviations, as a \
        share of the most that has been since the last drift. Below `alpha` is a warning, below `beta` \
        a drift. Made for one error (1) or success (0) at a time. Sees slowly growing error rates \
        early; false alarms are frequent and unbounded. Needs no reference. Equal to River's \
        `drift.binary.EDDM`. Source: Baena-Garcia et al., Early drift detection method, 2006.",
    options: &[
        OptionDoc {
            name: "warm_start",
            kind: "whole number",
            default: "30",
            doc: "errors before the first warning or drift",
        },
        OptionDoc {
            name: "alpha",
            kind: "number",
            default: "0.95",
            doc: "share of the greatest distance below which it is a warning",
        },
        OptionDoc {
            name: "beta",
            kind: "number",
            default: "0.9",
            doc: "share of the greatest distance below which it is a drift",
        },
    ],
    build,
};

#[derive(Debug)]
struct Eddm {
    errors: Errors,
    warm_start: u64,
    alpha: f64,
    beta: f64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Distances {
    taken: u64,
    last_error: u64,
    errors: u64,
    mean: RunningMean,
    /// Sum of squared deviations of the distances from their mean.
    squares: f64,
    /// The most that mean + 2 deviations has been.
    most: Option<f64>,
    drift: bool,
    warning: bool,
}

impl Distances {
    fn add(&mut self, distance: f64) {
        let before = self.mean.mean;
        self.mean.update(distance);
        self.squares += (distance - before) * (distance - self.mean.mean);
    }

    fn deviation(&self) -> f64 {
        if self.mean.n > 1.0 { (self.squares / (self.mean.n - 1.0)).sqrt() } else { 0.0 }
    }
}

impl Sequential for Eddm {
    type State = Distances;
    const NAME: &'static str = KIND.name;
    const LAYOUT: u8 = 1;

    fn take(&self, distances: &mut Distances, seen: &Observation<'_>) -> Result<Reading, NoData> {
        if distances.drift {
            *distances = Distances::default();
        }
        distances.taken += 1;
        if self.errors.of_score(seen.score) == 1.0 {
            distances.errors += 1;
            distances.add((distances.taken - distances.last_error) as f64);
            distances.last_error = distances.taken;
            if distances.taken > self.warm_start {
                self.compare(distances);
            }
        }
        Ok(reading(distances.drift, distances.warning))
    }
}

impl Eddm {
    fn compare(&self, distances: &mut Distances) {
        let now = distances.mean.mean + 2.0 * distances.deviation();
        match distances.most {
            Some(most) if now <= most => {
                if distances.errors <= self.warm_start {
                    return;
                }
                let level = now / most;
                if level < self.beta {
                    distances.drift = true;
                } else {
                    distances.warning = level < self.alpha;
                }
            }
            _ => distances.most = Some(now),
        }
    }
}

fn build(params: &mut Params, statistic: &dyn Statistic) -> Result<Arc<dyn Detector>, ParamError> {
    let warm_start = params.whole("warm_start")?.unwrap_or(30);
    let alpha = params.number("alpha")?.unwrap_or(0.95);
    let beta = params.number("beta")?.unwrap_or(0.9);
    if alpha < beta {
        return Err(ParamError::new("alpha", "must not be below `beta`: a warning comes first"));
    }
    Ok(Arc::new(Eddm { errors: Errors::of(statistic), warm_start, alpha, beta }))
}
