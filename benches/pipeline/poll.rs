//! The other side of the comparison: a process that polls, counts bytes, and does nothing else.

use std::hint::black_box;
use std::process::Command;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::demand::Topic;
use crate::rig::unique;

/// First argument of the process that polls.
pub const MODE: &str = "--poll";

/// The properties that driftd's reader sets for speed and safety, so that both sides ask the same
/// of librdkafka.
const PROPERTIES: &[(&str, &str)] = &[
    ("partition.assignment.strategy", "cooperative-sticky"),
    ("fetch.queue.backoff.ms", "10"),
    ("queued.min.messages", "10000"),
    ("queued.max.messages.kbytes", "32768"),
    ("check.crcs", "true"),
    ("topic.metadata.refresh.interval.ms", "5000"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("statistics.interval.ms", "1000"),
    ("auto.offset.reset", "earliest"),
];

/// Lets a process of its own read the whole topic.
pub fn spawn(brokers: &str, topic: &Topic) {
    let me = std::env::current_exe().expect("a running program has a file");
    let status = Command::new(me)
        .args([MODE, brokers, &topic.name, &topic.events.to_string()])
        .status()
        .expect("the benchmark can be started");
    assert!(status.success(), "the poll loop failed");
}

/// Polls until `events` records have been seen.
pub fn run(brokers: &str, topic: &str, events: u64) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", unique("poll"));
    for (name, value) in PROPERTIES {
        config.set(*name, *value);
    }
    let consumer: BaseConsumer = config.create().expect("a consumer");
    consumer.subscribe(&[topic]).expect("a subscription");
    let (mut seen, mut bytes) = (0, 0);
    while seen < events {
        if let Some(polled) = consumer.poll(Duration::from_millis(50)) {
            bytes += polled.expect("a record").payload_len();
            seen += 1;
        }
    }
    black_box(bytes);
}
