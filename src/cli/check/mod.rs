//! `driftd check`: reads, builds and reaches everything, and tells all problems at once.

mod endpoints;
mod levels;
mod references;
pub(super) mod retention;
mod samples;
mod schemas;
mod topics;

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::{CONFIG, FAILURE, OK, Output, refused, sources};
use crate::config::key::KeyPath;
use crate::config::{self, Mode, Problem, Settings, Severity};
use crate::daemon::{Asking, registries_for_a_look};

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Reach neither brokers nor endpoints.
    #[arg(long)]
    no_connect: bool,
    /// Treat warnings as errors.
    #[arg(long)]
    deny_warnings: bool,
}

pub(super) fn run(arguments: &CheckArguments, file: &Path, output: &Output) -> anyhow::Result<u8> {
    let mode = if arguments.no_connect { Mode::CheckNoConnect } else { Mode::Check };
    let (settings, mut problems) =
        match config::load(&sources(Some(file.to_owned()), mode), &Asking::default()) {
            Ok((settings, warnings)) => (Some(settings), warnings),
            Err(problems) => (None, problems),
        };
    let mut reached = Vec::new();
    if let Some(settings) = &settings {
        problems.extend(refused(settings));
        problems.extend(references::check(settings));
        problems.extend(levels::rhythms(settings));
        problems.extend(schemas::files(settings));
        if !arguments.no_connect {
            let _registries = registries_for_a_look(settings)?;
            reached = [
                topics::check(settings),
                schemas::registries(settings),
                endpoints::check(settings)?,
            ]
            .concat();
        }
    }
    let wrong = |p: &Problem| match p.severity {
        Severity::Error => true,
        Severity::Warning => arguments.deny_warnings,
        Severity::Info => false,
    };
    // A wrong configuration stays wrong whatever answers; what only the records show is worth a
    // warning, and denied it is one of the configuration.
    let (silent, mut problems): (Vec<_>, Vec<_>) =
        problems.into_iter().partition(|p| p.unreachable);
    reached.extend(silent);
    let unreachable = reached.iter().any(|p| p.severity == Severity::Error);
    let code = match (problems.iter().any(wrong), unreachable, reached.iter().any(wrong)) {
        (true, ..) | (false, false, true) => CONFIG,
        (false, true, _) => FAILURE,
        (false, false, false) => OK,
    };
    problems.extend(reached);
    print(&problems, settings.as_ref(), output)?;
    Ok(code)
}

fn print(problems: &[Problem], settings: Option<&Settings>, output: &Output) -> anyhow::Result<()> {
    let bound = settings.map(bound);
    if !output.is_table() {
        // Standard output is for scripts.
        if let Some(bound) = bound {
            eprintln!("{bound}");
        }
        let rows: Vec<_> = problems.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
        output.rows(&[], &rows)?;
        return Ok(());
    }
    for problem in problems {
        output.text(&problem.to_string())?;
    }
    if let Some(bound) = bound {
        output.text(&bound)?;
    }
    let count = |s: Severity| problems.iter().filter(|p| p.severity == s).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    output.text(&format!("{errors} errors, {warnings} warnings"))?;
    Ok(())
}

/// What the configuration may take.
fn bound(settings: &Settings) -> String {
    let plan = &settings.plan;
    let monitors: usize = plan.models.iter().map(|m| m.monitors.len()).sum();
    format!(
        "{} models, {monitors} monitors; counts take at most {} of limits.memory = {}, \
         up to {} panes are kept at 2 KB or more each",
        plan.models.len(),
        megabytes(plan.memory_bound()),
        megabytes(settings.limits.memory),
        plan.kept_panes(),
    )
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// A problem of a key, at the place where it was written.
fn problem(
    settings: &Settings,
    severity: Severity,
    key: &KeyPath,
    message: String,
    hint: &str,
) -> Problem {
    Problem::at(&settings.effective.index, severity, key, message, hint)
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
    let shown = config::show_config(&settings, model)?;
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
