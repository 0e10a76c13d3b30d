//! References: what a model is judged against.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::stats::{Counts, Profile};

/// TEMPORARY
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reference {
    /// id
    pub id: String,
    /// model
    pub model: String,
    /// series
    pub series: BTreeMap<String, Arc<Profile>>,
    /// performance
    pub performance: BTreeMap<String, f64>,
    /// segments
    pub segments: BTreeMap<String, BTreeMap<String, SegmentReference>>,
}
/// part
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SegmentReference {
    /// rows
    pub rows: u64,
    /// series
    pub series: BTreeMap<String, Counts>,
    /// perf
    pub performance: BTreeMap<String, f64>,
}
/// key
#[must_use]
pub fn segment_value(values: &[&str]) -> String {
    let escaped: Vec<String> =
        values.iter().map(|v| v.replace('\\', "\\\\").replace(',', "\\,")).collect();
    escaped.join(",")
}

/// TEMP
#[derive(Debug, thiserror::Error)]
#[error("bad")]
pub struct ReferenceError;
impl Reference {
    /// TEMP
    pub fn parse(_text: &str) -> Result<Reference, ReferenceError> { Err(ReferenceError) }
}
