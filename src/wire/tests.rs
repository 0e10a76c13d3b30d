use proptest::prelude::*;

use super::*;
use crate::event::{Absent, Batch, Role, Span, Time, Values};
use crate::plan::SeriesKind;
use crate::stats::Dtype;

const NUMERIC: SeriesKind = SeriesKind::Numeric(Dtype::F64);

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn field(text: &str, kind: SeriesKind, coerce: bool) -> FieldSpec {
    FieldSpec { path: path(text), kind, coerce }
}

fn value(text: &str, kind: SeriesKind) -> Option<ValueSpec> {
    Some(ValueSpec { path: path(text), kind })
}

fn now() -> Time {
    Time::parse("2026-11-01T12:00:00Z").unwrap()
}

fn spec(model: u16, role: Role) -> ReaderSpec {
    ReaderSpec { keeps_ids: true, id: vec![path("id")], ..ReaderSpec::of_time(model, role) }
}

fn predictions() -> ReaderSpec {
    let mut spec = spec(0, Role::Prediction);
    spec.version = Some(path("v"));
    spec.numbers = vec![field("f.x", NUMERIC, false), field("f.y", NUMERIC, true)];
    spec.words = vec![field("f.c", SeriesKind::Category, false)];
    spec.prediction = value("p", NUMERIC);
    spec.paths = spec.every_path().cloned().zip(0..).collect();
    spec
}

fn outcomes() -> ReaderSpec {
    ReaderSpec { outcome: value("actual", NUMERIC), ..spec(0, Role::Outcome) }
}

fn decoder(specs: &[ReaderSpec]) -> TopicDecoder {
    TopicDecoder::new(specs, &FormatSpec::json(), &[3; 16])
}

const HEADERS: [(&str, &[u8]); 1] = [("x-id", b"h1")];

fn record<'a>(key: Option<&'a str>, payload: Option<&'a str>) -> Record<'a> {
    Record {
        topic: "t",
        partition: 0,
        offset: 5,
        timestamp: Some(now()),
        key: key.map(str::as_bytes),
        payload: payload.map(str::as_bytes),
        headers: &HEADERS,
    }
}

fn decode(decoder: &mut TopicDecoder, payload: &str) -> Decoded {
    decoder.decode(&record(None, Some(payload)), now())
}

fn reason(decoder: &mut TopicDecoder, payload: &str) -> Option<Reason> {
    decode(decoder, payload).bad.map(|bad| bad.reason)
}

fn only_batch(decoder: &mut TopicDecoder) -> Batch {
    let mut taken = decoder.take();
    assert_eq!(taken.batches.len(), 1);
    taken.batches.remove(0).2
}

fn with(fields: &str) -> String {
    format!(r#"{{"id":"a","at":"2026-11-01T11:59:00Z"{fields}}}"#)
}

#[test]
fn a_record_becomes_a_row() {
    let mut decoder = decoder(&[predictions()]);
    let payload = with(r#","v":"v1","f":{"x":1.5,"y":"2.5","c":17},"p":-0.0"#);
    let decoded = decode(&mut decoder, &payload);
    assert_eq!(decoded, Decoded { accepted: 1, unmatched: false, bad: None, held: None });
    assert_eq!(decoder.rows(), 1);
    assert!(decoder.bytes() > 0);
    let batch = only_batch(&mut decoder);
    assert_eq!((decoder.rows(), decoder.bytes()), (0, 0));
    assert_eq!(batch.offsets, [5]);
    assert_eq!(batch.times, [now() - Span::from_secs(60)]);
    assert_eq!(batch.logged, [now()]);
    assert_eq!(batch.ids.len(), 1);
    assert_eq!(batch.versions.get(0), Ok("v1"));
    assert_eq!(batch.numbers[0].get(0), Ok(1.5));
    assert_eq!(batch.numbers[1].get(0), Ok(2.5));
    assert_eq!(batch.words[0].get(0), Ok("17"));
    let Some(Values::Numbers(prediction)) = &batch.prediction else { panic!() };
    assert_eq!(prediction.values[0].to_bits(), 0.0f64.to_bits());
    assert!(batch.outcome.is_none());
}

#[test]
fn values_of_a_wrong_type_are_absent_with_their_reason() {
    let mut decoder = decoder(&[predictions()]);
    let cases = [
        (r#""x":true,"y":"nan","c":true"#, Ok(1.0), Err(Absent::Nan), Ok("true")),
        (r#""x":false,"y":"inf","c":1.50"#, Ok(0.0), Ok(f64::INFINITY), Ok("1.5")),
        (r#""x":"3","y":"x","c":"""#, Err(Absent::BadType), Err(Absent::BadType), Ok("")),
        (r#""x":null,"y":null,"c":null"#, Err(Absent::Null), Err(Absent::Null), Err(Absent::Null)),
        ("", Err(Absent::Missing), Err(Absent::Missing), Err(Absent::Missing)),
        (
            r#""x":[1],"y":{},"c":[]"#,
            Err(Absent::BadType),
            Err(Absent::BadType),
            Err(Absent::BadType),
        ),
        (
            r#""x":1e999,"y":"1e999","c":9007199254740993"#,
            Err(Absent::BadType),
            Err(Absent::BadType),
            Ok("9007199254740993"),
        ),
    ];
    for (fields, ..) in &cases {
        let payload = with(&format!(r#","f":{{{fields}}}"#));
        assert_eq!(decode(&mut decoder, &payload).accepted, 1, "{payload}");
    }
    let batch = only_batch(&mut decoder);
    for (row, (fields, x, y, c)) in cases.into_iter().enumerate() {
        assert_eq!(batch.numbers[0].get(row), x, "{fields}");
        assert_eq!(batch.numbers[1].get(row), y, "{fields}");
        assert_eq!(batch.words[0].get(row), c, "{fields}");
    }
}

#[test]
fn f32_features_are_rounded_and_long_words_refused() {
    let mut spec = predictions();
    spec.numbers = vec![field("x", SeriesKind::Numeric(Dtype::F32), false)];
    spec.words = vec![field("c", SeriesKind::Category, false)];
    let mut decoder = decoder(&[spec]);
    let long = "c".repeat(LONGEST_WORD + 1);
    decode(&mut decoder, &with(&format!(r#","x":0.1,"c":"{long}""#)));
    decode(&mut decoder, &with(&format!(r#","x":0.1,"c":"{}""#, &long[1..])));
    let batch = only_batch(&mut decoder);
    assert_eq!(batch.numbers[0].get(0), Ok(f64::from(0.1f32)));
    assert_eq!(batch.words[0].get(0), Err(Absent::BadType));
    assert_eq!(batch.words[0].get(1).map(str::len), Ok(LONGEST_WORD));
}

#[test]
fn every_reason_for_refusing_a_record() {
    let mut decoder = decoder(&[predictions()]);
    let large = with(&format!(r#","z":"{}""#, "x".repeat(DEFAULT_MAX_BYTES)));
    let deep = format!(r#"{{"z":{}"#, "[".repeat(65));
    let cases = [
        ("{]", Reason::BadJson),
        (r#"{"id":"#, Reason::Truncated),
        (deep.as_str(), Reason::TooDeep),
        (large.as_str(), Reason::TooLarge),
        ("", Reason::Empty),
        (" \n", Reason::Empty),
        ("[[1]]", Reason::MissingId),
        ("7", Reason::NotObject),
        (r#"{"at":1}"#, Reason::MissingId),
        (r#"{"at":1,"id":null}"#, Reason::MissingId),
        (r#"{"at":1,"id":""}"#, Reason::MissingId),
        (r#"{"at":1,"id":["a"]}"#, Reason::MissingId),
        (r#"{"id":1}"#, Reason::MissingTime),
        (r#"{"id":1,"at":null}"#, Reason::MissingTime),
        (r#"{"id":1,"at":"soon"}"#, Reason::BadTime),
        (r#"{"id":1,"at":"2026-11-01T12:00:00"}"#, Reason::BadTime),
        (r#"{"id":1,"at":1e99}"#, Reason::BadTime),
        (r#"{"id":1,"at":1}"#, Reason::AbsurdTime),
        (r#"{"id":1,"at":"2026-11-01T12:05:01Z"}"#, Reason::Future),
    ];
    for (payload, want) in &cases {
        assert_eq!(reason(&mut decoder, payload), Some(*want), "{payload:.60}");
    }
    let bytes = Record { payload: Some(b"{\"id\":\"\xff\"}"), ..record(None, None) };
    assert_eq!(decoder.decode(&bytes, now()).bad.unwrap().reason, Reason::BadUtf8);
    let tombstone = decoder.decode(&record(Some("k"), None), now());
    assert_eq!(tombstone.bad.unwrap().reason, Reason::Tombstone);
    let told: std::collections::BTreeSet<_> = cases.iter().map(|(_, reason)| *reason).collect();
    let elsewhere = [Reason::BadUtf8, Reason::Tombstone, Reason::BadRow];
    // Those of schemas and registries are told where these are tested; that of a certificate by
    // none, since it needs a server whose certificate is wrong.
    let mut plain = Reason::ALL.iter().filter(|reason| **reason < Reason::BadAvro);
    assert!(plain.all(|r| told.contains(r) || elsewhere.contains(r)));
    let taken = decoder.take();
    assert_eq!(taken.refused, [(0, cases.len() as u64 + 2)]);
    assert!(taken.batches.is_empty());
    assert!(decoder.take().refused.is_empty());
}

#[test]
fn a_reader_that_keeps_no_ids_needs_none() {
    let spec = ReaderSpec { keeps_ids: false, ..predictions() };
    let mut decoder = decoder(&[spec]);
    assert_eq!(decode(&mut decoder, r#"{"at":"2026-11-01T12:00:00Z"}"#).accepted, 1);
    assert!(only_batch(&mut decoder).ids.is_empty());
}

#[test]
fn ids_compare_as_text_and_lists_of_paths_stay_apart() {
    let mut spec = spec(0, Role::Prediction);
    spec.id = vec![path("a"), path("b")];
    let mut decoder = decoder(&[spec.clone()]);
    let mut id = |a: &str, b: &str| {
        let payload = format!(r#"{{"a":{a},"b":{b},"at":"2026-11-01T12:00:00Z"}}"#);
        assert_eq!(decode(&mut decoder, &payload).accepted, 1);
        only_batch(&mut decoder).ids[0]
    };
    assert_eq!(id("17", "true"), id("\"17\"", "\"true\""));
    assert_eq!(id("17.0", "1"), id("1.7e1", "\"\\u0031\""));
    assert_ne!(id("\"ab\"", "\"c\""), id("\"a\"", "\"bc\""));
    assert_ne!(id("1", "2"), id("2", "1"));
    assert_ne!(id("9007199254740993", "1"), id("9007199254740992", "1"));
    let here = id("1", "2");
    let mut other = TopicDecoder::new(&[spec], &FormatSpec::json(), &[4; 16]);
    decode(&mut other, r#"{"a":1,"b":2,"at":"2026-11-01T12:00:00Z"}"#);
    assert_ne!(only_batch(&mut other).ids[0], here);
}

/// The hash must never change: join entries on disk are found by it. The digits are those of an
/// independent implementation (Python) of SipHash-1-3 with 128 bits.
#[test]
fn the_hash_of_an_id_is_siphash_1_3_of_its_parts() {
    let mut decoder = decoder(&[outcomes()]);
    decode(&mut decoder, &with(r#","actual":1"#));
    let id = only_batch(&mut decoder).ids[0];
    assert_eq!(format!("{id:032x}"), "097700e7a86cde9fd4aab27064648afc");
}

#[test]
fn what_nobody_wants_is_unmatched_and_no_fault() {
    let mut wanting = predictions();
    wanting.filter = Some(Filter { path: path("type"), test: Test::Equals("prediction".into()) });
    wanting.paths.push((path("type"), 99));
    let mut decoder = decoder(&[wanting]);
    let decoded = decode(&mut decoder, r#"{"type":"click","p":1}"#);
    assert_eq!(decoded, Decoded { accepted: 0, unmatched: true, bad: None, held: None });
    // The filter's own path was there; of the others nothing is said, this was not for us.
    assert_eq!(decoder.take().seen, [(0, vec![99])]);
    assert_eq!(reason(&mut decoder, r#"{"type":"prediction"}"#), Some(Reason::MissingId));
    assert_eq!(decode(&mut decoder, &with(r#","type":"prediction""#)).accepted, 1);
}

#[test]
fn one_record_serves_several_models_and_roles() {
    let mut other = spec(1, Role::Prediction);
    other.numbers = vec![field("f.y", NUMERIC, false)];
    other.filter = Some(Filter { path: path("city"), test: Test::In(vec!["Oslo".into()]) });
    let mut decoder = decoder(&[predictions(), outcomes(), other]);
    let both = decode(&mut decoder, &with(r#","p":1,"actual":2,"city":"Oslo","f":{"y":"3"}"#));
    assert_eq!(both.accepted, 3);
    let first = decode(&mut decoder, &with(r#","p":1,"actual":2,"city":"Bergen""#));
    assert_eq!(first.accepted, 2);
    assert_eq!(reason(&mut decoder, r#"{"city":"Oslo"}"#), Some(Reason::MissingId));
    assert_eq!(reason(&mut decoder, "{"), Some(Reason::Truncated));
    let taken = decoder.take();
    // Two readers of model 0 refuse one record once.
    assert_eq!(taken.refused, [(0, 2), (1, 2)]);
    let rows: Vec<_> = taken.batches.iter().map(|(m, r, b)| (*m, *r, b.offsets.len())).collect();
    assert_eq!(rows, [(0, Role::Prediction, 2), (0, Role::Outcome, 2), (1, Role::Prediction, 1)]);
    // Same id, same hash, whatever the role: that is what the join lives on.
    assert_eq!(taken.batches[0].2.ids, taken.batches[1].2.ids);
    // One model coerces that field, the other does not.
    assert_eq!(taken.batches[0].2.numbers[1].get(0), Ok(3.0));
    assert_eq!(taken.batches[2].2.numbers[0].get(0), Err(Absent::BadType));
}

#[test]
fn a_prediction_may_carry_its_outcome_and_probabilities() {
    let mut spec = spec(0, Role::Prediction);
    spec.prediction = value("label", SeriesKind::Category);
    spec.outcome = value("truth", SeriesKind::Category);
    spec.probabilities = vec![path("p.yes"), path("p.no")];
    let mut decoder = decoder(&[spec]);
    decode(&mut decoder, &with(r#","label":1,"truth":null,"p":{"yes":0.75,"no":"x"}"#));
    let batch = only_batch(&mut decoder);
    let Some(Values::Words(prediction)) = &batch.prediction else { panic!() };
    let Some(Values::Words(outcome)) = &batch.outcome else { panic!() };
    assert_eq!(prediction.get(0), Ok("1"));
    assert_eq!(outcome.get(0), Err(Absent::Null));
    assert_eq!(batch.probabilities[0].get(0), Ok(0.75));
    assert_eq!(batch.probabilities[1].get(0), Err(Absent::BadType));
}

#[test]
fn what_stands_around_the_payload_can_be_read() {
    let mut spec = spec(0, Role::Prediction);
    spec.id = vec![path("kafka.key"), path("kafka.headers.x-id")];
    spec.time.path = path("kafka.timestamp");
    spec.words = vec![
        field("kafka.headers.x-id", SeriesKind::Category, false),
        field("kafka.headers.none", SeriesKind::Category, false),
    ];
    let mut decoder = decoder(&[spec]);
    assert_eq!(decoder.decode(&record(Some("k"), Some("{}")), now()).accepted, 1);
    let batch = only_batch(&mut decoder);
    assert_eq!(batch.times, [now()]);
    assert_eq!(batch.words[0].get(0), Ok("h1"));
    assert_eq!(batch.words[1].get(0), Err(Absent::Missing));
    let keyless = decoder.decode(&record(None, Some("{}")), now());
    assert_eq!(keyless.bad.unwrap().reason, Reason::MissingId);
    let timeless = Record { timestamp: None, ..record(Some("k"), Some("{}")) };
    assert_eq!(decoder.decode(&timeless, now()).bad.unwrap().reason, Reason::MissingTime);
}

#[test]
fn a_keyed_tombstone_withdraws_an_outcome() {
    let keyed = ReaderSpec { id: vec![path("kafka.key")], ..outcomes() };
    let mut decoder = decoder(&[keyed, predictions()]);
    let tombstone = decoder.decode(&record(Some("k"), None), now());
    assert_eq!(tombstone, Decoded { accepted: 1, unmatched: false, bad: None, held: None });
    let payload = r#"{"id":"k","at":"2026-11-01T12:00:00Z","actual":3}"#;
    assert_eq!(decoder.decode(&record(Some("k"), Some(payload)), now()).accepted, 2);
    let taken = decoder.take();
    assert!(taken.refused.is_empty());
    let batch = &taken.batches[0].2;
    assert_eq!(batch.times[0], now());
    assert_eq!(batch.ids[0], batch.ids[1]);
    let Some(Values::Numbers(outcome)) = &batch.outcome else { panic!() };
    assert_eq!((outcome.get(0), outcome.get(1)), (Err(Absent::Null), Ok(3.0)));
    for (key, timestamp) in [(None, Some(now())), (Some("k"), None)] {
        let record = Record { timestamp, ..record(key, None) };
        assert_eq!(decoder.decode(&record, now()).bad.unwrap().reason, Reason::Tombstone);
    }
}

#[test]
fn paths_are_seen_once_they_were_there_null_or_not() {
    let mut decoder = decoder(&[predictions()]);
    let index = |text: &str| predictions().paths.iter().find(|(p, _)| *p == path(text)).unwrap().1;
    // A record that is refused for its time has shown its fields all the same.
    decode(&mut decoder, r#"{"p":null,"f":{"x":[]}}"#);
    let mut want = vec![index("p"), index("f.x")];
    want.sort_unstable();
    assert_eq!(decoder.take().seen, [(0, want)]);
    decode(&mut decoder, &with(""));
    let mut want = vec![index("id"), index("at")];
    want.sort_unstable();
    assert_eq!(decoder.take().seen, [(0, want)]);
    assert!(decoder.take().seen.is_empty());
}

#[test]
fn show_tells_what_was_read_and_what_was_refused() {
    let mut decoder = decoder(&[predictions()]);
    let payload = r#"{"id":7,"at":"soon","f":{"x":"1","y":"2","c":null}}"#;
    let shown = decoder.show(&record(None, Some(payload)), now());
    assert_eq!(decoder.rows(), 0);
    let reader = &shown.readers[0];
    assert!(reader.wanted);
    assert_eq!(reader.refused.as_ref().unwrap().reason, Reason::BadTime);
    let at = |path: &str| reader.fields.iter().find(|f| f.path == path).unwrap();
    assert_eq!((&*at("id").found, at("id").value.as_deref()), ("number", Some("7")));
    assert!(at("at").problem.as_ref().unwrap().contains("soon"));
    assert!(at("f.x").problem.as_ref().unwrap().contains("coerce"));
    assert_eq!(at("f.y").value.as_deref(), Some("2"));
    assert_eq!((&*at("f.c").found, &at("f.c").value, &at("f.c").problem), ("null", &None, &None));
    assert_eq!(&*at("p").found, "missing");
    assert_eq!(
        decoder.show(&record(None, Some("{")), now()).refused.unwrap().reason,
        Reason::Truncated
    );
    let json = serde_json::to_value(&shown).unwrap();
    assert_eq!(json["readers"][0]["fields"][0]["part"], "id");
    assert_eq!(json["readers"][0]["refused"]["reason"], "bad_time");
}

struct Nothing;

impl Supplies for Nothing {
    fn registry(&self, name: &str) -> Result<Arc<SchemaBook>, String> {
        Err(format!("there is no registry {name}"))
    }
    fn text(&self, file: &str) -> Result<String, String> {
        Err(format!("there is no file {file}"))
    }
}

#[test]
fn every_format_is_named_once_and_builds_or_says_what_it_lacks() {
    for kind in FORMATS {
        assert_eq!(FORMATS.iter().filter(|other| other.name == kind.name).count(), 1);
        assert!(!kind.doc.is_empty());
        if let Err(error) = (kind.build)(&mut Params::default(), &Nothing) {
            assert!(kind.options.iter().any(|option| option.name == error.key), "{error}");
        }
    }
}

fn lengths(batch: &Batch) -> Vec<usize> {
    let value = |values: &Values| match values {
        Values::Numbers(column) => column.values.len(),
        Values::Words(column) => column.places.len(),
    };
    let mut lengths = vec![batch.times.len(), batch.logged.len(), batch.ids.len()];
    lengths.push(batch.versions.places.len());
    lengths.extend(batch.numbers.iter().chain(&batch.probabilities).map(|c| c.values.len()));
    lengths.extend(batch.words.iter().map(|column| column.places.len()));
    lengths.extend(batch.prediction.iter().chain(&batch.outcome).map(value));
    lengths
}

proptest! {
    /// Bad and good records in any order: columns stay level, every record is accounted for.
    #[test]
    fn columns_stay_level(kinds in prop::collection::vec(0..7usize, 0..60)) {
        let payloads = [
            with(r#","v":"v1","f":{"x":1,"y":2,"c":"a"},"p":3"#),
            with(r#","v":null,"f":{"x":null,"y":"?","c":[1]}"#),
            with(""),
            r#"{"id":"a"}"#.to_owned(),
            "{".to_owned(),
            r#"{"f":{"x":1},"f":7,"id":1,"at":1793534400}"#.to_owned(),
            "\u{0}".to_owned(),
        ];
        let mut decoder = decoder(&[predictions()]);
        let (mut good, mut bad) = (0, 0);
        for &kind in &kinds {
            let decoded = decode(&mut decoder, &payloads[kind]);
            prop_assert_eq!(decoded.accepted == 0, decoded.bad.is_some());
            good += usize::from(decoded.accepted);
            bad += u64::from(decoded.bad.is_some());
        }
        prop_assert_eq!(good, kinds.iter().filter(|k| [0, 1, 2, 5].contains(*k)).count());
        prop_assert_eq!(decoder.rows(), good);
        let taken = decoder.take();
        prop_assert_eq!(taken.refused.first().map_or(0, |(_, n)| *n), bad);
        for (_, _, batch) in &taken.batches {
            prop_assert!(lengths(batch).iter().all(|&length| length == good));
        }
    }

    #[test]
    fn no_bytes_break_a_decoder(
        bytes in prop::collection::vec(any::<u8>(), 0..80), key in any::<Option<[u8; 3]>>(),
    ) {
        let mut spec = predictions();
        spec.words.push(field("kafka.key", SeriesKind::Category, false));
        let mut decoder = decoder(&[spec]);
        let key = key.as_ref().map(|key| &key[..]);
        let record = Record { key, payload: Some(&bytes), ..record(None, None) };
        decoder.decode(&record, now());
        decoder.show(&record, now());
    }
}
