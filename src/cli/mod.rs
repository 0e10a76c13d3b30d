//! The command line: verbs, their options, exit codes. Each verb is a file of its own.

mod output;
mod state;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

pub use output::Output;

/// Done.
pub const OK: u8 = 0;
/// It did not work.
pub const FAILURE: u8 = 1;
/// `--fail-on` was reached.
pub const REACHED: u8 = 10;
/// The configuration is wrong.
pub const CONFIG: u8 = 78;

/// Watches Kafka predictions and outcomes for drift; starts retraining, pages on-call.
#[derive(Debug, Parser)]
#[command(name = "driftd", version, propagate_version = true)]
struct Arguments {
    /// Configuration file.
    #[arg(long, global = true, env = "DRIFTD_CONFIG", default_value = "driftd.toml")]
    config: PathBuf,
    /// Tables for people, JSON lines for scripts; by default as the output is.
    #[arg(long, global = true, value_enum)]
    format: Option<Format>,
    /// Say more; twice: everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What the store holds.
    #[command(subcommand)]
    State(state::StateCommand),
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    let output = Output::new(arguments.format);
    let result = match arguments.command {
        Command::State(command) => state::run(&command, &output),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("driftd: {error:#}");
            ExitCode::from(FAILURE)
        }
    }
}
