//! What is refused when a limit is reached, and that it is counted.

use super::world::*;
use crate::engine::io::Input;
use crate::event::Time;
use crate::join::{Entry, Known, Truth};

fn prediction(id: u64, minute: i64, version: &'static str) -> Record {
    Record::Prediction { id, time: minute * MINUTE, version, fare: 1.0, city: "Oslo", said: 1.0 }
}

#[test]
fn a_version_too_many_is_refused_until_an_older_one_has_gone() {
    let mut plan = plan();
    plan.limits.versions = 2;
    plan.models[0].outcomes = None;
    plan.models[0].monitors.truncate(1);
    let mut log = Vec::new();
    for minute in 0..60 * 10 {
        let id = minute as u64;
        log.push(prediction(id, minute, "v1"));
        if minute < 60 {
            log.push(prediction(id, minute, "v2"));
        }
        log.push(prediction(id, minute, "v3"));
    }
    let mut house = House::new(plan);
    house.own(&[partition("p", 0)]);
    for from in (0..log.len()).step_by(50) {
        house.feed(slab(&partition("p", 0), &log, from, (from + 50).min(log.len())));
    }
    house.commit();
    let panes = house.export();
    let of = |version: &str| {
        let starts = panes.iter().filter(|l| l["version"] == version && l["segment"].is_null());
        starts.map(|l| Time::parse(l["start"].as_str().unwrap()).unwrap().0 / HOUR).min()
    };
    assert_eq!((of("v1").is_some(), of("v3").is_some()), (true, true));
    assert!(of("v3").unwrap() >= 3, "{:?}", of("v3"));
    let told = house.notices.iter().filter(|n| n.contains("limits.versions = 2")).count();
    assert_eq!(told, 1, "{:?}", house.notices);
    assert!(house.engine.status().models[0].crowded_out > 100);
}

#[test]
fn nothing_expires_while_a_partition_has_not_been_read() {
    let mut house = House::new(plan());
    house.own(&[partition("p", 0), partition("p", 1), partition("o", 0)]);
    let log: Vec<Record> = (0..50).map(|i| prediction(i * 2, i as i64 * 60, "v1")).collect();
    house.feed(slab(&partition("p", 0), &log, 0, log.len()));
    let outcomes: Vec<Record> = (0..50)
        .map(|i| Record::Outcome { id: i * 2 + 1, time: i as i64 * HOUR, was: Some(1.0) })
        .collect();
    house.feed(slab(&partition("o", 0), &outcomes, 0, outcomes.len()));
    let known = Known {
        time: Time(0),
        arrival: Time(0),
        partition: 0,
        rank: 0,
        offset: 0,
        truth: Truth::Number(1.0),
    };
    let entry = Entry { predictions: Vec::new(), outcomes: vec![known] };
    assert!(!house.engine.join_expired(b"demand\0id", &entry), "its prediction may lie in p/1");
    house.step(Input::EndOffset { partition: partition("p", 1), end: 0 });
    assert!(house.engine.join_expired(b"demand\0id", &entry), "p/1 is empty");
}

#[test]
fn a_full_join_takes_no_further_id_and_says_so() {
    let mut house = House::new(plan());
    house.own(&[partition("p", 0), partition("o", 0)]);
    let log: Vec<Record> = (0..20).map(|i| prediction(i, i as i64, "v1")).collect();
    let outcomes: Vec<Record> =
        (0..20).map(|id| Record::Outcome { id, time: 30 * MINUTE, was: Some(1.0) }).collect();
    house.feed(slab(&partition("p", 0), &log, 0, 10));
    assert!(
        house
            .engine
            .join_is_full(Some("limits.join"))
            .is_some_and(|n| n.message.contains("limits.join"))
    );
    house.commit();
    house.feed(slab(&partition("p", 0), &log, 10, 20));
    house.feed(slab(&partition("o", 0), &outcomes, 0, 20));
    house.commit();
    let pane = house.export().into_iter().find(|l| l["type"] == "pane").unwrap();
    assert_eq!((pane["predictions"].as_u64(), pane["matched"].as_u64()), (Some(20), Some(10)));
    assert_eq!(house.engine.status().models[0].unjoined, 20);
    assert!(house.engine.join_is_full(None).is_some());
}
