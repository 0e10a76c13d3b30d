//! Hoeffding drift detection, weighted averages.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::river::{DRIFT_CONFIDENCE, Errors, TWO_SIDED_TEST, WARNING_CONFIDENCE, reading};
use super::{Detector, DetectorKind, NoData, Observation, Reading, Sequential};
use crate::stats::{OptionDoc, ParamError, Params, Statistic};

/// Its entry in the registry.
pub const KIND: DetectorKind = DetectorKind {
    name: "hddm-w",
    summary: "McDiarmid's bound on weighted averages: the newest errors against the best time before",
    details: "As hddm-a with exponentially weighted means and McDiarmid's inequality, so that recent errors \
        weigh more and slow changes are seen sooner. Made for errors between 0 and 1. False alarms \
        are rare but unbounded. Needs no reference. Equal to River's `drift.binary.HDDMW`. Source: \
        Frias-Blanco et al., IEEE TKDE 27 (2015).",
    options: &[
        DRIFT_CONFIDENCE,
        WARNING_CONFIDENCE,
        OptionDoc {
            name: "lambda_val",
            kind: "number",
            default: "0.05",
            doc: "weight of the newest score; the smaller, the longer the memory",
        },
        TWO_SIDED_TEST,
    ],
    build,
};

#[derive(Debug)]
struct HddmW {
    errors: Errors,
    drift_confidence: f64,
    warning_confidence: f64,
    lambda: f64,
    two_sided: bool,
}

/// A weighted mean, and the sum of its squared weights.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Weighted {
    mean: Option<f64>,
    squares: f64,
}

impl Default for Weighted {
    fn default() -> Weighted {
        Weighted { mean: None, squares: 1.0 }
    }
}

impl Weighted {
    fn update(&mut self, x: f64, lambda: f64) {
        self.mean = Some(self.mean.map_or(x, |mean| lambda * x + (1.0 - lambda) * mean));
        self.squares = lambda * lambda + (1.0 - lambda) * (1.0 - lambda) * self.squares;
    }
}

/// Where the series was best, and what came after.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Cut {
    point: Option<f64>,
    before: Weighted,
    after: Weighted,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Means {
    all: Weighted,
    up: Cut,
    down: Cut,
    drift: bool,
}

fn mcdiarmid(squares: f64, confidence: f64) -> f64 {
    (squares * (1.0 / confidence).ln() / 2.0).sqrt()
}

impl Cut {
    /// Moves the cut to here where the mean has surely never been better; `way` 1 watches for
    /// growth, -1 for a fall.
    fn update(&mut self, all: Weighted, x: f64, way: f64, detector: &HddmW) {
        let bound = mcdiarmid(all.squares, detector.drift_confidence);
        let point = way * all.mean.unwrap_or(0.0) + bound;
        if self.point.is_none_or(|best| point < best) {
            *self = Cut { point: Some(point), before: all, after: Weighted::default() };
        } else {
            self.after.update(x, detector.lambda);
        }
    }

    fn moved(&self, way: f64, confidence: f64) -> bool {
        let (Some(before), Some(after)) = (self.before.mean, self.after.mean) else { return false };
        way * (after - before) > mcdiarmid(self.before.squares + self.after.squares, confidence)
    }
}

impl Sequential for HddmW {
    type State = Means;
    const NAME: &'static str = KIND.name;
    const LAYOUT: u8 = 1;

    fn take(&self, means: &mut Means, seen: &Observation<'_>) -> Result<Reading, NoData> {
        if means.drift {
            *means = Means::default();
        }
        let x = self.errors.of_score(seen.score);
        means.all.update(x, self.lambda);
        means.up.update(means.all, x, 1.0, self);
        means.down.update(means.all, x, -1.0, self);
        let either = |confidence: f64| {
            means.up.moved(1.0, confidence) || self.two_sided && means.down.moved(-1.0, confidence)
        };
        let (drift, warning) = (either(self.drift_confidence), either(self.warning_confidence));
        means.drift = drift;
        Ok(reading(drift, warning))
    }
}

fn build(params: &mut Params, statistic: &dyn Statistic) -> Result<Arc<dyn Detector>, ParamError> {
    Ok(Arc::new(HddmW {
        errors: Errors::of(statistic),
        drift_confidence: params.share("drift_confidence")?.unwrap_or(0.001),
        warning_confidence: params.share("warning_confidence")?.unwrap_or(0.005),
        lambda: params.share("lambda_val")?.unwrap_or(0.05),
        two_sided: params.flag("two_sided_test")?.unwrap_or(false),
    }))
}
