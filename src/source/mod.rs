//! Where records come from: one thread with the only consumer.
//!
//! Polls, decodes through `wire`, and hands slabs to the engine over one bounded channel. Holds
//! no state that matters: offsets come from the engine's positions, and a reader may start early,
//! twice or after any rebalance without counting anything twice. Next door: `daemon`, which owns
//! the other end of the channel.

mod aligned;
mod client;
mod context;
mod faults;
mod lane;
mod membership;
mod pauses;
mod range;
mod reader;
mod recovery;
mod session;
mod start;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use aligned::Pace;
pub use faults::{Fault, Faults};
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

/// Told of every record that is refused, on the reader's thread.
pub trait Refusals: Send {
    /// A record that no model can use.
    fn refused(&mut self, record: &Record<'_>, bad: &Bad);

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

/// What reader and engine share beside the channel.
#[derive(Debug, Default)]
pub struct Shared {
    /// Durable positions: where a new assignment starts.
    pub positions: Mutex<BTreeMap<Partition, Position>>,
    /// Positions to tell the group about, for lag tools.
    pub committed: Mutex<Option<BTreeMap<Partition, i64>>>,
    /// Partitions whose slab was refused; the reader goes back to their positions.
    pub rewind: Mutex<Vec<Partition>>,
    /// How far the reading of each partition is, for aligned reading.
    pub paces: Mutex<BTreeMap<Partition, Pace>>,
    /// Partitions that wait because they are ahead of others.
    pub held: AtomicUsize,
    /// Stop reading.
    pub stop: AtomicBool,
    /// What a reload brings: the reader takes its part, and passes the rest on in the channel.
    pub reload: Mutex<Option<(TopicPlans, Revised)>>,
    /// Why driftd is not ready, as the reader sees it.
    pub faults: Faults,
}
