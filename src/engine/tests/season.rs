//! A town with a strong rhythm of the day and the week, whose clocks go back on the way.

use std::sync::OnceLock;

use serde_json::json;

use super::world::*;
use crate::detect::DETECTORS;
use crate::event::{Rhythm, Season, Span, Time};
use crate::lines::{NoData, ScoreLine, Verdict};
use crate::plan::{Learn, MonitorPlan, Plan, ReferencePlan, WindowPlan};
use crate::stats::{Params, STATISTICS};

/// A Monday in summer time; the clocks of Oslo go back on the third Sunday after it.
const START: &str = "2026-10-05T00:00:00Z";
pub(super) const LEARNT: i64 = 28 * 24;
pub(super) const JUDGED: i64 = 14 * 24;

pub(super) fn start() -> i64 {
    Time::parse(START).unwrap().0
}

/// Weekday (Monday is 0) and hour by the clocks of Oslo, worked out by hand.
pub(super) fn local(hour: i64) -> (i64, i64) {
    let back = Time::parse("2026-10-25T01:00:00Z").unwrap().0;
    let ahead = if start() + hour * HOUR < back { 2 } else { 1 };
    ((hour + ahead) / 24 % 7, (hour + ahead) % 24)
}

/// Rides per hour and where their fares lie.
fn rhythm(hour: i64) -> (i64, f64) {
    match local(hour) {
        (5.., 10..=23) => (240, 60.0),
        (5.., _) => (150, 45.0),
        (_, 7..=8 | 15..=16) => (360, 70.0),
        (_, 6..=22) => (240, 40.0),
        (_, _) => (150, 25.0),
    }
}

/// Fares of an hour; `moved` lowers those of the given hours.
pub(super) fn rides(moved: impl Fn(i64) -> f64) -> Vec<Record> {
    let mut seed = 20_261_005u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (seed >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut rides = Vec::new();
    for hour in 0..LEARNT + JUDGED {
        let (n, level) = rhythm(hour);
        for i in 0..n {
            let spread = 24.0 * (random() + random() + random() - 1.5);
            rides.push(Record::Prediction {
                id: rides.len() as u64,
                time: start() + hour * HOUR + i * HOUR / n,
                version: "v1",
                fare: (level + spread - moved(hour)).round().clamp(0.0, 99.0),
                city: "Oslo",
                said: 10.0,
            });
        }
    }
    rides
}

pub(super) fn judged_by(
    name: &str,
    statistic: &str,
    detector: &str,
    options: serde_json::Value,
    seasonal: bool,
) -> MonitorPlan {
    let plain = monitor(name, &["features.fare"], statistic, json!({"critical": 9.0}));
    let kind = STATISTICS.iter().find(|k| k.name == statistic).unwrap();
    let statistic = (kind.build)(&mut Params::default()).unwrap();
    let kind = DETECTORS.iter().find(|k| k.name == detector).unwrap();
    let serde_json::Value::Object(options) = options else { unreachable!() };
    MonitorPlan {
        detector: (kind.build)(&mut Params::new(options), statistic.as_ref()).unwrap(),
        statistic,
        window: WindowPlan::Time { length: Span(HOUR), every: Span(HOUR) },
        seasonal,
        by: Vec::new(),
        ..plain
    }
}

pub(super) fn town(season: bool) -> Plan {
    let mut plan = plan();
    let model = &mut plan.models[0];
    model.outcomes = None;
    model.dimensions.clear();
    model.season = season.then(|| Season::new(Rhythm::HourOfWeek, "Europe/Oslo").unwrap());
    let learn = Some(Learn::Span(Span(LEARNT * HOUR)));
    model.reference = ReferencePlan { file: false, per_version: false, learn };
    model.monitors = vec![
        judged_by("evidence", "psi", "e-detector", json!({}), season),
        judged_by("ks", "ks", "threshold", json!({"critical": 0.2}), season),
        judged_by("psi", "psi", "threshold", json!({"critical": 0.25}), season),
    ];
    plan
}

pub(super) fn run(plan: Plan, log: &[Record], crash: bool) -> House {
    let mut house = House::new(plan);
    house.files = false;
    let p = partition("p", 0);
    house.own(std::slice::from_ref(&p));
    for from in (0..log.len()).step_by(4_000) {
        house.feed(slab(&p, log, from, (from + 4_000).min(log.len())));
        house.commit();
        // While it learns, rows fill the store.
        if crash && from > log.len() / 4 * 3 && from % 16_000 == 0 {
            house.crash();
            house.own(std::slice::from_ref(&p));
        }
    }
    house
}

/// Windows with a verdict beyond a level, by monitor.
pub(super) fn beyond(house: &House, monitor: &str) -> Vec<ScoreLine> {
    let found = |l: &&ScoreLine| matches!(l.verdict, Verdict::Warning | Verdict::Critical);
    house.lines.iter().filter(|l| &*l.monitor == monitor).filter(found).cloned().collect()
}

pub(super) fn scored(house: &House, monitor: &str) -> usize {
    house.lines.iter().filter(|l| &*l.monitor == monitor && l.score.is_some()).count()
}

fn unchanged() -> &'static [Record] {
    static LOG: OnceLock<Vec<Record>> = OnceLock::new();
    LOG.get_or_init(|| rides(|_| 0.0))
}

#[test]
fn two_weeks_of_rush_hours_and_weekends_raise_nothing_with_a_season() {
    let house = run(town(true), unchanged(), false);
    for monitor in ["evidence", "ks", "psi"] {
        assert!(scored(&house, monitor) > 320, "{monitor} {}", scored(&house, monitor));
        let alarm = beyond(&house, monitor).into_iter().next();
        assert!(alarm.is_none(), "{monitor}: {alarm:?}");
    }
    assert!(house.incidents().is_empty());
    let line = house.lines.iter().find(|l| l.score.is_some()).unwrap();
    let season = line.season.unwrap();
    assert_eq!((season.slots, season.hour_of_day, season.pooled), (1, 0.0, 0.0));
    assert!(line.reference_events < Some(4 * 361), "{line:?}");
}

#[test]
fn without_a_season_they_raise_alarms_all_day() {
    let house = run(town(false), unchanged(), false);
    // The e-detector takes part of the rhythm for a habit of bursts.
    for (monitor, least) in [("evidence", 5), ("ks", 150), ("psi", 150)] {
        let alarms = beyond(&house, monitor).len();
        assert!(alarms > least, "{monitor} raised {alarms}");
    }
}

/// Rush hours of the last three working days look like the rest of the day: nothing that the town
/// has not seen, at the wrong time.
#[test]
fn a_change_within_one_slot_is_found() {
    let since = LEARNT + 9 * 24;
    let rush = |hour: i64| matches!(local(hour), (0..=4, 7..=8 | 15..=16));
    let moved = move |hour: i64| if hour >= since && rush(hour) { 12.0 } else { 0.0 };
    let house = run(town(true), &rides(moved), false);
    for monitor in ["evidence", "ks", "psi"] {
        let found = beyond(&house, monitor);
        let first = found.iter().map(|l| l.window.end).min();
        let wanted = (since..since + 24).find(|hour| rush(*hour)).unwrap() + 1;
        assert_eq!(first, Some(Time(start() + wanted * HOUR)), "{monitor}");
    }
    // Judged alone, every such hour is found and no other.
    for line in beyond(&house, "psi") {
        assert!(rush((line.window.start.0 - start()) / HOUR), "{line:?}");
    }
    let changed = (since..LEARNT + JUDGED - 1).filter(|hour| rush(*hour)).count();
    assert_eq!(beyond(&house, "psi").len(), changed);
}

#[test]
fn a_crash_changes_nothing_that_a_season_judges() {
    let moved = |hour: i64| if hour >= LEARNT + 9 * 24 { 10.0 } else { 0.0 };
    let log = rides(moved);
    let (through, crashed) = (run(town(true), &log, false), run(town(true), &log, true));
    assert!(!beyond(&through, "evidence").is_empty());
    assert_eq!(through.verdicts(), crashed.verdicts());
}

/// A day-long window holds 24 slots in the shares of its own events.
#[test]
fn longer_windows_are_judged_against_the_mix_of_their_hours() {
    let mut plan = town(true);
    for monitor in &mut plan.models[0].monitors {
        monitor.window = WindowPlan::Time { length: Span(24 * HOUR), every: Span(3 * HOUR) };
    }
    assert_eq!(plan.models[0].pane_width(), Span(HOUR));
    let house = run(plan, unchanged(), false);
    for monitor in ["evidence", "ks", "psi"] {
        assert!(scored(&house, monitor) > 90);
        let alarm = beyond(&house, monitor).into_iter().next();
        assert!(alarm.is_none(), "{monitor}: {alarm:?}");
    }
    let line = house.lines.iter().rfind(|l| l.score.is_some()).unwrap();
    assert_eq!(line.season.unwrap().slots, 24);
    assert!(line.score < Some(0.05), "{line:?}");
}

#[test]
fn a_reference_that_was_learnt_without_the_season_has_a_reason() {
    let mut house = run(town(false), &unchanged()[..unchanged().len() * 3 / 4], false);
    let before = house.lines.len();
    house.replan(town(true));
    let p = partition("p", 0);
    house.own(std::slice::from_ref(&p));
    let from = house.position(&p);
    house.feed(slab(&p, unchanged(), from, unchanged().len()));
    let later = &house.lines[before..];
    let unfit = later.iter().filter(|l| l.reason == Some(NoData::NoSlots)).count();
    assert!(unfit > 50, "{unfit}");
    assert!(later.iter().all(|l| l.score.is_none()));
}
