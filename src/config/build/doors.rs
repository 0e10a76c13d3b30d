//! Notifiers and trainers: known kinds, options that their registries know, secrets by reference.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Site;
use super::secrets::{absolute, check_webhook_secret};
use crate::config::Mode;
use crate::config::forms::{Kinded, Short};
use crate::config::key::KeyPath;
use crate::config::kinds::{self, KindDoc};
use crate::config::problem::{Report, suggest};
use crate::config::raw::Raw;
use crate::config::settings::DoorSettings;
use crate::event::Span;
use crate::notify::http::Http;
use crate::notify::{Callable, Context, NOTIFIERS};
use crate::retrain::TRAINERS;
use crate::secret::{Secret, Secrets};
use crate::stats::Params;

/// What a trainer's runs obey.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// Runs per UTC day.
    pub budget: u32,
    /// No callback and no new version by then: timed out.
    pub timeout: Span,
    /// Share of predictions that makes a version deployed.
    pub deployed_share: f64,
}

impl Default for Terms {
    fn default() -> Terms {
        Terms { budget: 1, timeout: Span::from_secs(6 * 3600), deployed_share: 0.5 }
    }
}

/// Both tables, and what runs obey by trainer.
#[derive(Debug, Default)]
pub struct Doors {
    /// Notifiers by name.
    pub notifiers: BTreeMap<String, DoorSettings>,
    /// Trainers by name.
    pub trainers: BTreeMap<String, DoorSettings>,
    /// Terms by trainer.
    pub terms: BTreeMap<String, Terms>,
}

/// The tables `notifiers` and `trainers`.
pub fn doors(
    raw: &Raw,
    site: &Site<'_>,
    secrets: &Secrets,
    callable: &Callable,
    report: &mut Report,
) -> Doors {
    let mut doors = Doors::default();
    let context = match site.mode {
        Mode::Replay | Mode::ReadTopics | Mode::ReferenceBuild => None,
        Mode::Run | Mode::Check | Mode::CheckNoConnect => context(secrets, callable, report),
    };
    let known = kinds::notifiers();
    for (name, table) in &raw.notifiers {
        let at = KeyPath::of(&["notifiers", name]);
        let options = table.0.0.clone();
        let built = door(&at, table, options, &known, (site, secrets), report);
        let Some((doc, door, trial)) = built else { continue };
        let kind = NOTIFIERS.iter().find(|k| k.name == doc.name);
        if let (Some(kind), Some(context)) = (kind, &context) {
            let mut params = trial;
            kinds::built((kind.build)(&mut params, context), &params, doc, &at, report);
        }
        doors.notifiers.insert(name.clone(), door);
    }
    let known = kinds::trainers();
    for (name, table) in &raw.trainers {
        let at = KeyPath::of(&["trainers", name]);
        let mut options = table.0.0.clone();
        doors.terms.insert(name.clone(), terms(&mut options, &at, report));
        let built = door(&at, table, options, &known, (site, secrets), report);
        let Some((doc, door, trial)) = built else { continue };
        let kind = TRAINERS.iter().find(|k| k.name == doc.name);
        if let (Some(kind), Some(context)) = (kind, &context) {
            let mut params = trial;
            kinds::built((kind.build)(&mut params, context), &params, doc, &at, report);
        }
        doors.trainers.insert(name.clone(), door);
    }
    doors
}

/// Who may be called, by the table `outgoing`.
pub fn callable(raw: &Raw, report: &mut Report) -> Callable {
    let at = KeyPath::of(&["outgoing", "link_local"]);
    let mut networks = Vec::new();
    for (i, text) in raw.outgoing.link_local.iter().enumerate() {
        match text.parse() {
            Ok(network) => networks.push(network),
            Err(error) => report.error(&at.item(i), format!("{error}"), ""),
        }
    }
    Callable::with(networks)
}

fn context(secrets: &Secrets, callable: &Callable, report: &mut Report) -> Option<Context> {
    match Http::new(callable.clone()) {
        Ok(http) => Some(Context { http, secrets: secrets.clone() }),
        Err(error) => {
            report.error(&KeyPath::of(&["notifiers"]), error.to_string(), "");
            None
        }
    }
}

/// Options whose value is a secret, whatever the kind; refused as literals in every mode.
const SECRET: &[&str] = &["routing_key", "token", "password", "api_key"];

/// Stands for a secret that was refused while the other options are tried: it is never read, and
/// a receiver can be built without.
const UNREAD: &str = "env:UNREAD";

/// A table as its kind will build from it, and the same for a trial, where refused secrets do not
/// hide what else is wrong.
fn door<'k>(
    at: &KeyPath,
    table: &Short<Kinded>,
    mut options: Map<String, Value>,
    known: &'k [KindDoc],
    (site, secrets): (&Site<'_>, &Secrets),
    report: &mut Report,
) -> Option<(&'k KindDoc, DoorSettings, Params)> {
    let doc = chosen(table, at, known, report)?;
    options.remove("kind");
    let mut trial = options.clone();
    for (key, value) in &mut options {
        let path = at.key(key);
        refer(value, &path, site, report);
        let before = report.count();
        match key.as_str() {
            "secret" => signing(value, &path, secrets, report),
            key if SECRET.contains(&key) => drop(secret(value, &path, secrets, report)),
            _ => {}
        }
        let sound = report.count() == before;
        trial.insert(key.clone(), if sound { value.clone() } else { Value::from(UNREAD) });
    }
    Some((doc, DoorSettings { kind: doc.name.to_owned(), options }, Params::new(trial)))
}

/// The registry entry that a table names.
pub fn chosen<'a>(
    table: &Short<Kinded>,
    at: &KeyPath,
    known: &'a [KindDoc],
    report: &mut Report,
) -> Option<&'a KindDoc> {
    let names = known.iter().map(|k| k.name);
    let Some(name) = table.0.kind() else {
        let list: Vec<&str> = names.collect();
        report.error(&at.key("kind"), "is missing", format!("known are {}", list.join(", ")));
        return None;
    };
    let found = known.iter().find(|k| k.name == name);
    if found.is_none() {
        let path =
            if report.index.get(&at.key("kind")).is_some() { at.key("kind") } else { at.clone() };
        report.error(&path, format!("'{name}' is not known here"), suggest(name, names));
    }
    found
}

/// Makes `file:` references absolute.
fn refer(value: &mut Value, path: &KeyPath, site: &Site<'_>, report: &Report) {
    match value {
        Value::String(text) => *text = absolute(text, path, site, report),
        Value::Array(list) => {
            let items = list.iter_mut().enumerate();
            items.for_each(|(i, value)| refer(value, &path.item(i), site, report));
        }
        _ => {}
    }
}

fn secret(value: &Value, path: &KeyPath, secrets: &Secrets, report: &mut Report) -> Option<Secret> {
    match value.as_str().map(|text| secrets.get(text)) {
        Some(Ok(secret)) => Some(secret),
        _ => {
            report.error(
                path,
                "a secret must not be written here",
                "write env:NAME or file:PATH and keep the secret there",
            );
            None
        }
    }
}

fn signing(value: &Value, path: &KeyPath, secrets: &Secrets, report: &mut Report) {
    let check = |value: &Value, path: &KeyPath, report: &mut Report| {
        let Some(secret) = secret(value, path, secrets, report) else { return };
        if let Err(hint) = check_webhook_secret(&secret) {
            let message = format!(
                "what {} holds is not `whsec_` and base64 of 24 to 64 bytes",
                secret.reference()
            );
            report.error(path, message, hint);
        }
    };
    match value {
        Value::Array(list) if list.len() == 1 || list.len() == 2 => {
            let items = list.iter().enumerate();
            items.for_each(|(i, value)| check(value, &path.item(i), report));
        }
        Value::Array(_) => report.error(path, "must be one secret, or two while rotating", ""),
        value => check(value, path, report),
    }
}

fn length(value: &Value, path: &KeyPath, report: &mut Report) -> Option<Span> {
    let text = value.as_str().unwrap_or_default();
    match Span::parse(text) {
        Ok(span) if span.0 > 0 => Some(span),
        _ => {
            report.error(path, "is not a length of time", "write for example \"6h\"");
            None
        }
    }
}

fn terms(options: &mut Map<String, Value>, at: &KeyPath, report: &mut Report) -> Terms {
    let mut terms = Terms::default();
    if let Some(value) = options.remove("timeout")
        && let Some(timeout) = length(&value, &at.key("timeout"), report)
    {
        terms.timeout = timeout;
    }
    if let Some(value) = options.remove("budget") {
        match budget(&value) {
            Some(budget) => terms.budget = budget,
            None => report.error(&at.key("budget"), "is no budget", "write budget = \"1 per day\""),
        }
    }
    if let Some(value) = options.remove("deployed_share") {
        match value.as_f64() {
            Some(share) if share > 0.0 && share <= 1.0 => terms.deployed_share = share,
            _ => report.error(
                &at.key("deployed_share"),
                "must be above 0 and at most 1",
                "default 0.5",
            ),
        }
    }
    terms
}

/// `3 per day`, or `3`.
fn budget(value: &Value) -> Option<u32> {
    let number = match value {
        Value::String(text) => text.trim().strip_suffix("per day")?.trim().parse().ok()?,
        value => u32::try_from(value.as_u64()?).ok()?,
    };
    (number > 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn budgets_are_runs_per_day() {
        assert_eq!(budget(&json!("1 per day")), Some(1));
        assert_eq!(budget(&json!(3)), Some(3));
        for bad in [json!("0 per day"), json!("1 per hour"), json!(-1), json!("often")] {
            assert_eq!(budget(&bad), None, "{bad}");
        }
    }
}
