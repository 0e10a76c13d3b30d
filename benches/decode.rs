//! How long one event takes from bytes to columns: `cargo bench --bench decode
//! --no-default-features`. Prints nanoseconds per event, the median of nine rounds, beside what
//! `serde_json` needs for the same bytes, and for the same events in Avro, beside what
//! `apache-avro` needs; compare the ratios, times vary between machines.
//!
//! Budget: 1,200 ns for 5 features in about 240 bytes, 3,000 ns for 30 in about 780; in Avro less
//! than in JSON.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use apache_avro::reader::datum::GenericDatumReader;
use driftd::event::{Role, Span, Time};
use driftd::plan::SeriesKind;
use driftd::stats::Dtype;
use driftd::wire::{
    FieldSpec, FormatSpec, Path, ReaderSpec, Record, TimeSpec, TopicDecoder, ValueSpec,
};

#[path = "decode/avro.rs"]
mod avro;

const EVENTS: usize = 20_000;
const ROUNDS: usize = 9;

fn main() {
    let now = Time::parse("2026-11-01T12:00:00Z").expect("a time");
    println!("{:28} {:>6} {:>9} {:>9} {:>9}", "", "bytes", "driftd", "skip", "Value");
    for (name, features, wanted) in
        [("5 features", 5, 5), ("30 features", 30, 30), ("5 wanted of 30", 30, 5)]
    {
        let events = events(features, now);
        let bytes = events.iter().map(String::len).sum::<usize>() / events.len();
        let driftd = measure(&events, decoding(&FormatSpec::json(), wanted, now));
        let skip = measure(&events, |_, event: &String| {
            black_box(serde_json::from_str::<serde::de::IgnoredAny>(event).expect("JSON"));
        });
        let value = measure(&events, |_, event: &String| {
            black_box(serde_json::from_str::<serde_json::Value>(event).expect("JSON"));
        });
        println!("{name:28} {bytes:>6} {driftd:>9.0} {skip:>9.0} {value:>9.0}");
    }
    println!(
        "{:28} {:>6} {:>9} {:>9} {:>9}",
        "Avro beside JSON", "bytes", "driftd", "JSON", "Value"
    );
    let texts = events(25, now);
    let data: Vec<Vec<u8>> = texts.iter().map(|text| avro::encoded(text, 25)).collect();
    let bytes = data.iter().map(Vec::len).sum::<usize>() / data.len();
    for wanted in [5, 20] {
        let json = measure(&texts, decoding(&FormatSpec::json(), wanted, now));
        let driftd = measure(&data, decoding(&avro::format(25), wanted, now));
        let schema = avro::schema(25);
        let reader = GenericDatumReader::builder(&schema).build().expect("a schema");
        let value = measure(&data, |_, event: &Vec<u8>| {
            black_box(reader.read_value(&mut event.as_slice()).expect("Avro"));
        });
        let name = format!("{wanted} wanted of 25");
        println!("{name:28} {bytes:>6} {driftd:>9.0} {json:>9.0} {value:>9.0}");
    }
}

/// Decodes and drops rows as a reader does.
fn decoding<E: AsRef<[u8]>>(
    format: &FormatSpec,
    wanted: usize,
    now: Time,
) -> impl FnMut(i64, &E) + use<E> {
    let mut decoder = TopicDecoder::new(&[reader(wanted)], format, &[7; 16]);
    move |offset, event| {
        let record = Record { offset, timestamp: Some(now), ..Record::alone(event.as_ref()) };
        assert_eq!(decoder.decode(&record, now).accepted, 1);
        if decoder.rows() == 8_192 {
            black_box(decoder.take());
        }
    }
}

/// Median nanoseconds per event.
fn measure<E>(events: &[E], mut each: impl FnMut(i64, &E)) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for (offset, event) in events.iter().enumerate() {
                each(offset as i64, event);
            }
            start.elapsed().as_nanos() as f64 / events.len() as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

/// Events of one producer: a fifth of the features are words, the rest numbers of 4 to 17 digits.
fn events(features: usize, now: Time) -> Vec<String> {
    let mut state = 42u64;
    let mut random = move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    (0..EVENTS)
        .map(|i| {
            let at = now - Span(random() as i64 % 60_000_000);
            let mut text = format!(
                r#"{{"request_id":"{:08x}-{:04x}-{i:06x}","at":"{at}","model":{{"name":"demand","version":"v12"}},"features":{{"#,
                random(), random() % 65_536,
            );
            for feature in 0..features {
                let comma = if feature == 0 { "" } else { "," };
                let _ = match feature % 5 {
                    4 => write!(text, r#"{comma}"f{feature}_vehicle":"zone-{}""#, random() % 50),
                    3 => write!(text, r#"{comma}"f{feature}_requests":{}"#, random() % 100),
                    2 => write!(text, r#"{comma}"f{feature}_ratio":{}"#, random() as f64 / 1e7),
                    _ => write!(text, r#"{comma}"f{feature}_distance":{:.2}"#, random() as f64 / 1e8),
                };
            }
            let _ = write!(text, r#"}},"output":{{"demand":{:.3}}}}}"#, random() as f64 / 1e8);
            text
        })
        .collect()
}

fn reader(wanted: usize) -> ReaderSpec {
    let path = |text: &str| Path::parse(text).expect("a path");
    let numeric = SeriesKind::Numeric(Dtype::F64);
    let suffix = ["distance", "distance", "ratio", "requests", "vehicle"];
    let field = |i: usize, kind| FieldSpec {
        path: path(&format!("features.f{i}_{}", suffix[i % 5])),
        kind,
        coerce: false,
    };
    let mut spec = ReaderSpec {
        model: 0,
        role: Role::Prediction,
        keeps_ids: true,
        id: vec![path("request_id")],
        time: TimeSpec { path: path("at"), zone: None },
        version: Some(path("model.version")),
        filter: None,
        numbers: (0..wanted).filter(|i| i % 5 != 4).map(|i| field(i, numeric)).collect(),
        words: (0..wanted).filter(|i| i % 5 == 4).map(|i| field(i, SeriesKind::Category)).collect(),
        prediction: Some(ValueSpec { path: path("output.demand"), kind: numeric }),
        outcome: None,
        probabilities: Vec::new(),
        expected_loss: None,
        coerce: false,
        max_ahead: Span::from_secs(300),
        paths: Vec::new(),
    };
    spec.paths = spec.every_path().cloned().zip(0..).collect();
    spec
}
