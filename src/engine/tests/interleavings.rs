//! The two laws: counts, matches, verdicts and incident keys are a function of the logs.

use proptest::prelude::*;

use serde_json::json;

use super::world::*;
use crate::event::{Partition, Span};
use crate::plan::{MonitorPlan, Plan};

/// What happens to a partition's log.
#[derive(Debug, Clone)]
enum Move {
    /// The next few records of a partition arrive.
    Read {
        partition: usize,
        records: usize,
    },
    /// A reader starts again a bit before the position.
    Again {
        partition: usize,
        back: usize,
    },
    Commit,
    Crash,
}

fn record(topic: &'static str) -> impl Strategy<Value = Record> {
    (0u64..60, 0i64..30, 0i64..40, 0u8..20, 0u8..10).prop_map(
        move |(id, disorder, value, kind, version)| {
            if kind == 0 {
                return Record::Nothing;
            }
            let time = -disorder * MINUTE;
            if topic == "p" {
                Record::Prediction {
                    id,
                    time,
                    version: if version == 0 { "v2" } else { "v1" },
                    fare: value as f64 * 2.5,
                    city: if id % 3 == 0 { "Oslo" } else { "Bergen" },
                    said: value as f64 / 3.0,
                }
            } else {
                Record::Outcome { id, time, was: (kind > 1).then_some(value as f64 / 7.0) }
            }
        },
    )
}

/// A log whose time moves on, with disorder.
fn log(topic: &'static str) -> impl Strategy<Value = Vec<Record>> {
    (prop::collection::vec((record(topic), 0i64..20), 0..120), 0i64..3).prop_map(
        |(records, ahead)| {
            let mut now = ahead * HOUR;
            records
                .into_iter()
                .map(|(mut record, step)| {
                    now += step * MINUTE;
                    match &mut record {
                        Record::Prediction { time, .. } | Record::Outcome { time, .. } => {
                            *time = (*time + now).max(0);
                        }
                        Record::Nothing => {}
                    }
                    record
                })
                .collect()
        },
    )
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    prop::collection::vec(
        prop_oneof![
            8 => (0usize..4, 1usize..25)
                .prop_map(|(partition, records)| Move::Read { partition, records }),
            1 => (0usize..4, 1usize..30)
                .prop_map(|(partition, back)| Move::Again { partition, back }),
            2 => Just(Move::Commit),
            1 => Just(Move::Crash),
        ],
        0..80,
    )
}

fn partitions() -> Vec<Partition> {
    vec![partition("p", 0), partition("p", 1), partition("o", 0), partition("o", 1)]
}

/// Ids must not be read under two partitions of predictions: then the first read wins, a stated
/// limit.
fn separate(logs: &mut [Vec<Record>]) {
    for (place, log) in logs.iter_mut().enumerate().take(2) {
        for record in log {
            if let Record::Prediction { id, .. } = record {
                *id = *id * 2 + place as u64;
            }
        }
    }
}

/// Also with what was two hours before.
fn compared() -> Plan {
    let mut plan = plan();
    let drift = monitor("since", &["features.fare"], "ks", json!({"critical": 0.5}));
    let worse = monitor("slower", &["model"], "mae", json!({"critical": {"worse_by": "50%"}}));
    for monitor in [drift, worse] {
        plan.models[0].monitors.push(MonitorPlan { against: Some(Span(2 * HOUR)), ..monitor });
    }
    plan
}

fn run(logs: &[Vec<Record>], moves: &[Move]) -> House {
    let mut house = House::new(compared());
    let partitions = partitions();
    house.own(&partitions);
    let mut sent: Vec<usize> = vec![0; 4];
    for action in moves {
        match action {
            Move::Read { partition, records } => {
                let log = &logs[*partition];
                let from = sent[*partition];
                let to = (from + records).min(log.len());
                house.feed(slab(&partitions[*partition], log, from, to));
                sent[*partition] = to;
            }
            Move::Again { partition, back } => {
                let position = house.position(&partitions[*partition]);
                sent[*partition] = position.saturating_sub(*back);
            }
            Move::Commit => house.commit(),
            Move::Crash => {
                house.crash();
                house.own(&partitions);
                for (place, partition) in partitions.iter().enumerate() {
                    sent[place] = house.position(partition);
                }
            }
        }
    }
    for (place, partition) in partitions.iter().enumerate() {
        let log = &logs[place];
        let from = sent[place];
        house.feed(slab(partition, log, from, log.len()));
    }
    house.commit();
    house
}

fn keys(house: &House) -> Vec<String> {
    let mut keys: Vec<String> = house
        .incidents()
        .iter()
        .map(|i| format!("{} {:?} {} {}", i.key, i.state, i.opened, i.changed))
        .collect();
    keys.sort();
    keys
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn equal_whatever_the_order_the_crashes_and_the_early_restarts(
        p0 in log("p"), p1 in log("p"), o0 in log("o"), o1 in log("o"),
        moves in moves(),
    ) {
        let mut logs = vec![p0, p1, o0, o1];
        separate(&mut logs);
        let undisturbed = run(&logs, &[]);
        let disturbed = run(&logs, &moves);
        prop_assert_eq!(undisturbed.export(), disturbed.export());
        prop_assert_eq!(undisturbed.verdicts(), disturbed.verdicts());
        prop_assert_eq!(keys(&undisturbed), keys(&disturbed));
        prop_assert_eq!(undisturbed.sent, disturbed.sent);
    }
}
