//! Variables `DRIFTD__KAFKA__BROKERS` and flags: each names a key and overrides the files.

use serde_json::{Map, Value, json};

use super::key::{Index, KeyPath, Origin};
use super::problem::{Problem, Report, Severity};
use super::schema::{Shape, shape_at};

/// Begins every variable that overrides a key; parts are joined by two underscores as well, since
/// one alone stands inside names.
pub const PREFIX: &str = "DRIFTD__";

/// Values that override the files, and where each came from. A table keeps its place in a file:
/// only what is set has one here.
#[derive(Debug, Clone, Default)]
pub struct Layer {
    /// Nested tables.
    pub root: Map<String, Value>,
    /// Origins of all that it sets.
    pub index: Index,
}

/// Reads the variables against the tree of the files.
#[must_use]
pub fn variables(
    env: &[(String, String)],
    files: &Map<String, Value>,
    schema: impl FnOnce() -> Value,
    report: &mut Report,
) -> Layer {
    let mut layer = Layer::default();
    let mut named: Vec<(&str, &str)> = env
        .iter()
        .filter(|(name, _)| name.len() >= PREFIX.len())
        .filter(|(name, _)| {
            name.get(..PREFIX.len()).is_some_and(|p| p.eq_ignore_ascii_case(PREFIX))
        })
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    if named.is_empty() {
        return layer;
    }
    named.sort_unstable();
    let schema = schema();
    for (name, text) in named {
        let origin = Origin::Env(name.into());
        let parts: Vec<&str> = name[PREFIX.len()..].split("__").collect();
        if parts.iter().any(|part| part.is_empty()) {
            report.push(problem(&origin, "", "has an empty part", "write DRIFTD__TABLE__KEY"));
            continue;
        }
        match resolve(&parts, files) {
            Ok(keys) if keys[0] == "include" => report.push(problem(
                &origin,
                "include",
                "no variable names further files",
                "write `include` in the main file",
            )),
            Ok(keys) => {
                let value = typed(text, shape_at(&schema, &keys));
                layer.set(&keys, value, &origin, files);
            }
            Err((one, two)) => report.push(problem(
                &origin,
                &one,
                &format!("may mean `{one}` or `{two}`"),
                "rename one of the two, or set the key in the file",
            )),
        }
    }
    layer
}

/// Values given by flags, by dotted key path.
#[must_use]
pub fn flags(values: &[(String, Value)], files: &Map<String, Value>) -> Layer {
    let mut layer = Layer::default();
    for (path, value) in values {
        let keys: Vec<String> = path.split('.').map(str::to_owned).collect();
        layer.set(&keys, value.clone(), &Origin::Flag(path.as_str().into()), files);
    }
    layer
}

fn problem(origin: &Origin, key: &str, message: &str, hint: &str) -> Problem {
    Problem {
        severity: Severity::Error,
        file: Some(origin.to_string()),
        line: None,
        key: key.to_owned(),
        message: message.to_owned(),
        hint: Some(hint.to_owned()),
        unreachable: false,
    }
}

/// Without regard to case; `-` equals `_`.
fn folded(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

/// Finds the keys that the parts mean; two candidates are an error that names both.
fn resolve(parts: &[&str], files: &Map<String, Value>) -> Result<Vec<String>, (String, String)> {
    let mut keys: Vec<String> = Vec::new();
    let mut table = Some(files);
    let mut rest = parts;
    while let Some((part, tail)) = rest.split_first() {
        // Names of librdkafka's settings hold dots, which no variable can; the parts stand for
        // them.
        let (wanted, next) = if keys == ["kafka", "properties"] {
            (folded(&rest.join(".")), &[][..])
        } else {
            (folded(part), tail)
        };
        let mut found =
            table.into_iter().flat_map(|t| t.iter()).filter(|(key, _)| folded(key) == wanted);
        let (first, second) = (found.next(), found.next());
        if let (Some((one, _)), Some((two, _))) = (first, second) {
            let place = |name: &String| KeyPath::of(&keys).key(name).to_string();
            return Err((place(one), place(two)));
        }
        table = first.and_then(|(_, value)| value.as_object());
        keys.push(match first {
            Some((key, _)) => key.clone(),
            None if next.is_empty() && rest.len() > 1 => rest.join(".").to_lowercase(),
            None => part.to_lowercase(),
        });
        rest = next;
    }
    Ok(keys)
}

/// Reads a text as the shape of its key wants it; where that is open, as TOML reads it.
fn typed(text: &str, shape: Shape) -> Value {
    let trimmed = text.trim();
    let bracketed = trimmed.starts_with('[') || trimmed.starts_with('{');
    if bracketed && (shape == Shape::default() || shape.list || shape.table) {
        return toml_value(trimmed).unwrap_or_else(|| json!(text));
    }
    if shape == Shape::default() {
        return toml_value(trimmed).unwrap_or_else(|| json!(text));
    }
    if shape.list && (!shape.text || trimmed.contains(',')) {
        let items = trimmed.split(',').map(str::trim).filter(|item| !item.is_empty());
        return items.map(|item| json!(item)).collect();
    }
    if shape.text {
        return json!(text);
    }
    if shape.flag || shape.number {
        return toml_value(trimmed).unwrap_or_else(|| json!(text));
    }
    json!(text)
}

/// A TOML value other than a date.
fn toml_value(text: &str) -> Option<Value> {
    let table: toml::Table = format!("value = {text}").parse().ok()?;
    match table.get("value")? {
        _ if table.len() > 1 => None,
        toml::Value::Datetime(_) => None,
        value => serde_json::to_value(value).ok(),
    }
}

impl Layer {
    fn set(&mut self, keys: &[String], value: Value, origin: &Origin, files: &Map<String, Value>) {
        let Some((last, tables)) = keys.split_last() else { return };
        let mut here = KeyPath::default();
        let mut table = &mut self.root;
        let mut below = Some(files);
        for key in tables {
            here = here.key(key);
            let written = below.and_then(|t| t.get(key));
            let entry = table.entry(key).or_insert_with(|| Value::Object(Map::new()));
            if !entry.is_object() {
                *entry = Value::Object(Map::new());
            }
            let Value::Object(inner) = entry else { return };
            // The file has the short form: what it is short for must survive the merge.
            if let (Some(Value::String(short)), Some(name)) = (written, short_for(&here)) {
                inner.entry(name).or_insert_with(|| json!(short));
            }
            below = written.and_then(Value::as_object);
            table = inner;
        }
        note(&mut self.index, &here.key(last), &value, origin);
        table.insert(last.clone(), value);
    }
}

/// The key of a table that a text here is short for; `None`: the table's keys are names.
pub fn short_for(path: &KeyPath) -> Option<&'static str> {
    let keys: Vec<&str> = path.keys().collect();
    match keys.as_slice() {
        [.., "predictions", "probability"] => None,
        [.., "statistic" | "detector" | "format"] | ["notifiers" | "trainers", _] => Some("kind"),
        _ => Some("path"),
    }
}

fn note(index: &mut Index, path: &KeyPath, value: &Value, origin: &Origin) {
    index.insert(path.clone(), origin.clone());
    match value {
        Value::Object(table) => {
            table.iter().for_each(|(key, value)| note(index, &path.key(key), value, origin));
        }
        Value::Array(list) => {
            let items = list.iter().enumerate();
            items.for_each(|(i, value)| note(index, &path.item(i), value, origin));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::schema::schema;

    fn files() -> Map<String, Value> {
        let text = r#"
            [kafka]
            brokers = ["x:1"]
            [kafka.properties]
            "security.protocol" = "plaintext"
            [models.Demand-NO]
            task = "regression"
            [monitors.m]
            statistic = "psi"
            [models.twin_a]
            [models.twin-a]
        "#;
        match serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap() {
            Value::Object(mut map) => {
                map["kafka"]["properties"] = json!({"security.protocol": "plaintext"});
                map
            }
            _ => unreachable!(),
        }
    }

    fn layer(vars: &[(&str, &str)]) -> (Value, Vec<Problem>) {
        let env: Vec<_> = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let mut report = Report::default();
        let layer = variables(&env, &files(), schema, &mut report);
        (Value::Object(layer.root), report.finish())
    }

    #[test]
    fn lists_numbers_flags_and_texts_are_read_as_their_key_wants() {
        let (root, problems) = layer(&[
            ("DRIFTD__KAFKA__BROKERS", "a:9092, b:9092"),
            ("DRIFTD__KAFKA__INSTANCE", "2"),
            ("DRIFTD__NAME", "123"),
            ("DRIFTD__MONITORS__M__RETRAIN", "true"),
            ("DRIFTD__MONITORS__M__DETECTOR", r#"{ kind = "threshold", critical = 0.3 }"#),
            ("DRIFTD__MONITORS__M__NOTIFY__CRITICAL", "one"),
            ("DRIFTD_CONFIG", "ignored"),
            ("OTHER__KAFKA", "ignored"),
        ]);
        assert!(problems.is_empty());
        assert_eq!(root["kafka"]["brokers"], json!(["a:9092", "b:9092"]));
        assert_eq!(root["kafka"]["instance"], json!(2));
        assert_eq!(root["name"], json!("123"));
        assert_eq!(root["monitors"]["m"]["retrain"], json!(true));
        assert_eq!(root["monitors"]["m"]["detector"]["critical"], json!(0.3));
        assert_eq!(root["monitors"]["m"]["notify"]["critical"], json!(["one"]));
        assert_eq!(root.as_object().unwrap().len(), 3);
    }

    #[test]
    fn names_match_without_case_and_dashes_and_else_stand_as_written() {
        let (root, _) = layer(&[
            ("driftd__models__DEMAND_NO__LATENESS", "5m"),
            ("DRIFTD__MODELS__NEW_ONE__TASK", "binary"),
            ("DRIFTD__KAFKA__PROPERTIES__SECURITY__PROTOCOL", "ssl"),
            ("DRIFTD__KAFKA__PROPERTIES__FETCH__MIN__BYTES", "10"),
        ]);
        assert_eq!(root["models"]["Demand-NO"]["lateness"], json!("5m"));
        assert_eq!(root["models"]["new_one"]["task"], json!("binary"));
        assert_eq!(root["kafka"]["properties"]["security.protocol"], json!("ssl"));
        assert_eq!(root["kafka"]["properties"]["fetch.min.bytes"], json!(10));
    }

    #[test]
    fn two_candidates_are_a_problem_that_names_the_variable() {
        let (_, problems) = layer(&[("DRIFTD__MODELS__TWIN_A__TASK", "binary")]);
        assert_eq!(problems[0].file.as_deref(), Some("env DRIFTD__MODELS__TWIN_A__TASK"));
        assert!(problems[0].message.contains("models.twin-a"), "{}", problems[0].message);
        let (_, problems) = layer(&[("DRIFTD____TASK", "binary")]);
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn an_option_of_a_short_form_keeps_what_it_is_short_for() {
        let (root, _) = layer(&[("DRIFTD__MONITORS__M__STATISTIC__BINS", "20")]);
        assert_eq!(root["monitors"]["m"]["statistic"], json!({"kind": "psi", "bins": 20}));
    }
}
