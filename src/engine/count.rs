//! Columns become codes, codes become counts.

use std::sync::Arc;

use super::model::{CountedSeries, Model, PaneKey, Source, VersionIx};
use super::segments::{SegmentIx, WHOLE};
use crate::event::{Absent, Batch, Numbers, Time, Values, Words};
use crate::reference::Reference;
use crate::stats::{CategoryProfile, Profile};
use crate::window::{Extent, PaneCounts};

/// Rows of a batch that fall into one pane.
#[derive(Debug)]
pub(super) struct Slice {
    pub key: PaneKey,
    pub rows: Vec<u32>,
}

/// A column's codes on one grid; absent rows hold [`ABSENT`].
struct Coded<'a> {
    codes: Vec<u32>,
    column: Column<'a>,
    absent: bool,
}

#[derive(Clone, Copy)]
enum Column<'a> {
    Numbers(&'a Numbers),
    Words(&'a Words),
}

const ABSENT: u32 = u32::MAX;

impl Model {
    /// Counts the accepted rows of a batch, already grouped by version and pane.
    pub(super) fn count(
        &mut self,
        batch: &Batch,
        wholes: Vec<Slice>,
        segments: &[Vec<Option<SegmentIx>>],
        partition: u32,
    ) {
        let series = std::mem::take(&mut self.series);
        for whole in wholes {
            let version = whole.key.version;
            let reference = self.versions.get(&version).and_then(|v| v.reference.clone());
            self.note_starts(version, batch, &whole.rows, &series, reference.as_deref());
            let slices = self.slice(whole, segments);
            for slice in &slices {
                let pane = self.pane(slice.key);
                pane.predictions += slice.rows.len() as u64;
            }
            if let Some(whole) = slices.first() {
                let pane = self.pane(whole.key);
                for &row in &whole.rows {
                    let offset = batch.offsets[row as usize];
                    Extent::widen(&mut pane.prediction_extents, partition, offset);
                }
            }
            for series in &series {
                self.count_series(batch, series, &slices, reference.as_deref());
            }
        }
        self.series = series;
    }

    fn count_series(
        &mut self,
        batch: &Batch,
        series: &CountedSeries,
        slices: &[Slice],
        reference: Option<&Reference>,
    ) {
        let Some(column) = column(batch, series.source) else { return };
        let profile = reference.and_then(|r| r.series.get(&series.name as &str));
        let coded = encode(column, profile.map(Arc::as_ref));
        let id: Arc<str> = profile.map_or("", |p| p.id()).into();
        let cells = profile.map_or(0, |p| p.cells());
        for slice in slices {
            if !self.counts_in(series, slice.key.segment) {
                continue;
            }
            let pane = self.pane(slice.key);
            let counts = pane
                .series
                .entry(series.name.clone())
                .or_insert_with(|| PaneCounts::new(id.clone(), cells));
            if counts.reference != id {
                *counts = PaneCounts::new(id.clone(), cells);
            }
            coded.add(&slice.rows, counts);
        }
    }

    fn counts_in(&self, series: &CountedSeries, segment: SegmentIx) -> bool {
        segment == WHOLE || series.dimensions.contains(&self.segments.entry(segment).dimension)
    }

    /// The whole first, then one slice per segment.
    fn slice(&self, whole: Slice, segments: &[Vec<Option<SegmentIx>>]) -> Vec<Slice> {
        let mut by_segment: std::collections::BTreeMap<SegmentIx, Vec<u32>> = Default::default();
        for dimension in segments {
            for &row in &whole.rows {
                if let Some(segment) = dimension[row as usize] {
                    by_segment.entry(segment).or_default().push(row);
                }
            }
        }
        let key = whole.key;
        let sliced = by_segment
            .into_iter()
            .map(|(segment, rows)| Slice { key: PaneKey { segment, ..key }, rows });
        std::iter::once(whole).chain(sliced).collect()
    }

    /// A series counts from its earliest event, and again from the first event with another
    /// reference.
    fn note_starts(
        &mut self,
        version: VersionIx,
        batch: &Batch,
        rows: &[u32],
        series: &[CountedSeries],
        reference: Option<&Reference>,
    ) {
        let Some(earliest) = rows.iter().map(|&row| batch.times[row as usize]).min() else {
            return;
        };
        let Some(group) = self.versions.get(&version).map(|v| v.group) else { return };
        let starts = &mut self.groups[group].starts;
        let mut note = |name: &Arc<str>, id: &str| {
            let start = starts.entry(name.clone()).or_insert_with(|| {
                self.dirty = true;
                (id.into(), Time::MAX)
            });
            if *start.0 != *id {
                *start = (id.into(), Time::MAX);
            }
            if earliest < start.1 {
                start.1 = earliest;
                self.dirty = true;
            }
        };
        note(&"model".into(), "");
        for series in series {
            let id = reference.and_then(|r| r.series.get(&series.name as &str));
            note(&series.name, id.map_or("", |p| p.id()));
        }
    }
}

impl Coded<'_> {
    fn add(&self, rows: &[u32], counts: &mut PaneCounts) {
        if !self.absent && rows.len() == self.codes.len() {
            counts.count_all(&self.codes);
            return;
        }
        for &row in rows {
            match self.codes[row as usize] {
                ABSENT => counts.count_absent(self.column.absence(row as usize)),
                code => counts.count(code),
            }
        }
    }
}

impl Column<'_> {
    fn absence(self, row: usize) -> Absent {
        let absent = match self {
            Column::Numbers(numbers) => numbers.get(row).err(),
            Column::Words(words) => words.place(row).err(),
        };
        absent.unwrap_or(Absent::Missing)
    }
}

fn column(batch: &Batch, source: Source) -> Option<Column<'_>> {
    match source {
        Source::Number(place) => batch.numbers.get(place).map(Column::Numbers),
        Source::Word(place) => batch.words.get(place).map(Column::Words),
        Source::Probability => batch.probabilities.first().map(Column::Numbers),
        Source::Prediction => batch.prediction.as_ref().map(|values| match values {
            Values::Numbers(numbers) => Column::Numbers(numbers),
            Values::Words(words) => Column::Words(words),
        }),
        Source::Outcome => None,
    }
}

fn encode<'a>(column: Column<'a>, profile: Option<&Profile>) -> Coded<'a> {
    let mut codes = Vec::new();
    let absent = match (column, profile) {
        (Column::Numbers(numbers), Some(Profile::Numeric(profile))) => {
            profile.code_all(&numbers.values, &mut codes);
            !numbers.absent.is_empty()
        }
        (Column::Numbers(numbers), _) => {
            codes.extend(numbers.values.iter().map(|v| if v.is_nan() { ABSENT } else { 0 }));
            !numbers.absent.is_empty()
        }
        (Column::Words(words), profile) => {
            let category = match profile {
                Some(Profile::Category(profile)) => Some(profile),
                _ => None,
            };
            encode_words(words, category, &mut codes)
        }
    };
    Coded { codes, column, absent }
}

/// One search per distinct word; true if a row has none.
fn encode_words(words: &Words, profile: Option<&CategoryProfile>, codes: &mut Vec<u32>) -> bool {
    let cells: Vec<u32> =
        words.list.iter().map(|word| profile.map_or(0, |p| p.cell(word) as u32)).collect();
    let mut absent = false;
    codes.extend((0..words.places.len()).map(|row| match words.place(row) {
        Ok(place) => cells[place as usize],
        Err(_) => {
            absent = true;
            ABSENT
        }
    }));
    absent
}

/// The code of one outcome value, for the `outcome` series.
pub(super) fn outcome_code(
    profile: &Profile,
    number: Option<f64>,
    word: Option<&str>,
) -> Option<u32> {
    match (profile, number, word) {
        (Profile::Numeric(p), Some(value), _) => Some(p.code(value)),
        (Profile::Category(p), _, Some(word)) => Some(p.cell(word) as u32),
        _ => None,
    }
}
