//! `driftd decode`: what driftd reads from a topic, field by field, and what it refuses.

use std::path::Path;

use anyhow::Context;
use clap::Args;
use serde_json::json;

use super::broker::Broker;
use super::{FAILURE, OK, Output, patience, settings};
use crate::config::Mode;
use crate::daemon::registries_for_a_look;
use crate::wire::{Record, TopicDecoder};

#[derive(Debug, Args)]
pub(super) struct DecodeArguments {
    /// The model.
    #[arg(long)]
    model: String,
    /// Records per topic, the newest ones.
    #[arg(short, long, default_value_t = 10)]
    n: usize,
}

pub(super) fn run(
    arguments: &DecodeArguments,
    config: &Path,
    output: &Output,
) -> anyhow::Result<u8> {
    let settings = match settings(config, Mode::ReadTopics)? {
        Ok(settings) => settings,
        Err(code) => return Ok(code),
    };
    let place = settings
        .plan
        .models
        .iter()
        .position(|m| m.name == arguments.model)
        .with_context(|| format!("there is no model '{}'", arguments.model))?;
    let broker = Broker::new(&settings).context("kafka.properties")?;
    let _registries = registries_for_a_look(&settings)?;
    let mut rows = Vec::new();
    for topic in &settings.readers {
        let mine: Vec<_> =
            topic.readers.iter().filter(|r| usize::from(r.model) == place).cloned().collect();
        if mine.is_empty() {
            continue;
        }
        let mut decoder = TopicDecoder::new(&mine, &topic.format, &[0; 16]);
        let mut shown = Vec::new();
        let mut show = |record: &Record<'_>| shown.push(patience::show(&mut decoder, record));
        broker.newest(&topic.topic, arguments.n, &mut show)?;
        for record in &shown {
            rows.extend(fields(&serde_json::to_value(record)?));
        }
    }
    let columns =
        ["topic", "partition", "offset", "role", "part", "path", "found", "value", "problem"];
    output.rows(&columns, &rows)?;
    if rows.is_empty() {
        eprintln!("the topics of model {} hold no records", arguments.model);
        return Ok(FAILURE);
    }
    Ok(OK)
}

/// One row per field; a refusal is a row too.
fn fields(shown: &serde_json::Value) -> Vec<serde_json::Value> {
    let place = |extra: serde_json::Value| {
        let mut row = json!({
            "topic": shown["topic"],
            "partition": shown["partition"],
            "offset": shown["offset"],
        });
        if let (Some(row), Some(extra)) = (row.as_object_mut(), extra.as_object()) {
            row.extend(extra.clone());
        }
        row
    };
    let refusal = |refused: &serde_json::Value, role: &serde_json::Value| {
        let problem = format!(
            "{}: {}",
            refused["reason"].as_str().unwrap_or("refused"),
            refused["detail"].as_str().unwrap_or_default()
        );
        place(json!({ "role": role, "part": "record", "problem": problem }))
    };
    let mut rows = Vec::new();
    if !shown["refused"].is_null() {
        rows.push(refusal(&shown["refused"], &serde_json::Value::Null));
    }
    for reader in shown["readers"].as_array().into_iter().flatten() {
        if !reader["refused"].is_null() {
            rows.push(refusal(&reader["refused"], &reader["role"]));
        }
        for field in reader["fields"].as_array().into_iter().flatten() {
            let mut field = field.clone();
            field["role"] = reader["role"].clone();
            rows.push(place(field));
        }
    }
    rows
}
