//! References that are learnt.

use super::world::*;
use crate::engine::io::Table;
use crate::event::{Span, Time};
use crate::lines::{IncidentState, NoData};
use crate::plan::{Learn, Plan, ReferencePlan};

fn learning(learn: Learn) -> Plan {
    let mut plan = plan();
    let model = &mut plan.models[0];
    model.reference = ReferencePlan { file: false, per_version: false, learn: Some(learn) };
    model.monitors[1] =
        monitor("worse", &["model"], "mae", serde_json::json!({"critical": {"worse_by": "50%"}}));
    plan
}

/// One prediction a minute over these hours; the error is `error`, fares end at `most`.
fn predictions(hours: std::ops::Range<i64>, version: &'static str, most: i64) -> Vec<Record> {
    (hours.start * 60 + 30..hours.end * 60)
        .map(|m| Record::Prediction {
            id: m as u64,
            time: m * MINUTE,
            version,
            fare: ((m * 37) % most) as f64,
            city: if m % 2 == 0 { "Oslo" } else { "Bergen" },
            said: 10.0,
        })
        .collect()
}

fn outcomes(hours: std::ops::Range<i64>, error: impl Fn(i64) -> f64) -> Vec<Record> {
    (hours.start * 60 + 30..hours.end * 60)
        .map(|m| Record::Outcome { id: m as u64, time: m * MINUTE, was: Some(10.0 + error(m)) })
        .collect()
}

fn house(plan: Plan) -> House {
    let mut house = House::new(plan);
    house.files = false;
    house
}

/// Feeds both logs in turns of `step` records; crashes after each where asked to.
fn feed(house: &mut House, logs: &[(&str, &[Record])], step: usize, crash: bool) {
    let partitions: Vec<_> = logs.iter().map(|(topic, _)| partition(topic, 0)).collect();
    house.own(&partitions);
    let longest = logs.iter().map(|(_, log)| log.len()).max().unwrap_or(0);
    for from in (0..longest).step_by(step) {
        for (topic, log) in logs {
            let to = (from + step).min(log.len());
            if from < to {
                house.feed(slab(&partition(topic, 0), log, from, to));
            }
        }
        if crash {
            house.commit();
            house.crash();
            house.own(&partitions);
        }
    }
    house.commit();
}

#[test]
fn a_model_learns_and_is_then_judged() {
    let mut log = predictions(0..16, "v1", 100);
    log.extend(predictions(16..24, "v1", 20));
    let truth = outcomes(0..24, |m| if m < 16 * 60 { 1.0 } else { 2.0 });
    let mut house = house(learning(Learn::Span(Span(4 * HOUR))));
    feed(&mut house, &[("p", &log), ("o", &truth)], 60, false);
    let drift: Vec<_> = house
        .lines
        .iter()
        .filter(|l| &*l.monitor == "drift" && l.segment.is_whole())
        .map(|l| (l.window.end.0 / HOUR, l.reason, l.score.is_some()))
        .collect();
    // The first whole pane begins at 1, so that learning ends at 5; judging begins at 8 with a
    // window of two hours that is full at 10.
    for (end, reason, scored) in &drift {
        match end {
            ..=5 => assert!(!scored, "{end} {reason:?}"),
            9 => assert_eq!(*reason, Some(NoData::WindowNotFull)),
            10.. => assert!(scored, "{end} {reason:?}"),
            _ => {}
        }
    }
    let first = house.lines.iter().find(|l| l.score.is_some() && &*l.monitor == "drift").unwrap();
    assert_eq!(first.reference_events, Some(240));
    assert!(first.score.unwrap() < 0.2, "{first:?}");
    let incidents = house.incidents();
    let monitors: Vec<&str> = incidents.iter().map(|i| &*i.monitor).collect();
    assert_eq!(monitors.len(), 2, "{incidents:?}");
    assert!(incidents.iter().all(|i| i.opened > Time(16 * HOUR)), "{incidents:?}");
    assert!(incidents.iter().all(|i| i.state == IncidentState::Firing));
    assert!(house.notices.iter().any(|n| n.contains("from 240 rows")), "{:?}", house.notices);
    // What was kept leaves the store once the outcomes are in; the reference stays.
    let kept = house.rows.keys().filter(|(table, _)| *table == Table::Learning).count();
    assert_eq!(kept, 1);
}

#[test]
fn so_many_events_end_with_the_pane_that_reaches_them() {
    let log = predictions(0..12, "v1", 100);
    let mut house = house(learning(Learn::Events(130)));
    feed(&mut house, &[("p", &log), ("o", &[])], 50, false);
    let first = house.lines.iter().find(|l| l.score.is_some() && &*l.monitor == "drift").unwrap();
    assert_eq!(first.reference_events, Some(180));
}

#[test]
fn a_new_version_learns_its_own_and_raises_nothing_meanwhile() {
    let mut log = predictions(0..12, "v1", 100);
    log.extend(predictions(12..24, "v2", 20));
    let mut house = house(learning(Learn::Span(Span(3 * HOUR))));
    feed(&mut house, &[("p", &log), ("o", &[])], 60, false);
    assert!(house.incidents().is_empty(), "{:?}", house.incidents());
    let scored = |version: &str| {
        let of = |l: &&crate::lines::ScoreLine| {
            l.version.as_deref() == Some(version) && l.score.is_some()
        };
        house.lines.iter().filter(of).count()
    };
    assert!(scored("v1") > 0 && scored("v2") > 0);
}

#[test]
fn crashes_while_learning_change_nothing() {
    let mut log = predictions(0..16, "v1", 100);
    log.extend(predictions(16..24, "v1", 20));
    let truth = outcomes(0..24, |m| if m < 16 * 60 { 1.0 } else { 2.0 });
    let logs: [(&str, &[Record]); 2] = [("p", &log), ("o", &truth)];
    let mut undisturbed = house(learning(Learn::Span(Span(4 * HOUR))));
    feed(&mut undisturbed, &logs, 60, false);
    let mut disturbed = house(learning(Learn::Span(Span(4 * HOUR))));
    feed(&mut disturbed, &logs, 23, true);
    assert_eq!(undisturbed.verdicts(), disturbed.verdicts());
    assert_eq!(undisturbed.export(), disturbed.export());
    assert_eq!(undisturbed.sent, disturbed.sent);
}

#[test]
fn a_file_that_comes_ends_the_learning() {
    let log = predictions(0..6, "v1", 100);
    let mut house = house(learning(Learn::Span(Span(24 * HOUR))));
    feed(&mut house, &[("p", &log), ("o", &[])], 60, false);
    let key = (0, Some("v1".into()));
    house.step(crate::engine::io::Input::Reference(key, reference()));
    house.commit();
    let kept = house.rows.keys().filter(|(table, _)| *table == Table::Learning).count();
    assert_eq!(kept, 0);
}
