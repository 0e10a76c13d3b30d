//! What an incident says about its causes: a change of the mix is no change within, and the other
//! way round.

use serde_json::{Value, json};

use super::world::*;
use crate::event::Span;
use crate::plan::{Learn, Plan, ReferencePlan, WindowPlan};

/// Hours that the reference is learnt from, and the hour in which the change begins.
const LEARNT: i64 = 6;
const CHANGE: i64 = 12;

fn plan(metric: &str) -> Plan {
    let mut plan = super::world::plan();
    let model = &mut plan.models[0];
    let learn = Learn::Span(Span(LEARNT * HOUR));
    model.reference = ReferencePlan { file: false, per_version: false, learn: Some(learn) };
    let levels = json!({"critical": 0.2, "even_if_noise": true});
    let drift = |name, statistic| monitor(name, &["features.fare"], statistic, levels.clone());
    let level = if metric == "mape" { 0.2 } else { 3.7 };
    let worse = monitor("worse", &["model"], metric, json!({"critical": level}));
    model.monitors = vec![drift("bins", "psi"), drift("ranks", "ks"), worse];
    for monitor in &mut model.monitors {
        monitor.window = WindowPlan::Time { length: Span(HOUR), every: Span(HOUR) };
    }
    plan
}

/// 120 predictions an hour. Fares of Oslo are 0 to 29, those of Bergen 60 to 89, each equally often; their
/// errors are 1 and 5. `bergen` says how many of four are of Bergen, `raised` by how much fares and
/// errors grow.
fn logs(bergen: impl Fn(i64) -> i64, raised: impl Fn(i64) -> i64) -> (Vec<Record>, Vec<Record>) {
    let (mut predictions, mut outcomes) = (Vec::new(), Vec::new());
    for place in 0..20 * 120 {
        let (hour, within) = (place / 120, place % 120);
        let (id, time) = (place as u64, place * MINUTE / 2);
        let is_bergen = within / 30 < bergen(hour);
        let (city, base, error) = if is_bergen { ("Bergen", 60, 5) } else { ("Oslo", 0, 1) };
        let fare = (base + within % 30 + raised(hour)) as f64;
        predictions.push(Record::Prediction { id, time, version: "v1", fare, city, said: 10.0 });
        let was = Some((10 + error + raised(hour)) as f64);
        outcomes.push(Record::Outcome { id, time: time + 1, was });
    }
    (predictions, outcomes)
}

fn told(predictions: &[Record], outcomes: &[Record]) -> Vec<(String, Value)> {
    told_with("mae", predictions, outcomes)
}

/// What each monitor's incident says about the whole, judged against the reference and against
/// what was two hours before.
fn told_with(metric: &str, predictions: &[Record], outcomes: &[Record]) -> Vec<(String, Value)> {
    let mut since = plan(metric);
    for monitor in &mut since.models[0].monitors {
        monitor.against = Some(Span(2 * HOUR));
    }
    [plan(metric), since]
        .into_iter()
        .flat_map(|plan| told_by(plan, predictions, outcomes))
        .collect()
}

fn told_by(plan: Plan, predictions: &[Record], outcomes: &[Record]) -> Vec<(String, Value)> {
    let mut house = House::new(plan);
    house.files = false;
    let (p, o) = (partition("p", 0), partition("o", 0));
    house.own(&[p.clone(), o.clone()]);
    for from in (0..predictions.len()).step_by(60) {
        house.feed(slab(&p, predictions, from, from + 60));
        house.feed(slab(&o, outcomes, from, from + 60));
    }
    house.commit();
    let incidents = house.engine.status().incidents;
    let told = incidents
        .into_iter()
        .map(|i| (i.line.monitor.to_string(), i.data["attribution"][0].clone()));
    let mut told: Vec<_> = told.collect();
    told.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        told.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["bins", "ranks", "worse"]
    );
    told
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// Share of the change that a term makes; the terms sum to the change.
fn part(told: &Value, term: &str) -> f64 {
    assert!(told["segment"].is_null(), "the whole comes first: {told}");
    let split = &told["segments"][0];
    assert_eq!(split["by"], "city");
    let terms: f64 = ["mix", "within", "rest"].map(|term| number(&split[term])).iter().sum();
    assert!((terms - number(&split["change"])).abs() < 1e-12, "{split}");
    number(&split[term]) / number(&split["change"])
}

#[test]
fn a_change_of_the_mix_is_one() {
    let (predictions, outcomes) = logs(|hour| if hour < CHANGE { 2 } else { 3 }, |_| 0);
    for (monitor, why) in told(&predictions, &outcomes) {
        // The half counts of PSI are of no segment.
        let least = if monitor == "bins" { 0.9 } else { 1.0 - 1e-9 };
        assert!(part(&why, "mix") >= least, "{monitor}: {why}");
        assert!(part(&why, "within").abs() < 1e-9, "{monitor}: {why}");
        let split = &why["segments"][0];
        let shares =
            |part: &Value| (number(&part["reference_share"]), number(&part["window_share"]));
        let bergen =
            split["largest"].as_array().unwrap().iter().find(|part| part["value"] == "Bergen");
        assert_eq!(shares(bergen.unwrap()), (0.5, 0.75), "{monitor}");
    }
}

#[test]
fn a_change_within_segments_is_one() {
    let (predictions, outcomes) = logs(|_| 2, |hour| if hour < CHANGE { 0 } else { 15 });
    for (monitor, why) in told(&predictions, &outcomes) {
        let least = if monitor == "bins" { 0.9 } else { 1.0 - 1e-9 };
        assert!(part(&why, "within") >= least, "{monitor}: {why}");
        assert!(part(&why, "mix").abs() < 1e-9, "{monitor}: {why}");
        let place = &why["place"];
        if monitor == "worse" {
            assert!(place.is_null());
        } else {
            assert_eq!(place["direction"], "higher", "{monitor}");
            assert_eq!(number(&place["distance"]), -0.25, "15 of 60 fares have passed any place");
        }
    }
}

/// Half of Bergen's outcomes are 0, where a share of the outcome is nothing.
#[test]
fn pairs_that_a_mean_leaves_out_have_no_weight() {
    let (predictions, mut outcomes) = logs(|hour| if hour < CHANGE { 2 } else { 3 }, |_| 0);
    for (i, (prediction, outcome)) in predictions.iter().zip(&mut outcomes).enumerate() {
        if let (Record::Prediction { city: "Bergen", .. }, Record::Outcome { was, .. }) =
            (prediction, outcome)
            && i % 2 == 0
        {
            *was = Some(0.0);
        }
    }
    let told = told_with("mape", &predictions, &outcomes);
    let worse: Vec<_> = told.iter().filter(|(monitor, _)| monitor == "worse").collect();
    assert_eq!(worse.len(), 2);
    for (_, why) in worse {
        assert!((part(why, "mix") - 1.0).abs() < 1e-9, "{why}");
        let split = &why["segments"][0];
        let (before, now) = ((60.0 / 11.0 + 10.0) / 90.0, (30.0 / 11.0 + 15.0) / 75.0);
        assert!((number(&split["change"]) - (now - before)).abs() < 1e-12, "{split}");
    }
}

#[test]
fn a_metric_that_is_no_mean_is_carried_by_the_segment_without_which_it_would_be_well() {
    let (predictions, outcomes) = logs(|hour| if hour < CHANGE { 2 } else { 3 }, |_| 0);
    let told = told_with("rmse", &predictions, &outcomes);
    let worse: Vec<_> = told.iter().filter(|(monitor, _)| monitor == "worse").collect();
    assert_eq!(worse.len(), 2);
    for (_, why) in worse {
        let told = &why["segments"][0];
        let (before, now) = (13f64.sqrt(), 19f64.sqrt());
        assert!((number(&told["window"]) - now).abs() < 1e-12, "{told}");
        assert!((number(&told["change"]) - (now - before)).abs() < 1e-12, "{told}");
        let names = told["largest"].as_array().unwrap().iter().map(|part| &part["value"]);
        assert_eq!(names.collect::<Vec<_>>(), ["Bergen", "Oslo"]);
        for (place, alone, without) in [(0, 5.0, 1.0), (1, 1.0, 5.0)] {
            let part = &told["largest"][place];
            assert_eq!((number(&part["reference"]), number(&part["window"])), (alone, alone));
            assert_eq!(number(&part["without"]), without);
            assert!((number(&part["adds"]) - (now - without)).abs() < 1e-12, "{part}");
            let shares = (number(&part["reference_share"]), number(&part["window_share"]));
            assert_eq!(shares, if place == 0 { (0.5, 0.75) } else { (0.5, 0.25) });
        }
    }
}
