//! Estimates without outcomes: what they say before any outcome is there, and how they are held to
//! what came true.

use std::ops::Range;

use super::world::*;
use crate::event::{Anchor, Batch, Numbers, Role, Slab, Span, Time, Values, Words};
use crate::lines::{IncidentState, NoData, ScoreLine, Verdict};
use crate::plan::{Learn, ModelPlan, MonitorPlan, OutcomePlan, Plan, ReferencePlan, SeriesKind};
use crate::stats::{Dtype, Loss, Params, STATISTICS, Task, statistic};

const AN_HOUR: i64 = 600;

/// A prediction and what comes true of it three hours later.
struct Row {
    id: i64,
    time: i64,
    probability: f64,
    truth: bool,
}

/// Numbers in [0, 1) that are the same in every run.
fn random(seed: i64) -> f64 {
    let mut x = (seed as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Rows whose x lies within `most` of 0, of a law of the outcomes that is `steep`; the model says
/// twice the log odds that hold at first.
fn rows(hours: Range<i64>, most: f64, steep: f64) -> impl Iterator<Item = Row> {
    (hours.start * AN_HOUR..hours.end * AN_HOUR).map(move |id| {
        let x = (2.0 * random(3 * id) - 1.0) * most;
        Row {
            id,
            time: id * HOUR / AN_HOUR,
            probability: (logistic(2.0 * x) * 1e4).round() / 1e4,
            truth: random(3 * id + 1) < logistic(steep * x),
        }
    })
}

fn watch(name: &str, metric: &str, key: &str, critical: serde_json::Value) -> MonitorPlan {
    let mut plan = monitor(name, &["model"], metric, serde_json::json!({"critical": 0.1}));
    let kind = STATISTICS.iter().find(|k| k.name == metric).unwrap();
    let mut params = serde_json::Map::new();
    if !key.is_empty() {
        params.insert(key.to_owned(), true.into());
    }
    plan.statistic = statistic(kind, &mut Params::new(params)).unwrap();
    let mut options = Params::new([("critical".to_owned(), critical)].into_iter().collect());
    let detector = &crate::detect::DETECTORS[0];
    plan.detector = (detector.build)(&mut options, plan.statistic.as_ref()).unwrap();
    MonitorPlan { by: Vec::new(), min_events: 100, min_coverage: 0.9, ..plan }
}

fn binary() -> Plan {
    let worse = serde_json::json!({"worse_by": "10%"});
    let mut plan = plan();
    let model = plan.models.remove(0);
    let outcomes =
        model.outcomes.map(|o| OutcomePlan { within: Span(5 * HOUR), due: Span(4 * HOUR), ..o });
    plan.models.push(ModelPlan {
        task: Some(Task::Binary),
        versioned: false,
        features: Vec::new(),
        prediction: Some(SeriesKind::Category),
        probabilities: vec!["yes".into()],
        positive: vec!["yes".into()],
        threshold: Some(0.5),
        outcomes,
        reference: ReferencePlan {
            file: false,
            per_version: false,
            learn: Some(Learn::Span(Span(6 * HOUR))),
        },
        dimensions: Vec::new(),
        monitors: vec![
            watch(
                "error",
                "accuracy",
                "estimate_error",
                serde_json::json!({"above": 0.08, "below": -0.08}),
            ),
            watch("estimate", "accuracy", "estimated", worse.clone()),
            watch("realised", "accuracy", "", worse),
        ],
        ..model
    });
    plan
}

fn slab(topic: &str, rows: &[Row], range: Range<usize>) -> Slab {
    let role = if topic == "p" { Role::Prediction } else { Role::Outcome };
    let late = if topic == "p" { 0 } else { 3 * HOUR };
    let mut batch = Batch::default();
    let (mut probability, mut truth) = (Numbers::default(), Words::default());
    for (offset, row) in range.clone().zip(&rows[range.clone()]) {
        batch.offsets.push(offset as i64);
        batch.times.push(Time(row.time + late));
        batch.logged.push(Time(row.time + late));
        batch.ids.push(row.id as u128);
        probability.push(row.probability);
        truth.push(if row.truth { "yes" } else { "no" });
    }
    match role {
        Role::Prediction => batch.probabilities = vec![probability],
        Role::Outcome => batch.outcome = Some(Values::Words(truth)),
    }
    Slab {
        partition: partition(topic, 0),
        from: range.start as i64,
        to: range.end as i64,
        ordered: true,
        read_at: Time(0),
        anchor: Some(Anchor { offset: range.end as i64 - 1, timestamp: Time(0), hash: 0 }),
        batches: vec![(0, role, batch)],
        refused: Vec::new(),
        seen: Vec::new(),
    }
}

/// Reads the predictions of these hours, and the outcomes that were there when they were made.
fn live(house: &mut House, rows: &[Row], hours: Range<i64>, crash: bool) {
    let partitions = ["p", "o"].map(|topic| partition(topic, 0));
    for hour in hours {
        for (topic, hour) in [("p", hour), ("o", hour - 3)] {
            let at = |hour: i64| (hour * AN_HOUR).clamp(0, rows.len() as i64) as usize;
            let range = at(hour)..at(hour + 1);
            if !range.is_empty() {
                house.feed(slab(topic, rows, range));
            }
        }
        if crash {
            house.commit();
            house.crash();
            house.own(&partitions);
        }
    }
}

/// The history: from hour 20 on the model is asked harder things, from 34 on the world is another.
fn history() -> Vec<Row> {
    rows(0..20, 4.0, 1.0)
        .chain(rows(20..28, 1.5, 1.0))
        .chain(rows(28..34, 4.0, 1.0))
        .chain(rows(34..48, 4.0, 0.2))
        .collect()
}

fn house() -> House {
    let mut house = House::new(binary());
    house.files = false;
    house.own(&["p", "o"].map(|topic| partition(topic, 0)));
    house
}

fn of<'a>(house: &'a House, monitor: &str, end: i64) -> Option<&'a ScoreLine> {
    let ends = |line: &&ScoreLine| &*line.monitor == monitor && line.window.end.0 == end * HOUR;
    house.lines.iter().rfind(ends)
}

#[test]
fn an_estimate_knows_of_harder_questions_before_any_outcome_does() {
    let rows = history();
    let mut house = house();
    live(&mut house, &rows, 0..24, false);
    // Learnt until 7, its outcomes are in at 12.
    let early = of(&house, "estimate", 11).unwrap();
    assert_eq!((early.reason, early.estimated), (Some(NoData::NoReference), true));
    let before = of(&house, "estimate", 18).unwrap();
    let hard = of(&house, "estimate", 23).unwrap();
    assert_eq!((before.verdict, hard.verdict), (Verdict::Ok, Verdict::Critical));
    // (ln(1 + e^a) - ln 2) / a for a = 4 and a = 1.5.
    for (line, truth) in [(before, 0.8311), (hard, 0.6723)] {
        let (low, high) = line.interval.unwrap();
        let score = line.score.unwrap();
        assert!((score - truth).abs() < 0.03, "{line:?}");
        assert!(low < score && score < high.unwrap() && high.unwrap() - low < 0.1);
        assert_eq!((&*line.statistic, line.window.support), ("accuracy_estimate", 1_200));
    }
    assert!(of(&house, "realised", 23).is_none(), "no outcome is there");
    // What came true agrees, and the difference says so.
    live(&mut house, &rows, 24..34, false);
    let (low, high) = of(&house, "estimate", 23).unwrap().interval.unwrap();
    let realised = of(&house, "realised", 23).unwrap();
    let score = realised.score.unwrap();
    assert!(low < score && score < high.unwrap() && !realised.estimated, "{realised:?}");
    let error = of(&house, "error", 23).unwrap();
    let (low, high) = error.interval.unwrap();
    assert!(low < 0.0 && 0.0 < high.unwrap() && error.verdict == Verdict::Ok, "{error:?}");
    let estimate = of(&house, "estimate", 23).unwrap().score.unwrap();
    assert!((error.score.unwrap() - (score - estimate)).abs() < 1e-12);
    assert_eq!(&*error.statistic, "accuracy_estimate_error");
}

#[test]
fn another_world_is_found_by_the_error_of_the_estimate() {
    let rows = history();
    let mut house = house();
    live(&mut house, &rows, 0..47, false);
    // The estimate has no idea.
    let blind = of(&house, "estimate", 40).unwrap();
    assert_eq!(blind.verdict, Verdict::Ok);
    let error = of(&house, "error", 40).unwrap();
    assert_eq!(error.verdict, Verdict::Critical, "{error:?}");
    let high = error.interval.unwrap().1.unwrap();
    assert!(error.score.unwrap() < -0.2 && high < -0.1, "{error:?}");
    let firing = |house: &House, monitor: &str| {
        house.incidents().iter().any(|i| &*i.monitor == monitor && i.state == IncidentState::Firing)
    };
    assert!(firing(&house, "error") && firing(&house, "realised"));
    assert!(!firing(&house, "estimate"), "that of the harder questions is over");
    assert!(house.incidents().iter().any(|i| &*i.monitor == "estimate"));
}

#[test]
fn a_crash_changes_no_estimate() {
    let rows = history();
    let (mut calm, mut shaken) = (house(), house());
    live(&mut calm, &rows, 0..30, false);
    live(&mut shaken, &rows, 0..30, true);
    calm.commit();
    let estimates = |house: &House| -> Vec<String> {
        let mine = house.verdicts().into_iter();
        mine.filter(|line| line.contains("_estimate") && line.contains("\"reason\":null")).collect()
    };
    assert!(estimates(&calm).len() > 20);
    assert_eq!(estimates(&shaken), estimates(&calm));
    assert_eq!(shaken.export(), calm.export());
    let panes = calm.export();
    let pane = panes.iter().find(|line| line["type"] == "pane" && line["classified"].is_object());
    let counted = pane.unwrap()["classified"]["count"].as_u64().unwrap();
    assert_eq!(counted, AN_HOUR as u64);
}

/// A regression whose events say how far off they expect to be.
fn regression() -> Plan {
    let mut plan = binary();
    let model = plan.models.remove(0);
    plan.models.push(ModelPlan {
        task: Some(Task::Regression),
        prediction: Some(SeriesKind::Numeric(Dtype::F64)),
        probabilities: Vec::new(),
        expected_loss: Some(Loss::Absolute),
        threshold: None,
        reference: ReferencePlan { file: false, per_version: false, learn: None },
        monitors: vec![
            watch("error", "mae", "estimate_error", serde_json::json!({"above": 1.0})),
            watch("estimate", "mae", "estimated", serde_json::json!(4.0)),
        ],
        ..model
    });
    plan
}

/// Two predictions a minute: losses of 1, 2, 3 and 4 are expected in turn, and from hour 10 on twice
/// as much comes true.
fn losses(house: &mut House, hours: Range<i64>, crash: bool) {
    for (topic, hour) in hours.flat_map(|hour| [("p", hour), ("o", hour - 3)]) {
        if hour < 0 {
            continue;
        }
        let rows: Vec<Row> = (hour * 120..(hour + 1) * 120)
            .map(|id| Row { id, time: id * MINUTE / 2, probability: 0.5, truth: false })
            .collect();
        let mut slab = slab(topic, &rows, 0..rows.len());
        (slab.from, slab.to) = (hour * 120, (hour + 1) * 120);
        let batch = &mut slab.batches[0].2;
        let (mut first, mut second) = (Numbers::default(), Numbers::default());
        for (offset, row) in batch.offsets.iter_mut().zip(&rows) {
            *offset += slab.from;
            match topic {
                "p" => {
                    first.push(20.0);
                    second.push((1 + row.id % 4) as f64);
                }
                _ => {
                    let times = if hour < 10 { 1 } else { 2 };
                    first.push((20 + times * (1 + row.id * 3 % 4)) as f64);
                }
            }
        }
        batch.probabilities.clear();
        match topic {
            "p" => {
                batch.prediction = Some(Values::Numbers(first));
                batch.expected_loss = Some(second);
            }
            _ => batch.outcome = Some(Values::Numbers(first)),
        }
        house.feed(slab);
        if crash {
            house.commit();
            house.crash();
            house.own(&["p", "o"].map(|topic| partition(topic, 0)));
        }
    }
}

#[test]
fn losses_that_events_expect_are_the_estimate_of_a_regression() {
    let [mut calm, mut shaken] = [(); 2].map(|()| {
        let mut house = House::new(regression());
        house.files = false;
        house.own(&["p", "o"].map(|topic| partition(topic, 0)));
        house
    });
    losses(&mut calm, 0..8, false);
    let line = of(&calm, "estimate", 7).unwrap();
    assert_eq!((&*line.statistic, line.score, line.estimated), ("mae_estimate", Some(2.5), true));
    let (low, high) = line.interval.unwrap();
    // Variance 1.25 among 240.
    let half = 1.959_963_984_540_054 * (1.25f64 / 239.0).sqrt();
    assert!((low - 2.5 + half).abs() < 1e-9 && (high.unwrap() - 2.5 - half).abs() < 1e-9);
    losses(&mut calm, 8..24, false);
    losses(&mut shaken, 0..24, true);
    let error = |end| of(&calm, "error", end).unwrap();
    assert_eq!((error(8).score, error(8).verdict), (Some(0.0), Verdict::Ok));
    assert_eq!((error(16).score, error(16).verdict), (Some(2.5), Verdict::Critical));
    assert_eq!(of(&calm, "estimate", 16).unwrap().verdict, Verdict::Ok);
    calm.commit();
    assert_eq!(shaken.export(), calm.export());
    let scores = |house: &House| -> Vec<String> {
        let lines = house.verdicts().into_iter();
        lines.filter(|line| line.contains("\"reason\":null")).collect()
    };
    assert_eq!(scores(&shaken), scores(&calm));
    let export = calm.export();
    let pane = export.iter().find(|line| line["expected_losses"].is_object()).unwrap();
    let want = serde_json::json!({"n": 120, "sum": 300.0, "sum_sq": 900.0});
    assert_eq!(pane["expected_losses"], want);
    assert_eq!(pane["expected_loss"]["count"], 120);
}
