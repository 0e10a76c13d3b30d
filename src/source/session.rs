//! One life of the consumer: polls, fills lanes, sends slabs, follows rebalances.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::TrySendError;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::context::{Context, End, Event};
use super::lane::{Lane, Lanes, Taken};
use super::reader::{Ended, Feed, POLL, Reader};
use super::start::Start;
use crate::clock;
use crate::engine::Position;
use crate::event::Partition;

/// Records between two looks at clock and events.
const STRIDE: u32 = 64;
/// How long a full channel may block before partitions are paused: a pause throws away what was
/// fetched ahead, so not sooner.
const BLOCK: Duration = Duration::from_secs(1);
/// How often topics are looked at for new partitions.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What is ours, and how many partitions each topic has.
type Ownership = (BTreeSet<Partition>, BTreeMap<Arc<str>, i32>);

/// One life of the consumer.
pub(super) struct Session<'a> {
    reader: &'a mut Reader,
    consumer: &'a BaseConsumer<Context>,
    lanes: Lanes,
    counts: BTreeMap<Arc<str>, i32>,
    looked: Option<Instant>,
    announced: Option<Ownership>,
    ended: Option<Ended>,
}

impl<'a> Session<'a> {
    pub(super) fn new(reader: &'a mut Reader, consumer: &'a BaseConsumer<Context>) -> Session<'a> {
        Session {
            reader,
            consumer,
            lanes: Lanes::default(),
            counts: BTreeMap::new(),
            looked: None,
            announced: None,
            ended: None,
        }
    }

    pub(super) fn read(mut self) -> Ended {
        let mut stride = 0;
        loop {
            let idle = match self.consumer.poll(POLL) {
                Some(Ok(message)) => {
                    self.take(&message);
                    false
                }
                Some(Err(error)) => {
                    self.trouble(&error);
                    true
                }
                None => true,
            };
            stride += 1;
            if idle || stride >= STRIDE {
                stride = 0;
                self.housekeeping();
            }
            if self.reader.stopping() {
                return Ended::Stopped;
            }
            if let Some(ended) = self.ended.take() {
                self.lanes.list.clear();
                self.announce();
                return ended;
            }
        }
    }

    fn housekeeping(&mut self) {
        self.reader.refusals.tick();
        self.handle_events();
        self.take_reload();
        self.flush_due();
        self.rewind();
        self.look();
        self.announce();
        self.commit_for_information();
    }

    fn take(&mut self, message: &BorrowedMessage<'_>) {
        let (topic, number) = (message.topic(), message.partition());
        let mut place = self.lanes.find(topic, number);
        if place.is_none() {
            self.handle_events();
            place = self.lanes.find(topic, number);
        }
        let Some(place) = place else { return };
        let lane = &mut self.lanes.list[place];
        let taken = lane.take(message, self.reader.refusals.as_mut());
        if taken == Taken::NotTheAnchor {
            let partition = lane.partition().clone();
            self.not_the_anchor(&partition);
        } else if lane.full() {
            self.flush(place);
        }
    }

    /// The record at the anchor is another one: the topic was made anew.
    fn not_the_anchor(&mut self, key: &Partition) {
        let about = format!("{}/{}", key.topic, key.number);
        let low = self
            .consumer
            .fetch_watermarks(&key.topic, key.number, Duration::from_secs(10))
            .map_or(0, |(low, _)| low);
        let context = self.consumer.context().clone();
        let why = "the record at the last position is another one";
        let start = context.placing.recreated(&about, low, &self.reader.shared, why);
        self.begin(key.clone(), start);
        match start.offset() {
            Some(offset) => self.seek(key, offset),
            None => self.pause(key),
        }
    }

    fn seek(&mut self, key: &Partition, offset: i64) {
        let to = Offset::Offset(offset);
        let timeout = Duration::from_secs(5);
        if let Err(error) = self.consumer.seek(&key.topic, key.number, to, timeout) {
            tracing::warn!("{}/{} cannot be set to {offset}: {error}", key.topic, key.number);
            self.ended = Some(Ended::Again);
        }
    }

    fn pause(&mut self, key: &Partition) {
        let mut list = TopicPartitionList::new();
        list.add_partition(&key.topic, key.number);
        if let Err(error) = self.consumer.pause(&list) {
            tracing::warn!("{}/{} cannot be paused: {error}", key.topic, key.number);
        }
    }

    fn handle_events(&mut self) {
        for event in self.consumer.context().take_events() {
            match event {
                Event::Assigned(partitions) => {
                    for (partition, start) in partitions {
                        self.begin(partition, start);
                    }
                    self.looked = None;
                }
                Event::Revoked(partitions) => {
                    // Nothing to hand over: whoever reads them next starts at the positions.
                    self.lanes.list.retain(|lane| !partitions.contains(lane.partition()));
                }
                Event::Ends(ends) => self.note_ends(ends),
            }
        }
    }

    /// Opens the lane of a partition, after telling the engine what it must know first.
    fn begin(&mut self, partition: Partition, start: Start) {
        let Some(plan) = self.reader.spec.topics.get(&*partition.topic).cloned() else { return };
        let about = format!("{}/{}", partition.topic, partition.number);
        let lane = match start {
            Start::Stopped => {
                self.lanes.remove(&partition);
                return;
            }
            Start::Begin(offset) | Start::Reset(offset) => {
                tracing::info!("{about} begins at offset {offset}");
                self.send(Feed::Begin { partition: partition.clone(), offset });
                Lane::new(partition.clone(), &plan, offset, None)
            }
            Start::Position(offset) => Lane::new(partition.clone(), &plan, offset, None),
            Start::Anchor { anchor, position } => {
                Lane::new(partition.clone(), &plan, position, Some(anchor))
            }
            Start::Lost { from, to } => {
                self.send(Feed::Lost { partition: partition.clone(), from, to });
                Lane::new(partition.clone(), &plan, to, None)
            }
        };
        self.reader.shared.faults.clear("topic_recreated", &about);
        self.lanes.insert(lane);
    }

    /// Where everything before the end was handed out, the rest up to it holds no record (ends of
    /// transactions, compacted tails): the position may pass it.
    fn note_ends(&mut self, ends: BTreeMap<Partition, End>) {
        for (partition, end) in ends {
            let Some(lane) = self.lanes.get_mut(&partition) else { continue };
            if end.drained() && lane.verified() {
                lane.skip_to(end.high);
            }
            self.send(Feed::End { partition, end: end.high });
        }
    }

    fn flush_due(&mut self) {
        let now = Instant::now();
        for place in 0..self.lanes.list.len() {
            if self.lanes.list[place].due(now) {
                self.flush(place);
            }
        }
    }

    fn flush(&mut self, place: usize) {
        if let Some(slab) = self.lanes.list[place].slab(clock::now()) {
            self.send(Feed::Slab(Box::new(slab)));
        }
    }

    fn flush_all(&mut self) {
        for place in 0..self.lanes.list.len() {
            self.flush(place);
        }
    }

    /// Sends, and never ceases to serve the broker for long while the channel is full.
    fn send(&mut self, feed: Feed) {
        let began = Instant::now();
        let mut feed = feed;
        let mut paused = false;
        loop {
            match self.reader.out.try_send(feed) {
                Ok(()) => break,
                Err(TrySendError::Disconnected(_)) => {
                    self.ended = Some(Ended::Stopped);
                    break;
                }
                Err(TrySendError::Full(back)) => feed = back,
            }
            if self.reader.stopping() {
                break;
            }
            if !paused && began.elapsed() >= BLOCK {
                paused = self.pause_all(true);
            }
            if paused {
                if let Some(Ok(message)) = self.consumer.poll(POLL) {
                    // Polled in spite of the pause: read it again later.
                    let key =
                        Partition { topic: message.topic().into(), number: message.partition() };
                    let shared = &self.reader.shared;
                    shared.rewind.lock().unwrap_or_else(PoisonError::into_inner).push(key);
                }
            } else {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        if paused {
            self.pause_all(false);
        }
    }

    fn pause_all(&self, pause: bool) -> bool {
        let mut list = TopicPartitionList::new();
        for partition in self.lanes.partitions() {
            list.add_partition(&partition.topic, partition.number);
        }
        let result = if pause { self.consumer.pause(&list) } else { self.consumer.resume(&list) };
        if let Err(error) = &result {
            tracing::warn!("partitions cannot be paused or resumed: {error}");
        }
        result.is_ok()
    }

    /// Lanes whose slab the engine refused go back to where the lane's state is known good.
    fn rewind(&mut self) {
        let wanted = {
            let shared = &self.reader.shared;
            std::mem::take(&mut *shared.rewind.lock().unwrap_or_else(PoisonError::into_inner))
        };
        for partition in wanted {
            let position = self.position(&partition);
            let Some(lane) = self.lanes.get_mut(&partition) else { continue };
            let offset = position.map_or(lane.from(), |p| p.offset);
            lane.restart(offset);
            self.seek(&partition, offset);
        }
    }

    fn position(&self, partition: &Partition) -> Option<Position> {
        let positions = self.reader.shared.positions.lock().unwrap_or_else(PoisonError::into_inner);
        positions.get(partition).cloned()
    }

    /// A reload travels in the channel: what was decoded under the old plan goes before it.
    fn take_reload(&mut self) {
        let reload = {
            let shared = &self.reader.shared;
            shared.reload.lock().unwrap_or_else(PoisonError::into_inner).take()
        };
        let Some((topics, plan)) = reload else { return };
        self.flush_all();
        let same = topics.keys().eq(self.reader.spec.topics.keys());
        self.reader.spec.topics = topics;
        for lane in &mut self.lanes.list {
            if let Some(plan) = self.reader.spec.topics.get(&*lane.partition().topic) {
                lane.change_plan(plan);
            }
        }
        self.send(Feed::Reload(plan));
        self.announced = None;
        if !same {
            self.ended = Some(Ended::Again);
        }
    }

    /// Looks which topics there are and how many partitions they have.
    fn look(&mut self) {
        if self.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return;
        }
        self.looked = Some(Instant::now());
        let mut missing = Vec::new();
        for name in self.reader.spec.topics.keys() {
            let metadata = self.consumer.fetch_metadata(Some(name), Duration::from_secs(3));
            let Ok(metadata) = metadata else {
                let text = format!("no broker of {} answers", self.reader.spec.brokers);
                self.reader.shared.faults.raise("brokers_unreachable", "", text);
                return;
            };
            self.reader.shared.faults.clear("brokers_unreachable", "");
            self.reader.shared.faults.clear("authentication_failed", "");
            let found = metadata.topics().iter().find(|t| t.name() == name);
            let size = found.filter(|t| t.error().is_none()).map_or(0, |t| t.partitions().len());
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
    }

    /// Tells the engine what is ours, when that changed.
    fn announce(&mut self) {
        let partitions: BTreeSet<Partition> = self.lanes.partitions().cloned().collect();
        let news = (partitions, self.counts.clone());
        if self.announced.as_ref() == Some(&news) {
            return;
        }
        self.announced = Some(news.clone());
        let wanted: i32 = news.1.values().sum();
        let unowned = wanted - news.0.len() as i32;
        let faults = &self.reader.shared.faults;
        if unowned > 0 {
            let text = format!(
                "{unowned} of {wanted} partitions are not assigned to this driftd; another member \
                 of group {} may hold them. Models are judged only while all are ours",
                self.reader.spec.group
            );
            faults.raise("partitions_not_owned", "", text);
        } else if wanted > 0 {
            faults.clear("partitions_not_owned", "");
        }
        let (partitions, counts) = news;
        self.send(Feed::Owned { partitions, counts });
    }

    /// The group's offsets, for lag tools only; nothing is ever read from them.
    fn commit_for_information(&mut self) {
        let committed = {
            let shared = &self.reader.shared;
            shared.committed.lock().unwrap_or_else(PoisonError::into_inner).take()
        };
        let Some(committed) = committed else { return };
        let mut list = TopicPartitionList::new();
        for (partition, offset) in committed {
            if self.lanes.get_mut(&partition).is_some() {
                let to = Offset::Offset(offset);
                let _ = list.add_partition_offset(&partition.topic, partition.number, to);
            }
        }
        if list.count() > 0
            && let Err(error) = self.consumer.commit(&list, CommitMode::Async)
        {
            tracing::debug!("the group's offsets cannot be committed: {error}");
        }
    }

    fn trouble(&mut self, error: &KafkaError) {
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

    /// Some position is no longer (or not yet) in its log; which one, the error does not say.
    fn out_of_range(&mut self) {
        self.flush_all();
        let partitions: Vec<Partition> = self.lanes.partitions().cloned().collect();
        let context = self.consumer.context().clone();
        let mut moved = Vec::new();
        for partition in partitions {
            let Some(lane) = self.lanes.get_mut(&partition) else { continue };
            let position = Position { offset: lane.from(), anchor: lane.anchor(), lost: 0 };
            let start =
                context.placing.replace(self.consumer, &partition, &position, &self.reader.shared);
            if matches!(start, Start::Lost { .. } | Start::Reset(_) | Start::Stopped) {
                self.begin(partition.clone(), start);
                moved.push((partition, start));
            }
        }
        if !moved.is_empty() {
            self.reassign(&moved);
        }
    }

    /// A seek fails in this state; only a new assignment works, by the group's protocol.
    fn reassign(&mut self, moved: &[(Partition, Start)]) {
        let mut plain = TopicPartitionList::new();
        let mut placed = TopicPartitionList::new();
        let cooperative =
            matches!(self.consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
        for (partition, start) in moved {
            plain.add_partition(&partition.topic, partition.number);
            let offset = start.offset().map_or(Offset::End, Offset::Offset);
            let _ = placed.add_partition_offset(&partition.topic, partition.number, offset);
        }
        let result = if cooperative {
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
                self.pause(partition);
            }
        }
    }
}
