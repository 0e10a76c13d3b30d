//! Bytes become columns.
//!
//! A [`FieldPlan`] is compiled once per topic from what all its readers want ([`ReaderSpec`], one
//! per model and role). A *format* walks each payload once along that plan and fills [`Cells`];
//! from there on nothing knows the format: `row` turns cells into rows of each reader's batch,
//! with filter, id, time and fields. Nothing is allocated per event once buffers have grown,
//! except for what is refused.
//!
//! This room knows neither Kafka nor clocks nor files: a [`Record`] is borrowed bytes, now is an
//! argument. Adding a format is a new file and an entry in [`FORMATS`].

mod avro;
mod cell;
mod decoder;
mod filter;
mod json;
mod outline;
mod path;
mod plan;
mod reason;
mod row;
mod schemas;
mod show;
mod spec;
mod time;

#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::sync::Arc;

pub use avro::{Datums, long, outline};
pub use cell::{Cell, Cells, LONGEST_WORD, Text, View};
pub use decoder::{Bad, Decoded, Headers, Record, Taken, TopicDecoder};
pub use filter::{Filter, Test};
pub use outline::{Field, Outline};
pub use path::{BadPath, Path, Place};
pub use plan::{FieldPlan, Hints, NONE, Node, Trail};
pub use reason::{Reason, Refusal, Unread};
pub use schemas::{Known, SchemaBook, SchemaId, Written};
pub use show::{Shown, ShownField, ShownReader};
pub use spec::{DEFAULT_MAX_BYTES, FieldSpec, FormatSpec, ReaderSpec, TimeSpec, ValueSpec};
pub use time::zone;

#[cfg(feature = "daemon")]
pub(crate) use row::{Judgement, Reader, Stamp};

use crate::stats::{OptionDoc, ParamError, Params};

/// A format that payloads may have.
pub struct FormatKind {
    /// Its name in the configuration.
    pub name: &'static str,
    /// What it reads.
    pub doc: &'static str,
    /// Its options.
    pub options: &'static [OptionDoc],
    /// Builds it from its options.
    pub build: fn(&mut Params, &dyn Supplies) -> Built,
}

/// A format, or the option that keeps it from being one.
pub type Built = Result<Arc<dyn Format>, ParamError>;

/// What the configuration around a format's options supplies it with.
pub trait Supplies {
    /// The schemas of a configured registry.
    ///
    /// # Errors
    /// There is no such registry; the sentence says what to write.
    fn registry(&self, name: &str) -> Result<Arc<SchemaBook>, String>;

    /// The text of a file.
    ///
    /// # Errors
    /// It cannot be read; the sentence says why.
    fn text(&self, file: &str) -> Result<String, String>;
}

/// A configured format: makes a reader for any plan.
pub trait Format: Debug + Send + Sync {
    /// A reader along this plan.
    fn reader(&self, plan: &Arc<FieldPlan>) -> Box<dyn PayloadReader>;

    /// What is known of its fields beforehand.
    fn outline(&self) -> Option<Arc<dyn Outline>> {
        None
    }

    /// The registry that it asks, by its name, and the subject where one is configured.
    fn registry(&self) -> Option<(&str, Option<&str>)> {
        None
    }

    /// The same format with the schema that the configuration is written for: its aliases find
    /// fields of other writers, its defaults stand for those that they lack.
    ///
    /// # Errors
    /// The schema cannot be read, or is of another format.
    fn described_by(&self, _schema: &Written) -> Result<Arc<dyn Format>, Refusal> {
        Err(Refusal::new(Reason::OtherSchema, "records of this format have no schema"))
    }
}

/// Walks payloads along one plan.
pub trait PayloadReader: Debug + Send {
    /// Puts what the payload holds at wanted places into `cells`, which come cleared; `record` is
    /// what stands around it.
    ///
    /// # Errors
    /// The payload cannot be read as a whole, or not yet; what was already put into `cells` is
    /// void.
    fn read(
        &mut self,
        record: &Record<'_>,
        payload: &[u8],
        cells: &mut Cells,
    ) -> Result<(), Unread>;

    /// Whether a record that was held back for this schema can be read now, or refused.
    fn knows(&self, _id: SchemaId) -> bool {
        true
    }

    /// The type that the record read last has at a place by its schema.
    fn kind_at(&self, _steps: &[String]) -> Option<String> {
        None
    }
}

/// Every format.
pub const FORMATS: &[&FormatKind] = &[&json::KIND, &avro::KIND];
