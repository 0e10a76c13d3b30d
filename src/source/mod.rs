//! Where records come from: reader threads, each with a consumer of its own in one group.
//!
//! A reader polls, decodes through `wire`, and hands slabs to the engine over one bounded channel.
//! It holds no state that matters: offsets come from the engine's positions, and a reader may
//! start early, twice or after any rebalance without counting anything twice. Next door: `daemon`,
//! which owns the other end of the channel.

mod aligned;
mod channel;
mod client;
mod context;
mod faults;
mod headers;
mod lane;
mod membership;
mod pauses;
mod properties;
mod range;
mod reader;
mod recovery;
mod session;
mod stalls;
mod start;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use aligned::Pace;
pub use channel::Channel;
pub use faults::{Fault, Faults};
pub use properties::{RefusedProperty, refused_properties};
pub use range::{Range, RangeError};
pub use reader::{Feed, Reader, SourceError};

use crate::engine::Position;
use crate::event::{Partition, Span, Time};
use crate::plan::Plan;
use crate::wire::{Bad, FormatSpec, ReaderSpec, Record, TopicDecoder};

/// Where a partition without a position starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartFrom {
    /// Its first record.
    Earliest,
    /// Its end.
    Latest,
    /// The first record at or after this time.
    At(Time),
    /// The first record at or after now minus this.
    Ago(Span),
}

/// What to do with a topic that was deleted and made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRecreated {
    /// Name it and do not read it.
    Stop,
    /// Read it from its start; old counts stay.
    Reset,
}

/// What is read from one topic.
#[derive(Debug, Clone)]
pub struct TopicPlan {
    /// One per model and role.
    pub readers: Vec<ReaderSpec>,
    /// Format of the payloads.
    pub format: FormatSpec,
    /// Keys the hash of ids; the same as long as the state is.
    pub key: [u8; 16],
    /// The widest pane of its models.
    pub pane: Span,
}

impl TopicPlan {
    /// A decoder for one partition.
    #[must_use]
    pub fn decoder(&self) -> TopicDecoder {
        TopicDecoder::new(&self.readers, &self.format, &self.key)
    }
}

/// Plans of all topics, by name.
pub type TopicPlans = BTreeMap<String, Arc<TopicPlan>>;

/// Told of records that give no row, on the reader's thread.
pub trait Refusals: Send {
    /// A record that no model can use.
    fn refused(&mut self, record: &Record<'_>, bad: &Bad);

    /// So many further records of a topic that no model wants; nothing is wrong with them.
    fn unmatched(&mut self, topic: &str, records: u64);

    /// Some time has passed.
    fn tick(&mut self);
}

/// What the reader needs to know.
#[derive(Debug, Clone)]
pub struct SourceSpec {
    /// `host:port`, comma separated.
    pub brokers: String,
    /// Consumer group.
    pub group: String,
    /// Part of the static member id.
    pub instance: u32,
    /// Identity of the state directory: tells a restart from a second daemon.
    pub client_id: String,
    /// Further librdkafka properties, secrets resolved.
    pub properties: Vec<(String, String)>,
    /// Where partitions without a position start.
    pub start_from: StartFrom,
    /// What to do with recreated topics.
    pub on_recreated: OnRecreated,
    /// Compiled field plans by topic.
    pub topics: TopicPlans,
}

/// What a reload changes for the owner of the engine, who hears of it in the channel: what was
/// decoded before comes before.
#[derive(Debug, Clone)]
pub struct Revised {
    /// What the core is asked to do.
    pub plan: Arc<Plan>,
    /// Reference files by model; a path may hold `{version}`.
    pub references: BTreeMap<String, String>,
    /// Longest time between two commits.
    pub commit_every: Duration,
}

/// What readers and engine share beside the channel.
#[derive(Debug, Default)]
pub struct Shared {
    /// Durable positions: where a new assignment starts.
    pub positions: Mutex<BTreeMap<Partition, Position>>,
    /// Positions to tell the group about, for lag tools.
    pub committed: Mutex<Arc<BTreeMap<Partition, i64>>>,
    /// Partitions whose slab was refused; whoever reads them goes back to their positions.
    pub rewind: Mutex<BTreeSet<Partition>>,
    /// Stop reading.
    pub stop: AtomicBool,
    /// What each reader is told and tells.
    pub members: Vec<Member>,
    /// Why driftd is not ready, as the readers see it.
    pub faults: Faults,
}

/// One reader's part of what is shared.
#[derive(Debug, Default)]
pub struct Member {
    /// What reloads bring, in their order: the reader takes its part, and passes the core's on in
    /// the channel.
    pub reloads: Mutex<VecDeque<(TopicPlans, Revised)>>,
    /// How far its partitions are, for aligned reading.
    pub paces: Mutex<BTreeMap<Partition, Pace>>,
    /// Its partitions that wait because they are ahead of others.
    pub held: AtomicUsize,
    /// Its partitions that wait for a schema.
    pub waiting: AtomicUsize,
}

impl Shared {
    /// For so many readers.
    #[must_use]
    pub fn new(readers: usize) -> Shared {
        Shared { members: (0..readers).map(|_| Member::default()).collect(), ..Shared::default() }
    }

    /// Tells all readers of a changed configuration.
    pub fn reload(&self, topics: &TopicPlans, revised: &Revised) {
        for member in &self.members {
            let mut reloads = member.reloads.lock().unwrap_or_else(PoisonError::into_inner);
            reloads.push_back((topics.clone(), revised.clone()));
        }
    }

    /// Partitions that wait because they are ahead of others.
    #[must_use]
    pub fn held(&self) -> usize {
        self.members.iter().map(|member| member.held.load(Ordering::Relaxed)).sum()
    }

    /// Partitions that wait for a schema.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.members.iter().map(|member| member.waiting.load(Ordering::Relaxed)).sum()
    }

    /// How far all partitions are.
    fn paces(&self) -> BTreeMap<Partition, Pace> {
        let mut all = BTreeMap::new();
        for member in &self.members {
            all.extend(member.paces.lock().unwrap_or_else(PoisonError::into_inner).clone());
        }
        all
    }
}
