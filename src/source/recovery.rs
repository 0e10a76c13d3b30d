//! What a session does when the log is not where it was: recreated, truncated, out of range.

use std::time::Duration;

use rdkafka::consumer::{Consumer, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::pauses;
use super::reader::Ended;
use super::session::Session;
use super::start::{PATIENCE, Start};
use crate::engine::Position;
use crate::event::Partition;

/// How long a broker may take to say what a partition has, that did not say so before. Nothing is
/// read meanwhile, and a stop waits.
const SHORT_PATIENCE: Duration = Duration::from_secs(2);

impl Session<'_> {
    /// The record at the anchor is another one: the topic was made anew.
    pub(super) fn not_the_anchor(&mut self, key: &Partition) {
        let about = format!("{}/{}", key.topic, key.number);
        let low = self
            .consumer
            .fetch_watermarks(&key.topic, key.number, PATIENCE)
            .map_or(0, |(low, _)| low);
        let context = self.consumer.context().clone();
        let why = "the record at the last position is another one";
        let start = context.placing.recreated(&about, low, &self.reader.shared, why);
        self.begin(key.clone(), start);
        match start.offset() {
            Some(offset) => self.seek(key, offset),
            None => pauses::give_up(self.consumer, key),
        }
    }

    pub(super) fn seek(&mut self, key: &Partition, offset: i64) {
        let to = Offset::Offset(offset);
        let timeout = Duration::from_secs(5);
        if let Err(error) = self.consumer.seek(&key.topic, key.number, to, timeout) {
            tracing::warn!("{}/{} cannot be set to {offset}: {error}", key.topic, key.number);
            self.ended = Some(Ended::Again);
        }
    }

    pub(super) fn trouble(&mut self, error: &KafkaError) {
        let code = error.rdkafka_error_code();
        match code {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                self.out_of_range();
            }
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                self.looked = None;
            }
            Some(
                RDKafkaErrorCode::Fatal
                | RDKafkaErrorCode::FencedInstanceId
                | RDKafkaErrorCode::UnreleasedInstanceId,
            ) => {
                let text = format!("the group refuses this member for now: {error}");
                self.reader.shared.faults.raise("group_refused", "", text);
                self.ended = Some(Ended::Again);
                return;
            }
            _ => tracing::debug!("poll: {error}"),
        }
        self.reader.shared.faults.clear("group_refused", "");
    }

    /// Some position is no longer (or not yet) in its log, or what was read before it is in no log
    /// any more; of which partition, the error does not say. Each is begun again at the last record
    /// taken, which tells.
    fn out_of_range(&mut self) {
        self.flush_all();
        let partitions: Vec<Partition> = self.lanes.partitions().cloned().collect();
        let context = self.consumer.context().clone();
        let mut moved = Vec::new();
        let mut silent = false;
        for partition in partitions {
            let Some(lane) = self.lanes.get_mut(&partition) else { continue };
            let position = Position { offset: lane.from(), anchor: lane.anchor(), lost: 0 };
            let shared = &self.reader.shared;
            // One silence has cost patience enough: who answers at all answers soon.
            let patience = if silent { SHORT_PATIENCE } else { PATIENCE };
            let start =
                context.placing.replace(self.consumer, &partition, &position, shared, patience);
            silent |= start.is_none();
            let start = start.unwrap_or(Start::at(&position));
            self.begin(partition.clone(), start);
            moved.push((partition, start));
        }
        self.reassign(&moved);
    }

    /// A partition whose broker did not say what it has when it became ours; whether one does now.
    pub(super) fn ask_again(&mut self, partition: &Partition) -> bool {
        let Some(topic_known) = self.unknown.get(partition).copied() else { return true };
        let (context, shared) = (self.consumer.context().clone(), self.reader.shared.clone());
        let start =
            context.placing.ask(self.consumer, partition, &shared, SHORT_PATIENCE, topic_known);
        self.begin(partition.clone(), start);
        if start.offset().is_some() {
            match self.is_cooperative() {
                true => self.reassign(&[(partition.clone(), start)]),
                // All are assigned anew, and what was fetched ahead of any is thrown away.
                false => self.out_of_range(),
            }
            pauses::resume(self.consumer, std::slice::from_ref(partition));
        }
        !matches!(start, Start::Unknown { .. })
    }

    fn is_cooperative(&self) -> bool {
        matches!(self.consumer.rebalance_protocol(), RebalanceProtocol::Cooperative)
    }

    /// A seek fails in this state; only a new assignment works, by the group's protocol.
    fn reassign(&mut self, moved: &[(Partition, Start)]) {
        let mut plain = TopicPartitionList::new();
        let mut placed = TopicPartitionList::new();
        for (partition, start) in moved {
            plain.add_partition(&partition.topic, partition.number);
            let offset = start.offset().map_or(Offset::End, Offset::Offset);
            let _ = placed.add_partition_offset(&partition.topic, partition.number, offset);
        }
        let result = if self.is_cooperative() {
            self.consumer
                .incremental_unassign(&plain)
                .and_then(|()| self.consumer.incremental_assign(&placed))
        } else {
            for lane in &self.lanes.list {
                let partition = lane.partition();
                if !moved.iter().any(|(p, _)| p == partition) {
                    let offset = Offset::Offset(lane.from());
                    let _ = placed.add_partition_offset(&partition.topic, partition.number, offset);
                }
            }
            self.consumer.assign(&placed)
        };
        if let Err(error) = result {
            tracing::warn!("partitions cannot be assigned again: {error}");
            self.ended = Some(Ended::Again);
        }
        for (partition, start) in moved {
            if start.offset().is_none() {
                pauses::give_up(self.consumer, partition);
            }
        }
    }
}
