//! What a schema says of the fields of a topic before any record is read.

use std::fmt::Debug;

use crate::plan::SeriesKind;

/// The fields that a schema has.
pub trait Outline: Debug + Send + Sync {
    /// The field at a place of the payload; `None` where the schema has none.
    fn find(&self, steps: &[String]) -> Option<Field>;

    /// Paths of all fields that hold no record, dotted, lists and maps among them; not those inside
    /// lists and maps.
    fn paths(&self) -> Vec<String>;
}

/// A field by its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The type in the words of the schema: `float`, `[null, string]`.
    pub kind: String,
    /// What a feature of it is unless the configuration says otherwise; `None` where that cannot
    /// be said.
    pub series: Option<SeriesKind>,
    /// Whether it can hold a plain value.
    pub plain: bool,
}
