//! Detectors that remember, through the engine.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::world::*;
use crate::detect::DETECTORS;
use crate::event::{Span, Time};
use crate::lines::{IncidentState, Verdict};
use crate::plan::{MonitorPlan, Plan, WindowPlan};
use crate::stats::Params;

fn detector(monitor: &mut MonitorPlan, name: &str, options: &Value) {
    let kind = DETECTORS.iter().find(|k| k.name == name).unwrap();
    let mut params = Params::new(options.as_object().unwrap().clone());
    monitor.detector = (kind.build)(&mut params, monitor.statistic.as_ref()).unwrap();
    monitor.by.clear();
}

/// One prediction a minute; fares are spread evenly, between two hours all 99. The outcome half an
/// hour later is off by 1 where `wrong` says so.
fn logs(hours: i64, from: i64, to: i64, wrong: impl Fn(i64) -> bool) -> (Vec<Record>, Vec<Record>) {
    let minutes = 0..hours * 60;
    let predictions = minutes.clone().map(|m| Record::Prediction {
        id: m as u64,
        time: m * MINUTE,
        version: "v1",
        fare: if (from * 60..to * 60).contains(&m) { 99.0 } else { ((m * 37) % 100) as f64 },
        city: if m % 2 == 0 { "Oslo" } else { "Bergen" },
        said: 10.0,
    });
    let outcomes = minutes.map(|m| Record::Outcome {
        id: m as u64,
        time: (m + 30) * MINUTE,
        was: Some(if wrong(m) { 11.0 } else { 10.0 }),
    });
    (predictions.clone().collect(), outcomes.collect())
}

fn run(plan: Plan, (predictions, outcomes): &(Vec<Record>, Vec<Record>), crash: bool) -> House {
    let mut house = House::new(plan);
    let (p, o) = (partition("p", 0), partition("o", 0));
    house.own(&[p.clone(), o.clone()]);
    for from in (0..predictions.len()).step_by(100) {
        let to = (from + 100).min(predictions.len());
        house.feed(slab(&p, predictions, from, to));
        house.feed(slab(&o, outcomes, from, to));
        if crash {
            house.commit();
            house.crash();
            house.own(&[p.clone(), o.clone()]);
        }
    }
    house.commit();
    house
}

fn drift_by_evidence(length: i64) -> Plan {
    let mut plan = plan();
    let monitor = &mut plan.models[0].monitors[0];
    detector(monitor, "e-detector", &json!({}));
    monitor.window = WindowPlan::Time { length: Span(length * HOUR), every: Span(HOUR) };
    plan
}

#[test]
fn an_e_detector_opens_one_incident_and_resolves_it() {
    let logs = logs(40, 20, 30, |_| false);
    let house = run(drift_by_evidence(2), &logs, false);
    let incidents = house.incidents();
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert_eq!(incidents[0].state, IncidentState::Resolved);
    assert_eq!(incidents[0].opened, Time(21 * HOUR));
    assert!(incidents[0].changed <= Time(35 * HOUR), "{incidents:?}");
}

/// Steps share no event, however long the window is.
#[test]
fn overlapping_windows_give_the_same_evidence() {
    let logs = logs(40, 20, 30, |_| false);
    let critical = |length: i64| -> Vec<Time> {
        let house = run(drift_by_evidence(length), &logs, false);
        let lines = house.lines.iter().filter(|l| &*l.monitor == "drift");
        lines.filter(|l| l.verdict == Verdict::Critical).map(|l| l.window.end).collect()
    };
    assert!(!critical(1).is_empty());
    assert_eq!(critical(1), critical(4));
}

#[test]
fn a_crash_changes_no_reading() {
    let logs = logs(40, 20, 30, |m| m % 3 == 0 || m > 1500);
    for name in ["e-detector", "adwin"] {
        let mut plan = drift_by_evidence(2);
        detector(&mut plan.models[0].monitors[0], name, &json!({}));
        let risk = json!({"baseline": 0.4, "bound": 5});
        detector(&mut plan.models[0].monitors[1], "risk", &risk);
        let through = run(plan.clone(), &logs, false);
        let crashed = run(plan, &logs, true);
        assert_eq!(through.verdicts(), crashed.verdicts(), "{name}");
        let risen = through.lines.iter().filter(|l| &*l.monitor == "worse");
        assert!(risen.clone().any(|l| l.verdict == Verdict::Critical));
        let first = risen.filter(|l| l.verdict == Verdict::Critical).map(|l| l.window.end).min();
        assert!(first > Some(Time(25 * HOUR)), "{first:?}");
    }
}

/// Cities stay as they are and share the promise with the fares, which drift.
#[test]
fn a_list_names_what_drifts() {
    let logs = logs(40, 20, 30, |_| false);
    let mut plan = drift_by_evidence(1);
    let monitor = &mut plan.models[0].monitors[0];
    monitor.series = ["features.city", "features.fare"].map(str::to_owned).into();
    monitor.by = vec![0];
    let through = run(plan.clone(), &logs, false);
    let crashed = run(plan, &logs, true);
    assert_eq!(through.verdicts(), crashed.verdicts());
    let of_monitor = through.lines.iter().filter(|l| &*l.monitor == "drift");
    let critical = of_monitor.filter(|l| l.verdict == Verdict::Critical);
    let named: BTreeSet<&str> = critical.map(|l| &*l.series).collect();
    assert_eq!(named, BTreeSet::from(["features.fare"]));
    let incidents = through.incidents();
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert!(incidents[0].opened <= Time(22 * HOUR), "{incidents:?}");
    assert_eq!(incidents[0].state, IncidentState::Resolved);
}

/// River's documented sequence for DDM, error by error: warning at 1084, drift at 1334.
#[test]
fn windows_of_one_event_feed_river_detectors_event_by_event() {
    let golden: Value =
        serde_json::from_str(include_str!("../../../tests/golden/detectors.json")).unwrap();
    let bits = golden["sequences"]["documented bits"].as_array().unwrap().clone();
    let mut plan = plan();
    let monitor = &mut plan.models[0].monitors[1];
    detector(monitor, "ddm", &json!({}));
    monitor.window = WindowPlan::Count { length: 1, every: 1 };
    (monitor.min_events, monitor.min_support) = (1, 1);
    let logs = logs(34, 99, 99, |m| bits.get(m as usize).is_some_and(|bit| bit == 1));
    let house = run(plan, &logs, false);
    let lines: Vec<_> = house.lines.iter().filter(|l| &*l.monitor == "worse").collect();
    let first = |verdict: Verdict| lines.iter().position(|l| l.verdict == verdict);
    assert_eq!(first(Verdict::Warning), Some(1084));
    assert_eq!(first(Verdict::Critical), Some(1334));
}
