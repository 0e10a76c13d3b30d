//! The company of the other tests, speaking Avro.

use serde_json::Value;

use crate::company::Company;
use crate::rig::daemon::Daemon;
use crate::rig::kafka::{Kafka, Rec};
use crate::rig::receiver::Receiver;
use crate::rig::registry::Registry;

pub const OUTCOME: &str = r#"{"type":"record","name":"Outcome","fields":[
    {"name":"request_id","type":"string"},
    {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"actual","type":"double"}]}"#;

/// A schema of predictions whose features are these.
pub fn prediction(features: &str) -> String {
    let text = r#"{"type":"record","name":"Prediction","namespace":"rides","fields":[
        {"name":"request_id","type":"string"},
        {"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},
        {"name":"model","type":{"type":"record","name":"Model","fields":[
            {"name":"version","type":"string"}]}},
        {"name":"features","type":{"type":"record","name":"Features","fields":[FEATURES]}},
        {"name":"output","type":{"type":"record","name":"Output","fields":[
            {"name":"demand","type":"double"}]}}]}"#;
    text.replace("FEATURES", features)
}

pub const CITY: &str = r#"{"name":"city","type":["null","string"]}"#;

pub fn first_version() -> String {
    prediction(&format!(r#"{{"name":"fare","type":"double"}},{CITY}"#))
}

pub fn long(value: i64) -> Vec<u8> {
    let mut raw = ((value << 1) ^ (value >> 63)) as u64;
    let mut bytes = Vec::new();
    while raw >= 0x80 {
        bytes.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    bytes.push(raw as u8);
    bytes
}

pub fn text(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    [long(text.len() as i64), text.as_bytes().to_vec()].concat()
}

pub fn double(value: &Value) -> Vec<u8> {
    value.as_f64().unwrap().to_le_bytes().to_vec()
}

pub fn framed(id: u32, datum: &[u8]) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), datum].concat()
}

/// A prediction of the company in Avro; `features` writes its features.
pub fn avro_prediction(id: u32, record: &Rec, features: &dyn Fn(&Value) -> Vec<u8>) -> Rec {
    let json: Value = serde_json::from_slice(record.payload.as_ref().unwrap()).unwrap();
    let datum = [
        text(&json["request_id"]),
        long(json["at"].as_i64().unwrap() * 1_000_000),
        text(&json["model"]["version"]),
        features(&json["features"]),
        double(&json["output"]["demand"]),
    ]
    .concat();
    Rec { payload: Some(framed(id, &datum)), ..record.clone() }
}

pub fn features(json: &Value) -> Vec<u8> {
    [double(&json["fare"]), long(1), text(&json["city"])].concat()
}

pub fn avro_outcome(id: u32, record: &Rec) -> Rec {
    let json: Value = serde_json::from_slice(record.payload.as_ref().unwrap()).unwrap();
    let at = long(json["at"].as_i64().unwrap() * 1000);
    let datum = [text(&json["request_id"]), at, double(&json["actual"])].concat();
    Rec { payload: Some(framed(id, &datum)), ..record.clone() }
}

/// The company speaks Avro from now on.
pub fn speak_avro(company: &Company, url: &str, options: &str) {
    let text = std::fs::read_to_string(&company.config).unwrap();
    let format = "format = { kind = \"avro\", registry = \"main\" }";
    let text = text.replace("format = \"json\"", format)
        + &format!("\n[registries.main]\nurl = \"{url}\"\n{options}\n");
    std::fs::write(&company.config, text).unwrap();
}

pub fn found(kafka: &Kafka, registry: &Registry, receiver: &Receiver, options: &str) -> Company {
    let company = Company::found(kafka, receiver, 2);
    speak_avro(&company, &registry.url(), options);
    company
}

pub fn metric(daemon: &Daemon, name: &str) -> Option<f64> {
    let metrics = daemon.get("/metrics")?.1;
    let line = metrics.lines().find(|line| line.starts_with(name))?;
    line.rsplit(' ').next()?.parse().ok()
}

pub fn consumed(daemon: &Daemon, topic: &str) -> Option<f64> {
    metric(daemon, &format!("driftd_events_consumed_total{{topic=\"{topic}\"}}"))
}
