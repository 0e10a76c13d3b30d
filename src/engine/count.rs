//! Columns become codes, codes become counts.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::axis::{Along, along};
use super::model::{CountedSeries, Model, PaneKey, Source, VersionIx};
use super::segments::{SegmentIx, WHOLE};
use crate::event::{Absent, Batch, Numbers, Time, Values, Words};
use crate::plan::{EXPECTED_LOSS, ModelPlan, SeriesKind};
use crate::reference::{CLASSIFIED, Reference};
use crate::stats::{CategoryProfile, Profile};
use crate::window::{Extent, PaneCounts};

/// Rows of a batch that fall into one pane.
#[derive(Debug)]
pub(super) struct Slice {
    pub key: PaneKey,
    pub rows: Vec<u32>,
    /// Least position of them along the line.
    pub first: Time,
}

/// The accepted rows of a batch by pane and version.
#[derive(Debug, Default)]
pub(super) struct Slices(Vec<Slice>);

impl Slices {
    /// Files a row under its pane; `at` is its position along the line.
    pub(super) fn add(&mut self, key: PaneKey, row: usize, at: Time) {
        // Rows come in order, so that a pane met before is among the last ones.
        match self.0.iter_mut().rev().find(|slice| slice.key == key) {
            Some(slice) => {
                slice.rows.push(row as u32);
                slice.first = slice.first.min(at);
            }
            None => self.0.push(Slice { key, rows: vec![row as u32], first: at }),
        }
    }
}

/// Where a batch comes from, and what it came after.
pub(super) struct Origin<'a> {
    /// Segments of every row, by dimension.
    pub segments: &'a [Vec<Option<SegmentIx>>],
    /// Its partition.
    pub partition: u32,
    /// The first event time that no prediction before it had reached.
    pub unread: Option<Time>,
}

/// A pane's rows, of the whole and of every segment, and what codes them.
struct Portion {
    reference: Option<Arc<Reference>>,
    slices: Vec<Slice>,
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
    /// Counts the accepted rows of a batch along one line.
    pub(super) fn count(
        &mut self,
        along: Along,
        batch: &Batch,
        wholes: Slices,
        origin: &Origin<'_>,
    ) {
        let series = std::mem::take(&mut self.axis_mut(along).series);
        let mut portions = Vec::with_capacity(wholes.0.len());
        for whole in wholes.0 {
            let version = whole.key.version;
            let reference = self.versions.get(&version).and_then(|v| v.reference.clone());
            let at = (whole.first, origin.unread);
            self.note_starts(along, version, at, &series, reference.as_deref());
            let axis = self.axis_mut(along);
            let pane = axis.pane(whole.key);
            // Rows lie in the order of their offsets.
            if let (Some(&first), Some(&last)) = (whole.rows.first(), whole.rows.last()) {
                let offset = |row: u32| batch.offsets[row as usize];
                let extent = Extent { from: offset(first), to: offset(last) + 1 };
                Extent::merge(&mut pane.prediction_extents, origin.partition, extent);
            }
            let slices = slice(whole, origin.segments);
            for slice in &slices {
                self.bring_back(along, slice.key);
                self.axis_mut(along).pane(slice.key).predictions += slice.rows.len() as u64;
            }
            portions.push(Portion { reference, slices });
        }
        for series in &series {
            self.count_series(along, batch, series, &portions);
        }
        self.axis_mut(along).series = series;
    }

    /// Codes the column once per reference, then adds it pane by pane.
    fn count_series(
        &mut self,
        along: Along,
        batch: &Batch,
        series: &CountedSeries,
        portions: &[Portion],
    ) {
        let Some(column) = column(batch, series.source) else { return };
        let classes = (series.source == Source::Classified).then(|| self.classes(batch));
        let mut latest: Option<(Arc<str>, usize, Coded<'_>)> = None;
        for portion in portions {
            let reference = portion.reference.as_ref();
            let ruler = reference.and_then(|r| r.ruler(&series.name));
            let (id, cells) = ruler.unwrap_or_default();
            if latest.as_ref().is_none_or(|(of, _, _)| **of != *id) {
                let of = if classes.is_some() { "probability" } else { &*series.name };
                let profile = reference.and_then(|r| r.series.get(of)).map(Arc::as_ref);
                let mut coded = encode(column, profile);
                if let Some(classes) = &classes {
                    coded.classify(classes);
                }
                latest = Some((id.into(), cells, coded));
            }
            let Some((id, cells, coded)) = &latest else { continue };
            for slice in &portion.slices {
                if !self.counts_in(series, slice.key.segment) {
                    continue;
                }
                let counts = self
                    .axis_mut(along)
                    .counts(slice.key)
                    .entry(series.name.clone())
                    .or_insert_with(|| PaneCounts::new(id.clone(), *cells));
                if counts.reference != *id {
                    *counts = PaneCounts::new(id.clone(), *cells);
                }
                coded.add(&slice.rows, counts);
                if let (Source::ExpectedLoss, Column::Numbers(losses)) = (series.source, column) {
                    let sums = &mut self.axis_mut(along).pane(slice.key).losses;
                    let sums = sums.get_or_insert_default();
                    // What is absent is NaN, and that is left out.
                    slice.rows.iter().for_each(|&row| sums.observe(losses.values[row as usize]));
                }
            }
        }
    }

    /// Whether each row of a binary model predicts the positive class, where it predicts any.
    fn classes(&self, batch: &Batch) -> Vec<Option<bool>> {
        let said = match &batch.prediction {
            Some(Values::Words(words)) => Some(words),
            _ => None,
        };
        let positive: Vec<bool> = said.map_or_else(Vec::new, |words| {
            words.list.iter().map(|word| self.plan.positive.iter().any(|p| p == word)).collect()
        });
        let threshold = match self.plan.prediction {
            Some(_) => self.plan.threshold,
            // Nothing is predicted, so that only the probabilities are looked at.
            None => Some(f64::INFINITY),
        };
        let by_threshold = |row: usize| {
            let probability = batch.probabilities.first()?.get(row).ok()?;
            threshold.map(|threshold| probability >= threshold)
        };
        let class = |row: usize| {
            let place = said.and_then(|words| words.place(row).ok());
            place.map(|place| positive[place as usize]).or_else(|| by_threshold(row))
        };
        (0..batch.times.len()).map(class).collect()
    }

    fn counts_in(&self, series: &CountedSeries, segment: SegmentIx) -> bool {
        segment == WHOLE || series.dimensions.contains(&self.segments.entry(segment).dimension)
    }

    /// A series counts from its earliest event, and again from the first event with another
    /// reference. One that begins while others are counted already begins after all that was
    /// read: an older event may still come, but those beside it are in no count of this series.
    fn note_starts(
        &mut self,
        along: Along,
        version: VersionIx,
        (first, unread): (Time, Option<Time>),
        series: &[CountedSeries],
        reference: Option<&Reference>,
    ) {
        let Some(group) = self.versions.get(&version).map(|v| v.group) else { return };
        let model: Arc<str> = "model".into();
        let counted = self.groups[group].starts.contains_key(&(along, model.clone()));
        self.note_start(group, along, &model, "", first);
        for series in series {
            let (id, _) = reference.and_then(|r| r.ruler(&series.name)).unwrap_or_default();
            let known = self.groups[group].starts.get(&(along, series.name.clone()));
            let anew = counted && known.is_none_or(|(of, _)| **of != *id);
            if let Some(unread) = unread.filter(|_| anew && along == Along::Time) {
                self.groups[group].floors.insert(series.name.clone(), unread);
            }
            self.note_start(group, along, &series.name, id, first);
        }
    }

    /// A series of a group has been counted with this reference from here on, or earlier.
    pub(super) fn note_start(
        &mut self,
        group: usize,
        along: Along,
        series: &Arc<str>,
        id: &str,
        at: Time,
    ) {
        let starts = &mut self.groups[group].starts;
        match starts.get_mut(&(along, series.clone())) {
            Some(start) if *start.0 == *id && start.1 <= at => return,
            Some(start) if *start.0 == *id => start.1 = at,
            Some(start) => *start = (id.into(), at),
            None => {
                starts.insert((along, series.clone()), (id.into(), at));
            }
        }
        self.dirty = true;
    }
}

/// The whole first, then one slice per segment.
fn slice(whole: Slice, segments: &[Vec<Option<SegmentIx>>]) -> Vec<Slice> {
    let mut by_segment: BTreeMap<SegmentIx, Vec<u32>> = BTreeMap::new();
    for dimension in segments {
        for &row in &whole.rows {
            if let Some(segment) = dimension[row as usize] {
                by_segment.entry(segment).or_default().push(row);
            }
        }
    }
    let (key, first) = (whole.key, whole.first);
    let sliced = by_segment.into_iter().map(|(segment, rows)| Slice {
        key: PaneKey { segment, ..key },
        rows,
        first,
    });
    std::iter::once(whole).chain(sliced).collect()
}

/// Ascending rows as a range, where none between them is left out: most panes of a batch.
fn stretch(rows: &[u32]) -> Option<Range<usize>> {
    let (first, last) = (*rows.first()? as usize, *rows.last()? as usize);
    (last - first < rows.len()).then_some(first..last + 1)
}

impl Coded<'_> {
    fn add(&self, rows: &[u32], counts: &mut PaneCounts) {
        if !self.absent
            && let Some(codes) = stretch(rows).and_then(|range| self.codes.get(range))
        {
            counts.count_all(codes);
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

impl Coded<'_> {
    /// Codes of the probability become codes of both, where both are known.
    fn classify(&mut self, classes: &[Option<bool>]) {
        for (code, class) in self.codes.iter_mut().zip(classes) {
            match class {
                Some(positive) if *code != ABSENT => *code = 2 * *code + u32::from(*positive),
                _ => (*code, self.absent) = (ABSENT, true),
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
        Source::Probability | Source::Classified => {
            batch.probabilities.first().map(Column::Numbers)
        }
        Source::Prediction => batch.prediction.as_ref().map(|values| match values {
            Values::Numbers(numbers) => Column::Numbers(numbers),
            Values::Words(words) => Column::Words(words),
        }),
        Source::ExpectedLoss => batch.expected_loss.as_ref().map(Column::Numbers),
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

/// Only what some monitor watches is counted: in the whole, and in the segments of its `by`.
pub(super) fn counted_series(plan: &ModelPlan, along_this: Along) -> Vec<CountedSeries> {
    let mut series: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for monitor in plan.monitors.iter().filter(|m| along(m) == along_this) {
        for name in monitor.counted() {
            series.entry(name).or_default().extend(&monitor.by);
        }
    }
    series
        .into_iter()
        .filter_map(|(name, dimensions)| {
            Some(CountedSeries {
                name: name.into(),
                source: source(plan, name)?,
                dimensions: dimensions.into_iter().collect(),
            })
        })
        .collect()
}

fn source(plan: &ModelPlan, series: &str) -> Option<Source> {
    let Some(name) = series.strip_prefix("features.") else {
        return match series {
            "prediction" => Some(Source::Prediction),
            "probability" => Some(Source::Probability),
            CLASSIFIED => Some(Source::Classified),
            EXPECTED_LOSS => Some(Source::ExpectedLoss),
            "outcome" => Some(Source::Outcome),
            _ => None,
        };
    };
    let feature = plan.features.iter().find(|f| f.name == name)?;
    let numeric = |kind: SeriesKind| matches!(kind, SeriesKind::Numeric(_));
    let place = plan
        .features
        .iter()
        .filter(|f| numeric(f.kind) == numeric(feature.kind))
        .position(|f| f.name == name)?;
    Some(if numeric(feature.kind) { Source::Number(place) } else { Source::Word(place) })
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
