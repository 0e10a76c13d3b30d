//! Avro: along the writer's schema, only the wanted places are kept.
//!
//! `apache-avro` parses schemas; data is read by an own projection plan, compiled once per schema
//! and reader: it builds no values, allocates nothing per event and passes what nobody wants by
//! its length. The tests hold it to what `apache-avro` decodes in full.

mod compile;
mod decimal;
mod default;
mod frame;
mod input;
mod leaf;
mod parsed;
mod program;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use hashbrown::HashMap;

use super::cell::Cells;
use super::decoder::Record;
use super::outline::Outline;
use super::plan::FieldPlan;
use super::reason::{Reason, Refusal};
use super::schemas::{SchemaBook, SchemaId, Written};
use super::{Built, Format, FormatKind, PayloadReader, Supplies, Unread};
use crate::stats::{OptionDoc, ParamError, Params};
pub use input::long;
use input::{Fault, Input};
use parsed::Parsed;
use program::Program;

/// `format = { kind = "avro", ... }`.
pub const KIND: FormatKind = FormatKind {
    name: "avro",
    doc: "Avro, its schema in a registry or in a file.",
    options: &[
        OptionDoc {
            name: "registry",
            kind: "text",
            default: "",
            doc: "the registry, by its name under `registries`, that knows the schema ids at the \
                  beginning of every record (a zero byte and 4 bytes) or in its header \
                  `__value_schema_id`",
        },
        OptionDoc {
            name: "schema",
            kind: "text",
            default: "",
            doc: "a file with a schema. Without a registry: the one that all records are written \
                  by. With one: the schema that the configuration is written for, instead of the \
                  latest one of the subject; types of features follow from it, its aliases and \
                  defaults serve records of other versions",
        },
        OptionDoc {
            name: "subject",
            kind: "text",
            default: "the topic and `-value`",
            doc: "subject of the registry whose latest schema the configuration is written for",
        },
    ],
    build,
};

fn build(params: &mut Params, around: &dyn Supplies) -> Built {
    let registry = params.text("registry");
    let registry = params.keep(registry).flatten();
    let file = params.text("schema");
    let file = params.keep(file).flatten();
    let subject = params.text("subject");
    let subject = params.keep(subject).flatten();
    let mut book = None;
    if let Some(name) = &registry {
        let found = around.registry(name).map_err(|why| ParamError::new("registry", why));
        book = params.keep(found);
    }
    let mut view = None;
    if let Some(file) = &file {
        let parsed = around.text(file).and_then(|text| {
            let written = Written { language: "AVRO".into(), text, references: Vec::new() };
            Parsed::new(&written).map_err(|refusal| refusal.detail)
        });
        let parsed = parsed.map_err(|why| ParamError::new("schema", format!("{file}: {why}")));
        view = params.keep(parsed).map(Arc::new);
    }
    if registry.is_none() && file.is_none() {
        let message = "is missing: write registry = \"NAME\" and a table [registries.NAME], or \
                       schema = \"FILE.avsc\"";
        params.keep::<()>(Err(ParamError::new("registry", message)));
    }
    if registry.is_none() && subject.is_some() {
        let message = "belongs to a registry; write registry = \"NAME\" too";
        params.keep::<()>(Err(ParamError::new("subject", message)));
    }
    params.settle()?;
    Ok(Arc::new(Avro { registry, subject, book, view }))
}

/// Reads records that follow one another without any frame, as in a file.
#[derive(Debug)]
pub struct Datums(Ready);

impl Datums {
    /// For records of one schema.
    ///
    /// # Errors
    /// The schema cannot be read, or describes no records.
    pub fn new(written: &Written, plan: &FieldPlan) -> Result<Datums, Refusal> {
        Ok(Datums(Ready::new(Parsed::new(written)?, None, plan)?))
    }

    /// Reads the record at `at`, which moves behind it, into `cells`, whose texts point into
    /// `bytes`.
    ///
    /// # Errors
    /// The bytes there are not one.
    pub fn next(&self, bytes: &[u8], at: &mut usize, cells: &mut Cells) -> Result<(), Refusal> {
        let mut input = Input { bytes, at: *at };
        walk(&self.0.program, &mut input, cells)?;
        *at = input.at;
        Ok(())
    }
}

/// What a schema says of its fields.
///
/// # Errors
/// It cannot be read.
pub fn outline(written: &Written) -> Result<Arc<dyn Outline>, Refusal> {
    Ok(Arc::new(Parsed::new(written)?))
}

/// A writer's schema, and the plan along it.
#[derive(Debug)]
struct Ready {
    parsed: Arc<Parsed>,
    program: Program,
}

impl Ready {
    fn new(
        parsed: impl Into<Arc<Parsed>>,
        view: Option<&Parsed>,
        plan: &FieldPlan,
    ) -> Result<Ready, Refusal> {
        let parsed = parsed.into();
        let program = compile::compile(&parsed, view, plan)?;
        Ok(Ready { parsed, program })
    }

    fn kind_at(&self, steps: &[String]) -> Option<String> {
        Some(self.parsed.find(steps)?.kind)
    }
}

#[derive(Debug, Clone)]
struct Avro {
    registry: Option<String>,
    subject: Option<String>,
    book: Option<Arc<SchemaBook>>,
    view: Option<Arc<Parsed>>,
}

impl Format for Avro {
    fn reader(&self, plan: &Arc<FieldPlan>) -> Box<dyn PayloadReader> {
        match (&self.book, &self.view) {
            (Some(book), view) => Box::new(Framed {
                plan: Arc::clone(plan),
                book: Arc::clone(book),
                view: view.clone(),
                known: HashMap::new(),
                latest: None,
            }),
            (None, Some(view)) => {
                let ready = Ready::new(view.clone(), None, plan).map(Arc::new);
                Box::new(Bare { ready })
            }
            // The builder makes none without both.
            (None, None) => Box::new(Bare {
                ready: Err(Refusal::new(Reason::BadSchema, "no schema is configured")),
            }),
        }
    }

    fn outline(&self) -> Option<Arc<dyn Outline>> {
        self.view.clone().map(|view| view as Arc<dyn Outline>)
    }

    fn registry(&self) -> Option<(&str, Option<&str>)> {
        Some((self.registry.as_deref()?, self.subject.as_deref()))
    }

    fn described_by(&self, schema: &Written) -> Result<Arc<dyn Format>, Refusal> {
        let view = Some(Arc::new(Parsed::new(schema)?));
        Ok(Arc::new(Avro { view, ..self.clone() }))
    }
}

/// Records of one schema.
#[derive(Debug)]
struct Bare {
    ready: Result<Arc<Ready>, Refusal>,
}

impl PayloadReader for Bare {
    fn read(
        &mut self,
        _record: &Record<'_>,
        payload: &[u8],
        cells: &mut Cells,
    ) -> Result<(), Unread> {
        match &self.ready {
            Ok(ready) => Ok(run(&ready.program, payload, 0, cells)?),
            Err(refusal) => Err(refusal.clone().into()),
        }
    }

    fn kind_at(&self, steps: &[String]) -> Option<String> {
        self.ready.as_ref().ok()?.kind_at(steps)
    }
}

/// Records that name their schema.
#[derive(Debug)]
struct Framed {
    plan: Arc<FieldPlan>,
    book: Arc<SchemaBook>,
    view: Option<Arc<Parsed>>,
    known: HashMap<SchemaId, Result<Arc<Ready>, Refusal>>,
    /// The schema of the record before: that of the next one too, nearly always.
    latest: Option<(SchemaId, Arc<Ready>)>,
}

impl PayloadReader for Framed {
    fn read(
        &mut self,
        record: &Record<'_>,
        payload: &[u8],
        cells: &mut Cells,
    ) -> Result<(), Unread> {
        let (id, start) = frame::id(record, payload)?;
        if let Some((latest, ready)) = &self.latest
            && *latest == id
        {
            return Ok(run(&ready.program, payload, start, cells)?);
        }
        let ready = self.ready(id)?;
        let read = run(&ready.program, payload, start, cells);
        self.latest = Some((id, ready));
        Ok(read?)
    }

    fn knows(&self, id: SchemaId) -> bool {
        self.known.contains_key(&id) || self.book.knows(id)
    }

    fn kind_at(&self, steps: &[String]) -> Option<String> {
        self.latest.as_ref()?.1.kind_at(steps)
    }
}

impl Framed {
    fn ready(&mut self, id: SchemaId) -> Result<Arc<Ready>, Unread> {
        if let Some(known) = self.known.get(&id) {
            return Ok(known.clone()?);
        }
        let written = self.book.look(id).ok_or(Unread::Held(id))?;
        // Only what a schema itself makes impossible stays so.
        let written = written?;
        let ready = Parsed::new(&written)
            .and_then(|parsed| Ready::new(parsed, self.view.as_deref(), &self.plan))
            .map_err(|refusal| Refusal {
                detail: format!("schema {id}: {}", refusal.detail),
                ..refusal
            });
        let ready = ready.map(Arc::new);
        self.known.insert(id, ready.clone());
        Ok(ready?)
    }
}

/// Reads the datum that begins at `start` and must end with the payload.
fn run(program: &Program, payload: &[u8], start: usize, cells: &mut Cells) -> Result<(), Refusal> {
    let mut input = Input { bytes: payload, at: start };
    walk(program, &mut input, cells)?;
    match (input.left(), input.at) {
        (0, _) => Ok(()),
        (left, at) => {
            let detail = format!("{left} bytes follow the record at byte {at}");
            Err(Refusal::new(Reason::TrailingBytes, detail))
        }
    }
}

fn walk(program: &Program, input: &mut Input<'_>, cells: &mut Cells) -> Result<(), Refusal> {
    let Err(fault) = program.run(0, input, cells, 0) else { return Ok(()) };
    let at = input.at;
    let (reason, detail) = match fault {
        Fault::Ended => {
            let length = input.bytes.len();
            (Reason::Truncated, format!("ends after {length} bytes, in the middle of the record"))
        }
        Fault::Bad(what) => (Reason::BadAvro, format!("byte {at}: {what}")),
        Fault::Deep => (Reason::TooDeep, format!("byte {at}: too many values in each other")),
        Fault::NotText => (Reason::BadUtf8, format!("a text that ends at byte {at} is not UTF-8")),
    };
    Err(Refusal::new(reason, detail))
}
