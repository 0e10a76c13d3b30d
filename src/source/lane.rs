//! One partition's records on their way into a slab.

use std::time::{Duration, Instant};

use rdkafka::message::{BorrowedMessage, Message};
use sha2::{Digest, Sha256};

use super::aligned::Pace;
use super::context::End;
use super::{Refusals, TopicPlan};
use crate::clock;
use crate::event::{Anchor, Partition, Slab, Time};
use crate::wire::{Record, SchemaId, TopicDecoder};

/// A slab is sent when it holds this many rows,
const MOST_ROWS: usize = 8192;
/// or about this many bytes,
const MOST_BYTES: usize = 1 << 20;
/// or this long after its first record.
const LONGEST: Duration = Duration::from_millis(200);

/// By then a connected client has gone where it was told to.
const SETTLED: Duration = Duration::from_secs(5);

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is in the slab (or was refused and counted).
    Kept,
    /// It is in the state already.
    Skipped,
    /// It stands where the anchor was, and is another record.
    NotTheAnchor,
    /// It cannot be read before a schema is known; neither it nor what follows is taken.
    Held,
}

/// The lane.
pub(super) struct Lane {
    partition: Partition,
    decoder: TopicDecoder,
    /// First offset that has not been sent.
    from: i64,
    /// One past the last one taken.
    to: i64,
    expected: Option<Anchor>,
    last: Option<Last>,
    first_at: Option<Instant>,
    read_at: Time,
    /// Where it ends, as far as that is known.
    end: Option<i64>,
    /// Where it ended when that was told the time before.
    end_before: Option<i64>,
    /// Greatest event time sent.
    latest: Option<Time>,
    /// Records since the last slab that no model wants.
    unmatched: u64,
    /// The schema that the next record waits for.
    held: Option<SchemaId>,
    /// Since when the client has been told where to go on and has handed out nothing: what it says
    /// of the end may be older.
    doubted: Option<Instant>,
}

/// The last record taken; its hash is only worked out when the slab is sent.
struct Last {
    offset: i64,
    timestamp: Time,
    key: Vec<u8>,
    payload: Vec<u8>,
}

impl Last {
    fn anchor(&self) -> Anchor {
        Anchor {
            offset: self.offset,
            timestamp: self.timestamp,
            hash: hash(Some(&self.key), Some(&self.payload)),
        }
    }
}

impl Lane {
    pub(super) fn new(
        partition: Partition,
        plan: &TopicPlan,
        from: i64,
        expected: Option<Anchor>,
    ) -> Lane {
        Lane {
            partition,
            decoder: plan.decoder(),
            from,
            to: from,
            expected,
            last: None,
            first_at: None,
            read_at: Time::MIN,
            end: None,
            end_before: None,
            latest: None,
            unmatched: 0,
            held: None,
            doubted: expected.map(|_| Instant::now()),
        }
    }

    /// A lane for a stretch of a partition, up to `end`.
    pub(super) fn until(partition: Partition, plan: &TopicPlan, from: i64, end: i64) -> Lane {
        Lane { end: Some(end), ..Lane::new(partition, plan, from, None) }
    }

    /// The partition ends here now.
    pub(super) fn note_end(&mut self, end: i64) {
        self.end_before = self.end.replace(end);
    }

    /// How far its reading is; `None` before its first event. Records that came within the last
    /// second are no lag: somebody always writes.
    pub(super) fn pace(&self) -> Option<Pace> {
        let lagging = self.end_before.is_none_or(|end| self.to < end);
        self.latest.map(|event| Pace { event, lagging })
    }

    /// Offsets up to the end, where it is known; else 0.
    pub(super) fn left(&self) -> i64 {
        self.end.map_or(0, |end| (end - self.to).max(0))
    }

    pub(super) fn is(&self, topic: &str, number: i32) -> bool {
        self.partition.number == number && *self.partition.topic == *topic
    }

    pub(super) fn partition(&self) -> &Partition {
        &self.partition
    }

    pub(super) fn from(&self) -> i64 {
        self.from
    }

    /// One past the last offset taken.
    pub(super) fn to(&self) -> i64 {
        self.to
    }

    /// The last record taken, or the one that is still to be found.
    pub(super) fn anchor(&self) -> Option<Anchor> {
        self.last.as_ref().map(Last::anchor).or(self.expected)
    }

    pub(super) fn take(
        &mut self,
        message: &BorrowedMessage<'_>,
        refusals: &mut dyn Refusals,
    ) -> Taken {
        let offset = message.offset();
        self.doubted = None;
        if let Some(expected) = self.expected.take()
            && offset == expected.offset
            && hash(message.key(), message.payload()) != expected.hash
        {
            return Taken::NotTheAnchor;
        }
        if offset < self.to {
            return Taken::Skipped;
        }
        if self.held.is_some() {
            return Taken::Held;
        }
        if self.first_at.is_none() {
            self.first_at = Some(Instant::now());
            self.read_at = clock::now();
        }
        let record = Record {
            topic: &self.partition.topic,
            partition: self.partition.number,
            offset,
            timestamp: logged(message),
            key: message.key(),
            payload: message.payload(),
            headers: message,
        };
        let decoded = self.decoder.decode(&record, self.read_at);
        if let Some(id) = decoded.held {
            self.held = Some(id);
            if self.to == self.from {
                self.first_at = None;
            }
            return Taken::Held;
        }
        self.unmatched += u64::from(decoded.unmatched);
        if let Some(bad) = decoded.bad {
            refusals.refused(&record, &bad);
        }
        self.to = offset + 1;
        self.remember(message);
        Taken::Kept
    }

    fn remember(&mut self, message: &BorrowedMessage<'_>) {
        let last = self.last.get_or_insert_with(|| Last {
            offset: 0,
            timestamp: Time::MIN,
            key: Vec::new(),
            payload: Vec::new(),
        });
        last.offset = message.offset();
        last.timestamp = logged(message).unwrap_or(Time(0));
        last.key.clear();
        last.key.extend_from_slice(message.key().unwrap_or_default());
        last.payload.clear();
        last.payload.extend_from_slice(message.payload().unwrap_or_default());
    }

    /// Whether the record that held the lane back can be shown again: its schema is known, or it is
    /// known that there is none.
    pub(super) fn may_go_on(&self) -> bool {
        self.held.is_some_and(|id| self.decoder.knows(id))
    }

    /// Whether the next record waits for a schema.
    pub(super) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Takes records again, from [`Lane::to`] on.
    pub(super) fn go_on(&mut self) {
        self.held = None;
    }

    /// Where the client has to go on after it was stopped and threw away what it had fetched ahead:
    /// at the last record taken, which must come again. That it comes also says that the client is
    /// there; what it says of the end before may be of what it threw away.
    pub(super) fn set_back(&mut self) -> i64 {
        self.go_on();
        self.doubt();
        self.expected = self.anchor();
        self.expected.map_or(self.to, |anchor| anchor.offset)
    }

    /// Believes nothing that the client says of the end before it has handed out a record.
    pub(super) fn doubt(&mut self) {
        self.doubted = Some(Instant::now());
    }

    /// Whether offsets up to the end hold no record if the client says so. Where no record comes
    /// again (it was compacted away), a client that has been connected for as long as it has been
    /// waited for knows by then where it is.
    pub(super) fn may_skip(&self, end: End) -> bool {
        let settled = |since: Instant| since.elapsed().min(end.connected) >= SETTLED;
        self.held.is_none() && self.doubted.is_none_or(settled)
    }

    /// Passes offsets that hold no record.
    pub(super) fn skip_to(&mut self, offset: i64) {
        if offset > self.to {
            self.to = offset;
            self.first_at.get_or_insert_with(Instant::now);
        }
    }

    pub(super) fn full(&self) -> bool {
        self.decoder.rows() >= MOST_ROWS || self.decoder.bytes() >= MOST_BYTES
    }

    pub(super) fn due(&self, now: Instant) -> bool {
        self.first_at.is_some_and(|at| now.duration_since(at) >= LONGEST)
    }

    /// Everything taken since the last slab; `None` when that is nothing.
    pub(super) fn slab(&mut self, now: Time) -> Option<Slab> {
        if self.to == self.from {
            return None;
        }
        let taken = self.decoder.take();
        let times = taken.batches.iter().flat_map(|(_, _, batch)| &batch.times);
        self.latest = self.latest.max(times.max().copied());
        let anchor = self.last.as_ref().map(Last::anchor);
        let slab = Slab {
            partition: self.partition.clone(),
            from: self.from,
            to: self.to,
            ordered: true,
            read_at: now,
            anchor,
            batches: taken.batches,
            refused: taken.refused,
            seen: taken.seen,
        };
        self.from = self.to;
        self.first_at = None;
        Some(slab)
    }

    /// Records of the slab just made that no model wants.
    pub(super) fn take_unmatched(&mut self) -> u64 {
        std::mem::take(&mut self.unmatched)
    }

    /// Forgets what was not sent and goes on at `offset`; where the client has to.
    pub(super) fn restart(&mut self, offset: i64, anchor: Option<Anchor>) -> i64 {
        self.decoder.take();
        self.unmatched = 0;
        (self.from, self.to) = (offset, offset);
        self.first_at = None;
        (self.last, self.expected) = (None, anchor);
        self.set_back()
    }

    /// Decodes by another plan from here on; what was taken before must have been sent.
    pub(super) fn change_plan(&mut self, plan: &TopicPlan) {
        self.decoder = plan.decoder();
    }
}

/// The lanes of all our partitions; records come in runs of one partition.
#[derive(Default)]
pub(super) struct Lanes {
    pub list: Vec<Lane>,
    latest: usize,
}

impl Lanes {
    pub(super) fn find(&mut self, topic: &str, number: i32) -> Option<usize> {
        if self.list.get(self.latest).is_some_and(|lane| lane.is(topic, number)) {
            return Some(self.latest);
        }
        self.latest = self.list.iter().position(|lane| lane.is(topic, number))?;
        Some(self.latest)
    }

    pub(super) fn get_mut(&mut self, partition: &Partition) -> Option<&mut Lane> {
        self.list.iter_mut().find(|lane| lane.partition() == partition)
    }

    pub(super) fn insert(&mut self, lane: Lane) {
        self.remove(&lane.partition().clone());
        self.list.push(lane);
    }

    pub(super) fn remove(&mut self, partition: &Partition) {
        self.list.retain(|lane| lane.partition() != partition);
    }

    pub(super) fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.list.iter().map(Lane::partition)
    }
}

/// First 8 bytes of the hash over key and payload; absent and empty are alike.
fn hash(key: Option<&[u8]>, payload: Option<&[u8]>) -> u64 {
    let (key, payload) = (key.unwrap_or_default(), payload.unwrap_or_default());
    let mut hash = Sha256::new();
    hash.update((key.len() as u64).to_be_bytes());
    hash.update(key);
    hash.update(payload);
    let digest = hash.finalize();
    digest.iter().take(8).fold(0, |word, byte| (word << 8) | u64::from(*byte))
}

fn logged(message: &BorrowedMessage<'_>) -> Option<Time> {
    message.timestamp().to_millis().map(|ms| Time(ms.saturating_mul(1000)))
}
