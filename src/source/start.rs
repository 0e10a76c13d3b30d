//! Where the reading of a partition begins: at the anchor, one record before the position.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::context::Context;
use super::{OnRecreated, Shared, StartFrom};
use crate::engine::Position;
use crate::event::{Anchor, Partition, Time};

/// How long a broker may take to say what a partition has.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Where to begin, and what must be told to the engine first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// No position: begin here, and make it the position first.
    Begin(i64),
    /// At the anchor; the record there must be the same.
    Anchor {
        /// What must be found again.
        anchor: Anchor,
        /// Where the state goes on.
        position: i64,
    },
    /// At the position; there is no anchor to compare.
    Position(i64),
    /// The records up to `to` are gone.
    Lost {
        /// First missing offset.
        from: i64,
        /// First one that is still there.
        to: i64,
    },
    /// The topic is another one than before, and is to be read from its start.
    Reset(i64),
    /// The topic is another one than before: not read.
    Stopped,
    /// No broker says which offsets there are: not read before one does.
    Unknown {
        /// Whether its topic was known when it became ours.
        topic_known: bool,
    },
}

impl Start {
    /// At the anchor of a position, where it has one.
    pub(super) fn at(position: &Position) -> Start {
        match position.anchor {
            Some(anchor) => Start::Anchor { anchor, position: position.offset },
            None => Start::Position(position.offset),
        }
    }

    /// First offset to fetch; `None`: none at all.
    pub(super) fn offset(self) -> Option<i64> {
        match self {
            Start::Begin(offset) | Start::Position(offset) | Start::Reset(offset) => Some(offset),
            Start::Anchor { anchor, .. } => Some(anchor.offset),
            Start::Lost { to, .. } => Some(to),
            Start::Stopped | Start::Unknown { .. } => None,
        }
    }
}

/// Decides where partitions begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placing {
    start_from: StartFrom,
    on_recreated: OnRecreated,
}

impl Placing {
    pub(super) fn new(start_from: StartFrom, on_recreated: OnRecreated) -> Placing {
        Placing { start_from, on_recreated }
    }

    /// Asks the broker what it has and decides.
    pub(super) fn place(
        &self,
        consumer: &BaseConsumer<Context>,
        partition: &Partition,
        shared: &Shared,
    ) -> Start {
        let topic_known = topic_known(partition, shared);
        self.ask(consumer, partition, shared, PATIENCE, topic_known)
    }

    /// A partition that is not asked for now, since another has cost patience enough.
    pub(super) fn unasked(&self, partition: &Partition, shared: &Shared) -> Start {
        Start::Unknown { topic_known: topic_known(partition, shared) }
    }

    /// As [`Placing::place`], with so much patience, for a partition that became ours when its topic
    /// was known or not.
    pub(super) fn ask(
        &self,
        consumer: &BaseConsumer<Context>,
        partition: &Partition,
        shared: &Shared,
        patience: Duration,
        topic_known: bool,
    ) -> Start {
        let about = format!("{}/{}", partition.topic, partition.number);
        let silent = |error: KafkaError| {
            let text = format!(
                "{about}: no broker says which offsets it has ({error}); it is not read before one \
                 does"
            );
            shared.faults.raise("offsets_unknown", &about, text);
            Start::Unknown { topic_known }
        };
        let marks = consumer.fetch_watermarks(&partition.topic, partition.number, patience);
        let (low, high) = match marks {
            Ok(marks) => marks,
            Err(error) => return silent(error),
        };
        let positions = shared.positions.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let known = positions.get(partition).cloned();
        drop(positions);
        let start = match known {
            Some(position) => self.resume(&position, low, high, &about, shared),
            // A partition that a known topic gained later begins at its beginning.
            None if topic_known => Start::Begin(low),
            None => match self.first(consumer, partition, low, high, patience) {
                Ok(offset) => Start::Begin(offset),
                Err(error) => return silent(error),
            },
        };
        shared.faults.clear("offsets_unknown", &about);
        start
    }

    /// As [`Placing::place`] for a position that the reader holds itself; `None`: no broker says.
    pub(super) fn replace(
        &self,
        consumer: &BaseConsumer<Context>,
        partition: &Partition,
        position: &Position,
        shared: &Shared,
        patience: Duration,
    ) -> Option<Start> {
        let about = format!("{}/{}", partition.topic, partition.number);
        let marks = consumer.fetch_watermarks(&partition.topic, partition.number, patience);
        let (low, high) = marks.ok()?;
        Some(self.resume(position, low, high, &about, shared))
    }

    fn resume(
        &self,
        position: &Position,
        low: i64,
        high: i64,
        about: &str,
        shared: &Shared,
    ) -> Start {
        if high < position.offset {
            return self.recreated(
                about,
                low,
                shared,
                &format!("it ends at {high}, we had read to {}", position.offset),
            );
        }
        if low > position.offset {
            return Start::Lost { from: position.offset, to: low };
        }
        match position.anchor {
            Some(anchor) if anchor.offset < low => Start::Position(position.offset),
            _ => Start::at(position),
        }
    }

    /// The log is not the one that the state came from.
    pub(super) fn recreated(&self, about: &str, low: i64, shared: &Shared, why: &str) -> Start {
        match self.on_recreated {
            OnRecreated::Stop => {
                shared.faults.raise(
                    "topic_recreated",
                    about,
                    format!(
                        "{about} was deleted and made again, or truncated by an unclean election of \
                         its leader ({why}); it is not read. Set kafka.on_recreated = \"reset\" to \
                         read it from its start; of a truncated one, what is left counts again"
                    ),
                );
                Start::Stopped
            }
            OnRecreated::Reset => {
                tracing::warn!(
                    "{about} was deleted and made again ({why}); it is read from its start"
                );
                Start::Reset(low)
            }
        }
    }

    fn first(
        &self,
        consumer: &BaseConsumer<Context>,
        partition: &Partition,
        low: i64,
        high: i64,
        patience: Duration,
    ) -> Result<i64, KafkaError> {
        let at = match self.start_from {
            StartFrom::Earliest => return Ok(low),
            StartFrom::Latest => return Ok(high),
            StartFrom::At(time) => time,
            StartFrom::Ago(span) => crate::clock::now() - span,
        };
        Ok(offset_at(consumer, partition, at, patience)?.unwrap_or(high).max(low))
    }
}

/// Whether any partition of a topic has a position.
fn topic_known(partition: &Partition, shared: &Shared) -> bool {
    let positions = shared.positions.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    positions.keys().any(|p| p.topic == partition.topic)
}

/// First offset at or after a time; `None` where there is none.
fn offset_at(
    consumer: &BaseConsumer<Context>,
    partition: &Partition,
    at: Time,
    patience: Duration,
) -> Result<Option<i64>, KafkaError> {
    let mut list = TopicPartitionList::new();
    let milliseconds = Offset::Offset(at.0.div_euclid(1000).max(0));
    list.add_partition_offset(&partition.topic, partition.number, milliseconds)?;
    let found = consumer.offsets_for_times(list, patience)?;
    let no_offset = KafkaError::OffsetFetch(RDKafkaErrorCode::NoOffset);
    let found = found.find_partition(&partition.topic, partition.number);
    let found = found.ok_or_else(|| no_offset.clone())?;
    found.error()?;
    match found.offset() {
        Offset::Offset(offset) => Ok(Some(offset)),
        Offset::End => Ok(None),
        _ => Err(no_offset),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;
    use crate::source::{SourceSpec, client};

    /// A broker that tells the ends of a log and not where a time lies in it must not send us to
    /// the end: what lies between would be lost.
    #[test]
    fn without_an_answer_for_a_time_a_partition_is_not_begun() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("rides", 1, 1).unwrap();
        let spec = SourceSpec {
            brokers: cluster.bootstrap_servers(),
            group: "driftd".to_owned(),
            instance: 0,
            client_id: "driftd".to_owned(),
            properties: Vec::new(),
            start_from: StartFrom::At(Time(1)),
            on_recreated: OnRecreated::Stop,
            topics: super::super::TopicPlans::new(),
        };
        let shared = Arc::new(Shared::new(1));
        let context = Context::new(&spec, shared.clone());
        let placing = context.placing;
        let consumer: BaseConsumer<Context> =
            client::member(&spec, "driftd-0").create_with_context(context).unwrap();
        let partition = Partition { topic: "rides".into(), number: 0 };

        let refuses = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
        let fine = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
        cluster.request_errors(RDKafkaApiKey::ListOffsets, &[fine, fine, refuses]);
        let start = placing.place(&consumer, &partition, &shared);
        assert_eq!(start, Start::Unknown { topic_known: false });
        assert!(shared.faults.list().iter().any(|fault| fault.code == "offsets_unknown"));

        assert_eq!(placing.place(&consumer, &partition, &shared), Start::Begin(0));
        assert!(shared.faults.list().is_empty());
    }
}
