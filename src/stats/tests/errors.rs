//! Drift of residuals, held against the distance of the errors themselves.

use super::*;

/// A generator that needs no crate: Marsaglia's xorshift.
fn random(state: &mut u64) -> f64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as f64 / (1u64 << 53) as f64
}

fn sums(errors: &[f64]) -> Performance {
    let mut sums = Performance::empty(Task::Regression, &Extra::ALL);
    for error in errors {
        let pair = Observation::Regression { prediction: *error, outcome: 0.0 };
        sums.observe(&pair, 1);
    }
    sums
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    let share =
        |of: &[f64], x: f64| of.iter().filter(|y| **y <= x).count() as f64 / of.len() as f64;
    a.iter().chain(b).map(|x| (share(a, *x) - share(b, *x)).abs()).fold(0.0, f64::max)
}

fn sample<'a>(reference: &'a Performance, window: &'a Performance) -> Sample<'a> {
    Sample { performance: Some(window), reference_errors: reference.errors(), ..Sample::default() }
}

#[test]
fn the_interval_holds_the_distance_of_the_errors_and_is_narrow() {
    let (statistic, mut state) = (build_with("error_ks", &json!({})), 7);
    for round in 0..300 {
        let mut errors = |n: usize, shift: f64, scale: f64| -> Vec<f64> {
            let mut one = || match round % 3 {
                // Of both signs and many sizes; whole numbers with ties and zeros; a few values.
                0 => (random(&mut state) - 0.5 + shift) * scale,
                1 => ((random(&mut state) - 0.5 + shift) * 9.0).round(),
                _ => [-0.0, 0.0, 1e-200, -1e100][(random(&mut state) * 4.0) as usize],
            };
            (0..n).map(|_| one()).collect()
        };
        let (a, b) = (errors(200, 0.0, 1.0), errors(150 + round, 0.1, 1.3));
        let truth = distance(&a, &b);
        let (reference, window) = (sums(&a), sums(&b));
        let score = statistic.score(&sample(&reference, &window)).unwrap();
        let (low, high) = score.interval.unwrap_or((score.value, score.value));
        assert_eq!(score.support, b.len() as u64);
        assert!(low <= truth + 1e-12 && truth <= high + 1e-12, "{round}: {score:?} {truth}");
        // Equal values within one cell are not known to be equal.
        assert!(round % 3 > 0 || high - low < 0.04, "{round}: {score:?}");
    }
}

#[test]
fn chance_is_that_of_ks() {
    let (statistic, mut state) = (build_with("error_ks", &json!({})), 11);
    let mut errors = |n: usize| -> Vec<f64> { (0..n).map(|_| random(&mut state) - 0.5).collect() };
    let (reference, window) = (sums(&errors(2_000)), sums(&errors(500)));
    let sample = sample(&reference, &window);
    let score = statistic.score(&sample).unwrap();
    let floor = statistic.noise_floor(&sample).unwrap();
    // 1.6276 is the 99 % point of Kolmogorov's law.
    close(floor, 1.6276 * (2_500.0f64 / 1e6).sqrt(), 0.02, "noise floor");
    assert!(score.value < floor && statistic.p_value(&sample).unwrap() > 0.01, "{score:?}");
    assert!(statistic.visible(&sample, floor).unwrap() > floor);
}

#[test]
fn without_errors_on_the_reference_there_is_none() {
    let statistic = build_with("error_ks", &json!({}));
    let window = sums(&[1.0, 2.0]);
    let alone = Sample { performance: Some(&window), ..Sample::default() };
    assert_eq!(statistic.score(&alone), Err(Undefined::NoReference));
    let uncounted = Performance::empty(Task::Regression, &[]);
    let early = Sample { performance: Some(&uncounted), ..sample(&window, &window) };
    assert_eq!(statistic.score(&early), Err(Undefined::Undefined));
    assert_eq!(statistic.score(&sample(&window, &window)).unwrap().value, 0.0);
}
