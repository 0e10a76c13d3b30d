//! Models under new names.

use serde_json::Value;

use super::world::*;
use crate::engine::io::{Fetched, Input};
use crate::lines::IncidentState;
use crate::plan::{Plan, WindowPlan};

/// Fares that leave the reference after half of the hours.
fn predictions(hours: i64) -> Vec<Record> {
    (0..hours * 60)
        .map(|m| Record::Prediction {
            id: m as u64,
            time: m * MINUTE,
            version: "v1",
            fare: if m < hours * 30 { ((m * 37) % 100) as f64 } else { 99.0 },
            city: "Oslo",
            said: 10.0,
        })
        .collect()
}

fn drift_only() -> Plan {
    let mut plan = plan();
    plan.models[0].monitors.truncate(1);
    plan.models[0].monitors[0].window =
        WindowPlan::Time { length: crate::event::Span(4 * HOUR), every: crate::event::Span(HOUR) };
    plan
}

fn renamed(mut plan: Plan) -> Plan {
    plan.models[0].name = "need".into();
    plan.models[0].was = Some("demand".into());
    plan
}

/// Hour by hour, each in a commit; a second model sees every other ride.
fn read(house: &mut House, log: &[Record], hours: std::ops::Range<i64>) {
    house.own(&[partition("p", 0), partition("o", 0)]);
    for hour in hours {
        let mut slab = slab(&partition("p", 0), log, hour as usize * 60, hour as usize * 60 + 60);
        if house.plan.models.len() > 1 {
            let (_, role, mut half) = slab.batches[0].clone();
            half.keep(&(0..60).step_by(2).collect::<Vec<u32>>());
            slab.batches.push((1, role, half));
        }
        let versions = house.engine.wants(&slab).versions;
        let references = versions.into_iter().map(|v| (v, Some(reference()))).collect();
        house.step(Input::Slab(Box::new(slab), Fetched { entries: Vec::new(), references }));
        house.commit();
    }
}

fn lines_of(house: &House, model: &str, kind: &str) -> Vec<Value> {
    let mut lines = house.export();
    lines.retain(|line| line["model"] == *model && line["type"] == *kind);
    lines.iter_mut().for_each(|line| line["model"] = "any".into());
    lines
}

#[test]
fn a_renaming_that_a_crash_undoes_costs_nothing() {
    let log = predictions(20);
    let mut house = House::new(drift_only());
    read(&mut house, &log, 0..12);
    let before = house.export();
    assert!(before.iter().any(|line| line["pending_predictions"].as_u64() > Some(100)));
    house.replan(renamed(drift_only()));
    house.plan = drift_only().into();
    house.crash();
    assert_eq!(house.export(), before);
    read(&mut house, &log, 12..20);
    let mut undisturbed = House::new(drift_only());
    read(&mut undisturbed, &log, 0..20);
    assert_eq!(house.export(), undisturbed.export());
    assert_eq!(house.lines, undisturbed.lines);
}

#[test]
fn a_renamed_model_goes_on_where_it_was() {
    let log = predictions(20);
    let mut house = House::new(drift_only());
    read(&mut house, &log, 0..12);
    let before = ["pane", "join", "incident"].map(|kind| lines_of(&house, "demand", kind));
    for _ in 0..2 {
        house.replan(renamed(drift_only()));
        house.commit();
        house.crash();
    }
    assert_eq!(["pane", "join", "incident"].map(|kind| lines_of(&house, "need", kind)), before);
    assert!(house.export().iter().all(|line| line["model"] != "demand"));
    read(&mut house, &log, 12..20);
    let mut undisturbed = House::new(drift_only());
    read(&mut undisturbed, &log, 0..20);
    assert_eq!(lines_of(&house, "need", "pane"), lines_of(&undisturbed, "demand", "pane"));
    // A model that takes the old name later has rows of its own.
    let mut both = renamed(drift_only());
    both.models[0].was = None;
    both.models.extend(drift_only().models);
    house.replan(both);
    house.commit();
    let kept = lines_of(&house, "need", "pane");
    read(&mut house, &predictions(24), 20..24);
    house.crash();
    let rides = |model: &str| -> u64 {
        let whole =
            lines_of(&house, model, "pane").into_iter().filter(|l| l["segment"] == Value::Null);
        whole.filter_map(|line| line["predictions"].as_u64()).sum()
    };
    assert_eq!(rides("demand"), 4 * 30);
    assert!(kept.len() > 10 && rides("need") > 10 * 60);
}

#[test]
fn a_model_that_takes_the_name_of_a_removed_one_takes_nothing_else() {
    let mut two = drift_only();
    two.models.push(two.models[0].clone());
    two.models[1].name = "need".into();
    let log = predictions(20);
    let mut house = House::new(two);
    read(&mut house, &log, 0..14);
    let demand = lines_of(&house, "demand", "pane");
    let keys = |house: &House, state: IncidentState| {
        let wanted = house.incidents().into_iter().filter(|i| i.state == state);
        wanted.map(|i| (i.model.to_string(), i.key)).collect::<Vec<_>>()
    };
    let open = keys(&house, IncidentState::Firing);
    assert_eq!(open.len(), 2, "{open:?}");
    let key_of = |model: &str| open.iter().find(|(of, _)| of == model).unwrap().1.clone();
    let (demands, needs) = (key_of("demand"), key_of("need"));
    house.replan(renamed(drift_only()));
    house.commit();
    for _ in 0..2 {
        assert_eq!(lines_of(&house, "need", "pane"), demand);
        assert_eq!(keys(&house, IncidentState::Firing), [("need".to_owned(), demands.clone())]);
        assert_eq!(keys(&house, IncidentState::Resolved), [("need".to_owned(), needs.clone())]);
        let halves = |events: u64| events == 30 * 4;
        assert!(!house.engine.latest_lines().any(|line| halves(line.window.events)));
        house.crash();
    }
    read(&mut house, &log, 14..20);
    let mut undisturbed = House::new(drift_only());
    read(&mut undisturbed, &log, 0..20);
    assert_eq!(lines_of(&house, "need", "pane"), lines_of(&undisturbed, "demand", "pane"));
}
