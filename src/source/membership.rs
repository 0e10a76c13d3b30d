//! What a session tells of the group: topics and their sizes, what is ours, how far we are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::Shared;
use super::reader::Feed;
use super::session::Session;
use crate::event::Partition;
use crate::failpoint::Failpoint;

/// How often topics are looked at for new partitions.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How long a broker may take to answer such a look. Nothing is read meanwhile, and a stop waits.
const PATIENCE: Duration = Duration::from_secs(3);

impl Session<'_> {
    /// Looks which topics there are and how many partitions they have.
    pub(super) fn look(&mut self) {
        if self.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return;
        }
        self.looked = Some(Instant::now());
        let mut missing = Vec::new();
        let mut led = Vec::new();
        for name in self.reader.spec.topics.keys() {
            if self.reader.stopping() {
                return;
            }
            let metadata = self.consumer.fetch_metadata(Some(name), PATIENCE);
            let Ok(metadata) = metadata else {
                let text = format!("no broker of {} answers", self.reader.spec.brokers);
                self.reader.shared.faults.raise("brokers_unreachable", "", text);
                return;
            };
            self.reader.shared.faults.clear("brokers_unreachable", "");
            self.reader.shared.faults.clear("authentication_failed", "");
            let found = metadata.topics().iter().find(|t| t.name() == name);
            let size = found.filter(|t| t.error().is_none()).map_or(0, |t| t.partitions().len());
            let is_led = |partition: &&Partition| {
                let partitions = found.iter().flat_map(|t| t.partitions());
                *partition.topic == **name
                    && partitions.into_iter().any(|p| p.id() == partition.number && p.leader() >= 0)
            };
            led.extend(self.unknown.keys().filter(is_led).cloned());
            if size == 0 {
                missing.push(name.clone());
                self.reader.shared.faults.raise(
                    "topic_missing",
                    name,
                    format!("topic {name} does not exist, or we may not read it; waiting for it"),
                );
                self.counts.remove(name.as_str());
            } else {
                self.counts.insert(name.as_str().into(), size as i32);
            }
        }
        self.reader.shared.faults.keep_only("topic_missing", &missing);
        self.ask_for(led);
        self.looked = Some(Instant::now());
    }

    /// Asks again for partitions whose leaders are known, until one is silent: that costs patience,
    /// and those behind it come first the next time.
    fn ask_for(&mut self, mut led: Vec<Partition>) {
        led.sort();
        let behind = led.partition_point(|partition| Some(partition) <= self.asked.as_ref());
        led.rotate_left(behind);
        for partition in led {
            if self.reader.stopping() {
                return;
            }
            if !self.ask_again(&partition) {
                self.asked = Some(partition);
                return;
            }
        }
    }

    /// Tells the engine what is ours, when that changed.
    pub(super) fn announce(&mut self) {
        let known = self.announced.as_ref().is_some_and(|(partitions, counts)| {
            // A partition has one lane: as many that are all known are the same.
            partitions.len() == self.lanes.list.len()
                && self.lanes.partitions().all(|partition| partitions.contains(partition))
                && *counts == self.counts
        });
        if known {
            return;
        }
        let partitions: BTreeSet<Partition> = self.lanes.partitions().cloned().collect();
        let news = (partitions, self.counts.clone());
        self.announced = Some(news.clone());
        let (partitions, counts) = news;
        self.send(Feed::Owned { partitions, counts });
    }

    /// The group's offsets, for lag tools only; nothing is ever read from them.
    pub(super) fn commit_for_information(&mut self) {
        let committed = {
            let shared = &self.reader.shared;
            shared.committed.lock().unwrap_or_else(PoisonError::into_inner).clone()
        };
        if Arc::ptr_eq(&committed, &self.told) {
            return;
        }
        let mut list = TopicPartitionList::new();
        for (partition, offset) in committed.iter() {
            if self.lanes.get_mut(partition).is_some() {
                let to = Offset::Offset(*offset);
                let _ = list.add_partition_offset(&partition.topic, partition.number, to);
            }
        }
        if list.count() > 0
            && let Err(error) = self.consumer.commit(&list, CommitMode::Async)
        {
            tracing::debug!("the group's offsets cannot be committed: {error}");
        }
        self.told = committed;
        Failpoint::GroupTold.reach();
    }
}

impl Shared {
    /// Says whether all partitions are ours, whichever reader has them.
    pub fn note_ownership(
        &self,
        group: &str,
        partitions: &BTreeSet<Partition>,
        counts: &BTreeMap<Arc<str>, i32>,
    ) {
        let wanted: i32 = counts.values().sum();
        let unowned = wanted - partitions.len() as i32;
        if unowned > 0 {
            let text = format!(
                "{unowned} of {wanted} partitions are not assigned to this driftd; another member \
                 of group {group} may hold them. Models are judged only while all are ours"
            );
            self.faults.raise("partitions_not_owned", "", text);
        } else if wanted > 0 {
            self.faults.clear("partitions_not_owned", "");
        }
    }
}
