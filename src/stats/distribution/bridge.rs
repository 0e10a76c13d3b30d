//! How far two distribution functions from one source stray from each other: the law of the
//! Brownian bridge, seen only where values end that both sides share.

use statrs::distribution::{ContinuousCDF, Normal};

use super::ranked::Ranks;

/// The 99 % point of the largest distance on a continuous scale, times sqrt(m n / (m + n)).
const CONTINUOUS: f64 = 1.627_623_6;
/// A tie of more than this share of all values interrupts the continuum.
const HEAVY: f64 = 1.0 / 24.0;
const HALVINGS: usize = 30;

/// Stretches of the way from 0 to 1 on which the bridge is seen everywhere; a stretch may be a
/// point.
#[derive(Debug, Default)]
pub(super) struct Stretches(Vec<(f64, f64)>);

impl Stretches {
    pub(super) fn of(ranks: &Ranks<'_>) -> Stretches {
        let all = ranks.total() as f64;
        if ranks.largest_tie() as f64 <= HEAVY * all {
            return Stretches(vec![(0.0, 1.0)]);
        }
        let mut stretches = vec![(0.0, 0.0)];
        for step in ranks.steps() {
            let end = (step.reference_below + step.window_below + step.reference + step.window)
                as f64
                / all;
            let heavy = step.is_tie() && (step.reference + step.window) as f64 > HEAVY * all;
            match stretches.last_mut() {
                Some(last) if !heavy => last.1 = end,
                _ if end < 1.0 => stretches.push((end, end)),
                _ => {}
            }
        }
        stretches.retain(|(from, to)| *to > 0.0 && *from < 1.0);
        Stretches(stretches)
    }

    /// The stretches' ends, where they are few and all of them points.
    fn points(&self) -> Option<&[(f64, f64)]> {
        (self.0.len() <= 12 && self.0.iter().all(|(from, to)| from == to)).then_some(&self.0)
    }

    /// The 99 % point of the largest |B|; at most that of a continuous scale. `None` where all
    /// values are equal.
    pub(super) fn largest_99(&self) -> Option<f64> {
        if self.0.is_empty() {
            return None;
        }
        let normal = Normal::standard();
        let beyond = |x: f64| {
            let parts = self.0.iter().map(|&(from, to)| {
                if from == to { reaches(&normal, x, from) } else { crosses(&normal, x, from, to) }
            });
            2.0 * parts.sum::<f64>()
        };
        Some(if self.0 == [(0.0, 1.0)] { CONTINUOUS } else { solve(beyond, CONTINUOUS) })
    }

    /// The same of the range, max B - min B; `continuous` is its point on a continuous scale.
    pub(super) fn range_99(&self, continuous: f64) -> Option<f64> {
        let Some(points) = self.points() else {
            return self.largest_99().map(|largest| (2.0 * largest).min(continuous));
        };
        if points.is_empty() {
            return None;
        }
        let normal = Normal::standard();
        let ends: Vec<f64> =
            std::iter::once(0.0).chain(points.iter().map(|(end, _)| *end)).collect();
        let beyond = |x: f64| {
            let mut sum = 0.0;
            for (i, from) in ends.iter().enumerate() {
                for to in &ends[i + 1..] {
                    sum += 2.0 * reaches(&normal, x, to - from);
                }
            }
            sum
        };
        Some(solve(beyond, continuous))
    }
}

/// Where a falling function passes 1 %, at most `most`.
fn solve(beyond: impl Fn(f64) -> f64, most: f64) -> f64 {
    let (mut low, mut high) = (0.0, most);
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        if beyond(middle) > 0.01 { low = middle } else { high = middle }
    }
    high
}

/// P(B(u) > x).
fn reaches(normal: &Normal, x: f64, u: f64) -> f64 {
    normal.sf(x / (u * (1.0 - u)).sqrt())
}

/// At least P(B > x somewhere from `from` to `to`): the rest of the way on one side is added.
fn crosses(normal: &Normal, x: f64, from: f64, to: f64) -> f64 {
    let tail = |u: f64| {
        if u <= 0.0 {
            return (-2.0 * x * x).exp();
        }
        let deviation = (u * (1.0 - u)).sqrt();
        // The reflected path ends at 2 x.
        normal.sf(x / deviation)
            + (-2.0 * x * x).exp() * normal.cdf(x * (1.0 - 2.0 * u) / deviation)
    };
    tail(from).min(tail(1.0 - to))
}
