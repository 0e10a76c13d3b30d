//! Numbers that other projects print in their own tests and manuals, on the inputs given there and
//! to the digits given there. Beside each stand its file and licence:
//!
//! - scipy 1.17.1, `scipy/stats/tests`: BSD 3-Clause, Copyright (c) 2001-2002 Enthought, Inc.,
//!   2003 SciPy Developers;
//! - Evidently 0.7, `tests/stattests`: Apache 2.0, Copyright Evidently AI;
//! - NannyML 0.13, `tests/drift`: Apache 2.0, Copyright NannyML;
//! - Frouros 0.9, its tests and doc strings: BSD 3-Clause, Copyright (c) Spanish National Research
//!   Council.

use super::random_state::RandomState;
use super::*;

/// A score and its p-value.
struct Judged {
    value: f64,
    interval: Option<(f64, f64)>,
    p: Option<f64>,
}

fn judge(name: &str, options: &Value, profile: &Profile, window: &Counts) -> Judged {
    let statistic = build_with(name, options);
    let reference = profile.whole();
    let sample = compare(Pair { profile, reference: &reference, window });
    let score = statistic.score(&sample).unwrap();
    Judged { value: score.value, interval: score.interval, p: statistic.p_value(&sample) }
}

/// Numbers on their whole reference.
fn of_numbers(name: &str, reference: &[f64], window: &[f64]) -> Judged {
    of_grid(name, &json!({}), reference, window, &[])
}

/// The same where the grid has further points.
fn of_grid(
    name: &str,
    options: &Value,
    reference: &[f64],
    window: &[f64],
    points: &[f64],
) -> Judged {
    let numeric = profile_at(reference, points);
    let window = count(&numeric, window);
    judge(name, options, &Profile::Numeric(numeric), &window)
}

/// Categories by their counts, of which the window may have one more that the reference lacks.
fn of_categories(name: &str, reference: &[u64], window: &[u64]) -> Judged {
    let profile = Profile::Category(CategoryProfile {
        id: "id".into(),
        rows: reference.iter().sum(),
        absences: Absences::default(),
        categories: reference.iter().enumerate().map(|(i, n)| (format!("{i}"), *n)).collect(),
    });
    let mut counts = Counts::new(profile.cells());
    counts.cells[..window.len()].copy_from_slice(window);
    counts.counted = window.iter().sum();
    judge(name, &json!({}), &profile, &counts)
}

/// As `numpy.linspace`.
fn linspace(from: f64, to: f64, n: usize) -> Vec<f64> {
    let step = (to - from) / (n - 1) as f64;
    (0..n).map(|i| if i + 1 == n { to } else { i as f64 * step + from }).collect()
}

fn moved(values: &[f64], by: f64) -> Vec<f64> {
    values.iter().map(|x| x + by).collect()
}

fn repeat(values: &[(f64, usize)]) -> Vec<f64> {
    values.iter().flat_map(|(x, n)| std::iter::repeat_n(*x, *n)).collect()
}

/// Printed with so many digits after the point.
fn prints(got: f64, want: f64, digits: i32, what: &str) {
    assert!((got - want).abs() <= 0.5 * 10f64.powi(-digits), "{what}: {got} is not {want}");
}

/// Cut off after so many digits.
fn begins(got: f64, want: f64, digits: i32, what: &str) {
    let scale = 10f64.powi(digits);
    assert_eq!((got * scale).floor(), (want * scale).round(), "{what}: {got} is not {want}");
}

/// scipy, `test_stats.py`, `TestKSTwoSamples` (BSD 3-Clause): two-sided, `mode="auto"`.
#[test]
fn ks_is_scipys() {
    let (hundred, more) = (linspace(1.0, 100.0, 100), linspace(1.0, 100.0, 110));
    let (two, three) = ([1.0, 2.0], [1.0, 2.0, 3.0]);
    let (r2233, r2356) = (
        repeat(&[(2.0, 3), (3.0, 4), (5.0, 5), (6.0, 4)]),
        repeat(&[(2.0, 3), (3.0, 4), (5.0, 10), (6.0, 4)]),
    );
    let r3467 = repeat(&[(3.0, 10), (4.0, 2), (6.0, 10), (7.0, 4)]);
    // Of steps so small that no two values are equal.
    let by_pairs = |m: usize, n: usize, to: f64| {
        let delta = 1.0 / m as f64 / n as f64 / 4.0;
        (moved(&linspace(1.0, 200.0, m), -delta), linspace(2.0, to, n))
    };
    let (middling, medium) = (by_pairs(500, 600, 200.0), by_pairs(1_000, 1_100, 200.0));
    let large = by_pairs(10_000, 11_000, 200.0);
    let cases: [(&[f64], &[f64], f64, f64); 17] = [
        (&[0.0], &[1.0], 1.0, 1.0),
        (&[1.0], &[0.0], 1.0, 1.0),
        (&moved(&two, 0.01), &three, 1.0 / 3.0, 1.0),
        (&moved(&two, -0.01), &three, 2.0 / 3.0, 0.6),
        (&moved(&two, 0.01), &[1.0, 2.0, 3.0, 4.0], 0.5, 14.0 / 15.0),
        (&moved(&two, -0.01), &[1.0, 2.0, 3.0, 4.0], 0.75, 6.0 / 15.0),
        (&hundred, &moved(&hundred, 2.0 + 0.1), 0.03, 0.9999999999962055),
        (&hundred, &moved(&hundred, 2.0 - 0.1), 0.02, 1.0),
        (&hundred, &moved(&more, 20.0 + 0.1), 232.0 / 1_100.0, 0.015739183865607353),
        (&hundred, &moved(&more, 20.0 - 0.1), 229.0 / 1_100.0, 0.017803803861026313),
        (&r2233, &moved(&r2233, 1.0), 5.0 / 16.0, 0.4262934613454952),
        (&r2356, &r3467, 190.0 / 21.0 / 26.0, 0.0919245790168125),
        (&three, &moved(&three, 1.0), 1.0 / 3.0, 1.0),
        (&three, &moved(&three, -0.5), 1.0 / 3.0, 1.0),
        (&middling.0, &middling.1, 2_000.0 / 500.0 / 600.0, 1.0),
        (&medium.0, &medium.1, 6_600.0 / 1_000.0 / 1_100.0, 1.0),
        // More than 10,000 values: the limiting law.
        (&large.0, &large.1, 563.0 / 110_000.0, 0.9990660108966576),
    ];
    for (reference, window, distance, p) in cases {
        for (a, b) in [(reference, window), (window, reference)] {
            let judged = of_numbers("ks", a, b);
            let what = format!("{} and {}", a.len(), b.len());
            close(judged.value, distance, 1e-13, &what);
            close(judged.p.unwrap(), p, 1e-13, &what);
        }
    }
}

/// scipy, `test_stats.py`, `TestKSTwoSamples` (BSD 3-Clause), far tails: `testLarge`,
/// `test_gh11184` and `test_gh11184_bigger`. The p-values that those print, 4.2e-15, 2.8e-15 and
/// 3.3e-49, are compared there to six decimals; 4.2e-15 is no double of the one-sided 3.13e-26
/// beside it. Here stand that double and what `ks_2samp` of scipy 1.17.1 returns.
#[test]
fn ks_is_scipys_far_out() {
    let (m, n) = (10_000, 110);
    let (x, y) = (linspace(1.0, 200.0, m), linspace(2.0, 100.0, n));
    let judged = of_numbers("ks", &moved(&x, -1.0 / m as f64 / n as f64 / 4.0), &y);
    close(judged.value, 55_275.0 / 110_000.0, 1e-13, "testLarge");
    let relative = |p: Option<f64>, want: f64| {
        assert!((p.unwrap() / want - 1.0).abs() < 1e-10, "{p:?} is not {want}");
    };
    relative(judged.p, 2.0 * 3.1317328311518713e-26);
    for (n, distance, p) in [
        (3_000, 0.11292880151060758, 3.8479882241272945e-17),
        (10_000, 0.10597913208679133, 2.3540814537636513e-49),
    ] {
        let mut random = RandomState::new(123_456);
        let (x, y) = (random.normal(0.0, 1.0, n), random.normal(0.0, 1.5, n + 1));
        let judged = of_numbers("ks", &x, &y);
        close(judged.value, distance, 1e-13, "gh11184");
        relative(judged.p, p);
    }
}

/// scipy, `test_hypotests.py`, `TestCvm_2samp` (BSD 3-Clause): an example of Conover (Practical
/// Nonparametric Statistics, 1971), equal samples, and exact p-values of Anderson (Annals of
/// Mathematical Statistics 33, 1962, tables 2 to 5) by sizes and U; the orders here have that U.
#[test]
fn cramer_von_mises_is_scipys() {
    let conover = of_numbers(
        "cramer_von_mises",
        &[7.6, 8.4, 8.6, 8.7, 9.3, 9.9, 10.1, 10.6, 11.2],
        &[5.2, 5.7, 5.9, 6.5, 6.8, 8.2, 9.1, 9.8, 10.8, 11.3, 11.5, 12.3, 12.5, 13.4, 14.6],
    );
    prints(conover.value, 0.262, 3, "Conover");
    // Read off a table; scipy's test allows it as much.
    assert!((conover.p.unwrap() - 0.18).abs() < 0.01, "{:?}", conover.p);
    let equal = linspace(0.0, 14.0, 15);
    assert!(of_numbers("cramer_von_mises", &equal, &equal).value.abs() < 1e-15);
    let cases: [(&[u32], u32, u32, f64); 4] = [
        (&[1, 3, 4, 6, 7], 6, 710, 48.0 / 462.0),
        (&[1, 2, 3, 4, 5, 11, 13], 7, 1_897, 117.0 / 1_716.0),
        (&[1, 2, 3, 4], 6, 576, 2.0 / 210.0),
        (&[1, 2, 3, 4, 5, 6], 7, 1_764, 2.0 / 1_716.0),
    ];
    for (ranks, n, u, p) in cases {
        let m = ranks.len() as u32;
        let x: Vec<f64> = ranks.iter().map(|rank| f64::from(*rank)).collect();
        let y: Vec<f64> = (1..=m + n).filter(|rank| !ranks.contains(rank)).map(f64::from).collect();
        let (k, all) = (f64::from(m * n), f64::from(m + n));
        let value = f64::from(u) / (k * all) - (4.0 * k - 1.0) / (6.0 * all);
        for (a, b) in [(&x, &y), (&y, &x)] {
            let judged = of_numbers("cramer_von_mises", a, b);
            close(judged.value, value, 1e-12, &format!("U {u}"));
            close(judged.p.unwrap(), p, 1e-14, &format!("U {u}"));
        }
    }
}

/// scipy, `test_morestats.py`, `TestAndersonKSamp.test_R_kSamples` (BSD 3-Clause): version 2 of R's
/// kSamples 1.2-6, with midranks.
#[test]
fn anderson_darling_is_that_of_r() {
    let hundred = linspace(1.0, 100.0, 100);
    for (by, value, digits, p, p_within) in [
        (40.5, 41.235, 3, 0.001, 0.0),
        (0.5, -1.2944, 4, 0.25, 0.0),
        // The p-value is R's own; interpolation of a table comes near it.
        (6.0, 0.6389, 4, 0.17981, 0.005),
    ] {
        let judged = of_numbers("anderson_darling", &hundred, &moved(&hundred, by));
        prints(judged.value, value, digits, "Anderson-Darling");
        assert!((judged.p.unwrap() - p).abs() <= p_within, "{by}: {:?}", judged.p);
    }
}

/// scipy, `test_hypotests.py`, `TestMannWhitneyU` (BSD 3-Clause): p-values of R's `wilcox.test`,
/// exact and with ties, and a table of Mann & Whitney (Annals of Mathematical Statistics 18, 1947).
#[test]
fn mann_whitney_is_that_of_r() {
    let x = [210.052110, 110.190630, 307.918612];
    let y = [
        436.08811482466416,
        416.3739732976819,
        179.96975939463582,
        197.8118754228619,
        34.038757281225756,
        138.54220550921517,
        128.7769351470246,
        265.9272142795185,
        275.6617533155341,
        592.3408339541626,
        448.7317759061702,
        300.61495185038905,
        187.97508449019588,
    ];
    let judged = of_numbers("mann_whitney", &y, &x);
    close(judged.value, 16.0 / 39.0, 1e-15, "U");
    prints(judged.p.unwrap(), 0.7035714285714, 13, "exact");
    let (four, five) = ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0, 5.0]);
    for (lower, upper, u, p) in [
        (0.0, -0.01, 9.0, 0.9017048037317),
        (-0.01, 0.0, 8.5, 0.804080657472),
        (0.0, 0.0, 8.0, 0.7086240584439),
        (0.01, 0.0, 7.5, 0.6197963884941),
        (0.0, 0.01, 7.0, 0.5368784563079),
    ] {
        let mut reference = five;
        reference[2] += lower;
        reference[1] += upper;
        reference[3] += upper;
        let judged = of_numbers("mann_whitney", &reference, &four);
        close(judged.value, u / 20.0, 1e-15, "U with ties");
        prints(judged.p.unwrap(), p, 12, "with ties");
    }
    // P(U <= u) of 6 and 6; two-sided it is twice that.
    let table = [
        0.001, 0.002, 0.004, 0.008, 0.013, 0.021, 0.032, 0.047, 0.066, 0.09, 0.12, 0.155, 0.197,
        0.242, 0.294, 0.350, 0.409, 0.469,
    ];
    let reference = linspace(1.0, 6.0, 6);
    for (u, p) in table.into_iter().enumerate() {
        // So many pairs are won by the last values of the window, six at most by each.
        let wins = |i: usize| u.saturating_sub(6 * i).min(6) as f64;
        let window: Vec<f64> = (0..6).map(|i| wins(i) + 0.5 + 0.01 * (6 - i) as f64).collect();
        let judged = of_numbers("mann_whitney", &reference, &window);
        close(judged.value, u as f64 / 36.0, 1e-15, "U of 6 and 6");
        assert!((judged.p.unwrap() / 2.0 - p).abs() < 1e-3, "{u}: {:?}", judged.p);
    }
}

/// scipy, `test_stats.py`, `TestWassersteinDistance` (BSD 3-Clause); weights are repeats. Of a
/// window whose values are points of the grid the distance is exact, wherever they lie.
#[test]
fn wasserstein_is_scipys() {
    let cases: [(&[f64], &[f64], f64); 8] = [
        (&[0.0, 1.0], &[0.0], 0.5),
        (&[0.0, 0.0, 0.0, 1.0], &[0.0], 0.25),
        (&[0.0, 2.0], &[0.0], 1.0),
        (&[0.0, 1.0, 2.0], &[1.0, 2.0, 3.0], 1.0),
        (&[1.0, 2.0, 3.0], &[2.0, 1.0, 3.0], 0.0),
        (&[-5.0], &[5.0], 10.0),
        (&[1.0, 2.0, 3.0, 4.0, 5.0], &[11.0, 12.0, 13.0, 14.0, 15.0], 10.0),
        (&[4.5, 4.5, 4.5, 6.7, 2.1], &[4.6, 7.0, 7.0, 7.0, 9.2], 2.5),
    ];
    for (reference, window, distance) in cases {
        let judged = of_grid("wasserstein", &json!({}), reference, window, window);
        close(judged.value, distance, 1e-14, &format!("{reference:?} {window:?}"));
    }
}

/// Evidently, `test_stattests.py` (Apache 2.0), for one table of counts: Hellinger, also of twice the
/// reference, and Mann-Whitney, one-sided there.
#[test]
fn hellinger_and_mann_whitney_are_evidentlys() {
    let (reference, window) = ([16, 18, 16, 14, 12, 12], [16, 16, 16, 16, 16, 8]);
    let twice = reference.map(|n| 2 * n);
    for reference in [reference, twice] {
        let judged = of_categories("hellinger", &reference, &window);
        begins(judged.value, 0.06812, 5, "Hellinger");
    }
    let values = |counts: [u64; 6]| {
        let repeats: Vec<(f64, usize)> =
            (1..).zip(counts).map(|(x, n)| (f64::from(x), n as usize)).collect();
        repeat(&repeats)
    };
    let judged = of_numbers("mann_whitney", &values(reference), &values(window));
    prints(judged.p.unwrap() / 2.0, 0.481, 3, "Mann-Whitney");
}

/// Evidently, `test_stattests.py` (Apache 2.0). Its chi-square and G-test take the reference for
/// exact; here it is one of so many rows that it nearly is.
#[test]
fn chi_square_and_g_test_of_a_long_reference_are_evidentlys() {
    let long = |counts: &[u64]| -> Vec<u64> { counts.iter().map(|n| n << 30).collect() };
    let reference = long(&[16, 18, 16, 14, 12, 12]);
    let judged = of_categories("chi_square", &reference, &[16, 16, 16, 16, 16, 8]);
    prints(judged.p.unwrap(), 0.67309, 5, "chi-square");
    let judged = of_categories("g_test", &long(&[5, 5, 8]), &[4, 6, 8]);
    prints(judged.p.unwrap(), 0.8176, 4, "G-test");
}

/// Evidently, `test_stattests.py` (Apache 2.0): p-values of Anderson-Darling, and of Cramer-von
/// Mises on two samples of 100.
#[test]
fn p_values_of_rank_sums_are_evidentlys() {
    let judged = of_numbers(
        "anderson_darling",
        &[38.7, 41.5, 43.8, 44.5, 45.5, 46.0, 47.7, 58.0],
        &[39.2, 39.3, 39.7, 41.4, 41.8, 42.9, 43.3, 45.8],
    );
    prints(judged.p.unwrap(), 0.0635, 4, "Anderson-Darling");
    let sample = |seed| RandomState::new(seed).normal(0.0, 1.0, 100);
    let judged = of_numbers("cramer_von_mises", &sample(0), &sample(1));
    prints(judged.p.unwrap(), 0.8076839, 6, "Cramer-von Mises");
}

/// numpy's bins hold their lower edge, driftd's the upper one. Between these points they are the
/// same; what lies beyond the ends has bins of its own, as in NannyML.
fn edges_of(bins: &[f64]) -> Vec<f64> {
    let last = bins.len() - 1;
    bins.iter().enumerate().map(|(i, x)| if i == last { *x } else { x.next_down() }).collect()
}

/// As `numpy.histogram_bin_edges(values, "doane")` (Doane, The American Statistician 30, 1976).
fn doane(values: &[f64]) -> Vec<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let moment = |k: i32| values.iter().map(|x| (x - mean).powi(k)).sum::<f64>() / n;
    let skew = moment(3) / moment(2).powf(1.5);
    let error = (6.0 * (n - 2.0) / ((n + 1.0) * (n + 3.0))).sqrt();
    let bins = (1.0 + n.log2() + (1.0 + skew.abs() / error).log2()).ceil();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    linspace(low, high, bins as usize + 1)
}

/// NannyML, `test_univariate_drift_methods.py` (Apache 2.0): Jensen-Shannon and Hellinger over the
/// reference's bins by Doane's rule.
#[test]
fn distances_over_bins_are_nannymls() {
    let distance = |name: &str, reference: &[f64], window: &[f64]| {
        let edges = edges_of(&doane(reference));
        of_grid(name, &json!({ "edges": edges }), reference, window, &edges).value
    };
    let seeded = || RandomState::new(1);
    let mut random = seeded();
    let (r, w) = (random.normal(0.0, 1.0, 10_000), random.normal(0.0, 1.0, 1_000));
    prints(distance("jensen_shannon", &r, &w), 0.05, 2, "no drift");
    let mut random = seeded();
    let (r, w) = (random.normal(0.0, 1.0, 10_000), random.normal(-2.0, 1.0, 10_000));
    prints(distance("hellinger", &r, &w), 0.63, 2, "shift of -2");
    let mut random = seeded();
    let (r, w) = (random.normal(0.0, 1.0, 10_000), random.normal(7.0, 1.0, 10_000));
    prints(distance("hellinger", &r, &w), 1.0, 2, "no overlap");
    let mut random = seeded();
    let r = random.choice(&linspace(0.0, 2.0, 6), 10_000);
    let w = random.choice(&linspace(0.0, 2.0, 3), 1_000);
    prints(distance("jensen_shannon", &r, &w), 0.73, 2, "six values against three");
    prints(distance("hellinger", &r, &w), 0.72, 2, "six values against three");
}

/// NannyML, `test_univariate_drift_methods.py` (Apache 2.0): categories of which one is new.
#[test]
fn distances_of_categories_are_nannymls() {
    let mut random = RandomState::new(1);
    let counts = |chosen: &[usize], n: usize| -> Vec<u64> {
        (0..n).map(|i| chosen.iter().filter(|x| **x == i).count() as u64).collect()
    };
    // a, b, c, d against a, b, c, e.
    let reference = counts(&random.choice(&[0, 1, 2, 3], 10_000), 4);
    let window = counts(&random.choice(&[0, 1, 2, 4], 1_000), 5);
    for name in ["jensen_shannon", "hellinger"] {
        prints(of_categories(name, &reference, &window).value, 0.5, 2, name);
    }
    let infinity = |window: &[u64]| of_categories("l_infinity", &[2, 2, 2], window).value;
    prints(infinity(&[2, 2, 2, 1]), 0.14, 2, "new category");
    prints(infinity(&[2, 2, 2]), 0.0, 2, "no change");
    prints(infinity(&[0, 5, 0]), 0.67, 2, "total change");
}

/// NannyML, `test_univariate_drift_methods.py` (Apache 2.0): Wasserstein, of which it sums
/// histograms of 10,000 bins. Of the window's values
/// beyond the reference's range counts tell only that they are there: the distance lies in the
/// interval, and is exact where the grid has their places.
#[test]
fn wasserstein_is_nannymls() {
    for (m, (mean, deviation, n), distance, digits) in [
        (10_000, (1.0, 1.0, 1_000), 1.01, 2),
        (100_000, (-4.0, 1.0, 1_000), 3.99, 2),
        (15_000, (0.0, 10.0, 1_000_000), 7.180, 3),
    ] {
        let mut random = RandomState::new(1);
        let (r, w) = (random.normal(0.0, 1.0, m), random.normal(mean, deviation, n));
        let judged = of_grid("wasserstein", &json!({}), &r, &w, &w);
        prints(judged.value, distance, digits, "exact");
        let judged = of_numbers("wasserstein", &r, &w);
        let (low, high) = judged.interval.unwrap();
        assert!(low < distance && high.is_infinite(), "{low} {high}");
    }
}

/// Frouros, `test_data_drift.py` (BSD 3-Clause): chi-square of two samples, one category new.
#[test]
fn chi_square_is_frouros() {
    // a a b a a b against b a c c c c.
    let judged = of_categories("chi_square", &[4, 2], &[1, 1, 4]);
    prints(judged.value, 6.13333333, 8, "chi-square");
    prints(judged.p.unwrap(), 0.04657615, 8, "its p-value");
}

/// Frouros (BSD 3-Clause): the example of its PSI, and `test_data_drift.py`: PSI, Hellinger, the
/// complement of the histograms' intersection, which is the total variation, and Wasserstein. Its
/// bins are of equal width over both samples, and an empty one has the share 2.2e-308.
#[test]
fn distances_over_pooled_bins_are_frouros() {
    let distance = |name: &str, (r, w): (&[f64], &[f64]), bins: usize| {
        let pooled = [r, w].concat();
        let low = pooled.iter().copied().fold(f64::INFINITY, f64::min);
        let high = pooled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let edges = edges_of(&linspace(low, high, bins + 1));
        let mut options = json!({ "edges": edges });
        if name == "psi" {
            options["smoothing"] = json!(f64::MIN_POSITIVE * r.len() as f64);
        }
        of_grid(name, &options, r, w, &edges).value
    };
    let mut random = RandomState::new(31);
    let (r, w) = (random.normal(0.0, 1.0, 100), random.normal(1.0, 1.0, 100));
    close(distance("psi", (&r, &w), 20), 134.95409065116183, 1e-12, "its example");
    let of_seed = |mean, deviation| RandomState::new(31).normal(mean, deviation, 100);
    let (r, w) = (of_seed(1.0, 1.0), of_seed(5.0, 2.0));
    begins(distance("psi", (&r, &w), 10), 461.20379435, 8, "PSI");
    begins(distance("hellinger", (&r, &w), 10), 0.74509099, 8, "Hellinger");
    prints(distance("total_variation", (&r, &w), 10), 0.78, 8, "intersection");
    let judged = of_grid("wasserstein", &json!({}), &r, &w, &w);
    begins(judged.value, 3.85346006, 8, "Wasserstein");
    let mut random = RandomState::new(31);
    let (r, w) = (random.normal(1.0, 1.0, 500), random.normal(1.0, 1.0, 500));
    begins(distance("psi", (&r, &w), 10), 0.01840072, 8, "PSI of one law");
    begins(distance("hellinger", (&r, &w), 10), 0.04792538, 8, "Hellinger of one law");
}
