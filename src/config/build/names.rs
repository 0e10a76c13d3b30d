//! Names: one alphabet, and no two that people or environment variables would mix up.

use std::collections::BTreeMap;

use crate::config::key::KeyPath;
use crate::config::problem::Report;
use crate::config::raw::Raw;

/// Checks every name of the configuration.
pub fn check(raw: &Raw, report: &mut Report) {
    table(&KeyPath::of(&["models"]), raw.models.keys(), report);
    table(&KeyPath::of(&["monitors"]), raw.monitors.keys(), report);
    table(&KeyPath::of(&["notifiers"]), raw.notifiers.keys(), report);
    table(&KeyPath::of(&["trainers"]), raw.trainers.keys(), report);
    table(&KeyPath::of(&["registries"]), raw.registries.keys(), report);
    for (name, model) in &raw.models {
        if let Some(predictions) = &model.predictions {
            let at = KeyPath::of(&["models", name, "predictions", "features"]);
            table(&at, predictions.features.keys(), report);
        }
    }
    let models = raw.models.iter().map(|(name, model)| (name, model.was.as_ref()));
    former("models", models, report);
    let monitors = raw.monitors.iter().map(|(name, monitor)| (name, monitor.was.as_ref()));
    former("monitors", monitors, report);
    let at = KeyPath::of(&["name"]);
    if let Some(name) = &raw.name
        && (name.trim().is_empty() || name.len() > 200 || name.chars().any(char::is_control))
    {
        report.error(&at, "must be one line of 1 to 200 bytes", "");
    }
}

fn table<'a>(at: &KeyPath, names: impl Iterator<Item = &'a String>, report: &mut Report) {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for name in names {
        if !is_name(name) {
            report.error(
                &at.key(name),
                "is not a name",
                "names have 1 to 64 letters, digits, `-` and `_`",
            );
        }
        let folded = name.to_lowercase().replace('-', "_");
        if let Some(other) = seen.insert(folded, name) {
            report.error(
                &at.key(name),
                format!("differs from `{other}` only in case or `-`/`_`"),
                "rename one of the two",
            );
        }
    }
}

/// Whether a text is a name.
fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// A former name must be free: its state can be carried on only once.
fn former<'a>(
    table: &str,
    names: impl Iterator<Item = (&'a String, Option<&'a String>)> + Clone,
    report: &mut Report,
) {
    let mut heirs: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, was) in names.clone() {
        let Some(was) = was else { continue };
        let at = KeyPath::of(&[table, name, "was"]);
        if !is_name(was) {
            report.error(&at, "is not a name", "write the former name of this table");
        } else if names.clone().any(|(other, _)| other == was) {
            report.error(
                &at,
                format!("`{was}` still exists"),
                "`was` names a table that is gone; remove one of the two",
            );
        } else if let Some(other) = heirs.insert(was, name) {
            report.error(&at, format!("`{other}` already carries on `{was}`"), "");
        }
    }
}
