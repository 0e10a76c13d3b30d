//! Kolmogorov-Smirnov distance.

use std::sync::Arc;

use super::kolmogorov::two_sample_p;
use super::{Basis, Direction, Pair, Profile, Sample, Score, Statistic, StatisticKind, Undefined};

/// Its entry in the registry.
pub const KIND: StatisticKind = StatisticKind {
    name: "ks",
    summary: "largest distance between the distribution functions; 0 to 1, greater is worse; exact on a reference of at most 1,000 distinct values, else with a rigorous interval",
    options: &[],
    build: |_| Ok(Arc::new(Ks)),
};

/// D = sup |F_reference - F_window| over values; ties exact. On a compressed grid it is the maximum
/// over grid points, a lower bound; the interval holds the true distance.
#[derive(Debug)]
struct Ks;

/// The distance as a fraction of m n, and the upper end of its interval.
struct Distance {
    low: u128,
    high: u128,
    scale: u128,
}

/// On [v_j, v_j+1) the reference's function is constant between grid points only if no reference
/// value lies in the gap; what lies there bounds what may be missed.
fn distance(pair: &Pair<'_>) -> Option<Distance> {
    if !matches!(pair.profile, Profile::Numeric(_)) {
        return None;
    }
    let (m, n) = (u128::from(pair.reference.counted), u128::from(pair.window.counted));
    if m == 0 || n == 0 {
        return None;
    }
    let (mut low, mut high) = (0u128, 0u128);
    let (mut r, mut a) = (0u128, 0u128);
    let cells = pair.reference.cells.iter().zip(&pair.window.cells);
    for (code, (&reference, &window)) in cells.enumerate() {
        let (reference, window) = (u128::from(reference), u128::from(window));
        let gap = code % 2 == 0;
        if gap {
            // Anywhere in the gap: one side may have all of its values before the other's first.
            high = high
                .max((r * n).abs_diff((a + window) * m))
                .max(((r + reference) * n).abs_diff(a * m));
        }
        r += reference;
        a += window;
        let here = (r * n).abs_diff(a * m);
        low = low.max(here);
        high = high.max(here);
    }
    Some(Distance { low, high, scale: m * n })
}

impl Statistic for Ks {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn basis(&self) -> Basis {
        Basis::Distribution
    }

    fn direction(&self) -> Direction {
        Direction::Up
    }

    fn best(&self) -> Option<f64> {
        Some(0.0)
    }

    fn support(&self, sample: &Sample<'_>) -> u64 {
        sample.window.map_or(0, |w| w.counted)
    }

    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        let pair = sample.pair.as_ref().ok_or(Undefined::NoReference)?;
        let d = distance(pair).ok_or(Undefined::Undefined)?;
        let share = |x: u128| x as f64 / d.scale as f64;
        let exact = pair.reference.cells.iter().step_by(2).all(|n| *n == 0);
        let interval = (!exact).then(|| (share(d.low), share(d.high)));
        Ok(Score { value: share(d.low), support: self.support(sample), interval })
    }

    /// The 99 % point of the asymptotic law: 1.6276 sqrt((m + n) / (m n)).
    fn noise_floor(&self, sample: &Sample<'_>) -> Option<f64> {
        let pair = sample.pair.as_ref()?;
        let (m, n) = (pair.reference.counted as f64, pair.window.counted as f64);
        (m > 0.0 && n > 0.0).then(|| (1.627_624 * ((m + n) / (m * n)).sqrt()).min(1.0))
    }

    fn p_value(&self, sample: &Sample<'_>) -> Option<f64> {
        let pair = sample.pair.as_ref()?;
        let score = self.score(sample).ok()?;
        two_sample_p(score.value, pair.reference.counted, pair.window.counted)
    }
}
