use std::collections::BTreeSet;

use super::world::*;
use crate::engine::Export;
use crate::engine::io::{Input, Table};
use crate::event::{Span, Time};
use crate::lines::{IncidentState, NoData, Segment, Verdict};
use crate::policy::message::Command;

fn prediction(id: u64, time: i64, fare: f64) -> Record {
    let city = if id.is_multiple_of(2) { "Oslo" } else { "Bergen" };
    Record::Prediction { id, time, version: "v1", fare, city, said: 10.0 }
}

/// `hours` of one prediction a minute; fares are spread evenly, from `shift_at` on all 99.
fn day(hours: i64, shift_at: i64) -> Vec<Record> {
    (0..hours * 60)
        .map(|m| {
            let fare = if m >= shift_at * 60 { 99.0 } else { ((m * 37) % 100) as f64 };
            prediction(m as u64, m * MINUTE, fare)
        })
        .collect()
}

fn house(logs: &[(&str, &[Record])]) -> House {
    let mut house = House::new(plan());
    let partitions: Vec<_> = logs.iter().map(|(topic, _)| partition(topic, 0)).collect();
    house.own(&partitions);
    for (topic, log) in logs {
        house.feed(slab(&partition(topic, 0), log, 0, log.len()));
    }
    house
}

#[test]
fn a_shift_opens_one_incident_and_resolves_it() {
    let mut log = day(12, 5);
    log.extend(day(24, 99).into_iter().skip(12 * 60));
    let mut house = house(&[("p", &log), ("o", &[])]);
    house.step(Input::Tick(Time(0)));
    house.commit();
    let incidents = house.incidents();
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert_eq!(incidents[0].state, IncidentState::Resolved);
    assert_eq!(incidents[0].opened, Time(6 * HOUR));
    let kinds: Vec<&str> =
        house.sent.values().map(|text| text.split(' ').next().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|k| **k == "incident.firing").count(), 1);
    assert_eq!(kinds.iter().filter(|k| **k == "incident.resolved").count(), 1);
}

#[test]
fn the_first_windows_are_not_full_and_each_is_judged_once() {
    let log = day(6, 99);
    let house = house(&[("p", &log), ("o", &[])]);
    let whole: Vec<_> = house
        .lines
        .iter()
        .filter(|l| &*l.monitor == "drift" && l.segment.is_whole())
        .map(|l| (l.window.end.0 / HOUR, l.reason, l.window.events))
        .collect();
    assert_eq!(
        whole,
        [
            (1, Some(NoData::WindowNotFull), 60),
            (2, None, 120),
            (3, None, 120),
            (4, None, 120),
            (5, None, 120),
        ]
    );
}

#[test]
fn performance_is_judged_when_due_and_again_when_the_wait_is_over() {
    let log = day(12, 99);
    let outcomes: Vec<Record> = (0..12 * 60)
        .map(|m| Record::Outcome { id: m as u64, time: (m + 30) * MINUTE, was: Some(12.0) })
        .collect();
    let house = house(&[("p", &log), ("o", &outcomes)]);
    let window: Vec<_> = house
        .lines
        .iter()
        .filter(|l| {
            &*l.monitor == "worse" && l.segment.is_whole() && l.window.end == Time(4 * HOUR)
        })
        .map(|l| (l.revision, l.score, l.window.support, l.coverage))
        .collect();
    assert_eq!(window.len(), 2, "{window:?}");
    assert_eq!(window[0], (0, Some(2.0), 90, Some(0.75)));
    assert_eq!(window[1], (1, Some(2.0), 120, Some(1.0)));
}

#[test]
fn a_run_of_empty_windows_is_one_line() {
    let mut log = day(3, 99);
    log.extend(
        (0..180).map(|m| prediction(9000 + m, 10 * HOUR + m as i64 * MINUTE, m as f64 % 100.0)),
    );
    let house = house(&[("p", &log), ("o", &[])]);
    let empty: Vec<_> = house
        .lines
        .iter()
        .filter(|l| &*l.monitor == "drift" && l.segment.is_whole() && l.window.events == 0)
        .map(|l| (l.window.start.0 / HOUR, l.window.end.0 / HOUR, l.verdict))
        .collect();
    assert_eq!(empty, [(3, 10, Verdict::NoData)]);
}

#[test]
fn a_late_prediction_is_counted_and_nothing_else() {
    let mut log = day(2, 99);
    log.push(prediction(7777, 30 * MINUTE, 1.0));
    let mut house = house(&[("p", &log), ("o", &[])]);
    house.commit();
    let panes = house.export();
    let first = panes.iter().find(|l| l["type"] == "pane" && l["segment"].is_null()).unwrap();
    assert_eq!((first["predictions"].as_u64(), first["late"].as_u64()), (Some(60), Some(1)));
}

#[test]
fn a_hole_is_refused_and_a_repeat_changes_nothing() {
    let log = day(2, 99);
    let p = partition("p", 0);
    let mut house = house(&[("p", &log[..50])]);
    assert_eq!(house.feed(slab(&p, &log, 60, 80)).rewind, Some((p.clone(), 50)));
    house.feed(slab(&p, &log, 0, 50));
    house.feed(slab(&p, &log, 20, 100));
    house.commit();
    let total: u64 = house
        .export()
        .iter()
        .filter(|l| l["type"] == "pane" && l["segment"].is_null())
        .map(|l| l["predictions"].as_u64().unwrap())
        .sum();
    assert_eq!(total, 100);
}

#[test]
fn lost_records_close_the_hole() {
    let log = day(2, 99);
    let p = partition("p", 0);
    let mut house = house(&[("p", &log[..50])]);
    house.step(Input::Lost { partition: p.clone(), from: 50, to: 60 });
    assert_eq!(house.feed(slab(&p, &log, 60, 80)).rewind, None);
    assert_eq!(house.engine.positions()[&p].lost, 10);
}

#[test]
fn the_latest_lines_survive_a_restart_and_a_reload() {
    let log = day(8, 5);
    let mut house = house(&[("p", &log), ("o", &[])]);
    house.step(Input::Tick(Time(0)));
    house.commit();
    let shown = |house: &House| {
        let mut lines = house.engine.status().latest;
        lines.sort_by(|a, b| (&a.monitor, &a.segment).cmp(&(&b.monitor, &b.segment)));
        lines
    };
    let before = shown(&house);
    assert!(before.iter().any(|l| l.verdict == Verdict::Critical && l.score.is_some()));
    house.crash();
    assert_eq!(shown(&house), before);
    assert!(house.engine.recallable().iter().all(|(name, after)| {
        name == "demand" && before.iter().all(|line| line.window.end > *after)
    }));
    house.replan(plan());
    assert_eq!(shown(&house), before);

    let mut fewer = plan();
    fewer.models[0].monitors.retain(|m| m.name != "drift");
    fewer.models[0].monitors[0].was = Some("worse".into());
    fewer.models[0].monitors[0].name = "error".into();
    house.replan(fewer);
    assert!(shown(&house).iter().all(|line| &*line.monitor == "error"));
}

#[test]
fn a_silence_that_ended_is_not_listed_and_is_forgotten_after_thirty_days() {
    const DAY: i64 = 24 * HOUR;
    let log = day(6, 99);
    let mut house = house(&[("p", &log), ("o", &[])]);
    house.step(Input::Tick(Time(DAY)));
    for (from, hours) in [(HOUR, 2), (5 * HOUR, 2)] {
        house.step(Input::Command(Command::Silence {
            model: "demand".into(),
            monitor: None,
            segment: Segment::default(),
            from: Some(Time(from)),
            length: Span(hours * HOUR),
            comment: "festival".into(),
        }));
    }
    let listed = house.engine.status().silences;
    assert_eq!(listed.iter().map(|s| s.from).collect::<Vec<_>>(), [Time(5 * HOUR)]);
    let kept = |house: &mut House| {
        house.commit();
        house.rows.keys().filter(|(table, _)| *table == Table::Silences).count()
    };
    assert_eq!(kept(&mut house), 2);
    // Event time passes, not only our clock.
    house.step(Input::Tick(Time(60 * DAY)));
    assert_eq!(kept(&mut house), 2, "the model's events stand still");
    let later = [prediction(70_000, 40 * DAY, 1.0)];
    let mut log = log;
    log.extend(later);
    house.feed(slab(&partition("p", 0), &log, log.len() - 1, log.len()));
    house.step(Input::Tick(Time(61 * DAY)));
    assert_eq!(kept(&mut house), 0);
}

#[test]
fn an_export_of_one_model_holds_nothing_of_another() {
    let log = day(12, 5);
    let mut house = house(&[("p", &log), ("o", &[])]);
    house.step(Input::Tick(Time(0)));
    house.commit();
    let kinds = |only: &str| {
        let mut export = Export::new(Some(only));
        for table in crate::engine::EXPORTED {
            for ((_, key), value) in house.rows.iter().filter(|((t, _), _)| *t == table) {
                export.take(table, key, value).unwrap();
            }
        }
        let lines = export.lines();
        lines.iter().map(|l| l["type"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    assert_eq!(kinds("demand").len(), 5, "position, pane, join, incident, outbox");
    assert!(kinds("surge").is_empty());
}

#[test]
fn a_beginning_told_twice_changes_nothing_and_a_recreated_partition_begins_again() {
    let log = day(2, 99);
    let p = partition("p", 0);
    let mut house = house(&[]);
    let mut begin = |again| {
        house.step(Input::Begin { partition: p.clone(), offset: 0, again });
        house.feed(slab(&p, &log, 0, 50));
        house.position(&p)
    };
    assert_eq!((begin(false), begin(false)), (50, 50));
    house.commit();
    let counted = |house: &House| -> u64 {
        let panes = house.export().into_iter().filter(|l| l["segment"].is_null());
        panes.filter_map(|l| l["predictions"].as_u64()).sum()
    };
    assert_eq!(counted(&house), 50);
    house.step(Input::Begin { partition: p.clone(), offset: 0, again: true });
    assert_eq!(house.position(&p), 0);
}
