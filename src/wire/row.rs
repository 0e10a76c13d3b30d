//! The cells of one record become a row of one reader's batch. Knows no format.

use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use super::cell::{Cell, LONGEST_WORD, View};
use super::path::{Path, Place};
use super::plan::{FieldPlan, NONE};
use super::reason::{Reason, Refusal};
use super::spec::{ReaderSpec, ValueSpec};
use super::time::{self, Bounds};
use crate::event::{Absent, Batch, Numbers, Time, Values, Words};
use crate::plan::SeriesKind;
use crate::stats::Dtype;

/// What is known of a record beside its payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp {
    /// Offset, or number of the row.
    pub offset: i64,
    /// The record's timestamp.
    pub logged: Option<Time>,
    /// Our clock; `None` where the age of an event does not matter.
    pub now: Option<Time>,
}

/// What a reader makes of a record.
#[derive(Debug)]
pub(crate) enum Judgement {
    /// The filter does not want it.
    Unwanted,
    /// It is wanted and cannot be used.
    Refused(Refusal),
    /// It becomes a row.
    Taken(Head),
}

/// The part of a row that decides whether there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub time: Time,
    pub id: u128,
}

/// One reader, compiled against the plan of its topic, and the rows it took.
#[derive(Debug)]
pub(crate) struct Reader {
    pub spec: ReaderSpec,
    hasher: SipHasher13,
    slots: Slots,
    batch: Batch,
    row_bytes: usize,
    word_bytes: usize,
    unseen: Vec<(u32, u16)>,
    seen: Vec<u16>,
    scratch: String,
}

#[derive(Debug)]
struct Slots {
    id: Vec<u32>,
    time: u32,
    version: u32,
    filter: u32,
    numbers: Vec<(u32, Dtype, bool)>,
    words: Vec<u32>,
    prediction: u32,
    outcome: u32,
    probabilities: Vec<u32>,
    expected_loss: u32,
    paths: Vec<(u32, u16)>,
}

impl Reader {
    /// Compiles `spec`; `key` keys the hash of ids. Without `timed` no time is read and every row
    /// is at 1970.
    pub fn new(spec: &ReaderSpec, plan: &FieldPlan, key: &[u8; 16], timed: bool) -> Reader {
        let slot = |path: &Path| plan.slot(path);
        let value = |value: &Option<ValueSpec>| value.as_ref().map_or(NONE, |v| slot(&v.path));
        let ids = if spec.keeps_ids { spec.id.as_slice() } else { &[] };
        let numbers = spec.numbers.iter().map(|f| (slot(&f.path), dtype(f.kind), f.coerce));
        let slots = Slots {
            id: ids.iter().map(slot).collect(),
            time: if timed { slot(&spec.time.path) } else { NONE },
            version: spec.version.as_ref().map_or(NONE, slot),
            filter: spec.filter.as_ref().map_or(NONE, |filter| slot(&filter.path)),
            numbers: numbers.collect(),
            words: spec.words.iter().map(|field| slot(&field.path)).collect(),
            prediction: value(&spec.prediction),
            outcome: value(&spec.outcome),
            probabilities: spec.probabilities.iter().map(slot).collect(),
            expected_loss: spec.expected_loss.as_ref().map_or(NONE, slot),
            paths: spec.paths.iter().map(|(path, ix)| (slot(path), *ix)).collect(),
        };
        let columns = spec.numbers.len() + spec.probabilities.len() + spec.words.len() + 4;
        Reader {
            batch: empty_batch(spec, 0),
            row_bytes: 24 + 8 * columns + 16 * usize::from(spec.keeps_ids),
            word_bytes: 0,
            unseen: slots.paths.clone(),
            seen: Vec::new(),
            scratch: String::new(),
            hasher: SipHasher13::new_with_key(key),
            slots,
            spec: spec.clone(),
        }
    }

    /// Whether the filter wants the record.
    pub fn wants(&mut self, view: &View<'_>) -> bool {
        match &self.spec.filter {
            None => true,
            Some(filter) => filter.test.passes(view, self.slots.filter, &mut self.scratch),
        }
    }

    /// Notes the configured paths that the record holds: all of a wanted record, the filter's own
    /// of any record.
    pub fn note_seen(&mut self, view: &View<'_>, wanted: bool) {
        if self.unseen.is_empty() {
            return;
        }
        let (seen, filter) = (&mut self.seen, self.slots.filter);
        self.unseen.retain(|&(slot, ix)| {
            let there = (wanted || slot == filter) && view.cell(slot) != Cell::Missing;
            if there {
                seen.push(ix);
            }
            !there
        });
    }

    /// Filter, id and time of a record.
    pub fn judge(&mut self, view: &View<'_>, stamp: &Stamp) -> Judgement {
        let wanted = self.wants(view);
        self.note_seen(view, wanted);
        if !wanted {
            return Judgement::Unwanted;
        }
        match self.id(view).and_then(|id| Ok(Head { time: self.time(view, stamp)?, id })) {
            Ok(head) => Judgement::Taken(head),
            Err(refusal) => Judgement::Refused(refusal),
        }
    }

    /// The hash of the id; 0 where none is kept.
    pub fn id(&mut self, view: &View<'_>) -> Result<u128, Refusal> {
        if !self.spec.keeps_ids {
            return Ok(0);
        }
        let mut hasher = self.hasher;
        for (&slot, path) in self.slots.id.iter().zip(&self.spec.id) {
            let refuse = |why| Err(Refusal::new(Reason::MissingId, format!("{path} {why}")));
            let part = match view.word(slot, &mut self.scratch) {
                Ok("") => return refuse("is empty"),
                Ok(part) => part,
                Err(Absent::Missing) => return refuse("is not there"),
                Err(Absent::Null) => return refuse("is null"),
                Err(Absent::Nan) => return refuse("is NaN"),
                Err(Absent::BadType) => return refuse("is a list or an object"),
            };
            // The length keeps ("ab", "c") and ("a", "bc") apart.
            hasher.write(&(part.len() as u64).to_le_bytes());
            hasher.write(part.as_bytes());
        }
        Ok(hasher.finish128().as_u128())
    }

    /// The event time.
    pub fn time(&self, view: &View<'_>, stamp: &Stamp) -> Result<Time, Refusal> {
        if self.slots.time == NONE {
            return Ok(Time(0));
        }
        let zone = self.spec.time.zone.as_ref();
        time::read(view, self.slots.time, zone, self.spec.coerce)
            .and_then(|time| {
                let max_ahead = self.spec.max_ahead;
                Bounds { now: stamp.now, logged: stamp.logged, max_ahead }.check(time)
            })
            .map_err(|refusal| Refusal {
                detail: format!("{}: {}", self.spec.time.path, refusal.detail),
                ..refusal
            })
    }

    /// Appends the row that [`Reader::judge`] took.
    pub fn push(&mut self, view: &View<'_>, stamp: &Stamp, head: Head) {
        let Reader { slots, batch, scratch, word_bytes, spec, .. } = self;
        batch.offsets.push(stamp.offset);
        batch.times.push(head.time);
        batch.logged.push(stamp.logged.unwrap_or(head.time));
        if spec.keeps_ids {
            batch.ids.push(head.id);
        }
        if spec.version.is_some() {
            *word_bytes += push_word(&mut batch.versions, view, slots.version, scratch);
        }
        for (column, &(slot, dtype, coerce)) in batch.numbers.iter_mut().zip(&slots.numbers) {
            push_number(column, view, slot, dtype, coerce);
        }
        for (column, &slot) in batch.words.iter_mut().zip(&slots.words) {
            *word_bytes += push_word(column, view, slot, scratch);
        }
        for (column, &slot) in batch.probabilities.iter_mut().zip(&slots.probabilities) {
            push_number(column, view, slot, Dtype::F64, spec.coerce);
        }
        if let Some(column) = &mut batch.expected_loss {
            push_number(column, view, slots.expected_loss, Dtype::F64, spec.coerce);
        }
        let values = [
            (&mut batch.prediction, &spec.prediction, slots.prediction),
            (&mut batch.outcome, &spec.outcome, slots.outcome),
        ];
        for (column, value, slot) in values {
            match (column, value) {
                (Some(Values::Numbers(column)), Some(value)) => {
                    push_number(column, view, slot, dtype(value.kind), spec.coerce);
                }
                (Some(Values::Words(column)), _) => {
                    *word_bytes += push_word(column, view, slot, scratch);
                }
                _ => {}
            }
        }
    }

    /// Whether a record without payload can take an outcome back: its id stands around the
    /// payload, and so does what the filter asks.
    pub fn withdraws(&mut self, view: &View<'_>) -> bool {
        let around = |path: &Path| !matches!(path.place(), Place::Payload(_));
        let by_key = self.spec.role == crate::event::Role::Outcome
            && self.spec.keeps_ids
            && self.spec.id.iter().all(around);
        let filtered = self.spec.filter.as_ref().is_some_and(|filter| around(&filter.path));
        by_key && (!filtered || self.wants(view))
    }

    /// Appends the row of a withdrawn outcome.
    pub fn push_withdrawn(&mut self, stamp: &Stamp, head: Head) {
        let nulls = super::cell::Cells::nulls(&[self.slots.outcome, self.slots.version]);
        self.push(&nulls.view(b""), stamp, head);
    }

    /// Rows taken.
    pub fn rows(&self) -> usize {
        self.batch.offsets.len()
    }

    /// Memory held by the rows, roughly.
    pub fn bytes(&self) -> usize {
        self.rows() * self.row_bytes + self.word_bytes
    }

    /// Hands the rows out, and the configured paths seen since the last time.
    pub fn take(&mut self) -> (Batch, Vec<u16>) {
        let fresh = empty_batch(&self.spec, self.rows());
        self.word_bytes = 0;
        self.unseen.clone_from(&self.slots.paths);
        (std::mem::replace(&mut self.batch, fresh), std::mem::take(&mut self.seen))
    }
}

/// Columns of the right number and type, with room for as many rows as last time.
fn empty_batch(spec: &ReaderSpec, room: usize) -> Batch {
    let numbers = || Numbers { values: Vec::with_capacity(room), absent: Vec::new() };
    let words = || Words { places: Vec::with_capacity(room), ..Words::default() };
    let values = |value: &ValueSpec| match value.kind {
        SeriesKind::Numeric(_) => Values::Numbers(numbers()),
        SeriesKind::Category => Values::Words(words()),
    };
    Batch {
        offsets: Vec::with_capacity(room),
        times: Vec::with_capacity(room),
        logged: Vec::with_capacity(room),
        ids: Vec::with_capacity(if spec.keeps_ids { room } else { 0 }),
        versions: if spec.version.is_some() { words() } else { Words::default() },
        numbers: spec.numbers.iter().map(|_| numbers()).collect(),
        words: spec.words.iter().map(|_| words()).collect(),
        prediction: spec.prediction.as_ref().map(values),
        probabilities: spec.probabilities.iter().map(|_| numbers()).collect(),
        expected_loss: spec.expected_loss.as_ref().map(|_| numbers()),
        outcome: spec.outcome.as_ref().map(values),
    }
}

fn dtype(kind: SeriesKind) -> Dtype {
    match kind {
        SeriesKind::Numeric(dtype) => dtype,
        SeriesKind::Category => Dtype::F64,
    }
}

fn push_number(column: &mut Numbers, view: &View<'_>, slot: u32, dtype: Dtype, coerce: bool) {
    match view.number(slot, coerce) {
        Ok(value) => column.push(dtype.round(value)),
        Err(why) => column.push_absent(why),
    }
}

/// A word as its column holds it.
pub(super) fn word<'s, 'a: 's>(
    view: &View<'a>,
    slot: u32,
    scratch: &'s mut String,
) -> Result<&'s str, Absent> {
    view.word(slot, scratch)
        .and_then(|word| if word.len() > LONGEST_WORD { Err(Absent::BadType) } else { Ok(word) })
}

/// Appends a word; returns the memory that it took beside its place.
fn push_word(column: &mut Words, view: &View<'_>, slot: u32, scratch: &mut String) -> usize {
    let before = column.list.len();
    match word(view, slot, scratch) {
        Ok(word) => {
            column.push(word);
            (column.list.len() - before) * (word.len() + 16)
        }
        Err(why) => {
            column.push_absent(why);
            0
        }
    }
}
