//! `driftd check`: reads, builds and reaches everything, and tells all problems at once.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use serde_json::json;

use super::{CONFIG, FAILURE, OK, Output, sources};
use crate::config::{self, Mode, Problem, Settings, Severity};
use crate::daemon::{References, properties, read_reference, reference_files};

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Reach neither brokers nor endpoints.
    #[arg(long)]
    no_connect: bool,
    /// Treat warnings as errors.
    #[arg(long)]
    deny_warnings: bool,
}

const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn run(arguments: &CheckArguments, file: &Path, output: &Output) -> anyhow::Result<u8> {
    let mode = if arguments.no_connect { Mode::CheckNoConnect } else { Mode::Check };
    let (settings, mut problems) = match config::load(&sources(file, mode)) {
        Ok((settings, warnings)) => (Some(settings), warnings),
        Err(problems) => (None, problems),
    };
    let mut unreachable = false;
    if let Some(settings) = &settings {
        problems.extend(references(settings));
        if !arguments.no_connect {
            let found = brokers(settings);
            unreachable = !found.is_empty();
            problems.extend(found);
        }
    }
    let wrong = |p: &Problem| p.severity == Severity::Error || arguments.deny_warnings;
    let failed = problems.iter().filter(|p| wrong(p)).count();
    print(&problems, settings.as_ref(), output)?;
    Ok(match (failed, unreachable) {
        (0, _) => OK,
        (_, true) if settings.is_some() => FAILURE,
        _ => CONFIG,
    })
}

fn print(problems: &[Problem], settings: Option<&Settings>, output: &Output) -> anyhow::Result<()> {
    if !output.is_table() {
        let rows: Vec<_> = problems.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
        output.rows(&[], &rows)?;
        return Ok(());
    }
    for problem in problems {
        output.text(&problem.to_string())?;
    }
    if let Some(settings) = settings {
        let plan = &settings.plan;
        let monitors: usize = plan.models.iter().map(|m| m.monitors.len()).sum();
        output.text(&format!(
            "{} models, {monitors} monitors; counts take at most {} of limits.memory = {}",
            plan.models.len(),
            megabytes(plan.memory_bound()),
            megabytes(settings.limits.memory),
        ))?;
    }
    let count = |s: Severity| problems.iter().filter(|p| p.severity == s).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    output.text(&format!("{errors} errors, {warnings} warnings"))?;
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn problem(severity: Severity, key: String, message: String, hint: &str) -> Problem {
    let hint = Some(hint.to_owned());
    Problem { severity, file: None, line: None, key, message, hint }
}

/// Reference files hold together, and hold what is watched.
fn references(settings: &Settings) -> Vec<Problem> {
    let files = References::new(reference_files(settings));
    let mut problems = Vec::new();
    for model in settings.plan.models.iter().filter(|m| !m.reference.per_version) {
        let Some(path) = files.path(&model.name, None) else { continue };
        let key = format!("models.{}.reference", model.name);
        match read_reference(&path) {
            Ok(None) => {}
            Err(message) => problems.push(problem(
                Severity::Error,
                key,
                message,
                "build it again with `driftd reference build`",
            )),
            Ok(Some(reference)) => {
                let watched = model
                    .monitors
                    .iter()
                    .filter(|m| m.statistic.basis() == crate::stats::Basis::Distribution);
                for series in watched.flat_map(|m| &m.series) {
                    if !reference.series.contains_key(series) {
                        problems.push(problem(
                            Severity::Warning,
                            key.clone(),
                            format!(
                                "{} holds nothing of {series}, which a monitor watches",
                                path.display()
                            ),
                            "build it again from files that have this column",
                        ));
                    }
                }
            }
        }
    }
    problems
}

/// The brokers answer and have every topic.
fn brokers(settings: &Settings) -> Vec<Problem> {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", settings.kafka.brokers.join(","));
    client.set("log_level", "0");
    for (key, value) in properties(&settings.kafka.properties) {
        client.set(key, value);
    }
    let unreachable = |message: String| {
        problem(
            Severity::Error,
            "kafka.brokers".to_owned(),
            message,
            "check the address, the network and [kafka.properties]",
        )
    };
    let consumer: BaseConsumer = match client.create() {
        Ok(consumer) => consumer,
        Err(error) => {
            let message = format!("librdkafka does not take a property: {error}");
            return vec![problem(
                Severity::Error,
                "kafka.properties".to_owned(),
                message,
                "see librdkafka's CONFIGURATION.md for its properties",
            )];
        }
    };
    let metadata = match consumer.fetch_metadata(None, PATIENCE) {
        Ok(metadata) => metadata,
        Err(error) => {
            let brokers = settings.kafka.brokers.join(",");
            return vec![unreachable(format!("no broker of {brokers} answers: {error}"))];
        }
    };
    let missing = settings.readers.iter().filter(|topic| {
        !metadata.topics().iter().any(|t| t.name() == topic.topic && t.error().is_none())
    });
    missing
        .map(|topic| {
            problem(
                Severity::Error,
                "kafka".to_owned(),
                format!("topic {} does not exist, or we may not read it", topic.topic),
                "create it, or correct its name",
            )
        })
        .collect()
}

/// The generated schema of the configuration.
pub(super) fn schema(output: &Output) -> anyhow::Result<u8> {
    output.text(&serde_json::to_string_pretty(&config::schema())?)?;
    Ok(OK)
}

/// The effective configuration with the origin of each value.
pub(super) fn show(file: &Path, model: Option<&str>, output: &Output) -> anyhow::Result<u8> {
    let settings = match super::settings(file, Mode::CheckNoConnect)? {
        Ok(settings) => settings,
        Err(code) => return Ok(code),
    };
    let shown = config::show_config(&settings, model);
    if output.is_table() {
        for value in shown {
            output.text(&value.to_string())?;
        }
        return Ok(OK);
    }
    let rows: Vec<_> = shown.iter().map(|value| json!(value)).collect();
    output.rows(&[], &rows)?;
    Ok(OK)
}
