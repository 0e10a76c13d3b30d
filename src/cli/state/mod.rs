//! `driftd state`: looks into, copies and renews the store. Needs no configuration.

mod backup;
mod export;
mod inspect;
mod rebuild;
mod skip;

use std::path::PathBuf;

use clap::Subcommand;

use super::Output;
use skip::Skip;

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
    /// Says what a state directory holds: format, tables, models, positions, messages.
    Inspect {
        /// State directory that no daemon runs on; a backup works too.
        #[arg(long)]
        dir: PathBuf,
        /// Understand every row, not only count it.
        #[arg(long)]
        verify: bool,
    },
    /// Puts the database aside, so that the next start makes it again out of Kafka.
    Rebuild {
        /// State directory that no daemon runs on.
        #[arg(long)]
        dir: PathBuf,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Moves the position in a partition on, past a batch that can never be read; what lies between
    /// counts as lost.
    Skip {
        /// State directory that no daemon runs on.
        #[arg(long)]
        dir: PathBuf,
        /// Topic.
        #[arg(long)]
        topic: String,
        /// Partition.
        #[arg(long)]
        partition: i32,
        /// Offset of the first record to read.
        #[arg(long)]
        to: i64,
    },
    /// Copies a state directory, also one that a daemon runs on.
    Backup {
        /// State directory.
        #[arg(long)]
        dir: PathBuf,
        /// Folder that does not exist yet.
        #[arg(long)]
        to: PathBuf,
    },
}

pub(super) fn run(command: &StateCommand, output: &Output) -> anyhow::Result<u8> {
    match command {
        StateCommand::Export { dir, model } => export::run(dir, model.as_deref(), output),
        StateCommand::Inspect { dir, verify } => inspect::run(dir, *verify, output),
        StateCommand::Rebuild { dir, yes } => rebuild::run(dir, *yes, output),
        StateCommand::Skip { dir, topic, partition, to } => {
            skip::run(dir, &Skip { topic, partition: *partition, to: *to }, output)
        }
        StateCommand::Backup { dir, to } => backup::run(dir, to, output),
    }
}
