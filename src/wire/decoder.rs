//! Records of one topic become batches of all its readers.

use std::sync::Arc;

use super::PayloadReader;
use super::cell::{Cell, Cells};
use super::path::Place;
use super::plan::FieldPlan;
use super::reason::{Reason, Refusal, Unread};
use super::row::{Judgement, Reader, Stamp};
use super::schemas::SchemaId;
use super::spec::{FormatSpec, ReaderSpec};
use crate::event::{Batch, ModelIx, Role, Time};

/// The headers of a record.
pub trait Headers {
    /// Shows every header, in their order.
    fn each<'s>(&'s self, show: &mut dyn FnMut(&'s str, Option<&'s [u8]>));

    /// The value of the last header of a name.
    fn find<'s>(&'s self, name: &str) -> Option<&'s [u8]> {
        let mut found = None;
        self.each(&mut |key, value| {
            if key == name {
                found = value;
            }
        });
        found
    }
}

impl<const N: usize> Headers for [(&str, &[u8]); N] {
    fn each<'s>(&'s self, show: &mut dyn FnMut(&'s str, Option<&'s [u8]>)) {
        self.iter().for_each(|(key, value)| show(key, Some(value)));
    }
}

/// A record as it came from Kafka, borrowed.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Its timestamp; `None` where the record carries none.
    pub timestamp: Option<Time>,
    /// Key.
    pub key: Option<&'a [u8]>,
    /// Payload; `None` for a tombstone.
    pub payload: Option<&'a [u8]>,
    /// Headers.
    pub headers: &'a dyn Headers,
}

static NONE: [(&str, &[u8]); 0] = [];

impl<'a> Record<'a> {
    /// A payload with nothing around it.
    #[must_use]
    pub fn alone(payload: &'a [u8]) -> Record<'a> {
        Record {
            topic: "",
            partition: 0,
            offset: 0,
            timestamp: None,
            key: None,
            payload: Some(payload),
            headers: &NONE,
        }
    }
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Rows it gave, over all readers.
    pub accepted: u16,
    /// No reader wanted it.
    pub unmatched: bool,
    /// A reader that wanted it could not use it; the first one's reason.
    pub bad: Option<Bad>,
    /// It cannot be read before this schema is known: nothing came of it, and it must be shown
    /// again.
    pub held: Option<SchemaId>,
}

/// Why a record was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// The fixed word.
    pub reason: Reason,
    /// The model that could not use it; `None` where nobody could.
    pub model: Option<ModelIx>,
    /// Where and what, for a person.
    pub detail: String,
}

/// What a decoder hands out.
#[derive(Debug, Default)]
pub struct Taken {
    /// Rows per model and role; never an empty batch.
    pub batches: Vec<(ModelIx, Role, Batch)>,
    /// Refused records per model.
    pub refused: Vec<(ModelIx, u64)>,
    /// Configured paths that were seen, per model: places in its list of paths, ascending.
    pub seen: Vec<(ModelIx, Vec<u16>)>,
}

/// Reads the records of one topic for all models that want them.
#[derive(Debug)]
pub struct TopicDecoder {
    pub(super) plan: Arc<FieldPlan>,
    pub(super) format: Box<dyn PayloadReader>,
    max_bytes: usize,
    pub(super) cells: Cells,
    pub(super) readers: Vec<Reader>,
    /// Each model once, with its refused records.
    refused: Vec<(ModelIx, u64)>,
}

impl TopicDecoder {
    /// A decoder for these readers of one topic. `key` keys the hash of ids: it must stay the
    /// same as long as anything that was hashed is kept.
    #[must_use]
    pub fn new(readers: &[ReaderSpec], format: &FormatSpec, key: &[u8; 16]) -> TopicDecoder {
        let plan = Arc::new(FieldPlan::new(readers.iter().flat_map(ReaderSpec::every_path)));
        let mut models: Vec<ModelIx> = readers.iter().map(|reader| reader.model).collect();
        models.sort_unstable();
        models.dedup();
        TopicDecoder {
            format: format.format.reader(&plan),
            max_bytes: format.max_bytes,
            cells: Cells::new(plan.slots()),
            readers: readers.iter().map(|spec| Reader::new(spec, &plan, key, true)).collect(),
            refused: models.into_iter().map(|model| (model, 0)).collect(),
            plan,
        }
    }

    /// Reads a record and appends its rows; `now` is our clock.
    pub fn decode(&mut self, record: &Record<'_>, now: Time) -> Decoded {
        let stamp = Stamp { offset: record.offset, logged: record.timestamp, now: Some(now) };
        let Some(payload) = record.payload else { return self.tombstone(record, &stamp) };
        match self.fill(record, payload) {
            Ok(()) => {}
            Err(Unread::Refused(refusal)) => return self.refuse_all(refusal),
            Err(Unread::Held(id)) => {
                return Decoded { accepted: 0, unmatched: false, bad: None, held: Some(id) };
            }
        }
        let view = self.cells.view(payload);
        let mut decoded = Decoded { accepted: 0, unmatched: false, bad: None, held: None };
        let mut last_refused = None;
        for reader in &mut self.readers {
            match reader.judge(&view, &stamp) {
                Judgement::Unwanted => {}
                Judgement::Taken(head) => {
                    reader.push(&view, &stamp, head);
                    decoded.accepted += 1;
                }
                Judgement::Refused(Refusal { reason, detail }) => {
                    let model = reader.spec.model;
                    // Readers of one model may refuse the same record: it counts once.
                    if last_refused != Some(model) {
                        last_refused = Some(model);
                        count(&mut self.refused, model);
                    }
                    decoded.bad.get_or_insert(Bad { reason, model: Some(model), detail });
                }
            }
        }
        decoded.unmatched = decoded.accepted == 0 && decoded.bad.is_none();
        decoded
    }

    /// Fills the cells with a record.
    pub(super) fn fill(&mut self, record: &Record<'_>, payload: &[u8]) -> Result<(), Unread> {
        self.fill_around(record);
        if payload.len() > self.max_bytes {
            let (size, limit) = (payload.len(), self.max_bytes);
            let detail = format!("{size} bytes; the limit is {limit}");
            return Err(Refusal::new(Reason::TooLarge, detail).into());
        }
        self.format.read(record, payload, &mut self.cells)
    }

    /// Whether a record that was held back for this schema can be read now, or refused.
    #[must_use]
    pub fn knows(&self, id: SchemaId) -> bool {
        self.format.knows(id)
    }

    /// Fills what stands around the payload.
    pub(super) fn fill_around(&mut self, record: &Record<'_>) {
        self.cells.clear();
        for (place, slot) in self.plan.around() {
            let bytes = match place {
                Place::Key => record.key,
                Place::Header(name) => record.headers.find(name),
                Place::Timestamp => {
                    if let Some(time) = record.timestamp {
                        self.cells.set(*slot, Cell::Time(time));
                    }
                    None
                }
                Place::Payload(_) => None,
            };
            if let Some(bytes) = bytes {
                let text = self.cells.keep_bytes(bytes);
                self.cells.set(*slot, Cell::Text(text));
            }
        }
    }

    fn tombstone(&mut self, record: &Record<'_>, stamp: &Stamp) -> Decoded {
        self.fill_around(record);
        let view = self.cells.view(b"");
        let mut accepted = 0;
        if let Some(time) = record.timestamp {
            for reader in &mut self.readers {
                if reader.withdraws(&view)
                    && let Ok(id) = reader.id(&view)
                {
                    reader.push_withdrawn(stamp, super::row::Head { time, id });
                    accepted += 1;
                }
            }
        }
        if accepted > 0 {
            return Decoded { accepted, unmatched: false, bad: None, held: None };
        }
        self.refuse_all(Refusal::new(
            Reason::Tombstone,
            "no payload; only outcomes whose id is kafka.key can be withdrawn by one",
        ))
    }

    fn refuse_all(&mut self, Refusal { reason, detail }: Refusal) -> Decoded {
        for (_, refused) in &mut self.refused {
            *refused += 1;
        }
        let bad = Some(Bad { reason, model: None, detail });
        Decoded { accepted: 0, unmatched: false, bad, held: None }
    }

    /// Rows held.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.readers.iter().map(Reader::rows).sum()
    }

    /// Memory held by the rows, roughly, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.readers.iter().map(Reader::bytes).sum()
    }

    /// Hands out everything since the last time.
    pub fn take(&mut self) -> Taken {
        let mut taken = Taken::default();
        for reader in &mut self.readers {
            let model = reader.spec.model;
            let (batch, seen) = reader.take();
            if !batch.offsets.is_empty() {
                taken.batches.push((model, reader.spec.role, batch));
            }
            match taken.seen.iter_mut().find(|(known, _)| *known == model) {
                Some((_, all)) => all.extend(seen),
                None if seen.is_empty() => {}
                None => taken.seen.push((model, seen)),
            }
        }
        for (_, seen) in &mut taken.seen {
            seen.sort_unstable();
            seen.dedup();
        }
        for (model, refused) in &mut self.refused {
            if *refused > 0 {
                taken.refused.push((*model, std::mem::take(refused)));
            }
        }
        taken
    }
}

fn count(refused: &mut [(ModelIx, u64)], model: ModelIx) {
    if let Some((_, n)) = refused.iter_mut().find(|(known, _)| *known == model) {
        *n += 1;
    }
}
