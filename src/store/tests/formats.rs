//! State directories of every released format, kept as they were written.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::*;
use crate::engine::tests::lived::lived;
use crate::engine::{EXPORTED, Export};

fn kept(format: u32) -> PathBuf {
    let folder = format!("tests/fixtures/state/format-{format}");
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// What `state export` prints.
fn export(store: &dyn Store) -> Vec<Value> {
    let mut export = Export::new(None);
    for table in EXPORTED {
        store
            .walk(table, &[], &mut |key, value| {
                export.take(table, key, value).unwrap();
                true
            })
            .unwrap();
    }
    export.lines()
}

fn write_down(format: u32) {
    let folder = kept(format);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let state = folder.join("state");
    let store = Embedded::open(&state).unwrap();
    let rows = lived().rows;
    let changes: Vec<Change> =
        rows.into_iter().map(|((table, key), value)| Change { table, key, value: Some(value) }).collect();
    store.commit(&changes).unwrap();
    let lines = export(&store);
    store.close();
    // The second opening cuts off what the journal holds in reserve.
    Embedded::open(&state).unwrap().close();
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    std::fs::write(folder.join("export.jsonl"), lines.join("\n") + "\n").unwrap();
}

#[test]
fn the_fixture_of_this_format() {
    if std::env::var_os("UPDATE").is_some() {
        write_down(FORMAT);
    }
}
