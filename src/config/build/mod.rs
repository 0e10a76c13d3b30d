//! From what the user wrote to what driftd will do: checks across keys, and the plan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Mode;
use super::key::{KeyPath, Origin};
use super::problem::Report;
use super::raw::Raw;
use super::settings::{Effective, RegistrySettings, Settings};
use super::subjects::Subjects;

mod count_bound;
mod doors;
mod fields;
mod follow;
mod kafka;
mod model;
mod monitor;
mod names;
mod properties;
mod registry;
mod secrets;
pub(super) mod watch;

/// What building needs to know beside the values themselves.
pub struct Site<'a> {
    /// What it is built for.
    pub mode: Mode,
    /// Environment, for secrets.
    pub env: &'a [(String, String)],
    /// The main file.
    pub main: &'a Path,
    /// File of each model and monitor, by its table and name.
    pub owners: &'a BTreeMap<(String, String), usize>,
    /// Keys that were filled from `[defaults]`.
    pub filled: &'a BTreeSet<KeyPath>,
    /// Who knows schemas of registries.
    pub subjects: &'a dyn Subjects,
}

/// What formats are built with.
#[derive(Clone, Copy)]
pub struct Knowing<'a> {
    site: &'a Site<'a>,
    registries: &'a BTreeMap<String, RegistrySettings>,
}

/// Builds and reports everything that is wrong; `None` only where nothing could be built.
pub fn build(raw: &Raw, site: &Site<'_>, report: &mut Report) -> Option<Settings> {
    names::check(raw, report);
    let secrets = secrets::gather(raw, site, report);
    let kafka = kafka::kafka(raw, site, &secrets, report);
    let state = kafka::state(raw, site, report);
    let http = kafka::http(raw, site, &secrets, report);
    let callable = doors::callable(raw, report);
    let doors = doors::doors(raw, site, &secrets, &callable, report);
    let registries = registry::registries(raw, site, (&secrets, &callable), report);
    let around = Knowing { site, registries: &registries };
    let followed = follow::topics(raw, around, &state.dir, report);
    let mut built = model::models(raw, &doors.terms, around, &followed, report);
    monitor::monitors(raw, site, &mut built.models, report);
    kafka::dead_letters(&kafka, &built.readers, report);
    registry::unasked(&registries, &built.readers, site, report);
    let values = serde_json::to_value(raw).unwrap_or_default();
    let plan = kafka::plan(raw, digest(&values), built.models, &kafka, &http);
    count_bound::check(raw, &plan, report);
    (!report.failed()).then_some(Settings {
        plan,
        kafka,
        state,
        http,
        readers: built.readers,
        references: built.references,
        notifiers: doors.notifiers,
        trainers: doors.trainers,
        schemas: follow::schemas(followed),
        callable,
        registries,
        limits: kafka::limits(raw),
        secrets,
        effective: Effective { values, index: report.index.clone() },
    })
}

/// Digest of the effective values, secrets as references.
fn digest(values: &Value) -> String {
    let hash = Sha256::digest(values.to_string().as_bytes());
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// A path relative to the file that holds it, else to the main file, made absolute.
fn located(text: &str, path: &KeyPath, site: &Site<'_>, report: &Report) -> PathBuf {
    let file = match report.index.get(path) {
        Some(Origin::File(file, _)) => file,
        Some(Origin::Env(_) | Origin::Flag(_)) | None => site.main,
    };
    let joined = file.parent().unwrap_or(Path::new("")).join(text);
    std::path::absolute(&joined).unwrap_or(joined)
}
