//! The command line: verbs, their options, exit codes. Each verb is a file of its own.

mod broker;
mod check;
pub mod client;
mod dead_letters;
mod decode;
mod demo;
mod output;
mod patience;
mod properties;
mod reference;
mod replay;
mod run;
mod state;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

pub use output::Output;

use crate::config::{self, Mode, Problem, Settings, Severity, Sources};
use crate::daemon::Asking;

/// Done.
pub const OK: u8 = 0;
/// It did not work.
pub const FAILURE: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// `--fail-on` was reached.
pub const REACHED: u8 = 10;
/// The configuration is wrong.
pub const CONFIG: u8 = 78;

/// Watches Kafka predictions and outcomes for drift; starts retraining, pages on-call.
#[derive(Debug, Parser)]
#[command(name = "driftd", version, propagate_version = true)]
struct Arguments {
    /// Configuration file; else that of DRIFTD_CONFIG, else driftd.toml.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
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
    /// The daemon.
    Run,
    /// The festival story on an embedded Kafka; ends by itself.
    Demo(demo::DemoArguments),
    /// Reads, builds and reaches everything; tells all problems at once.
    Check(check::CheckArguments),
    /// What driftd reads from a model's topics, field by field.
    Decode(decode::DecodeArguments),
    /// The same engine over files or a stretch of topics, without side effects.
    Replay(replay::ReplayArguments),
    /// Builds, shows and compares references.
    #[command(subcommand)]
    Reference(reference::ReferenceCommand),
    /// Records that were refused, and the way back for those that could be read now.
    #[command(subcommand)]
    DeadLetters(dead_letters::DeadLettersCommand),
    /// What the store holds.
    #[command(subcommand)]
    State(state::StateCommand),
    #[command(flatten)]
    Client(client::ClientCommand),
    /// Effective values with their origin; secrets as references.
    ShowConfig {
        /// Only what concerns this model.
        #[arg(long)]
        model: Option<String>,
    },
    /// JSON Schema of the configuration.
    Schema,
    /// Completions for a shell.
    Completions {
        /// bash, zsh, fish, elvish or powershell.
        shell: clap_complete::Shell,
    },
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    let output = Output::new(arguments.format);
    let config = sources(arguments.config, Mode::Run).main();
    let config = config.as_path();
    let result = match arguments.command {
        Command::Run => run::run(config, arguments.verbose),
        Command::Replay(options) => replay::run(&options, config, &output).map(ExitCode::from),
        Command::Reference(command) => {
            reference::run(&command, config, &output).map(ExitCode::from)
        }
        Command::Demo(options) => demo::run(&options),
        Command::Check(options) => check::run(&options, config, &output).map(ExitCode::from),
        Command::Decode(options) => decode::run(&options, config, &output).map(ExitCode::from),
        Command::Client(command) => client::run(&command, &output).map(ExitCode::from),
        Command::ShowConfig { model } => {
            check::show(config, model.as_deref(), &output).map(ExitCode::from)
        }
        Command::Schema => check::schema(&output).map(ExitCode::from),
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Arguments::command(),
                "driftd",
                &mut std::io::stdout(),
            );
            Ok(ExitCode::from(OK))
        }
        Command::DeadLetters(command) => {
            dead_letters::run(&command, config, &output).map(ExitCode::from)
        }
        Command::State(command) => state::run(&command, &output).map(ExitCode::from),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("driftd: {}", output::harmless(&format!("{error:#}")));
            ExitCode::from(FAILURE)
        }
    }
}

/// Reads the configuration; its problems go to standard error, and the exit code with them.
fn settings(config: &Path, mode: Mode) -> anyhow::Result<Result<Settings, u8>> {
    read(&sources(Some(config.to_owned()), mode))
}

fn read(sources: &Sources) -> anyhow::Result<Result<Settings, u8>> {
    match config::load(sources, &Asking::default()) {
        Ok((settings, warnings)) => {
            for warning in warnings {
                eprintln!("{warning}");
            }
            let refused = if sources.only.is_some() { Vec::new() } else { refused(&settings) };
            for problem in &refused {
                eprintln!("{problem}");
            }
            Ok(if refused.is_empty() { Ok(settings) } else { Err(CONFIG) })
        }
        Err(problems) => {
            let wrong = |p: &Problem| p.severity == Severity::Error && !p.unreachable;
            let code = if problems.iter().any(wrong) { CONFIG } else { FAILURE };
            for problem in problems {
                eprintln!("{problem}");
            }
            Ok(Err(code))
        }
    }
}

/// What only librdkafka itself can refuse.
fn refused(settings: &Settings) -> Vec<Problem> {
    properties::refused(settings)
}

/// Where a configuration comes from: the file, and the environment of this process.
fn sources(file: Option<PathBuf>, mode: Mode) -> Sources {
    // What is no text names neither a key nor a secret of ours.
    let texts = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let env = std::env::vars_os().filter_map(texts).collect();
    Sources { file, env, overrides: Vec::new(), mode, only: None }
}
