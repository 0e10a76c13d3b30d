//! Which partitions are not fetched for a while. Reasons may hold at once: a full channel stops all
//! of them, aligned reading stops those that are ahead, a schema that is not known yet stops those
//! whose next record needs it.
//!
//! A pause throws away what was fetched ahead. Whoever lets a partition go sets the client back
//! first, since its own idea of where it is lags behind.

use std::collections::BTreeSet;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;

use super::context::Context;
use crate::event::Partition;

/// The partitions that are ahead, those that wait for a schema, and whether all are stopped.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    held: BTreeSet<Partition>,
    waiting: BTreeSet<Partition>,
    stopped: bool,
}

impl Pauses {
    pub(super) fn held(&self) -> &BTreeSet<Partition> {
        &self.held
    }

    /// Holds these, and no others; those that may go on.
    #[must_use]
    pub(super) fn hold(
        &mut self,
        consumer: &BaseConsumer<Context>,
        wanted: BTreeSet<Partition>,
    ) -> Vec<Partition> {
        if wanted == self.held {
            return Vec::new();
        }
        let before = std::mem::replace(&mut self.held, wanted);
        tell(consumer.pause(&list(self.held.difference(&before))));
        self.free(before.difference(&self.held))
    }

    /// Lets a partition wait for a schema.
    pub(super) fn wait(&mut self, consumer: &BaseConsumer<Context>, partition: &Partition) {
        if self.waiting.insert(partition.clone()) {
            tell(consumer.pause(&list(std::iter::once(partition))));
        }
    }

    /// Their schemas are there, or will not come; those that may go on.
    #[must_use]
    pub(super) fn wait_no_more(&mut self, partitions: &[Partition]) -> Vec<Partition> {
        let waited = |partition: &&Partition| self.waiting.remove(*partition);
        let waited: Vec<&Partition> = partitions.iter().filter(waited).collect();
        self.free(waited.into_iter())
    }

    /// Whether a partition is not fetched at the moment.
    pub(super) fn pauses(&self, partition: &Partition) -> bool {
        self.stopped || self.held.contains(partition) || self.waiting.contains(partition)
    }

    /// Partitions that wait for a schema.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Partitions that are no longer ours wait for nothing.
    pub(super) fn keep_only(&mut self, mine: impl Fn(&Partition) -> bool) {
        self.waiting.retain(mine);
    }

    /// Stops all of these; whether that worked.
    pub(super) fn stop<'a>(
        &mut self,
        consumer: &BaseConsumer<Context>,
        all: impl Iterator<Item = &'a Partition>,
    ) -> bool {
        self.stopped = tell(consumer.pause(&list(all)));
        self.stopped
    }

    /// Stops no longer; those of these that may go on.
    #[must_use]
    pub(super) fn go_on<'a>(&mut self, all: impl Iterator<Item = &'a Partition>) -> Vec<Partition> {
        self.stopped = false;
        self.free(all)
    }

    fn free<'a>(&self, partitions: impl Iterator<Item = &'a Partition>) -> Vec<Partition> {
        partitions.filter(|partition| !self.pauses(partition)).cloned().collect()
    }

    /// A partition that is not read at all: whoever stopped it lets it go.
    pub(super) fn leave(&mut self, partition: &Partition) {
        self.held.remove(partition);
        self.waiting.remove(partition);
    }

    /// A partition was assigned anew, and librdkafka remembers that it was paused.
    pub(super) fn release(&mut self, consumer: &BaseConsumer<Context>, partition: &Partition) {
        let waited = self.waiting.remove(partition);
        if self.held.remove(partition) || waited {
            tell(consumer.resume(&list(std::iter::once(partition))));
        }
    }
}

/// Fetches these again.
pub(super) fn resume(consumer: &BaseConsumer<Context>, partitions: &[Partition]) {
    tell(consumer.resume(&list(partitions.iter())));
}

/// Does not fetch a partition at all, for good.
pub(super) fn give_up(consumer: &BaseConsumer<Context>, partition: &Partition) {
    tell(consumer.pause(&list(std::iter::once(partition))));
}

fn list<'a>(partitions: impl Iterator<Item = &'a Partition>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(&partition.topic, partition.number);
    }
    list
}

fn tell(result: Result<(), KafkaError>) -> bool {
    if let Err(error) = &result {
        tracing::warn!("partitions cannot be paused or resumed: {error}");
    }
    result.is_ok()
}
