//! From plain values to [`Raw`](super::raw::Raw) with every problem: a value that does not fit is recorded and taken
//! out, and the rest is read again.

use serde::Deserialize;
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use super::key::{KeyPath, Step};
use super::problem::{Report, nearest, suggest};
use super::schema::{self, Shape};

/// Most problems of one kind that are listed; a file of another program has one per key.
const MOST: usize = 200;
/// Of a list where a table belongs.
const NOT_A_LIST: &str = "must be a table, not a list";

/// Reads a tree as `T`; whatever does not fit is reported and removed from the tree.
/// `place` is where the tree stands in the configuration.
pub fn read<T: for<'de> Deserialize<'de> + Default>(
    tree: &mut Value,
    place: &KeyPath,
    report: &mut Report,
) -> T {
    if tree.is_array() {
        report.refuse(place, NOT_A_LIST, "");
        return T::default();
    }
    let schema = schema::schema();
    refuse_lists(tree, place, &schema, report);
    for _ in 0..MOST {
        let error = match serde_path_to_error::deserialize::<_, T>(&*tree) {
            Ok(read) => return read,
            Err(error) => error,
        };
        let within = steps(error.path());
        let path = KeyPath([place.0.as_slice(), within.as_slice()].concat());
        let (message, hint) = sentence(&error.inner().to_string(), &path, &schema);
        let Some(keys) = removable(&within) else {
            report.refuse(&path, message, hint);
            return T::default();
        };
        // The problem is told at the element; the list around it goes as a whole, since the
        // places of later elements would shift.
        report.error(&path, message, hint);
        let whole = KeyPath([place.0.as_slice(), keys].concat());
        report.mark_refused(whole);
        if !remove(tree, keys) {
            return T::default();
        }
    }
    T::default()
}

/// Takes out every list that stands for a table: the deserialiser would read its elements as the
/// table's keys, in their order.
fn refuse_lists(tree: &mut Value, path: &KeyPath, schema: &Value, report: &mut Report) {
    let Value::Object(table) = tree else { return };
    table.retain(|key, value| {
        let path = path.key(key);
        let keys: Vec<String> = path.keys().map(str::to_owned).collect();
        let is_list = value.is_array();
        let shape = if is_list { schema::shape_at(schema, &keys) } else { Shape::default() };
        let misfit = shape.table && !shape.list;
        if misfit {
            report.refuse(&path, NOT_A_LIST, "");
        }
        refuse_lists(value, &path, schema, report);
        !misfit
    });
}

fn steps(path: &serde_path_to_error::Path) -> Vec<Step> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(Step::Item(*index)),
            Segment::Map { key } => Some(Step::Key(key.clone())),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

/// The path up to its first list: what is taken out as a whole.
fn removable(steps: &[Step]) -> Option<&[Step]> {
    let end = steps.iter().position(|s| matches!(s, Step::Item(_))).unwrap_or(steps.len());
    steps.get(..end).filter(|keys| !keys.is_empty())
}

fn remove(tree: &mut Value, keys: &[Step]) -> bool {
    let Some((Step::Key(last), tables)) = keys.split_last() else { return false };
    let mut here = tree;
    for step in tables {
        let Step::Key(key) = step else { return false };
        match here.get_mut(key) {
            Some(inner) => here = inner,
            None => return false,
        }
    }
    here.as_object_mut().map(|table: &mut Map<String, Value>| table.remove(last)).is_some()
}

/// An error of the deserialiser as a sentence for the operator, and what to write instead.
fn sentence(error: &str, path: &KeyPath, schema: &Value) -> (String, Option<String>) {
    let keys: Vec<String> = path.parent().keys().map(str::to_owned).collect();
    if error.starts_with("unknown field") {
        let wrong = path.last_key().unwrap_or_default();
        let known = schema::known_keys(schema, &keys);
        let names = known.iter().map(String::as_str);
        let hint = match nearest(wrong, names.clone()) {
            Some(name) => Some(format!("did you mean `{name}`?")),
            None => match schema::homes(schema, wrong).as_slice() {
                [] => suggest(wrong, names),
                homes => Some(format!("`{wrong}` belongs to {}", homes.join(" or "))),
            },
        };
        return ("unknown key".to_owned(), hint);
    }
    if error.starts_with("unknown variant") {
        let mut quoted = error.split('`').skip(1).step_by(2).map(str::to_owned);
        let wrong = quoted.next().unwrap_or_default();
        let known: Vec<String> = quoted.collect();
        let hint = suggest(&wrong, known.iter().map(String::as_str));
        return (format!("'{wrong}' is not known here"), hint);
    }
    // Only the type is repeated: the value may be a secret that was written into a wrong place.
    if let Some((found, expected)) = error.strip_prefix("invalid type: ").and_then(split_expected) {
        let found = found.split([' ', '`']).next().unwrap_or(found);
        return (format!("must be {}, not {}", plain(expected), article(found)), None);
    }
    (error.to_owned(), None)
}

fn split_expected(text: &str) -> Option<(&str, &str)> {
    text.split_once(", expected ")
}

/// The deserialiser's words in the words of a configuration.
fn plain(expected: &str) -> &str {
    match expected {
        "a string" => "a text",
        "a sequence" => "a list",
        "a boolean" => "true or false",
        "a map" => "a table",
        "u64" | "u32" | "usize" => "a whole number from 0",
        "f64" => "a number",
        other if other.starts_with("struct ") || other.starts_with("enum ") => "a table",
        other => other,
    }
}

fn article(found: &str) -> &str {
    match found {
        "string" => "a text",
        "integer" => "a whole number",
        "floating" => "a number",
        "boolean" => "true or false",
        "sequence" => "a list",
        "map" => "a table",
        "null" | "unit" => "empty",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::raw::Raw;
    use serde_json::json;

    fn problems(mut tree: Value) -> Vec<(String, String, String)> {
        let mut report = Report::default();
        let _: Raw = read(&mut tree, &KeyPath::default(), &mut report);
        report
            .finish()
            .into_iter()
            .map(|p| (p.key, p.message, p.hint.unwrap_or_default()))
            .collect()
    }

    #[test]
    fn every_misfit_is_found_with_its_path() {
        let found = problems(json!({
            "kafka": {"broker": ["a"], "instance": "two", "idle_after": 30},
            "models": {"demand": {"task": "regresion", "within": "24h",
                                  "predictions": {"topic": ["a", 3], "id": true}}},
            "monitors": {"m": {"min_event": 5, "retrain": "yes"}}
        }));
        let keys: Vec<&str> = found.iter().map(|(key, ..)| key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "kafka.broker",
                "kafka.idle_after",
                "kafka.instance",
                "models.demand.predictions.id",
                "models.demand.predictions.topic[1]",
                "models.demand.task",
                "models.demand.within",
                "monitors.m.min_event",
                "monitors.m.retrain",
            ]
        );
        let of = |key: &str| found.iter().find(|(k, ..)| k == key).unwrap();
        assert!(of("kafka.broker").2.contains("brokers"));
        assert!(of("kafka.idle_after").1.contains("30s"));
        assert!(of("models.demand.task").2.contains("regression"));
        assert!(of("models.demand.within").2.contains("models.NAME.outcomes"));
        assert!(of("monitors.m.min_event").2.contains("min_events"));
        assert_eq!(of("monitors.m.retrain").1, "must be true or false, not a text");
    }

    #[test]
    fn a_misplaced_secret_is_not_repeated() {
        for (_, message, hint) in
            problems(json!({"kafka": "hunter2", "limits": {"storm": "hunter2"}}))
        {
            assert!(!message.contains("hunter2") && !hint.contains("hunter2"), "{message}");
        }
    }
}
