//! Hoeffding drift detection, averages.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::river::{DRIFT_CONFIDENCE, Errors, TWO_SIDED_TEST, WARNING_CONFIDENCE, reading};
use super::running_mean::RunningMean;
use super::{Detector, DetectorKind, NoData, Observation, Reading, Sequential};
use crate::stats::{ParamError, Params, Statistic};

/// Its entry in the registry.
pub const KIND: DetectorKind = DetectorKind {
    name: "hddm-a",
    summary: "Hoeffding's bound on averages: the mean since the last drift against its best beginning",
    details: "Keeps the beginning of the series at which the mean was surely lowest and compares the whole \
        with it by Hoeffding's inequality. Made for errors between 0 and 1. Sees sudden growth of \
        the error rate; `two_sided_test` also its fall. The bound holds at each event, not over all \
        of them, so that false alarms are rare but unbounded. Needs no reference. Equal to River's \
        `drift.binary.HDDMA`. Source: Frias-Blanco et al., IEEE TKDE 27 (2015).",
    options: &[DRIFT_CONFIDENCE, WARNING_CONFIDENCE, TWO_SIDED_TEST],
    build,
};

#[derive(Debug)]
struct HddmA {
    errors: Errors,
    drift_confidence: f64,
    warning_confidence: f64,
    two_sided: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Means {
    /// All since the last drift.
    all: RunningMean,
    /// The beginning with the surely lowest mean.
    lowest: RunningMean,
    /// The beginning with the surely highest mean.
    highest: RunningMean,
    drift: bool,
}

impl HddmA {
    fn hoeffding(&self, n: f64) -> f64 {
        (1.0 / (2.0 * n) * (1.0 / self.drift_confidence).ln()).sqrt()
    }

    /// Moves the two beginnings on.
    fn cut(&self, means: &mut Means) {
        let all = means.all;
        if means.lowest.n == 0.0 {
            (means.lowest, means.highest) = (all, all);
        }
        let (wide, Means { lowest, highest, .. }) = (self.hoeffding(all.n), means);
        if lowest.mean + self.hoeffding(lowest.n) >= all.mean + wide {
            *lowest = all;
        }
        if highest.mean - self.hoeffding(highest.n) <= all.mean - wide {
            *highest = all;
        }
    }
}

/// Whether the mean has moved up (`way` 1) or down (-1) from a beginning.
fn moved(all: RunningMean, beginning: RunningMean, way: f64, confidence: f64) -> bool {
    if beginning.n == all.n {
        return false;
    }
    let m = (all.n - beginning.n) / beginning.n * (1.0 / all.n);
    way * (all.mean - beginning.mean) >= (m / 2.0 * (2.0 / confidence).ln()).sqrt()
}

impl Sequential for HddmA {
    type State = Means;
    const NAME: &'static str = KIND.name;
    const LAYOUT: u8 = 1;

    fn take(&self, means: &mut Means, seen: &Observation<'_>) -> Result<Reading, NoData> {
        if means.drift {
            *means = Means::default();
        }
        means.all.update(self.errors.of_score(seen.score));
        self.cut(means);
        let either = |confidence: f64| {
            moved(means.all, means.lowest, 1.0, confidence)
                || self.two_sided && moved(means.all, means.highest, -1.0, confidence)
        };
        let (drift, warning) = (either(self.drift_confidence), either(self.warning_confidence));
        means.drift = drift;
        Ok(reading(drift, warning))
    }
}

fn build(params: &mut Params, statistic: &dyn Statistic) -> Result<Arc<dyn Detector>, ParamError> {
    Ok(Arc::new(HddmA {
        errors: Errors::of(statistic),
        drift_confidence: params.share("drift_confidence")?.unwrap_or(0.001),
        warning_confidence: params.share("warning_confidence")?.unwrap_or(0.005),
        two_sided: params.flag("two_sided_test")?.unwrap_or(false),
    }))
}
