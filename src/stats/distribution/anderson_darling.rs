//! Anderson-Darling statistic of two samples.

use std::sync::Arc;

use super::ranked::{Measure, RankFormula, Ranked, Ranks, Step};
use crate::stats::noise::{Change, Noise};
use crate::stats::{Basis, Direction, StatisticKind, law};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "anderson_darling",
    summary: "squared distance between the distribution functions with the tails weighted up, normalised; about 0 without drift, greater is worse",
    definition: "(A2 - 1) / sd with A2 the midrank statistic of Scholz and Stephens for k = 2 samples and sd its standard deviation without drift; equal values of the window between two neighbouring values of the reference count as distinct; the p-value is interpolated from their table and lies in [0.001, 0.25]",
    sees: "differences all along the scale, those of tails and spread as much as a shift; not how far values went beyond the others, nor rows without a value",
    range: "from about -1.3",
    source: "Scholz & Stephens, Journal of the American Statistical Association 82, 1987; as scipy.stats.anderson_ksamp with midranks",
    basis: Basis::Distribution,
    tasks: &[],
    extras: &[],
    direction: Direction::Up,
    best: Some(0.0),
    mean_of: None,
    floor: true,
    options: &[],
    build: |_| Ok(Arc::new(Ranked(AndersonDarling))),
};

/// The least and the greatest statistic of table 2 of the source, for two samples, and what they mean.
const FIRST: (f64, f64) = (0.325, 0.25);
const LAST: (f64, f64) = (6.546, 0.001);
/// The statistic of 1 % in that table.
const CRITICAL: f64 = 3.752;
/// ln(p) over the table's statistics: the quadratic of least squares, highest power first.
const FIT: [f64; 3] = [0.018198094574111343, -1.0082265644652515, -1.077770279820486];

#[derive(Debug)]
struct AndersonDarling;

impl RankFormula for AndersonDarling {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn measure(&self, ranks: &Ranks<'_>) -> Option<Measure> {
        let all = ranks.total() as f64;
        let deviation = deviation(ranks).filter(|d| *d > 0.0)?;
        if ranks.is_one_cell() {
            return None;
        }
        let whole = ranks.is_whole();
        let mut sums = (0.0, 0.0, 0.0);
        ranks.differences(|step, before, after| {
            let value = term(&step, all, (before, after));
            let open = step.is_gap() && !whole && step.reference + step.window > 1;
            let (low, high) = if open { bounds(ranks, &step, before) } else { (value, value) };
            sums = (sums.0 + value, sums.1 + low, sums.2 + high);
        });
        let scale = (all - 1.0) / all * ranks.m as f64 * ranks.n as f64;
        let at = |sum: f64| (scale * sum - 1.0) / deviation;
        Some(Measure { value: at(sums.0), low: at(sums.1), high: at(sums.2) })
    }

    fn floor(&self, ranks: &Ranks<'_>) -> Option<f64> {
        if !is_tied(ranks) {
            return Some(CRITICAL);
        }
        let deviation = deviation(ranks).filter(|d| *d > 0.0)?;
        Some((tied_99(ranks)? - 1.0) / deviation)
    }

    fn noise(&self, ranks: &Ranks<'_>) -> Option<Noise> {
        // A2 is the sum over j of squares of normal variables with the variances 1 / (j (j + 1)).
        let error = deviation(ranks).filter(|d| *d > 0.0)?;
        let (origin, unit) = (-1.0 / error, 0.5 / error);
        Some(Noise { origin, unit, squared: true, change: Change::Line, most: f64::INFINITY })
    }

    fn p_value(&self, _ranks: &Ranks<'_>, value: f64) -> Option<f64> {
        let [square, linear, constant] = FIT;
        Some(match value {
            low if low < FIRST.0 => FIRST.1,
            high if high > LAST.0 => LAST.1,
            x => (constant + linear * x + square * x * x).exp(),
        })
    }
}

/// Weight of D^2 at a group of `size` equal values around `middle`, of `all` values.
fn weight(middle: f64, size: f64, all: f64) -> f64 {
    size / (middle * (all - middle) - all * size / 4.0)
}

/// Sum of weighted squares over the values of a cell: one group where they are equal, else distinct
/// values in a straight line, of `all` that are not all equal.
fn term(step: &Step, all: f64, (before, after): (f64, f64)) -> f64 {
    let start = (step.reference_below + step.window_below) as f64;
    let size = step.reference + step.window;
    let length = size as f64;
    if !step.is_gap() {
        let middle = (before + after) / 2.0;
        return weight(start + length / 2.0, length, all) * middle * middle;
    }
    line_sum(start, size, all, |place| before + (after - before) * place / length)
}

/// Sum over `size` distinct values after `start` others, with D at a place given by `difference`.
///
/// Near the ends of the order the weight changes fast and terms are added one by one; elsewhere a
/// block that is short against its distance to the ends is summed by the three points and weights
/// that share the moments of its places up to the fifth (Gauss's rule for equally spaced points).
#[inline(never)]
fn line_sum(start: f64, size: u64, all: f64, difference: impl Fn(f64) -> f64) -> f64 {
    const SHARE: f64 = 16.0;
    let at = |place: f64| {
        let d = difference(place);
        weight(start + place, 1.0, all) * d * d
    };
    let mut sum = 0.0;
    let mut done = 0;
    while done < size {
        let (left, room) = (start + done as f64, all - start - done as f64);
        let block = (left / SHARE).min(room / (SHARE + 1.0)).min((size - done) as f64).floor();
        if block < 4.0 {
            sum += at(done as f64 + 0.5);
            done += 1;
            continue;
        }
        let middle = done as f64 + block / 2.0;
        let second = (block * block - 1.0) / 12.0;
        let fourth = (3.0 * block.powi(4) - 10.0 * block * block + 7.0) / 240.0;
        let (reach, outer) = ((fourth / second).sqrt(), second * second / (2.0 * fourth));
        let sides = at(middle - reach) + at(middle + reach);
        sum += block * (outer * sides + (1.0 - 2.0 * outer) * at(middle));
        done += block as u64;
    }
    sum
}

/// Bounds over every order and every tie of the values of a gap.
#[inline(never)]
fn bounds(ranks: &Ranks<'_>, step: &Step, from: f64) -> (f64, f64) {
    let (m, n) = (ranks.m as f64, ranks.n as f64);
    let all = m + n;
    let size = (step.reference + step.window) as f64;
    let left = (step.reference_below + step.window_below) as f64;
    let right = all - left - size;
    let highest = from + step.reference as f64 / m;
    let lowest = from - step.window as f64 / n;
    let least = if lowest <= 0.0 && highest >= 0.0 { 0.0 } else { lowest.abs().min(highest.abs()) };
    let most = lowest.abs().max(highest.abs());
    // B (N - B) is largest where B is nearest to the middle.
    let nearest = (all / 2.0).clamp(left, left + size);
    let low = size * least * least / (nearest * (all - nearest));
    // The denominator x y + l (x + y) / 4, with x values before a group of l and y after it, is
    // least for single values at the sides of the gap.
    let high = if left > 0.0 && right > 0.0 {
        size * most * most / (left * right + (left + right) / 4.0)
    } else {
        // At an end of the order |D| is at most its distance B to that end, over the smaller sample.
        let fewest = match (step.reference, step.window) {
            (0, _) => n,
            (_, 0) => m,
            _ => m.min(n),
        };
        2.0 * (size / fewest).powi(2) / left.max(right).max(1.0)
    };
    (low, high)
}

/// Standard deviation of the statistic without drift; `None` below four values.
fn deviation(ranks: &Ranks<'_>) -> Option<f64> {
    let count = ranks.total();
    if count < 4 {
        return None;
    }
    let (m, n, all) = (ranks.m as f64, ranks.n as f64, count as f64);
    let sizes = 1.0 / m + 1.0 / n;
    let h = harmonic(count - 1);
    let g = harmonic_squares(count - 1) - 2.0 * h / all;
    let a = (4.0 * g - 6.0) + (10.0 - 6.0 * g) * sizes;
    let b = 4.0 * (2.0 * g - 4.0) + 16.0 * h + (2.0 * g - 14.0 * h - 4.0) * sizes - 8.0 * h
        + 4.0 * g
        - 6.0;
    let c = 4.0 * (6.0 * h + 2.0 * g - 2.0)
        + 2.0 * (4.0 * h - 4.0 * g + 6.0)
        + (2.0 * h - 6.0) * sizes
        + 4.0 * h;
    let d = 4.0 * (2.0 * h + 6.0) - 8.0 * h;
    let cubic = ((a * all + b) * all + c) * all + d;
    Some((cubic / ((all - 1.0) * (all - 2.0) * (all - 3.0))).max(0.0).sqrt())
}

/// 1 + 1/2 + ... + 1/n; from 100 on by the asymptotic series, whose next term is below 1e-18.
fn harmonic(n: u64) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    if n < 100 {
        return (1..=n).rev().map(|i| 1.0 / i as f64).sum();
    }
    let square = (n as f64).powi(-2);
    let rest = square * (1.0 / 12.0 - square * (1.0 / 120.0 - square / 252.0));
    (n as f64).ln() + EULER + 0.5 / n as f64 - rest
}

/// 1 + 1/4 + ... + 1/n^2; from 100 on pi^2/6 less the asymptotic series of the rest.
fn harmonic_squares(n: u64) -> f64 {
    if n < 100 {
        return (1..=n).rev().map(|i| 1.0 / (i * i) as f64).sum();
    }
    let x = n as f64 + 1.0;
    let rest = 1.0 / x + 1.0 / (2.0 * x * x) + 1.0 / (6.0 * x.powi(3)) - 1.0 / (30.0 * x.powi(5));
    std::f64::consts::PI.powi(2) / 6.0 - rest
}

/// A tie of more than this share of all values moves the statistic's law.
const HEAVY: f64 = 0.02;

fn is_tied(ranks: &Ranks<'_>) -> bool {
    ranks.largest_tie() as f64 > HEAVY * ranks.total() as f64
}

/// The 99 % point of A2 without drift: a sum of squares Z^2 of normal variables, each with the share
/// l of its group and variance 1, whose correlations are those of the Brownian bridge halfway up
/// its groups: between i < j it is a_i b_j with a^2 = u^2 / s, b^2 = (1 - u)^2 / s and s = u (1 - u)
/// - l / 4. `None` where all values are equal.
fn tied_99(ranks: &Ranks<'_>) -> Option<f64> {
    let all = ranks.total() as f64;
    let (mut second, mut third) = (0.0, 0.0);
    // Sums over the groups so far: l a^2, l^2 a^2, and over pairs of them.
    let (mut one, mut own, mut two) = (0.0, 0.0, 0.0);
    let mut groups = 0;
    for step in ranks.steps() {
        let l = (step.reference + step.window) as f64 / all;
        let u = (step.reference_below + step.window_below) as f64 / all + l / 2.0;
        // Distinct values of a gap are taken as one group.
        let s = u * (1.0 - u) - l / 4.0;
        if s <= 0.0 {
            return None;
        }
        let (a, b) = (u * u / s, (1.0 - u) * (1.0 - u) / s);
        second += l * l + 2.0 * l * b * one;
        third += l * l * l + 3.0 * (l * l * b * one + l * b * own) + 6.0 * l * b * two;
        two += l * u * (1.0 - u) / s * one;
        one += l * a;
        own += l * l * a;
        groups += 1;
    }
    (groups > 1).then(|| law::point_99(1.0, 2.0 * second, 8.0 * third))
}
