//! Events whose fields are of another type than configured.

use std::ops::Range;

use super::world::*;
use crate::event::{Absent, Numbers, Span, Time};
use crate::lines::{NoData, Verdict};
use crate::plan::{Plan, WindowPlan};

/// Ten hours of rides, of which the last five have no number where the fare should be, for a
/// reason; `share` of them.
fn hours(why: Absent, share: usize) -> House {
    run(plan(), 5..10, why, share)
}

/// The same of these hours.
fn run(mut plan: Plan, wrong: Range<usize>, why: Absent, share: usize) -> House {
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
        if wrong.contains(&(from / 120)) {
            let column = &mut slab.batches[0].2.numbers[0];
            let mut numbers = Numbers::default();
            for (row, value) in column.values.iter().enumerate() {
                match row % 60 < share {
                    true => numbers.push_absent(why),
                    false => numbers.push(*value),
                }
            }
            *column = numbers;
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

/// The reason that holds of the whole window is told before those that its values give.
#[test]
fn too_few_events_are_told_before_their_type() {
    let mut plan = plan();
    plan.models[0].monitors[0].min_events = 10_000;
    let house = run(plan, 5..10, Absent::BadType, 60);
    let whole = house.lines.iter().filter(|line| line.segment.is_whole());
    let full = whole.filter(|line| line.reason != Some(NoData::WindowNotFull));
    let reasons: Vec<_> = full.map(|line| line.reason).collect();
    let few = Some(NoData::NotEnoughEvents);
    assert!(reasons.len() > 3 && reasons.iter().all(|r| *r == few), "{reasons:?}");
}

#[test]
fn a_few_of_a_wrong_type_are_missing_and_judged() {
    let house = hours(Absent::BadType, 3);
    assert!(!house.lines.iter().any(|line| line.reason == Some(NoData::WrongType)));
}

/// Hours judged against what was two hours before; the fifth and the sixth hold words.
#[test]
fn an_earlier_window_of_another_type_is_none() {
    let mut plan = plan();
    let monitor = &mut plan.models[0].monitors[0];
    monitor.against = Some(Span(2 * HOUR));
    monitor.window = WindowPlan::Time { length: Span(HOUR), every: Span(HOUR) };
    monitor.by = Vec::new();
    let house = run(plan, 4..6, Absent::BadType, 60);
    let reason = |hour: i64| {
        let of_hour = |line: &&crate::lines::ScoreLine| line.window.start == Time(hour * HOUR);
        let reasons: Vec<_> = house.lines.iter().filter(of_hour).map(|line| line.reason).collect();
        assert!(!reasons.is_empty(), "{hour}");
        reasons
    };
    for (hour, why) in [
        (3, None),
        (4, Some(NoData::WrongType)),
        (5, Some(NoData::WrongType)),
        (6, Some(NoData::NoEarlierWindow)),
        (7, Some(NoData::NoEarlierWindow)),
        (8, None),
    ] {
        assert!(reason(hour).iter().all(|reason| *reason == why), "{hour}: {:?}", reason(hour));
    }
    assert!(house.incidents().is_empty());
}
