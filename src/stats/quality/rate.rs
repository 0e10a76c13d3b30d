//! Shares of a window's rows that are absent, new or out of range.

use std::sync::Arc;

use crate::stats::law::{Unseen, beta_limit, prediction_limit, visible_rate};
use crate::stats::{
    Basis, Counts, Direction, Pair, Profile, Sample, Score, Statistic, StatisticKind, Undefined,
};

/// `missing_rate`.
pub static MISSING_RATE: StatisticKind = StatisticKind {
    name: "missing_rate",
    summary: "share of rows whose value is missing, null or NaN; 0 to 1, greater is worse",
    definition: "(missing + null + NaN) / rows; a value of the wrong type counts as missing",
    sees: "that values stop coming, for whatever reason; not which reason, nor numbers that stand for a missing value, such as -999 (new_spike sees those)",
    build: |_| Ok(Arc::new(Rate(Share::Missing))),
    ..RATE
};

/// `null_rate`.
pub static NULL_RATE: StatisticKind = StatisticKind {
    name: "null_rate",
    summary: "share of rows whose value is null; 0 to 1, greater is worse",
    definition: "null / rows",
    sees: "nulls that are written as such; not fields that are left out, nor NaN",
    build: |_| Ok(Arc::new(Rate(Share::Null))),
    ..RATE
};

/// `nan_rate`.
pub static NAN_RATE: StatisticKind = StatisticKind {
    name: "nan_rate",
    summary: "share of rows whose value is NaN; 0 to 1, greater is worse",
    definition: "NaN / rows",
    sees: "NaN; not null, fields that are left out, nor infinities, which are values",
    build: |_| Ok(Arc::new(Rate(Share::Nan))),
    ..RATE
};

/// `type_error_rate`.
pub static TYPE_ERROR_RATE: StatisticKind = StatisticKind {
    name: "type_error_rate",
    summary: "share of rows whose value has the wrong type; 0 to 1, greater is worse",
    definition: "values of the wrong type / rows; they count as missing too",
    sees: "a producer that writes texts for numbers (without `coerce`), numbers beyond f64, lists or objects; not wrong values of the right type. A number feature takes true and false as 1 and 0, a category any number",
    build: |_| Ok(Arc::new(Rate(Share::TypeError))),
    ..RATE
};

/// `new_category_rate`.
pub static NEW_CATEGORY_RATE: StatisticKind = StatisticKind {
    name: "new_category_rate",
    summary: "share of values that the reference does not know; 0 to 1, greater is worse",
    definition: "values unknown to the reference / values",
    sees: "names that the reference lacks; not known names whose shares change, nor rows without a value. Numbers have none: undefined",
    build: |_| Ok(Arc::new(Rate(Share::New))),
    source: "a count; noise floor: prediction limit from the names that the reference holds once (Good, Biometrika 40, 1953)",
    ..RATE
};

/// `out_of_range_rate`.
pub static OUT_OF_RANGE_RATE: StatisticKind = StatisticKind {
    name: "out_of_range_rate",
    summary: "share of values below the reference's minimum or above its maximum; 0 to 1, greater is worse",
    definition: "values below the reference's minimum or above its maximum / values",
    sees: "values beyond the reference's least and greatest; not unusual ones between them, so that a single outlier of the reference hides what lies before it. Categories have no range: undefined",
    build: |_| Ok(Arc::new(Rate(Share::OutOfRange))),
    source: "a count; noise floor: exact prediction limit of what lies beyond both ends of a sample (Wilks, Annals of Mathematical Statistics 12, 1941)",
    ..RATE
};

/// What all rates share.
const RATE: StatisticKind = StatisticKind {
    name: "",
    summary: "",
    definition: "",
    sees: "",
    range: "0 to 1",
    source: "a count; noise floor: exact prediction limit from the reference's own count (Thatcher, JRSS B 26, 1964)",
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

/// What a noise floor leaves to chance.
const LEVEL: f64 = 0.01;

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

    /// The share that one window in a hundred exceeds at most, whatever the common rate.
    fn noise_floor(&self, sample: &Sample<'_>) -> Option<f64> {
        let pair = sample.pair.as_ref()?;
        let (_, n) = part(self.0, sample).ok()?;
        let m = self.0.all(pair.reference);
        if m == 0 || n == 0 {
            return None;
        }
        let limit = |hits: u64| prediction_limit(hits, m, n, LEVEL);
        let limit = match (self.0, pair.profile) {
            (Share::New, Profile::Category(profile)) => {
                beta_limit(Unseen::of(profile, pair.reference).beta(1.0), n, LEVEL)
            }
            // What lies beyond both ends of a sample is as uncertain as two of its gaps, of which
            // the limit itself adds one.
            (Share::OutOfRange, _) => limit(1),
            // A reference does not say which of its missing values had the wrong type.
            (Share::TypeError, _) if pair.reference.absences.missing > 0 => return None,
            (absent, _) => limit(absent.absent(pair.reference)),
        };
        Some((limit / n as f64).min(1.0))
    }

    fn visible(&self, sample: &Sample<'_>, floor: f64) -> Option<f64> {
        let (_, n) = part(self.0, sample).ok()?;
        // A limit that is a whole number must stay one.
        visible_rate((floor * n as f64 + 1e-6).floor(), n)
    }
}
