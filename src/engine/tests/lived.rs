//! A state with rows in every table: panes of time and of counts, pairs and waiting halves, an
//! incident with its messages, a run, a silence, a model that learns.

use std::sync::Arc;

use super::world::*;
use crate::engine::Engine;
use crate::engine::io::{Fetched, Input, VersionKey};
use crate::event::{Span, Time};
use crate::lines::Segment;
use crate::plan::{Learn, Plan, RetrainPlan, WindowPlan};
use crate::policy::message::{Command, Delivery, Receipt};

const MINUTES: i64 = 12 * 60;
/// From here on every fare is one that the reference hardly knows.
const SHIFT: i64 = 8 * 60;

/// Two models over the same topics: one is judged by a file, the other one learns.
pub fn lived_plan() -> Plan {
    let mut plan = plan();
    let demand = &mut plan.models[0];
    demand.retrain = Some(RetrainPlan {
        trainer: "airflow".into(),
        budget: 1,
        timeout: Span(24 * HOUR),
        deployed_share: 0.5,
    });
    demand.monitors[0].retrain = true;
    let mut counted =
        monitor("counted", &["features.fare"], "psi", serde_json::json!({"critical": 0.9}));
    counted.window = WindowPlan::Count { length: 200, every: 50 };
    demand.monitors.push(counted);
    let mut surge = demand.clone();
    surge.name = "surge".into();
    surge.retrain = None;
    surge.reference.file = false;
    surge.reference.learn = Some(Learn::Span(Span(20 * HOUR)));
    plan.models.push(surge);
    plan
}

fn predictions() -> Vec<Record> {
    (0..MINUTES)
        .map(|m| Record::Prediction {
            id: m as u64,
            time: m * MINUTE,
            version: if m < 5 * 60 { "v1" } else { "v2" },
            fare: if m >= SHIFT { 99.0 } else { ((m * 37) % 100) as f64 },
            city: if m % 2 == 0 { "Oslo" } else { "Bergen" },
            said: 10.0,
        })
        .collect()
}

/// Half of the predictions meet one; some come for nothing that was predicted.
fn outcomes() -> Vec<Record> {
    (0..MINUTES)
        .step_by(2)
        .map(|m| Record::Outcome {
            id: if m % 20 == 0 { 10_000 + m as u64 } else { m as u64 },
            time: (m + 30) * MINUTE,
            was: Some(10.0 + (m % 3) as f64),
        })
        .collect()
}

/// What the two models of [`lived_plan`] have made of half a day.
pub fn lived() -> House {
    let mut house = House::new(lived_plan());
    house.own(&[partition("p", 0), partition("o", 0)]);
    house.step(Input::Tick(Time(MINUTES * MINUTE)));
    for (topic, log) in [("p", predictions()), ("o", outcomes())] {
        let mut slab = slab(&partition(topic, 0), &log, 0, log.len());
        let mut mine = slab.batches.clone();
        mine.iter_mut().for_each(|(model, _, _)| *model = 1);
        slab.batches.extend(mine);
        let wanted = house.engine.wants(&slab).versions.into_iter();
        let found = |key: VersionKey| {
            let reference = (key.0 == 0).then(reference);
            (key, reference)
        };
        let fetched = Fetched { entries: Vec::new(), references: wanted.map(found).collect() };
        house.step(Input::Slab(Box::new(slab), fetched));
    }
    house.step(Input::Command(Command::Silence {
        model: "surge".into(),
        monitor: None,
        segment: Segment::default(),
        from: Some(Time(0)),
        length: Span(48 * HOUR),
        comment: "festival".into(),
    }));
    let pending = house.engine.pending_messages();
    let (first, _) = &pending[0];
    let result = Delivery::Delivered { attempts: 2, reply: None };
    house.step(Input::Receipt(Receipt { id: first.id.clone(), result }));
    house.commit();
    house
}

/// The engine of [`lived_plan`] out of rows that a store holds.
pub fn revived(
    rows: Vec<(crate::engine::io::Table, Vec<u8>, Vec<u8>)>,
    shelf: &Arc<dyn crate::engine::Shelf>,
) -> Engine {
    let resolve = |model: &str, _: Option<&str>| (model == "demand").then(reference);
    Engine::restore(Arc::new(lived_plan()), [7; 32], Time(0), rows, &resolve, shelf).unwrap().0
}

#[test]
fn every_table_of_the_engine_has_rows() {
    let house = lived();
    let empty: Vec<&str> = crate::engine::io::Table::ALL
        .into_iter()
        .filter(|table| !house.rows.keys().any(|(of, _)| of == table))
        .map(crate::engine::io::Table::name)
        .collect();
    assert_eq!(empty, ["meta", "schemas"]);
}
