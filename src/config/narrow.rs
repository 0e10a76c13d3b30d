//! A configuration narrowed to one model, for building its reference: what else is written, and
//! whatever is wrong there, is no matter.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::build::watch;
use super::key::KeyPath;
use super::problem::Report;

/// File of each model and monitor, by its table and name.
type Owners = BTreeMap<(String, String), usize>;

/// Leaves the model, the monitors that watch it, the limits, the registries and the state directory;
/// nobody is told, nobody retrains, and the reference is the one being built. Without such a model
/// nothing is changed.
pub fn narrow(root: &mut Map<String, Value>, name: &str, owners: &Owners, report: &mut Report) {
    let Some(Value::Object(models)) = root.get_mut("models") else { return };
    let all: Vec<String> = models.keys().cloned().collect();
    let Some(Value::Object(model)) = models.get_mut(name) else { return };
    model.retain(|key, _| key != "notify" && key != "retrain");
    model.insert("reference".to_owned(), json!({ "file": "reference.json" }));
    models.retain(|key, _| key == name);
    // What is kept there says what features are.
    let dir = root.get("state").and_then(|state| state.get("dir")).filter(|dir| dir.is_string());
    let state = dir.map(|dir| json!({ "dir": dir }));
    root.retain(|key, _| {
        matches!(key.as_str(), "models" | "monitors" | "limits" | "outgoing" | "registries")
    });
    root.extend(state.map(|state| ("state".to_owned(), state)));
    let mut watching = Vec::new();
    if let Some(Value::Object(monitors)) = root.get_mut("monitors") {
        monitors.retain(|monitor, table| watches(monitor, table, name, &all, owners));
        for table in monitors.values_mut().filter_map(Value::as_object_mut) {
            table.retain(|key, _| key != "notify" && key != "retrain");
            table.insert("models".to_owned(), json!([name]));
        }
        watching = monitors.keys().cloned().collect();
    }
    let beside = |key: &str| {
        let of = |table: &str, names: &[String]| {
            let at = KeyPath::of(&[table]).to_string();
            let within = |name: &String| {
                let own = KeyPath::of(&[table, name]).to_string();
                key == own || key.starts_with(&format!("{own}."))
            };
            (key == at || key.starts_with(&format!("{at}."))) && !names.iter().any(within)
        };
        let tables = ["kafka", "state", "http", "outgoing", "notifiers", "trainers"];
        of("models", &[name.to_owned()])
            || of("monitors", &watching)
            || tables.iter().any(|table| of(table, &[]))
    };
    report.retain(|problem| !beside(&problem.key));
}

/// Whether a monitor watches the model: it names it, or stands in the same file.
fn watches(monitor: &str, table: &Value, name: &str, all: &[String], owners: &Owners) -> bool {
    let owner = |table: &str, name: &str| owners.get(&(table.to_owned(), name.to_owned()));
    let file = owner("monitors", monitor);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let own: Vec<&str> =
        all.iter().copied().filter(|model| owner("models", model) == file).collect();
    let entries: Vec<String> = match table.get("models") {
        None => return own.contains(&name),
        Some(Value::Array(list)) => {
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        Some(other) => other.as_str().map(str::to_owned).into_iter().collect(),
    };
    let mut unheard = Report::default();
    let at = KeyPath::default();
    watch::choose(&entries, &all, &own, &at, "model", &mut unheard).contains(&name)
}
