//! Rank statistics against their definitions, spelt out, on random pairs of every kind; on whole
//! references they are equal, on compressed ones the interval holds the truth.

use super::*;

/// xorshift64: the same pairs in every run.
pub(super) struct Random(pub u64);

impl Random {
    pub fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }

    /// One value of a kind of data; `shift` moves its law a little.
    fn value(&mut self, kind: usize, shift: f64) -> f64 {
        let normal = (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0;
        match kind {
            0 => normal + shift,
            1 => (8.0 * self.uniform() + shift).floor(),
            2 => {
                if self.uniform() < 0.6 {
                    -0.0
                } else {
                    normal + shift
                }
            }
            3 => ((normal + shift) * 10.0).round() / 10.0,
            4 => (self.uniform() + 1e-9).powf(-1.25) * (1.0 + shift),
            5 => 7.0,
            6 => (normal + shift).exp(),
            7 => match self.below(8) {
                0 => f64::NEG_INFINITY,
                1 | 2 => f64::INFINITY,
                _ => (4.0 * (normal + shift)).round(),
            },
            _ => self.poisson(2.0 + shift),
        }
    }

    /// Arrivals within one unit of time: few values, and many ties of each.
    fn poisson(&mut self, rate: f64) -> f64 {
        let (mut arrivals, mut left) = (0.0, (-rate).exp());
        let mut below = left;
        let u = self.uniform();
        while u >= below && arrivals < 100.0 {
            arrivals += 1.0;
            left *= rate / arrivals;
            below += left;
        }
        arrivals
    }

    fn sample(&mut self, kind: usize, shift: f64, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.value(kind, shift)).collect()
    }
}

/// A reference of few grid points, made by the rule of many.
pub(super) fn compressed(values: &[f64], quantiles: usize) -> NumericProfile {
    let mut whole = profile(values);
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let mut grid: Vec<f64> =
        (1..quantiles).map(|j| sorted[(j * n).div_ceil(quantiles) - 1]).collect();
    grid.extend([sorted[0], sorted[n - 1]]);
    grid.sort_by(f64::total_cmp);
    grid.dedup();
    whole.at_or_below = grid.iter().map(|g| sorted.partition_point(|x| x <= g) as u64).collect();
    whole.below = grid.iter().map(|g| sorted.partition_point(|x| x < g) as u64).collect();
    whole.grid = grid;
    whole
}

/// Both samples by value: how many of each, ascending.
fn table(r: &[f64], w: &[f64]) -> Vec<(f64, f64, f64)> {
    let mut all: Vec<f64> = r.iter().chain(w).map(|x| x + 0.0).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    let count = |side: &[f64], v: f64| side.iter().filter(|x| **x == v).count() as f64;
    all.iter().map(|v| (*v, count(r, *v), count(w, *v))).collect()
}

/// Every rank statistic by its definition.
fn by_definition(name: &str, r: &[f64], w: &[f64]) -> Option<f64> {
    let (m, n) = (r.len() as f64, w.len() as f64);
    let (all, table) = (m + n, table(r, w));
    let (mut a, mut b) = (0.0, 0.0);
    let (mut plus, mut minus, mut area, mut pairs, mut u, mut a2) =
        (0f64, 0f64, 0.0, 0.0, 0.0, 0.0);
    for (i, &(v, in_r, in_w)) in table.iter().enumerate() {
        pairs += in_w * (a + in_r / 2.0);
        let size = in_r + in_w;
        let rank = a + b + (size + 1.0) / 2.0;
        u += (1..=in_r as u64).map(|j| m * (rank - a - j as f64).powi(2)).sum::<f64>();
        u += (1..=in_w as u64).map(|j| n * (rank - b - j as f64).powi(2)).sum::<f64>();
        let middle = a + b + size / 2.0;
        let weight = size / all / (middle * (all - middle) - all * size / 4.0);
        a2 += weight * (all * (a + in_r / 2.0) - middle * m).powi(2) / m;
        a2 += weight * (all * (b + in_w / 2.0) - middle * n).powi(2) / n;
        (a, b) = (a + in_r, b + in_w);
        let d = a / m - b / n;
        (plus, minus) = (plus.max(d), minus.max(-d));
        if let Some(next) = table.get(i + 1) {
            area += d.abs() * (next.0 - v);
        }
    }
    match name {
        "ks" => Some(plus.max(minus)),
        "kuiper" => Some(plus + minus),
        "mann_whitney" => Some(pairs / (m * n)),
        "cramer_von_mises" => Some(u / (m * n * all) - (4.0 * m * n - 1.0) / (6.0 * all)),
        "wasserstein" => Some(area),
        _ => (table.len() > 1 && all > 3.0)
            .then(|| ((all - 1.0) / all * a2 - 1.0) / scholz_stephens(m, n)),
    }
}

/// Standard deviation of the two-sample statistic, sum by sum.
pub(super) fn scholz_stephens(m: f64, n: f64) -> f64 {
    let (all, k, s) = (m + n, 2.0, 1.0 / m + 1.0 / n);
    let count = all as u64;
    let h: f64 = (1..count).map(|i| 1.0 / i as f64).sum();
    let (mut g, mut tail) = (0.0, 0.0);
    for i in (1..count - 1).rev() {
        tail += 1.0 / (i + 1) as f64;
        g += tail / (count - i) as f64;
    }
    let a = (4.0 * g - 6.0) * (k - 1.0) + (10.0 - 6.0 * g) * s;
    let b = (2.0 * g - 4.0) * k * k + 8.0 * h * k + (2.0 * g - 14.0 * h - 4.0) * s - 8.0 * h
        + 4.0 * g
        - 6.0;
    let c = (6.0 * h + 2.0 * g - 2.0) * k * k
        + (4.0 * h - 4.0 * g + 6.0) * k
        + (2.0 * h - 6.0) * s
        + 4.0 * h;
    let d = (2.0 * h + 6.0) * k * k - 4.0 * h * k;
    let cubic = a * all.powi(3) + b * all.powi(2) + c * all + d;
    (cubic / ((all - 1.0) * (all - 2.0) * (all - 3.0))).sqrt()
}

const RANKED: [&str; 6] =
    ["ks", "kuiper", "mann_whitney", "cramer_von_mises", "anderson_darling", "wasserstein"];

fn scored(statistic: &dyn Statistic, numeric: NumericProfile, window: &[f64]) -> Option<Score> {
    let counts = count(&numeric, window);
    let profile = Profile::Numeric(numeric);
    let reference = profile.whole();
    let pair = Pair { profile: &profile, reference: &reference, window: &counts };
    statistic.score(&compare(pair)).ok()
}

#[test]
fn whole_references_are_exact_and_compressed_ones_bounded() {
    let mut random = Random(20_261_126);
    let statistics = RANKED.map(build);
    for round in 0..3000 {
        let kind = round % 7;
        let shift = if round % 3 == 0 { 0.0 } else { random.uniform() };
        let (m, n) = (2 + random.below(150), 2 + random.below(80));
        let r = random.sample(kind, 0.0, m);
        let mut w = random.sample(kind, shift, n);
        // Values between two of the reference count as distinct: keep one of each.
        let mut seen: Vec<f64> = Vec::new();
        w.retain(|x| {
            let first = !seen.contains(x);
            seen.push(*x);
            first || r.contains(x)
        });
        if w.is_empty() {
            continue;
        }
        for (name, statistic) in RANKED.iter().zip(&statistics) {
            let want = by_definition(name, &r, &w);
            let whole = scored(statistic.as_ref(), profile(&r), &w);
            let small = scored(statistic.as_ref(), compressed(&r, 2 + round % 24), &w);
            let what = format!("round {round}, {name}: {want:?} {whole:?} {small:?}");
            let Some(want) = want else {
                assert!(whole.is_none(), "{what}");
                continue;
            };
            let slack = 1e-9 * (1.0 + want.abs());
            let Some(whole) = whole else {
                let constant = r.iter().all(|x| *x == r[0]);
                assert!(*name == "wasserstein" && constant, "{what}");
                continue;
            };
            match whole.interval {
                None => close(whole.value, want, 1e-9, &what),
                Some((low, high)) => {
                    assert!(*name == "wasserstein", "{what}");
                    assert!(low <= want + slack && want <= high + slack, "{what}");
                }
            }
            if let Some(small) = small {
                let (low, high) = small.interval.unwrap_or((small.value, small.value));
                assert!(low <= want + slack && want <= high + slack, "{what}");
                assert!(low <= small.value + slack && small.value <= high + slack, "{what}");
            }
        }
    }
}

/// A segment's part leaves points of the whole's grid empty, and so does a window.
#[test]
fn parts_of_a_whole_reference_are_exact() {
    let mut random = Random(31);
    let statistics = RANKED.map(build);
    for round in 0..500 {
        let all = random.sample(round % 7, 0.0, 60);
        let numeric = profile(&all);
        let mut of_grid = |n: usize| -> Vec<f64> {
            let first = random.below(all.len());
            (0..n).map(|_| all[(first + random.below(9)) % all.len()]).collect()
        };
        let (part, window) = (of_grid(2 + round % 11), of_grid(2 + round % 5));
        let (reference, counts) = (count(&numeric, &part), count(&numeric, &window));
        let whole = Profile::Numeric(numeric);
        let pair = Pair { profile: &whole, reference: &reference, window: &counts };
        for (name, statistic) in RANKED.iter().zip(&statistics) {
            let what = format!("round {round}, {name}: {part:?} {window:?}");
            match (by_definition(name, &part, &window), statistic.score(&compare(pair))) {
                (Some(want), Ok(score)) => {
                    assert_eq!(score.interval, None, "{what}");
                    close(score.value, want, 1e-9, &what);
                }
                (want, score) => assert!(want.is_none() && score.is_err(), "{what} {want:?}"),
            }
        }
    }
}

/// Ties of both sides inside the gaps of a compressed reference are the hard case.
#[test]
fn rounded_values_stay_within_the_interval() {
    let mut random = Random(7);
    for round in 0..60 {
        let shift = 0.1 * f64::from(round % 4);
        let round_off = |x: f64| (x * 50.0).round() / 50.0;
        let r: Vec<f64> = random.sample(0, 0.0, 4000).into_iter().map(round_off).collect();
        let w: Vec<f64> = random.sample(0, shift, 600).into_iter().map(round_off).collect();
        for name in RANKED {
            let want = by_definition(name, &r, &w).unwrap();
            let Some(score) = scored(build(name).as_ref(), compressed(&r, 48), &w) else {
                continue;
            };
            let (low, high) = score.interval.unwrap();
            assert!(low <= want + 1e-9 && want <= high + 1e-9, "{name}: {want} {score:?}");
        }
    }
}

/// At the size of a real reference the bounds are narrow enough to be of use.
#[test]
fn bounds_are_narrow_on_a_real_grid() {
    let mut random = Random(99);
    let r = random.sample(0, 0.0, 20_000);
    let w = random.sample(0, 0.05, 2_000);
    for (name, width) in [
        ("ks", 0.003),
        ("kuiper", 0.005),
        ("mann_whitney", 0.0025),
        ("cramer_von_mises", 0.25),
        ("anderson_darling", 4.0),
    ] {
        let score = scored(build(name).as_ref(), compressed(&r, 480), &w).unwrap();
        let (low, high) = score.interval.unwrap();
        assert!(high - low < width, "{name}: {score:?}");
    }
}

#[test]
fn order_and_slicing_are_of_no_account() {
    let mut random = Random(3);
    let (r, w) = (random.sample(3, 0.0, 400), random.sample(3, 0.3, 300));
    let numeric = profile(&r);
    let mut turned = w.clone();
    turned.reverse();
    let mut merged = count(&numeric, &turned[..77]);
    merged.add(&count(&numeric, &turned[77..]));
    assert_eq!(merged, count(&numeric, &w));
    let both = merged.clone();
    merged.add(&both);
    merged.subtract(&both);
    assert_eq!(merged, both);
}

/// The block sums of Anderson-Darling against the sum term by term, far from any tie.
#[test]
fn long_gaps_are_summed_exactly() {
    let r: Vec<f64> = (0..50).map(f64::from).collect();
    let w: Vec<f64> = (0..60_000).map(|i| f64::from(i) * 0.000_8 + 0.000_31).collect();
    for name in ["anderson_darling", "cramer_von_mises"] {
        let score = scored(build(name).as_ref(), profile(&r), &w).unwrap();
        close(score.value, merged_definition(name, &r, &w), 1e-9, name);
    }
}

/// As [`by_definition`] for distinct values, in one pass over two sorted samples.
fn merged_definition(name: &str, r: &[f64], w: &[f64]) -> f64 {
    let (m, n) = (r.len() as f64, w.len() as f64);
    let all = m + n;
    let mut order: Vec<(f64, bool)> =
        r.iter().map(|x| (*x, true)).chain(w.iter().map(|x| (*x, false))).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut a, mut b, mut u, mut a2) = (0.0, 0.0, 0.0, 0.0);
    for (_, of_r) in order {
        let middle = a + b + 0.5;
        let here = if of_r { a + 0.5 } else { a };
        let weight = 1.0 / all / (middle * (all - middle) - all / 4.0);
        a2 += weight * (all * here - middle * m).powi(2) * (1.0 / m + 1.0 / n);
        if of_r {
            u += m * b * b;
            a += 1.0;
        } else {
            u += n * a * a;
            b += 1.0;
        }
    }
    match name {
        "cramer_von_mises" => u / (m * n * all) - (4.0 * m * n - 1.0) / (6.0 * all),
        _ => ((all - 1.0) / all * a2 - 1.0) / scholz_stephens(m, n),
    }
}

/// Every fortieth pair is a large one: definitions take the square of the sizes.
#[test]
fn ks_from_counts_equals_brute_force() {
    let mut random = Random(10_000);
    let ks = build("ks");
    for round in 0..10_000 {
        let shift = if round % 2 == 0 { 0.0 } else { random.uniform() };
        let most = if round % 40 == 0 { 600 } else { 24 };
        let kind = random.below(9);
        let (m, n) = (1 + random.below(most), 1 + random.below(most));
        let r = random.sample(kind, 0.0, m);
        let w = random.sample(kind, shift, n);
        let score = scored(ks.as_ref(), profile(&r), &w).unwrap();
        let want = by_definition("ks", &r, &w).unwrap();
        let what = format!("round {round}, kind {kind}, {m} and {n}");
        assert!((score.value - want).abs() < 1e-12, "{what}: {} is not {want}", score.value);
        assert_eq!(score.interval, None, "{what}: a whole reference is exact");
    }
}
