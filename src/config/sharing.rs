//! `[defaults.model]` and `[defaults.monitor]`: tables merge key by key, lists and another `kind`
//! replace. The main file's reach all files; an included file's reach that file and win.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::environment::short_for;
use super::key::{Index, KeyPath};

/// Shared values and the lines they stand in.
#[derive(Debug, Clone, Default)]
pub struct Shared {
    /// A table with `model` and `monitor`.
    pub values: Value,
    /// Lines of it, below `defaults`.
    pub index: Index,
}

/// Fills what models and monitors leave open. `layers` of a name are its file's defaults, nearest
/// first. Returns the keys that were filled.
pub fn spread<'a>(
    root: &mut Map<String, Value>,
    index: &mut Index,
    layers: impl Fn(&str, &str) -> Vec<&'a Shared>,
) -> BTreeSet<KeyPath> {
    let mut filled = BTreeSet::new();
    for (table, kind) in [("models", "model"), ("monitors", "monitor")] {
        let Some(Value::Object(entries)) = root.get_mut(table) else { continue };
        for (name, entry) in entries {
            let Value::Object(own) = entry else { continue };
            let at = KeyPath::of(&[table, name]);
            let has_outcomes = own.contains_key("outcomes");
            for shared in layers(table, name) {
                let Some(Value::Object(values)) = shared.values.get(kind) else { continue };
                let from = KeyPath::of(&["defaults", kind]);
                let mut fill = Fill { source: &shared.index, index, filled: &mut filled };
                fill.table(own, values, &from, &at);
            }
            drop_outcomes_of_nobody(own, has_outcomes);
        }
    }
    filled
}

/// Shared limits for outcomes do not give outcomes to a model that has none.
fn drop_outcomes_of_nobody(own: &mut Map<String, Value>, had: bool) {
    if !had && own.get("outcomes").is_some_and(|o| o.get("topic").is_none()) {
        own.remove("outcomes");
    }
}

struct Fill<'a> {
    source: &'a Index,
    index: &'a mut Index,
    filled: &'a mut BTreeSet<KeyPath>,
}

impl Fill<'_> {
    fn table(
        &mut self,
        own: &mut Map<String, Value>,
        shared: &Map<String, Value>,
        from: &KeyPath,
        to: &KeyPath,
    ) {
        for (key, value) in shared {
            let (from, to) = (from.key(key), to.key(key));
            let Some(mine) = own.get_mut(key) else {
                self.index.graft(self.source, &from, &to);
                own.insert(key.clone(), value.clone());
                self.filled.insert(to);
                continue;
            };
            lengthen(mine, value, &to);
            let mut value = value.clone();
            lengthen(&mut value, mine, &to);
            let (Value::Object(mine), Value::Object(value)) = (mine, &value) else { continue };
            let kinds = (mine.get("kind"), value.get("kind"));
            if matches!(kinds, (Some(mine), Some(shared)) if mine != shared) {
                continue;
            }
            self.table(mine, value, &from, &to);
        }
    }
}

/// Writes a short form out where the other side is a table, so that the two can merge.
fn lengthen(value: &mut Value, other: &Value, path: &KeyPath) {
    if let (Value::String(text), Value::Object(_), Some(name)) = (&*value, other, short_for(path)) {
        *value = json!({ name: text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread_over(entry: Value, defaults: Value) -> Value {
        let Value::Object(mut root) = json!({"monitors": {"m": entry}}) else { unreachable!() };
        let shared = Shared { values: json!({"monitor": defaults}), index: Index::default() };
        spread(&mut root, &mut Index::default(), |_, _| vec![&shared]);
        root["monitors"]["m"].clone()
    }

    #[test]
    fn tables_merge_and_lists_replace() {
        let entry = json!({"watch": ["a"], "detector": {"critical": 0.3}});
        let defaults = json!({"watch": ["b", "c"], "every": "1h",
                              "detector": {"kind": "threshold", "warning": 0.1, "critical": 0.2}});
        assert_eq!(
            spread_over(entry, defaults),
            json!({"watch": ["a"], "every": "1h",
                   "detector": {"kind": "threshold", "warning": 0.1, "critical": 0.3}})
        );
    }

    #[test]
    fn another_kind_replaces_also_in_short_form() {
        let defaults = json!({"statistic": {"kind": "psi", "bins": 20}});
        assert_eq!(
            spread_over(json!({"statistic": "ks"}), defaults.clone()),
            json!({"statistic": {"kind": "ks"}})
        );
        assert_eq!(
            spread_over(json!({"statistic": "psi"}), defaults),
            json!({"statistic": {"kind": "psi", "bins": 20}})
        );
    }

    #[test]
    fn shared_waiting_times_give_no_outcomes_to_a_drift_only_model() {
        let Value::Object(mut root) = json!({"models": {"m": {}}}) else { unreachable!() };
        let shared = Shared {
            values: json!({"model": {"outcomes": {"within": "48h"}, "lateness": "5m"}}),
            index: Index::default(),
        };
        spread(&mut root, &mut Index::default(), |_, _| vec![&shared]);
        assert_eq!(root["models"]["m"], json!({"lateness": "5m"}));
    }
}
