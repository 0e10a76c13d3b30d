//! Records of a topic on their way into rows.

use super::*;
use crate::event::{Role, Time};
use crate::stats::Params;
use crate::wire::{FORMATS, FormatSpec, ReaderSpec, TopicDecoder};

fn now() -> Time {
    Time::parse("2026-11-01T12:00:00Z").unwrap()
}

#[test]
fn a_record_whose_schema_is_not_known_yet_leaves_no_trace() {
    let book = Arc::new(SchemaBook::default());
    struct Shelf(Arc<SchemaBook>);
    impl Supplies for Shelf {
        fn registry(&self, _: &str) -> Result<Arc<SchemaBook>, String> {
            Ok(self.0.clone())
        }
        fn text(&self, file: &str) -> Result<String, String> {
            Err(file.to_owned())
        }
    }
    let mut options = serde_json::Map::new();
    options.insert("registry".to_owned(), "main".into());
    let avro = FORMATS.iter().find(|kind| kind.name == "avro").unwrap();
    let format = (avro.build)(&mut Params::new(options), &Shelf(book.clone())).unwrap();
    let format = FormatSpec { format, max_bytes: 100 };
    let spec = ReaderSpec::of_time(0, Role::Prediction);
    let mut decoder = TopicDecoder::new(&[spec], &format, &[0; 16]);
    let id = SchemaId::Number(7);
    let at = (now().0 / 1_000_000) as u64;
    // A long in the encoding of Avro, beyond its frame.
    let mut payload = vec![0, 0, 0, 0, 7];
    let mut rest = at << 1;
    while rest >= 0x80 {
        payload.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    payload.push(rest as u8);
    let avro = Record::alone(&payload);
    let held = decoder.decode(&avro, now());
    assert_eq!((held.held, held.accepted, &held.bad), (Some(id), 0, &None));
    assert!(!decoder.knows(id) && decoder.rows() == 0);
    let schema = r#"{"type":"record","name":"R","fields":[{"name":"at","type":"long"}]}"#;
    let written = Written { language: "AVRO".into(), text: schema.into(), references: Vec::new() };
    book.put(id, Ok(Arc::new(written)));
    assert!(decoder.knows(id));
    let read = decoder.decode(&avro, now());
    assert_eq!((read.held, read.accepted, &read.bad), (None, 1, &None));
    let shown = decoder.show(&avro, now());
    assert!(shown.readers[0].fields.iter().any(|f| f.path == "at" && f.found == "long"));
    assert!(decoder.take().refused.is_empty());
}
