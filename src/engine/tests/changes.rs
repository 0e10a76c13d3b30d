//! Changed configurations.

use super::world::*;
use crate::engine::io::Table;
use crate::event::Span;
use crate::lines::NoData;
use crate::plan::{NamedPath, Plan, WindowPlan};

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
fn a_renamed_model_leaves_nothing_under_its_old_name() {
    let log = predictions(0..20);
    let mut house = House::new(of_hours(plan(), 2));
    feed(&mut house, &log, 0, 10 * 60);
    let mut renamed = of_hours(plan(), 2);
    renamed.models[0].name = "need".into();
    renamed.models[0].was = Some("demand".into());
    house.replan(renamed);
    house.commit();
    let old = |key: &[u8]| key.starts_with(b"demand\0") || key == b"demand";
    let tables = [Table::Models, Table::Panes, Table::Counts, Table::Tracks, Table::Revisions];
    let left = house.rows.keys().filter(|(t, key)| tables.contains(t) && old(key)).count();
    assert_eq!(left, 0);
    house.crash();
    let before = house.lines.len();
    feed(&mut house, &log, 10 * 60, log.len());
    assert!(drift(&house, before).iter().all(|(_, reason)| reason.is_none()));
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
