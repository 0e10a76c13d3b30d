//! The same events in Avro.

use std::sync::Arc;

use apache_avro::Schema;
use driftd::event::Time;
use driftd::stats::Params;
use driftd::wire::{DEFAULT_MAX_BYTES, FORMATS, FormatSpec, SchemaBook, Supplies};
use serde_json::Value;

/// Name and type of a feature, as the JSON events have them.
fn feature(place: usize) -> (String, &'static str) {
    let (suffix, kind) = match place % 5 {
        4 => ("vehicle", "string"),
        3 => ("requests", "long"),
        2 => ("ratio", "double"),
        _ => ("distance", "double"),
    };
    (format!("f{place}_{suffix}"), kind)
}

fn text(features: usize) -> String {
    let fields: Vec<String> = (0..features)
        .map(|place| {
            let (name, kind) = feature(place);
            format!(r#"{{"name":"{name}","type":"{kind}"}}"#)
        })
        .collect();
    format!(
        r#"{{"type":"record","name":"Prediction","fields":[{{"name":"request_id","type":"string"}},
        {{"name":"at","type":{{"type":"long","logicalType":"timestamp-micros"}}}},
        {{"name":"model","type":{{"type":"record","name":"Model","fields":[
            {{"name":"name","type":"string"}},{{"name":"version","type":"string"}}]}}}},
        {{"name":"features","type":{{"type":"record","name":"Features","fields":[{}]}}}},
        {{"name":"output","type":{{"type":"record","name":"Output","fields":[
            {{"name":"demand","type":"double"}}]}}}}]}}"#,
        fields.join(",")
    )
}

pub fn schema(features: usize) -> Schema {
    Schema::parse_str(&text(features)).expect("a schema")
}

/// The schema of a file that is not there.
struct Given(String);

impl Supplies for Given {
    fn registry(&self, name: &str) -> Result<Arc<SchemaBook>, String> {
        Err(name.to_owned())
    }
    fn text(&self, _: &str) -> Result<String, String> {
        Ok(self.0.clone())
    }
}

pub fn format(features: usize) -> FormatSpec {
    let avro = FORMATS.iter().find(|kind| kind.name == "avro").expect("a format");
    let mut options = serde_json::Map::new();
    options.insert("schema".to_owned(), "given".into());
    let format = (avro.build)(&mut Params::new(options), &Given(text(features)));
    FormatSpec { format: format.expect("a format"), max_bytes: DEFAULT_MAX_BYTES }
}

/// A JSON event in Avro.
pub fn encoded(json: &str, features: usize) -> Vec<u8> {
    let json: Value = serde_json::from_str(json).expect("JSON");
    let mut bytes = string(&json["request_id"]);
    let at = Time::parse(json["at"].as_str().expect("a time")).expect("a time");
    bytes.extend(long(at.0));
    bytes.extend(string(&json["model"]["name"]));
    bytes.extend(string(&json["model"]["version"]));
    for (name, kind) in (0..features).map(feature) {
        let value = &json["features"][name];
        match kind {
            "string" => bytes.extend(string(value)),
            "long" => bytes.extend(long(value.as_i64().expect("a whole number"))),
            _ => bytes.extend(value.as_f64().expect("a number").to_le_bytes()),
        }
    }
    bytes.extend(json["output"]["demand"].as_f64().expect("a number").to_le_bytes());
    bytes
}

fn string(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("a text");
    [long(text.len() as i64), text.as_bytes().to_vec()].concat()
}

fn long(value: i64) -> Vec<u8> {
    let mut raw = ((value << 1) ^ (value >> 63)) as u64;
    let mut bytes = Vec::new();
    while raw >= 0x80 {
        bytes.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    bytes.push(raw as u8);
    bytes
}
