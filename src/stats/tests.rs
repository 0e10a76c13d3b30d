//! Against values of scipy (tests/golden), and the laws that every statistic obeys.

use serde_json::Value;

use super::*;

/// A whole reference out of raw values.
fn profile(values: &[f64]) -> NumericProfile {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut grid = sorted.clone();
    grid.dedup();
    NumericProfile {
        id: "id".into(),
        dtype: Dtype::F64,
        rows: values.len() as u64,
        absences: Absences::default(),
        at_or_below: grid.iter().map(|g| sorted.partition_point(|x| x <= g) as u64).collect(),
        below: grid.iter().map(|g| sorted.partition_point(|x| x < g) as u64).collect(),
        grid,
    }
}

fn count(profile: &NumericProfile, values: &[f64]) -> Counts {
    let mut codes = Vec::new();
    profile.code_all(values, &mut codes);
    let mut counts = Counts::new(2 * profile.grid.len() + 1);
    for code in codes {
        counts.cells[code as usize] += 1;
        counts.counted += 1;
    }
    counts
}

fn numbers(value: &Value) -> Vec<f64> {
    let number = |v: &Value| match v.as_str() {
        Some("inf") => f64::INFINITY,
        Some(_) => f64::NEG_INFINITY,
        None => v.as_f64().unwrap(),
    };
    value.as_array().unwrap().iter().map(number).collect()
}

fn build(name: &str) -> Arc<dyn Statistic> {
    let kind = STATISTICS.iter().find(|k| k.name == name).unwrap();
    (kind.build)(&mut Params::default()).unwrap()
}

fn close(got: f64, want: f64, tolerance: f64, what: &str) {
    let error = (got - want).abs() / want.abs().max(1e-12);
    assert!(error <= tolerance || (got - want).abs() < 1e-14, "{what}: {got} is not {want}");
}

#[test]
fn equal_to_scipy() {
    let golden: Value =
        serde_json::from_str(include_str!("../../tests/golden/statistics.json")).unwrap();
    for case in golden["pairs"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let numeric = profile(&numbers(&case["reference"]));
        let window = count(&numeric, &numbers(&case["window"]));
        let profile = Profile::Numeric(numeric);
        let reference = profile.whole();
        let pair = Pair { profile: &profile, reference: &reference, window: &window };
        let sample = Sample {
            events: window.counted,
            seconds: 3600.0,
            window: Some(&window),
            pair: Some(pair),
            ..Sample::default()
        };
        for statistic in ["psi", "ks", "chi_square", "jensen_shannon"] {
            let score = build(statistic).score(&sample).unwrap();
            let want = case[statistic].as_f64().unwrap();
            close(score.value, want, 1e-11, &format!("{name} {statistic}"));
            assert_eq!(score.interval, None, "{name}: a whole reference is exact");
        }
        for (statistic, key) in [("ks", "ks_p"), ("chi_square", "chi_square_p")] {
            let p = build(statistic).p_value(&sample).unwrap();
            close(p, case[key].as_f64().unwrap(), 1e-6, &format!("{name} {key}"));
        }
    }
}

#[test]
fn the_one_sample_law_equals_kstwo() {
    let golden: Value =
        serde_json::from_str(include_str!("../../tests/golden/statistics.json")).unwrap();
    for case in golden["kstwo"].as_array().unwrap() {
        let (n, d) = (case["n"].as_f64().unwrap(), case["d"].as_f64().unwrap());
        let want = case["sf"].as_f64().unwrap();
        let got = kolmogorov::one_sample_sf(n, d);
        assert!((got - want).abs() < 1e-6, "n {n} d {d}: {got} is not {want}");
    }
}

/// Every statistic on the same data twice, on nothing, and without a reference.
#[test]
fn laws_of_the_registry() {
    let values: Vec<f64> = (0..500).map(|i| f64::from(i % 97)).collect();
    let numeric = profile(&values);
    let window = count(&numeric, &values);
    let empty = Counts::new(window.cells.len());
    let profile = Profile::Numeric(numeric);
    let reference = profile.whole();
    for kind in STATISTICS {
        let statistic = build(kind.name);
        assert_eq!(statistic.name(), kind.name);
        assert!(!kind.summary.is_empty());
        for (window, events) in [(&window, 500), (&empty, 0)] {
            let task = statistic.tasks().first().copied().unwrap_or(Task::Regression);
            let performance = Performance::empty(task);
            let delays = Delays::default();
            let sample = Sample {
                events,
                seconds: 3600.0,
                window: Some(window),
                pair: Some(Pair { profile: &profile, reference: &reference, window }),
                performance: Some(&performance),
                delays: Some(&delays),
                ..Sample::default()
            };
            if let Ok(score) = statistic.score(&sample) {
                assert!(score.value.is_finite(), "{}", kind.name);
                if events > 0 && statistic.basis() == Basis::Distribution {
                    close(score.value, 0.0, 1e-12, kind.name);
                }
            }
            assert!(statistic.noise_floor(&sample).is_none_or(f64::is_finite), "{}", kind.name);
            assert!(statistic.p_value(&sample).is_none_or(f64::is_finite), "{}", kind.name);
        }
        let bare = Sample { events: 500, window: Some(&window), ..Sample::default() };
        if statistic.basis() == Basis::Distribution {
            assert_eq!(statistic.score(&bare), Err(Undefined::NoReference), "{}", kind.name);
        }
    }
}

/// By hand: 3 classes, 10 pairs.
#[test]
fn several_classes_are_averaged_as_asked() {
    let mut sums = Performance::empty(Task::Multiclass);
    let pairs = [("a", "a", 4), ("a", "b", 1), ("b", "b", 2), ("b", "a", 1), ("c", "a", 2)];
    for (outcome, predicted, n) in pairs {
        for _ in 0..n {
            let pair = Observation::Multiclass {
                predicted: Some(predicted),
                probability_of_outcome: None,
                brier: None,
                outcome,
            };
            sums.observe(&pair, 1);
        }
    }
    let sample = Sample { performance: Some(&sums), ..Sample::default() };
    let value = |name: &str, average: &str| {
        let kind = STATISTICS.iter().find(|k| k.name == name).unwrap();
        let options = serde_json::json!({ "average": average });
        let Value::Object(options) = options else { unreachable!() };
        (kind.build)(&mut Params::new(options)).unwrap().score(&sample).unwrap().value
    };
    // sklearn.metrics.precision_score / recall_score / f1_score with zero_division=0.
    close(value("precision", "macro"), (4.0 / 7.0 + 2.0 / 3.0 + 0.0) / 3.0, 1e-15, "precision");
    close(value("recall", "macro"), (4.0 / 5.0 + 2.0 / 3.0 + 0.0) / 3.0, 1e-15, "recall");
    close(value("recall", "weighted"), 0.6, 1e-15, "recall weighted");
    close(value("f1", "micro"), 0.6, 1e-15, "f1 micro");
    let f1 = (2.0 * 4.0 / 12.0 + 2.0 * 2.0 / 6.0) / 3.0;
    close(value("f1", "macro"), f1, 1e-15, "f1 macro");
}

#[test]
fn a_rare_class_supports_recall_only_by_its_positives() {
    let mut sums = Performance::empty(Task::Binary);
    for i in 0..500 {
        let pair = Observation::Binary {
            predicted: Some(i < 3),
            probability: Some(if i < 3 { 0.9 } else { 0.1 }),
            outcome: i < 2,
        };
        sums.observe(&pair, 1);
    }
    let sample = Sample { performance: Some(&sums), ..Sample::default() };
    for (name, value, support) in
        [("recall", 1.0, 2), ("precision", 2.0 / 3.0, 3), ("f1", 0.8, 3), ("accuracy", 0.998, 500)]
    {
        let score = build(name).score(&sample).unwrap();
        close(score.value, value, 1e-15, name);
        assert_eq!(score.support, support, "{name}");
    }
    let brier = build("brier").score(&sample).unwrap().value;
    close(brier, (2.0 * 0.01 + 0.81 + 497.0 * 0.01) / 500.0, 1e-12, "brier");
}

/// Without drift a score exceeds its noise floor about once in a hundred windows.
#[test]
fn noise_floors_hold_by_simulation() {
    let mut state = 20_261_101u64;
    let mut uniform = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut beyond = std::collections::BTreeMap::<&str, u32>::new();
    for _ in 0..400 {
        let values: Vec<f64> = (0..900).map(|_| uniform()).collect();
        let numeric = profile(&values);
        let current: Vec<f64> = (0..300).map(|_| uniform()).collect();
        let window = count(&numeric, &current);
        let profile = Profile::Numeric(numeric);
        let reference = profile.whole();
        let sample = Sample {
            events: 300,
            window: Some(&window),
            pair: Some(Pair { profile: &profile, reference: &reference, window: &window }),
            ..Sample::default()
        };
        for name in ["psi", "ks", "chi_square", "jensen_shannon"] {
            let statistic = build(name);
            let score = statistic.score(&sample).unwrap().value;
            *beyond.entry(name).or_default() +=
                u32::from(score > statistic.noise_floor(&sample).unwrap());
        }
    }
    for (name, n) in beyond {
        assert!(n <= 12, "{name}: {n} of 400 undrifted windows lie beyond the floor of 1 %");
    }
}
