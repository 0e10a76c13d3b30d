//! Versions of a schema in one topic.

use super::*;

const V1: &str = r#"{"type":"record","name":"Ride","fields":[
    {"name":"id","type":"string"},{"name":"fare","type":"int"},{"name":"zone","type":"string"}]}"#;
/// Added `tip`; `fare` is wider.
const V2: &str = r#"{"type":"record","name":"Ride","fields":[
    {"name":"id","type":"string"},{"name":"fare","type":"long"},{"name":"zone","type":"string"},
    {"name":"tip","type":"double","default":0.5}]}"#;
/// `fare` is called `price` now, and wider again; `zone` is gone; `tip` may be null.
const V3: &str = r#"{"type":"record","name":"Ride","fields":[
    {"name":"tip","type":["null","double"],"default":null},{"name":"id","type":"string"},
    {"name":"price","aliases":["fare"],"type":"double"}]}"#;
/// `price` is a text, and `tip` may be one.
const V4: &str = r#"{"type":"record","name":"Ride","fields":[
    {"name":"id","type":"string"},{"name":"price","aliases":["fare"],"type":"string"},
    {"name":"tip","type":["null","double","string"]}]}"#;

/// One record by each version: id, fare, zone, tip.
fn records() -> Vec<Vec<u8>> {
    let bytes = |text: &str| [&[2 * text.len() as u8][..], text.as_bytes()].concat();
    let double = |value: f64| value.to_le_bytes().to_vec();
    vec![
        framed(1, &[bytes("a"), vec![14], bytes("north")].concat()),
        framed(
            2,
            &[bytes("b"), vec![0xfe, 0xff, 0xff, 0xff, 0x0f], bytes("n"), double(1.5)].concat(),
        ),
        framed(3, &[vec![2], double(2.5), bytes("c"), double(9.5)].concat()),
        framed(4, &[bytes("d"), bytes("9"), vec![4], bytes("much")].concat()),
    ]
}

fn found(view: Option<&str>, paths: &[&str]) -> Vec<Vec<String>> {
    let book = book(&[(1, V1), (2, V2), (3, V3), (4, V4)]);
    let mut setup = Setup::framed(&book, view, paths);
    // Twice: a plan that is known is the same plan.
    records().iter().for_each(|record| drop(setup.found(record)));
    records().iter().map(|record| setup.found(record)).collect()
}

#[test]
fn old_names_find_what_the_writer_says_was_named_so() {
    let want = [
        ["text a", "whole 7", "text north", "missing"],
        ["text b", "whole 2147483647", "text n", "float 1.5"],
        ["text c", "float 9.5", "missing", "float 2.5"],
        ["text d", "text 9", "missing", "text much"],
    ];
    assert_eq!(found(None, &["id", "fare", "zone", "tip"]), want);
}

#[test]
fn new_names_find_old_fields_by_the_aliases_of_the_readers_schema() {
    let want = [
        ["whole 7", "null"],
        ["whole 2147483647", "float 1.5"],
        ["float 9.5", "float 2.5"],
        ["text 9", "text much"],
    ];
    assert_eq!(found(Some(V3), &["price", "tip"]), want);
    assert_eq!(found(None, &["price"])[..2], [["missing"], ["missing"]]);
}

#[test]
fn both_names_at_once_find_the_same_field() {
    assert_eq!(found(None, &["price", "fare"])[2], ["float 9.5", "float 9.5"]);
}

#[test]
fn defaults_of_the_readers_schema_stand_for_fields_that_the_writer_lacks() {
    let reader = r#"{"type":"record","name":"Ride","fields":[
        {"name":"tip","type":"double","default":0.5},
        {"name":"city","type":{"type":"enum","name":"C","symbols":["OSLO"]},"default":"OSLO"},
        {"name":"car","type":{"type":"record","name":"Car","fields":[
            {"name":"seats","type":"int","default":4},{"name":"ratio","type":"float"}]},
            "default":{"ratio":0.1}}]}"#;
    let book = book(&[(1, V1)]);
    let paths = ["tip", "city", "car.seats", "car.ratio", "car", "zone"];
    let mut setup = Setup::framed(&book, Some(reader), &paths);
    let ratio = format!("float {:?}", f64::from(0.1f32));
    let want = ["float 0.5", "text OSLO", "whole 4", &ratio, "nested", "text north"];
    assert_eq!(setup.found(&records()[0]), want);
}
