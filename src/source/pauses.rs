//! Which partitions are not fetched for a while. Reasons may hold at once: a full channel stops all
//! of them, aligned reading stops those that are ahead, a schema that is not known yet stops those
//! whose next record needs it.

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

    /// Holds these, and no others.
    pub(super) fn hold(&mut self, consumer: &BaseConsumer<Context>, wanted: BTreeSet<Partition>) {
        if wanted == self.held {
            return;
        }
        let before = std::mem::replace(&mut self.held, wanted);
        tell(consumer.pause(&list(self.held.difference(&before))));
        if !self.stopped {
            let freed = before.difference(&self.held);
            tell(consumer.resume(&list(freed.filter(|p| !self.waiting.contains(*p)))));
        }
    }

    /// Lets a partition wait for a schema.
    pub(super) fn wait(&mut self, consumer: &BaseConsumer<Context>, partition: &Partition) {
        if self.waiting.insert(partition.clone()) {
            tell(consumer.pause(&list(std::iter::once(partition))));
        }
    }

    /// Its schema is there, or will not come.
    pub(super) fn wait_no_more(&mut self, consumer: &BaseConsumer<Context>, partition: &Partition) {
        if self.waiting.remove(partition) && !self.stopped && !self.held.contains(partition) {
            tell(consumer.resume(&list(std::iter::once(partition))));
        }
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

    /// Goes on with all of these that are not held.
    pub(super) fn go_on<'a>(
        &mut self,
        consumer: &BaseConsumer<Context>,
        all: impl Iterator<Item = &'a Partition>,
    ) {
        self.stopped = false;
        let free = |p: &&Partition| !self.held.contains(*p) && !self.waiting.contains(*p);
        tell(consumer.resume(&list(all.filter(free))));
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
