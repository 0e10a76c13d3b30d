//! Wasserstein-1 distance.

use std::sync::Arc;

use super::ranked::{Measure, RankFormula, Ranked, Ranks, Step};
use crate::stats::{Basis, Direction, OptionDoc, ParamError, Params, Statistic, StatisticKind};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "wasserstein",
    summary: "mean distance that values have to move to turn one distribution into the other (earth mover's distance), in the feature's unit or in standard deviations of the reference; from 0, greater is worse; where the window has values beyond the reference's range, a lower bound",
    definition: "integral of |F_reference - F_window| dx; between two grid points, where only counts are known, values are taken to be spread evenly, and the interval holds every other place of them; values of the window beyond the reference's range count as lying at its end, and the interval is open above (`[low, null]`), since counts do not say how far they are; undefined there where the reference is one value",
    sees: "how far values moved: a few that go far count as much as many that go a little; not how far beyond the reference's range they lie, nor rows without a value, and not whether chance explains it: it has no noise floor",
    range: "from 0",
    source: "Vallender, Theory of Probability and its Applications 18, 1974; as scipy.stats.wasserstein_distance",
    basis: Basis::Distribution,
    tasks: &[],
    extras: &[],
    direction: Direction::Up,
    best: Some(0.0),
    mean_of: None,
    floor: false,
    options: &[OptionDoc {
        name: "normed",
        kind: "true or false",
        default: "false",
        doc: "divided by the standard deviation of the reference (of the population)",
    }],
    build,
};

#[derive(Debug)]
struct Wasserstein {
    normed: bool,
}

fn build(params: &mut Params) -> Result<Arc<dyn Statistic>, ParamError> {
    Ok(Arc::new(Ranked(Wasserstein { normed: params.flag("normed")?.unwrap_or(false) })))
}

impl RankFormula for Wasserstein {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn measure(&self, ranks: &Ranks<'_>) -> Option<Measure> {
        let sums = areas(ranks);
        if !sums.0.is_finite() || sums.2.is_infinite() && ranks.reference_is_constant() {
            // No area, or how far away is all there is to say, and nobody knows it.
            return None;
        }
        if !self.normed {
            return Some(Measure { value: sums.0, low: sums.1, high: sums.2 });
        }
        let (deviation, error) = deviation(ranks)?;
        let least = deviation - error;
        (least > 0.0).then(|| Measure {
            value: sums.0 / deviation,
            low: sums.1 / (deviation + error),
            high: sums.2 / least,
        })
    }
}

/// Area between the two functions, and its bounds; no finite number where it has none.
fn areas(ranks: &Ranks<'_>) -> (f64, f64, f64) {
    let grid = ranks.grid();
    let mut sums = (0.0, 0.0, 0.0);
    let mut add = |area: f64, low: f64, high: f64| {
        sums = (sums.0 + area, sums.1 + low, sums.2 + high);
    };
    // Up to here it is added up; between the cells that hold something both functions are level.
    let mut reached = None;
    ranks.differences(|step, before, after| {
        let above = step.code / 2;
        let start = if step.is_gap() { above.checked_sub(1) } else { Some(above) };
        let start = start.and_then(|i| grid.get(i)).copied();
        if let (Some(reached), Some(start)) = (reached, start)
            && before != 0.0
        {
            let area = (start - reached) * before.abs();
            add(area, area, area);
        }
        reached = grid.get(above).copied();
        if step.is_gap() {
            let (area, low, high) =
                end(ranks, &step).unwrap_or_else(|| across(ranks, &step, (before, after)));
            add(area, low, high);
        }
    });
    sums
}

/// Beyond an end of the reference nobody knows how far the window's values lie: at its end at least.
/// `None` for what is no such place.
#[inline(never)]
fn end(ranks: &Ranks<'_>, step: &Step) -> Option<(f64, f64, f64)> {
    let is_end = step.code == 0 || step.code == 2 * ranks.grid().len();
    let high = if step.window > 0 { f64::INFINITY } else { 0.0 };
    (is_end && step.reference == 0).then_some((0.0, 0.0, high))
}

/// Width of a gap; infinite at the ends of the grid and beside an infinite point.
fn width(ranks: &Ranks<'_>, step: &Step) -> f64 {
    let (grid, above) = (ranks.grid(), step.code / 2);
    let below = above.checked_sub(1).and_then(|i| grid.get(i)).copied();
    match (below, grid.get(above)) {
        (Some(below), Some(above)) => above - below,
        _ => f64::INFINITY,
    }
}

/// Area over a gap that holds something, and its bounds; no finite number where it has none.
#[inline(never)]
fn across(ranks: &Ranks<'_>, step: &Step, (from, to): (f64, f64)) -> (f64, f64, f64) {
    let highest = from + step.reference as f64 * ranks.shares.0;
    let lowest = from - step.window as f64 * ranks.shares.1;
    let most = highest.abs().max(lowest.abs());
    let width = width(ranks, step);
    let least = if lowest <= 0.0 && highest >= 0.0 { 0.0 } else { lowest.abs().min(highest.abs()) };
    let even = if from * to >= 0.0 {
        (from + to).abs() / 2.0
    } else {
        (from * from + to * to) / (2.0 * (to - from).abs())
    };
    (width * even, width * least, width * most)
}

/// Standard deviation of the reference with the values of a gap in its middle, and how far that may
/// be off: a deviation changes by at most the root mean square of what its values move.
fn deviation(ranks: &Ranks<'_>) -> Option<(f64, f64)> {
    let grid = ranks.grid();
    let origin = *grid.get(grid.len() / 2)?;
    let m = ranks.m as f64;
    let (mut sum, mut squares, mut open) = (0.0, 0.0, 0.0);
    for step in ranks.steps().filter(|step| step.reference > 0) {
        let share = step.reference as f64 / m;
        let above = *grid.get(step.code / 2)?;
        let place = if step.is_gap() {
            let half = width(ranks, &step) / 2.0;
            open += share * half * half;
            above - half - origin
        } else {
            above - origin
        };
        sum += share * place;
        squares += share * place * place;
    }
    let deviation = (squares - sum * sum).max(0.0).sqrt();
    (deviation > 0.0 && deviation.is_finite() && open.is_finite()).then(|| (deviation, open.sqrt()))
}
