//! Bad input, and how each is told from the others.

use proptest::prelude::*;

use super::*;
use crate::wire::decoder::Record;

const PAIR: &str = r#"{"type":"record","name":"Pair","fields":[
    {"name":"name","type":"string"},{"name":"list","type":{"type":"array","items":"double"}},
    {"name":"nothing","type":{"type":"array","items":"null"}},
    {"name":"map","type":{"type":"map","values":"boolean"}}]}"#;

/// The largest block that a negative count can announce.
const HUGE: [u8; 10] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];

#[test]
fn each_way_of_being_wrong_has_its_reason() {
    for paths in [&["name", "list.0", "nothing.3", "map.a"][..], &["name"], &["map.a"]] {
        let mut setup = Setup::bare(PAIR, paths);
        let named = |rest: &[u8]| [&[2, b'a'], rest].concat();
        for (payload, reason) in [
            (named(&[0, 0]), Reason::Truncated),
            (vec![], Reason::Truncated),
            (named(&[0, 0, 0, 7]), Reason::TrailingBytes),
            (vec![1, b'a', 0, 0, 0], Reason::BadAvro),
            (vec![0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], Reason::Truncated),
            (vec![0xff; 11], Reason::BadAvro),
            (named(&[0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0]), Reason::Truncated),
            (named(&[&HUGE[..], &[0, 0, 0, 0]].concat()), Reason::BadAvro),
            (named(&[1, 1, 0, 0, 0]), Reason::BadAvro),
            (named(&[0, 0, 2, 2, b'a', 7]), Reason::Truncated),
        ] {
            let found = setup.read(&payload).map_err(|unread| unread.refusal().reason);
            let lax = reason == Reason::Truncated && found == Err(Reason::BadAvro);
            assert!(found == Err(reason) || lax, "{paths:?} {payload:?}: {found:?}");
        }
    }
    let mut setup = Setup::bare(PAIR, &["name", "map.a"]);
    assert_eq!(setup.reason(&[2, 0xff, 0, 0, 0]), Reason::BadUtf8);
    assert_eq!(setup.reason(&[2, b'a', 0, 0, 2, 2, b'a', 7, 0]), Reason::BadAvro);
}

#[test]
fn any_number_of_nothings_is_passed_at_once() {
    let mut setup = Setup::bare(PAIR, &["nothing.3", "map.a"]);
    let payload = [&[0, 0][..], &HUGE, &[0], &HUGE, &[0, 0, 0]].concat();
    assert_eq!(setup.found(&payload), ["null", "missing"]);
}

#[test]
fn blocks_are_as_long_as_they_say() {
    let schema = r#"{"type":"record","name":"R","fields":[
        {"name":"m","type":{"type":"map","values":"int"}}]}"#;
    let mut setup = Setup::bare(schema, &["m.a"]);
    assert_eq!(setup.found(&[1, 6, 2, b'a', 10, 0]), ["whole 5"]);
    assert_eq!(setup.reason(&[1, 8, 2, b'a', 10, 0]), Reason::BadAvro);
}

#[test]
fn frames_name_the_schema_or_are_refused() {
    let book = book(&[(7, PAIR)]);
    let mut setup = Setup::framed(&book, None, &["name"]);
    let datum = [2, b'a', 0, 0, 0];
    assert_eq!(setup.found(&framed(7, &datum)), ["text a"]);
    assert_eq!(setup.reason(b"{\"name\":\"a\"}"), Reason::NoSchemaId);
    assert_eq!(setup.reason(&[0, 0, 0]), Reason::Truncated);
    assert_eq!(setup.reason(&[]), Reason::Empty);
    assert_eq!(setup.read(&framed(8, &datum)), Err(Unread::Held(SchemaId::Number(8))));
    assert!(!setup.reader.knows(SchemaId::Number(8)));
    book.put(SchemaId::Number(8), Err(Refusal::new(Reason::UnknownSchema, "not there")));
    assert!(setup.reader.knows(SchemaId::Number(8)));
    assert_eq!(setup.reason(&framed(8, &datum)), Reason::UnknownSchema);
    // It may come later.
    book.put(SchemaId::Number(8), Ok(Arc::new(written(PAIR))));
    assert_eq!(setup.found(&framed(8, &datum)), ["text a"]);
}

#[test]
fn the_header_names_the_schema_too() {
    let guid: [u8; 16] = std::array::from_fn(|i| i as u8);
    let book = book(&[(7, PAIR)]);
    book.put(SchemaId::Guid(guid), Ok(Arc::new(written(PAIR))));
    let mut setup = Setup::framed(&book, None, &["name"]);
    let datum = [2, b'b', 0, 0, 0];
    for (header, want) in [
        ([&[1][..], &guid].concat(), Ok(())),
        (vec![0, 0, 0, 0, 7], Ok(())),
        (vec![1, 2, 3], Err(Reason::NoSchemaId)),
        (vec![], Err(Reason::NoSchemaId)),
    ] {
        let headers = [("other", &b"\x01"[..]), ("__value_schema_id", header.as_slice())];
        let record = Record { headers: &headers, ..Record::alone(&datum) };
        let read = setup.read_record(&record).map_err(|unread| unread.refusal().reason);
        assert_eq!(read, want, "{header:?}");
        if want.is_ok() {
            assert_eq!(setup.words(&datum), ["text b"]);
        }
    }
}

#[test]
fn schemas_of_other_formats_and_broken_ones_are_told_apart() {
    let book = SchemaBook::default();
    let put = |id, language: &str, text: &str| {
        let written =
            Written { language: language.to_owned(), text: text.to_owned(), references: vec![] };
        book.put(SchemaId::Number(id), Ok(Arc::new(written)));
    };
    put(1, "PROTOBUF", "syntax = \"proto3\";");
    put(2, "JSON", "{\"type\":\"object\"}");
    put(3, "AVRO", "{\"type\":\"record\"}");
    put(4, "AVRO", "\"string\"");
    put(5, "AVRO", &format!("{}\"int\"{}", "[".repeat(100_000), "]".repeat(100_000)));
    let book = Arc::new(book);
    let mut setup = Setup::framed(&book, None, &["name"]);
    for (id, reason) in [
        (1, Reason::OtherSchema),
        (2, Reason::OtherSchema),
        (3, Reason::BadSchema),
        (4, Reason::NotObject),
        (5, Reason::BadSchema),
    ] {
        assert_eq!(setup.reason(&framed(id, &[0])), reason, "{id}");
        assert_eq!(setup.reason(&framed(id, &[0])), reason, "{id} again");
    }
}

proptest! {
    #[test]
    fn no_bytes_do_any_harm(payload in proptest::collection::vec(any::<u8>(), 0..64)) {
        let mut setup = Setup::bare(PAIR, &["name", "list.1", "nothing.2", "map.a"]);
        let _ = setup.read(&payload);
        let mut setup = Setup::framed(&book(&[(1, PAIR)]), None, &["name", "map.b"]);
        let _ = setup.read(&payload);
        let _ = setup.read(&framed(1, &payload));
    }

    #[test]
    fn no_schema_does_any_harm(text in "[\\[\\]{}\":, a-z0-9]{0,80}") {
        if let Ok(parsed) = Parsed::new(&written(&text)) {
            let _ = parsed.paths();
        }
    }
}
