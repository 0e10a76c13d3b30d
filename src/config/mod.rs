//! From files, environment and flags to a built plan, with every problem told at once.
//!
//! The way of a value: [`files`] parses TOML and keeps the line of everything, [`environment`]
//! turns variables into a tree of the same shape, [`layers`] lays them over each other, `sharing`
//! fills what models and monitors leave open, `typing` reads the result as [`raw::Raw`], `build`
//! checks it and makes [`Settings`] of it.
//!
//! Nobody but the daemon and the command line imports this room; doors own their options, this
//! room fills them.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

mod build;
mod environment;
mod files;
pub mod forms;
pub mod key;
mod kinds;
mod layers;
mod narrow;
mod problem;
pub mod raw;
mod reference;
mod schema;
mod settings;
mod sharing;
mod show;
mod subjects;
mod tree;
mod typing;

#[cfg(test)]
pub(crate) mod tests;

use key::{Index, KeyPath};
use problem::Report;
use sharing::Shared;

pub use problem::{Problem, Severity, nearest};
pub use reference::reference_toml;
pub use schema::schema;
pub use settings::*;
pub use show::{NoSuchModel, Shown, show_config};
pub use subjects::Subjects;

/// What a configuration is read for: decides which secrets are read and what must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The daemon.
    Run,
    /// `check`: an absent reference file is an error.
    Check,
    /// `check --no-connect`: absent secrets are warnings.
    CheckNoConnect,
    /// `replay` over files, and commands that only look: no secret is read.
    Replay,
    /// `replay` over topics, and `decode`: only secrets of `kafka.properties` and of registries are
    /// read.
    ReadTopics,
    /// `reference build`: only secrets of registries are read, references may be absent.
    ReferenceBuild,
}

/// Where a configuration comes from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The main file, where a flag names one.
    pub file: Option<PathBuf>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// Values given by flags, by dotted key path.
    pub overrides: Vec<(String, Value)>,
    /// What it is read for.
    pub mode: Mode,
    /// The only model that counts: what does not concern it is left out, faults and all.
    pub only: Option<String>,
}

impl Sources {
    /// The main file: the flag's, else that of `DRIFTD_CONFIG`, else `driftd.toml`.
    #[must_use]
    pub fn main(&self) -> PathBuf {
        let variable =
            self.env.iter().find(|(name, path)| name == "DRIFTD_CONFIG" && !path.is_empty());
        self.file
            .clone()
            .or_else(|| variable.map(|(_, path)| PathBuf::from(path)))
            .unwrap_or_else(|| PathBuf::from("driftd.toml"))
    }
}

/// Reads, checks and builds a configuration. With it come its warnings. `subjects` answers where
/// types follow from the latest schema of a registry.
///
/// # Errors
/// Every problem, warnings too, by file and line.
pub fn load(
    sources: &Sources,
    subjects: &dyn Subjects,
) -> Result<(Settings, Vec<Problem>), Vec<Problem>> {
    let mut report = Report::default();
    let main = sources.main();
    match built(&main, sources, subjects, &mut report) {
        Some(settings) if !report.failed() => Ok((settings, report.finish())),
        _ => Err(report.finish()),
    }
}

fn built(
    main: &Path,
    sources: &Sources,
    subjects: &dyn Subjects,
    report: &mut Report,
) -> Option<Settings> {
    let files = files::read(main, report)?;
    let (mut root, mut index) = (files.root, files.index);
    let variables = environment::variables(&sources.env, &root, schema::schema, report);
    let flags = environment::flags(&sources.overrides, &root);
    // What is set from outside wins over the defaults of every file.
    let mut outside = Index::default();
    let merged = layers::merge(Map::new(), &mut outside, vec![variables.clone(), flags.clone()])
        .and_then(|over| Ok((over, layers::merge(root, &mut index, vec![variables, flags])?)));
    let mut over = match merged {
        Ok((over, merged)) => {
            root = merged;
            over
        }
        Err(error) => {
            report.index = index;
            report.error(&KeyPath::default(), error.to_string(), "");
            return None;
        }
    };
    let over = shared_of(&mut over, outside, report);
    let mut local = |file: &files::File| {
        let mut defaults = Map::from_iter([("defaults".to_owned(), file.defaults.clone())]);
        shared_of(&mut defaults, file.index.clone(), report)
    };
    let locally: Vec<Shared> = files.files.iter().map(&mut local).collect();
    report.index = index;
    let everywhere = shared(&mut root, report);
    let owner = |table: &str, name: &str| {
        files.owners.get(&(table.to_owned(), name.to_owned())).and_then(|file| locally.get(*file))
    };
    let filled = sharing::spread(&mut root, &mut report.index, |table, name| {
        [&over].into_iter().chain(owner(table, name)).chain([&everywhere]).collect()
    });
    if let Some(model) = &sources.only {
        narrow::narrow(&mut root, model, &files.owners, report);
    }
    let mut tree = Value::Object(root);
    let raw: raw::Raw = typing::read(&mut tree, &KeyPath::default(), report);
    let site = build::Site {
        mode: sources.mode,
        env: &sources.env,
        main,
        owners: &files.owners,
        filled: &filled,
        subjects,
    };
    build::build(&raw, &site, report)
}

/// As [`shared`], of a tree that has an index of its own.
fn shared_of(root: &mut Map<String, Value>, index: Index, report: &mut Report) -> Shared {
    let lines = std::mem::replace(&mut report.index, index);
    let shared = shared(root, report);
    report.index = lines;
    shared
}

/// Takes `defaults` out of a tree, without what does not fit: a slip there is told once, at its
/// own place, not at every model that would have taken it.
fn shared(root: &mut Map<String, Value>, report: &mut Report) -> Shared {
    let mut values = root.remove("defaults").unwrap_or(Value::Null);
    if !values.is_null() {
        let _: raw::RawDefaults = typing::read(&mut values, &KeyPath::of(&["defaults"]), report);
    }
    Shared { values, index: report.index.clone() }
}
