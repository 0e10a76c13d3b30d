//! Distances of one window from its reference.

use serde_json::json;

use crate::sample::{Random, Reference, build, distance, judge, score};

/// Counts in bins of equal width between two ends; what lies beyond counts at them.
fn equal_bins(values: &[f64], (least, most): (f64, f64), bins: usize) -> Vec<f64> {
    let mut counts = vec![0.0; bins];
    for value in values {
        let place = (value - least) / (most - least) * bins as f64;
        counts[(place.max(0.0) as usize).min(bins - 1)] += 1.0;
    }
    counts
}

fn range(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(*x), high.max(*x)))
}

/// PSI of two tables of counts, an empty bin's share put at `least`.
fn psi(reference: &[f64], window: &[f64], least: f64) -> f64 {
    let (m, n): (f64, f64) = (reference.iter().sum(), window.iter().sum());
    let shares =
        reference.iter().zip(window).map(|(r, c)| ((r / m).max(least), (c / n).max(least)));
    shares.map(|(p, q)| (q - p) * (q / p).ln()).sum()
}

#[test]
fn a_reference_is_a_sample_too() {
    let mut random = Random(1);
    let chi_square = build("chi_square", json!({}));
    let runs = 300;
    for n in [100, 1_000, 5_000] {
        let (mut ours, mut one_sample) = (0, 0);
        for _ in 0..runs {
            let (reference, window) = (random.die(1_000), random.die(n));
            let (r, c) =
                (equal_bins(&reference, (0.0, 6.0), 6), equal_bins(&window, (0.0, 6.0), 6));
            let of_exact = |(r, c): (&f64, &f64)| {
                let expected = r * n as f64 / 1_000.0;
                (c - expected).powi(2) / expected
            };
            // 11.07 is the 95 % point with 5 degrees of freedom.
            one_sample += u32::from(r.iter().zip(&c).map(of_exact).sum::<f64>() > 11.07);
            let judged = judge(chi_square.as_ref(), &Reference::of(&reference), &window);
            ours += u32::from(judged.p.unwrap() < 0.05);
        }
        assert!((6..=27).contains(&ours), "n {n}: {ours} of {runs} at 5 %");
        if n >= 1_000 {
            assert!(one_sample > runs / 4, "n {n}: {one_sample} of {runs}: no defect to see");
        }
    }
}

#[test]
fn an_outlier_hides_no_shift() {
    let mut random = Random(2);
    let (reference, mut window) = (random.normals(1_000, 0.0), random.normals(1_000, 2.0));
    let pooled = |window: &[f64]| {
        let ends = range(&[&reference, window].concat());
        psi(&equal_bins(&reference, ends, 12), &equal_bins(window, ends, 12), 1e-4)
    };
    let frozen = Reference::of(&reference);
    let ours = |window: &[f64], bins: u32| {
        score(build("psi", json!({ "bins": bins })).as_ref(), &frozen, window).value
    };
    let (seen, without) = (pooled(&window), ours(&window, 10));
    window[0] = 1e6;
    assert!(seen > 2.0 && pooled(&window) < 0.01, "{seen} {}", pooled(&window));
    assert!(without > 2.0 && (ours(&window, 10) - without).abs() < 0.02, "{without}");
    assert!((ours(&window, 30) - ours(&window, 10)).abs() > 0.1, "bins are bins");
}

#[test]
fn a_heavy_tail_keeps_its_distance() {
    let mut random = Random(3);
    let mut pareto = |scale: f64| -> Vec<f64> {
        (0..40_000).map(|_| scale * ((1.0 - random.unit()).powf(-1.25) - 1.0)).collect()
    };
    let (reference, window) = (pareto(1.0), pareto(1.5));
    let ends = range(&reference);
    let [mut r, mut c] = [&reference, &window].map(|side| equal_bins(side, ends, 10_000));
    for side in [&mut r, &mut c] {
        (1..side.len()).for_each(|bin| side[bin] += side[bin - 1]);
    }
    let binned = r.iter().zip(&c).map(|(r, c)| (r - c).abs() / 40_000.0).fold(0.0, f64::max);
    let truth = distance(&reference, &window);
    assert!(truth > 0.09 && binned < truth / 2.0, "{binned} {truth}: no defect to see");
    let ks = score(build("ks", json!({})).as_ref(), &Reference::of(&reference), &window);
    let (low, high) = ks.interval.unwrap();
    assert!(low <= truth && truth <= high && high - low <= 1.0 / 480.0, "{ks:?} {truth}");
}

#[test]
fn a_noise_floor_is_exceeded_as_rarely_as_stated() {
    let mut random = Random(4);
    let ks = build("ks", json!({}));
    let (mut chunks, mut theirs, mut ours) = (0, 0, 0);
    for _ in 0..60 {
        let reference = random.normals(1_000, 0.0);
        let own: Vec<f64> =
            reference.chunks(100).map(|chunk| distance(&reference, chunk)).collect();
        let mean = own.iter().sum::<f64>() / 10.0;
        let variance = own.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 10.0;
        let frozen = Reference::of(&reference);
        for _ in 0..20 {
            let judged = judge(ks.as_ref(), &frozen, &random.normals(100, 0.0));
            chunks += 1;
            theirs += u32::from(judged.score.value > mean + 3.0 * variance.sqrt());
            ours += u32::from(judged.score.value > judged.floor.unwrap());
        }
    }
    assert!(theirs * 100 > chunks * 3, "{theirs} of {chunks}: no defect to see");
    assert!(ours * 100 <= chunks * 2, "{ours} of {chunks} beyond a floor of 1 %");
}

#[test]
fn a_level_of_a_tenth_is_told_apart_from_noise() {
    let mut random = Random(5);
    let psi = build("psi", json!({}));
    let (mut tenth, mut beyond) = (0, 0);
    for _ in 0..200 {
        let reference = Reference::of(&random.normals(100, 0.0));
        let judged = judge(psi.as_ref(), &reference, &random.normals(100, 0.0));
        let floor = judged.floor.unwrap();
        assert!(floor > 0.2, "the level lies below the noise, and the line says so: {floor}");
        tenth += u32::from(judged.score.value > 0.1);
        beyond += u32::from(judged.score.value > floor);
    }
    assert!(tenth > 100 && beyond <= 8, "{tenth} above 0.1, {beyond} beyond the floor, of 200");
    // A small shift in a large window: far below 0.1, and far beyond the noise.
    let reference = Reference::of(&random.normals(100_000, 0.0));
    let judged = judge(psi.as_ref(), &reference, &random.normals(100_000, 0.05));
    let (value, floor) = (judged.score.value, judged.floor.unwrap());
    assert!(value < 0.01 && value > 4.0 * floor, "{value} {floor}");
}

#[test]
fn large_windows_of_one_law_are_no_drift() {
    let mut random = Random(6);
    let (reference, window) = (random.normals(200_000, 0.0), random.normals(200_000, 0.0));
    let judged = judge(build("ks", json!({})).as_ref(), &Reference::of(&reference), &window);
    let truth = distance(&reference, &window);
    let (low, high) = judged.score.interval.unwrap();
    assert!(low <= truth && truth <= high, "{low} {truth} {high}");
    assert!(judged.p.unwrap() > 0.01 && judged.score.value < judged.floor.unwrap());
}

#[test]
fn a_shift_of_a_thousandth_is_seen() {
    let mut random = Random(7);
    let (reference, window) = (random.normals(20_000, 1_000.0), random.normals(20_000, 1_001.0));
    // A sketch of 1 % relative error keeps ln(x) / ln(1.01 / 0.99), rounded up.
    let bucket = |x: &f64| (x.ln() / (1.01f64 / 0.99).ln()).ceil();
    let [r, w] = [&reference, &window].map(|side| side.iter().map(bucket).collect::<Vec<f64>>());
    let truth = distance(&reference, &window);
    assert!(truth > 0.37 && distance(&r, &w) < 0.01, "no defect to see");
    let ks = score(build("ks", json!({})).as_ref(), &Reference::of(&reference), &window);
    assert!((ks.value - truth).abs() <= 1.0 / 480.0, "{ks:?} {truth}");
}

#[test]
fn an_empty_bin_weighs_no_more_than_its_rows() {
    let mut random = Random(8);
    let (reference, window) = (random.normals(100, 0.0), random.normals(100, 1.0));
    let ends = range(&[&reference[..], &window].concat());
    let [r, c] = [&reference, &window].map(|side| equal_bins(side, ends, 20));
    let tiny = psi(&r, &c, f64::MIN_POSITIVE);
    assert!(tiny > 50.0, "{tiny}: no defect to see");
    let ours =
        score(build("psi", json!({ "bins": 20 })).as_ref(), &Reference::of(&reference), &window);
    // PSI of two normal laws a deviation apart is 1.
    assert!(ours.value > 0.5 && ours.value < 3.0, "{ours:?}");
}

#[test]
fn ties_cost_no_power() {
    let mut random = Random(9);
    let ks = build("ks", json!({}));
    let (mut by_p, mut by_floor, runs) = (0, 0, 1_500);
    for _ in 0..runs {
        let reference = Reference::of(&random.die(600));
        let judged = judge(ks.as_ref(), &reference, &random.die(300));
        by_p += u32::from(judged.p.unwrap() < 0.01);
        by_floor += u32::from(judged.score.value > judged.floor.unwrap());
    }
    // The p-value is scipy's and keeps its caution; the floor knows of the ties.
    assert!(by_p < runs / 200, "{by_p} of {runs}: no defect to see");
    assert!(by_floor >= 2 * by_p.max(1) && by_floor <= runs / 50, "{by_floor} {by_p} of {runs}");
}
