//! Metrics against scikit-learn, and sums that merge and take back.

use super::*;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/performance.json")).unwrap()
}

fn words(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
}

fn score(name: &str, options: Value, sums: &Performance) -> Score {
    let sample = Sample { performance: Some(sums), ..Sample::default() };
    build_with(name, &options).score(&sample).unwrap()
}

fn binary(case: &Value) -> Performance {
    let threshold = case["threshold"].as_f64().unwrap();
    let mut sums = Performance::empty(Task::Binary, &Extra::ALL);
    for (y, p) in numbers(&case["outcomes"]).into_iter().zip(numbers(&case["probabilities"])) {
        let pair = Observation::Binary {
            predicted: Some(p >= threshold),
            probability: Some(p),
            outcome: y == 1.0,
        };
        sums.observe(&pair, 1);
    }
    sums
}

#[test]
fn binary_metrics_equal_scikit_learns() {
    for case in golden()["binary"].as_array().unwrap() {
        let (sums, name) = (binary(case), case["name"].as_str().unwrap());
        for metric in [
            "accuracy",
            "precision",
            "recall",
            "specificity",
            "f1",
            "mcc",
            "log_loss",
            "brier",
            "ece",
        ] {
            let score = score(metric, serde_json::json!({}), &sums);
            close(score.value, case[metric].as_f64().unwrap(), 1e-9, &format!("{name} {metric}"));
            let holds = |(low, high): (f64, f64)| low <= score.value && score.value <= high;
            assert!(score.interval.is_none_or(holds), "{name} {metric}: {score:?}");
        }
        let worth = serde_json::json!({
            "true_positive": 10, "false_positive": -3, "true_negative": 1, "false_negative": -20,
        });
        let value = score("business_value", worth, &sums).value;
        close(value, case["business_value"].as_f64().unwrap(), 1e-12, "business_value");
        let (low, high) = score("accuracy", serde_json::json!({}), &sums).interval.unwrap();
        let want = numbers(&case["accuracy_interval"]);
        close(low, want[0], 1e-12, "Wilson");
        close(high, want[1], 1e-12, "Wilson");
    }
}

#[test]
fn metrics_of_the_score_grid_lie_within_its_error() {
    for case in golden()["binary"].as_array().unwrap() {
        let (sums, name) = (binary(case), case["name"].as_str().unwrap());
        for (metric, error) in [
            ("roc_auc", 5e-4),
            ("gini", 1e-3),
            ("average_precision", 2e-3),
            ("calibration_slope", 2e-3),
        ] {
            let score = score(metric, serde_json::json!({}), &sums);
            let want = case[metric].as_f64().unwrap();
            assert!((score.value - want).abs() < error, "{name} {metric}: {score:?} {want}");
            let (low, high) = score.interval.unwrap();
            assert!(low < want && want < high, "{name} {metric}: {score:?} {want}");
        }
        let auc = score("roc_auc", serde_json::json!({}), &sums);
        let (low, high) = auc.interval.unwrap();
        let half = 1.96 * case["roc_auc_error"].as_f64().unwrap();
        assert!((high - low) / 2.0 >= half * 0.98 && (high - low) / 2.0 < half + 5e-3, "{name}");
        let Performance::Binary(counts) = &sums else { unreachable!() };
        let (negatives, positives) = counts.scores.as_ref().unwrap().totals();
        assert_eq!(auc.support, negatives.min(positives) as u64);
    }
}

fn multiclass(case: &Value, range: std::ops::Range<usize>) -> Performance {
    let classes = words(&case["classes"]);
    let (outcomes, said) = (words(&case["outcomes"]), words(&case["predictions"]));
    let mut sums = Performance::empty(Task::Multiclass, &Extra::ALL);
    for i in range {
        let pair = Observation::Multiclass {
            predicted: Some(&said[i]),
            classes: &classes,
            probabilities: &numbers(&case["probabilities"][i]),
            outcome: &outcomes[i],
        };
        sums.observe(&pair, 1);
    }
    sums
}

#[test]
fn metrics_of_several_classes_equal_scikit_learns() {
    let golden = golden();
    let case = &golden["multiclass"];
    let sums = multiclass(case, 0..400);
    for metric in ["accuracy", "mcc", "log_loss", "brier"] {
        let value = score(metric, serde_json::json!({}), &sums).value;
        close(value, case[metric].as_f64().unwrap(), 1e-9, metric);
    }
    for metric in ["precision", "recall", "f1"] {
        for average in ["macro", "micro", "weighted"] {
            let value = score(metric, serde_json::json!({ "average": average }), &sums).value;
            let want = case[format!("{metric}({average})")].as_f64().unwrap();
            close(value, want, 1e-12, &format!("{metric} {average}"));
        }
    }
    let auc = score("roc_auc", serde_json::json!({}), &sums);
    let want = case["roc_auc"].as_f64().unwrap();
    let (low, high) = auc.interval.unwrap();
    assert!((auc.value - want).abs() < 5e-4 && low <= want && want <= high, "{auc:?} {want}");
}

fn regression(case: &Value, range: std::ops::Range<usize>, sign: i64, sums: &mut Performance) {
    let (outcomes, said) = (numbers(&case["outcomes"]), numbers(&case["predictions"]));
    for i in range {
        let pair = Observation::Regression { prediction: said[i], outcome: outcomes[i] };
        sums.observe(&pair, sign);
    }
}

#[test]
fn regression_metrics_equal_scikit_learns() {
    let golden = golden();
    let case = &golden["regression"];
    let mut sums = Performance::empty(Task::Regression, &Extra::ALL);
    regression(case, 0..500, 1, &mut sums);
    let options = |label: &str| match label.split_once('(') {
        Some((_, rest)) => {
            let quantile: f64 = rest.trim_end_matches(')').parse().unwrap();
            serde_json::json!({ "quantile": quantile })
        }
        None => serde_json::json!({}),
    };
    for label in
        ["mae", "mse", "rmse", "mean_error", "mape", "msle", "r2", "pinball", "pinball(0.9)"]
    {
        let name = label.split('(').next().unwrap();
        let score = score(name, options(label), &sums);
        close(score.value, case[label].as_f64().unwrap(), 1e-9, label);
        assert_eq!(build_with(name, &options(label)).label(), label);
        if let Some(want) = case.get(format!("{label}_interval")) {
            let (want, (low, high)) = (numbers(want), score.interval.unwrap());
            close(low, want[0], 1e-9, label);
            close(high, want[1], 1e-9, label);
        }
    }
    for label in ["error_quantile", "error_quantile(0.95)"] {
        let score = score("error_quantile", options(label), &sums);
        let want = case[label].as_f64().unwrap();
        assert!((score.value / want - 1.0).abs() < 0.004, "{label}: {score:?} {want}");
        let (low, high) = score.interval.unwrap();
        assert!(low < want && want < high, "{label}");
    }
}

/// Probabilities are clipped to [1e-15, 1 - 1e-15] before anything is taken of them.
#[test]
fn certain_errors_cost_what_clipped_probabilities_do() {
    let cost = |probability: f64, outcome: bool| {
        let mut sums = Performance::empty(Task::Binary, &Extra::ALL);
        let predicted = Some(true);
        let pair = Observation::Binary { predicted, probability: Some(probability), outcome };
        sums.observe(&pair, 1);
        score("log_loss", serde_json::json!({}), &sums).value
    };
    // numpy 2.4.6: -np.log(1 - (1 - 1e-15)), -np.log(1e-15), -np.log(1 - 1e-15).
    close(cost(1.0, false), 34.539_575_992_340_88, 1e-12, "sure and wrong");
    close(cost(0.0, true), 34.538_776_394_910_68, 1e-12, "excluded and true");
    close(cost(1.0, true), 9.992_007_221_626_415e-16, 1e-9, "sure and right");
}

/// What is explained does not depend on where outcomes lie: numbers of 1/1024, so that each is a
/// float wherever it is put.
#[test]
fn r2_is_exact_far_from_zero() {
    let steps = |i: i64, by: i64| (i * by % 4096 - 2048) as f64 / 1024.0;
    let at = |place: f64| {
        let mut sums = Performance::empty(Task::Regression, &Extra::ALL);
        for i in 0..1_000 {
            let outcome = steps(i, 1_103) + place;
            let prediction = outcome + steps(i, 769) / 4.0;
            sums.observe(&Observation::Regression { prediction, outcome }, 1);
        }
        score("r2", serde_json::json!({}), &sums).value
    };
    let here = at(0.0);
    assert!((0.9..0.99).contains(&here), "{here}");
    for place in [1e5, 1_700_000_000.0, 1e9, -3e10] {
        close(at(place), here, 1e-12, "r2");
    }
}

#[test]
fn slices_merge_and_are_taken_back_without_a_trace() {
    let golden = golden();
    let case = &golden["regression"];
    let empty = Performance::empty(Task::Regression, &Extra::ALL);
    let (mut whole, mut first, mut second) = (empty.clone(), empty.clone(), empty.clone());
    regression(case, 0..500, 1, &mut whole);
    regression(case, 0..123, 1, &mut first);
    regression(case, 123..500, 1, &mut second);
    let mut merged = second.clone();
    merged.merge(&first);
    assert_eq!(merged, whole);
    merged.subtract(&second);
    assert_eq!(merged, first);
    regression(case, 0..123, -1, &mut first);
    assert_eq!(first, empty);
    let case = &golden["multiclass"];
    let (whole, mut left) = (multiclass(case, 0..400), multiclass(case, 0..50));
    left.merge(&multiclass(case, 50..400));
    assert_eq!(left, whole);
    let bytes = postcard::to_stdvec(&whole).unwrap();
    assert_eq!(postcard::from_bytes::<Performance>(&bytes).unwrap(), whole);
}

/// Half of the window was counted before anybody asked for scores.
#[test]
fn a_metric_waits_until_all_of_its_window_has_what_it_reads() {
    let golden = golden();
    let full = binary(&golden["binary"][0]);
    let mut mixed = full.clone();
    let mut plain = Performance::empty(Task::Binary, &[]);
    let pair = Observation::Binary { predicted: Some(true), probability: Some(0.7), outcome: true };
    plain.observe(&pair, 1);
    mixed.merge(&plain);
    for name in ["roc_auc", "gini", "average_precision", "ece", "calibration_slope"] {
        let sample = |sums| Sample { performance: Some(sums), ..Sample::default() };
        assert!(build(name).score(&sample(&full)).is_ok(), "{name}");
        assert_eq!(build(name).score(&sample(&mixed)), Err(Undefined::Undefined), "{name}");
        assert_eq!(build(name).score(&sample(&plain)), Err(Undefined::Undefined), "{name}");
    }
    assert!(
        build("brier").score(&Sample { performance: Some(&mixed), ..Sample::default() }).is_ok()
    );
}

/// By hand: 3 classes, 10 pairs.
#[test]
fn several_classes_are_averaged_as_asked() {
    let mut sums = Performance::empty(Task::Multiclass, &[]);
    let pairs = [("a", "a", 4), ("a", "b", 1), ("b", "b", 2), ("b", "a", 1), ("c", "a", 2)];
    for (outcome, predicted, n) in pairs {
        for _ in 0..n {
            let pair = Observation::Multiclass {
                predicted: Some(predicted),
                classes: &[],
                probabilities: &[],
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
    let mut sums = Performance::empty(Task::Binary, &[]);
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
