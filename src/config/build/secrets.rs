//! Which secrets the configuration names, where it may, and what they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::{Site, located};
use crate::config::Mode;
use crate::config::key::KeyPath;
use crate::config::problem::Report;
use crate::config::raw::Raw;
use crate::secret::{Secret, Secrets, is_reference};

/// Reads every secret that is named in a place where one may stand; a reference elsewhere is a
/// problem.
pub fn gather(raw: &Raw, site: &Site<'_>, report: &mut Report) -> Secrets {
    let mut secrets = Secrets::default();
    let mut named: Vec<(KeyPath, String)> = Vec::new();
    let properties = KeyPath::of(&["kafka", "properties"]);
    for (name, value) in &raw.kafka.properties {
        named.push((properties.key(name), value.0.clone()));
    }
    named.extend(raw.http.token.clone().map(|t| (KeyPath::of(&["http", "token"]), t)));
    for (table, doors) in [("notifiers", &raw.notifiers), ("trainers", &raw.trainers)] {
        for (name, door) in doors {
            texts(&KeyPath::of(&[table, name]), &door.0.0, &mut named);
        }
    }
    let registries = KeyPath::of(&["registries"]);
    for (name, registry) in &raw.registries {
        named.extend(super::registry::texts(registry, &registries.key(name)));
    }
    for (path, text) in named.into_iter().filter(|(_, text)| is_reference(text)) {
        let reference = absolute(&text, &path, site, report);
        if let Ok(known) = secrets.get(&reference)
            && known.expose().is_some()
        {
            continue;
        }
        let value = match site.mode {
            // Types may follow from a registry, and not every one asks who we are.
            Mode::ReferenceBuild if path.within(&registries) => {
                fetch(&reference, site).filter(Result::is_ok)
            }
            Mode::Replay | Mode::ReferenceBuild => None,
            Mode::ReadTopics if !path.within(&properties) && !path.within(&registries) => None,
            Mode::ReadTopics => fetch(&reference, site),
            Mode::Run | Mode::Check | Mode::CheckNoConnect => fetch(&reference, site),
        };
        match (value, site.mode) {
            (Some(Err(why)), Mode::CheckNoConnect) => {
                report.warn(&path, format!("{text} {why}"), "it must be there when driftd runs");
                secrets.insert(Secret::new(&reference, None));
            }
            (Some(Err(why)), _) => {
                report.error(&path, format!("{text} {why}"), "set it where driftd runs");
                secrets.insert(Secret::new(&reference, None));
            }
            (Some(Ok(value)), _) => secrets.insert(Secret::new(&reference, Some(&value))),
            (None, _) => secrets.insert(Secret::new(&reference, None)),
        }
    }
    elsewhere(raw, report);
    secrets
}

/// References in places that read no secrets: they would be taken as they stand.
fn elsewhere(raw: &Raw, report: &mut Report) {
    let plain = [
        (KeyPath::of(&["name"]), raw.name.as_deref()),
        (KeyPath::of(&["kafka", "group"]), Some(raw.kafka.group.as_str())),
        (KeyPath::of(&["kafka", "start_from"]), Some(raw.kafka.start_from.as_str())),
        (KeyPath::of(&["state", "dir"]), Some(raw.state.dir.as_str())),
        (KeyPath::of(&["http", "listen"]), Some(raw.http.listen.as_str())),
        (KeyPath::of(&["http", "public_url"]), raw.http.public_url.as_deref()),
    ];
    let brokers = KeyPath::of(&["kafka", "brokers"]);
    let listed = raw.kafka.brokers.0.iter().enumerate();
    let listed = listed.map(|(i, broker)| (brokers.item(i), Some(broker.as_str())));
    for (path, text) in plain.into_iter().chain(listed) {
        if text.is_some_and(|t| t.starts_with("env:") || t.starts_with("file:")) {
            let parts: Vec<String> = path.keys().map(str::to_uppercase).collect();
            report.error(
                &path,
                "env: and file: are read only in kafka.properties, registries, notifiers, trainers and http.token",
                format!("override it by the variable DRIFTD__{}", parts.join("__")),
            );
        }
    }
}

fn texts(at: &KeyPath, table: &Map<String, Value>, found: &mut Vec<(KeyPath, String)>) {
    for (key, value) in table {
        let at = at.key(key);
        match value {
            Value::String(text) => found.push((at, text.clone())),
            Value::Array(list) => {
                for (i, value) in list.iter().enumerate() {
                    found.extend(value.as_str().map(|text| (at.item(i), text.to_owned())));
                }
            }
            Value::Object(inner) => texts(&at, inner, found),
            _ => {}
        }
    }
}

/// A `file:` reference with an absolute path; others as they are.
pub fn absolute(text: &str, path: &KeyPath, site: &Site<'_>, report: &Report) -> String {
    match text.strip_prefix("file:") {
        Some(file) => format!("file:{}", located(file, path, site, report).display()),
        None => text.to_owned(),
    }
}

/// Reads a secret; the error completes the sentence "NAME ...".
fn fetch(reference: &str, site: &Site<'_>) -> Option<Result<String, String>> {
    if let Some(name) = reference.strip_prefix("env:") {
        let value = site.env.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        let value = value.filter(|v| !v.is_empty());
        return Some(value.ok_or_else(|| "is not set".to_owned()));
    }
    let file = reference.strip_prefix("file:")?;
    Some(match std::fs::read_to_string(file) {
        Ok(text) => match text.trim_end_matches(['\n', '\r']) {
            "" => Err("is empty".to_owned()),
            secret => Ok(secret.to_owned()),
        },
        Err(error) => Err(format!("cannot be read: {error}")),
    })
}

/// Checks the form of a webhook's secret: `whsec_` and base64 of 24 to 64 bytes. The error is a
/// hint with the command that makes one; the value is not repeated.
pub fn check_webhook_secret(secret: &Secret) -> Result<(), &'static str> {
    let Some(value) = secret.expose() else { return Ok(()) };
    let key = value.strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok());
    match key {
        Some(key) if (24..=64).contains(&key.len()) => Ok(()),
        _ => Err("make one: echo \"whsec_$(openssl rand -base64 32)\""),
    }
}
