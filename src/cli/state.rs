//! `driftd state`: looks into the store while no daemon runs.

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;
use serde_json::Value;

use super::{OK, Output};
use crate::engine::{EXPORTED, Export};
use crate::store::{Embedded, Store};

#[derive(Debug, Subcommand)]
pub(super) enum StateCommand {
    /// Prints positions, panes, joins, incidents, runs and messages, one JSON object a line.
    Export {
        /// State directory; a copy works too.
        #[arg(long)]
        dir: PathBuf,
        /// One model only.
        #[arg(long)]
        model: Option<String>,
    },
}

pub(super) fn run(command: &StateCommand, output: &Output) -> anyhow::Result<u8> {
    let StateCommand::Export { dir, model } = command;
    let store = Embedded::look(dir)?;
    let mut export = Export::new(model.as_deref());
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
    let lines: Vec<Value> = export.lines();
    output.rows(
        &["type", "model", "version", "segment", "start", "end", "predictions", "matched", "late"],
        &lines,
    )?;
    Ok(OK)
}
