//! What a change of a distribution is made of: terms of bins, the place where the distribution
//! functions are farthest apart, and what each part of the whole adds.

use super::binning::{Binning, Bins};
use crate::stats::{Counts, Pair, Profile, Sides, Split, Tally};

/// One bin of both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct Bin {
    /// `<= 3.5`, `> 9`, a category, `new`, `absent`.
    pub label: String,
    /// Share of the reference's rows.
    pub reference: f64,
    /// Share of the window's rows.
    pub window: f64,
    /// What it adds to the PSI; never below 0.
    pub term: f64,
}

/// The bins of a binned statistic, and what each adds to the PSI; 0 where a side is empty.
#[must_use]
pub fn bins(pair: &Pair<'_>, binning: &Binning) -> Vec<Bin> {
    let bins = Bins::of(pair, &binning.edges);
    let (m, n) = (total(&bins.reference), total(&bins.window));
    let share = |n: u64, total: f64| if total == 0.0 { 0.0 } else { n as f64 / total };
    let terms = log_ratios(&bins, binning.smoothing);
    let counts = bins.reference.iter().zip(&bins.window);
    let counted = bins.labels(pair.profile).zip(counts).zip(terms);
    counted
        .map(|((label, (&r, &w)), (p, q, log))| Bin {
            label,
            reference: share(r, m),
            window: share(w, n),
            term: if m > 0.0 && n > 0.0 { (q - p) * log } else { 0.0 },
        })
        .collect()
}

fn total(counts: &[u64]) -> f64 {
    counts.iter().sum::<u64>() as f64
}

/// Smoothed shares p and q of each bin, and ln(q / p).
fn log_ratios(bins: &Bins, smoothing: f64) -> Vec<(f64, f64, f64)> {
    let more = smoothing * bins.reference.len() as f64;
    let (m, n) = (total(&bins.reference) + more, total(&bins.window) + more);
    let shares = bins.reference.iter().zip(&bins.window);
    let smoothed = shares.map(|(&r, &c)| ((r as f64 + smoothing) / m, (c as f64 + smoothing) / n));
    smoothed.map(|(p, q)| (p, q, (q / p).ln())).collect()
}

/// Splits the PSI of a whole by its parts, each with its counts in the reference (none: the
/// reference lacks it) and in the window.
///
/// PSI is the sum over bins of ln(q / p) times the change of the bin's share. With the logarithms
/// held at what they are for the whole, it is a weighted sum of changes of means, and its split is
/// exact. The smoothing's rows belong to no part.
#[must_use]
pub fn split_psi(
    pair: &Pair<'_>,
    binning: &Binning,
    parts: &[(&Counts, &Counts)],
) -> Option<Split> {
    let bins = Bins::of(pair, &binning.edges);
    let more = binning.smoothing * bins.reference.len() as f64;
    let tally = |counts: &[u64], bin: usize| Tally { n: total(counts), sum: counts[bin] as f64 };
    let smoothed = |counts: &[u64], bin: usize| {
        let Tally { n, sum } = tally(counts, bin);
        Tally { n: n + more, sum: sum + binning.smoothing }
    };
    let parts: Vec<(Vec<u64>, Vec<u64>)> = parts
        .iter()
        .map(|(reference, window)| {
            (
                bins.tally(pair.profile, &binning.edges, reference),
                bins.tally(pair.profile, &binning.edges, window),
            )
        })
        .collect();
    let of_bin = |(bin, (_, _, log)): (usize, (f64, f64, f64))| {
        let whole = Sides {
            reference: smoothed(&bins.reference, bin),
            window: smoothed(&bins.window, bin),
        };
        let sides = |(reference, window): &(Vec<u64>, Vec<u64>)| Sides {
            reference: tally(reference, bin),
            window: tally(window, bin),
        };
        let parts: Vec<Sides> = parts.iter().map(sides).collect();
        Some((log, Split::of(whole, &parts)?))
    };
    let empty = total(&bins.reference) == 0.0 || total(&bins.window) == 0.0;
    let logs = log_ratios(&bins, binning.smoothing).into_iter().enumerate();
    let splits: Option<Vec<(f64, Split)>> = logs.map(of_bin).collect();
    let mut split = splits.filter(|_| !empty).map(Split::weighted)?;
    for (part, (reference, window)) in split.parts.iter_mut().zip(&parts) {
        part.reference_share = total(reference) / total(&bins.reference);
        part.window_share = total(window) / total(&bins.window);
    }
    Some(split)
}

/// Where two distribution functions are farthest apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// `<= 3.5`: values up to there; `< 3.5`: values below.
    pub label: String,
    /// Share of the reference's values.
    pub reference: f64,
    /// Share of the window's values.
    pub window: f64,
    /// So many cells lie up to it.
    cells: usize,
}

impl Place {
    /// The place of the KS distance, the lowest of equals; `None` for categories, which have no
    /// order, and where a side has no values.
    #[must_use]
    pub fn of(pair: &Pair<'_>) -> Option<Place> {
        let Profile::Numeric(profile) = pair.profile else { return None };
        let (m, n) = (pair.reference.counted, pair.window.counted);
        if m == 0 || n == 0 {
            return None;
        }
        let (mut below_r, mut below_w, mut most) = (0u64, 0u64, 0u128);
        let mut found = (1, 0, 0);
        let cells = pair.reference.cells.iter().zip(&pair.window.cells);
        for (cell, (r, w)) in cells.enumerate() {
            (below_r, below_w) = (below_r + r, below_w + w);
            let (ahead, behind) =
                (u128::from(below_r) * u128::from(n), u128::from(below_w) * u128::from(m));
            if ahead.abs_diff(behind) > most {
                most = ahead.abs_diff(behind);
                found = (cell + 1, below_r, below_w);
            }
        }
        let (cells, r, w) = found;
        // A gap ends below its point, a point's own cell with it.
        let point = profile.grid.get((cells - 1) / 2)?;
        let sign = if cells.is_multiple_of(2) { "<=" } else { "<" };
        Some(Place {
            label: format!("{sign} {point}"),
            reference: r as f64 / m as f64,
            window: w as f64 / n as f64,
            cells,
        })
    }

    /// Share of the window's values up to there minus the reference's.
    #[must_use]
    pub fn distance(&self) -> f64 {
        self.window - self.reference
    }

    /// Whether the window's values are lower or higher than the reference's.
    #[must_use]
    pub fn direction(&self) -> &'static str {
        match self.distance() {
            d if d > 0.0 => "lower",
            d if d < 0.0 => "higher",
            _ => "equal",
        }
    }

    /// Splits the distance by parts of the whole, each with its counts in the reference and in the
    /// window.
    #[must_use]
    pub fn split(&self, pair: &Pair<'_>, parts: &[(&Counts, &Counts)]) -> Option<Split> {
        let tally = |counts: &Counts| {
            let upto = counts.cells.iter().take(self.cells).sum::<u64>();
            Tally { n: counts.counted as f64, sum: upto as f64 }
        };
        let sides = |reference: &Counts, window: &Counts| Sides {
            reference: tally(reference),
            window: tally(window),
        };
        let parts: Vec<Sides> = parts.iter().map(|(r, w)| sides(r, w)).collect();
        Split::of(sides(pair.reference, pair.window), &parts)
    }
}
