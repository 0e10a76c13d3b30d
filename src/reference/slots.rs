//! A reference by the slots of a season, and the law that a window's own mix of slots makes of it.
//!
//! A window is compared with the rows of its own hours: each row of the reference weighs as much as
//! its slot needs for the mix of slots to be that of the window, and the heaviest weighs 1. That
//! law holds at least as many rows as [`Mix::counts`] counts: with weights c of sum 1 per row and
//! slots of laws P with covariances S, the sampling error of the law is the sum of c^2 S over the
//! rows, at most max(c) times the sum of c S, and that at most max(c) times the covariance of the
//! mixture, since mixing only widens (all as matrices, in Loewner's order). So m = 1 / max(c) rows
//! of the mixture err more than the law does: noise floors, p-values and the e-detector's ball are
//! on the safe side. One slot gives its own rows; a window with the mix of the reference gives the
//! whole reference.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Reference;
use super::file::{absences, broken, by_series, series_in, whole_at};
use super::{ReferenceError, SegmentReference};
use crate::event::{Rhythm, Season, Slot};
use crate::stats::{Absences, Counts, Profile};

/// A slot of fewer rows than this is too sparse to be judged against alone: at so many the noise
/// floor of a PSI of ten bins is 0.22, just below the usual level of 0.25.
pub const LEAST_ROWS: u64 = 100;

/// Weight of a row that weighs 1, in fixed point: sums of weights are exact.
const ONE: u64 = 1 << 32;

/// A slot's part of a reference.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SlotPart {
    /// Rows of the slot.
    pub rows: u64,
    /// Counts by series, on the grids of the whole.
    pub series: BTreeMap<String, SlotCounts>,
}

/// Parts by slot.
pub type Slots = BTreeMap<Slot, SlotPart>;

/// Counts of one series in one slot: most cells are empty.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SlotCounts {
    /// Cells with their counts, ascending.
    cells: Vec<(u32, u32)>,
    absences: Absences,
}

impl From<&Counts> for SlotCounts {
    fn from(counts: &Counts) -> SlotCounts {
        let held = (0u32..).zip(&counts.cells).filter(|(_, n)| **n > 0);
        let cells = held.map(|(code, n)| (code, u32::try_from(*n).unwrap_or(u32::MAX))).collect();
        SlotCounts { cells, absences: counts.absences }
    }
}

/// How much the rows of each slot weigh in the law of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    weights: BTreeMap<Slot, u64>,
    /// Share of the window's events whose slot was too sparse and that are judged against the same
    /// hour of all days.
    pub by_hour: f64,
    /// Share of those that are judged against all rows.
    pub pooled: f64,
}

/// Rows that a slot is judged against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Pool {
    /// Its own.
    Slot(Slot),
    /// Those of this hour of the day.
    Hour(Slot),
    /// All.
    All,
}

impl Pool {
    /// The narrowest that holds enough.
    fn of(slot: Slot, rhythm: Rhythm, slots: &Slots) -> Pool {
        let hour = (rhythm == Rhythm::HourOfWeek).then_some(Pool::Hour(Rhythm::hour_of_day(slot)));
        let mut narrow = [Pool::Slot(slot)].into_iter().chain(hour);
        narrow.find(|pool| pool.rows(slots) >= LEAST_ROWS).unwrap_or(Pool::All)
    }

    /// Its slots with some rows.
    fn parts(self, slots: &Slots) -> impl Iterator<Item = (Slot, u64)> {
        let range = match self {
            Pool::Slot(slot) => slots.range(slot..=slot),
            Pool::Hour(_) | Pool::All => slots.range(..),
        };
        let holds = move |slot: Slot| match self {
            Pool::Hour(hour) => Rhythm::hour_of_day(slot) == hour,
            Pool::Slot(_) | Pool::All => true,
        };
        let parts = range.map(|(slot, part)| (*slot, part.rows));
        parts.filter(move |(slot, rows)| *rows > 0 && holds(*slot))
    }

    fn rows(self, slots: &Slots) -> u64 {
        self.parts(slots).map(|(_, rows)| rows).sum()
    }
}

impl Mix {
    /// The weights for a window of so many events per slot. A slot with fewer than [`LEAST_ROWS`]
    /// rows stands back for the same hour of all days, and that for all rows. `None` where either
    /// side is empty.
    #[must_use]
    pub fn of(rhythm: Rhythm, events: &BTreeMap<Slot, u64>, slots: &Slots) -> Option<Mix> {
        let mut pools: BTreeMap<Pool, u64> = BTreeMap::new();
        for (slot, n) in events.iter().filter(|(_, n)| **n > 0) {
            *pools.entry(Pool::of(*slot, rhythm, slots)).or_default() += n;
        }
        let total = pools.values().sum::<u64>() as f64;
        let mut shares: BTreeMap<Slot, f64> = BTreeMap::new();
        for (pool, n) in &pools {
            let share = *n as f64 / total / pool.rows(slots) as f64;
            for (slot, _) in pool.parts(slots) {
                *shares.entry(slot).or_default() += share;
            }
        }
        let heaviest = shares.values().copied().reduce(f64::max)?;
        let weight = |share: f64| (share / heaviest * ONE as f64).round() as u64;
        let weights = shares.into_iter().map(|(slot, share)| (slot, weight(share))).collect();
        let part = |wanted: fn(&Pool) -> bool| {
            pools.iter().filter(|(pool, _)| wanted(pool)).map(|(_, n)| *n).sum::<u64>() as f64
                / total
        };
        let by_hour = part(|pool| matches!(pool, Pool::Hour(_)));
        let pooled = part(|pool| *pool == Pool::All);
        Some(Mix { weights, by_hour, pooled })
    }

    /// The weighted counts of a series as whole rows: sums from the first cell on, then missing,
    /// null and NaN, are rounded half up, so that no sum is off by more than half a row. `None`
    /// where the slots do not count the series.
    #[must_use]
    pub fn counts(&self, slots: &Slots, series: &str, cells: usize) -> Option<Counts> {
        let mut sums = vec![0u128; cells];
        let mut absent = [0u128; 3];
        for (slot, &weight) in &self.weights {
            let part = slots.get(slot)?.series.get(series)?;
            let weight = u128::from(weight);
            for (code, n) in &part.cells {
                *sums.get_mut(*code as usize)? += weight * u128::from(*n);
            }
            let Absences { missing, null, nan } = part.absences;
            for (sum, n) in absent.iter_mut().zip([missing, null, nan]) {
                *sum += weight * u128::from(n);
            }
        }
        let (mut exact, mut given) = (0u128, 0u128);
        let mut rounded = |sum: u128| {
            exact += sum;
            let upto = (exact + u128::from(ONE / 2)) / u128::from(ONE);
            let n = upto - given;
            given = upto;
            n as u64
        };
        let cells: Vec<u64> = sums.into_iter().map(&mut rounded).collect();
        let [missing, null, nan] = absent.map(rounded);
        Some(Counts {
            counted: cells.iter().sum(),
            cells,
            absences: Absences { missing, null, nan },
            type_errors: 0,
        })
    }
}

impl Reference {
    /// The slots that a season judges the whole or a segment's part by; `None` where the reference
    /// was not counted by this season.
    #[must_use]
    pub fn slots_of<'a>(
        &'a self,
        season: &Season,
        part: Option<&'a SegmentReference>,
    ) -> Option<&'a Slots> {
        let slots = part.map_or(&self.slots, |part| &part.slots);
        (self.season.as_ref() == Some(season)).then_some(slots)
    }

    /// How many slots of its season hold too few rows to be judged against alone.
    #[must_use]
    pub fn sparse_slots(&self) -> Option<String> {
        let season = self.season.as_ref()?;
        let enough = self.slots.values().filter(|part| part.rows >= LEAST_ROWS).count();
        let (all, name) = (usize::from(season.rhythm().slots()), season.rhythm().name());
        (enough < all).then(|| {
            format!(
                "{} of the {all} slots of {name} hold fewer than {LEAST_ROWS} rows: their windows are \
                 judged against the same hour of all days, or all hours",
                all - enough
            )
        })
    }

    /// Whether the slots count a series, in the whole and in the segments of these dimensions.
    #[must_use]
    pub fn counts_by_slot(&self, series: &str, dimensions: &[String]) -> bool {
        let held = |slots: &Slots| slots.values().all(|part| part.series.contains_key(series));
        let parts = dimensions.iter().filter_map(|name| self.segments.get(name));
        held(&self.slots) && parts.flat_map(BTreeMap::values).all(|part| held(&part.slots))
    }

    /// Why a season cannot judge by it; `None` where it can.
    #[must_use]
    pub fn unseasonal(&self, season: &Season) -> Option<String> {
        match &self.season {
            None => Some(format!("it was not counted by the hours of {season}")),
            Some(other) if other != season => {
                Some(format!("it was counted by {other}, and the model's season is {season}"))
            }
            Some(_) => None,
        }
    }
}

/// Slots as the file holds them: a list in their order.
pub(super) fn slots_value(slots: &Slots) -> Value {
    let part = |(slot, part): (&Slot, &SlotPart)| {
        let counts = |counts: &SlotCounts| {
            let absent = counts.absences;
            json!({
                "missing": absent.missing,
                "null": absent.null,
                "nan": absent.nan,
                "codes": counts.cells,
            })
        };
        let mut value = json!({ "slot": slot, "rows": part.rows });
        by_series(&mut value, part.series.iter().map(|(name, c)| (name, counts(c))));
        value
    };
    Value::Array(slots.iter().map(part).collect())
}

/// The season of a file and the slots of its whole.
pub(super) fn season_value(season: &Season, slots: &Slots) -> Value {
    let (name, zone) = (season.rhythm().name(), season.zone());
    json!({ "season": name, "timezone": zone, "parts": slots_value(slots) })
}

/// Reads what [`season_value`] writes.
pub(super) fn parse_season(
    value: &Value,
    series: &BTreeMap<String, std::sync::Arc<Profile>>,
) -> Result<(Season, Slots), ReferenceError> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let rhythm = Rhythm::named(text("season"))
        .ok_or_else(|| broken("slots.season", "is neither hour_of_day nor hour_of_week"))?;
    let season = Season::new(rhythm, text("timezone"))
        .map_err(|error| broken("slots.timezone", error.to_string()))?;
    let slots = parse_slots(value.get("parts"), "slots", rhythm, series)?;
    Ok((season, slots))
}

/// Reads what [`slots_value`] writes.
pub(super) fn parse_slots(
    value: Option<&Value>,
    place: &str,
    rhythm: Rhythm,
    series: &BTreeMap<String, std::sync::Arc<Profile>>,
) -> Result<Slots, ReferenceError> {
    let mut slots = Slots::new();
    for value in value.and_then(Value::as_array).into_iter().flatten() {
        let slot = whole_at(value, "slot", place)?;
        let slot = Slot::try_from(slot).ok().filter(|slot| *slot < rhythm.slots());
        let slot = slot.ok_or_else(|| broken(place, "has a slot beyond its season"))?;
        let place = format!("{place}.{slot}");
        let rows = whole_at(value, "rows", &place)?;
        let mut part = SlotPart { rows, ..SlotPart::default() };
        for (name, counts) in series_in(value) {
            let place = format!("{place}.{name}");
            let profile =
                series.get(&name).ok_or_else(|| broken(&place, "the whole has no such series"))?;
            let counts = parse_counts(counts, &place, profile.cells())?;
            part.series.insert(name, counts);
        }
        if slots.insert(slot, part).is_some() {
            return Err(broken(&place, "stands there twice"));
        }
    }
    Ok(slots)
}

fn parse_counts(value: &Value, place: &str, cells: usize) -> Result<SlotCounts, ReferenceError> {
    let codes = value.get("codes").cloned().unwrap_or_default();
    let codes: Vec<(u32, u32)> =
        serde_json::from_value(codes).map_err(|_| broken(place, "codes are missing"))?;
    let ascending = codes.windows(2).all(|w| w[0].0 < w[1].0);
    if !ascending || codes.last().is_some_and(|(code, _)| *code as usize >= cells) {
        return Err(broken(place, "its codes are not ascending places of the grid"));
    }
    Ok(SlotCounts { cells: codes, absences: absences(value, place)? })
}

#[cfg(test)]
mod tests;
