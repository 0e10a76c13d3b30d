//! Levels by rarity, on simulated days that differ: how often they alarm without cause, and with.

use std::sync::Arc;

use serde_json::{Value, json};

use super::KIND;
use crate::detect::tests::random::Random;
use crate::detect::{Detector, Memory, Observation, Severity};
use crate::event::Span;
use crate::stats::{
    Absences, Counts, Dtype, NumericProfile, Pair, Params, Profile, STATISTICS, Sample, Statistic,
};

const CELLS: usize = 40;
const EVENTS: usize = 500;
const DAY: Span = Span::from_secs(86_400);

/// A series whose mean differs from day to day by `effect` standard deviations of its events.
struct Series {
    profile: Profile,
    whole: Counts,
    statistic: Arc<dyn Statistic>,
    detector: Arc<dyn Detector>,
    memory: Memory,
    random: Random,
    effect: f64,
}

fn cell(value: f64) -> usize {
    ((value + 4.0) / 8.0 * CELLS as f64).clamp(0.0, (CELLS - 1) as f64) as usize
}

impl Series {
    fn new(statistic: &str, seed: u64, effect: f64, options: &Value) -> Series {
        let mut random = Random(seed);
        let spread = (1.0 + effect * effect).sqrt();
        let mut rows = vec![0u64; CELLS];
        (0..20_000).for_each(|_| rows[cell(spread * random.normal())] += 1);
        let below: Vec<u64> =
            rows.iter().scan(0, |sum, n| Some(std::mem::replace(sum, *sum + n))).collect();
        let profile = Profile::Numeric(NumericProfile {
            id: "id".into(),
            dtype: Dtype::F64,
            rows: 20_000,
            absences: Absences::default(),
            grid: (0..CELLS).map(|c| c as f64).collect(),
            at_or_below: below.iter().zip(&rows).map(|(b, n)| b + n).collect(),
            below,
        });
        let kind = STATISTICS.iter().find(|k| k.name == statistic).unwrap();
        let statistic = (kind.build)(&mut Params::default()).unwrap();
        let mut params = Params::new(options.as_object().unwrap().clone());
        let detector = (KIND.build)(&mut params, statistic.as_ref()).unwrap();
        let (whole, memory) = (profile.whole(), Memory::default());
        Series { profile, whole, statistic, detector, memory, random, effect }
    }

    /// One day of events, moved by `shift`.
    fn day(&mut self, shift: f64) -> Option<Severity> {
        let mean = shift + self.effect * self.random.normal();
        let mut counts = Counts::new(2 * CELLS + 1);
        (0..EVENTS).for_each(|_| counts.cells[2 * cell(mean + self.random.normal()) + 1] += 1);
        counts.counted = EVENTS as u64;
        let pair = Pair { profile: &self.profile, reference: &self.whole, window: &counts };
        let sample = Sample {
            events: EVENTS as u64,
            window: Some(&counts),
            pair: Some(pair),
            ..Sample::default()
        };
        let seen = Observation {
            every: DAY,
            floor: self.statistic.noise_floor(&sample),
            noise: self.statistic.noise(&sample),
            pair: Some(pair),
            ..Observation::of(self.statistic.score(&sample).unwrap().value)
        };
        self.detector.read(&seen, &mut self.memory).unwrap().beyond
    }

    /// Alarms of so many days.
    fn alarms(&mut self, days: usize, shift: f64) -> usize {
        (0..days).filter(|_| self.day(shift).is_some()).count()
    }
}

fn rarity(days: u32, calibrate: bool) -> Value {
    json!({"critical": {"false_alarm_every": format!("{days}d")}, "calibrate": calibrate})
}

/// Days differ by 0.15 standard deviations: the mean of a day varies twelve times as much as its 500
/// events alone would make it.
#[test]
fn days_that_differ_raise_no_more_alarms_than_stated() {
    for statistic in ["psi", "ks", "mann_whitney"] {
        for (every, days) in [(20, 1_500), (100, 1_500), (3_000, 3_000)] {
            let stated = days / every;
            let learnt = Series::new(statistic, 7, 0.15, &rarity(every as u32, true));
            let alarms = { learnt }.alarms(days, 0.0);
            let spread = 3.0 * (stated as f64).sqrt();
            assert!(
                alarms as f64 <= stated as f64 + spread,
                "{statistic}: {alarms} alarms in {days} days, stated {stated}"
            );
            let plain = Series::new(statistic, 7, 0.15, &rarity(every as u32, false));
            let naive = { plain }.alarms(days, 0.0);
            assert!(
                naive > 4 * stated.max(20),
                "{statistic}: {naive} alarms without, {stated} stated"
            );
        }
    }
}

/// Independent events need no calibration, and none costs them their rarity.
#[test]
fn independent_days_keep_the_statement_either_way() {
    for calibrate in [true, false] {
        let mut series = Series::new("psi", 3, 0.0, &rarity(100, calibrate));
        let alarms = series.alarms(2_000, 0.0);
        assert!((2..=35).contains(&alarms), "{alarms} in 2000 days, 20 stated");
    }
}

#[test]
fn a_change_is_still_seen() {
    for every in [50, 3_000] {
        let mut series = Series::new("psi", 11, 0.15, &rarity(every, true));
        series.alarms(300, 0.0);
        let seen = series.alarms(20, 1.0);
        assert!(seen >= 18, "{seen} of 20 days at {every}");
        // It is not learnt as normal while it lasts.
        assert!(series.alarms(100, 1.0) >= 95);
    }
}

#[test]
fn a_restart_keeps_what_was_learnt() {
    let options = rarity(50, true);
    let mut through = Series::new("ks", 5, 0.15, &options);
    let mut restarted = Series::new("ks", 5, 0.15, &options);
    for day in 0..200 {
        let shift = if day % 40 > 36 { 0.6 } else { 0.0 };
        let stored = postcard::to_stdvec(&restarted.memory).unwrap();
        restarted.memory = postcard::from_bytes(&stored).unwrap();
        assert_eq!(through.day(shift), restarted.day(shift), "{day}");
    }
    restarted.memory = Memory::default();
    let forgetful: usize = (0..30).filter(|_| restarted.day(0.0).is_some()).count();
    assert!(forgetful > through.alarms(30, 0.0), "without its past it is another detector");
}
