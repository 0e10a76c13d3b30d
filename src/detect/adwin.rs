//! Adaptive windowing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::river::reading;
use super::{Detector, DetectorKind, NoData, Observation, Reading, Sequential};
use crate::stats::{OptionDoc, ParamError, Params, Statistic};

/// Its entry in the registry.
pub const KIND: DetectorKind = DetectorKind {
    name: "adwin",
    summary: "adaptive windowing: critical where two parts of the scores since the last drift have different means",
    details: "Keeps the scores since the last drift in buckets of exponentially growing size and \
        compares every older part with the newer rest; a difference beyond a bound of Bernstein's \
        kind is a drift. `delta` nearly bounds the probability of a false drift at each look, for \
        independent scores between 0 and 1, not over all looks, so that false alarms are rare but \
        unbounded. Sees changes of the mean in both directions, also slow ones; does not see a change of \
        spread alone. Needs no reference. Equal to River's `drift.ADWIN`. Source: Bifet & Gavalda, \
        Learning from time-changing data with adaptive windowing, SIAM Data Mining 2007.",
    options: &[
        OptionDoc {
            name: "delta",
            kind: "number",
            default: "0.002",
            doc: "significance: the smaller, the fewer false alarms",
        },
        OptionDoc {
            name: "clock",
            kind: "whole number",
            default: "32",
            doc: "looks for a drift at every so many scores",
        },
        OptionDoc {
            name: "max_buckets",
            kind: "whole number",
            default: "5",
            doc: "buckets of one size before two are merged",
        },
        OptionDoc {
            name: "min_window_length",
            kind: "whole number",
            default: "5",
            doc: "scores that either part must hold at least",
        },
        OptionDoc {
            name: "grace_period",
            kind: "whole number",
            default: "10",
            doc: "scores before the first look",
        },
    ],
    build,
};

#[derive(Debug)]
struct Adwin {
    delta: f64,
    clock: u64,
    max_buckets: usize,
    min_window_length: f64,
    grace_period: f64,
}

/// Sum and sum of squared deviations of 2^row successive scores.
type Bucket = (f64, f64);

#[derive(Debug, Default, Serialize, Deserialize)]
struct Window {
    /// Row i holds buckets of 2^i scores, oldest first; the oldest scores are in the last row.
    rows: Vec<Vec<Bucket>>,
    width: f64,
    total: f64,
    /// Sum of squared deviations from the mean.
    variance: f64,
    taken: u64,
    drift: bool,
}

impl Window {
    fn insert(&mut self, x: f64, max_buckets: usize) {
        self.taken += 1;
        self.width += 1.0;
        if self.width > 1.0 {
            let deviation = x - self.total / (self.width - 1.0);
            self.variance += (self.width - 1.0) * deviation * deviation / self.width;
        }
        self.total += x;
        self.push(0, (x, 0.0));
        let mut row = 0;
        while self.rows.get(row).is_some_and(|buckets| buckets.len() > max_buckets) {
            let oldest: Vec<Bucket> = self.rows[row].drain(..2).collect();
            self.push(row + 1, merged(oldest[0], oldest[1], size(row)));
            row += 1;
        }
    }

    fn push(&mut self, row: usize, bucket: Bucket) {
        if row == self.rows.len() {
            self.rows.push(Vec::new());
        }
        self.rows[row].push(bucket);
    }
}

/// Scores in a bucket of a row.
fn size(row: usize) -> f64 {
    2f64.powi(row as i32)
}

/// Two buckets of `n` scores each as one.
fn merged(a: Bucket, b: Bucket, n: f64) -> Bucket {
    let difference = a.0 / n - b.0 / n;
    (a.0 + b.0, a.1 + b.1 + n * 0.5 * difference * difference)
}

impl Adwin {
    /// Whether some older part differs from the newer rest.
    fn cuts(&self, window: &Window) -> bool {
        let (mut n0, mut n1) = (0.0, window.width);
        let (mut sum0, mut sum1) = (0.0, window.total);
        for (row, buckets) in window.rows.iter().enumerate().rev() {
            for (place, bucket) in buckets.iter().enumerate() {
                n0 += size(row);
                n1 -= size(row);
                sum0 += bucket.0;
                sum1 -= bucket.0;
                if row == 0 && place + 1 == buckets.len() {
                    return false;
                }
                let long_enough = n0 >= self.min_window_length && n1 >= self.min_window_length;
                if long_enough && (sum0 / n0 - sum1 / n1).abs() > self.bound(window, n0, n1) {
                    return true;
                }
            }
        }
        false
    }

    fn bound(&self, window: &Window, n0: f64, n1: f64) -> f64 {
        let delta = (2.0 * window.width.ln() / self.delta).ln();
        let shorter =
            1.0 / (n0 - self.min_window_length + 1.0) + 1.0 / (n1 - self.min_window_length + 1.0);
        (2.0 * shorter * (window.variance / window.width) * delta).sqrt()
            + 2.0 / 3.0 * delta * shorter
    }
}

impl Sequential for Adwin {
    type State = Window;
    const NAME: &'static str = KIND.name;
    const LAYOUT: u8 = 1;

    fn take(&self, window: &mut Window, seen: &Observation<'_>) -> Result<Reading, NoData> {
        if window.drift {
            *window = Window::default();
        }
        window.insert(seen.score, self.max_buckets);
        let looks = window.taken.is_multiple_of(self.clock) && window.width > self.grace_period;
        window.drift = looks && self.cuts(window);
        Ok(reading(window.drift, false))
    }
}

fn build(params: &mut Params, _: &dyn Statistic) -> Result<Arc<dyn Detector>, ParamError> {
    let delta = params.share("delta")?.unwrap_or(0.002);
    let mut at_least_1 = |key: &str, default: u64| match params.whole(key)?.unwrap_or(default) {
        0 => Err(ParamError::new(key, "must be at least 1")),
        n => Ok(n),
    };
    Ok(Arc::new(Adwin {
        delta,
        clock: at_least_1("clock", 32)?,
        max_buckets: at_least_1("max_buckets", 5)?.min(1000) as usize,
        min_window_length: at_least_1("min_window_length", 5)? as f64,
        grace_period: params.whole("grace_period")?.unwrap_or(10) as f64,
    }))
}

/// Width, sum and sum of squared deviations, for the comparison with River.
#[cfg(test)]
pub(super) fn seen(memory: &super::Memory) -> Vec<f64> {
    let window: Window = memory.recall(KIND.name, Adwin::LAYOUT);
    vec![window.width, window.total, window.variance]
}
