//! `driftd state export`: what the store holds, line by line.

use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use crate::cli::{OK, Output};
use crate::engine::{EXPORTED, Export};
use crate::store::{Embedded, Store};

pub(super) fn run(dir: &Path, model: Option<&str>, output: &Output) -> anyhow::Result<u8> {
    let lines = lines(&Embedded::look(dir)?, dir, model)?;
    output.rows(
        &["type", "model", "version", "segment", "start", "end", "predictions", "matched", "late"],
        &lines,
    )?;
    Ok(OK)
}

/// The lines of a store.
pub(super) fn lines(
    store: &dyn Store,
    dir: &Path,
    model: Option<&str>,
) -> anyhow::Result<Vec<Value>> {
    let mut export = Export::new(model);
    for table in EXPORTED {
        let mut failed = None;
        store.walk(table, &[], &mut |key, value| {
            failed = export.take(table, key, value).err();
            failed.is_none()
        })?;
        if let Some(error) = failed {
            return Err(error).with_context(|| format!("state directory {}", dir.display()));
        }
    }
    Ok(export.lines())
}
