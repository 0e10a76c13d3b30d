mod corpus;
mod decoder;
mod defaults;
mod differential;
mod evolution;
mod hostile;
mod kinds;

use std::sync::Arc;

use apache_avro::Schema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;

use super::*;
use crate::wire::cell::{Cell, Cells};
use crate::wire::path::Path;

/// A registry's schemas as a test wants them.
fn written(text: &str) -> Written {
    Written { language: "AVRO".to_owned(), text: text.to_owned(), references: Vec::new() }
}

/// What the apache crate makes of a value.
fn encoded(schema: &Schema, value: Value) -> Vec<u8> {
    let writer = GenericDatumWriter::builder(schema).build().unwrap();
    let mut bytes = Vec::new();
    writer.write_value(&mut bytes, value).unwrap();
    bytes
}

/// Reads data along some paths.
struct Setup {
    paths: Vec<Path>,
    plan: Arc<FieldPlan>,
    reader: Box<dyn PayloadReader>,
    cells: Cells,
}

impl Setup {
    /// Bare records of one schema.
    fn bare(schema: &str, paths: &[&str]) -> Setup {
        Setup::of(paths, |plan| bare(&written(schema), plan))
    }

    /// Records that name their schema.
    fn framed(book: &Arc<SchemaBook>, view: Option<&str>, paths: &[&str]) -> Setup {
        let view = view.map(|text| Arc::new(Parsed::new(&written(text)).unwrap()));
        let format = Avro {
            registry: Some("main".to_owned()),
            subject: None,
            book: Some(Arc::clone(book)),
            view,
        };
        Setup::of(paths, |plan| format.reader(plan))
    }

    fn of(paths: &[&str], reader: impl FnOnce(&Arc<FieldPlan>) -> Box<dyn PayloadReader>) -> Setup {
        let paths: Vec<Path> = paths.iter().map(|path| Path::parse(path).unwrap()).collect();
        let plan = Arc::new(FieldPlan::new(&paths));
        let reader = reader(&plan);
        let cells = Cells::new(plan.slots());
        Setup { paths, plan, reader, cells }
    }

    fn read(&mut self, payload: &[u8]) -> Result<(), Unread> {
        self.read_record(&Record::alone(payload))
    }

    fn read_record(&mut self, record: &Record<'_>) -> Result<(), Unread> {
        self.cells.clear();
        self.reader.read(record, record.payload.unwrap(), &mut self.cells)
    }

    fn reason(&mut self, payload: &[u8]) -> Reason {
        self.read(payload).unwrap_err().refusal().reason
    }

    /// What stands at the paths, in words.
    fn found(&mut self, payload: &[u8]) -> Vec<String> {
        self.read(payload).unwrap();
        self.words(payload)
    }

    fn words(&self, payload: &[u8]) -> Vec<String> {
        let view = self.cells.view(payload);
        let word = |path| match view.cell(self.plan.slot(path)) {
            Cell::Missing => "missing".to_owned(),
            Cell::Null => "null".to_owned(),
            Cell::Nested => "nested".to_owned(),
            Cell::Bool(value) => value.to_string(),
            Cell::Whole(value) => format!("whole {value}"),
            Cell::Float(value) => format!("float {value:?}"),
            Cell::Number { text, .. } => format!("whole {}", view.text(text)),
            Cell::Text(text) => format!("text {}", view.text(text)),
            Cell::Time(time) => format!("time {}", time.0),
        };
        self.paths.iter().map(word).collect()
    }
}

fn bare(written: &Written, plan: &FieldPlan) -> Box<dyn PayloadReader> {
    let ready = Ready::new(Parsed::new(written).unwrap(), None, plan).map(Arc::new);
    Box::new(Bare { ready })
}

/// A payload with the zero byte and the number of its schema.
fn framed(id: u32, datum: &[u8]) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), datum].concat()
}

fn book(schemas: &[(u32, &str)]) -> Arc<SchemaBook> {
    let book = SchemaBook::default();
    for (id, text) in schemas {
        book.put(SchemaId::Number(*id), Ok(Arc::new(written(text))));
    }
    Arc::new(book)
}
