//! `driftd decode`: what driftd reads from a topic, field by field, and what it refuses.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::json;

use super::{FAILURE, OK, Output, settings};
use crate::clock;
use crate::config::{Mode, Settings};
use crate::daemon::properties;
use crate::event::Time;
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

const PATIENCE: Duration = Duration::from_secs(10);

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
    let mut rows = Vec::new();
    for topic in &settings.readers {
        let mine: Vec<_> =
            topic.readers.iter().filter(|r| usize::from(r.model) == place).cloned().collect();
        if mine.is_empty() {
            continue;
        }
        let mut decoder = TopicDecoder::new(&mine, &topic.format, &[0; 16]);
        rows.extend(newest(&settings, &topic.topic, arguments.n, &mut decoder)?);
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

/// The newest records of a topic, one row per field.
fn newest(
    settings: &Settings,
    topic: &str,
    n: usize,
    decoder: &mut TopicDecoder,
) -> anyhow::Result<Vec<serde_json::Value>> {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", settings.kafka.brokers.join(","));
    // librdkafka wants a group; nothing is joined or committed.
    client.set("group.id", format!("{}-decode", settings.kafka.group));
    client.set("enable.auto.commit", "false");
    client.set("log_level", "0");
    for (key, value) in properties(&settings.kafka.properties) {
        client.set(key, value);
    }
    let consumer: BaseConsumer = client.create()?;
    let metadata = consumer
        .fetch_metadata(Some(topic), PATIENCE)
        .with_context(|| format!("no broker of {} answers", settings.kafka.brokers.join(",")))?;
    let partitions = metadata.topics().first().map_or(0, |t| t.partitions().len());
    let mut list = TopicPartitionList::new();
    let mut wanted = 0;
    for partition in 0..partitions as i32 {
        let (low, high) = consumer.fetch_watermarks(topic, partition, PATIENCE)?;
        let from = low.max(high - n.div_ceil(partitions.max(1)) as i64);
        wanted += (high - from).max(0);
        list.add_partition_offset(topic, partition, Offset::Offset(from))?;
    }
    consumer.assign(&list)?;
    let mut rows = Vec::new();
    let end = Instant::now() + PATIENCE;
    let mut taken = 0;
    while taken < wanted.min(n as i64) && Instant::now() < end {
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(200)) else { continue };
        taken += 1;
        let headers = |name: &str| {
            let headers = message.headers()?;
            (0..headers.count()).rev().map(|i| headers.get(i)).find(|h| h.key == name)?.value
        };
        let record = Record {
            topic: message.topic(),
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis().map(|ms| Time(ms * 1000)),
            key: message.key(),
            payload: message.payload(),
            headers: &headers,
        };
        rows.extend(fields(&serde_json::to_value(decoder.show(&record, clock::now()))?));
    }
    Ok(rows)
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
