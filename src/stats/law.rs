//! Laws of counts and of sums without drift: what noise floors are made of.

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::beta::beta_reg;
use statrs::function::gamma::{gamma_lr, ln_gamma};

use super::{CategoryProfile, Counts};

/// The 99 % point of the normal law.
const NORMAL_99: f64 = 2.326_347_874_040_841;

/// Weights below this share of the greatest are left out.
const LEAST_WEIGHT: f64 = 1e-14;
/// Beyond this standard deviation a count is as good as continuous.
const WIDE: f64 = 60.0;
/// Beyond this one counts are told in bundles.
const FINE: f64 = 500.0;

/// The 99 % point of a law with this mean, variance and third central moment: Pearson's type III,
/// the gamma law moved and stretched. Exact for chi-square; within 1 % for quadratic forms such as
/// those of Cramer and von Mises (0.7444 for 0.7435).
pub(super) fn point_99(mean: f64, variance: f64, third: f64) -> f64 {
    let deviation = variance.max(0.0).sqrt();
    let skewness = if deviation > 0.0 { third / (variance * deviation) } else { 0.0 };
    mean + deviation * standard_99(skewness)
}

/// The 99 % point at mean 0 and variance 1.
fn standard_99(skewness: f64) -> f64 {
    const P: f64 = 0.99;
    if skewness < 0.01 {
        // Next to the normal law the series of Cornish and Fisher is exact enough.
        return NORMAL_99 + (NORMAL_99 * NORMAL_99 - 1.0) * skewness.max(-0.01) / 6.0;
    }
    let shape = 4.0 / (skewness * skewness);
    let ninth = 1.0 / (9.0 * shape);
    let hilferty = shape * (1.0 - ninth + NORMAL_99 * ninth.sqrt()).max(0.0).powi(3);
    // P(X < x) is about x^a / Gamma(a + 1) near zero.
    let small = ((P.ln() + ln_gamma(shape + 1.0)) / shape).exp();
    let mut x = if shape < 0.1 { small } else { hilferty };
    if x > 0.0 {
        for _ in 0..20 {
            let density = ((shape - 1.0) * x.ln() - x - ln_gamma(shape)).exp();
            let step = (gamma_lr(shape, x) - P) / density;
            let next = (x - step).clamp(x / 4.0, x * 4.0);
            let done = (next - x).abs() <= 1e-9 * x;
            x = next;
            if done {
                break;
            }
        }
    }
    (x - shape) / shape.sqrt()
}

/// Probabilities of the counts `first`, `first + 1`, ... bundles of `each`; they sum to 1.
#[derive(Debug, Clone)]
pub(super) struct Discrete {
    first: u64,
    weights: Vec<f64>,
    each: u64,
}

impl Discrete {
    /// Marked ones among `drawn` of `total`, of which `marked` are.
    pub(super) fn hypergeometric(total: u64, marked: u64, drawn: u64) -> Discrete {
        let least = (marked + drawn).saturating_sub(total);
        let most = marked.min(drawn);
        let mode = ((marked + 1) as f64 * (drawn + 1) as f64 / (total + 2) as f64) as u64;
        let rest = (total - marked) as f64 - drawn as f64;
        Discrete::around(mode.clamp(least, most), least, most, |c| {
            let c = c as f64;
            (marked as f64 - c) * (drawn as f64 - c) / ((c + 1.0) * (rest + c + 1.0))
        })
    }

    /// Successes among `n` whose probability has the law Beta(a, b). Where they spread over many
    /// counts, those of fewer trials stand for them: the variance is then too large by a share of
    /// sqrt(a) / 500 at most.
    pub(super) fn beta_binomial(n: u64, a: f64, b: f64) -> Discrete {
        let bundle = (beta_binomial_variance(n, a, b).sqrt() / FINE).ceil();
        if bundle > 1.0 {
            let each = bundle as u64;
            return Discrete { each, ..Discrete::by_single((n / each).max(1), a, b) };
        }
        Discrete::by_single(n, a, b)
    }

    /// As [`Discrete::beta_binomial`], every count by itself.
    fn by_single(n: u64, a: f64, b: f64) -> Discrete {
        let ratio = |c: u64| {
            let c = c as f64;
            let rest = n as f64 - c;
            rest * (c + a) / ((c + 1.0) * (rest - 1.0 + b))
        };
        // The mode may lie at an end; the mean is near enough to begin at.
        let mean = n as f64 * a / (a + b);
        Discrete::around((mean as u64).min(n), 0, n, ratio)
    }

    /// `up(c)` is the weight of c + 1 relative to that of c.
    fn around(start: u64, least: u64, most: u64, up: impl Fn(u64) -> f64) -> Discrete {
        let mut below = Vec::new();
        let (mut c, mut weight, mut greatest) = (start, 1.0f64, 1.0f64);
        while c > least && weight > LEAST_WEIGHT * greatest {
            weight /= up(c - 1);
            greatest = greatest.max(weight);
            below.push(weight);
            c -= 1;
        }
        let first = c;
        let mut weights: Vec<f64> = below.into_iter().rev().collect();
        weights.push(1.0);
        (c, weight) = (start, 1.0);
        while c < most && weight > LEAST_WEIGHT * greatest {
            weight *= up(c);
            greatest = greatest.max(weight);
            weights.push(weight);
            c += 1;
        }
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        Discrete { first, weights, each: 1 }
    }

    /// Leaves the counts from `end` on out.
    pub(super) fn below(mut self, end: u64) -> Discrete {
        self.weights.truncate(end.saturating_sub(self.first).max(1) as usize);
        let total: f64 = self.weights.iter().sum();
        self.weights.iter_mut().for_each(|weight| *weight /= total);
        self
    }

    /// Each count with its probability.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let counts = (self.first..).map(|bundles| (bundles * self.each) as f64);
        counts.zip(self.weights.iter().copied())
    }

    /// The least count that is exceeded with a probability of at most `level`.
    fn upper(&self, level: f64) -> u64 {
        let mut tail = 0.0;
        let last = self.first + self.weights.len() as u64 - 1;
        for (weight, count) in self.weights.iter().rev().zip((0..=last).rev()) {
            tail += weight;
            if tail > level {
                return count * self.each;
            }
        }
        self.first * self.each
    }
}

/// The count among `n` that is exceeded with a probability of at most `level`, whatever the
/// common rate is, where `hits` of `m` were counted before: the exact prediction limit (Thatcher, JRSS B
/// 26, 1964), in which the reference's own error is included. `m` and `n` are above 0.
pub(super) fn prediction_limit(hits: u64, m: u64, n: u64, level: f64) -> f64 {
    if hits >= m {
        return n as f64;
    }
    beta_limit((hits as f64 + 1.0, (m - hits) as f64), n, level)
}

/// The count among `n` that is exceeded with a probability of at most `level` where their rate has
/// the law Beta(a, b).
pub(super) fn beta_limit((a, b): (f64, f64), n: u64, level: f64) -> f64 {
    let (all, rows) = (a + b, n as f64);
    let mean = rows * a / all;
    let variance = beta_binomial_variance(n, a, b);
    if variance.sqrt() < WIDE {
        return Discrete::beta_binomial(n, a, b).upper(level) as f64;
    }
    let skewness = (all + 2.0 * rows) * (b - a) / (all + 2.0)
        * ((1.0 + all) / (rows * a * b * (rows + all))).sqrt();
    let z = Normal::standard().inverse_cdf(1.0 - level);
    (mean + variance.sqrt() * (z + (z * z - 1.0) * skewness / 6.0)).min(rows)
}

fn beta_binomial_variance(n: u64, a: f64, b: f64) -> f64 {
    let (all, n) = (a + b, n as f64);
    n * a * b * (all + n) / (all * all * (all + 1.0))
}

/// The rate at which more than `limit` of `n` are hits with probability 90 % (Clopper & Pearson,
/// Biometrika 26, 1934); `None` where `limit` is all of them.
pub(super) fn visible_rate(limit: f64, n: u64) -> Option<f64> {
    let (limit, n) = (limit.floor(), n as f64);
    if limit >= n {
        return None;
    }
    let (mut low, mut high) = (limit / n, 1.0);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if beta_reg(limit + 1.0, n - limit, middle) < 0.9 { low = middle } else { high = middle }
    }
    Some(high)
}

/// What a reference says of the names that it does not hold: as many rows have them as it has names
/// held once (Good, Biometrika 40, 1953), give or take the names held twice (Esty, Annals of
/// Statistics 11, 1983).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Unseen {
    values: u64,
    once: u64,
    twice: u64,
}

impl Unseen {
    /// Of this part of a reference; a name that other parts hold too is never unseen.
    pub(super) fn of(profile: &CategoryProfile, part: &Counts) -> Unseen {
        let mut unseen = Unseen { values: part.counted, once: 0, twice: 0 };
        for ((_, rows), here) in profile.categories.iter().zip(&part.cells) {
            match (rows == here, here) {
                (true, 1) => unseen.once += 1,
                (true, 2) => unseen.twice += 1,
                _ => {}
            }
        }
        unseen
    }

    /// The law of their share as Beta(a, b), with `more` added to the names held once.
    pub(super) fn beta(self, more: f64) -> (f64, f64) {
        let once = self.once as f64 + more;
        let certainty = once / (once + 2.0 * self.twice as f64);
        let rest = (self.values as f64 + 1.0 - once).max(more);
        (once * certainty, rest * certainty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: f64, want: f64, tolerance: f64) {
        assert!((got / want - 1.0).abs() < tolerance, "{got} is not {want}");
    }

    #[test]
    fn points_equal_scipys() {
        // scipy.stats.chi2.ppf(0.99, k), scipy.stats.pearson3.ppf(0.99, skew)
        for (freedom, want) in [
            (1.0, 6.634_896_601_021_214),
            (2.0, 9.210_340_371_976_18),
            (9.0, 21.665_994_333_461_924),
            (100.0, 135.806_723_171_026_76),
        ] {
            near(point_99(freedom, 2.0 * freedom, 8.0 * freedom), want, 1e-8);
        }
        for (skewness, want) in [
            (0.005, 2.330_023_809),
            (0.5, 2.685_721_479_5),
            (2.5, 3.845_397_802_9),
            (6.0, 4.686_797_945_7),
            (12.0, 4.221_393_482_8),
        ] {
            near(standard_99(skewness), want, 1e-6);
        }
        // The limit of the Cramer-von Mises criterion: 0.7434593 at 99 %.
        near(point_99(1.0 / 6.0, 1.0 / 45.0, 8.0 / 945.0), 0.743_459_3, 0.002);
    }

    #[test]
    fn counts_have_the_probabilities_of_scipy() {
        let at = |law: &Discrete, count: u64| law.weights[(count - law.first) as usize];
        let parted = Discrete::hypergeometric(50, 12, 20);
        assert_eq!((parted.first, parted.weights.len()), (0, 13));
        let predicted = Discrete::beta_binomial(500, 3.0, 998.0);
        // scipy.stats.hypergeom(50, 12, 20).pmf, scipy.stats.betabinom(500, 3, 998).pmf
        for (got, want) in [
            (at(&parted, 0), 0.000_712_466_833_440_512_4),
            (at(&parted, 5), 0.259_992_865_827_931_6),
            (at(&parted, 12), 1.037_647_133_732_166_2e-6),
            (at(&predicted, 0), 0.295_999_736_361_931_5),
            (at(&predicted, 9), 0.000_802_423_644_165_275_1),
        ] {
            near(got, want, 1e-9);
        }
        let twice = Discrete::hypergeometric(10, 2, 5).below(2);
        near(twice.weights.iter().sum(), 1.0, 1e-12);
        assert_eq!(twice.weights.len(), 2);
    }

    /// A bin with 30 of 1,000 rows, in windows of up to ten billion events.
    #[test]
    fn bundles_have_the_law_of_single_counts() {
        let moments = |law: &Discrete| {
            let mean: f64 = law.outcomes().map(|(count, weight)| count * weight).sum();
            let squares = law.outcomes().map(|(count, weight)| (count - mean).powi(2) * weight);
            (mean, squares.sum::<f64>().sqrt())
        };
        for n in [1_000_000, 10_000_000_000] {
            let law = Discrete::beta_binomial(n, 30.0, 971.0);
            assert!(
                law.each > 1 && law.weights.len() < 10_000,
                "{} {}",
                law.each,
                law.weights.len()
            );
            let (mean, deviation) = moments(&law);
            near(mean, n as f64 * 30.0 / 1001.0, 1e-3);
            near(deviation, beta_binomial_variance(n, 30.0, 971.0).sqrt(), 0.01);
            // scipy.stats.beta.ppf(0.99, 30, 971)
            near(law.upper(0.01) as f64 / n as f64, 0.043_853_450_427, 0.005);
        }
    }

    #[test]
    fn visible_rates_are_quantiles_of_the_beta_law() {
        // scipy.stats.beta.ppf(0.9, limit + 1, n - limit)
        for (limit, n, want) in [
            (0.0, 500, 0.004_594_582_648_473_038),
            (8.0, 20, 0.567_329_177_016_262_3),
            (120.0, 10_000, 0.013_519_011_339_000_45),
        ] {
            near(visible_rate(limit, n).unwrap(), want, 1e-9);
        }
        assert_eq!(visible_rate(20.0, 20), None);
    }

    #[test]
    fn limits_are_those_of_scipys_beta_binomial() {
        // The least c with scipy.stats.betabinom(n, hits + 1, m - hits).sf(c) <= 0.01.
        for (hits, m, n, want) in
            [(0, 1000, 500, 4.0), (2, 1000, 500, 6.0), (50, 100, 40, 29.0), (7, 50_000, 2000, 2.0)]
        {
            assert_eq!(prediction_limit(hits, m, n, 0.01), want, "{hits} of {m}");
        }
        let wide = prediction_limit(30_000, 100_000, 100_000, 0.01);
        assert!((wide - 30_478.0).abs() < 2.0, "{wide}");
        assert_eq!(prediction_limit(20, 20, 7, 0.01), 7.0);
    }
}
