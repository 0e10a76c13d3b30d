//! Kolmogorov-Smirnov distance.

use std::sync::Arc;

use super::bridge::Stretches;
use super::kolmogorov::two_sample_p;
use super::ranked::{Measure, RankFormula, Ranked, Ranks, Wide};
use crate::stats::noise::{Change, Noise};
use crate::stats::{Basis, Direction, StatisticKind, Tail};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "ks",
    summary: "largest distance between the distribution functions; 0 to 1, greater is worse; exact on a reference of at most 1,000 distinct values, else with a rigorous interval",
    definition: "D = sup |F_reference - F_window|, ties exact; on a compressed reference the maximum over grid points, a lower bound whose interval holds the true distance. Where samples are too large for the exact law and the effective size n = m n / (m + n) is above 140, p-values above 0.9 may differ from scipy's by up to 0.063 / n^2",
    sees: "how many values crossed the place where most did; not how far they went, changes of the tails only weakly, and rows without a value not at all",
    range: "0 to 1",
    source: "Kolmogorov 1933, Smirnov 1939; p-value as scipy.stats.ks_2samp(method=\"auto\"): exact lattice paths (Hodges 1958), else the one-sample law at the effective size",
    basis: Basis::Distribution,
    tasks: &[],
    extras: &[],
    direction: Direction::Up,
    best: Some(0.0),
    mean_of: None,
    floor: true,
    options: &[],
    build: |_| Ok(Arc::new(Ranked(Ks))),
};

/// The noise stays within this with probability 90 %, times sqrt(m n / (m + n)): sqrt(ln(2 / 0.1) / 2)
/// (Massart, Annals of Probability 18, 1990).
const WITHIN: f64 = 1.223_873_413_4;

#[derive(Debug)]
struct Ks;

/// Largest lead of each side over the other, as multiples of 1 / (m n), and how large it may be.
#[derive(Debug, Default)]
pub(super) struct Leads {
    pub reference: (u128, u128),
    pub window: (u128, u128),
}

/// On a gap without reference values the distance is largest at its ends. Where both sides have
/// values in it, one side may have all of them before the other's first.
pub(super) fn leads(ranks: &Ranks<'_>) -> Leads {
    let extremes = if ranks.fits { extremes::<i64>(ranks) } else { extremes::<i128>(ranks) };
    let Extremes { seen: (least, most), open: (lowest, highest) } = extremes;
    Leads {
        reference: (most.unsigned_abs(), highest.unsigned_abs()),
        window: (least.unsigned_abs(), lowest.unsigned_abs()),
    }
}

/// Least and greatest value of m n (F_reference - F_window): after whole cells, and where the order
/// within gaps is open.
struct Extremes {
    seen: (i128, i128),
    open: (i128, i128),
}

/// Both at once, from the lowest cell to the highest.
fn extremes<T: Wide>(ranks: &Ranks<'_>) -> Extremes {
    let (m, n, zero) = (T::of(ranks.m), T::of(ranks.n), T::of(0));
    let (mut least, mut most) = (zero, zero);
    let (mut lowest, mut highest) = (zero, zero);
    ranks.walk(|step, before: T, after| {
        if step.is_gap() && step.reference > 0 && step.window > 0 {
            lowest = lowest.min(before - T::of(step.window) * m);
            highest = highest.max(before + T::of(step.reference) * n);
        }
        least = least.min(after);
        most = most.max(after);
    });
    Extremes {
        seen: (least.into(), most.into()),
        open: (lowest.min(least).into(), highest.max(most).into()),
    }
}

impl RankFormula for Ks {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn measure(&self, ranks: &Ranks<'_>) -> Option<Measure> {
        let Leads { reference, window } = leads(ranks);
        let scale = ranks.m as f64 * ranks.n as f64;
        let low = reference.0.max(window.0) as f64 / scale;
        let high = reference.1.max(window.1) as f64 / scale;
        Some(Measure { value: low, low, high })
    }

    fn floor(&self, ranks: &Ranks<'_>) -> Option<f64> {
        let (m, n) = (ranks.m as f64, ranks.n as f64);
        let largest = Stretches::of(ranks).largest_99()?;
        Some((largest * ((m + n) / (m * n)).sqrt()).min(1.0))
    }

    fn noise(&self, ranks: &Ranks<'_>) -> Option<Noise> {
        let (m, n) = (ranks.m as f64, ranks.n as f64);
        // The bridge is widest halfway.
        let unit = 0.5 * ((m + n) / (m * n)).sqrt();
        let change = Change::Band(WITHIN / 0.5);
        Some(Noise { origin: 0.0, unit, squared: false, change, most: 1.0 })
    }

    fn p_value(&self, ranks: &Ranks<'_>, value: f64) -> Option<f64> {
        two_sample_p(value, ranks.m, ranks.n)
    }

    fn tail(&self, ranks: &Ranks<'_>, value: f64) -> Option<Tail> {
        Some(Tail::Smirnov { distance: value, m: ranks.m, n: ranks.n })
    }
}
