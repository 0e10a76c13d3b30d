//! Counts of closed panes lie in the store alone, and nothing that is said changes by it.

use super::world::*;
use crate::event::{Span, Time};
use crate::lines::{NoData, ScoreLine, WindowLine};
use crate::plan::{Plan, WindowPlan};

/// Fares of one city that move with the hour, a prediction every two minutes.
fn predictions(minutes: std::ops::Range<i64>, first_id: u64) -> Vec<Record> {
    let record = |(place, minute): (usize, i64)| Record::Prediction {
        id: first_id + place as u64,
        time: minute * MINUTE,
        version: "v1",
        fare: ((minute * 37) % 100 + minute / 60) as f64,
        city: if minute % 4 == 0 { "Oslo" } else { "Bergen" },
        said: 10.0,
    };
    minutes.step_by(2).enumerate().map(record).collect()
}

fn windows(length: i64, every: i64) -> Plan {
    let mut plan = plan();
    plan.models[0].outcomes = None;
    plan.models[0].monitors.truncate(1);
    plan.models[0].monitors[0].window =
        WindowPlan::Time { length: Span(length), every: Span(every) };
    plan
}

/// Reads the log hour by hour, with or without a commit after each.
fn read(plan: Plan, log: &[Record], commits: bool) -> House {
    let mut house = House::new(plan);
    house.own(&[partition("p", 0)]);
    for from in (0..log.len()).step_by(30) {
        house.feed(slab(&partition("p", 0), log, from, log.len().min(from + 30)));
        if commits {
            house.commit();
        }
    }
    house
}

/// Panes whose counts are in memory.
fn at_hand(house: &House) -> usize {
    let panes = house.engine.models[0].time.panes.values();
    panes.filter(|pane| pane.series.is_some()).count()
}

#[test]
fn judged_panes_leave_memory_and_windows_say_the_same() {
    let log = predictions(0..40 * 60, 0);
    let mut all = read(windows(12 * HOUR, HOUR), &log, false);
    let few = read(windows(12 * HOUR, HOUR), &log, true);
    // The whole and two cities: in the open pane, and in the one that lateness keeps open.
    assert!(at_hand(&few) <= 6, "{}", at_hand(&few));
    assert!(at_hand(&all) > 36);
    assert_eq!(few.lines, all.lines);
    assert!(few.lines.iter().any(|line| line.score.is_some_and(|score| score > 0.0)));
    all.commit();
    assert_eq!(few.export(), all.export());
}

#[test]
fn a_restart_judges_on_from_the_store() {
    let log = predictions(0..40 * 60, 0);
    let all = read(windows(12 * HOUR, HOUR), &log, true);
    let mut house = read(windows(12 * HOUR, HOUR), &log[..600], true);
    house.crash();
    assert_eq!(at_hand(&house), 0);
    house.own(&[partition("p", 0)]);
    house.feed(slab(&partition("p", 0), &log, 600, log.len()));
    house.commit();
    assert_eq!(house.lines, all.lines);
    assert_eq!(house.export(), all.export());
}

#[test]
fn what_comes_for_a_pane_that_left_memory_is_added_to_it() {
    let (first, late) = (predictions(0..10 * 60, 0), predictions(2 * 60..3 * 60, 100_000));
    let partitions = [partition("p", 0), partition("p", 1)];
    let run = |idle: bool| {
        let mut house = House::new(windows(8 * HOUR, HOUR));
        house.own(&partitions);
        if idle {
            // Nothing is known of the other partition but that it holds nothing.
            let ends = partitions.each_ref().map(|p| (p.clone(), 0));
            for (partition, end) in ends {
                house.step(crate::engine::io::Input::EndOffset { partition, end });
            }
            house.step(crate::engine::io::Input::Tick(Time(HOUR)));
        }
        house.feed(slab(&partitions[0], &first, 0, first.len()));
        house.commit();
        let shelved = at_hand(&house) < 15;
        house.feed(slab(&partitions[1], &late, 0, late.len()));
        house.commit();
        (house, shelved)
    };
    let ((restated, true), (undisturbed, false)) = (run(true), run(false)) else {
        panic!("panes must have left memory in the one run, and not in the other");
    };
    assert!(restated.lines.iter().any(|line| line.revision > 0));
    assert_eq!(restated.export(), undisturbed.export());
}

#[test]
fn panes_become_wider_with_the_counts_that_left_memory() {
    let log = predictions(0..20 * 60, 0);
    let mut house = read(windows(4 * HOUR, HOUR), &log, true);
    house.replan(windows(4 * HOUR, 2 * HOUR));
    house.commit();
    let wide = read(windows(4 * HOUR, 2 * HOUR), &log, true);
    let panes = |house: &House| {
        let lines = house.export().into_iter().filter(|line| line["type"] == "pane");
        // Those that only one of the two still keeps are of no interest.
        lines.filter(|line| line["start"].as_str() >= Some("1970-01-01T16")).collect::<Vec<_>>()
    };
    assert!(panes(&wide).len() >= 3);
    assert_eq!(panes(&house), panes(&wide));
}

#[test]
fn a_pane_without_its_counts_takes_about_two_kilobytes() {
    let bytes = size_of::<crate::window::Pane>();
    assert!(bytes <= 2048, "{bytes}");
}

/// Rides of a window and segment, counted one by one.
fn counted(log: &[Record], line: &ScoreLine) -> u64 {
    let within = |record: &&Record| match record {
        Record::Prediction { time, city, .. } => {
            (line.window.start.0..line.window.end.0).contains(time)
                && (line.segment.is_whole() || line.segment.to_string().contains(city))
        }
        _ => false,
    };
    log.iter().filter(within).count() as u64
}

fn assert_counted(house: &House, log: &[Record]) {
    let full = house.lines.iter().filter(|line| line.reason != Some(NoData::WindowNotFull));
    let full: Vec<_> = full.collect();
    assert!(full.len() > 20);
    for line in full {
        let told = (&line.monitor, line.segment.to_string(), line.window.end, line.window.events);
        assert_eq!(line.window.events, counted(log, line), "{told:?}");
    }
}

#[test]
fn a_long_hop_beside_a_short_one_counts_every_pane_once() {
    let mut plan = windows(12 * HOUR, 4 * HOUR);
    let mut fast = monitor("fast", &["features.fare"], "psi", serde_json::json!({"critical": 0.5}));
    fast.window = WindowPlan::Time { length: Span(HOUR), every: Span(HOUR / 3) };
    plan.models[0].monitors.push(fast);
    let log = predictions(0..60 * 60, 0);
    let house = read(plan, &log, true);
    assert!(house.lines.iter().any(|line| &*line.monitor == "drift" && line.reason.is_none()));
    assert_counted(&house, &log);
}

#[test]
fn a_segment_that_comes_back_holds_nothing_of_long_ago() {
    let mut log = predictions(0..40 * 60, 0);
    for record in &mut log {
        let Record::Prediction { time, city, .. } = record else { continue };
        *city = if matches!(*time / HOUR, 0 | 14 | 15 | 29) { "Oslo" } else { "Bergen" };
    }
    assert_counted(&read(windows(12 * HOUR, HOUR), &log, true), &log);
}

#[test]
fn a_version_that_gets_its_own_reference_takes_its_counts_along() {
    let mut plan = windows(4 * HOUR, HOUR);
    plan.models[0].reference.per_version = true;
    let mut log = predictions(0..12 * 60, 0);
    for record in &mut log {
        let Record::Prediction { time, version, .. } = record else { continue };
        *version = if *time < 4 * HOUR { "v1" } else { "v2" };
    }
    let mut house = House::new(plan);
    house.own(&[partition("p", 0)]);
    let mut switched = 0;
    for from in (0..log.len()).step_by(30) {
        house.files = from < 120;
        if from == 7 * 30 {
            let mut own = (*reference()).clone();
            own.id = "ref-2".into();
            let version = (0, Some("v2".into()));
            house.step(crate::engine::io::Input::Reference(version, own.into()));
            switched = house.lines.len();
        }
        house.feed(slab(&partition("p", 0), &log, from, from + 30));
        house.commit();
    }
    let mut old = 0;
    for line in house.lines[switched..].iter().filter(|l| l.version.as_deref() == Some("v1")) {
        let before = (4 * HOUR).clamp(line.window.start.0, line.window.end.0);
        let window = WindowLine { end: Time(before), ..line.window };
        let mine = ScoreLine { window, ..line.clone() };
        assert_eq!(line.window.events, counted(&log, &mine), "{:?}", line.window);
        old += 1;
    }
    assert!(old > 0);
}
