//! Data quality: shares of a window's rows that are missing, new or out of range.

use std::sync::Arc;

use super::{
    Basis, Counts, Direction, Pair, Profile, Sample, Score, Statistic, StatisticKind, Undefined,
};

/// `missing_rate`.
pub const MISSING_RATE: StatisticKind = StatisticKind {
    name: "missing_rate",
    summary: "share of rows whose value is missing, null or NaN; 0 to 1, greater is worse",
    options: &[],
    build: |_| Ok(Arc::new(Rate(Share::Missing))),
};

/// `new_category_rate`.
pub const NEW_CATEGORY_RATE: StatisticKind = StatisticKind {
    name: "new_category_rate",
    summary: "share of values that the reference does not know; 0 to 1, greater is worse",
    options: &[],
    build: |_| Ok(Arc::new(Rate(Share::New))),
};

/// `out_of_range_rate`.
pub const OUT_OF_RANGE_RATE: StatisticKind = StatisticKind {
    name: "out_of_range_rate",
    summary: "share of values below the reference's minimum or above its maximum; 0 to 1, greater is worse",
    options: &[],
    build: |_| Ok(Arc::new(Rate(Share::OutOfRange))),
};

#[derive(Debug, Clone, Copy)]
enum Share {
    Missing,
    New,
    OutOfRange,
}

#[derive(Debug)]
struct Rate(Share);

/// How many of how many.
fn part(share: Share, sample: &Sample<'_>) -> Result<(u64, u64), Undefined> {
    let window = sample.window.ok_or(Undefined::Undefined)?;
    match share {
        Share::Missing => Ok((window.absences.total(), window.rows())),
        Share::New => {
            let pair = sample.pair.as_ref().ok_or(Undefined::NoReference)?;
            let Profile::Category(_) = pair.profile else { return Err(Undefined::Undefined) };
            Ok((last(window), window.counted))
        }
        Share::OutOfRange => {
            let pair = sample.pair.as_ref().ok_or(Undefined::NoReference)?;
            let Profile::Numeric(_) = pair.profile else { return Err(Undefined::Undefined) };
            Ok((outside(pair), window.counted))
        }
    }
}

fn last(counts: &Counts) -> u64 {
    counts.cells.last().copied().unwrap_or(0)
}

/// The grid may hold business edges beyond the reference's own values: its range begins and ends
/// where its counts do.
fn outside(pair: &Pair<'_>) -> u64 {
    let whole = pair.profile.whole();
    let first = whole.cells.iter().position(|n| *n > 0).unwrap_or(0);
    let end = whole.cells.iter().rposition(|n| *n > 0).map_or(0, |place| place + 1);
    let sum = |cells: &[u64]| cells.iter().sum::<u64>();
    let cells = &pair.window.cells;
    sum(&cells[..first.min(cells.len())]) + sum(&cells[end.min(cells.len())..])
}

impl Statistic for Rate {
    fn name(&self) -> &'static str {
        match self.0 {
            Share::Missing => MISSING_RATE.name,
            Share::New => NEW_CATEGORY_RATE.name,
            Share::OutOfRange => OUT_OF_RANGE_RATE.name,
        }
    }

    fn basis(&self) -> Basis {
        Basis::Quality
    }

    fn direction(&self) -> Direction {
        Direction::Up
    }

    fn best(&self) -> Option<f64> {
        Some(0.0)
    }

    fn mean_of(&self) -> Option<(f64, f64)> {
        Some((0.0, 1.0))
    }

    fn support(&self, sample: &Sample<'_>) -> u64 {
        sample.window.map_or(0, |w| match self.0 {
            Share::Missing => w.rows(),
            Share::New | Share::OutOfRange => w.counted,
        })
    }

    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        let (part, all) = part(self.0, sample)?;
        if all == 0 {
            return Err(Undefined::Undefined);
        }
        let value = part as f64 / all as f64;
        Ok(Score { value, support: all, interval: None })
    }

    /// The reference's own rate (counted with one more row, so that a rate of zero leaves room)
    /// and 2.326 standard errors of both samples.
    fn noise_floor(&self, sample: &Sample<'_>) -> Option<f64> {
        let pair = sample.pair.as_ref()?;
        let (_, n) = part(self.0, sample).ok()?;
        let m = match self.0 {
            Share::Missing => pair.reference.rows(),
            Share::New | Share::OutOfRange => pair.reference.counted,
        } as f64;
        if m == 0.0 || n == 0 {
            return None;
        }
        let hits = match self.0 {
            Share::Missing => pair.reference.absences.total() as f64,
            Share::New | Share::OutOfRange => 0.0,
        };
        let rate = (hits + 1.0) / (m + 2.0);
        let error = (rate * (1.0 - rate) * (1.0 / m + 1.0 / n as f64)).sqrt();
        Some((hits / m + 2.326_348 * error).min(1.0))
    }
}
