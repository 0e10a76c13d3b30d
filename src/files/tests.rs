use std::io::Write as _;

use super::*;
use crate::event::{Absent, Role, Span, Values};
use crate::plan::SeriesKind;
use crate::stats::Dtype;
use crate::wire::{FieldSpec, Filter, Path, Test, ValueSpec};

const NUMERIC: SeriesKind = SeriesKind::Numeric(Dtype::F64);
const REPLAY: Options = Options { ids: true, times: true, now: None };
const REFERENCE: Options = Options { ids: false, times: false, now: None };

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn fields(paths: &[&str], kind: SeriesKind) -> Vec<FieldSpec> {
    paths.iter().map(|text| FieldSpec { path: path(text), kind, coerce: false }).collect()
}

fn spec(numbers: &[&str], words: &[&str]) -> ReaderSpec {
    ReaderSpec {
        keeps_ids: true,
        id: vec![path("request_id")],
        numbers: fields(numbers, NUMERIC),
        words: fields(words, SeriesKind::Category),
        prediction: Some(ValueSpec { path: path("output.demand"), kind: NUMERIC }),
        paths: vec![(path("features.fare"), 4)],
        ..ReaderSpec::of_time(0, Role::Prediction)
    }
}

struct Written {
    _dir: tempfile::TempDir,
    path: std::path::PathBuf,
}

fn written(name: &str, content: impl AsRef<[u8]>) -> Written {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::File::create(&path).unwrap().write_all(content.as_ref()).unwrap();
    Written { _dir: dir, path }
}

fn open(file: &Written, spec: &ReaderSpec, options: &Options) -> Result<Rows, FileError> {
    Rows::open(&file.path, spec, options, &[1; 16])
}

fn only(rows: &mut Rows) -> Batch {
    let batch = rows.next().unwrap().unwrap();
    assert!(rows.next().is_none());
    batch
}

fn prediction(batch: &Batch) -> &crate::event::Numbers {
    match &batch.prediction {
        Some(Values::Numbers(column)) => column,
        other => panic!("{other:?}"),
    }
}

#[test]
fn csv_cells_are_read_by_their_columns_kind() {
    let file = written(
        "a.csv",
        "\u{feff}at,request_id,fare,features.city,demand,unknown\n\
         2026-11-01T00:00:00Z,a,1.5,Oslo,10,x\n\
         1793491200,\"b\",,\"\",NaN,\n\
         1793491200000,17,-inf,\"a,\"\"b\"\"\nc\",inf,x\n\
         2026-11-01 00:00:00Z,d,abc,007, 3 ,x\n",
    );
    let spec = spec(&["features.fare"], &["features.city"]);
    let mut rows = open(&file, &spec, &REPLAY).unwrap();
    assert!(rows.absent().is_empty());
    let batch = only(&mut rows);
    assert_eq!(batch.offsets, [0, 1, 2, 3]);
    assert_eq!(batch.times, [Time(1_793_491_200_000_000); 4]);
    assert_eq!(batch.logged, batch.times);
    assert_eq!(batch.ids.len(), 4);
    let fare: Vec<_> = (0..4).map(|row| batch.numbers[0].get(row)).collect();
    let want = [Ok(1.5), Err(Absent::Missing), Ok(f64::NEG_INFINITY), Err(Absent::BadType)];
    assert_eq!(fare, want);
    let city: Vec<_> = (0..4).map(|row| batch.words[0].get(row)).collect();
    assert_eq!(city, [Ok("Oslo"), Err(Absent::Missing), Ok("a,\"b\"\nc"), Ok("007")]);
    let demand: Vec<_> = (0..4).map(|row| prediction(&batch).get(row)).collect();
    assert_eq!(demand, [Ok(10.0), Err(Absent::Nan), Ok(f64::INFINITY), Ok(3.0)]);
    assert_eq!(rows.progress().0, rows.progress().1);
    assert_eq!(rows.seen(), [4]);
}

#[test]
fn nan_is_nan_also_where_a_word_is_wanted() {
    let content = "at,request_id,fare,city,demand\n1793491200,a,NaN,NaN,1\n1793491200,b,1,nana,1\n";
    let mut rows =
        open(&written("a.csv", content), &spec(&["features.fare"], &["features.city"]), &REPLAY)
            .unwrap();
    let batch = only(&mut rows);
    assert_eq!(batch.numbers[0].get(0), Err(Absent::Nan));
    assert_eq!(batch.words[0].get(0), Err(Absent::Nan));
    assert_eq!(batch.words[0].get(1), Ok("nana"));
}

#[test]
fn rows_that_cannot_be_read_are_counted_and_passed_by() {
    let mut content = b"at,request_id,fare,demand\n".to_vec();
    content.extend(b"1793491200,a,1,1\n1793491200,b,1\n,c,1,1\n1793491200,,1,1\n");
    content.extend(b"soon,e,1,1\n1793491200,f,\xff,1\n1793491200,g,1,1\n");
    let file = written("a.csv", content);
    let mut rows = open(&file, &spec(&["features.fare"], &[]), &REPLAY).unwrap();
    assert_eq!(only(&mut rows).offsets, [0, 6]);
    assert_eq!(rows.rows_read(), 7);
    let refused: Vec<_> = rows.refused().iter().map(|(reason, n)| (*reason, *n)).collect();
    let want = [
        (Reason::BadUtf8, 1),
        (Reason::MissingId, 1),
        (Reason::MissingTime, 1),
        (Reason::BadTime, 1),
        (Reason::BadRow, 1),
    ];
    assert_eq!(refused, want);
    let sample = &rows.samples()[0];
    assert_eq!((sample.row, sample.reason), (1, Reason::BadRow));
    assert_eq!(sample.detail, "3 cells; the header has 4");
}

#[test]
fn old_rows_count_unless_a_clock_is_given() {
    let file = written("a.csv", "at,request_id,demand\n2009-01-01T00:00:00Z,a,1\n");
    let spec = spec(&[], &[]);
    assert_eq!(only(&mut open(&file, &spec, &REPLAY).unwrap()).offsets, [0]);
    let now = Some(Time::parse("2026-11-01T00:00:00Z").unwrap());
    let mut rows = open(&file, &spec, &Options { now, ..REPLAY }).unwrap();
    assert!(rows.next().is_none());
    assert_eq!(rows.refused()[&Reason::AbsurdTime], 1);
}

#[test]
fn needed_columns_are_asked_for_and_others_only_told_of() {
    let file = written("a.csv", "request_id,fare\na,1\n");
    let mut spec = spec(&["features.fare", "features.km"], &[]);
    let said = open(&file, &spec, &REPLAY).unwrap_err().to_string();
    assert!(said.contains("no column at (time)"), "{said}");
    assert!(said.contains("request_id, fare"), "{said}");
    // A reference needs neither id nor time.
    let mut rows = open(&file, &spec, &REFERENCE).unwrap();
    let told: Vec<String> = rows.absent().iter().map(ToString::to_string).collect();
    assert_eq!(told, ["no column features.km (feature)", "no column output.demand (prediction)"]);
    let batch = only(&mut rows);
    assert!(batch.ids.is_empty());
    assert_eq!(batch.times, [Time(0)]);
    assert_eq!(batch.numbers[0].get(0), Ok(1.0));
    assert_eq!(prediction(&batch).get(0), Err(Absent::Missing));
    spec.filter = Some(Filter { path: path("type"), test: Test::Equals("p".into()) });
    let said = open(&file, &spec, &REFERENCE).unwrap_err().to_string();
    assert!(said.contains("no column type (where)"), "{said}");
}

#[test]
fn a_column_that_two_paths_could_mean_is_given_to_neither() {
    let file = written("a.csv", "request_id,at,demand\na,1793491200,1\n");
    let rows = open(&file, &spec(&["features.demand"], &[]), &REPLAY).unwrap();
    let told: Vec<String> = rows.absent().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2);
    assert!(told[0].contains("features.demand (feature) could as well be that of output.demand"));
    let twice = written("a.csv", "request_id,at,demand,demand\na,1793491200,1,2\n");
    let said = open(&twice, &spec(&[], &[]), &REPLAY).unwrap_err().to_string();
    assert!(said.contains("demand comes twice"), "{said}");
}

#[test]
fn filters_hold_in_files_too() {
    let file = written("a.csv", "request_id,at,type\na,1793491200,p\nb,1793491200,o\n");
    let mut spec = spec(&[], &[]);
    spec.filter = Some(Filter { path: path("meta.type"), test: Test::Equals("o".into()) });
    let mut rows = open(&file, &spec, &REPLAY).unwrap();
    assert_eq!(only(&mut rows).offsets, [1]);
    assert_eq!((rows.unmatched(), rows.refused().len()), (1, 0));
}

#[test]
fn json_lines_may_be_nested_as_events_are() {
    let file = written(
        "a.jsonl",
        "{\"request_id\":1,\"at\":1793491200,\"features\":{\"fare\":1.5},\"output\":{\"demand\":2}}\n\
         \n{broken\n\
         {\"request_id\":2,\"at\":1793491200,\"features\":{\"fare\":\"1\"}}",
    );
    let mut rows = open(&file, &spec(&["features.fare"], &[]), &REPLAY).unwrap();
    let batch = only(&mut rows);
    assert_eq!(batch.offsets, [0, 2]);
    assert_eq!(batch.numbers[0].get(0), Ok(1.5));
    assert_eq!(batch.numbers[0].get(1), Err(Absent::BadType));
    assert_eq!(prediction(&batch).get(0), Ok(2.0));
    assert_eq!(rows.refused()[&Reason::BadJson], 1);
    assert_eq!(rows.progress().0, rows.progress().1);
}

#[test]
fn json_lines_may_be_flat_as_tables_are_exported() {
    let lines = "\u{feff}{\"request_id\":\"a\",\"at\":1793491200,\"fare\":1.5,\"output.demand\":3,\"key\":\"k\"}\r\n";
    let file = written("a.ndjson", lines);
    let mut spec = spec(&["features.fare", "features.none"], &["kafka.key"]);
    let mut rows = open(&file, &spec, &REPLAY).unwrap();
    let batch = only(&mut rows);
    assert_eq!(batch.numbers[0].get(0), Ok(1.5));
    assert_eq!(batch.words[0].get(0), Ok("k"));
    assert_eq!(prediction(&batch).get(0), Ok(3.0));
    assert_eq!(rows.seen(), [4]);
    let told: Vec<String> = rows.absent().iter().map(ToString::to_string).collect();
    assert_eq!(told, ["no column features.none (feature)"]);
    spec.time.path = path("when");
    let said = open(&file, &spec, &REPLAY).unwrap_err().to_string();
    assert!(said.contains("no column when (time)"), "{said}");
}

#[test]
fn a_line_that_is_too_long_is_passed_by_without_being_held() {
    let long = "x".repeat(crate::wire::DEFAULT_MAX_BYTES);
    let line = "{\"request_id\":1,\"at\":1793491200}";
    let file = written("a.jsonl", format!("{line}\n{{\"z\":\"{long}\"}}\n{line}\n"));
    let mut rows = open(&file, &spec(&[], &[]), &REPLAY).unwrap();
    assert_eq!(only(&mut rows).offsets, [0, 2]);
    assert_eq!(rows.refused()[&Reason::TooLarge], 1);
}

/// An Avro file of `rows` rides, by the apache crate; `nested` as events are.
fn avro_file(nested: bool, codec: apache_avro::Codec, rows: i64) -> Vec<u8> {
    use apache_avro::types::Value;
    let inner = |name: &str, field: &str| {
        format!(
            r#"{{"type":"record","name":"{name}","fields":[{{"name":"{field}","type":"double"}}]}}"#
        )
    };
    let (fare, demand) = match nested {
        true => (
            format!(r#"{{"name":"features","type":{}}}"#, inner("F", "fare")),
            format!(r#"{{"name":"output","type":{}}}"#, inner("O", "demand")),
        ),
        false => (
            r#"{"name":"fare","type":"double"}"#.to_owned(),
            r#"{"name":"demand","type":"double"}"#.to_owned(),
        ),
    };
    let schema = format!(
        r#"{{"type":"record","name":"Ride","fields":[{{"name":"request_id","type":"string"}},
        {{"name":"at","type":{{"type":"long","logicalType":"timestamp-millis"}}}},{fare},{demand}]}}"#
    );
    let schema = apache_avro::Schema::parse_str(&schema).unwrap();
    let mut writer = apache_avro::Writer::with_codec(&schema, Vec::new(), codec).unwrap();
    for row in 0..rows {
        let number = |name: &str, value: f64| (name.to_owned(), Value::Double(value));
        let (fare, demand) = (number("fare", row as f64), number("demand", 2.0 * row as f64));
        let (fare, demand) = match nested {
            true => (
                ("features".to_owned(), Value::Record(vec![fare])),
                ("output".to_owned(), Value::Record(vec![demand])),
            ),
            false => (fare, demand),
        };
        let id = ("request_id".to_owned(), Value::String(format!("r{row}")));
        let at = ("at".to_owned(), Value::TimestampMillis(1_700_000_000_000 + row));
        writer.append_value(Value::Record(vec![id, at, fare, demand])).unwrap();
    }
    writer.into_inner().unwrap()
}

#[test]
fn avro_files_may_be_nested_or_flat_and_compressed() {
    use apache_avro::{Codec, DeflateSettings, ZstandardSettings};
    let codecs = [
        Codec::Null,
        Codec::Deflate(DeflateSettings::default()),
        Codec::Snappy,
        Codec::Zstandard(ZstandardSettings::default()),
    ];
    for (nested, codec) in [true, false].into_iter().flat_map(|n| codecs.map(|c| (n, c))) {
        let file = written("rides.avro", avro_file(nested, codec, 3000));
        let mut rows = open(&file, &spec(&["features.fare"], &[]), &REPLAY).unwrap();
        let batch = only(&mut rows);
        assert_eq!(batch.numbers[0].values.iter().sum::<f64>(), (0..3000).sum::<i64>() as f64);
        assert_eq!(prediction(&batch).get(2999), Ok(5998.0));
        assert_eq!(batch.times[7], Time(1_700_000_000_007_000));
        assert_eq!((batch.ids.len(), rows.absent()), (3000, &[][..]));
        assert_eq!(rows.progress().0, rows.progress().1);
    }
}

#[test]
fn avro_files_that_are_broken_or_lack_a_column_are_told_in_a_sentence() {
    let whole = avro_file(true, apache_avro::Codec::Null, 100);
    let said = |content: &[u8], spec: &ReaderSpec| {
        let file = written("rides.avro", content);
        let opened = open(&file, spec, &REPLAY);
        let result = opened.and_then(|rows| rows.collect::<Result<Vec<_>, _>>());
        result.unwrap_err().to_string()
    };
    let good = spec(&["features.fare"], &[]);
    assert!(said(b"request_id,at", &good).contains("object container"));
    assert!(said(&whole[..whole.len() - 40], &good).contains("ends too early"));
    let mut marked = whole.clone();
    *marked.last_mut().unwrap() ^= 1;
    assert!(said(&marked, &good).contains("mark"));
    let mut broken = whole.clone();
    let at = broken.windows(2).position(|two| two == b"r0").unwrap();
    broken[at] = 0xff;
    assert!(said(&broken, &good).contains("UTF-8"));
    // A number whose 65th bit is set is not the one without it.
    let wide = [&whole[..4], &[0x80; 9], &[2], &whole[4..]].concat();
    assert!(said(&wide, &good).contains("more than 64 bits"));
    let other = ReaderSpec { id: vec![path("ride")], ..good };
    let lacks = said(&whole, &other);
    assert!(lacks.contains("ride") && lacks.contains("request_id"), "{lacks}");
}

#[test]
fn files_of_another_kind_are_refused_in_a_sentence() {
    let spec = spec(&[], &[]);
    for (name, content, word) in [
        ("a.xlsx", "", ".parquet"),
        ("a", "", ".csv"),
        ("a.csv", "", "first row names the columns"),
        ("a.json", " [{}]", "one object per line"),
        #[cfg(feature = "parquet")]
        ("a.parquet", "PAR1", "not a Parquet file"),
    ] {
        let file = written(name, content);
        let said = open(&file, &spec, &REPLAY).unwrap_err().to_string();
        assert!(said.contains(word), "{name}: {said}");
        assert!(said.contains(name), "{name}: {said}");
    }
    let nowhere = FilePath::new("/nowhere/a.csv");
    let said = Rows::open(nowhere, &spec, &REPLAY, &[1; 16]).unwrap_err().to_string();
    assert!(said.contains("/nowhere/a.csv"), "{said}");
}

#[test]
fn long_files_come_in_batches() {
    let mut content = "request_id,at,demand\n".to_owned();
    for row in 0..ROWS_PER_BATCH + 5 {
        content.push_str(&format!("{row},1793491200,{row}\n"));
    }
    let file = written("a.csv", content);
    let rows = open(&file, &spec(&[], &[]), &REPLAY).unwrap();
    let batches: Vec<Batch> = rows.map(Result::unwrap).collect();
    let lengths: Vec<usize> = batches.iter().map(|batch| batch.offsets.len()).collect();
    assert_eq!(lengths, [ROWS_PER_BATCH, 5]);
    assert_eq!(prediction(&batches[1]).get(4), Ok((ROWS_PER_BATCH + 4) as f64));
}

#[test]
fn an_id_hashes_alike_in_a_file_and_in_a_topic() {
    let csv = written("a.csv", "request_id,at\n17,1793491200\n");
    let lines = written("a.jsonl", "{\"request_id\":17,\"at\":1793491200}");
    let spec = spec(&[], &[]);
    let id = |file| only(&mut open(file, &spec, &REPLAY).unwrap()).ids[0];
    assert_eq!(id(&csv), id(&lines));
}

/// Written by pyarrow 26: two row groups, zstd, dictionary pages, structs, every usual type.
#[cfg(feature = "parquet")]
mod parquet {
    use super::*;

    fn fixture() -> std::path::PathBuf {
        FilePath::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/types.parquet")
    }

    fn read(spec: &ReaderSpec) -> (Batch, Rows) {
        let mut rows = Rows::open(&fixture(), spec, &REPLAY, &[1; 16]).unwrap();
        let batch = only(&mut rows);
        (batch, rows)
    }

    #[test]
    fn typed_columns_become_numbers() {
        let null = Err(Absent::Null);
        let nan = Err(Absent::Nan);
        let cases = [
            ("features.fare", [Ok(1.5), null, null, nan]),
            ("features.hour", [Ok(7.0), Ok(8.0), null, Ok(9.0)]),
            ("i32", [Ok(1.0), Ok(-2.0), null, Ok(4.0)]),
            ("u32", [Ok(1.0), Ok(4_294_967_295.0), null, Ok(4.0)]),
            ("u64", [Ok(1.0), Ok(18_446_744_073_709_551_615.0), null, Ok(4.0)]),
            ("f32", [Ok(f64::from(0.1f32)), Ok(f64::INFINITY), null, nan]),
            ("f16", [Ok(0.5), Ok(-2.0), null, Ok(65_504.0)]),
            ("price", [Ok(12.34), Ok(-0.01), null, Ok(99_999_999.99)]),
            ("flag", [Ok(1.0), Ok(0.0), null, Ok(1.0)]),
            ("city", [Err(Absent::BadType), Err(Absent::BadType), null, Err(Absent::BadType)]),
            ("day", [Err(Absent::BadType); 4]),
        ];
        let (batch, rows) = read(&spec(&cases.map(|(name, _)| name), &[]));
        assert_eq!(batch.offsets, [0, 1, 2, 3]);
        for (column, (name, want)) in batch.numbers.iter().zip(cases) {
            let got: Vec<_> = (0..4).map(|row| column.get(row)).collect();
            assert_eq!(got, want, "{name}");
        }
        let got: Vec<_> = (0..4).map(|row| prediction(&batch).get(row)).collect();
        assert_eq!(got, [Ok(10.0), Ok(20.0), Ok(30.0), null]);
        let (done, total) = rows.progress();
        assert!(done > 0 && done <= total);
    }

    #[test]
    fn typed_columns_become_words() {
        let null = Err(Absent::Null);
        let cases = [
            ("city", [Ok("Oslo"), Ok("Bergen"), null, Ok("Oslo")]),
            ("flag", [Ok("true"), Ok("false"), null, Ok("true")]),
            ("i32", [Ok("1"), Ok("-2"), null, Ok("4")]),
            ("u64", [Ok("1"), Ok("18446744073709551615"), null, Ok("4")]),
            ("price", [Ok("12.34"), Ok("-0.01"), null, Ok("99999999.99")]),
            ("blob", [Ok("text"), Ok("0xff00"), null, Ok("")]),
            ("day", [Ok("2026-11-01T00:00:00Z"); 4]),
        ];
        let (batch, _) = read(&spec(&[], &cases.map(|(name, _)| name)));
        for (column, (name, want)) in batch.words.iter().zip(cases) {
            let got: Vec<_> = (0..4).map(|row| column.get(row)).collect();
            assert_eq!(got, want, "{name}");
        }
    }

    #[test]
    fn times_come_in_every_unit_with_and_without_a_zone() {
        let start = 1_793_491_200_000_000;
        let mut spec = spec(&[], &[]);
        for (name, step) in [("at", 1_000), ("at_ns", 0), ("at_ms_naive", 1_000), ("day", 0)] {
            spec.time.path = path(name);
            let (batch, _) = read(&spec);
            let want: Vec<Time> = (0..4).map(|row| Time(start + row * step)).collect();
            assert_eq!(batch.times, want, "{name}");
        }
        spec.time.path = path("at_ms_naive");
        spec.time.zone = Some(crate::wire::zone("Europe/Oslo").unwrap());
        let (batch, _) = read(&spec);
        assert_eq!(batch.times[0], Time(start) - Span::from_secs(3_600));
    }

    #[test]
    fn lists_are_not_columns() {
        let mut rows = Rows::open(&fixture(), &spec(&[], &["tags"]), &REPLAY, &[1; 16]).unwrap();
        assert_eq!(rows.absent()[0].path, "tags");
        assert_eq!(only(&mut rows).words[0].get(0), Err(Absent::Missing));
    }
}
