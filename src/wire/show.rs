//! What was read of a record and what was refused, field by field, for `driftd decode`.

use std::borrow::Cow;

use serde::Serialize;

use super::cell::{Cell, LONGEST_WORD, View};
use super::decoder::{Record, TopicDecoder};
use super::path::Path;
use super::path::Place;
use super::reason::{Reason, Refusal, Unread, excerpt};
use super::row::{self, Reader, Stamp};
use super::schemas::SchemaId;
use super::time;
use crate::event::{Absent, ModelIx, Role, Time};
use crate::plan::SeriesKind;

/// A record as driftd sees it.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// The record's timestamp.
    pub timestamp: Option<Time>,
    /// Why nobody could read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<ShownRefusal>,
    /// The schema that must be known first; it is to be shown again then.
    #[serde(skip)]
    pub held: Option<SchemaId>,
    /// What each reader makes of it.
    pub readers: Vec<ShownReader>,
}

/// A refusal in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownRefusal {
    /// The fixed word.
    pub reason: Reason,
    /// Where and what.
    pub detail: String,
}

/// What one reader makes of a record.
#[derive(Debug, Clone, Serialize)]
pub struct ShownReader {
    /// The model's place in the plan; the caller knows its name.
    #[serde(skip)]
    pub model: ModelIx,
    /// `prediction` or `outcome`.
    pub role: &'static str,
    /// False where the filter does not want the record.
    pub wanted: bool,
    /// Why it was refused though wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<ShownRefusal>,
    /// Every configured field.
    pub fields: Vec<ShownField>,
}

/// One configured field of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownField {
    /// What it is for: `id`, `time`, `version`, `where`, `feature`, `prediction`, `probability`
    /// or `outcome`.
    pub part: &'static str,
    /// The configured path.
    pub path: String,
    /// What the record holds there: `missing`, `null`, `boolean`, `number`, `text`, `time`,
    /// `list or object`; where it has a schema, the type that this says.
    pub found: Cow<'static, str>,
    /// As it is used; `None` where there is nothing to use.
    pub value: Option<String>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl TopicDecoder {
    /// Reads a record as [`TopicDecoder::decode`] does and tells what it sees; takes no rows.
    pub fn show(&mut self, record: &Record<'_>, now: Time) -> Shown {
        let stamp = Stamp { offset: record.offset, logged: record.timestamp, now: Some(now) };
        let payload = record.payload.unwrap_or_default();
        let read = match record.payload {
            Some(payload) => self.fill(record, payload),
            None => {
                self.fill_around(record);
                let view = self.cells.view(b"");
                let withdraws = record.timestamp.is_some()
                    && self.readers.iter_mut().any(|r| r.withdraws(&view) && r.id(&view).is_ok());
                let detail = if withdraws { "withdraws an outcome" } else { "no payload" };
                Err(Refusal::new(Reason::Tombstone, detail).into())
            }
        };
        let mut shown = Shown {
            topic: record.topic.to_owned(),
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            refused: None,
            held: None,
            readers: Vec::new(),
        };
        match read {
            Err(Unread::Refused(refusal)) => shown.refused = Some(refusal.into()),
            Err(Unread::Held(id)) => shown.held = Some(id),
            Ok(()) => {
                let plan = &self.plan;
                let view = self.cells.view(payload);
                let slot = |path: &Path| plan.slot(path);
                let readers = self.readers.iter_mut();
                shown.readers = readers.map(|r| show(r, &view, &stamp, &slot)).collect();
                let fields = shown.readers.iter_mut().flat_map(|reader| &mut reader.fields);
                fields.for_each(|field| self.name_kind(field));
            }
        }
        shown
    }

    /// Where a schema says what a field is, its word says more than ours.
    fn name_kind(&self, field: &mut ShownField) {
        if matches!(&*field.found, "missing" | "null") {
            return;
        }
        if let Ok(path) = Path::parse(&field.path)
            && let Place::Payload(steps) = path.place()
            && let Some(kind) = self.format.kind_at(steps)
        {
            field.found = Cow::Owned(kind);
        }
    }
}

impl From<Refusal> for ShownRefusal {
    fn from(Refusal { reason, detail }: Refusal) -> ShownRefusal {
        ShownRefusal { reason, detail }
    }
}

fn show(
    reader: &mut Reader,
    view: &View<'_>,
    stamp: &Stamp,
    slot: &dyn Fn(&Path) -> u32,
) -> ShownReader {
    let wanted = reader.wants(view);
    let refused = reader.id(view).and_then(|_| reader.time(view, stamp)).err();
    let spec = &reader.spec;
    let mut fields = Vec::new();
    let words = |part: &'static str, path: &Path| as_word(part, path, view, slot(path));
    let number = |part, path: &Path, kind, coerce| match kind {
        SeriesKind::Category => words(part, path),
        SeriesKind::Numeric(dtype) => {
            let read = view.number(slot(path), coerce);
            let read = read.map(|value| dtype.round(value).to_string());
            let hint = "not a number; coerce = true reads numeric texts";
            field(part, path, view.cell(slot(path)), read, hint)
        }
    };
    if spec.keeps_ids {
        fields.extend(spec.id.iter().map(|path| words("id", path)));
    }
    let path = &spec.time.path;
    let time = time::read(view, slot(path), spec.time.zone.as_ref(), spec.coerce);
    fields.push(ShownField {
        part: "time",
        path: path.to_string(),
        found: found(view.cell(slot(path))).into(),
        value: time.as_ref().ok().map(Time::to_string),
        problem: reader.time(view, stamp).err().map(|refusal| refusal.detail),
    });
    fields.extend(spec.version.iter().map(|path| words("version", path)));
    fields.extend(spec.filter.iter().map(|filter| words("where", &filter.path)));
    let features = spec.numbers.iter().chain(&spec.words);
    fields.extend(features.map(|f| number("feature", &f.path, f.kind, f.coerce)));
    for (part, value) in [("prediction", &spec.prediction), ("outcome", &spec.outcome)] {
        fields.extend(value.iter().map(|v| number(part, &v.path, v.kind, spec.coerce)));
    }
    let kind = SeriesKind::Numeric(crate::stats::Dtype::F64);
    let probabilities = spec.probabilities.iter().map(|path| ("probability", path));
    let numbers =
        probabilities.chain(spec.expected_loss.iter().map(|path| ("expected_loss", path)));
    fields.extend(numbers.map(|(part, path)| number(part, path, kind, spec.coerce)));
    ShownReader {
        model: spec.model,
        role: match spec.role {
            Role::Prediction => "prediction",
            Role::Outcome => "outcome",
        },
        wanted,
        refused: refused.filter(|_| wanted).map(ShownRefusal::from),
        fields,
    }
}

fn as_word(part: &'static str, path: &Path, view: &View<'_>, slot: u32) -> ShownField {
    let mut scratch = String::new();
    let cell = view.cell(slot);
    // An id is hashed, whatever its length.
    let read = if part == "id" {
        view.word(slot, &mut scratch)
    } else {
        row::word(view, slot, &mut scratch)
    };
    let hint = match cell {
        Cell::Nested => "not a plain value".to_owned(),
        _ => format!("longer than {LONGEST_WORD} bytes"),
    };
    field(part, path, cell, read.map(excerpt), &hint)
}

fn field(
    part: &'static str,
    path: &Path,
    cell: Cell,
    read: Result<String, Absent>,
    hint: &str,
) -> ShownField {
    ShownField {
        part,
        path: path.to_string(),
        found: found(cell).into(),
        problem: matches!(read, Err(Absent::BadType)).then(|| hint.to_owned()),
        value: read.ok(),
    }
}

fn found(cell: Cell) -> &'static str {
    match cell {
        Cell::Missing => "missing",
        Cell::Null => "null",
        Cell::Bool(_) => "boolean",
        Cell::Number { .. } | Cell::Whole(_) | Cell::Float(_) => "number",
        Cell::Text(_) => "text",
        Cell::Time(_) => "time",
        Cell::Nested => "list or object",
    }
}
