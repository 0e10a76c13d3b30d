//! One incident in words: what, where, since when, how sure, who was told, what came of it.

use serde_json::Value;

use crate::cli::Output;
use crate::notify::why::why as sentences;

const FINDINGS: &[&str] = &[
    "series",
    "segment",
    "statistic",
    "score",
    "level",
    "noise_floor",
    "visible",
    "p_value",
    "window/support",
    "verdict",
];
const RANKING: &[&str] = &["series", "times_noise", "score", "noise_floor", "verdict"];
const MESSAGES: &[&str] = &["to", "message", "state", "attempts", "created", "error"];
const RUNS: &[&str] = &["id", "state", "requested", "changed", "version", "message"];
const SLICE: &[&str] = &["topic", "partition", "from", "to"];

/// Prints an incident: whole as JSON, or in words and tables.
pub(super) fn print(incident: &Value, output: &Output) -> anyhow::Result<()> {
    if !output.is_table() {
        return Ok(output.rows(&[], std::slice::from_ref(incident))?);
    }
    let data = &incident["data"];
    output.text(&words(incident))?;
    section(output, "Findings", FINDINGS, &list(&data["findings"]))?;
    let why = why(data);
    if !why.is_empty() {
        output.text(&format!("\nWhy\n{why}"))?;
    }
    section(output, "Series by how many times the noise", RANKING, &list(&data["ranking"]))?;
    section(output, "Messages", MESSAGES, &list(&incident["messages"]))?;
    section(output, "Retraining", RUNS, &list(&incident["runs"]))?;
    section(output, "Records of the window", SLICE, &slice(data))
}

fn section(output: &Output, title: &str, columns: &[&str], rows: &[Value]) -> anyhow::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    output.text(&format!("\n{title}"))?;
    Ok(output.rows(columns, rows)?)
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn slice(data: &Value) -> Vec<Value> {
    let mut rows = Vec::new();
    for topic in list(&data["slice"]["topics"]) {
        for mut partition in list(&topic["partitions"]) {
            partition["topic"] = topic["topic"].clone();
            rows.push(partition);
        }
    }
    rows
}

/// The facts, a line each; what is not known is left out.
pub(super) fn words(incident: &Value) -> String {
    let data = &incident["data"];
    let told: Vec<String> = list(&incident["told"]).iter().map(plain).collect();
    let told = if told.is_empty() { "nobody".to_owned() } else { told.join(", ") };
    let window =
        format!("{} to {}", plain(&data["window"]["start"]), plain(&data["window"]["end"]));
    let facts = [
        ("incident", plain(&incident["key"])),
        ("state", format!("{}, {}", plain(&incident["state"]), plain(&incident["severity"]))),
        ("model", plain(&incident["model"])),
        ("version", plain(&incident["version"])),
        ("monitor", plain(&incident["monitor"])),
        ("since", plain(&incident["opened"])),
        ("changed", plain(&incident["changed"])),
        ("window", if data["window"].is_null() { String::new() } else { window }),
        ("outcomes", plain(&data["outcome_coverage"])),
        ("told", told),
        ("suppressed", plain(&incident["suppressed"])),
        ("resolved by", plain(&incident["resolved_by"])),
        ("no retraining", plain(&incident["not_asked"])),
        ("reference", plain(&data["reference"])),
        ("configuration", plain(&data["config_digest"])),
        ("page", plain(&data["incident"]["url"])),
    ];
    let lines = facts.iter().filter(|(_, text)| !text.is_empty());
    lines.map(|(name, text)| format!("{name:<14} {text}")).collect::<Vec<_>>().join("\n")
}

/// What the findings are made of, a line for each fact.
pub(super) fn why(data: &Value) -> String {
    let lines = list(&data["attribution"]).into_iter().flat_map(|finding| {
        let mut name = plain(&finding["series"]);
        if !finding["segment"].is_null() {
            name = format!("{name} {}", plain(&finding["segment"]));
        }
        sentences(&finding).into_iter().map(move |sentence| format!("{name}: {sentence}"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A value as text that is safe on a terminal; nothing for null.
pub(super) fn plain(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
