//! What each type becomes, by values written down by hand.

use super::*;

const RIDE: &str = r#"{"type":"record","name":"Ride","namespace":"rides","fields":[
    {"name":"id","type":{"type":"string","logicalType":"uuid"}},
    {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"fare","type":["null",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}]},
    {"name":"city","type":{"type":"enum","name":"City","symbols":["OSLO","BERGEN"]}},
    {"name":"tip","type":["double","null"]},
    {"name":"tags","type":{"type":"map","values":"int"}},
    {"name":"stops","type":{"type":"array","items":{"type":"record","name":"Stop","fields":[
        {"name":"zone","type":"string"},{"name":"wait","type":"float"}]}}},
    {"name":"other","type":["null","City",{"type":"record","name":"Place","fields":[
        {"name":"zone","type":"long"}]}]}
]}"#;

fn ride() -> Vec<u8> {
    let stop = |zone: &str, wait| {
        Value::Record(vec![("zone".into(), zone.into()), ("wait".into(), Value::Float(wait))])
    };
    let tags = [("a".to_owned(), Value::Int(1)), ("b".to_owned(), Value::Int(-2))];
    let union = |branch, value| Value::Union(branch, Box::new(value));
    let uuid = "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap();
    encoded(
        &Schema::parse_str(RIDE).unwrap(),
        Value::Record(vec![
            ("id".into(), Value::Uuid(uuid)),
            ("at".into(), Value::TimestampMillis(1_700_000_000_123)),
            ("fare".into(), union(1, Value::Decimal(vec![0x04, 0xd2].into()))),
            ("city".into(), Value::Enum(1, "BERGEN".into())),
            ("tip".into(), union(1, Value::Null)),
            ("tags".into(), Value::Map(tags.into())),
            ("stops".into(), Value::Array(vec![stop("north", 0.1), stop("south", 2.5)])),
            ("other".into(), union(2, Value::Record(vec![("zone".into(), Value::Long(9))]))),
        ]),
    )
}

#[test]
fn every_type_becomes_what_it_says() {
    let paths = [
        "id",
        "at",
        "fare",
        "city",
        "tip",
        "tags.b",
        "tags.c",
        "stops.1.zone",
        "stops.1.wait",
        "stops.2.wait",
        "stops",
        "other",
        "other.zone",
        "city.zone",
    ];
    let found = Setup::bare(RIDE, &paths).found(&ride());
    let want = [
        "text 67e55044-10b1-426f-9247-bb680e5fe0c8",
        "time 1700000000123000",
        "float 12.34",
        "text BERGEN",
        "null",
        "whole -2",
        "missing",
        "text south",
        "float 2.5",
        "missing",
        "nested",
        "nested",
        "whole 9",
        "missing",
    ];
    assert_eq!(found, want);
}

#[test]
fn nobody_wants_anything_and_all_is_passed() {
    assert!(Setup::bare(RIDE, &[]).found(&ride()).is_empty());
    assert_eq!(Setup::bare(RIDE, &["other.zone"]).found(&ride()), ["whole 9"]);
}

#[test]
fn references_lead_to_types_of_other_subjects() {
    let place = r#"{"type":"record","name":"Place","namespace":"rides","fields":[
        {"name":"zone","type":"rides.Zone"}]}"#;
    let zone = r#"{"type":"enum","name":"Zone","namespace":"rides","symbols":["N","S"]}"#;
    let text = r#"{"type":"record","name":"Ride","namespace":"rides","fields":[
        {"name":"from","type":"Place"},{"name":"to","type":["null","rides.Place"]}]}"#;
    let references = vec![zone.to_owned(), place.to_owned()];
    let written = Written { language: "AVRO".into(), text: text.into(), references };
    let mut setup = Setup::of(&["from.zone", "to.zone"], |plan| bare(&written, plan));
    assert_eq!(setup.found(&[2, 2, 0]), ["text S", "text N"]);
    let lost = Written { references: vec![zone.to_owned()], ..written };
    let refusal = Parsed::new(&lost).unwrap_err();
    assert_eq!(refusal.reason, Reason::BadSchema);
    assert!(refusal.detail.contains("Place"), "{}", refusal.detail);
}

#[test]
fn of_a_key_that_comes_twice_the_last_value_counts() {
    let schema = r#"{"type":"record","name":"R","fields":[{"name":"m","type":{"type":"map",
        "values":{"type":"record","name":"V","fields":[{"name":"x","type":["null","int"]}]}}}]}"#;
    let mut setup = Setup::bare(schema, &["m.a.x", "m.b.x"]);
    // Two entries `a`, the second one null.
    assert_eq!(setup.found(&[4, 2, b'a', 2, 14, 2, b'a', 0, 0]), ["null", "missing"]);
}

#[test]
fn recursive_schemas_are_read_as_deep_as_a_path_goes_and_passed_within_bounds() {
    let schema = r#"{"type":"record","name":"Node","fields":[
        {"name":"v","type":"int"},{"name":"next","type":["null","Node"]}]}"#;
    let list = |n: u8| {
        let mut bytes = Vec::new();
        (0..n).for_each(|v| bytes.extend([2 * v, 2]));
        bytes.extend([60, 0]);
        bytes
    };
    let mut setup = Setup::bare(schema, &["next.next.v"]);
    assert_eq!(setup.found(&list(20)), ["whole 2"]);
    assert_eq!(setup.found(&list(1)), ["missing"]);
    let endless: Vec<u8> = [0, 2].repeat(5_000);
    assert_eq!(setup.reason(&endless), Reason::TooDeep);
}

#[test]
fn outlines_tell_types_and_paths() {
    let outline = outline(&written(RIDE)).unwrap();
    let kind = |path: &str| {
        let steps: Vec<String> = path.split('.').map(str::to_owned).collect();
        outline.find(&steps).map(|field| field.kind)
    };
    assert_eq!(kind("fare").as_deref(), Some("[null, decimal(9, 2)]"));
    assert_eq!(kind("stops.0.wait").as_deref(), Some("float"));
    assert_eq!(kind("tags.anything").as_deref(), Some("int"));
    assert_eq!(kind("other.zone").as_deref(), Some("long"));
    assert_eq!(kind("nothing"), None);
    let listed = outline.paths();
    assert!(listed.contains(&"other.zone".to_owned()) && listed.contains(&"tip".to_owned()));
    let field = outline.find(&["stops".to_owned(), "0".to_owned(), "wait".to_owned()]).unwrap();
    use crate::plan::SeriesKind;
    use crate::stats::Dtype;
    assert_eq!(field.series, Some(SeriesKind::Numeric(Dtype::F32)));
    assert_eq!(outline.find(&["city".to_owned()]).unwrap().series, Some(SeriesKind::Category));
}

#[test]
fn small_schemas_of_enormous_values_are_refused_or_passed() {
    // Each type holds ten of the one before.
    let mut fields = vec![r#"{"name":"a0","type":{"type":"record","name":"R0","fields":[{"name":"x","type":["null","R0"]}]}}"#.to_owned()];
    for k in 1..30 {
        let inner: Vec<String> =
            (0..10).map(|i| format!(r#"{{"name":"f{i}","type":["null","R{}"]}}"#, k - 1)).collect();
        fields.push(format!(
            r#"{{"name":"a{k}","type":{{"type":"record","name":"R{k}","fields":[{}]}}}}"#,
            inner.join(",")
        ));
    }
    let schema = format!(r#"{{"type":"record","name":"Top","fields":[{}]}}"#, fields.join(","));
    let mut setup = Setup::bare(&schema, &["a29.f0.f1.f2"]);
    assert_eq!(setup.reason(&[]), Reason::Truncated);
    let _ = setup.read(&[2; 4096]);
    assert!(outline(&written(&schema)).unwrap().paths().len() < 3_000);
}
