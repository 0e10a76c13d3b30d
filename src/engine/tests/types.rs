//! Events whose fields are of another type than configured.

use super::world::*;
use crate::event::{Absent, Numbers};
use crate::lines::{NoData, Verdict};

/// Ten hours of rides, of which the last five have no number where the fare should be, for a
/// reason; `share` of them.
fn hours(why: Absent, share: usize) -> House {
    let mut plan = plan();
    plan.models[0].outcomes = None;
    plan.models[0].monitors.truncate(1);
    let mut house = House::new(plan);
    house.own(&[partition("p", 0)]);
    let ride = |i: i64| Record::Prediction {
        id: i as u64,
        time: i * MINUTE / 2,
        version: "v1",
        fare: ((i * 37) % 100) as f64,
        city: "Oslo",
        said: 1.0,
    };
    let log: Vec<Record> = (0..1200).map(ride).collect();
    for from in (0..log.len()).step_by(60) {
        let mut slab = slab(&partition("p", 0), &log, from, from + 60);
        if from >= 600 {
            let column = &mut slab.batches[0].2.numbers[0];
            let mut wrong = Numbers::default();
            for (row, value) in column.values.iter().enumerate() {
                match row % 60 < share {
                    true => wrong.push_absent(why),
                    false => wrong.push(*value),
                }
            }
            *column = wrong;
        }
        house.feed(slab);
    }
    house
}

#[test]
fn a_wrong_type_is_a_fault_with_a_reason_and_no_drift() {
    let house = hours(Absent::BadType, 60);
    let wrong = |line: &&crate::lines::ScoreLine| line.reason == Some(NoData::WrongType);
    assert!(house.lines.iter().filter(wrong).count() >= 3);
    let drifted = |v| matches!(v, Verdict::Warning | Verdict::Critical);
    assert!(!house.lines.iter().any(|line| drifted(line.verdict)));
    assert!(house.incidents().is_empty());
    // The same events without the field at all are drift, and always were.
    assert!(!hours(Absent::Missing, 60).incidents().is_empty());
}

#[test]
fn a_few_of_a_wrong_type_are_missing_and_judged() {
    let house = hours(Absent::BadType, 3);
    assert!(!house.lines.iter().any(|line| line.reason == Some(NoData::WrongType)));
}
