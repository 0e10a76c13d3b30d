//! A look at the brokers without joining anything: topics, and their newest records.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
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
        let partitions = self.partitions(topic)?;
        let each = n.div_ceil(partitions.max(1)) as i64;
        let mut open = self.assign(topic, partitions, |low, high| low.max(high - each))?;
        let end = Instant::now() + PATIENCE;
        let mut taken = 0;
        while taken < n && !open.is_empty() && Instant::now() < end {
            taken += usize::from(self.next(topic, &mut open, show));
        }
        Ok(())
    }

    /// Shows every record of a topic.
    pub(super) fn every(
        &self,
        topic: &str,
        show: &mut dyn FnMut(&Record<'_>),
    ) -> anyhow::Result<()> {
        let mut open = self.assign(topic, self.partitions(topic)?, |low, _| low)?;
        let mut heard = Instant::now();
        while !open.is_empty() {
            let before = open.len();
            if self.next(topic, &mut open, show) || open.len() < before {
                heard = Instant::now();
            }
            ensure!(heard.elapsed() < PATIENCE, "topic {topic} cannot be read to its end");
        }
        Ok(())
    }

    /// How many partitions a topic has; 0 where there is no such topic.
    pub(super) fn partitions(&self, topic: &str) -> anyhow::Result<usize> {
        Ok(self.metadata(Some(topic))?.topics().first().map_or(0, |t| t.partitions().len()))
    }

    /// Begins to read each partition where `from` says, given its first offset and its end; those
    /// that hold something there.
    fn assign(
        &self,
        topic: &str,
        partitions: usize,
        from: impl Fn(i64, i64) -> i64,
    ) -> anyhow::Result<BTreeSet<i32>> {
        let mut list = TopicPartitionList::new();
        let mut open = BTreeSet::new();
        for partition in 0..partitions as i32 {
            let (low, high) = self.consumer.fetch_watermarks(topic, partition, PATIENCE)?;
            let from = from(low, high);
            if from < high {
                list.add_partition_offset(topic, partition, Offset::Offset(from))?;
                open.insert(partition);
            }
        }
        self.consumer.assign(&list)?;
        Ok(open)
    }

    /// Shows the next record, or takes a partition that ends out of `open`; whether there was one.
    fn next(
        &self,
        topic: &str,
        open: &mut BTreeSet<i32>,
        show: &mut dyn FnMut(&Record<'_>),
    ) -> bool {
        let message = match self.consumer.poll(Duration::from_millis(200)) {
            Some(Ok(message)) if message.topic() == topic => message,
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                open.remove(&partition);
                return false;
            }
            _ => return false,
        };
        show(&Record {
            topic: message.topic(),
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis().map(|ms| Time(ms.saturating_mul(1000))),
            key: message.key(),
            payload: message.payload(),
            headers: &message,
        });
        true
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
