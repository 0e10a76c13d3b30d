//! The JSON Schema: derived from [`Raw`] and the registries, for editors; and what else is known
//! from it: the shape of a value at a path, the places where a key belongs.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::kinds::{self, KindDoc};
use super::raw::Raw;

/// The schema of a configuration file.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Raw);
    schema.insert("title".to_owned(), json!("driftd configuration"));
    schema.to_value()
}

/// Schema of `statistic`.
pub fn statistic(_: &mut SchemaGenerator) -> Schema {
    choice(&kinds::statistics())
}

/// Schema of `detector`.
pub fn detector(_: &mut SchemaGenerator) -> Schema {
    choice(&kinds::detectors())
}

/// Schema of `format`.
pub fn format(_: &mut SchemaGenerator) -> Schema {
    choice(&kinds::formats())
}

/// Schema of `notifiers`.
pub fn notifiers(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "additionalProperties": choice(&kinds::notifiers())})
}

/// Schema of `trainers`.
pub fn trainers(_: &mut SchemaGenerator) -> Schema {
    let entries = choice(&kinds::trainers());
    json_schema!({"type": "object", "additionalProperties": entries})
}

/// Schema of `kafka.properties`: a dotted name may also be written as nested tables.
pub fn properties(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "additionalProperties": true})
}

/// A name, or a table with that name as `kind` and its options.
fn choice(kinds: &[KindDoc]) -> Schema {
    let names: Vec<&str> = kinds.iter().map(|k| k.name).collect();
    let mut branches = vec![json!({"type": "string", "enum": names})];
    for kind in kinds {
        let mut properties = Map::new();
        properties.insert("kind".to_owned(), json!({"const": kind.name}));
        for option in kind.every_option() {
            let mut schema = option_shape(option.kind);
            schema.insert("description".to_owned(), json!(option.doc));
            if !option.default.is_empty() {
                schema.insert("default".to_owned(), json!(option.default));
            }
            properties.insert(option.name.to_owned(), Value::Object(schema));
        }
        branches.push(json!({
            "type": "object", "description": kind.summary, "properties": properties,
            "required": ["kind"], "additionalProperties": false
        }));
    }
    json_schema!({"anyOf": branches})
}

fn option_shape(words: &str) -> Map<String, Value> {
    let shape = match words {
        "number" => json!({"type": "number"}),
        "whole number" => json!({"type": "integer", "minimum": 0}),
        "text" => json!({"type": "string"}),
        "list of numbers" => json!({"type": "array", "items": {"type": "number"}}),
        "true or false" => json!({"type": "boolean"}),
        _ => json!({}),
    };
    match shape {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// What kinds of value a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape {
    /// A text.
    pub text: bool,
    /// A list.
    pub list: bool,
    /// A number.
    pub number: bool,
    /// True or false.
    pub flag: bool,
    /// A table.
    pub table: bool,
}

/// The shape of the value at a path of keys; nothing set where the schema does not say.
#[must_use]
pub fn shape_at(schema: &Value, keys: &[String]) -> Shape {
    let mut shape = Shape::default();
    for node in nodes_at(schema, keys) {
        for name in type_names(node) {
            match name {
                "string" => shape.text = true,
                "array" => shape.list = true,
                "number" | "integer" => shape.number = true,
                "boolean" => shape.flag = true,
                "object" => shape.table = true,
                _ => {}
            }
        }
    }
    shape
}

fn type_names(node: &Value) -> Vec<&str> {
    match node.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// All alternatives of the schema at a path.
fn nodes_at<'a>(schema: &'a Value, keys: &[String]) -> Vec<&'a Value> {
    let mut nodes = alternatives(schema, schema);
    for key in keys {
        nodes = nodes
            .into_iter()
            .filter_map(|node| {
                let named = node.get("properties").and_then(|p| p.get(key));
                named.or_else(|| node.get("additionalProperties").filter(|v| v.is_object()))
            })
            .flat_map(|node| alternatives(schema, node))
            .collect();
    }
    nodes
}

/// A schema with its references followed and its alternatives laid side by side.
pub(super) fn alternatives<'a>(root: &'a Value, node: &'a Value) -> Vec<&'a Value> {
    let mut all = vec![node];
    if let Some(name) = node.get("$ref").and_then(Value::as_str)
        && let Some(target) = name.strip_prefix("#/$defs/").and_then(|n| root.get("$defs")?.get(n))
    {
        all.extend(alternatives(root, target));
    }
    for branch in node.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
        all.extend(alternatives(root, branch));
    }
    all
}

/// Keys that the table at a path knows.
#[must_use]
pub fn known_keys(schema: &Value, keys: &[String]) -> Vec<String> {
    let properties = nodes_at(schema, keys).into_iter().filter_map(|n| n.get("properties"));
    let mut names: Vec<String> =
        properties.filter_map(Value::as_object).flat_map(|p| p.keys().cloned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Tables in which a key of this name is known, as `models.NAME.outcomes`; at most three.
#[must_use]
pub fn homes(schema: &Value, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    search(schema, schema, "", key, 0, &mut found);
    found.retain(|place| !place.starts_with("defaults"));
    found.sort_unstable();
    found.dedup();
    found.truncate(3);
    found
}

fn search(
    root: &Value,
    node: &Value,
    place: &str,
    key: &str,
    depth: usize,
    found: &mut Vec<String>,
) {
    if depth > 6 {
        return;
    }
    let below = |name: &str| match place {
        "" => name.to_owned(),
        _ => format!("{place}.{name}"),
    };
    for node in alternatives(root, node) {
        if let Some(properties) = node.get("properties").and_then(Value::as_object) {
            if properties.contains_key(key) && !place.is_empty() {
                found.push(place.to_owned());
            }
            for (name, node) in properties {
                search(root, node, &below(name), key, depth + 1, found);
            }
        }
        if let Some(node) = node.get("additionalProperties").filter(|v| v.is_object()) {
            search(root, node, &below("NAME"), key, depth + 1, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(path: &str) -> Vec<String> {
        path.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn knows_the_shape_of_values() {
        let schema = schema();
        let at = |path| shape_at(&schema, &keys(path));
        assert!(at("kafka.brokers").list && at("kafka.brokers").text);
        assert!(at("kafka.group").text && !at("kafka.group").list);
        assert!(at("kafka.instance").number);
        assert!(at("monitors.x.retrain").flag);
        assert!(at("monitors.x.notify.critical").list);
        assert_eq!(at("monitors.x.detector.nothing"), Shape::default());
    }

    #[test]
    fn knows_where_a_key_belongs() {
        let schema = schema();
        assert_eq!(homes(&schema, "within"), ["models.NAME.outcomes"]);
        assert!(known_keys(&schema, &keys("models.demand")).contains(&"lateness".to_owned()));
        assert!(homes(&schema, "nothing").is_empty());
    }
}
