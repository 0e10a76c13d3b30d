//! Types that follow from the latest schemas of registries.

use std::sync::Arc;

use super::*;
use crate::event::Time;
use crate::plan::SeriesKind;
use crate::stats::Dtype;
use crate::wire::{Reason, Record, SchemaId, TopicDecoder};

const F32: SeriesKind = SeriesKind::Numeric(Dtype::F32);
const F64: SeriesKind = SeriesKind::Numeric(Dtype::F64);

/// Features whose type nobody writes; segments are made by one of them.
const MAIN: &str = r#"
[kafka]
brokers = ["127.0.0.1:9092"]
[registries.main]
url = "http://r:8081"
[models.m]
reference = { learn = "7d" }
[models.m.predictions]
topic = "p"
format = { kind = "avro", registry = "main" }
features = { x = "x", city = "city" }
[monitors.drift]
watch = "features"
statistic = "psi"
window = "24h"
by = ["city"]
detector = { kind = "threshold", critical = 0.25 }
"#;

fn schema(x: &str, city: &str) -> Written {
    avro(&format!(
        r#"{{"type":"record","name":"P","fields":[
            {{"name":"x","type":{x}}},{{"name":"city","type":{city}}}]}}"#
    ))
}

fn first() -> Written {
    schema("\"float\"", "\"string\"")
}

fn project(latest: Result<Written, Refusal>, kept: Option<Written>) -> Project {
    let subjects = Script {
        latest: BTreeMap::from([("p-value".to_owned(), latest)]),
        kept: kept.into_iter().map(|written| ("p".to_owned(), written)).collect(),
        state: None,
    };
    Project { subjects, ..Project::new(MAIN) }
}

fn away() -> Result<Written, Refusal> {
    Err(Refusal { reason: Reason::RegistryTimeout, detail: "http://r:8081 is silent".to_owned() })
}

fn kinds(settings: &Settings) -> [SeriesKind; 2] {
    ["x", "city"].map(|name| {
        settings.plan.models[0].features.iter().find(|feature| feature.name == name).unwrap().kind
    })
}

/// What is accepted with one warning, which says these words.
fn warned(project: &Project, words: &[&str]) -> Settings {
    let (settings, warnings) = project.load().unwrap_or_else(|p| panic!("{}", text(&p)));
    assert_eq!(warnings.len(), 1, "{}", text(&warnings));
    words.iter().for_each(|word| assert!(text(&warnings).contains(word), "{}", text(&warnings)));
    settings
}

#[test]
fn the_latest_schema_says_what_features_are_and_is_kept() {
    let settings = project(Ok(first()), None).settings();
    assert_eq!(kinds(&settings), [F32, SeriesKind::Category]);
    assert_eq!(settings.schemas, BTreeMap::from([("p".to_owned(), first())]));
    assert!(settings.readers[0].format.format.outline().is_some(), "the readers' schema");
    // A newer one that means the same is taken.
    let newer = schema("[\"null\", \"float\"]", "\"string\"");
    let settings = project(Ok(newer.clone()), Some(first())).settings();
    assert_eq!(kinds(&settings), [F32, SeriesKind::Category]);
    assert_eq!(settings.schemas["p"], newer);
}

#[test]
fn a_newer_schema_changes_no_type_that_was_counted_by() {
    let other = schema("\"double\"", "\"string\"");
    let project = project(Ok(other.clone()), Some(first()));
    let words = ["features.x: is float", "double", "stays numeric (f32)", "write type"];
    let settings = warned(&project, &words);
    assert_eq!((kinds(&settings)[0], &settings.schemas["p"]), (F32, &first()));
    // Who writes it down gets it.
    let written = MAIN.replace("x = \"x\"", "x = { path = \"x\", dtype = \"f64\" }");
    let settings = project.with("driftd.toml", &written).settings();
    assert_eq!((kinds(&settings)[0], &settings.schemas["p"]), (F64, &other));
}

#[test]
fn a_field_that_a_newer_schema_lacks_stays_what_it_was_and_new_ones_are_what_it_says() {
    let gone = avro(
        r#"{"type":"record","name":"P","fields":[
            {"name":"x","type":"float"},{"name":"zone","type":"string"}]}"#,
    );
    let project = project(Ok(gone), Some(first()));
    let zone = MAIN.replace("city = \"city\"", "city = \"city\", zone = \"zone\"");
    let settings = warned(&project.with("driftd.toml", &zone), &["features.city", "not there"]);
    assert_eq!(kinds(&settings)[1], SeriesKind::Category);
    let zone = settings.plan.models[0].features.iter().find(|f| f.name == "zone").unwrap();
    assert_eq!(zone.kind, SeriesKind::Category);
}

#[test]
fn without_a_registry_the_kept_schema_serves() {
    let settings = warned(&project(away(), Some(first())), &["silent", "the state keeps"]);
    assert_eq!(kinds(&settings), [F32, SeriesKind::Category]);
    let broken = project(Ok(avro("{")), Some(first()));
    assert_eq!(kinds(&warned(&broken, &["cannot be read"])), [F32, SeriesKind::Category]);
}

#[test]
fn without_both_it_is_a_sentence_and_no_other_type() {
    let problems = project(away(), None).load().unwrap_err();
    assert_eq!(problems.len(), 1, "{}", text(&problems));
    let said = text(&problems);
    for words in ["registries.main", "silent", "features city, x", "p-value", "write type"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(problems[0].unreachable, "nothing that was written is wrong");
    let unknown = Refusal { reason: Reason::UnknownSchema, detail: "404".to_owned() };
    let problems = project(Err(unknown), None).load().unwrap_err();
    assert!(!problems[0].unreachable && problems[0].key.ends_with("format"), "{problems:?}");
}

#[test]
fn who_writes_all_types_needs_no_schema() {
    let told = MAIN.replace(
        "{ x = \"x\", city = \"city\" }",
        "{ x = { path = \"x\", dtype = \"f64\" }, city = { path = \"city\", type = \"category\" } }",
    );
    let project = project(away(), None).with("driftd.toml", &told);
    let settings = warned(&project, &["aliases and defaults"]);
    assert_eq!(kinds(&settings), [F64, SeriesKind::Category]);
    assert!(settings.schemas.is_empty());
    // Files have no ids to look up.
    assert_eq!(kinds(&project.mode(Mode::Replay).settings()), [F64, SeriesKind::Category]);
}

#[test]
fn nobody_is_asked_without_connections() {
    let project = project(Ok(first()), None).mode(Mode::CheckNoConnect);
    let settings = warned(&project, &["not asked for", "features city, x"]);
    assert_eq!(kinds(&settings), [F64, SeriesKind::Category], "segments are made by categories");
}

#[test]
fn topics_that_disagree_need_a_word() {
    let two = MAIN.replace("topic = \"p\"", "topic = [\"p\", \"q\"]");
    let mut project = project(Ok(first()), None).with("driftd.toml", &two);
    let other = schema("\"double\"", "\"string\"");
    project.subjects.latest.insert("q-value".to_owned(), Ok(other));
    let problems = project.problems();
    assert_eq!(problems.len(), 1, "{}", text(&problems));
    assert!(text(&problems).contains("not the same by the schemas"), "{}", text(&problems));
    project.subjects.latest.insert("q-value".to_owned(), Ok(first()));
    assert_eq!(kinds(&project.settings()), [F32, SeriesKind::Category]);
}

#[test]
fn aliases_and_defaults_of_the_latest_schema_serve_records_of_other_writers() {
    let latest = avro(
        r#"{"type":"record","name":"P","fields":[
            {"name":"x","type":"float","default":0.1},
            {"name":"city","aliases":["town"],"type":"string"}]}"#,
    );
    let settings = project(Ok(latest), None).settings();
    let writer = r#"{"type":"record","name":"P","fields":[{"name":"town","type":"string"}]}"#;
    let book = &settings.registries["main"].book;
    book.put(SchemaId::Number(7), Ok(Arc::new(avro(writer))));
    let topic = &settings.readers[0];
    let mut decoder = TopicDecoder::new(&topic.readers, &topic.format, &[0; 16]);
    let payload = [&[0, 0, 0, 0, 7, 8][..], b"Oslo"].concat();
    let now = Time::parse("2026-11-01T12:00:00Z").unwrap();
    let record = Record { timestamp: Some(now), ..Record::alone(&payload) };
    let decoded = decoder.decode(&record, now);
    assert_eq!((decoded.accepted, decoded.bad), (1, None));
    let (_, _, batch) = &decoder.take().batches[0];
    assert_eq!(batch.numbers[0].values, [f64::from(0.1f32)]);
    assert_eq!(batch.words[0].get(0), Ok("Oslo"));
}

#[test]
fn references_are_built_with_the_types_that_the_state_was_counted_by() {
    let main = format!("{MAIN}[state]\ndir = \"elsewhere\"\ncommit_every = \"1us\"\n");
    let wider = schema("\"double\"", "\"string\"");
    let mut project = project(Ok(wider), Some(first())).with("driftd.toml", &main);
    project.subjects.state = Some(project.folder.path().join("elsewhere"));
    let sources = Sources {
        file: Some(project.main()),
        env: Vec::new(),
        overrides: Vec::new(),
        mode: Mode::ReferenceBuild,
        only: Some("m".to_owned()),
    };
    let (settings, _) =
        load(&sources, &project.subjects).unwrap_or_else(|p| panic!("{}", text(&p)));
    assert_eq!(kinds(&settings)[0], F32);
}
