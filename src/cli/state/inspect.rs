//! `driftd state inspect`: what a state directory is and holds, on one page.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use super::export;
use crate::cli::{OK, Output};
use crate::engine::io::Table;
use crate::engine::readable;
use crate::store::{Embedded, Store, sent_summary};

pub(super) fn run(dir: &Path, verify: bool, output: &Output) -> anyhow::Result<u8> {
    let store = Embedded::look(dir)?;
    let shown = || format!("state directory {}", dir.display());
    let mut lines = vec![json!({
        "type": "state",
        "dir": dir,
        "format": store.format(),
        "id": store.identity().id,
        "commit": store.commits(),
        "bytes": store.bytes(),
    })];
    for table in Table::ALL {
        let (mut rows, mut failed) = (0u64, None);
        store.walk(table, &[], &mut |_, value| {
            rows += 1;
            failed = verify.then(|| readable(table, value).err()).flatten();
            failed.is_none()
        })?;
        if let Some(error) = failed {
            return Err(error).with_context(shown);
        }
        let bytes = store.table_bytes(table);
        lines.push(json!({ "type": "table", "table": table.name(), "rows": rows, "bytes": bytes }));
    }
    let exported = export::lines(&store, dir, None)?;
    lines.extend(exported.iter().filter(|line| line["type"] == "position").cloned());
    lines.extend(models(&exported));
    lines.push(messages(&exported));
    let sent = sent_summary(dir).with_context(shown)?;
    lines.push(json!({
        "type": "sent",
        "messages": sent.messages,
        "delivered": sent.delivered,
        "broken_lines": sent.broken,
    }));
    if output.is_table() {
        output.text(&page(&lines))?;
    } else {
        output.rows(&[], &lines)?;
    }
    Ok(OK)
}

/// One line per model.
fn models(exported: &[Value]) -> Vec<Value> {
    let mut models: BTreeMap<&str, Value> = BTreeMap::new();
    for line in exported {
        let Some(name) = line["model"].as_str() else { continue };
        let model = models.entry(name).or_insert_with(|| {
            json!({
                "type": "model", "model": name, "panes": 0, "oldest": null, "newest": null,
                "pending_predictions": 0, "pending_outcomes": 0, "firing": 0, "runs": 0,
            })
        });
        let mut add = |what: &str| model[what] = (model[what].as_u64().unwrap_or(0) + 1).into();
        match line["type"].as_str() {
            Some("pane") => {
                add("panes");
                if model["oldest"].is_null() {
                    model["oldest"] = line["start"].clone();
                }
                model["newest"] = line["start"].clone();
            }
            Some("join") => {
                for what in ["pending_predictions", "pending_outcomes"] {
                    model[what] = line[what].clone();
                }
            }
            Some("incident") if line["state"] == "firing" => add("firing"),
            Some("run") => add("runs"),
            _ => {}
        }
    }
    models.into_values().collect()
}

fn messages(exported: &[Value]) -> Value {
    let count = |state: &str| {
        exported.iter().filter(|l| l["type"] == "outbox" && l["state"] == state).count()
    };
    json!({
        "type": "outbox",
        "pending": count("pending"),
        "delivered": count("delivered"),
        "superseded": count("superseded"),
        "dead": count("dead"),
    })
}

/// The lines for people: one a line, names before values.
fn page(lines: &[Value]) -> String {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let line = |line: &Value| {
        let fields = line.as_object().into_iter().flatten();
        let fields = fields.filter(|(name, value)| *name != "type" && !value.is_null());
        let fields: Vec<String> =
            fields.map(|(name, value)| format!("{name} {}", word(value))).collect();
        format!("{:<9} {}", word(&line["type"]), fields.join("  "))
    };
    let text = lines.iter().map(line).collect::<Vec<_>>().join("\n");
    // Names of versions and topics come from outside.
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}
