//! `config/reference.toml`: every key with its sentence and its default, written from the schema.

use serde_json::{Map, Value};

use super::key::quoted_key;
use super::kinds::{self, KindDoc};
use super::schema::{alternatives, schema};
use crate::stats::OptionDoc;

const HEAD: &str = "\
## Every key that driftd knows, with its default or an example. Generated; do not edit.
##
## Lines that begin with two hashes are sentences. A line that begins with one hash is a key: take
## the hash away to set it. NAME stands for a name of your own.
";

/// Tables of the file in the order in which one would write them; others follow.
const ORDER: [&str; 11] = [
    "kafka",
    "state",
    "http",
    "registries",
    "models",
    "monitors",
    "notifiers",
    "trainers",
    "outgoing",
    "limits",
    "defaults",
];

/// The reference of the configuration, valid TOML also with every key uncommented.
#[must_use]
pub fn reference_toml() -> String {
    let schema = schema();
    let mut page = Page { root: &schema, text: HEAD.to_owned() };
    page.table(&schema, "");
    page.text
}

struct Page<'a> {
    root: &'a Value,
    text: String,
}

impl Page<'_> {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// A sentence, wrapped.
    fn say(&mut self, text: &str, indent: usize) {
        let (mut line, margin) = (String::new(), " ".repeat(indent));
        for word in text.split_whitespace() {
            if !line.is_empty() && line.len() + word.len() + indent > 92 {
                self.line(&format!("## {margin}{line}"));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if !line.is_empty() {
            self.line(&format!("## {margin}{line}"));
        }
    }

    fn header(&mut self, path: &str, sentence: &str) {
        self.line("");
        self.say(sentence, 0);
        self.line(&format!("[{path}]"));
    }

    /// Keys of a table, then the tables below it.
    fn table(&mut self, node: &Value, path: &str) {
        let mut properties: Map<String, Value> = Map::new();
        for node in alternatives(self.root, node) {
            let own = node.get("properties").and_then(Value::as_object);
            properties.extend(own.into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())));
        }
        let rank = |name: &str| ORDER.iter().position(|o| *o == name).unwrap_or(ORDER.len());
        let mut names: Vec<&String> = properties.keys().collect();
        names.sort_by_key(|name| (if path.is_empty() { rank(name) } else { 0 }, *name));
        let (tables, keys): (Vec<_>, Vec<_>) =
            names.into_iter().partition(|name| self.is_table(&properties[*name]));
        for name in keys {
            self.key(name, &properties[name]);
        }
        for name in tables {
            let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            self.below(&below, &properties[name]);
        }
    }

    /// Whether a value is only ever a table.
    fn is_table(&self, node: &Value) -> bool {
        let all = alternatives(self.root, node);
        let typed = |name: &str| {
            all.iter().any(|n| match n.get("type") {
                Some(Value::String(one)) => one == name,
                Some(Value::Array(many)) => many.iter().any(|t| t == name),
                _ => false,
            })
        };
        typed("object") && !typed("string") && !typed("array")
    }

    fn key(&mut self, name: &str, node: &Value) {
        self.line("");
        self.say(sentence(node), 0);
        match name {
            "statistic" => self.kinds(&kinds::statistics()),
            "detector" => self.kinds(&kinds::detectors()),
            "format" => self.kinds(&kinds::formats()),
            _ => {}
        }
        let value = match name {
            "detector" => "{ kind = \"threshold\", warning = 0.1, critical = 0.25 }".to_owned(),
            _ => self.value(node).map_or_else(|| "\"\"".to_owned(), |v| inline(&v)),
        };
        self.line(&format!("# {} = {value}", quoted_key(name)));
    }

    /// The default, else an example.
    fn value(&self, node: &Value) -> Option<Value> {
        let empty = |v: &Value| v.as_array().is_some_and(Vec::is_empty) || v == "";
        let default = node.get("default").filter(|v| !v.is_null() && !empty(v));
        let example = || {
            let mut all = alternatives(self.root, node).into_iter();
            all.find_map(|n| n.get("examples")?.as_array()?.first())
        };
        default.or_else(example).or_else(|| node.get("default")).cloned().map(shortened)
    }

    fn below(&mut self, path: &str, node: &Value) {
        match path {
            "notifiers" => return self.doors(path, node, &kinds::notifiers()),
            "trainers" => return self.doors(path, node, &kinds::trainers()),
            "defaults.model" | "defaults.monitor" => return self.header(path, sentence(node)),
            "registries.NAME.headers" => {
                self.header(path, sentence(node));
                self.line("# x-tenant = \"ml\"");
                return;
            }
            "kafka.properties" => {
                self.header(path, sentence(node));
                self.line("# \"security.protocol\" = \"plaintext\"");
                return;
            }
            _ => {}
        }
        let all = alternatives(self.root, node);
        let entries =
            all.iter().find_map(|n| n.get("additionalProperties").filter(|a| a.is_object()));
        match entries {
            None => {
                self.header(path, sentence(node));
                self.table(node, path);
            }
            Some(entry) if self.is_table(entry) => {
                let path = format!("{path}.NAME");
                let entry = entry.clone();
                self.header(&path, sentence(node));
                self.table(&entry, &path);
            }
            Some(entry) => {
                let entry = entry.clone();
                self.header(path, sentence(node));
                self.fields(&entry);
            }
        }
    }

    /// Entries that are a text or a table: features.
    fn fields(&mut self, entry: &Value) {
        let properties: Vec<(String, String)> = alternatives(self.root, entry)
            .into_iter()
            .filter_map(|n| n.get("properties")?.as_object())
            .flatten()
            .map(|(name, node)| (name.clone(), sentence(node).to_owned()))
            .collect();
        for (name, sentence) in properties {
            self.say(&format!("{name}: {sentence}"), 2);
        }
        self.line("# fare = \"features.fare\"");
        self.line("# city = { path = \"features.city\", type = \"category\" }");
    }

    fn kinds(&mut self, kinds: &[KindDoc]) {
        for kind in kinds {
            self.say(&format!("{}: {}", kind.name, kind.summary), 2);
            for option in kind.every_option() {
                self.say(&explained(option), 6);
            }
        }
    }

    fn doors(&mut self, path: &str, node: &Value, kinds: &[KindDoc]) {
        for kind in kinds {
            let about = format!("{} {}: {}", sentence(node), kind.name, kind.summary);
            self.header(&format!("{path}.NAME-{}", kind.name), &about);
            self.line(&format!("# kind = \"{}\"", kind.name));
            for option in kind.every_option() {
                self.say(&explained(option), 0);
                let value = match (option.name, option.default, option.kind) {
                    ("url", "", _) => "\"https://ml.example.com/driftd\"".to_owned(),
                    (_, "", _) => "\"env:NAME\"".to_owned(),
                    (_, default, "number" | "whole number" | "true or false") => default.to_owned(),
                    (_, default, _) => format!("{default:?}"),
                };
                self.line(&format!("# {} = {value}", option.name));
            }
        }
    }
}

fn explained(option: &OptionDoc) -> String {
    let default = match option.default {
        "" => String::new(),
        default => format!(", default {default}"),
    };
    format!("{} ({}{default}): {}", option.name, option.kind, option.doc)
}

fn sentence(node: &Value) -> &str {
    node.get("description").and_then(Value::as_str).unwrap_or_default()
}

/// A table that has a short form, in that form.
fn shortened(value: Value) -> Value {
    match &value {
        Value::Object(table) if table.len() == 1 => {
            table.get("kind").or_else(|| table.get("path")).cloned().unwrap_or(value)
        }
        _ => value,
    }
}

/// A value as TOML writes it on one line.
#[must_use]
pub fn inline(value: &Value) -> String {
    match value {
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(table) => {
            let entries: Vec<String> =
                table.iter().map(|(k, v)| format!("{} = {}", quoted_key(k), inline(v))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::String(text) => toml::Value::String(text.clone()).to_string(),
        other => other.to_string(),
    }
}
