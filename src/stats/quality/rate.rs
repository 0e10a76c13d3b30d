//! Shares of a window's rows that are absent, new or out of range.

use std::sync::Arc;

use crate::stats::{
    Basis, Counts, Direction, Pair, Profile, Sample, Score, Statistic, StatisticKind, Undefined,
};

/// `missing_rate`.
pub static MISSING_RATE: StatisticKind = StatisticKind {
    name: "missing_rate",
    summary: "share of rows whose value is missing, null or NaN; 0 to 1, greater is worse",
    definition: "(missing + null + NaN) / rows; a value of the wrong type counts as missing",
    build: |_| Ok(Arc::new(Rate(Share::Missing))),
    ..RATE
};

/// `null_rate`.
pub static NULL_RATE: StatisticKind = StatisticKind {
    name: "null_rate",
    summary: "share of rows whose value is null; 0 to 1, greater is worse",
    definition: "null / rows",
    build: |_| Ok(Arc::new(Rate(Share::Null))),
    ..RATE
};

/// `nan_rate`.
pub static NAN_RATE: StatisticKind = StatisticKind {
    name: "nan_rate",
    summary: "share of rows whose value is NaN; 0 to 1, greater is worse",
    definition: "NaN / rows",
    build: |_| Ok(Arc::new(Rate(Share::Nan))),
    ..RATE
};

/// `type_error_rate`.
pub static TYPE_ERROR_RATE: StatisticKind = StatisticKind {
    name: "type_error_rate",
    summary: "share of rows whose value has the wrong type; 0 to 1, greater is worse",
    definition: "values of the wrong type / rows; they count as missing too",
    build: |_| Ok(Arc::new(Rate(Share::TypeError))),
    ..RATE
};

/// `new_category_rate`.
pub static NEW_CATEGORY_RATE: StatisticKind = StatisticKind {
    name: "new_category_rate",
    summary: "share of values that the reference does not know; 0 to 1, greater is worse",
    definition: "values unknown to the reference / values",
    build: |_| Ok(Arc::new(Rate(Share::New))),
    ..RATE
};

/// `out_of_range_rate`.
pub static OUT_OF_RANGE_RATE: StatisticKind = StatisticKind {
    name: "out_of_range_rate",
    summary: "share of values below the reference's minimum or above its maximum; 0 to 1, greater is worse",
    definition: "values below the reference's minimum or above its maximum / values",
    build: |_| Ok(Arc::new(Rate(Share::OutOfRange))),
    ..RATE
};

/// What all rates share.
const RATE: StatisticKind = StatisticKind {
    name: "",
    summary: "",
    definition: "",
    range: "0 to 1",
    source: "a count; noise floor: normal approximation of the difference of two shares",
    basis: Basis::Quality,
    tasks: &[],
    extras: &[],
    direction: Direction::Up,
    best: Some(0.0),
    mean_of: Some((0.0, 1.0)),
    floor: true,
    options: &[],
    build: |_| Ok(Arc::new(Rate(Share::Missing))),
};

#[derive(Debug, Clone, Copy)]
enum Share {
    Missing,
    Null,
    Nan,
    TypeError,
    New,
    OutOfRange,
}

impl Share {
    /// Whether it is a share of all rows, not only of those with a value.
    fn is_of_rows(self) -> bool {
        !matches!(self, Share::New | Share::OutOfRange)
    }

    fn all(self, counts: &Counts) -> u64 {
        if self.is_of_rows() { counts.rows() } else { counts.counted }
    }

    /// Rows without a value, by why; those with one are not looked at here.
    fn absent(self, counts: &Counts) -> u64 {
        match self {
            Share::Missing => counts.absences.total(),
            Share::Null => counts.absences.null,
            Share::Nan => counts.absences.nan,
            Share::TypeError => counts.type_errors,
            Share::New | Share::OutOfRange => 0,
        }
    }
}

#[derive(Debug)]
struct Rate(Share);

/// How many of how many.
fn part(share: Share, sample: &Sample<'_>) -> Result<(u64, u64), Undefined> {
    let window = sample.window.ok_or(Undefined::Undefined)?;
    let part = match share {
        Share::New => {
            let pair = sample.pair.as_ref().ok_or(Undefined::NoReference)?;
            let Profile::Category(_) = pair.profile else { return Err(Undefined::Undefined) };
            window.cells.last().copied().unwrap_or(0)
        }
        Share::OutOfRange => {
            let pair = sample.pair.as_ref().ok_or(Undefined::NoReference)?;
            let Profile::Numeric(_) = pair.profile else { return Err(Undefined::Undefined) };
            outside(pair)
        }
        absent => absent.absent(window),
    };
    Ok((part, share.all(window)))
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
    fn kind(&self) -> &'static StatisticKind {
        match self.0 {
            Share::Missing => &MISSING_RATE,
            Share::Null => &NULL_RATE,
            Share::Nan => &NAN_RATE,
            Share::TypeError => &TYPE_ERROR_RATE,
            Share::New => &NEW_CATEGORY_RATE,
            Share::OutOfRange => &OUT_OF_RANGE_RATE,
        }
    }

    fn support(&self, sample: &Sample<'_>) -> u64 {
        sample.window.map_or(0, |window| self.0.all(window))
    }

    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        let (part, all) = part(self.0, sample)?;
        if all == 0 {
            return Err(Undefined::Undefined);
        }
        Ok(Score { value: part as f64 / all as f64, support: all, interval: None })
    }

    /// The reference's own rate (counted with one more row, so that a rate of zero leaves room)
    /// and 2.326 standard errors of both samples.
    fn noise_floor(&self, sample: &Sample<'_>) -> Option<f64> {
        let pair = sample.pair.as_ref()?;
        let (_, n) = part(self.0, sample).ok()?;
        let (hits, m) = (self.0.absent(pair.reference) as f64, self.0.all(pair.reference) as f64);
        if m == 0.0 || n == 0 {
            return None;
        }
        let rate = (hits + 1.0) / (m + 2.0);
        let error = (rate * (1.0 - rate) * (1.0 / m + 1.0 / n as f64)).sqrt();
        Some((hits / m + 2.326_348 * error).min(1.0))
    }
}
