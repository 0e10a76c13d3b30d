//! What a window can see: published figures, and simulated windows with changes of that size.

use super::orders::Random;
use super::*;

fn uniform(random: &mut Random, n: usize, moved: impl Fn(f64) -> f64) -> Vec<f64> {
    (0..n).map(|_| moved(random.uniform())).collect()
}

/// Reference and window of these sizes, from a law and its change.
fn visible(name: &str, (m, n): (usize, usize)) -> (f64, f64) {
    let mut random = Random(m as u64);
    let numeric = orders::compressed(&uniform(&mut random, m, |u| u), 480);
    let window = count(&numeric, &uniform(&mut random, n, |u| u));
    let profile = Profile::Numeric(numeric);
    let reference = profile.whole();
    let sample = compare(Pair { profile: &profile, reference: &reference, window: &window });
    let floor = build(name).noise_floor(&sample).unwrap();
    (floor, build(name).visible(&sample, floor).unwrap())
}

/// n = 8.13 / D^2 and n = 26.1 / PSI at ten bins, with m n / (m + n) for n.
#[test]
fn sizes_are_those_of_the_planning_formulas() {
    for (m, n) in [(100_000, 1_000), (20_000, 5_000), (5_000, 20_000)] {
        let effective = m as f64 * n as f64 / (m + n) as f64;
        close(visible("ks", (m, n)).1, (8.13 / effective).sqrt(), 0.002, "ks");
        close(visible("psi", (m, n)).1, 26.1 / effective, 0.02, "psi");
    }
}

/// Values that stand for a law without noise.
const IDEAL: u32 = 40_000;

/// How many times what it needs a change may be that is called visible: what there is between the
/// exact figure and twice of it. Sums of squares have a law of their own. Other figures are bounds:
/// the noise across the change helps to see it, of supremum distances most.
fn most_called_for(name: &str) -> f64 {
    match name {
        "psi" | "kl" | "chi_square" | "g_test" => 1.8,
        "jensen_shannon" | "hellinger" | "mann_whitney" => 1.5,
        "total_variation" | "l_infinity" => 1.6,
        "ks" | "cramer_von_mises" | "anderson_darling" => 2.0,
        "kuiper" => 2.4,
        _ => unreachable!("{name} has no figure"),
    }
}

/// A score as the size of a change: from 0, and the same whatever the sizes of both samples.
fn change(name: &str, score: f64, (m, n): (f64, f64)) -> f64 {
    let size = m * n / (m + n);
    match name {
        "chi_square" | "g_test" | "cramer_von_mises" => score / size,
        "anderson_darling" => (1.0 + score * orders::scholz_stephens(m, n)) / size,
        "mann_whitney" => score - 0.5,
        _ => score,
    }
}

/// A window whose source has changed by what is visible lies beyond its floor nine times in ten, or
/// more often where the figure is a bound, and one with a part of that change does not.
#[test]
fn a_visible_change_is_seen() {
    let (m, n, rounds) = (4_000, 1_500, 150);
    let mut random = Random(20_261_126);
    let numeric = orders::compressed(&uniform(&mut random, m, |u| u), 480);
    let profile = Profile::Numeric(numeric.clone());
    let reference = profile.whole();
    let exact: Vec<f64> = (0..IDEAL).map(|i| (f64::from(i) + 0.5) / f64::from(IDEAL)).collect();
    let ideal_numeric = orders::compressed(&exact, 480);
    let ideal_profile = Profile::Numeric(ideal_numeric.clone());
    let ideal_reference = ideal_profile.whole();
    // Values leave the lower half for the upper one: u^(1 / (1 + lift)).
    let moved = |lift: f64| move |u: f64| u.powf(1.0 / (1.0 + lift));
    for kind in STATISTICS.iter().filter(|k| k.floor && k.basis == Basis::Distribution) {
        let statistic = build(kind.name);
        let seen = |window: &Counts| {
            let sample = compare(Pair { profile: &profile, reference: &reference, window });
            let floor = statistic.noise_floor(&sample).unwrap();
            (statistic.score(&sample).unwrap().value, floor, statistic.visible(&sample, floor))
        };
        // The change itself, without noise: so many values that none is left.
        let ideal = |lift: f64| -> f64 {
            let window: Vec<f64> = exact.iter().map(|u| moved(lift)(*u)).collect();
            let window = count(&ideal_numeric, &window);
            let pair =
                Pair { profile: &ideal_profile, reference: &ideal_reference, window: &window };
            let score = statistic.score(&compare(pair)).unwrap().value;
            change(kind.name, score, (f64::from(IDEAL), f64::from(IDEAL)))
        };
        let lift_of = |wanted: f64| {
            let (mut low, mut high) = (0.0, 3.0);
            for _ in 0..14 {
                let middle = 0.5 * (low + high);
                if ideal(middle) < wanted { low = middle } else { high = middle }
            }
            high
        };
        let mut found = |lift: f64| {
            let hits = (0..rounds).filter(|_| {
                let window = count(&numeric, &uniform(&mut random, n, moved(lift)));
                let (score, floor, _) = seen(&window);
                score > floor
            });
            hits.count() as f64 / rounds as f64
        };
        let (_, _, visible) = seen(&count(&numeric, &uniform(&mut Random(1), n, |u| u)));
        let wanted = change(kind.name, visible.unwrap(), (m as f64, n as f64));
        let whole = found(lift_of(wanted));
        assert!(whole >= 0.82, "{}: {whole} of changes of {wanted} seen", kind.name);
        let most = most_called_for(kind.name);
        let part = found(lift_of(wanted / most));
        assert!(part < 0.85, "{}: {part} of changes {most} times smaller seen", kind.name);
    }
}

#[test]
fn rates_show_what_their_counts_can() {
    let values: Vec<f64> = (0..5_000).map(|i| f64::from(i % 500)).collect();
    let numeric = profile(&values);
    let window = count(&numeric, &values[..1_000]);
    let profile = Profile::Numeric(numeric);
    let reference = profile.whole();
    let sample = compare(Pair { profile: &profile, reference: &reference, window: &window });
    let statistic = build("missing_rate");
    let floor = statistic.noise_floor(&sample).unwrap();
    // Two rows may be missing by chance; three are, with probability 90 %, at this rate:
    // scipy.stats.beta.ppf(0.9, 3, 998).
    assert_eq!(floor, 0.002);
    close(statistic.visible(&sample, floor).unwrap(), 0.005313485364031083, 1e-8, "missing_rate");
}

/// Fraud at 1 in 500: what 20 positives can say of recall, precision and f1.
#[test]
fn rare_classes_have_floors_of_their_positives() {
    let sums = |hits: i64, missed: i64, wrong: i64| {
        Performance::Binary(Binary {
            true_positive: hits,
            false_negative: missed,
            false_positive: wrong,
            true_negative: 10_000 - hits - missed - wrong,
            ..Binary::default()
        })
    };
    let floor = |name: &str, sums: &Performance, value: f64, pairs: u64| {
        let baseline = Some(Baseline { value, pairs, own: None });
        let sample = Sample { performance: Some(sums), baseline, ..Sample::default() };
        let statistic = build(name);
        let floor = statistic.noise_floor(&sample)?;
        Some((floor, statistic.visible(&sample, floor)?))
    };
    let window = sums(16, 4, 4);
    // With a reference of so many pairs the limit is that of the binomial law: P(X < 12) = 0.0100
    // (scipy.stats.binom.cdf(11, 20, 0.8)); 12 of 20 are still chance.
    let (recall, visible) = floor("recall", &window, 0.8, 1_000_000_000).unwrap();
    close(recall, 0.6, 1e-9, "recall");
    assert!((0.40..0.45).contains(&visible), "{visible}");
    // A reference of 100 positives is less sure of its recall.
    let (unsure, _) = floor("recall", &window, 0.8, 50_000).unwrap();
    close(unsure, 0.55, 1e-9, "recall of a short reference");
    let (precision, _) = floor("precision", &window, 0.8, 1_000_000_000).unwrap();
    close(precision, 0.6, 1e-9, "precision");
    // f1 of 16 / 24 is 0.8: of 24 at two thirds, 10 or more are left 99 times in a hundred.
    let (f1, _) = floor("f1", &window, 0.8, 1_000_000_000).unwrap();
    close(f1, 2.0 * 10.0 / 34.0, 1e-9, "f1");
    assert_eq!(floor("accuracy", &window, 0.99, 50_000), None);
    assert_eq!(floor("recall", &sums(0, 0, 5), 0.8, 50_000), None, "no positives");
}

/// Names that came after the reference, in an earlier window and in this one alike.
#[test]
fn names_that_both_windows_have_are_no_news() {
    let names = [("a".to_owned(), 600), ("b".to_owned(), 400)];
    let profile = Profile::Category(CategoryProfile {
        id: "id".into(),
        rows: 1_000,
        absences: Absences::default(),
        categories: names.into(),
    });
    let of = |new: u64| Counts {
        cells: vec![2_200 - new, 1_800, new],
        counted: 4_000,
        absences: Absences::default(),
        type_errors: 0,
    };
    let floor = |earlier: &Counts| {
        let pair = Pair { profile: &profile, reference: earlier, window: &of(400) };
        build("psi").noise_floor(&compare(pair)).unwrap()
    };
    // Chi-square with 2 degrees of freedom has its 99 % point at 9.21 (tables), of both windows.
    let both = floor(&of(400));
    assert!((both / (9.21 * 2.0 / 4_000.0) - 1.0).abs() < 0.1, "{both}");
}
