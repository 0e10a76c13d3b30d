//! Framed Avro records of one rich schema.

use std::sync::Arc;

use driftd::event::Time;
use driftd::stats::Params;
use driftd::wire::{
    FORMATS, FormatSpec, Record, SchemaBook, SchemaId, Supplies, TopicDecoder, Written,
};
use serde_json::{Map, Value};

use super::spec;

const NOW: Time = Time(1_767_225_600_000_000);

const SCHEMA: &str = r#"{"type":"record","name":"R","fields":[
    {"name":"id","type":["null","string","long"]},
    {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"w","type":"boolean"},
    {"name":"a","type":{"type":"record","name":"A","fields":[
        {"name":"b","type":"bytes"},{"name":"next","type":["null","A"]}]}},
    {"name":"v","type":{"type":"enum","name":"E","symbols":["one","two"]}},
    {"name":"x","type":{"type":"bytes","logicalType":"decimal","precision":20,"scale":3}},
    {"name":"f","type":{"type":"map","values":["null","float","A"]}},
    {"name":"l","type":{"type":"array","items":["null","double",{"type":"array","items":"null"}]}},
    {"name":"c","type":{"type":"fixed","name":"F","size":5}},
    {"name":"p","type":"float"},
    {"name":"o","type":["null","double"]},
    {"name":"q","type":{"type":"map","values":"double"}}]}"#;

struct Shelf(Arc<SchemaBook>);

impl Supplies for Shelf {
    fn registry(&self, _: &str) -> Result<Arc<SchemaBook>, String> {
        Ok(Arc::clone(&self.0))
    }

    fn text(&self, _: &str) -> Result<String, String> {
        Err("no file".to_owned())
    }
}

pub fn run(bytes: &[u8]) {
    let book = Arc::<SchemaBook>::default();
    let written = Written { language: "AVRO".into(), text: SCHEMA.into(), references: Vec::new() };
    book.put(SchemaId::Number(7), Ok(Arc::new(written)));
    let mut options = Map::new();
    options.insert("registry".to_owned(), Value::from("main"));
    let avro = FORMATS.iter().find(|kind| kind.name == "avro").expect("there is Avro");
    let format = (avro.build)(&mut Params::new(options), &Shelf(book)).expect("it is complete");
    let spec = FormatSpec { format, max_bytes: 1 << 20 };
    let mut decoder = TopicDecoder::new(&[spec::reader()], &spec, &[7; 16]);
    let payload = [&[0, 0, 0, 0, 7], bytes].concat();
    let record = Record { timestamp: Some(NOW), key: Some(b"k"), ..Record::alone(&payload) };
    let whole = decoder.decode(&record, NOW);
    assert!(whole.held.is_none());
    // As the first bytes name whatever schema they like.
    let _ = decoder.decode(&Record::alone(bytes), NOW);
    assert_eq!(whole, decoder.decode(&record, NOW), "a record before it left something");
    decoder.take();
}
