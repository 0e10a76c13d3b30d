//! What driftd will do: complete, checked, built. Whatever a daemon, a replay or a command needs
//! stands here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::key::Index;
pub use super::raw::OnRecreated;
use crate::event::{Span, Time};
use crate::notify::Callable;
use crate::plan::{Learn, Plan};
use crate::secret::{Secret, Secrets};
use crate::wire::{FormatSpec, ReaderSpec, SchemaBook, Written};

/// A built configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the core is asked to do.
    pub plan: Plan,
    /// Where records are read.
    pub kafka: KafkaSettings,
    /// Where state is kept.
    pub state: StateSettings,
    /// API, metrics and pages.
    pub http: HttpSettings,
    /// What is read from every topic.
    pub readers: Vec<TopicReaders>,
    /// Where references come from, by model.
    pub references: Vec<ReferenceSettings>,
    /// Who is told, by name.
    pub notifiers: BTreeMap<String, DoorSettings>,
    /// Who retrains, by name.
    pub trainers: BTreeMap<String, DoorSettings>,
    /// Who may be called by receivers' and registries' addresses.
    pub callable: Callable,
    /// Schema registries by name.
    pub registries: BTreeMap<String, RegistrySettings>,
    /// By topic: the schema of a registry that it is read by from now on, where the configuration
    /// names none of its own.
    pub schemas: BTreeMap<String, Written>,
    /// Caps on what may grow.
    pub limits: LimitSettings,
    /// Secrets that the configuration names; without values where none are read.
    pub secrets: Secrets,
    /// The values themselves and where each was written.
    pub effective: Effective,
}

/// The values that hold, defaults included, secrets as references.
#[derive(Debug, Clone)]
pub struct Effective {
    /// As a tree.
    pub values: Value,
    /// Where each was written; what is not there is a default.
    pub index: Index,
}

/// Where records are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaSettings {
    /// `host:port` of brokers to begin with.
    pub brokers: Vec<String>,
    /// Consumer group.
    pub group: String,
    /// Where a partition without a stored position begins.
    pub start_from: StartFrom,
    /// Age above which what a record opens is only recorded.
    pub act_within: Span,
    /// Further settings for librdkafka.
    pub properties: Vec<(String, Property)>,
    /// What to do about a topic that was deleted and made again.
    pub on_recreated: OnRecreated,
    /// Silence after which a caught-up partition is idle.
    pub idle_after: Span,
    /// Number of this daemon within the group.
    pub instance: u32,
    /// Reader threads.
    pub workers: usize,
    /// Where dead letters are written to beside the file.
    pub dead_letter_topic: Option<String>,
}

/// Where a partition without a stored position begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartFrom {
    /// At its first record.
    Earliest,
    /// At its end.
    Latest,
    /// This long before now.
    Before(Span),
    /// At this time.
    At(Time),
}

impl StartFrom {
    /// Reads `earliest`, `latest`, `-24h` or RFC 3339.
    #[must_use]
    pub fn parse(text: &str) -> Option<StartFrom> {
        match text {
            "earliest" => Some(StartFrom::Earliest),
            "latest" => Some(StartFrom::Latest),
            _ => match text.strip_prefix('-') {
                Some(span) => Span::parse(span).ok().map(StartFrom::Before),
                None => Time::parse(text).ok().map(StartFrom::At),
            },
        }
    }
}

/// A setting for librdkafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Property {
    /// Written in the configuration.
    Plain(String),
    /// Named there.
    Secret(Secret),
}

/// Where state is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateSettings {
    /// Absolute path of the folder.
    pub dir: PathBuf,
    /// Longest time between two commits.
    pub commit_every: Span,
}

/// API, metrics and pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// `host:port`.
    pub listen: String,
    /// Begins links; no trailing slash.
    pub public_url: String,
    /// Token of write routes; `None`: they are off.
    pub token: Option<Secret>,
}

/// What is read from one topic.
#[derive(Debug, Clone)]
pub struct TopicReaders {
    /// Topic.
    pub topic: String,
    /// Format of its records.
    pub format: FormatSpec,
    /// One per model and role that reads it.
    pub readers: Vec<ReaderSpec>,
}

/// Where a model's references come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceSettings {
    /// Absolute path; may hold `{version}`.
    pub file: Option<String>,
    /// How long to learn.
    pub learn: Option<Learn>,
}

/// A notifier or trainer: its kind, and options for that kind to build from. Secrets stand as
/// references, those of files with absolute paths.
#[derive(Debug, Clone, PartialEq)]
pub struct DoorSettings {
    /// Name in the registry.
    pub kind: String,
    /// Options, without `kind`.
    pub options: Map<String, Value>,
}

/// A schema registry.
#[derive(Debug, Clone)]
pub struct RegistrySettings {
    /// Where it is asked.
    pub url: String,
    /// User and password.
    pub basic: Option<(Property, Secret)>,
    /// Bearer token.
    pub token: Option<Secret>,
    /// Absolute path of further authorities to trust.
    pub ca: Option<PathBuf>,
    /// Our certificate and key in PEM.
    pub certificate: Option<Secret>,
    /// Further headers.
    pub headers: Vec<(String, Property)>,
    /// Longest time of one request.
    pub timeout: Span,
    /// How long records wait for a schema.
    pub patience: Span,
    /// Who may be called.
    pub callable: Callable,
    /// Its schemas, as the formats that ask it see them.
    pub book: Arc<SchemaBook>,
}

/// Caps on what may grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitSettings {
    /// Bytes of counts.
    pub memory: u64,
    /// Bytes of dead letters on disk.
    pub dead_letters: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_words_lengths_and_times() {
        assert_eq!(StartFrom::parse("-24h"), Some(StartFrom::Before(Span::from_secs(86_400))));
        assert_eq!(StartFrom::parse("1970-01-01T00:00:01Z"), Some(StartFrom::At(Time(1_000_000))));
        assert_eq!(StartFrom::parse("1969-12-31T23:59:59Z"), Some(StartFrom::At(Time(-1_000_000))));
        for bad in ["first", "24h", "-soon", "2026-01-01"] {
            assert_eq!(StartFrom::parse(bad), None, "{bad}");
        }
    }
}
