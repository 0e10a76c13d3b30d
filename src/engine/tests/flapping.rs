//! A score that swings around its level.

use std::collections::BTreeMap;

use super::world::*;
use crate::engine::io::Input;
use crate::event::{Span, Time};
use crate::lines::IncidentState;

/// Three days of one prediction a minute. Of a hundred, `middle` have moved to the highest fare,
/// and `swing` more or less in the course of `period` hours.
fn swinging(middle: f64, swing: f64, period: f64) -> Vec<Record> {
    let moved = |minute: i64| {
        let turn = minute as f64 / 60.0 / period * std::f64::consts::TAU;
        let share = middle + swing * turn.sin();
        ((minute * 61) % 100) as f64 <= share
    };
    (0..72 * 60)
        .map(|minute| Record::Prediction {
            id: minute as u64,
            time: minute * MINUTE,
            version: "v1",
            fare: if moved(minute) { 99.0 } else { ((minute * 37) % 100) as f64 },
            city: "Oslo",
            said: 10.0,
        })
        .collect()
}

struct Seen {
    scores: Vec<f64>,
    /// Kinds of messages by incident.
    told: BTreeMap<String, Vec<String>>,
    firing: usize,
}

fn watch(log: &[Record], cooldown: Span) -> Seen {
    let mut plan = plan();
    plan.models[0].dimensions.clear();
    plan.models[0].monitors.truncate(1);
    let watched = &mut plan.models[0].monitors[0];
    (watched.by, watched.cooldown) = (Vec::new(), cooldown);
    let mut house = House::new(plan);
    house.own(&[partition("p", 0), partition("o", 0)]);
    house.feed(slab(&partition("o", 0), &[], 0, 0));
    // Hour by hour, as it comes.
    for hour in 0..72 {
        house.feed(slab(&partition("p", 0), log, hour * 60, (hour + 1) * 60));
        house.step(Input::Tick(Time(0)));
        house.commit();
    }
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for text in house.sent.values() {
        let (kind, key) = text.split_once(' ').unwrap();
        told.entry(key.to_owned()).or_default().push(kind.to_owned());
    }
    Seen {
        scores: house.lines.iter().filter_map(|line| line.score).collect(),
        told,
        firing: house.incidents().iter().filter(|i| i.state == IncidentState::Firing).count(),
    }
}

/// How often neighbours lie on different sides of a level.
fn crossings(scores: &[f64], level: f64) -> usize {
    scores.windows(2).filter(|pair| (pair[0] < level) != (pair[1] < level)).count()
}

/// Where the detector of [`monitor`] fires, and where it lets go.
const LEVEL: f64 = 0.5;
const CLEAR: f64 = 0.4;

#[test]
fn between_level_and_clear_level_it_is_one_incident_that_stays() {
    let seen = watch(&swinging(32.0, 4.0, 6.0), Span(0));
    assert!(crossings(&seen.scores, LEVEL) > 10, "{:?}", seen.scores);
    assert_eq!(crossings(&seen.scores[3..], CLEAR), 0, "{:?}", seen.scores);
    let told: Vec<&Vec<String>> = seen.told.values().collect();
    assert_eq!((told.len(), told[0].as_slice()), (1, &["incident.firing".to_owned()][..]));
    assert_eq!(seen.firing, 1);
}

#[test]
fn beyond_the_clear_level_the_cooldown_keeps_it_one_incident_and_one_page() {
    let seen = watch(&swinging(25.0, 25.0, 6.0), Span(6 * HOUR));
    assert!(crossings(&seen.scores, CLEAR) > 15, "{:?}", seen.scores);
    assert_eq!(seen.told.len(), 1, "{:?}", seen.told);
    let mut kinds = seen.told.values().next().unwrap().clone();
    kinds.sort();
    assert_eq!(kinds, ["incident.firing", "incident.resolved"]);
    // Without it every swing is another incident.
    let seen = watch(&swinging(25.0, 25.0, 6.0), Span(0));
    assert!(seen.told.len() > 8, "{:?}", seen.told);
}
