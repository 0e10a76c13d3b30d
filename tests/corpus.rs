//! Whatever a fuzzer found worth keeping is run by every `cargo test`: `fuzz/corpus/TARGET/*`.

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::path::Path;

/// Runs a target over its kept inputs; one that panics is named.
fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in std::fs::read_dir(&folder).expect("every target keeps some inputs") {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let passed = std::panic::catch_unwind(|| run(&bytes));
        assert!(passed.is_ok(), "{}", path.display());
        inputs += 1;
    }
    assert!(inputs > 0, "{} is empty", folder.display());
}

#[test]
fn api() {
    replay("api", targets::api::run);
}

#[test]
fn avro_datum() {
    replay("avro_datum", targets::avro_datum::run);
}

#[test]
fn avro_schema() {
    replay("avro_schema", targets::avro_schema::run);
}

#[test]
fn config() {
    replay("config", targets::config::run);
}

#[test]
fn container() {
    replay("container", targets::container::run);
}

#[test]
fn json() {
    replay("json", targets::json::run);
}

#[test]
fn reference() {
    replay("reference", targets::reference::run);
}

#[test]
fn rows() {
    replay("rows", targets::rows::run);
}

#[test]
fn signature() {
    replay("signature", targets::signature::run);
}

#[test]
fn state() {
    replay("state", targets::state::run);
}

#[test]
fn times() {
    replay("times", targets::times::run);
}
