//! `driftd replay`: the same engine over files or a stretch of topics, without side effects.

mod back_test;
mod files;
mod report;
mod scope;
mod topics;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use clap::{Args, ValueEnum};

pub(super) use files::progress;

use super::{Output, USAGE, settings};
use crate::clock;
use crate::config::Mode;
use crate::event::{ModelIx, Span, Time};
use crate::plan::Plan;
use back_test::BackTest;

#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    /// Files with predictions: CSV, JSON lines, Avro or Parquet, in the order given.
    #[arg(long, num_args = 1.., required_unless_present = "from", conflicts_with = "from")]
    predictions: Vec<PathBuf>,
    /// Files with outcomes.
    #[arg(long, num_args = 1.., conflicts_with = "from")]
    outcomes: Vec<PathBuf>,
    /// Read the configured topics: predictions from this event time on, in RFC 3339 or as -30d.
    #[arg(long, value_name = "TIME", value_parser = moment, allow_hyphen_values = true)]
    #[arg(requires = "to")]
    from: Option<Time>,
    /// Predictions before this event time, and their outcomes.
    #[arg(long, value_name = "TIME", value_parser = moment, allow_hyphen_values = true)]
    #[arg(requires = "from")]
    to: Option<Time>,
    /// The model whose files these are, where several are configured; of topics, the only one
    /// that is read.
    #[arg(long)]
    model: Option<String>,
    /// Exit with 10 when an incident of this severity (or worse) opened.
    #[arg(long, value_enum)]
    fail_on: Option<FailOn>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Warning,
    Critical,
}

pub(super) fn run(
    arguments: &ReplayArguments,
    config: &Path,
    output: &Output,
) -> anyhow::Result<u8> {
    let began = Instant::now();
    let range = arguments.from.zip(arguments.to);
    if let Some((from, to)) = range
        && from >= to
    {
        eprintln!("driftd: --from {from} is not before --to {to}");
        return Ok(USAGE);
    }
    let mode = if range.is_some() { Mode::ReadTopics } else { Mode::Replay };
    let settings = match settings(config, mode)? {
        Ok(settings) => settings,
        Err(code) => return Ok(code),
    };
    let model = match &arguments.model {
        Some(name) => Some(
            named(&settings.plan, name)
                .with_context(|| format!("there is no model '{name}' in {}", config.display()))?,
        ),
        None => None,
    };
    let show = |test: &mut BackTest| match range {
        Some((from, to)) => topics::read(test, &settings, model, from, to),
        None => files::read(test, &settings, model, &arguments.predictions, &arguments.outcomes),
    };
    let mut test = BackTest::new(&settings);
    show(&mut test)?;
    let found = match test.finish_or_repeat(&settings) {
        Ok(found) => found,
        Err(mut second) => {
            show(&mut second)?;
            second.finish()
        }
    };
    report::print(found, arguments.fail_on, began, output)
}

fn named(plan: &Plan, name: &str) -> Option<ModelIx> {
    plan.models.iter().position(|m| m.name == name).map(|place| place as ModelIx)
}

/// RFC 3339, or a length of time before now such as `-30d`.
fn moment(text: &str) -> Result<Time, String> {
    let parsed = match text.strip_prefix('-') {
        Some(span) => Span::parse(span).map(|span| clock::now() - span).ok(),
        None => Time::parse(text).ok(),
    };
    parsed.ok_or_else(|| {
        "write a time in RFC 3339 such as 2026-11-01T00:00:00Z, or a length of time before now \
         such as -30d"
            .to_owned()
    })
}
