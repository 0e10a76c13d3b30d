//! Files, environment and flags laid over each other: the later wins, tables merge key by key,
//! everything else is replaced.

use config::{Config, ConfigError, Map as Table, Source, Value as Layered, ValueKind};
use serde_json::{Map, Value};

use super::environment::Layer;
use super::key::{Index, KeyPath};

/// `config` reads the keys of a source's top table as path expressions (`a.b`, `a[0]`). Everything
/// stands one level deeper, below this name, where keys are taken as they are.
const ROOT: &str = "root";

/// Lays layers over the files, the last on top.
///
/// # Errors
/// None is known to happen; the builder's own error is handed on.
pub fn merge(
    files: Map<String, Value>,
    index: &mut Index,
    layers: Vec<Layer>,
) -> Result<Map<String, Value>, ConfigError> {
    let mut builder = Config::builder().add_source(Tables(files));
    for layer in layers {
        forget_replaced(index, &KeyPath::default(), &layer.root);
        index.overlay(layer.index);
        builder = builder.add_source(Tables(layer.root));
    }
    builder.build()?.get::<Map<String, Value>>(ROOT)
}

/// A value that replaces a list or a table leaves nothing of what stood there.
fn forget_replaced(index: &mut Index, path: &KeyPath, layer: &Map<String, Value>) {
    for (key, value) in layer {
        let path = path.key(key);
        match value {
            Value::Object(table) => forget_replaced(index, &path, table),
            _ => index.forget(&path),
        }
    }
}

#[derive(Debug, Clone)]
struct Tables(Map<String, Value>);

impl Source for Tables {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Table<String, Layered>, ConfigError> {
        Ok(Table::from_iter([(ROOT.to_owned(), layered(&Value::Object(self.0.clone())))]))
    }
}

fn layered(value: &Value) -> Layered {
    let kind = match value {
        Value::Null => ValueKind::Nil,
        Value::Bool(yes) => ValueKind::Boolean(*yes),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => ValueKind::I64(whole),
            None => ValueKind::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => ValueKind::String(text.clone()),
        Value::Array(list) => ValueKind::Array(list.iter().map(layered).collect()),
        Value::Object(table) => {
            ValueKind::Table(table.iter().map(|(k, v)| (k.clone(), layered(v))).collect())
        }
    };
    Layered::new(None, kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn table(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            _ => unreachable!(),
        }
    }

    #[test]
    fn tables_merge_lists_are_replaced_and_keys_keep_their_dots_and_case() {
        let files = table(json!({
            "kafka": {"brokers": ["a", "b"], "properties": {"security.protocol": "ssl"}},
            "models": {"Demand-NO": {"task": "binary", "notify": {}}},
            "x": 1.5, "y": 3, "a.b": true
        }));
        let over = Layer {
            root: table(json!({"kafka": {"brokers": ["c"], "properties": {"a.b[0]": "1"}}})),
            ..Layer::default()
        };
        let merged = merge(files, &mut Index::default(), vec![over]).unwrap();
        assert_eq!(
            Value::Object(merged),
            json!({
                "kafka": {"brokers": ["c"],
                          "properties": {"security.protocol": "ssl", "a.b[0]": "1"}},
                "models": {"Demand-NO": {"task": "binary", "notify": {}}},
                "x": 1.5, "y": 3, "a.b": true
            })
        );
    }
}
