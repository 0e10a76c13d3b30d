//! Estimates without outcomes against NannyML, scikit-learn and numpy.

use proptest::prelude::*;

use super::*;
use crate::stats::estimate::{Isotonic, Level};

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/estimates.json")).unwrap()
}

/// Counts by code of the probability and predicted class.
fn classified(profile: &NumericProfile, probabilities: &[f64], said: &[f64]) -> Counts {
    let mut counts = Counts::new(2 * (2 * profile.grid.len() + 1));
    for (p, said) in probabilities.iter().zip(said) {
        counts.cells[2 * profile.code(*p) as usize + usize::from(*said > 0.0)] += 1;
        counts.counted += 1;
    }
    counts
}

fn pairs(part: &Value) -> Vec<(f64, bool)> {
    let positive = numbers(&part["y"]).into_iter().map(|y| y > 0.0);
    numbers(&part["p"]).into_iter().zip(positive).collect()
}

fn sample<'a>(counts: &'a Counts, calibrator: &'a Calibrator) -> Sample<'a> {
    let (window, calibrator) = (Some(counts), Some(calibrator));
    Sample { events: counts.counted, window, calibrator, ..Sample::default() }
}

fn estimated(name: &str, mut options: Value) -> Arc<dyn Statistic> {
    options["estimated"] = true.into();
    asked(name, options).unwrap()
}

fn asked(name: &str, options: Value) -> Result<Arc<dyn Statistic>, ParamError> {
    let kind = STATISTICS.iter().find(|k| k.name == name).unwrap();
    let Value::Object(options) = options else { unreachable!() };
    statistic(kind, &mut Params::new(options))
}

#[test]
fn isotonic_regression_equals_scikit_learns() {
    for case in golden()["isotonic"].as_array().unwrap() {
        let mut levels: Vec<(f64, f64)> =
            numbers(&case["x"]).into_iter().zip(numbers(&case["y"])).collect();
        levels.sort_by(|a, b| a.0.total_cmp(&b.0));
        let levels = levels.chunk_by(|a, b| a.0 == b.0).map(|run| Level {
            at: run[0].0,
            rows: run.len() as u64,
            positives: run.iter().map(|(_, y)| *y as u64).sum(),
        });
        let fitted = Isotonic::fit(levels).unwrap();
        for (at, want) in numbers(&case["at"]).into_iter().zip(numbers(&case["fitted"])) {
            let got = fitted.at(at);
            assert!((got - want).abs() < 1e-12, "at {at}: {got} is not {want}");
        }
    }
}

/// Every probability of the reference is a grid point; the few of a window that are not lie between
/// two of them.
#[test]
fn estimates_equal_nannymls() {
    let golden = golden();
    for case in golden["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let reference = pairs(&case["reference"]);
        let profile = profile(&reference.iter().map(|(p, _)| *p).collect::<Vec<f64>>());
        let calibrator = Calibrator::fit(&profile, reference).unwrap();
        assert_eq!(calibrator.isotonic, case["calibrates"].as_bool().unwrap(), "{name}");
        let (p, said) = (numbers(&case["window"]["p"]), numbers(&case["window"]["said"]));
        let counts = classified(&profile, &p, &said);
        let sample = sample(&counts, &calibrator);
        let exact = p.iter().all(|p| profile.grid.contains(p));
        assert_eq!(exact, name == "two digits");
        // A step of the regression may lie anywhere between two points.
        let tolerance = if exact { 1e-9 } else { 1e-3 };
        for metric in ["accuracy", "precision", "recall", "specificity", "f1"] {
            let score = estimated(metric, json!({})).score(&sample).unwrap();
            let want = case["nannyml"][metric].as_f64().unwrap();
            close(score.value, want, tolerance, &format!("{name} {metric}"));
        }
        let plain = &case["plain"];
        for metric in ["accuracy", "recall", "mcc", "business_value"] {
            let options =
                if metric == "business_value" { golden["worth"].clone() } else { json!({}) };
            let score = estimated(metric, options).score(&sample).unwrap();
            close(score.value, plain[metric].as_f64().unwrap(), tolerance, metric);
            let (want, (low, high)) =
                (numbers(&plain[format!("{metric}_interval")]), score.interval.unwrap());
            if exact {
                close(low, want[0], 1e-9, metric);
                close(high, want[1], 1e-9, metric);
            }
        }
        let area = estimated("roc_auc", json!({})).score(&sample).unwrap();
        let want = plain["roc_auc"].as_f64().unwrap();
        close(area.value, want, if exact { 1e-12 } else { 1e-6 }, name);
        // NannyML's own takes rows with one probability for distinct.
        let theirs = case["nannyml"]["roc_auc"].as_f64().unwrap();
        let near = if exact { 1e-9 } else { 1e-6 };
        assert!((area.value - theirs).abs() < near, "{name}: {} {theirs}", area.value);
        let (low, high) = area.interval.unwrap();
        if let Some(drawn) = case["auc_deviation"].as_f64() {
            let drawn = 2.0 * 1.96 * drawn;
            assert!(((high - low) / drawn - 1.0).abs() < 0.06, "{name}: {} {drawn}", high - low);
        }
        let gini = estimated("gini", json!({})).score(&sample).unwrap();
        close(gini.value, 2.0 * area.value - 1.0, 1e-12, "gini");
        let realised = case["realised_accuracy"].as_f64().unwrap();
        let (low, high) =
            estimated("accuracy", json!({})).score(&sample).unwrap().interval.unwrap();
        assert!(low < realised && realised < high, "{name}: {realised} in {low} to {high}");
    }
}

#[test]
fn probabilities_that_hold_are_left_as_they_are() {
    let probabilities: Vec<f64> = (1..20).map(|i| f64::from(i) / 20.0).collect();
    let of = |shown: fn(f64) -> f64| -> Vec<(f64, bool)> {
        let rows = |p: &f64| {
            let (p, shown) = (*p, shown(*p));
            (0..200).map(move |i| (shown, f64::from(i) < (200.0 * p).round()))
        };
        probabilities.iter().flat_map(rows).collect()
    };
    let profile = profile(&probabilities);
    let right = Calibrator::fit(&profile, of(|p| p)).unwrap();
    assert!(!right.isotonic);
    for (code, share) in right.table.iter().enumerate().skip(1).step_by(2) {
        assert_eq!(*share, probabilities[code / 2]);
    }
    // Between two points nothing is known but these.
    close(right.table[2], 0.075, 1e-12, "between 0.05 and 0.1");
    assert_eq!((right.table[0], right.table[38]), (0.05, 0.95));
    let wrong = Calibrator::fit(&profile, of(|p| (p * p * 20.0).ceil() / 20.0)).unwrap();
    assert!(wrong.isotonic);
    let one_class = vec![(0.2, false), (0.7, false), (0.4, false)];
    assert!(!Calibrator::fit(&profile, one_class).unwrap().isotonic);
    assert_eq!(Calibrator::fit(&profile, vec![(f64::NAN, true)]), None);
}

#[test]
fn an_estimate_is_asked_for_where_there_is_one() {
    for kind in STATISTICS {
        let plain = kind.build;
        let Ok(metric) = plain(&mut Params::default()) else { continue };
        let known = expectation_of(kind);
        assert_eq!(known, metric.expects(), "{}", kind.name);
        for key in ["estimated", "estimate_error"] {
            let asked = asked(kind.name, json!({ key: true }));
            match known {
                Some(expectation) => {
                    let asked = asked.unwrap();
                    assert_eq!(asked.estimates(), Some(expectation));
                    assert_eq!(asked.tasks().len(), 1);
                    assert_ne!(asked.name(), kind.name);
                }
                None => {
                    let error = asked.unwrap_err();
                    assert_eq!(error.key, key);
                    assert!(error.message.contains("have: accuracy, "), "{}", error.message);
                }
            }
        }
    }
    let both = asked("f1", json!({"estimated": true, "estimate_error": true})).unwrap_err();
    assert!(both.message.contains("write one of them"));
    assert_eq!(estimated("f1", json!({})).label(), "f1", "what the reference keeps");
}

#[test]
fn an_estimate_without_a_calibrator_or_events_is_none() {
    let profile = profile(&[0.2, 0.8]);
    let calibrator = Calibrator::fit(&profile, vec![(0.2, false), (0.8, true)]).unwrap();
    let counts = classified(&profile, &[0.2], &[0.0]);
    let accuracy = estimated("accuracy", json!({}));
    let bare = Sample { calibrator: None, ..sample(&counts, &calibrator) };
    assert_eq!(accuracy.score(&bare), Err(Undefined::NoReference));
    let empty = Counts::new(counts.cells.len());
    for name in ["accuracy", "precision", "recall", "f1", "roc_auc", "mcc", "business_value"] {
        let none = estimated(name, json!({})).score(&sample(&empty, &calibrator));
        assert_eq!(none, Err(Undefined::Undefined), "{name}");
    }
    // On another grid.
    assert_eq!(accuracy.score(&sample(&Counts::new(4), &calibrator)), Err(Undefined::Undefined));
}

/// By hand: mean 4, deviation 2, four losses; one is no number.
#[test]
fn expected_losses_are_averaged() {
    let (mut whole, mut part) = (ExpectedLosses::default(), ExpectedLosses::default());
    [2.0, 4.0, f64::INFINITY].into_iter().for_each(|loss| whole.observe(loss));
    [6.0, 4.0].into_iter().for_each(|loss| part.observe(loss));
    whole.merge(&part);
    let bytes = postcard::to_stdvec(&whole).unwrap();
    assert_eq!(postcard::from_bytes::<ExpectedLosses>(&bytes).unwrap(), whole);
    let sample = Sample { losses: Some(&whole), ..Sample::default() };
    let half = 1.959_963_984_540_054 * (8.0f64 / 3.0 / 4.0).sqrt();
    for (name, value, (low, high)) in [
        ("mae", 4.0, (4.0 - half, 4.0 + half)),
        ("mse", 4.0, (4.0 - half, 4.0 + half)),
        ("rmse", 2.0, ((4.0 - half).sqrt(), (4.0 + half).sqrt())),
    ] {
        let score = estimated(name, json!({})).score(&sample).unwrap();
        assert_eq!((score.value, score.support), (value, 4), "{name}");
        let (l, h) = score.interval.unwrap();
        close(l, low, 1e-12, name);
        close(h, high, 1e-12, name);
    }
    let mut sums = Performance::empty(Task::Regression, &[]);
    for outcome in [1.0, 2.0, 6.0] {
        sums.observe(&Observation::Regression { prediction: 0.0, outcome }, 1);
    }
    let error = asked("mae", json!({"estimate_error": true})).unwrap();
    let realised = Sample { performance: Some(&sums), ..sample };
    let (score, mae) = (error.score(&realised).unwrap(), build("mae").score(&realised).unwrap());
    assert_eq!((score.value, score.support), (-1.0, 3));
    close(score.interval.unwrap().1, mae.interval.unwrap().1 - 4.0, 1e-12, "error of mae");
    assert_eq!(estimated("mae", json!({})).score(&Sample::default()), Err(Undefined::Undefined));
}

#[test]
fn the_error_of_an_estimate_is_what_came_true_minus_it() {
    let golden = golden();
    let case = &golden["cases"][0];
    let reference = pairs(&case["reference"]);
    let profile = profile(&reference.iter().map(|(p, _)| *p).collect::<Vec<f64>>());
    let calibrator = Calibrator::fit(&profile, reference).unwrap();
    let (p, said) = (numbers(&case["window"]["p"]), numbers(&case["window"]["said"]));
    let counts = classified(&profile, &p, &said);
    let mut sums = Performance::empty(Task::Binary, &[]);
    let mut half = sums.clone();
    for (i, (p, positive)) in pairs(&case["window"]).into_iter().enumerate() {
        let (predicted, probability) = (Some(said[i] > 0.0), Some(p));
        let pair = Observation::Binary { predicted, probability, outcome: positive };
        sums.observe(&pair, 1);
        if i % 2 == 0 {
            half.observe(&pair, 1);
        }
    }
    let bare = sample(&counts, &calibrator);
    let (error, estimate) = (
        asked("accuracy", json!({"estimate_error": true})).unwrap(),
        estimated("accuracy", json!({})),
    );
    let of = |sums| error.score(&Sample { performance: Some(sums), ..bare }).unwrap();
    let (score, estimate) = (of(&sums), estimate.score(&bare).unwrap());
    let realised = case["realised_accuracy"].as_f64().unwrap();
    close(score.value, realised - estimate.value, 1e-12, "error");
    assert_eq!(
        (score.support, error.direction(), error.best()),
        (2000, Direction::None, Some(0.0))
    );
    let width = |score: &Score| score.interval.map(|(low, high)| high - low).unwrap();
    close(width(&score), width(&estimate), 1e-12, "band");
    // Half of the outcomes: their share varies more.
    close(width(&of(&half)), width(&estimate) * 2f64.sqrt(), 1e-12, "band of half");
    assert_eq!(error.score(&bare), Err(Undefined::Undefined));
    let refused = error.on_reference(&Sample { performance: Some(&sums), ..bare });
    assert_eq!(refused, Err(Undefined::Undefined));
}

proptest! {
    /// The order of rows is of no account, and windows are sums of their panes.
    #[test]
    fn rows_in_any_order_and_panes_in_any_way_say_the_same(
        rows in prop::collection::vec((0u32..40, any::<bool>(), any::<bool>()), 2..120),
        turn in 0usize..120,
        cut in 0usize..120,
    ) {
        let p = |i: u32| f64::from(i) / 39.0;
        let profile = profile(&(0..40).step_by(2).map(p).collect::<Vec<f64>>());
        let mut turned = rows.clone();
        turned.rotate_left(turn % rows.len());
        let pairs = |rows: &[(u32, bool, bool)]| rows.iter().map(|(i, y, _)| (p(*i), *y)).collect();
        let calibrator = Calibrator::fit(&profile, pairs(&rows)).unwrap();
        prop_assert_eq!(&calibrator, &Calibrator::fit(&profile, pairs(&turned)).unwrap());
        prop_assert!(calibrator.table.windows(2).all(|two| two[0] <= two[1]));
        prop_assert!(calibrator.table.iter().all(|share| (0.0..=1.0).contains(share)));
        let count = |rows: &[(u32, bool, bool)]| {
            let said: Vec<f64> = rows.iter().map(|row| f64::from(u8::from(row.2))).collect();
            classified(&profile, &rows.iter().map(|row| p(row.0)).collect::<Vec<f64>>(), &said)
        };
        let (first, second) = rows.split_at(cut % rows.len());
        let (whole, mut sum) = (count(&turned), count(second));
        sum.add(&count(first));
        prop_assert_eq!(&sum, &whole);
        for kind in STATISTICS.iter().filter(|kind| expectation_of(kind) == Some(Expectation::Classes)) {
            let score = estimated(kind.name, json!({})).score(&sample(&whole, &calibrator));
            prop_assert_eq!(score, estimated(kind.name, json!({})).score(&sample(&sum, &calibrator)));
            if let Ok(Score { value, interval: Some((low, high)), .. }) = score {
                prop_assert!(low <= value && value <= high && low.is_finite() && high.is_finite());
            }
        }
        sum.subtract(&count(first));
        prop_assert_eq!(&sum, &count(second));
    }
}
