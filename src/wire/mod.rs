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

mod cell;
mod decoder;
mod filter;
mod json;
mod path;
mod plan;
mod reason;
mod row;
mod show;
mod spec;
mod time;

#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::sync::Arc;

pub use cell::{Cell, Cells, LONGEST_WORD, Text, View};
pub use decoder::{Bad, Decoded, Record, Taken, TopicDecoder};
pub use filter::{Filter, Test};
pub use path::{BadPath, Path, Place};
pub use plan::{FieldPlan, Hints, NONE, Node, Trail};
pub use reason::{Reason, Refusal};
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
    pub build: fn(&mut Params) -> Result<Arc<dyn Format>, ParamError>,
}

/// A configured format: makes a reader for any plan.
pub trait Format: Debug + Send + Sync {
    /// A reader along this plan.
    fn reader(&self, plan: &Arc<FieldPlan>) -> Box<dyn PayloadReader>;
}

/// Walks payloads along one plan.
pub trait PayloadReader: Debug + Send {
    /// Puts what the payload holds at wanted places into `cells`, which come cleared.
    ///
    /// # Errors
    /// The payload cannot be read as a whole; what was already put into `cells` is void.
    fn read(&mut self, payload: &[u8], cells: &mut Cells) -> Result<(), Refusal>;
}

/// Every format.
pub const FORMATS: &[&FormatKind] = &[&json::KIND];
