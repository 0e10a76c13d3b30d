//! Windows that are too small for their levels, through the engine.

use serde_json::{Value, json};

use super::world::*;
use crate::detect::DETECTORS;
use crate::lines::{NoData, Verdict};
use crate::plan::Plan;
use crate::stats::Params;

fn with_level(options: Value) -> Plan {
    let mut plan = plan();
    let monitor = &mut plan.models[0].monitors[0];
    let kind = DETECTORS.iter().find(|k| k.name == "threshold").unwrap();
    let Value::Object(options) = options else { unreachable!() };
    let mut params = Params::new(options);
    monitor.detector = (kind.build)(&mut params, monitor.statistic.as_ref()).unwrap();
    monitor.by.clear();
    plan
}

/// A prediction a minute, fares spread like the reference's until `from` hours, then all 99.
fn run(plan: Plan, from: i64) -> House {
    let (p, o) = (partition("p", 0), partition("o", 0));
    let records: Vec<Record> = (0..10 * 60)
        .map(|m| Record::Prediction {
            id: m as u64,
            time: m * MINUTE,
            version: "v1",
            fare: if m >= from * 60 { 99.0 } else { ((m * 7919) % 100) as f64 },
            city: "Oslo",
            said: 10.0,
        })
        .collect();
    let mut house = House::new(plan);
    let outcomes: Vec<Record> = (0..10 * 60)
        .map(|m| Record::Outcome { id: m as u64, time: (m + 30) * MINUTE, was: Some(10.0) })
        .collect();
    house.own(&[p.clone(), o.clone()]);
    house.feed(slab(&p, &records, 0, records.len()));
    house.feed(slab(&o, &outcomes, 0, outcomes.len()));
    house.commit();
    house
}

#[test]
fn a_window_that_is_too_small_says_so_with_its_noise_and_what_it_sees() {
    let house = run(with_level(json!({"critical": 0.001})), 6);
    let lines: Vec<_> = house.lines.iter().filter(|l| &*l.monitor == "drift").collect();
    let small = lines.iter().filter(|l| l.reason == Some(NoData::TooLittlePower));
    assert!(small.clone().count() >= 4, "{lines:?}");
    for line in small {
        assert_eq!((line.verdict, line.score), (Verdict::NoData, None));
        let (floor, visible) = (line.noise_floor.unwrap(), line.visible.unwrap());
        assert!(0.001 < floor && floor < visible, "{floor} {visible}");
    }
    assert!(lines.iter().any(|l| l.verdict == Verdict::Critical), "what is beyond it is told");
    let told = run(with_level(json!({"critical": 0.001, "even_if_noise": true})), 6);
    assert!(!told.lines.iter().any(|l| l.reason == Some(NoData::TooLittlePower)));
}
