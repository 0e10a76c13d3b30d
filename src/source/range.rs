//! One reading of a stretch of topics, for a replay: no group is joined, nothing is committed, and
//! it ends where the topics ended when it began.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::context::{Context, End, Event};
use super::lane::{Lane, Lanes, Taken};
use super::reader::POLL;
use super::{Refusals, Shared, SourceSpec, client};
use crate::clock;
use crate::event::{Partition, Slab, Time};

/// How long the broker may take to answer a question.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time between two looks for a schema that is not known yet.
const SCHEMA: Duration = Duration::from_millis(20);
/// How long records that are there may fail to come.
const SILENCE: Duration = Duration::from_secs(30);

/// Why a stretch cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RangeError {
    /// A property that librdkafka does not take.
    #[error("kafka.properties: {0}")]
    Properties(KafkaError),
    /// The broker does not answer, or refuses us.
    #[error(
        "no broker of {brokers} answers: {why}; check the address, the network and \
         [kafka.properties]"
    )]
    Unreachable {
        /// Those that were asked.
        brokers: String,
        /// What the client says.
        why: String,
    },
    /// There is no such topic.
    #[error("topic {0} does not exist, or we may not read it; create it, or correct its name")]
    Missing(String),
    /// Records that are there do not come.
    #[error("{partition} ends at offset {end}, and nothing came for 30 s after {read_to}: {why}")]
    Silent {
        /// The first partition that is not done.
        partition: String,
        /// Where it ends.
        end: i64,
        /// How far it was read.
        read_to: i64,
        /// What the client says.
        why: String,
    },
}

/// A reading on its way.
pub struct Range {
    consumer: BaseConsumer<Context>,
    brokers: String,
    reading: Reading,
    total: u64,
}

/// What was polled and not handed out.
struct Reading {
    lanes: Lanes,
    ready: VecDeque<Slab>,
    refusals: Box<dyn Refusals>,
    done: u64,
}

impl Range {
    /// Finds where to begin and where the topics end now. `since` says from which Kafka timestamp
    /// on a topic is read.
    ///
    /// # Errors
    /// The broker cannot be reached, or a topic is missing.
    pub fn open(
        spec: &SourceSpec,
        since: impl Fn(&str) -> Time,
        refusals: Box<dyn Refusals>,
    ) -> Result<Range, RangeError> {
        let context = Context::new(spec, Arc::new(Shared::default()));
        let consumer: BaseConsumer<Context> =
            client::loner(spec).create_with_context(context).map_err(RangeError::Properties)?;
        let reading =
            Reading { lanes: Lanes::default(), ready: VecDeque::new(), refusals, done: 0 };
        let mut range = Range { consumer, brokers: spec.brokers.clone(), reading, total: 0 };
        let mut wanted = TopicPartitionList::new();
        for (topic, plan) in &spec.topics {
            for (partition, from, end) in range.stretches(topic, since(topic))? {
                let offset = Offset::Offset(from);
                // Adding an offset to a fresh list fails only for offsets that no broker has.
                if wanted.add_partition_offset(topic, partition.number, offset).is_ok() {
                    range.total += (end - from).unsigned_abs();
                    range.reading.lanes.insert(Lane::until(partition, plan, from, end));
                }
            }
        }
        range.consumer.assign(&wanted).map_err(|error| range.unreachable(&error))?;
        Ok(range)
    }

    /// Records of the stretch; offsets that hold none count too.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many of them are behind us, read or left out.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.reading.done
    }

    /// The next records of some partition, each partition in the order of its log; `None` when
    /// all are read.
    ///
    /// # Errors
    /// The broker is gone.
    pub fn next_slab(&mut self) -> Result<Option<Slab>, RangeError> {
        let mut heard = Instant::now();
        loop {
            if let Some(slab) = self.reading.ready.pop_front() {
                return Ok(Some(slab));
            }
            if self.reading.lanes.list.is_empty() {
                return Ok(None);
            }
            match self.consumer.poll(POLL) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    if let Some(ended) = self.reading.take(&message) {
                        self.pause(&ended);
                    }
                }
                // Trouble that lasts is told when nothing comes any more.
                Some(Err(_)) | None => self.follow_events(),
            }
            if heard.elapsed() > SILENCE {
                return Err(self.silent());
            }
        }
    }

    /// Reads no more of a partition.
    pub fn leave(&mut self, partition: &Partition) {
        self.reading.ready.retain(|slab| slab.partition != *partition);
        if let Some(lane) = self.reading.lanes.get_mut(partition) {
            self.reading.done += lane.left().unsigned_abs();
            self.reading.lanes.remove(partition);
            self.pause(partition);
        }
    }

    /// The partitions of a topic with where to begin and where to end; those with nothing to read
    /// are left out.
    fn stretches(
        &self,
        topic: &str,
        since: Time,
    ) -> Result<Vec<(Partition, i64, i64)>, RangeError> {
        let unreachable = |error| self.unreachable(&error);
        let metadata = self.consumer.fetch_metadata(Some(topic), PATIENCE).map_err(unreachable)?;
        let found = metadata.topics().iter().find(|t| t.name() == topic && t.error().is_none());
        let size = found.map_or(0, |t| t.partitions().len()) as i32;
        if size == 0 {
            return Err(RangeError::Missing(topic.to_owned()));
        }
        let milliseconds = Offset::Offset(since.0.div_euclid(1000).max(0));
        let mut asked = TopicPartitionList::new();
        for number in 0..size {
            asked.add_partition_offset(topic, number, milliseconds).map_err(unreachable)?;
        }
        let begins = self.consumer.offsets_for_times(asked, PATIENCE).map_err(unreachable)?;
        let mut stretches = Vec::new();
        for number in 0..size {
            let (low, high) =
                self.consumer.fetch_watermarks(topic, number, PATIENCE).map_err(unreachable)?;
            let begin = begins.find_partition(topic, number).map(|element| element.offset());
            // Anything but a number: no record is that young.
            let Some(Offset::Offset(from)) = begin else { continue };
            if from.max(low) < high {
                let partition = Partition { topic: topic.into(), number };
                stretches.push((partition, from.max(low), high));
            }
        }
        Ok(stretches)
    }

    /// Where the last offsets hold no record, the end is reached without one.
    fn follow_events(&mut self) {
        for event in self.consumer.context().take_events() {
            let Event::Ends(ends) = event else { continue };
            for (partition, End { handed_out, .. }) in ends {
                let Some(offset) = handed_out else { continue };
                if self.reading.pass(&partition, offset) {
                    self.pause(&partition);
                }
            }
        }
    }

    fn pause(&self, partition: &Partition) {
        let mut list = TopicPartitionList::new();
        list.add_partition(&partition.topic, partition.number);
        if let Err(error) = self.consumer.pause(&list) {
            tracing::debug!("{}/{} is read on: {error}", partition.topic, partition.number);
        }
    }

    fn unreachable(&self, error: &KafkaError) -> RangeError {
        RangeError::Unreachable { brokers: self.brokers.clone(), why: self.why(&error.to_string()) }
    }

    fn silent(&self) -> RangeError {
        let lane = self.reading.lanes.list.first();
        let partition = lane.map(|l| format!("{}/{}", l.partition().topic, l.partition().number));
        let read_to = lane.map_or(0, Lane::to);
        RangeError::Silent {
            partition: partition.unwrap_or_default(),
            end: lane.map_or(0, |l| l.to() + l.left()),
            read_to,
            why: self.why("the broker is silent"),
        }
    }

    /// What the callbacks heard says more than the error of a call.
    fn why(&self, otherwise: &str) -> String {
        let _ = self.consumer.poll(POLL);
        let faults = self.consumer.context().shared.faults.list();
        faults.first().map_or_else(|| otherwise.to_owned(), |fault| fault.message.clone())
    }
}

impl Reading {
    /// Takes a record; the partition, when that was its last.
    fn take(&mut self, message: &BorrowedMessage<'_>) -> Option<Partition> {
        let place = self.lanes.find(message.topic(), message.partition())?;
        let lane = &mut self.lanes.list[place];
        let before = lane.left();
        if message.offset() < lane.to() + before {
            // A replay has nothing else to do: whoever asks for schemas gives up in the end.
            while lane.take(message, self.refusals.as_mut()) == Taken::Held {
                std::thread::sleep(SCHEMA);
                lane.go_on();
            }
        } else {
            lane.skip_to(lane.to() + before);
        }
        self.done += (before - lane.left()).unsigned_abs();
        if lane.left() == 0 {
            return Some(self.close(place));
        }
        if lane.full() {
            self.ready.extend(lane.slab(clock::now()));
        }
        None
    }

    /// Passes offsets without records; true when that was the end.
    fn pass(&mut self, partition: &Partition, offset: i64) -> bool {
        let place = self.lanes.list.iter().position(|lane| lane.partition() == partition);
        let Some(place) = place else { return false };
        let lane = &mut self.lanes.list[place];
        let before = lane.left();
        lane.skip_to(offset.min(lane.to() + before));
        self.done += (before - lane.left()).unsigned_abs();
        if lane.left() > 0 {
            return false;
        }
        self.close(place);
        true
    }

    fn close(&mut self, place: usize) -> Partition {
        let mut lane = self.lanes.list.remove(place);
        self.ready.extend(lane.slab(clock::now()));
        lane.partition().clone()
    }
}
