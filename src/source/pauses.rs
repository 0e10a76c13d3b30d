//! Which partitions are not fetched for a while. Two reasons may hold at once: a full channel
//! stops all of them, aligned reading stops those that are ahead.

use std::collections::BTreeSet;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;

use super::context::Context;
use crate::event::Partition;

/// The partitions that are ahead, and whether all of them are stopped.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    held: BTreeSet<Partition>,
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
            tell(consumer.resume(&list(before.difference(&self.held))));
        }
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
        tell(consumer.resume(&list(all.filter(|partition| !self.held.contains(partition)))));
    }

    /// A partition that is not read at all: whoever stopped it lets it go.
    pub(super) fn leave(&mut self, partition: &Partition) {
        self.held.remove(partition);
    }

    /// A partition was assigned anew, and librdkafka remembers that it was paused.
    pub(super) fn release(&mut self, consumer: &BaseConsumer<Context>, partition: &Partition) {
        if self.held.remove(partition) {
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
