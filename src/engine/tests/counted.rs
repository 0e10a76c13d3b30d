//! Windows of so many events.

use super::world::*;
use crate::event::Time;
use crate::lines::{IncidentState, NoData};
use crate::plan::{Plan, WindowPlan};

const OF_200: WindowPlan = WindowPlan::Count { length: 200, every: 50 };

fn counted() -> Plan {
    let mut plan = plan();
    for monitor in &mut plan.models[0].monitors {
        monitor.window = OF_200;
    }
    plan
}

/// One prediction a minute; fares are spread evenly, from `shift_at` on all 99.
fn predictions(n: i64, shift_at: i64) -> Vec<Record> {
    (0..n)
        .map(|m| Record::Prediction {
            id: m as u64,
            time: m * MINUTE,
            version: "v1",
            fare: if m >= shift_at { 99.0 } else { ((m * 37) % 100) as f64 },
            city: if m % 2 == 0 { "Oslo" } else { "Bergen" },
            said: 10.0,
        })
        .collect()
}

/// The outcome of every `step`th prediction, half an hour later; off by `error`.
fn outcomes(n: i64, step: usize, error: impl Fn(i64) -> f64) -> Vec<Record> {
    (0..n)
        .step_by(step)
        .map(|m| Record::Outcome {
            id: m as u64,
            time: (m + 30) * MINUTE,
            was: Some(10.0 + error(m)),
        })
        .collect()
}

/// Feeds whole logs in pieces of `step`, committing and crashing after each where asked to.
fn run(plan: Plan, logs: &[(&str, &[Record])], step: usize, crash: bool) -> House {
    let mut house = House::new(plan);
    let partitions: Vec<_> = logs.iter().map(|(topic, _)| partition(topic, 0)).collect();
    house.own(&partitions);
    for (topic, log) in logs {
        let mut from = 0;
        while from < log.len() {
            let to = (from + step).min(log.len());
            house.feed(slab(&partition(topic, 0), log, from, to));
            from = to;
            if crash {
                house.commit();
                house.crash();
                house.own(&partitions);
            }
        }
    }
    house.commit();
    house
}

fn told(house: &House, monitor: &str) -> Vec<(i64, i64, u64, Option<NoData>)> {
    let wanted = house.lines.iter().filter(|l| &*l.monitor == monitor && l.segment.is_whole());
    let minutes = |time: Time| time.0 / MINUTE;
    wanted
        .map(|l| (minutes(l.window.start), minutes(l.window.end), l.window.events, l.reason))
        .collect()
}

#[test]
fn every_nth_event_closes_a_window_of_the_last_ones() {
    let log = predictions(430, 9999);
    let house = run(counted(), &[("p", &log), ("o", &[])], 70, false);
    let not_full = Some(NoData::WindowNotFull);
    assert_eq!(
        told(&house, "drift"),
        [
            (0, 49, 50, not_full),
            (0, 99, 100, not_full),
            (0, 149, 150, not_full),
            (0, 199, 200, None),
            (50, 249, 200, None),
            (100, 299, 200, None),
            (150, 349, 200, None),
            (200, 399, 200, None),
        ]
    );
    let full =
        house.lines.iter().filter(|l| !l.segment.is_whole() && l.window.end.0 >= 199 * MINUTE);
    let halves: Vec<u64> = full.map(|l| l.window.events).collect();
    assert_eq!(halves, [100; 10]);
}

#[test]
fn performance_counts_pairs() {
    let (p, o) = (predictions(1000, 9999), outcomes(1000, 3, |m| if m < 800 { 1.0 } else { 9.0 }));
    let house = run(counted(), &[("p", &p), ("o", &o)], 64, false);
    let whole: Vec<_> = house
        .lines
        .iter()
        .filter(|l| &*l.monitor == "worse" && l.segment.is_whole() && l.score.is_some())
        .map(|l| (l.window.events, l.window.support, l.score, l.coverage))
        .collect();
    // Pairs 101..300 hold 267 - 100 errors of one and 33 of nine.
    let mixed = (167.0 + 33.0 * 9.0) / 200.0;
    assert_eq!(
        whole,
        [
            (200, 200, Some(1.0), Some(1.0)),
            (200, 200, Some(1.0), Some(1.0)),
            (200, 200, Some(mixed), Some(1.0)),
        ]
    );
}

#[test]
fn a_correction_does_not_count_a_pair_twice() {
    let p = predictions(200, 9999);
    let mut o = outcomes(200, 1, |_| 1.0);
    let again: Vec<Record> = outcomes(200, 2, |_| 3.0);
    o.extend(again);
    let house = run(counted(), &[("p", &p), ("o", &o)], 50, false);
    let ends = told(&house, "worse");
    assert_eq!(ends.len(), 4, "{ends:?}");
    let last = house.lines.iter().rfind(|l| &*l.monitor == "worse" && l.segment.is_whole());
    assert_eq!(last.and_then(|l| l.score), Some(1.0));
}

#[test]
fn crashes_and_the_size_of_slabs_change_nothing() {
    let (p, o) = (predictions(900, 400), outcomes(900, 1, |m| if m < 500 { 1.0 } else { 6.0 }));
    let logs: [(&str, &[Record]); 2] = [("p", &p), ("o", &o)];
    let undisturbed = run(counted(), &logs, 10_000, false);
    let disturbed = run(counted(), &logs, 37, true);
    assert_eq!(undisturbed.verdicts(), disturbed.verdicts());
    assert_eq!(undisturbed.export(), disturbed.export());
    assert_eq!(undisturbed.sent, disturbed.sent);
    let incidents = undisturbed.incidents();
    assert_eq!(incidents.len(), 2, "{incidents:?}");
    assert!(incidents.iter().all(|i| i.state == IncidentState::Firing));
}

#[test]
fn another_width_starts_anew_and_leaves_no_old_pane_behind() {
    let log = predictions(430, 9999);
    let mut house = run(counted(), &[("p", &log), ("o", &[])], 70, false);
    let mut plan = counted();
    plan.models[0].monitors[0].window = WindowPlan::Count { length: 90, every: 30 };
    house.replan(plan);
    house.commit();
    let more = predictions(530, 9999);
    house.feed(slab(&partition("p", 0), &more, 430, 530));
    let first = house.lines.iter().rfind(|l| &*l.monitor == "drift" && l.segment.is_whole());
    assert_eq!(first.map(|l| (l.window.events, l.reason)), Some((90, None)));
    house.commit();
    house.crash();
    assert!(house.counted_panes() <= 3 * 4, "{}", house.counted_panes());
}
