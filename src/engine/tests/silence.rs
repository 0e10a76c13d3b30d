//! Times without events: runs of empty windows, and incidents that nothing judges any more.

use super::world::*;
use crate::event::{Span, Time};
use crate::lines::{IncidentState, NoData};
use crate::plan::Plan;

/// One prediction a minute from these minutes on, all with one fare.
fn burst(minutes: std::ops::Range<i64>, version: &'static str, fare: Option<f64>) -> Vec<Record> {
    minutes
        .map(|m| Record::Prediction {
            id: m as u64,
            time: m * MINUTE,
            version,
            fare: fare.unwrap_or(((m * 37) % 100) as f64),
            city: "Oslo",
            said: 10.0,
        })
        .collect()
}

fn of_one_hour() -> Plan {
    let mut plan = plan();
    plan.models[0].outcomes = None;
    plan.models[0].monitors.truncate(1);
    let monitor = &mut plan.models[0].monitors[0];
    monitor.window = crate::plan::WindowPlan::Time { length: Span(HOUR), every: Span(HOUR) };
    monitor.by = Vec::new();
    plan
}

fn run(plan: Plan, logs: &[Vec<Record>]) -> House {
    let log: Vec<Record> = logs.concat();
    let mut house = House::new(plan);
    house.own(&[partition("p", 0)]);
    house.feed(slab(&partition("p", 0), &log, 0, log.len()));
    house.commit();
    house
}

fn lines(house: &House) -> Vec<(i64, i64, u64, Option<NoData>)> {
    let hour = |t: Time| t.0 / HOUR;
    let line = |l: &crate::lines::ScoreLine| {
        (hour(l.window.start), hour(l.window.end), l.window.events, l.reason)
    };
    house.lines.iter().map(line).collect()
}

#[test]
fn silence_after_a_first_partial_pane_is_a_run() {
    let house = run(of_one_hour(), &[burst(30..31, "v1", None), burst(300..370, "v1", None)]);
    assert_eq!(lines(&house), [(1, 5, 0, Some(NoData::NotEnoughEvents)), (5, 6, 60, None)]);
}

#[test]
fn an_incident_that_nothing_judged_for_a_day_is_stale_and_a_later_crossing_is_another() {
    let bad = Some(99.0);
    let later = 62 * 60;
    let house =
        run(of_one_hour(), &[burst(0..130, "v1", bad), burst(later..later + 130, "v1", bad)]);
    let mut incidents = house.incidents();
    incidents.sort_by_key(|i| i.opened);
    let told: Vec<_> = incidents
        .iter()
        .map(|i| (i.opened.0 / HOUR, i.changed.0 / HOUR, i.state, i.resolved_by.as_deref()))
        .collect();
    assert_eq!(
        told,
        [(1, 27, IncidentState::Resolved, Some("stale")), (63, 63, IncidentState::Firing, None),]
    );
}

#[test]
fn windows_without_data_do_not_bring_a_stale_incident_back() {
    let mut logs = vec![burst(0..130, "v1", Some(99.0))];
    // Too few to judge, hour after hour.
    logs.extend((3..60).map(|hour| burst(hour * 60..hour * 60 + 2, "v1", None)));
    let house = run(of_one_hour(), &logs);
    let incidents = house.incidents();
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert_eq!(incidents[0].resolved_by.as_deref(), Some("stale"));
}
