//! The effective configuration, value by value, with where each was written.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::key::{Index, KeyPath};
use super::problem::suggest;
use super::reference::inline;
use super::settings::Settings;

/// One effective value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// Its key path.
    pub key: String,
    /// The value; a secret is its reference.
    pub value: Value,
    /// `file:line`, `env NAME`, `flag NAME` or `default`.
    pub origin: String,
}

/// `kafka.group = "driftd"  # default`.
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{} = {}", self.key, inline(&self.value));
        write!(f, "{text:<60}  # {}", self.origin)
    }
}

/// A name that no model bears.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no model '{name}'{}", hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default())]
pub struct NoSuchModel {
    name: String,
    hint: Option<String>,
}

/// Every effective value in the order of the keys; with a model's name only what concerns it: its
/// own tables and those of the monitors that watch it.
///
/// # Errors
/// There is no model of that name.
pub fn show_config(settings: &Settings, model: Option<&str>) -> Result<Vec<Shown>, NoSuchModel> {
    let mut shown = Vec::new();
    walk(&settings.effective.values, &KeyPath::default(), &settings.effective.index, &mut shown);
    let Some(model) = model else { return Ok(shown.into_iter().map(|(_, s)| s).collect()) };
    let plan = settings.plan.models.iter().find(|m| m.name == model).ok_or_else(|| {
        let hint = suggest(model, settings.plan.models.iter().map(|m| m.name.as_str()));
        NoSuchModel { name: model.to_owned(), hint }
    })?;
    let monitors: Vec<&str> = plan.monitors.iter().map(|m| m.name.as_str()).collect();
    let concerns = |path: &KeyPath| {
        let mut keys = path.keys();
        match (keys.next(), keys.next()) {
            (Some("models"), Some(name)) => name == model,
            (Some("monitors"), Some(name)) => monitors.contains(&name),
            _ => false,
        }
    };
    Ok(shown.into_iter().filter(|(path, _)| concerns(path)).map(|(_, s)| s).collect())
}

fn walk(value: &Value, path: &KeyPath, index: &Index, shown: &mut Vec<(KeyPath, Shown)>) {
    if let Value::Object(table) = value {
        table.iter().for_each(|(key, value)| walk(value, &path.key(key), index, shown));
        return;
    }
    // A short form was written at the table itself.
    let short = matches!(path.last_key(), Some("kind" | "path"));
    let origin = index.get(path).or_else(|| index.get(&path.parent()).filter(|_| short));
    let origin = origin.map_or_else(|| "default".to_owned(), ToString::to_string);
    let value = match (path.last_key(), value.as_str()) {
        (Some("url"), Some(url)) => Value::from(without_secrets(url)),
        _ => value.clone(),
    };
    shown.push((path.clone(), Shown { key: path.to_string(), value, origin }));
}

/// A URL whose user info and query, which may be secrets, are `***`.
fn without_secrets(url: &str) -> String {
    let Ok(mut shown) = Url::parse(url) else { return url.to_owned() };
    let named = !shown.username().is_empty() || shown.password().is_some();
    if !named && shown.query().is_none() {
        return url.to_owned();
    }
    // Refused only by URLs without a host, which have no user info either.
    let hidden = shown.set_username("").and_then(|()| shown.set_password(None));
    if hidden.is_err() {
        return "***".to_owned();
    }
    if shown.query().is_some() {
        shown.set_query(Some("***"));
    }
    match named {
        true => shown.as_str().replacen("://", "://***@", 1),
        false => shown.into(),
    }
}
