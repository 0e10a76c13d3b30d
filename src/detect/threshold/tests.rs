//! Levels, their slips, and what chance explains.

use super::*;
use crate::stats::{Baseline, Binary, Performance, STATISTICS, Sample};
use serde_json::{Value, json};

fn detector(statistic: &str, options: Value) -> Result<Arc<dyn Detector>, ParamError> {
    let kind = STATISTICS.iter().find(|k| k.name == statistic).unwrap();
    let statistic = (kind.build)(&mut Params::default()).unwrap();
    let Value::Object(table) = options else { unreachable!() };
    build(&mut Params::new(table), statistic.as_ref())
}

fn read(
    statistic: &str,
    options: Value,
    score: f64,
    reference: Option<f64>,
) -> (Option<Severity>, bool) {
    let seen = Observation { reference, ..Observation::of(score) };
    let detector = detector(statistic, options).unwrap();
    let reading = detector.read(&seen, &mut Memory::default()).unwrap();
    (reading.beyond, reading.uncleared)
}

#[test]
fn a_number_means_the_bad_direction_and_clear_is_a_fifth_back() {
    let psi = json!({"warning": 0.1, "critical": 0.25});
    assert_eq!(read("psi", psi.clone(), 0.26, None), (Some(Severity::Critical), true));
    assert_eq!(read("psi", psi.clone(), 0.11, None), (Some(Severity::Warning), true));
    assert_eq!(read("psi", psi.clone(), 0.09, None), (None, true));
    assert_eq!(read("psi", psi, 0.079, None), (None, false));
    let coverage = json!({"critical": {"below": 0.5}});
    assert_eq!(read("outcome_coverage", coverage.clone(), 0.59, None), (None, true));
    assert_eq!(read("outcome_coverage", coverage, 0.61, None), (None, false));
}

#[test]
fn worse_by_is_measured_from_the_reference() {
    let mae = json!({"warning": {"worse_by": "10%"}, "critical": {"worse_by": "25%"}});
    assert_eq!(read("mae", mae.clone(), 2.3, Some(2.0)), (Some(Severity::Warning), true));
    assert_eq!(read("mae", mae.clone(), 2.17, Some(2.0)), (None, true));
    assert_eq!(read("mae", mae.clone(), 2.15, Some(2.0)), (None, false));
    let mae = detector("mae", mae).unwrap();
    let alone = mae.read(&Observation::of(2.0), &mut Memory::default());
    assert_eq!(alone, Err(NoData::NoReference));
    let accuracy = json!({"critical": {"worse_by": 0.05}});
    assert_eq!(read("accuracy", accuracy, 0.84, Some(0.9)), (Some(Severity::Critical), true));
}

#[test]
fn slips_are_refused_with_a_sentence() {
    for (options, part) in [
        (json!({}), "needs `warning`"),
        (json!({"warning": 0.3, "critical": 0.1}), "swap"),
        (json!({"critical": "much"}), "not a level"),
        (json!({"critical": {"over": 1}}), "known are"),
        (json!({"critical": 0.1, "for": "3 of 2"}), "M of N"),
        (json!({"critical": 0.1, "for": "soon"}), "length of time"),
    ] {
        let error = detector("psi", options).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let error = detector("mean_error", json!({"critical": 1.0})).unwrap_err().to_string();
    assert!(error.contains("above"), "{error}");
}

/// A reading beside a noise floor.
fn beside(
    statistic: &str,
    options: Value,
    (score, floor): (f64, f64),
) -> Result<Option<Severity>, NoData> {
    let seen = Observation {
        floor: Some(floor),
        reference: (statistic == "recall").then_some(0.8),
        ..Observation::of(score)
    };
    let detector = detector(statistic, options).unwrap();
    detector.read(&seen, &mut Memory::default()).map(|reading| reading.beyond)
}

#[test]
fn what_chance_explains_is_not_told() {
    let (warning, critical) = (Ok(Some(Severity::Warning)), Ok(Some(Severity::Critical)));
    let noise = Err(NoData::TooLittlePower);
    let psi = json!({"warning": 0.1, "critical": 0.25});
    for (score, floor, want) in [
        // The floor below both levels, between them, above them.
        (0.12, 0.05, warning),
        (0.04, 0.05, Ok(None)),
        (0.12, 0.15, noise),
        (0.09, 0.15, Ok(None)),
        (0.18, 0.15, warning),
        (0.30, 0.15, critical),
        (0.09, 0.40, Ok(None)),
        (0.30, 0.40, noise),
        (0.41, 0.40, critical),
    ] {
        assert_eq!(beside("psi", psi.clone(), (score, floor)), want, "{score} beside {floor}");
    }
    let mut told = psi;
    told["even_if_noise"] = json!(true);
    assert_eq!(beside("psi", told.clone(), (0.12, 0.15)), warning);
    assert_eq!(beside("psi", told, (0.09, 0.40)), Ok(None));
}

#[test]
fn the_side_that_is_worse_decides() {
    let noise = Err(NoData::TooLittlePower);
    let recall = json!({"critical": {"worse_by": 0.1}});
    assert_eq!(beside("recall", recall.clone(), (0.65, 0.6)), noise);
    assert_eq!(beside("recall", recall.clone(), (0.55, 0.6)), Ok(Some(Severity::Critical)));
    assert_eq!(beside("recall", recall, (0.75, 0.72)), Ok(None));
    // More events would not help where the reference is itself beyond the level.
    let agreed = json!({"critical": {"below": 0.9}});
    assert_eq!(beside("recall", agreed, (0.65, 0.6)), Ok(Some(Severity::Critical)));
    let either = json!({"critical": {"above": 0.52, "below": 0.48}});
    assert_eq!(beside("mann_whitney", either.clone(), (0.47, 0.54)), noise);
    assert_eq!(beside("mann_whitney", either.clone(), (0.45, 0.54)), Ok(Some(Severity::Critical)));
    assert_eq!(beside("mann_whitney", either, (0.515, 0.51)), Ok(None));
    // Faults are counted, not estimated; and a level on the good side is no question of noise.
    let missing = json!({"critical": 0.0});
    assert_eq!(beside("missing_rate", missing, (0.001, 0.01)), Ok(Some(Severity::Critical)));
    let frozen = json!({"critical": {"below": 0.0001}});
    assert_eq!(beside("psi", frozen, (0.0, 0.04)), Ok(Some(Severity::Critical)));
}

#[test]
fn a_rarity_is_refused_where_it_means_nothing() {
    let rare = json!({"false_alarm_every": "90d"});
    for (statistic, options, part) in [
        ("mae", json!({"critical": rare}), "law without drift"),
        ("wasserstein", json!({"critical": rare}), "law without drift"),
        ("psi", json!({"critical": {"false_alarm_every": 90}}), "not a length of time"),
        ("psi", json!({"critical": {"false_alarm_every": "90d", "above": 1}}), "stands alone"),
        ("psi", json!({"critical": 0.1, "calibrate": true}), "there is none"),
        (
            "psi",
            json!({"warning": {"false_alarm_every": "90d"}, "critical": {"false_alarm_every": "9d"}}),
            "swap",
        ),
    ] {
        let error = detector(statistic, options).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert!(detector("psi", json!({"critical": rare, "warning": 0.1})).is_ok());
}

/// Fraud at 1 in 500, seen 8 times in 10: windows of 10,000 events hold about 20 of it.
#[test]
fn a_rare_class_is_told_where_its_few_positives_can_tell() {
    let kind = STATISTICS.iter().find(|k| k.name == "recall").unwrap();
    let recall = (kind.build)(&mut Params::default()).unwrap();
    let mut state = 5u64;
    let mut hits = |n: i64, share: f64| -> i64 {
        let hit = |_: &i64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) as f64) < share * (1u64 << 31) as f64
        };
        (0..n).filter(hit).count() as i64
    };
    let mut told = |options: Value, share: f64| -> (usize, usize) {
        let detector = detector("recall", options).unwrap();
        let (mut critical, mut silent) = (0, 0);
        for _ in 0..1_000 {
            let positives = hits(10_000, 0.002).max(1);
            let found = hits(positives, share);
            let sums = Performance::Binary(Binary {
                true_positive: found,
                false_negative: positives - found,
                true_negative: 10_000 - positives,
                ..Binary::default()
            });
            let baseline = Some(Baseline { value: 0.8, pairs: 500_000, own: None });
            let sample = Sample { performance: Some(&sums), baseline, ..Sample::default() };
            let seen = Observation {
                reference: Some(0.8),
                floor: recall.noise_floor(&sample),
                ..Observation::of(recall.score(&sample).unwrap().value)
            };
            match detector.read(&seen, &mut Memory::default()) {
                Ok(reading) => critical += usize::from(reading.beyond.is_some()),
                Err(reason) => {
                    assert_eq!(reason, NoData::TooLittlePower);
                    silent += 1;
                }
            }
        }
        (critical, silent)
    };
    let (level, mut always) = (json!({"worse_by": 0.1}), json!({"critical": {"worse_by": 0.1}}));
    let (alarms, silent) = told(json!({"critical": level}), 0.8);
    assert!(alarms <= 15 && silent > 80, "{alarms} alarms, {silent} silent");
    always["even_if_noise"] = json!(true);
    let (alarms, silent) = told(always, 0.8);
    assert!(alarms > 80 && silent == 0, "{alarms} alarms");
    let (alarms, _) = told(json!({"critical": {"worse_by": 0.1}}), 0.3);
    assert!(alarms > 950, "{alarms} of 1000 falls seen");
}
