//! Against River (tests/golden/detectors.py), and the laws that every detector obeys.

use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::event::Span;
use crate::stats::{Absences, Counts, Dtype, NumericProfile, Pair, Profile, STATISTICS, Score};

#[path = "../../tests/simulated/random.rs"]
pub(super) mod random;

/// A detector of the registry for a statistic with its defaults.
pub(super) fn build(
    name: &str,
    statistic: &str,
    options: &Value,
) -> Result<Arc<dyn Detector>, ParamError> {
    let kind = DETECTORS.iter().find(|k| k.name == name).unwrap();
    let statistic = STATISTICS.iter().find(|k| k.name == statistic).unwrap();
    let statistic = (statistic.build)(&mut Params::default()).unwrap();
    let mut params = Params::new(options.as_object().unwrap().clone());
    let built = (kind.build)(&mut params, statistic.as_ref());
    assert_eq!(params.left_over().next(), None);
    built
}

/// tests/golden/calibration.py.
pub(super) fn calibration() -> Value {
    serde_json::from_str(include_str!("../../tests/golden/calibration.json")).unwrap()
}

fn golden() -> Value {
    serde_json::from_str(include_str!("../../tests/golden/detectors.json")).unwrap()
}

/// Windows at which a detector says a severity.
fn readings(detector: &dyn Detector, scores: &[f64]) -> (Vec<usize>, Vec<usize>, Vec<Memory>) {
    let (mut drifts, mut warnings, mut memories) = (Vec::new(), Vec::new(), Vec::new());
    let mut memory = Memory::default();
    for (i, &score) in scores.iter().enumerate() {
        match detector.read(&Observation::of(score), &mut memory).unwrap().beyond {
            Some(Severity::Critical) => drifts.push(i),
            Some(Severity::Warning) => warnings.push(i),
            None => {}
        }
        memories.push(memory.clone());
    }
    (drifts, warnings, memories)
}

fn indices(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|i| i.as_u64().unwrap() as usize).collect()
}

fn scores(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

#[test]
fn equal_to_river() {
    let golden = golden();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 78);
    for case in cases {
        let what = format!("{} {} {}", case["detector"], case["options"], case["sequence"]);
        let name = case["detector"].as_str().unwrap();
        let detector = build(name, "mae", &case["options"]).unwrap();
        let sequence = scores(&golden["sequences"][case["sequence"].as_str().unwrap()]);
        let (drifts, warnings, memories) = readings(detector.as_ref(), &sequence);
        assert_eq!(drifts, indices(&case["drifts"]), "drifts of {what}");
        assert_eq!(warnings, indices(&case["warnings"]), "warnings of {what}");
        for state in case["states"].as_array().unwrap() {
            let state = scores(state);
            let memory = &memories[state[0] as usize];
            let kept = match name {
                "adwin" => adwin::seen(memory),
                _ => page_hinkley::seen(memory),
            };
            assert_eq!(kept, state[1..], "state of {what} at {}", state[0]);
        }
    }
}

/// The indices that River's own documentation prints (its licence: BSD 3-Clause).
#[test]
fn equal_to_the_documentation_of_river() {
    let golden = golden();
    let first = |name: &str, options: Value, sequence: &str| {
        let detector = build(name, "mae", &options).unwrap();
        let (drifts, warnings, _) =
            readings(detector.as_ref(), &scores(&golden["sequences"][sequence]));
        (warnings.first().copied(), drifts.first().copied())
    };
    let none = serde_json::json!({});
    let eddm = serde_json::json!({"alpha": 0.8, "beta": 0.75});
    assert_eq!(first("adwin", none.clone(), "documented levels"), (None, Some(1023)));
    assert_eq!(first("page-hinkley", none.clone(), "documented levels"), (None, Some(1006)));
    assert_eq!(first("ddm", none.clone(), "documented bits"), (Some(1084), Some(1334)));
    assert_eq!(first("eddm", eddm, "documented bits"), (Some(1059), Some(1278)));
    assert_eq!(first("hddm-a", none.clone(), "documented bits"), (Some(451), Some(1206)));
    assert_eq!(first("hddm-w", none.clone(), "documented bits"), (Some(451), Some(1077)));
    let ddm = build("ddm", "mae", &none).unwrap();
    let (_, warnings, _) = readings(ddm.as_ref(), &scores(&golden["sequences"]["documented bits"]));
    assert_eq!(warnings.into_iter().find(|i| *i > 1334), Some(1492), "it begins anew");
}

#[test]
fn accuracy_is_an_error_rate_turned_round() {
    let golden = golden();
    let errors = scores(&golden["sequences"]["errors"]);
    let right: Vec<f64> = errors.iter().map(|x| 1.0 - x).collect();
    for name in ["ddm", "eddm", "hddm-a", "hddm-w"] {
        let options = serde_json::json!({});
        let of_errors = build(name, "mae", &options).unwrap();
        let of_accuracy = build(name, "accuracy", &options).unwrap();
        let (drifts, warnings, _) = readings(of_errors.as_ref(), &errors);
        let (again, rewarned, _) = readings(of_accuracy.as_ref(), &right);
        assert!(!drifts.is_empty(), "{name}");
        assert_eq!((drifts, warnings), (again, rewarned), "{name}");
    }
}

/// Each detector on scores, steps and counts that it may meet; none keeps silent about all of them.
#[test]
fn no_score_panics_and_options_are_refused_with_a_sentence() {
    let wild = [0.0, -0.0, 1.0, -1.0, 1e308, -1e308, 5e-324, 0.5, 1e-300];
    let profile = Profile::Numeric(NumericProfile {
        id: "id".into(),
        dtype: Dtype::F64,
        rows: 100,
        absences: Absences::default(),
        grid: vec![0.0, 1.0],
        below: vec![0, 60],
        at_or_below: vec![60, 100],
    });
    let reference = profile.whole();
    let windows = [
        [0, 60, 0, 40, 0],
        [0; 5],
        [1 << 40, 0, 0, 0, 1 << 40],
        [0, 0, 1, 0, 0],
        [0, u64::from(u32::MAX), 0, 0, 0],
    ]
    .map(|cells| Counts {
        cells: cells.to_vec(),
        counted: cells.iter().sum(),
        ..Counts::default()
    });
    for kind in DETECTORS {
        let none = serde_json::json!({});
        let of = match kind.name {
            "threshold" => vec![("psi", serde_json::json!({"critical": 0.1}))],
            "e-detector" => vec![("psi", none.clone()), ("ks", none)],
            "risk" => vec![("accuracy", none), ("mae", serde_json::json!({"bound": 10}))],
            _ => vec![("mae", none.clone()), ("accuracy", none)],
        };
        for (statistic, options) in of {
            let detector = build(kind.name, statistic, &options).unwrap();
            let (mut memory, mut said) = (Memory::default(), 0);
            for i in 0..500 {
                let window = &windows[i * 3 % windows.len()];
                let pair = Pair { profile: &profile, reference: &reference, window };
                let (value, support) = (wild[i * 5 % wild.len()], i as u64 % 7 * 1_000);
                let score = Score { value, support, interval: None };
                let seen = Observation {
                    reference: Some(0.5),
                    reference_support: 100,
                    every: Span::from_secs(3_600),
                    pair: Some(pair),
                    step: Step { score: Some(score), pair: Some(pair), season: None },
                    ..Observation::of(wild[i * 7 % wild.len()])
                };
                said += u32::from(detector.read(&seen, &mut memory).is_ok());
            }
            assert!(said > 0, "{} of {statistic} never spoke", kind.name);
        }
    }
    for (name, options, part) in [
        ("adwin", serde_json::json!({"delta": 2}), "between 0 and 1"),
        ("adwin", serde_json::json!({"clock": 0}), "at least 1"),
        ("page-hinkley", serde_json::json!({"mode": "sideways"}), "none of up, down, both"),
        ("page-hinkley", serde_json::json!({"alpha": 1.5}), "is no share"),
        ("eddm", serde_json::json!({"alpha": 0.5}), "a warning comes first"),
        ("hddm-a", serde_json::json!({"two_sided_test": 1}), "neither true nor false"),
        ("hddm-w", serde_json::json!({"lambda_val": 0}), "between 0 and 1"),
    ] {
        let error = build(name, "mae", &options).unwrap_err().to_string();
        assert!(error.contains(part), "{name}: {error}");
    }
}

/// The page in the repository; `UPDATE=1` writes it.
#[test]
fn the_page_of_the_detectors_is_fresh() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/detectors.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, manual()).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    let how = "UPDATE=1 cargo test the_page_of_the_detectors";
    assert!(stored == manual(), "docs/detectors.md is stale; write it anew: {how}");
    for kind in DETECTORS {
        assert!(
            kind.details.contains("To choose") || kind.details.contains("Source"),
            "{}",
            kind.name
        );
    }
}
