//! What the user wrote: one struct per table, one doc comment per key. `config/reference.toml`,
//! `config/schema.json` and every default come from here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::forms::{Kinded, Length, Many, Short, Size};

mod model;
mod monitor;
mod registry;

pub use model::*;
pub use monitor::*;
pub use registry::*;

/// Configuration of driftd.
#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Raw {
    /// Name of this installation, in every page and every incident key. Default: `kafka.group`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"rides-prod")]
    pub name: Option<String>,
    /// Further files: globs, relative to this file, sorted. The same table in two files is an
    /// error; an included file includes none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["models/*.toml"])]
    pub include: Vec<String>,
    /// Where records are read.
    pub kafka: RawKafka,
    /// Where driftd keeps what it knows.
    pub state: RawState,
    /// API, metrics and pages.
    pub http: RawHttp,
    /// What driftd calls: receivers, trainers, registries.
    pub outgoing: RawOutgoing,
    /// Caps on what may grow.
    pub limits: RawLimits,
    /// What models and monitors share. The main file's reach all files; an included file's reach
    /// that file and win. Tables merge key by key, lists and another `kind` replace.
    #[serde(skip_serializing)]
    pub defaults: RawDefaults,
    /// Schema registries by name, for formats that ask one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub registries: BTreeMap<String, RawRegistry>,
    /// Models by name.
    pub models: BTreeMap<String, RawModel>,
    /// Monitors by name.
    pub monitors: BTreeMap<String, RawMonitor>,
    /// Who is told, by name.
    #[schemars(schema_with = "super::schema::notifiers")]
    pub notifiers: BTreeMap<String, Short<Kinded>>,
    /// Who retrains, by name.
    #[schemars(schema_with = "super::schema::trainers")]
    pub trainers: BTreeMap<String, Short<Kinded>>,
}

/// Shared values.
#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawDefaults {
    /// Keys that every model takes unless it has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<RawModel>,
    /// Keys that every monitor takes unless it has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor: Option<RawMonitor>,
}

/// Where records are read.
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawKafka {
    /// Brokers to begin with.
    #[schemars(example = ["127.0.0.1:9092"])]
    pub brokers: Many<String>,
    /// Consumer group.
    pub group: String,
    /// Where a partition without a stored position begins: `earliest`, `latest`, a length of time
    /// back such as `-24h`, or a time in RFC 3339.
    pub start_from: String,
    /// What records older than this open is recorded, and sent only if it still fires once caught
    /// up.
    pub act_within: Length,
    /// When a topic was deleted and made again: `stop` (it is named in log and `/readyz` and not
    /// read) or `reset` (it is read from its start, old counts are kept).
    pub on_recreated: OnRecreated,
    /// A caught-up partition that is silent for this long holds no watermark back.
    pub idle_after: Length,
    /// Number of this daemon within the group: part of `group.instance.id`.
    pub instance: u32,
    /// Reader threads, each with a consumer of its own in the group. A second one helps where one
    /// cannot decode what the brokers send and cores are idle.
    pub workers: u32,
    /// A topic that records which cannot be read are written to as well: key and payload as they
    /// were, what is wrong in the headers `driftd.topic`, `driftd.partition`, `driftd.offset`,
    /// `driftd.reason` and `driftd.detail`. They stand in a file of the state folder anyway.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"driftd.dead")]
    pub dead_letter_topic: Option<String>,
    /// Settings for librdkafka by their own names; a value may be `env:NAME` or `file:PATH`.
    #[schemars(schema_with = "super::schema::properties")]
    pub properties: BTreeMap<String, super::forms::Scalar>,
}

impl Default for RawKafka {
    fn default() -> RawKafka {
        RawKafka {
            brokers: Many(Vec::new()),
            group: "driftd".to_owned(),
            start_from: "earliest".to_owned(),
            act_within: Length(crate::event::Span::from_secs(6 * 3600)),
            on_recreated: OnRecreated::Stop,
            idle_after: Length(crate::event::Span::from_secs(30)),
            instance: 0,
            workers: 1,
            dead_letter_topic: None,
            properties: BTreeMap::new(),
        }
    }
}

/// What to do about a topic that was deleted and made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnRecreated {
    /// Name it and do not read it.
    Stop,
    /// Read it from its start, keep the old counts.
    Reset,
}

/// Where driftd keeps what it knows.
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawState {
    /// Folder; made if it is not there.
    pub dir: String,
    /// Longest time between two commits, from 100ms.
    pub commit_every: Length,
}

impl Default for RawState {
    fn default() -> RawState {
        RawState { dir: "state".to_owned(), commit_every: Length(crate::event::Span::from_secs(5)) }
    }
}

/// API, metrics and pages.
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawHttp {
    /// Address and port to listen on.
    pub listen: String,
    /// Begins the links in pages and the callbacks of pipelines. Default: `http://` and `listen`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"http://driftd.example.com:7438")]
    pub public_url: Option<String>,
    /// Token of write routes, as `env:NAME` or `file:PATH`; without it they are off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"env:DRIFTD_TOKEN")]
    pub token: Option<String>,
}

impl Default for RawHttp {
    fn default() -> RawHttp {
        RawHttp { listen: "127.0.0.1:7438".to_owned(), public_url: None, token: None }
    }
}

/// What driftd calls.
#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawOutgoing {
    /// Link-local addresses, or metadata services of clouds, that may be called: addresses or
    /// networks. All others of them are refused, also behind a name, since they hand out
    /// credentials to whoever asks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["169.254.10.5"])]
    pub link_local: Vec<String>,
}

/// Caps on what may grow.
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawLimits {
    /// Memory for counts; a configuration that may need more is refused.
    pub memory: Size,
    /// Disk for predictions and outcomes that wait for each other; at the limit, new ids are
    /// counted but not joined.
    pub join: Size,
    /// Disk for the whole database of the state, `join` included; at the limit, as for `join`, the
    /// only part of it that grows with the traffic. By default twice `join`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "20GB")]
    pub state: Option<Size>,
    /// Segments per dimension, the rest counts as `other`.
    pub segments: u32,
    /// Categories of a feature, the rest counts as `other`.
    pub categories: u32,
    /// Versions of a model that are counted at the same time.
    pub versions: u32,
    /// Incidents that a model may open in one hour before the rest is only recorded.
    pub storm: u32,
    /// Disk for records that could not be read.
    pub dead_letters: Size,
    /// Records larger than this are bad.
    pub record: Size,
}

impl RawLimits {
    /// Bytes that the whole database may take.
    #[must_use]
    pub fn state_bytes(&self) -> u64 {
        self.state.map_or(self.join.0.saturating_mul(2), |size| size.0)
    }
}

impl Default for RawLimits {
    fn default() -> RawLimits {
        RawLimits {
            memory: Size(1_000_000_000),
            join: Size(10_000_000_000),
            state: None,
            segments: 100,
            categories: 1000,
            versions: 4,
            storm: 20,
            dead_letters: Size(256_000_000),
            record: Size(crate::wire::DEFAULT_MAX_BYTES as u64),
        }
    }
}
