//! Changed configurations.

use super::world::*;
use crate::engine::io::{Input, Table};
use crate::event::{Span, Time};
use crate::lines::{IncidentState, NoData};
use crate::plan::{NamedPath, Plan, WindowPlan};
use crate::policy::message::MessageKind;

/// One prediction a minute over these hours, on the reference's fares.
fn predictions(hours: std::ops::Range<i64>) -> Vec<Record> {
    (hours.start * 60..hours.end * 60)
        .map(|m| Record::Prediction {
            id: m as u64,
            time: m * MINUTE,
            version: "v1",
            fare: ((m * 37) % 100) as f64,
            city: "Oslo",
            said: 10.0,
        })
        .collect()
}

fn feed(house: &mut House, log: &[Record], from: usize, to: usize) {
    house.own(&[partition("p", 0)]);
    let mut slab = slab(&partition("p", 0), log, from, to);
    slab.seen = vec![(0, vec![0])];
    house.feed(slab);
}

fn drift(house: &House, from_line: usize) -> Vec<(i64, Option<NoData>)> {
    let wanted = house.lines[from_line..].iter();
    let wanted = wanted.filter(|l| &*l.monitor == "drift" && l.segment.is_whole());
    wanted.map(|l| (l.window.end.0 / HOUR, l.reason)).collect()
}

fn of_hours(mut plan: Plan, hours: i64) -> Plan {
    plan.models[0].outcomes = None;
    plan.models[0].monitors.truncate(1);
    plan.models[0].monitors[0].window =
        WindowPlan::Time { length: Span(hours * HOUR), every: Span(HOUR) };
    plan.models[0].paths =
        vec![NamedPath { name: "features.fare".into(), path: "features.fare".into() }];
    plan
}

#[test]
fn a_longer_window_is_not_full_until_it_is() {
    let log = predictions(0..40);
    let mut house = House::new(of_hours(plan(), 2));
    feed(&mut house, &log, 0, 20 * 60);
    house.replan(of_hours(plan(), 12));
    let before = house.lines.len();
    feed(&mut house, &log, 20 * 60, log.len());
    let told = drift(&house, before);
    let full = told.iter().find(|(_, reason)| reason.is_none()).unwrap().0;
    // Panes were kept for two hours and one more; the window of twelve fills up from there.
    assert!((27..=29).contains(&full), "{told:?}");
    assert!(told.iter().filter(|(end, _)| *end < full).all(|t| t.1 == Some(NoData::WindowNotFull)));
}

#[test]
fn another_path_counts_from_now() {
    let log = predictions(0..20);
    let mut house = House::new(of_hours(plan(), 2));
    feed(&mut house, &log, 0, 10 * 60);
    let mut other = of_hours(plan(), 2);
    other.models[0].paths[0].path = "features.price".into();
    house.replan(other);
    let before = house.lines.len();
    feed(&mut house, &log, 10 * 60, log.len());
    let told = drift(&house, before);
    let first = told.iter().find(|(_, reason)| reason.is_none()).unwrap().0;
    assert_eq!(first, 12, "{told:?}");
}

#[test]
fn a_renamed_monitor_leaves_nothing_under_its_old_name() {
    let log = predictions(0..20);
    let named = |name: &str, was: Option<&str>| {
        let mut plan = of_hours(plan(), 2);
        plan.models[0].monitors[0].name = name.into();
        plan.models[0].monitors[0].was = was.map(str::to_owned);
        plan
    };
    // The old name sorts after the new one: its rows would be taken back last.
    let mut house = House::new(named("psi", None));
    feed(&mut house, &log, 0, 10 * 60);
    house.replan(named("drift", Some("psi")));
    feed(&mut house, &log, 10 * 60, 15 * 60);
    house.commit();
    let old = |key: &[u8]| key.split(|byte| *byte == 0).any(|part| part == b"psi");
    let tables = [Table::Tracks, Table::Revisions];
    let rows = |old_ones: bool| {
        let mine = house.rows.keys().filter(|(table, _)| tables.contains(table));
        mine.filter(|(_, key)| old(key) == old_ones).count()
    };
    assert_eq!(rows(true), 0);
    assert!(rows(false) > 1);
}

#[test]
fn an_older_event_after_a_new_reference_makes_no_window_full() {
    let mut plan = of_hours(plan(), 4);
    plan.models[0].reference.per_version = true;
    let mut log = predictions(0..14);
    let Record::Prediction { time: older, .. } = &mut log[7 * 60 + 5] else { unreachable!() };
    *older = 7 * HOUR - MINUTE / 2;
    let mut house = House::new(plan);
    house.files = false;
    feed(&mut house, &log, 0, 7 * 60 + 4);
    house.step(Input::Reference((0, Some("v1".into())), reference()));
    let before = house.lines.len();
    for minute in 7 * 60 + 4..log.len() {
        feed(&mut house, &log, minute, minute + 1);
    }
    // Rides of the eighth hour were counted without the reference, four of them.
    let told = drift(&house, before);
    let full = told.iter().find(|(_, reason)| reason.is_none()).unwrap().0;
    assert_eq!(full, 12, "{told:?}");
}

#[test]
fn a_window_is_judged_again_though_a_crash_came_between() {
    let plan = of_hours(plan(), 2);
    let partitions = [partition("p", 0), partition("p", 1)];
    let log = predictions(0..10);
    let mut house = House::new(plan);
    house.own(&partitions);
    let wait = |house: &mut House, at: i64| {
        for partition in &partitions {
            let end = house.position(partition) as i64;
            house.step(Input::EndOffset { partition: partition.clone(), end });
        }
        house.step(Input::Tick(Time(at)));
    };
    wait(&mut house, HOUR);
    house.feed(slab(&partitions[0], &log, 0, log.len()));
    assert!(house.lines.iter().all(|line| line.revision == 0));
    // Without the other partition nothing is judged; what it held has been read all the same.
    house.own(&partitions[..1]);
    house.feed(slab(&partitions[1], &log, 0, 5 * 60));
    house.commit();
    house.crash();
    house.own(&partitions);
    wait(&mut house, 2 * HOUR);
    assert!(house.lines.iter().any(|line| line.revision > 0));
    house.commit();
    let told = house.lines.len();
    house.crash();
    house.own(&partitions);
    wait(&mut house, 3 * HOUR);
    assert!(house.lines[told..].iter().all(|line| line.revision == 0), "once is enough");
}

/// Fares that all move to the highest after five hours.
fn shifted(hours: std::ops::Range<i64>) -> Vec<Record> {
    let mut log = predictions(hours);
    for record in &mut log {
        let Record::Prediction { time, fare, .. } = record else { unreachable!() };
        *fare = if *time >= 5 * HOUR { 99.0 } else { *fare };
    }
    log
}

#[test]
fn an_incident_whose_rule_is_gone_is_over_and_whoever_was_told_hears_why() {
    let rules: [fn(&mut Plan); 3] = [
        |plan| plan.models[0].monitors[0].name = "other".into(),
        |plan| plan.models[0].monitors[0].series = vec!["prediction".into()],
        |plan| plan.models[0].name = "another".into(),
    ];
    for change in rules {
        let mut house = House::new(of_hours(plan(), 2));
        let log = shifted(0..10);
        feed(&mut house, &log, 0, log.len());
        house.commit();
        let firing = house.incidents();
        assert_eq!((firing.len(), firing[0].state), (1, IncidentState::Firing));
        let mut changed = of_hours(plan(), 2);
        change(&mut changed);
        house.replan(changed);
        let over = house.incidents();
        assert_eq!((over.len(), &over[0].key), (1, &firing[0].key));
        assert_eq!(over[0].state, IncidentState::Resolved);
        assert_eq!(over[0].resolved_by.as_deref(), Some("removed"));
        let owed: Vec<_> = house.engine.pending_messages().into_iter().map(|(m, _)| m).collect();
        assert_eq!(owed.iter().map(|m| m.kind).collect::<Vec<_>>(), [MessageKind::Resolved]);
        assert!(owed[0].data.contains("\"resolved_by\":\"removed\""), "{}", owed[0].data);
    }
}
