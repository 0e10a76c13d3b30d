//! What a reader is asked to take out of a topic. Filled by the configuration.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{Filter, Format, Path, json};
use crate::event::{ModelIx, Role, Span};
use crate::plan::SeriesKind;

/// Largest payload that is read unless configured: as large as a Kafka broker takes by default.
pub const DEFAULT_MAX_BYTES: usize = 1 << 20;

/// The format of a topic.
#[derive(Debug, Clone)]
pub struct FormatSpec {
    /// Built from an entry of [`super::FORMATS`].
    pub format: Arc<dyn Format>,
    /// Larger payloads are refused, in bytes.
    pub max_bytes: usize,
}

impl FormatSpec {
    /// JSON with default limits.
    #[must_use]
    pub fn json() -> FormatSpec {
        FormatSpec { format: json::format(), max_bytes: DEFAULT_MAX_BYTES }
    }
}

/// What one model wants of a topic in one role.
#[derive(Debug, Clone)]
pub struct ReaderSpec {
    /// The model.
    pub model: ModelIx,
    /// What its events report.
    pub role: Role,
    /// Whether ids are needed: the model has outcomes. Otherwise `id` is not read at all.
    pub keeps_ids: bool,
    /// Fields that make up the id, in order.
    pub id: Vec<Path>,
    /// When it happened.
    pub time: TimeSpec,
    /// Version of the model, where configured.
    pub version: Option<Path>,
    /// Which events it wants; all of them without.
    pub filter: Option<Filter>,
    /// Numeric features, in the order of the batch's columns.
    pub numbers: Vec<FieldSpec>,
    /// Category features, in the order of the batch's columns.
    pub words: Vec<FieldSpec>,
    /// The prediction, where configured.
    pub prediction: Option<ValueSpec>,
    /// The outcome: of an outcome event, or of a prediction event that carries its own.
    pub outcome: Option<ValueSpec>,
    /// Probability of the positive class, or of each class in the plan's order.
    pub probabilities: Vec<Path>,
    /// Loss that the event expects of its own prediction, where configured.
    pub expected_loss: Option<Path>,
    /// Reads numeric texts as time, prediction, outcome and probabilities.
    pub coerce: bool,
    /// How far ahead of its record and of now an event may be.
    pub max_ahead: Span,
    /// Configured paths to report as seen, each with its place in the model's list of paths.
    pub paths: Vec<(Path, u16)>,
}

#[cfg(test)]
impl ReaderSpec {
    /// Wants the time alone, at `at`.
    pub fn of_time(model: ModelIx, role: Role) -> ReaderSpec {
        ReaderSpec {
            model,
            role,
            keeps_ids: false,
            id: Vec::new(),
            time: TimeSpec { path: Path::parse("at").unwrap(), zone: None },
            version: None,
            filter: None,
            numbers: Vec::new(),
            words: Vec::new(),
            prediction: None,
            outcome: None,
            probabilities: Vec::new(),
            expected_loss: None,
            coerce: false,
            max_ahead: Span::from_secs(300),
            paths: Vec::new(),
        }
    }
}

/// A time field.
#[derive(Debug, Clone)]
pub struct TimeSpec {
    /// Where it stands.
    pub path: Path,
    /// The zone of texts without one; `None` refuses them.
    pub zone: Option<TimeZone>,
}

/// A feature.
#[derive(Debug, Clone)]
pub struct FieldSpec {
    /// Where it stands.
    pub path: Path,
    /// Numeric or category; the list it stands in must agree.
    pub kind: SeriesKind,
    /// Reads numeric texts.
    pub coerce: bool,
}

/// A prediction or an outcome.
#[derive(Debug, Clone)]
pub struct ValueSpec {
    /// Where it stands.
    pub path: Path,
    /// Numeric (regression) or category (classification).
    pub kind: SeriesKind,
}

impl ReaderSpec {
    /// Every path that takes part, in no particular order, with repeats.
    pub fn every_path(&self) -> impl Iterator<Item = &Path> {
        let ids = if self.keeps_ids { self.id.as_slice() } else { &[] };
        ids.iter()
            .chain([&self.time.path])
            .chain(&self.version)
            .chain(self.filter.iter().map(|filter| &filter.path))
            .chain(self.numbers.iter().chain(&self.words).map(|field| &field.path))
            .chain(self.prediction.iter().chain(&self.outcome).map(|value| &value.path))
            .chain(&self.probabilities)
            .chain(&self.expected_loss)
            .chain(self.paths.iter().map(|(path, _)| path))
    }
}
