//! One life of the consumer: polls, fills lanes, sends slabs, follows rebalances.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Message};

use super::aligned::Alignment;
use super::channel::Refused;
use super::context::{Context, End, Event};
use super::lane::{Lane, Lanes, Taken};
use super::pauses::{self, Pauses};
use super::reader::{Ended, Feed, POLL, Reader};
use super::stalls::Stalls;
use super::start::Start;
use crate::clock;
use crate::engine::Position;
use crate::event::Partition;

/// Records between two looks at clock and events.
const STRIDE: u32 = 64;
/// How long a full channel may block before partitions are paused: a pause throws away what was
/// fetched ahead, so not sooner.
const BLOCK: Duration = Duration::from_secs(1);
/// How often the event times of partitions are compared.
const ALIGN_EVERY: Duration = Duration::from_millis(100);

/// What is ours, and how many partitions each topic has.
pub(super) type Ownership = (BTreeSet<Partition>, BTreeMap<Arc<str>, i32>);

/// One life of the consumer.
pub(super) struct Session<'a> {
    pub reader: &'a mut Reader,
    pub consumer: &'a BaseConsumer<Context>,
    pub lanes: Lanes,
    pub counts: BTreeMap<Arc<str>, i32>,
    pub looked: Option<Instant>,
    pub announced: Option<Ownership>,
    /// The last commit that the group was told of.
    pub told: Arc<BTreeMap<Partition, i64>>,
    pub ended: Option<Ended>,
    alignment: Alignment,
    aligned: Instant,
    /// Partitions that this consumer has read from before.
    begun: BTreeSet<Partition>,
    /// Partitions of ours that no broker has told the offsets of, and whether their topics were
    /// known when they became ours.
    pub unknown: BTreeMap<Partition, bool>,
    /// The last of them that was asked for again in vain.
    pub asked: Option<Partition>,
    /// How often lanes were set back.
    set_back: u64,
    pauses: Pauses,
    stalls: Stalls,
}

impl<'a> Session<'a> {
    pub(super) fn new(reader: &'a mut Reader, consumer: &'a BaseConsumer<Context>) -> Session<'a> {
        let alignment = Alignment::new(&reader.spec.topics);
        Session {
            reader,
            consumer,
            lanes: Lanes::default(),
            counts: BTreeMap::new(),
            looked: None,
            announced: None,
            told: Arc::default(),
            ended: None,
            alignment,
            aligned: Instant::now(),
            begun: BTreeSet::new(),
            unknown: BTreeMap::new(),
            asked: None,
            set_back: 0,
            pauses: Pauses::default(),
            stalls: Stalls::default(),
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
                self.go_on(false);
                self.tell_pace();
                self.announce();
                return ended;
            }
        }
    }

    fn housekeeping(&mut self) {
        self.reader.refusals.tick();
        self.handle_events();
        self.take_reload();
        self.go_on(false);
        self.flush_due();
        self.align();
        self.rewind();
        self.look();
        self.announce();
        self.commit_for_information();
    }

    fn take(&mut self, message: &BorrowedMessage<'_>) {
        // A record belongs to the lane of the assignment that it came by.
        if self.consumer.context().has_events() {
            let before = self.set_back;
            self.handle_events();
            if self.set_back != before {
                // Whether this one was handed out before or after, nobody can say.
                self.ended = Some(Ended::Again);
                return;
            }
        }
        let Some(place) = self.lanes.find(message.topic(), message.partition()) else { return };
        let lane = &mut self.lanes.list[place];
        let taken = lane.take(message, self.reader.refusals.as_mut());
        match taken {
            Taken::NotTheAnchor => {
                let partition = lane.partition().clone();
                self.not_the_anchor(&partition);
            }
            Taken::Held => self.pauses.wait(self.consumer, lane.partition()),
            Taken::Kept | Taken::Skipped if lane.full() => self.flush(place),
            Taken::Kept | Taken::Skipped => {}
        }
    }

    /// Partitions whose schema has come, or will not, are read on from the record that waits.
    fn go_on(&mut self, all: bool) {
        let ready = |lane: &&mut Lane| lane.is_held() && (all || lane.may_go_on());
        let ready: Vec<Partition> = {
            let lanes = self.lanes.list.iter_mut().filter(ready);
            lanes.map(|lane| lane.partition().clone()).collect()
        };
        let freed = self.pauses.wait_no_more(&ready);
        self.let_go(&freed);
        let lanes = &self.lanes;
        self.pauses.keep_only(|partition| lanes.partitions().any(|mine| mine == partition));
        self.reader.member().waiting.store(self.pauses.waiting(), Ordering::Relaxed);
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
                    for partition in &partitions {
                        if self.unknown.remove(partition).is_some() {
                            let about = format!("{}/{}", partition.topic, partition.number);
                            self.reader.shared.faults.clear("offsets_unknown", &about);
                        }
                        self.stalls.forget(partition);
                        self.tell_stall(partition, None);
                    }
                    // Nothing to hand over: whoever reads them next starts at the positions.
                    self.lanes.list.retain(|lane| !partitions.contains(lane.partition()));
                }
                Event::Ends(ends) => self.note_ends(ends),
            }
        }
    }

    /// Opens the lane of a partition, after telling the engine what it must know first.
    pub(super) fn begin(&mut self, partition: Partition, start: Start) {
        let Some(plan) = self.reader.spec.topics.get(&*partition.topic).cloned() else { return };
        let about = format!("{}/{}", partition.topic, partition.number);
        self.unknown.remove(&partition);
        let lane = match start {
            Start::Stopped | Start::Unknown { .. } => {
                self.lanes.remove(&partition);
                self.pauses.leave(&partition);
                if let Start::Unknown { topic_known } = start {
                    self.unknown.insert(partition, topic_known);
                }
                return;
            }
            Start::Begin(offset) | Start::Reset(offset) => {
                tracing::info!("{about} begins at offset {offset}");
                let again = matches!(start, Start::Reset(_));
                self.send(Feed::Begin { partition: partition.clone(), offset, again });
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
        self.pauses.release(self.consumer, &partition);
        self.lanes.insert(lane);
        if !self.begun.insert(partition.clone())
            && let Some(lane) = self.lanes.get_mut(&partition)
        {
            lane.doubt();
        }
    }

    /// Reads these on after a pause: first back, since the client has thrown away what it had
    /// fetched ahead and may still count it as handed out, then on.
    fn let_go(&mut self, partitions: &[Partition]) {
        if self.ended.is_some() {
            return;
        }
        for partition in partitions {
            if let Some(lane) = self.lanes.get_mut(partition) {
                let offset = lane.set_back();
                self.set_back += 1;
                self.seek(partition, offset);
            }
        }
        pauses::resume(self.consumer, partitions);
    }

    /// Where everything before the end was handed out, the rest up to it holds no record (ends of
    /// transactions, compacted tails): the position may pass it.
    fn note_ends(&mut self, ends: BTreeMap<Partition, End>) {
        for (partition, end) in ends {
            let Some(lane) = self.lanes.get_mut(&partition) else { continue };
            let paused = self.pauses.pauses(&partition);
            if end.drained() && !paused && lane.may_skip(end) {
                lane.skip_to(end.high);
            }
            lane.note_end(end.high);
            let to = lane.to();
            let stalled = if paused {
                self.stalls.forget(&partition);
                None
            } else {
                self.stalls.note(&partition, to, end, Instant::now())
            };
            self.tell_stall(&partition, stalled);
            self.send(Feed::End { partition, end: end.high });
        }
    }

    fn tell_stall(&self, partition: &Partition, stalled: Option<String>) {
        const CODE: &str = "partition_stalled";
        let about = format!("{}/{}", partition.topic, partition.number);
        match stalled {
            Some(sentence) => self.reader.shared.faults.raise(CODE, &about, sentence),
            None => self.reader.shared.faults.clear(CODE, &about),
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
            let unmatched = self.lanes.list[place].take_unmatched();
            self.reader.refusals.unmatched(&slab.partition.topic, unmatched);
            self.send(Feed::Slab(Box::new(slab)));
        }
    }

    pub(super) fn flush_all(&mut self) {
        for place in 0..self.lanes.list.len() {
            self.flush(place);
        }
    }

    /// Sends, and never ceases to serve the broker for long while the channel is full.
    pub(super) fn send(&mut self, feed: Feed) {
        let began = Instant::now();
        let mut feed = feed;
        let mut paused = false;
        loop {
            match self.reader.offer(feed) {
                Ok(()) => break,
                Err(Refused::Closed) => {
                    self.ended = Some(Ended::Stopped);
                    break;
                }
                Err(Refused::Full(back)) => feed = back,
            }
            if self.reader.stopping() {
                break;
            }
            if !paused && began.elapsed() >= BLOCK {
                paused = self.pauses.stop(self.consumer, self.lanes.partitions());
            }
            if paused {
                if let Some(Ok(_)) = self.consumer.poll(POLL) {
                    // Of a partition that was assigned meanwhile, and there is no room for it.
                    self.ended = Some(Ended::Again);
                }
            } else {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        if paused {
            let seconds = began.elapsed().as_secs_f64();
            tracing::info!("reading stood still for {seconds:.1} s: the state could take no more");
            let freed = self.pauses.go_on(self.lanes.partitions());
            if self.consumer.context().has_moved() {
                // These lanes are of an assignment that is over.
                self.ended = Some(Ended::Again);
            }
            self.let_go(&freed);
        }
    }

    /// Holds partitions that are far ahead of others, and lets go those that no longer are.
    fn align(&mut self) {
        if self.aligned.elapsed() < ALIGN_EVERY {
            return;
        }
        self.aligned = Instant::now();
        self.tell_pace();
        let paces = self.reader.shared.paces();
        let mut held = self.alignment.held(&paces, self.pauses.held());
        held.retain(|partition| self.lanes.partitions().any(|mine| mine == partition));
        let freed = self.pauses.hold(self.consumer, held);
        self.let_go(&freed);
        let held = self.pauses.held().len();
        self.reader.member().held.store(held, Ordering::Relaxed);
    }

    fn tell_pace(&self) {
        let lanes = self.lanes.list.iter();
        // Who waits for a schema holds nobody back.
        let lanes = lanes.filter(|lane| !lane.is_held());
        let paces = lanes.filter_map(|lane| Some((lane.partition().clone(), lane.pace()?)));
        let member = self.reader.member();
        *member.paces.lock().unwrap_or_else(PoisonError::into_inner) = paces.collect();
    }

    /// Lanes whose slab the engine refused go back to where the lane's state is known good.
    fn rewind(&mut self) {
        let wanted: Vec<Partition> = {
            let shared = &self.reader.shared;
            let mut rewind = shared.rewind.lock().unwrap_or_else(PoisonError::into_inner);
            let mine = self.lanes.partitions().filter(|partition| rewind.contains(partition));
            let mine: Vec<Partition> = mine.cloned().collect();
            rewind.retain(|partition| !mine.contains(partition));
            mine
        };
        for partition in wanted {
            let position = self.position(&partition);
            let Some(lane) = self.lanes.get_mut(&partition) else { continue };
            let (offset, anchor) = position.map_or((lane.from(), None), |p| (p.offset, p.anchor));
            let offset = lane.restart(offset, anchor);
            self.seek(&partition, offset);
            let freed = self.pauses.wait_no_more(&[partition]);
            pauses::resume(self.consumer, &freed);
        }
    }

    pub(super) fn position(&self, partition: &Partition) -> Option<Position> {
        let positions = self.reader.shared.positions.lock().unwrap_or_else(PoisonError::into_inner);
        positions.get(partition).cloned()
    }

    /// A reload travels in the channel: what was decoded under the old plan goes before it.
    fn take_reload(&mut self) {
        while let Some((topics, revised)) = self.reader.next_reload() {
            self.flush_all();
            let same = topics.keys().eq(self.reader.spec.topics.keys());
            self.reader.spec.topics = topics;
            self.alignment = Alignment::new(&self.reader.spec.topics);
            for lane in &mut self.lanes.list {
                if let Some(plan) = self.reader.spec.topics.get(&*lane.partition().topic) {
                    lane.change_plan(plan);
                }
            }
            self.go_on(true);
            self.send(Feed::Reload(revised));
            self.announced = None;
            if !same {
                self.ended = Some(Ended::Again);
            }
        }
    }
}
