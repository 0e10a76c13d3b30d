//! The folder `config/`: generated from the code, and fresh.

use super::*;

/// Compares a generated file with the one in the repository; `UPDATE=1` writes it.
fn fresh(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == text, "config/{name} is stale; write it anew: UPDATE=1 cargo test generated");
}

#[test]
fn the_schema_is_fresh() {
    fresh("schema.json", &format!("{:#}\n", schema()));
}

#[test]
fn the_reference_is_fresh() {
    fresh("reference.toml", &reference_toml());
}

/// The reference with every key taken in.
fn uncommented() -> String {
    let key = |line: &str| line.strip_prefix("# ").filter(|l| l.contains('=')).map(str::to_owned);
    reference_toml()
        .lines()
        .map(|line| key(line).unwrap_or_else(|| line.to_owned()) + "\n")
        .collect()
}

#[test]
fn the_reference_is_toml_with_and_without_its_keys() {
    reference_toml().parse::<toml::Table>().unwrap();
    let all = uncommented().parse::<toml::Table>().unwrap_or_else(|e| panic!("{e}"));
    assert!(all["models"]["NAME"]["predictions"]["topic"].is_str());
}

#[test]
fn every_key_of_the_reference_is_known() {
    let problems = Project::new(&uncommented()).problems();
    let unknown: Vec<&Problem> = problems
        .iter()
        .filter(|p| p.message.contains("unknown") || p.message.contains("must be"))
        .collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn every_key_has_a_sentence() {
    let schema = schema();
    fn walk(node: &Value, place: &str, silent: &mut Vec<String>) {
        for (name, node) in node.get("properties").and_then(Value::as_object).into_iter().flatten()
        {
            if node.get("description").is_none() && node.get("const").is_none() {
                silent.push(format!("{place}.{name}"));
            }
        }
    }
    let mut silent = Vec::new();
    walk(&schema, "", &mut silent);
    for (name, node) in schema["$defs"].as_object().unwrap() {
        walk(node, name, &mut silent);
    }
    // These are written without a doc comment because the schema of their choices says it all.
    silent.retain(|key| !key.ends_with(".kind"));
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn the_short_example_is_accepted() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/example.toml");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.lines().count() <= 60);
    let settings = Project::new(&text).env("WEBHOOK_SECRET", &signing_secret()).settings();
    assert_eq!(settings.plan.models.len(), 1);
}
