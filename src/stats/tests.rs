//! Laws that every statistic obeys; `golden`, `pairs` and `intervals` compare with values of scipy and
//! scikit-learn (tests/golden), `published` with what other projects print, `orders` with the
//! definitions, spelt out, on random data.

mod attribution;
mod errors;
mod estimates;
mod floors;
mod golden;
mod huge;
mod intervals;
mod orders;
mod page;
mod pairs;
mod power;
mod published;
mod random_state;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;

/// A whole reference out of raw values.
fn profile(values: &[f64]) -> NumericProfile {
    profile_at(values, &[])
}

/// The same with further points in its grid, as fixed edges put them there.
fn profile_at(values: &[f64], points: &[f64]) -> NumericProfile {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut grid = [values, points].concat();
    grid.sort_by(f64::total_cmp);
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

/// tests/golden/calibration.py.
pub(super) fn calibration() -> Value {
    serde_json::from_str(include_str!("../../tests/golden/calibration.json")).unwrap()
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
    build_with(name, &serde_json::json!({}))
}

fn build_with(name: &str, options: &Value) -> Arc<dyn Statistic> {
    let kind = STATISTICS.iter().find(|k| k.name == name).unwrap();
    (kind.build)(&mut Params::new(options.as_object().unwrap().clone())).unwrap()
}

/// A window of one series beside its reference.
fn compare(pair: Pair<'_>) -> Sample<'_> {
    Sample {
        events: pair.window.counted,
        seconds: 3600.0,
        window: Some(pair.window),
        pair: Some(pair),
        ..Sample::default()
    }
}

fn close(got: f64, want: f64, tolerance: f64, what: &str) {
    let error = (got - want).abs() / want.abs().max(1e-12);
    assert!(error <= tolerance || (got - want).abs() < 1e-14, "{what}: {got} is not {want}");
}

/// What a metric may meet: no pair, one, pairs that are all alike, and predictions that are right
/// and as sure as can be.
fn performances(task: Task) -> [(&'static str, Performance); 4] {
    let classes = ["a", "b", "c"].map(str::to_owned);
    let of = |n: usize, class: fn(usize) -> usize, sure: f64| {
        let mut sums = Performance::empty(task, &Extra::ALL);
        for class in (0..n).map(class) {
            let (outcome, is_positive) = (class as f64, class > 0);
            let mut probabilities = [(1.0 - sure) / 2.0; 3];
            probabilities[class] = sure;
            let pair = match task {
                Task::Regression => Observation::Regression { prediction: outcome * sure, outcome },
                Task::Binary => Observation::Binary {
                    predicted: Some(is_positive),
                    probability: Some(if is_positive { sure } else { 1.0 - sure }),
                    outcome: is_positive,
                },
                Task::Multiclass => Observation::Multiclass {
                    predicted: Some(&classes[class]),
                    classes: &classes,
                    probabilities: &probabilities,
                    outcome: &classes[class],
                },
            };
            sums.observe(&pair, 1);
        }
        sums
    };
    [
        ("none", of(0, |_| 1, 0.75)),
        ("one", of(1, |_| 1, 0.75)),
        ("all alike", of(50, |_| 1, 0.75)),
        (PERFECT, of(60, |i| i % 3, 1.0)),
    ]
}

const PERFECT: &str = "perfect";

/// Every statistic on the same data twice, on nothing, on few pairs and on those that say least, and
/// without a reference.
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
        assert_eq!(statistic.label(), kind.name, "by default");
        for text in [kind.summary, kind.definition, kind.sees, kind.range, kind.source] {
            assert!(!text.is_empty(), "{}", kind.name);
        }
        let tasks = if kind.tasks.is_empty() { &[Task::Regression] } else { kind.tasks };
        let rounds = tasks.iter().flat_map(|task| performances(*task));
        for (i, (pairs, performance)) in rounds.enumerate() {
            let (window, events) = if i % 2 == 0 { (&window, 500) } else { (&empty, 0) };
            let delays = Delays::default();
            let sample = Sample {
                events,
                seconds: 3600.0,
                window: Some(window),
                pair: Some(Pair { profile: &profile, reference: &reference, window }),
                performance: Some(&performance),
                reference_errors: performance.errors(),
                delays: Some(&delays),
                baseline: kind.best.map(|value| Baseline { value, pairs: 1_000, own: None }),
                ..Sample::default()
            };
            let score = statistic.score(&sample);
            let what = format!("{} of {pairs} pairs: {score:?}", kind.name);
            if let Ok(score) = score {
                assert!(score.value.is_finite(), "{what}");
                let (low, high) = score.interval.unwrap_or((score.value, score.value));
                assert!(low - 1e-12 <= score.value && score.value <= high + 1e-12, "{what}");
                let chance = statistic.chance(&sample, &score);
                let apart = (statistic.noise_floor(&sample), statistic.tail(&sample));
                assert_eq!((chance.floor, chance.tail), apart, "{what}");
                // The criterion of Cramer and von Mises takes ties for distance, the normalised one of
                // Anderson and Darling lies below its mean where there is none at all.
                let rank_sums = ["cramer_von_mises", "anderson_darling"];
                if events > 0 && statistic.basis() == Basis::Distribution {
                    match kind.best {
                        _ if rank_sums.contains(&kind.name) => assert!(score.value < 0.2),
                        best => close(score.value, best.unwrap(), 1e-12, kind.name),
                    }
                }
            }
            if statistic.basis() == Basis::Performance {
                assert!(statistic.support(&sample) <= performance.n() as u64, "{what}");
                assert!(pairs != "none" || score.is_err(), "{what}");
                // No slope fits predictions that leave nothing to chance.
                let is_defined = kind.best.is_some() && kind.name != "calibration_slope";
                if pairs == PERFECT && is_defined {
                    let (value, best) = (score.unwrap().value, kind.best.unwrap());
                    assert!((value - best).abs() < 1e-12, "{what}");
                }
            }
            let floor = statistic.noise_floor(&sample);
            assert!(floor.is_none_or(f64::is_finite), "{what}");
            assert!(kind.floor || floor.is_none(), "{} has a floor", kind.name);
            assert!(statistic.p_value(&sample).is_none_or(f64::is_finite), "{what}");
        }
        let bare = Sample { events: 500, window: Some(&window), ..Sample::default() };
        if statistic.basis() == Basis::Distribution {
            assert_eq!(statistic.score(&bare), Err(Undefined::NoReference), "{}", kind.name);
        }
    }
}

#[test]
fn quality_is_seen_in_counts() {
    let values: Vec<f64> = (0..1000).map(|i| f64::from(i) / 10.0).collect();
    let profile = Profile::Numeric(profile(&values));
    let Profile::Numeric(numeric) = &profile else { unreachable!() };
    let reference = profile.whole();
    let score = |name: &str, window: &Counts| {
        let sample = compare(Pair { profile: &profile, reference: &reference, window });
        (build(name).score(&sample).unwrap().value, build(name).noise_floor(&sample))
    };
    let mut filled: Vec<f64> = values.iter().step_by(2).copied().collect();
    filled.extend([-999.0; 100]);
    let (spike, floor) = score("new_spike", &count(numeric, &filled));
    close(spike, 100.0 / 600.0, 1e-12, "new_spike");
    assert!(spike > floor.unwrap());
    let between: Vec<f64> = (0..600).map(|i| f64::from(i) / 6.0 + 0.01).collect();
    let (spike, floor) = score("new_spike", &count(numeric, &between));
    assert!(spike < floor.unwrap(), "{spike}");
    assert_eq!(score("constant_feature", &count(numeric, &[50.0; 600])).0, 1.0);
    assert_eq!(score("constant_feature", &count(numeric, &[-7.5; 600])).0, 1.0);
    assert_eq!(score("constant_feature", &count(numeric, &values)).0, 0.0);
    let mut absent = count(numeric, &[50.0; 60]);
    absent.absences = Absences { missing: 20, null: 10, nan: 10 };
    absent.type_errors = 5;
    for (name, share) in
        [("missing_rate", 0.4), ("null_rate", 0.1), ("nan_rate", 0.1), ("type_error_rate", 0.05)]
    {
        close(score(name, &absent).0, share, 1e-12, name);
    }
}

#[test]
fn fixed_edges_of_a_single_precision_feature_are_rounded_like_its_values() {
    let single = |values: [f32; 3]| values.map(f64::from);
    let values = single([0.1, 0.5, 0.7]);
    let profile = NumericProfile { dtype: Dtype::F32, ..profile(&values) };
    let (reference, window) = (count(&profile, &values), count(&profile, &single([0.1; 3])));
    let profile = Profile::Numeric(profile);
    let sample = compare(Pair { profile: &profile, reference: &reference, window: &window });
    let mut options = Params::new(serde_json::Map::from_iter([("edges".into(), json!([0.1]))]));
    let kind = STATISTICS.iter().find(|kind| kind.name == "l_infinity").unwrap();
    let score = (kind.build)(&mut options).unwrap().score(&sample).unwrap();
    // 0.1 as f32 lies above 0.1 as f64; unrounded, all values would share the upper bin.
    close(score.value, 2.0 / 3.0, 1e-12, "share of the lower bin");
}

/// A reference that was built before a statistic asked for an edge cannot tell its bins apart.
#[test]
fn edges_that_a_reference_does_not_know_give_no_score() {
    let values: Vec<f64> = (0..100).map(f64::from).collect();
    let statistic = build_with("psi", &json!({ "edges": [9.5, 50.0] }));
    let said = |profile: NumericProfile| {
        let counts = count(&profile, &values);
        let profile = Profile::Numeric(profile);
        let pair = Pair { profile: &profile, reference: &counts, window: &counts };
        statistic.score(&compare(pair)).map(|score| score.value)
    };
    assert_eq!(said(profile(&values)), Err(Undefined::NoReference));
    close(said(profile_at(&values, &[9.5])).unwrap(), 0.0, 1e-12, "psi");
}

/// A default fill at 0, which the reference never held, whether or not a monitor has an edge there.
#[test]
fn what_divides_a_gap_hides_no_spike() {
    let values: Vec<f64> = (0..100).map(|i| f64::from(i) - 49.5).collect();
    let filled: Vec<f64> = values.iter().copied().chain([0.0; 100]).collect();
    for profile in [profile(&values), profile_at(&values, &[0.0]), profile_at(&values, &[0.0, 0.2])]
    {
        let (reference, window) = (count(&profile, &values), count(&profile, &filled));
        let profile = Profile::Numeric(profile);
        let pair = Pair { profile: &profile, reference: &reference, window: &window };
        let (statistic, sample) = (build("new_spike"), compare(pair));
        close(statistic.score(&sample).unwrap().value, 0.5, 1e-12, "new_spike");
        close(statistic.noise_floor(&sample).unwrap(), 0.105, 1e-12, "its noise floor");
    }
}
