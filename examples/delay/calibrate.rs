//! The threshold at which a contender alarms as rarely as the e-detector states.

use crate::contender::Kind;
use crate::pane;
use crate::scene::{Law, Reference, Scene};

/// Hours between false alarms that the e-detector states: 90 days.
pub const STATED: usize = 90 * 24;
/// Runs on unchanged streams, each with its own reference.
const RUNS: u64 = 24;
/// Halvings, on a logarithmic scale.
const STEPS: usize = 7;

/// A threshold, and how rare false alarms are with it.
pub struct Calibrated {
    pub threshold: f64,
    /// Hours of unchanged streams, and the alarms in them; a run ends with its first.
    pub hours: usize,
    pub alarms: usize,
}

fn measure(kind: &Kind, scene: &Scene, threshold: f64) -> Calibrated {
    let (mut hours, mut alarms) = (0, 0);
    for seed in 1..=RUNS {
        let mut law = Law::new(seed);
        let reference = Reference::of(scene, &mut law);
        let mut contender = (kind.build)(&reference, threshold);
        let alarm = (1..=STATED).find(|_| contender.alarms(&pane(&mut law, scene, false)));
        hours += alarm.unwrap_or(STATED);
        alarms += usize::from(alarm.is_some());
    }
    Calibrated { threshold, hours, alarms }
}

/// Hours over alarms estimate the mean time between them, as far as runs of the stated length tell.
pub fn calibrate(kind: &Kind, scene: &Scene) -> Calibrated {
    let Some((mut low, mut high, greater_is_rarer)) = kind.thresholds else {
        return measure(kind, scene, 0.0);
    };
    let mut nearest: Option<Calibrated> = None;
    let off = |found: &Calibrated| {
        ((found.hours as f64 / found.alarms.max(1) as f64) / STATED as f64).ln().abs()
    };
    for _ in 0..STEPS {
        let found = measure(kind, scene, f64::sqrt(low * high));
        let is_rarer = found.hours > found.alarms * STATED;
        if is_rarer == greater_is_rarer {
            high = found.threshold
        } else {
            low = found.threshold
        }
        if nearest.as_ref().is_none_or(|before| off(&found) <= off(before)) {
            nearest = Some(found);
        }
    }
    nearest.unwrap_or_else(|| measure(kind, scene, low))
}
