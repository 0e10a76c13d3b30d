//! Windows that are judged against earlier ones.

use std::collections::BTreeMap;

use serde_json::json;

use super::season::{JUDGED, LEARNT, beyond, judged_by, local, rides, run, scored, start, town};
use super::world::*;
use crate::engine::io::Input;
use crate::event::{Span, Time};
use crate::lines::{NoData, ScoreLine, Verdict};
use crate::plan::{MonitorPlan, Plan, WindowPlan};

const WEEK: i64 = 7 * 24;

/// The town with its rhythm, judged against the same hours of last week.
fn against_last_week() -> Plan {
    let mut plan = town(false);
    let week = |name, statistic, level: f64| MonitorPlan {
        against: Some(Span(WEEK * HOUR)),
        ..judged_by(name, statistic, "threshold", json!({"critical": level}), false)
    };
    plan.models[0].monitors = vec![week("ks", "ks", 0.25), week("psi", "psi", 0.5)];
    plan
}

fn hour_of(line: &ScoreLine) -> i64 {
    (line.window.start.0 - start()) / HOUR
}

#[test]
fn the_second_week_of_a_rhythm_is_judged_against_the_first_and_raises_nothing() {
    let house = run(against_last_week(), &rides(|_| 0.0), false);
    for monitor in ["ks", "psi"] {
        let alarm = beyond(&house, monitor).into_iter().next();
        assert!(alarm.is_none(), "{monitor}: {alarm:?}");
        assert!(scored(&house, monitor) > WEEK as usize - 10, "{}", scored(&house, monitor));
    }
    let of_first_week = |line: &&ScoreLine| (LEARNT + 1..LEARNT + WEEK).contains(&hour_of(line));
    let first_week: Vec<&ScoreLine> = house.lines.iter().filter(of_first_week).collect();
    assert!(first_week.len() > 300, "{}", first_week.len());
    for line in first_week {
        assert_eq!(line.reason, Some(NoData::NoEarlierWindow), "{line:?}");
    }
}

#[test]
fn the_hours_that_differ_from_last_week_are_found_and_no_others() {
    let since = LEARNT + 9 * 24;
    let rush = |hour: i64| matches!(local(hour), (0..=4, 7..=8 | 15..=16));
    let moved = move |hour: i64| if hour >= since && rush(hour) { 12.0 } else { 0.0 };
    let log = rides(moved);
    let mut plan = against_last_week();
    // What its level is follows from the windows so far, which a restart must not forget.
    let level = json!({"critical": {"false_alarm_every": "2d"}});
    plan.models[0].monitors.push(MonitorPlan {
        against: Some(Span(WEEK * HOUR)),
        ..judged_by("learnt", "ks", "threshold", level, false)
    });
    let (house, crashed) = (run(plan.clone(), &log, false), run(plan, &log, true));
    assert!(!beyond(&house, "learnt").is_empty());
    let wanted: Vec<i64> = (since..LEARNT + JUDGED - 1).filter(|hour| rush(*hour)).collect();
    assert!(!wanted.is_empty());
    for monitor in ["ks", "psi"] {
        let found: Vec<i64> = beyond(&house, monitor).iter().map(hour_of).collect();
        assert_eq!(found, wanted, "{monitor}");
    }
    assert_eq!(house.verdicts(), crashed.verdicts());
}

/// The largest distance of two empirical distributions of whole numbers, from their raw values.
fn ks(a: &[i64], b: &[i64]) -> f64 {
    let share = |of: &[i64], x| of.iter().filter(|v| **v <= x).count() as f64 / of.len() as f64;
    (0..100).map(|x| (share(a, x) - share(b, x)).abs()).fold(0.0, f64::max)
}

#[test]
fn scores_are_those_of_the_raw_values_of_both_windows() {
    let log = rides(|hour| f64::from(u8::from(hour > LEARNT + 10 * 24)) * 5.0);
    let house = run(against_last_week(), &log, false);
    let mut by_hour: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for record in &log {
        let Record::Prediction { time, fare, .. } = record else { unreachable!() };
        by_hour.entry((time - start()) / HOUR).or_default().push(*fare as i64);
    }
    let lines = house.lines.iter().filter(|l| &*l.monitor == "ks");
    let scored: Vec<&ScoreLine> = lines.filter(|l| l.score.is_some()).collect();
    assert!(scored.len() > 100);
    for line in scored {
        let (now, then) = (&by_hour[&hour_of(line)], &by_hour[&(hour_of(line) - WEEK)]);
        assert!((line.score.unwrap() - ks(now, then)).abs() < 1e-12, "{line:?}");
        let against = line.against.unwrap();
        assert_eq!(against.start, Time(line.window.start.0 - WEEK * HOUR));
        assert_eq!((against.events, against.support), (then.len() as u64, then.len() as u64));
        assert_eq!(line.reference_events, Some(then.len() as u64));
    }
}

#[test]
fn a_window_that_held_too_little_then_is_no_reason_to_alarm_now() {
    let outage = LEARNT + 30;
    let mut log = rides(|_| 0.0);
    log.retain(|record| {
        let Record::Prediction { time, id, .. } = record else { return true };
        (time - start()) / HOUR != outage || *id % 100 == 0
    });
    let mut plan = against_last_week();
    plan.models[0].monitors.iter_mut().for_each(|monitor| monitor.min_events = 50);
    let house = run(plan, &log, false);
    let later: Vec<&ScoreLine> =
        house.lines.iter().filter(|l| hour_of(l) == outage + WEEK).collect();
    assert_eq!(later.len(), 2);
    for line in later {
        assert_eq!((line.verdict, line.reason), (Verdict::NoData, Some(NoData::NoEarlierWindow)));
    }
}

/// Sixteen hours of errors that double after the eighth; each hour judged against what was two hours
/// before, without any reference.
fn doubled_errors(worse: MonitorPlan) -> House {
    let mut plan = plan();
    plan.models[0].monitors = vec![MonitorPlan {
        against: Some(Span(2 * HOUR)),
        window: WindowPlan::Time { length: Span(HOUR), every: Span(HOUR) },
        by: Vec::new(),
        min_coverage: 0.5,
        ..worse
    }];
    let (mut predictions, mut outcomes) = (Vec::new(), Vec::new());
    for minute in 0..16 * 60 {
        let (id, time) = (minute as u64, minute * MINUTE);
        let error = if minute < 8 * 60 { 1.0 } else { 2.0 };
        predictions.push(Record::Prediction {
            id,
            time,
            version: "v1",
            fare: 1.0,
            city: "Oslo",
            said: 10.0,
        });
        // Of one hour hardly any outcome comes.
        if minute / 60 != 4 || minute % 10 == 0 {
            outcomes.push(Record::Outcome { id, time: time + MINUTE, was: Some(10.0 + error) });
        }
    }
    let mut house = House::new(plan);
    let (p, o) = (partition("p", 0), partition("o", 0));
    house.own(&[p.clone(), o.clone()]);
    house.feed(slab(&p, &predictions, 0, predictions.len()));
    house.feed(slab(&o, &outcomes, 0, outcomes.len()));
    house
}

#[test]
fn errors_are_compared_with_those_of_before() {
    let levels = json!({"critical": 0.5});
    let house = doubled_errors(monitor("residuals", &["model"], "error_ks", levels));
    let scores: BTreeMap<i64, Option<f64>> =
        house.lines.iter().map(|l| (l.window.start.0 / HOUR, l.score)).collect();
    assert_eq!((scores[&2], scores[&7], scores[&12]), (Some(0.0), Some(0.0), Some(0.0)));
    assert_eq!((scores[&8], scores[&9]), (Some(1.0), Some(1.0)));
    let line = house.lines.iter().find(|l| l.window.start.0 == 8 * HOUR).unwrap();
    assert_eq!((line.verdict, line.against.unwrap().support), (Verdict::Critical, 60));
    assert!(line.noise_floor.is_some_and(|floor| floor > 0.2 && floor < 0.4), "{line:?}");
}

#[test]
fn a_metric_is_worse_than_it_was_until_it_was_as_bad_then() {
    let levels = json!({"critical": {"worse_by": "50%"}});
    let house = doubled_errors(monitor("worse", &["model"], "mae", levels));
    let said: BTreeMap<i64, (Verdict, Option<NoData>)> =
        house.lines.iter().map(|l| (l.window.start.0 / HOUR, (l.verdict, l.reason))).collect();
    for hour in [0, 1] {
        assert_eq!(said[&hour], (Verdict::NoData, Some(NoData::NoEarlierWindow)));
    }
    assert_eq!(said[&4].1, Some(NoData::LowCoverage));
    assert_eq!(said[&6], (Verdict::NoData, Some(NoData::NoEarlierWindow)));
    for (hour, verdict) in [(2, Verdict::Ok), (7, Verdict::Ok), (8, Verdict::Critical)] {
        assert_eq!(said[&hour].0, verdict, "{hour}");
    }
    assert_eq!((said[&9].0, said[&10].0), (Verdict::Critical, Verdict::Ok));
    let line = house.lines.iter().find(|l| l.window.start.0 == 8 * HOUR).unwrap();
    assert_eq!((line.score, line.against.unwrap().support), (Some(2.0), 60));
}

/// Records of a partition that was idle come late for the third hour: the seventh is judged again,
/// four hours later.
#[test]
fn what_comes_late_for_the_earlier_window_judges_the_later_one_again() {
    let drift = monitor("drift", &["features.fare"], "psi", json!({"critical": 0.9}));
    let mut plan = plan();
    plan.models[0].outcomes = None;
    plan.models[0].monitors = vec![MonitorPlan {
        against: Some(Span(4 * HOUR)),
        window: WindowPlan::Time { length: Span(HOUR), every: Span(HOUR) },
        by: Vec::new(),
        ..drift
    }];
    let predictions = |minutes: std::ops::Range<i64>, first: u64| -> Vec<Record> {
        let of = |minute: i64| Record::Prediction {
            id: first + minute as u64,
            time: minute * MINUTE,
            version: "v1",
            fare: (minute * 37 % 100) as f64,
            city: "Oslo",
            said: 10.0,
        };
        minutes.map(of).collect()
    };
    let (first, late) = (predictions(0..10 * 60, 0), predictions(2 * 60..3 * 60, 100_000));
    let partitions = [partition("p", 0), partition("p", 1)];
    let mut house = House::new(plan);
    house.own(&partitions);
    for partition in partitions.clone() {
        house.step(Input::EndOffset { partition, end: 0 });
    }
    house.step(Input::Tick(Time(HOUR)));
    house.feed(slab(&partitions[0], &first, 0, first.len()));
    house.commit();
    house.feed(slab(&partitions[1], &late, 0, late.len()));
    house.commit();
    let mut seen: BTreeMap<i64, Vec<(u32, u64)>> = BTreeMap::new();
    for line in &house.lines {
        let earlier = line.against.unwrap().events;
        seen.entry(line.window.start.0 / HOUR).or_default().push((line.revision, earlier));
    }
    assert_eq!(seen[&5], [(0, 60)]);
    assert_eq!(seen[&6], [(0, 60), (1, 120)]);
    assert_eq!(seen[&7], [(0, 60)]);
}
