//! A look at the brokers without joining anything: topics, and their newest records.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Context;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::metadata::Metadata;
use rdkafka::{Offset, TopicPartitionList};

use crate::config::Settings;
use crate::daemon::properties;
use crate::event::Time;
use crate::wire::Record;

/// How long the brokers may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Broker {
    consumer: BaseConsumer,
    addresses: String,
}

impl Broker {
    /// A client for the configured brokers; nothing is asked yet.
    pub(super) fn new(settings: &Settings) -> Result<Broker, KafkaError> {
        let mut config = client(settings);
        // librdkafka hands out records only where there is a group to name; nothing is joined.
        config.set("group.id", format!("{}-look", settings.kafka.group));
        config.set("enable.auto.commit", "false");
        config.set("enable.partition.eof", "true");
        let addresses = settings.kafka.brokers.join(",");
        Ok(Broker { consumer: config.create()?, addresses })
    }

    /// What the brokers have: of one topic, or of all.
    pub(super) fn metadata(&self, topic: Option<&str>) -> anyhow::Result<Metadata> {
        self.consumer
            .fetch_metadata(topic, PATIENCE)
            .with_context(|| format!("no broker of {} answers", self.addresses))
    }

    /// Shows about the `n` newest records of a topic, spread over its partitions.
    pub(super) fn newest(
        &self,
        topic: &str,
        n: usize,
        show: &mut dyn FnMut(&Record<'_>),
    ) -> anyhow::Result<()> {
        let metadata = self.metadata(Some(topic))?;
        let partitions = metadata.topics().first().map_or(0, |t| t.partitions().len());
        let mut list = TopicPartitionList::new();
        let mut open = BTreeSet::new();
        for partition in 0..partitions as i32 {
            let (low, high) = self.consumer.fetch_watermarks(topic, partition, PATIENCE)?;
            let from = low.max(high - n.div_ceil(partitions.max(1)) as i64);
            if from < high {
                list.add_partition_offset(topic, partition, Offset::Offset(from))?;
                open.insert(partition);
            }
        }
        self.consumer.assign(&list)?;
        let end = Instant::now() + PATIENCE;
        let mut taken = 0;
        while taken < n && !open.is_empty() && Instant::now() < end {
            let message = match self.consumer.poll(Duration::from_millis(200)) {
                Some(Ok(message)) if message.topic() == topic => message,
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    open.remove(&partition);
                    continue;
                }
                _ => continue,
            };
            taken += 1;
            let headers = |name: &str| {
                let headers = message.headers()?;
                (0..headers.count()).rev().map(|i| headers.get(i)).find(|h| h.key == name)?.value
            };
            show(&Record {
                topic: message.topic(),
                partition: message.partition(),
                offset: message.offset(),
                timestamp: message.timestamp().to_millis().map(|ms| Time(ms.saturating_mul(1000))),
                key: message.key(),
                payload: message.payload(),
                headers: &headers,
            });
        }
        Ok(())
    }
}

/// The settings of any client of the configured brokers.
pub(super) fn client(settings: &Settings) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("log_level", "0");
    for (key, value) in properties(&settings.kafka.properties) {
        config.set(key, value);
    }
    config.set("bootstrap.servers", settings.kafka.brokers.join(","));
    config
}
