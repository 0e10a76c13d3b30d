//! Callbacks of librdkafka: rebalances, statistics, errors. They run inside `poll`, on the
//! reader's thread.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use super::start::{Placing, Start};
use super::{Shared, SourceSpec};
use crate::event::Partition;
use crate::failpoint::Failpoint;

/// What happened inside `poll`.
#[derive(Debug)]
pub(super) enum Event {
    /// Partitions are ours now, each with where its reading begins.
    Assigned(Vec<(Partition, Start)>),
    /// Partitions are no longer ours.
    Revoked(Vec<Partition>),
    /// Ends of partitions, as the broker last said, and whether all before was handed out.
    Ends(BTreeMap<Partition, End>),
}

/// The end of a partition, and how far the client is.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// One past its last record.
    pub high: i64,
    /// One past the last record that belongs to no open transaction.
    pub stable: i64,
    /// Every record below this has been polled; `None` while some wait to be.
    pub handed_out: Option<i64>,
    /// How long the broker that it is fetched from has been connected.
    pub connected: Duration,
}

impl End {
    /// Whether every record has been polled.
    pub(super) fn drained(self) -> bool {
        self.handed_out.is_some_and(|offset| offset >= self.high)
    }
}

/// The callbacks' memory.
pub(super) struct Context {
    pub placing: Placing,
    pub shared: Arc<Shared>,
    events: Mutex<Vec<Event>>,
    /// Whether there are any.
    told: AtomicBool,
    /// Whether partitions came or went among them.
    moved: AtomicBool,
}

impl Context {
    pub(super) fn new(spec: &SourceSpec, shared: Arc<Shared>) -> Context {
        let placing = Placing::new(spec.start_from, spec.on_recreated);
        Context {
            placing,
            shared,
            events: Mutex::default(),
            told: AtomicBool::new(false),
            moved: AtomicBool::new(false),
        }
    }

    /// Whether something happened that nobody has taken note of.
    pub(super) fn has_events(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// Whether partitions came or went that nobody has taken note of.
    pub(super) fn has_moved(&self) -> bool {
        self.moved.load(Ordering::Relaxed)
    }

    pub(super) fn take_events(&self) -> Vec<Event> {
        self.told.store(false, Ordering::Relaxed);
        self.moved.store(false, Ordering::Relaxed);
        std::mem::take(&mut self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn push(&self, event: Event) {
        self.told.store(true, Ordering::Relaxed);
        if !matches!(event, Event::Ends(_)) {
            self.moved.store(true, Ordering::Relaxed);
        }
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let mut placed = Vec::new();
        let mut wanted = TopicPartitionList::new();
        let mut silent = false;
        for element in list.elements() {
            let partition =
                Partition { topic: element.topic().into(), number: element.partition() };
            // One that is not answered for has cost patience enough; the others are asked for soon.
            let start = match silent {
                true => self.placing.unasked(&partition, &self.shared),
                false => self.placing.place(consumer, &partition, &self.shared),
            };
            silent |= matches!(start, Start::Unknown { .. });
            let offset = match start.offset() {
                Some(offset) => Offset::Offset(offset),
                // Assigned but never fetched: the reader pauses it.
                None => Offset::End,
            };
            // Adding an offset to a fresh list fails only for offsets that no broker has.
            if wanted.add_partition_offset(&partition.topic, partition.number, offset).is_ok() {
                placed.push((partition, start));
            }
        }
        let result = match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(&wanted),
            _ => consumer.assign(&wanted),
        };
        if let Err(error) = result {
            tracing::warn!("partitions cannot be assigned: {error}");
        }
        let (read, stopped): (Vec<_>, Vec<_>) =
            placed.iter().partition(|(_, s)| s.offset().is_some());
        // The client remembers over assignments what was paused in an earlier one.
        let mut resume = TopicPartitionList::new();
        for (partition, _) in read {
            resume.add_partition(&partition.topic, partition.number);
        }
        if let Err(error) = consumer.resume(&resume) {
            tracing::warn!("partitions cannot be resumed: {error}");
        }
        if !stopped.is_empty() {
            let mut pause = TopicPartitionList::new();
            for (partition, _) in stopped {
                pause.add_partition(&partition.topic, partition.number);
            }
            if let Err(error) = consumer.pause(&pause) {
                tracing::warn!("partitions cannot be paused: {error}");
            }
        }
        self.push(Event::Assigned(placed));
        Failpoint::Assigned.reach();
    }

    fn revoke(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let partitions = list
            .elements()
            .iter()
            .map(|e| Partition { topic: e.topic().into(), number: e.partition() })
            .collect();
        let result = match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(list),
            _ => consumer.unassign(),
        };
        if let Err(error) = result {
            tracing::warn!("partitions cannot be given back: {error}");
        }
        self.push(Event::Revoked(partitions));
        Failpoint::Revoked.reach();
    }
}

fn connected(statistics: &Statistics, broker: i32) -> Duration {
    let found = statistics.brokers.values().find(|b| b.nodeid == broker && b.state == "UP");
    found.map_or(Duration::ZERO, |broker| {
        Duration::from_micros(u64::try_from(broker.stateage).unwrap_or(0))
    })
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        code: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assign(consumer, list),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => self.revoke(consumer, list),
            other => {
                tracing::warn!("rebalance failed: {}", RDKafkaErrorCode::from(other));
                self.revoke(consumer, list);
            }
        }
    }
}

impl ClientContext for Context {
    fn stats(&self, statistics: Statistics) {
        let mut ends = BTreeMap::new();
        for (topic, of_topic) in &statistics.topics {
            for (number, p) in &of_topic.partitions {
                if *number < 0 || p.hi_offset < 0 || !p.desired {
                    continue;
                }
                let handed_out = (p.fetchq_cnt == 0).then_some(p.next_offset);
                let partition = Partition { topic: topic.as_str().into(), number: *number };
                let stable = if p.ls_offset < 0 { p.hi_offset } else { p.ls_offset };
                let connected = connected(&statistics, p.broker);
                ends.insert(partition, End { high: p.hi_offset, stable, handed_out, connected });
            }
        }
        if !ends.is_empty() {
            self.push(Event::Ends(ends));
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        let fatal = match code {
            Some(RDKafkaErrorCode::AllBrokersDown) => {
                self.shared.faults.raise(
                    "brokers_unreachable",
                    "",
                    format!("no broker can be reached: {reason}"),
                );
                false
            }
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                self.shared.faults.raise(
                    "authentication_failed",
                    "",
                    format!(
                        "the broker refuses our credentials: {reason}; check sasl.username, \
                         sasl.password and sasl.mechanism under [kafka.properties]"
                    ),
                );
                false
            }
            Some(RDKafkaErrorCode::Fatal) => true,
            _ => false,
        };
        if fatal {
            self.shared.faults.raise(
                "kafka_client",
                "",
                format!("the Kafka client gave up: {reason}"),
            );
        } else {
            tracing::debug!(target: "librdkafka", "{error}: {reason}");
        }
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => {
                tracing::debug!(target: "librdkafka", facility, "{message}");
            }
            _ => tracing::trace!(target: "librdkafka", facility, "{message}"),
        }
    }
}
