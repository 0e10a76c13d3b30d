//! A value that many rows share and that the reference does not know, such as -999.

use std::sync::Arc;

use crate::stats::law::{prediction_limit, visible_rate};
use crate::stats::{
    Basis, Counts, Direction, Pair, Profile, Sample, Score, Statistic, StatisticKind, Undefined,
};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "new_spike",
    summary: "largest share of the window's values between two neighbouring values of the reference, beyond the reference's own share there; 0 to 1, greater is worse",
    definition: "max over the gaps between neighbouring values of the reference (the open ends among them; of a compressed one, between points of its grid) of the window's share less the reference's share, at least 0: a default fill or a stuck sensor at a value that the reference does not hold",
    sees: "many rows at a place that the reference does not hold, such as a default fill; not a value that the reference holds, however frequent it becomes, nor categories, where it is undefined",
    range: "0 to 1",
    source: "a count; noise floor: the law of spacings (Pyke, JRSS B 27, 1965), Bonferroni over the gaps",
    basis: Basis::Quality,
    tasks: &[],
    extras: &[],
    direction: Direction::Up,
    best: Some(0.0),
    mean_of: None,
    floor: true,
    options: &[],
    build: |_| Ok(Arc::new(NewSpike)),
};

#[derive(Debug)]
struct NewSpike;

/// Reference and window counts between two neighbouring values of the reference, from below the
/// least to beyond the greatest: what an edge of some statistic divides lies together. `None` for
/// categories and for an empty side.
fn gaps<'a>(pair: &Pair<'a>) -> Option<impl Iterator<Item = (u64, u64)> + 'a> {
    let Profile::Numeric(profile) = pair.profile else { return None };
    let (reference, window) = (pair.reference, pair.window);
    if reference.counted == 0 || window.counted == 0 {
        return None;
    }
    let ends = profile.at_or_below.iter().zip(&profile.below).enumerate();
    let values = ends.filter(|(_, (at_or_below, below))| at_or_below > below).map(|(i, _)| i);
    let ends = values.map(|point| 2 * point + 1).chain([reference.cells.len()]);
    let mut from = 0;
    Some(ends.map(move |end| {
        let sum =
            |counts: &Counts| counts.cells.get(from..end).map_or(0, |cells| cells.iter().sum());
        let gap = (sum(reference), sum(window));
        from = end + 1;
        gap
    }))
}

impl Statistic for NewSpike {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn support(&self, sample: &Sample<'_>) -> u64 {
        sample.window.map_or(0, |w| w.counted)
    }

    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        let pair = sample.pair.as_ref().ok_or(Undefined::NoReference)?;
        let gaps = gaps(pair).ok_or(Undefined::Undefined)?;
        let (m, n) = (pair.reference.counted as f64, pair.window.counted as f64);
        let value = gaps.map(|(r, w)| w as f64 / n - r as f64 / m).fold(0.0, f64::max);
        Ok(Score { value, support: self.support(sample), interval: None })
    }

    /// What lies between two neighbours of a sample is uncertain like a rate counted on it; of k gaps
    /// none may exceed its limit.
    fn noise_floor(&self, sample: &Sample<'_>) -> Option<f64> {
        let pair = sample.pair.as_ref()?;
        let (m, n) = (pair.reference.counted, pair.window.counted);
        let mut held: Vec<u64> = gaps(pair)?.map(|(reference, _)| reference).collect();
        let level = 0.01 / held.len() as f64;
        held.sort_unstable();
        held.dedup();
        let beyond =
            |held: u64| prediction_limit(held, m, n, level) / n as f64 - held as f64 / m as f64;
        Some(held.into_iter().map(beyond).fold(0.0, f64::max))
    }

    /// Of a spike where the reference holds next to nothing.
    fn visible(&self, sample: &Sample<'_>, floor: f64) -> Option<f64> {
        let n = sample.window?.counted;
        visible_rate((floor * n as f64 + 1e-6).floor(), n)
    }
}
