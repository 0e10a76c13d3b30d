//! Cramer-von Mises criterion of two samples.

use std::collections::BTreeMap;
use std::sync::Arc;

use statrs::function::gamma::ln_gamma;

use super::ranked::{Measure, RankFormula, Ranked, Ranks, Step};
use crate::stats::noise::{Change, Noise};
use crate::stats::{Basis, Direction, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "cramer_von_mises",
    summary: "squared distance between the distribution functions, summed over all values; from 0, about 1/6 without drift, greater is worse",
    definition: "T = U / (m n N) - (4 m n - 1) / (6 N) with N = m + n and U the weighted squares of ranks less places, ties by midranks; equal values of the window between two neighbouring values of the reference count as distinct; no p-value and no noise floor where ties move T by more than 1 % of its mean",
    sees: "differences all along the scale, a shift above all; not how far values went, changes of the tails only weakly, and rows without a value not at all",
    range: "from 0",
    source: "Anderson, Annals of Mathematical Statistics 33, 1962; as scipy.stats.cramervonmises_2samp(method=\"auto\"); exact law: Xiao, Gordon & Yakovlev, Journal of Statistical Software 17, 2006",
    basis: Basis::Distribution,
    tasks: &[],
    extras: &[],
    direction: Direction::Up,
    best: Some(0.0),
    mean_of: None,
    floor: true,
    options: &[],
    build: |_| Ok(Arc::new(Ranked(CramerVonMises))),
};

/// Samples up to this size get the exact law, as scipy's `auto`.
const MOST_EXACT: u64 = 20;
/// The 99 % point of the asymptotic law.
const CRITICAL: f64 = 0.743_459_3;
/// Ties may move T by this share of its mean before its law is of no use.
const MOST_TIED: f64 = 0.01 / 6.0;

#[derive(Debug)]
struct CramerVonMises;

/// With D = F_reference - F_window along the path of both counts and s = m n (F_reference +
/// F_window) / 2, the criterion of distinct values is T = 1 / (6 N) + (integral of D^2 ds) / N:
/// the same number as by ranks, without the difference of two large ones.
struct Parts<'a> {
    ranks: &'a Ranks<'a>,
    /// A third of the path length per value, of the reference and of the window.
    thirds: (f64, f64),
    /// 1 / (12 m) and 1 / (12 n).
    twelfths: (f64, f64),
}

impl Parts<'_> {
    fn of<'a>(ranks: &'a Ranks<'a>) -> Parts<'a> {
        let thirds = (ranks.n as f64 / 6.0, ranks.m as f64 / 6.0);
        let twelfths = (ranks.shares.0 / 12.0, ranks.shares.1 / 12.0);
        Parts { ranks, thirds, twelfths }
    }

    /// Integral along a straight piece of the path.
    fn straight(&self, from: f64, to: f64, reference: f64, window: f64) -> f64 {
        let third = reference * self.thirds.0 + window * self.thirds.1;
        third * (from * from + from * to + to * to)
    }

    /// What midranks add for a tie, in the same units.
    fn tie(&self, step: &Step) -> f64 {
        let (of_m, of_n) = self.twelfths;
        let (r, w) = (step.reference as f64, step.window as f64);
        r * (r * r - 1.0 - w * w) * of_n + w * (w * w - 1.0 - r * r) * of_m
    }

    /// The values of a cell in a straight line, and a tie where they are one.
    fn value(&self, step: &Step, (from, to): (f64, f64)) -> f64 {
        let straight = self.straight(from, to, step.reference as f64, step.window as f64);
        if step.is_gap() { straight } else { straight + self.tie(step) }
    }

    /// Bounds over every order and every tie of the values of a gap.
    #[inline(never)]
    fn bounds(&self, step: &Step, (from, to): (f64, f64)) -> (f64, f64) {
        let (m, n) = (self.ranks.m as f64, self.ranks.n as f64);
        let (r, w) = (step.reference as f64, step.window as f64);
        let reference_first = from + r / m;
        let window_first = from - w / n;
        let by_way_of = |middle: f64, first: (f64, f64), second: (f64, f64)| {
            self.straight(from, middle, first.0, first.1)
                + self.straight(middle, to, second.0, second.1)
        };
        let up = by_way_of(reference_first, (r, 0.0), (0.0, w));
        let down = by_way_of(window_first, (0.0, w), (r, 0.0));
        let tied = (r * (r * r - 1.0).max(0.0) / n + w * (w * w - 1.0).max(0.0) / m) / 12.0;
        // The path nearest to D = 0: straight to it, along it, and away from it as late as can be.
        let nearest = if from >= 0.0 && window_first >= 0.0 {
            down
        } else if from <= 0.0 && reference_first <= 0.0 {
            up
        } else {
            m * n * (from.abs().powi(3) + to.abs().powi(3)) / 6.0
        };
        let below = (r * w * w / n + w * r * r / m) / 12.0;
        (nearest - below, up.max(down) + tied)
    }
}

impl RankFormula for CramerVonMises {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn measure(&self, ranks: &Ranks<'_>) -> Option<Measure> {
        let (parts, whole) = (Parts::of(ranks), ranks.is_whole());
        let mut sums = (0.0, 0.0, 0.0);
        ranks.differences(|step, before, after| {
            let value = parts.value(&step, (before, after));
            let open = step.is_gap() && !whole;
            let (low, high) =
                if open { parts.bounds(&step, (before, after)) } else { (value, value) };
            sums = (sums.0 + value, sums.1 + low, sums.2 + high);
        });
        let all = ranks.total() as f64;
        let at = |sum: f64| (1.0 / 6.0 + sum) / all;
        Some(Measure { value: at(sums.0), low: at(sums.1), high: at(sums.2) })
    }

    fn floor(&self, ranks: &Ranks<'_>) -> Option<f64> {
        let (mean, scale) = moments(ranks);
        (!is_tied(ranks)).then(|| mean + (CRITICAL - 1.0 / 6.0) * scale)
    }

    fn noise(&self, ranks: &Ranks<'_>) -> Option<Noise> {
        // The sum over j of squares of normal variables with the variances 1 / (j pi)^2.
        let unit = std::f64::consts::PI.powi(-2);
        let change = Change::Line;
        let noise = Noise { origin: 0.0, unit, squared: true, change, most: f64::INFINITY };
        (!is_tied(ranks)).then_some(noise)
    }

    fn p_value(&self, ranks: &Ranks<'_>, value: f64) -> Option<f64> {
        if is_tied(ranks) {
            return None;
        }
        if ranks.m.max(ranks.n) <= MOST_EXACT {
            return Some(exact_sf(value, ranks.m, ranks.n));
        }
        let (mean, scale) = moments(ranks);
        let x = 1.0 / 6.0 + (value - mean) / scale;
        Some((1.0 - asymptotic_cdf(x)).clamp(0.0, 1.0))
    }
}

fn is_tied(ranks: &Ranks<'_>) -> bool {
    let parts = Parts::of(ranks);
    let ties: f64 = ranks.steps().filter(Step::is_tie).map(|step| parts.tie(&step)).sum();
    ties.abs() / ranks.total() as f64 > MOST_TIED
}

/// Mean of T without drift, and its standard deviation relative to the limit's.
fn moments(ranks: &Ranks<'_>) -> (f64, f64) {
    let (m, n, all) = (ranks.m as f64, ranks.n as f64, ranks.total() as f64);
    let k = m * n;
    let mean = (1.0 + 1.0 / all) / 6.0;
    let relative =
        (all + 1.0) * (4.0 * k * all - 3.0 * (m * m + n * n) - 2.0 * k) / (4.0 * k * all * all);
    (mean, relative.max(0.0).sqrt())
}

/// P(T >= t) for distinct values: paths counted by their sum of squared deviations.
fn exact_sf(t: f64, m: u64, n: u64) -> f64 {
    let lcm = m / gcd(m, n) * n;
    let (a, b) = (lcm / m, lcm / n);
    let wanted = t * (lcm * (m + n)).pow(2) as f64 / (m * n) as f64;
    // Ties leave fractions; rounding must not push a whole number below itself.
    let wanted = (wanted + 1e-7).floor().max(0.0) as u64;
    let mut columns: Vec<BTreeMap<u64, f64>> = vec![BTreeMap::new(); m as usize + 1];
    columns[0].insert(0, 1.0);
    for u in 0..=n {
        let mut along: BTreeMap<u64, f64> = BTreeMap::new();
        for (v, column) in (0u64..).zip(&mut columns) {
            for (&sum, &paths) in column.iter() {
                *along.entry(sum).or_default() += paths;
            }
            let square = (a * v).abs_diff(b * u).pow(2);
            along = along.into_iter().map(|(sum, paths)| (sum + square, paths)).collect();
            column.clone_from(&along);
        }
    }
    let paths = &columns[m as usize];
    let far: f64 = paths.range(wanted..).map(|(_, paths)| paths).sum();
    far / paths.values().sum::<f64>()
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The limiting law: Csoergo & Faraway, JRSS B 58, 1996, equation 1.2.
fn asymptotic_cdf(x: f64) -> f64 {
    use std::f64::consts::PI;
    if x < 0.003 {
        return 0.0;
    }
    let term = |k: f64| {
        let y = 4.0 * k + 1.0;
        let weight = (ln_gamma(k + 0.5) - ln_gamma(k + 1.0)).exp() / (PI.powf(1.5) * x.sqrt());
        weight * y.sqrt() * scaled_bessel_k(y * y / (16.0 * x))
    };
    let mut sum = 0.0;
    for k in 0..100 {
        let next = term(f64::from(k));
        sum += next;
        if next < 1e-17 {
            break;
        }
    }
    sum.min(1.0)
}

/// exp(-q) K_1/4(q) = integral of exp(-q (1 + cosh t)) cosh(t / 4) over t from 0; the trapezoid
/// rule converges faster than any power of its step.
fn scaled_bessel_k(q: f64) -> f64 {
    const STEP: f64 = 1.0 / 16.0;
    let at = |t: f64| (-q * (1.0 + t.cosh())).exp() * (t / 4.0).cosh();
    let mut sum = at(0.0) / 2.0;
    let mut t = STEP;
    while q * t.cosh() < 750.0 {
        sum += at(t);
        t += STEP;
    }
    sum * STEP
}
