//! What a finding is made of.

use crate::stats::{Bin, Place, Split};

/// Why a score is as it is; empty where there is nothing to tell.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attribution {
    /// Both distributions, in the order of their values.
    pub bins: Vec<Bin>,
    /// Where the distribution functions are farthest apart.
    pub place: Option<Place>,
    /// What segments add, by dimension.
    pub splits: Vec<BySegment>,
}

/// What the segments of one dimension add to a change of the whole.
#[derive(Debug, Clone, PartialEq)]
pub struct BySegment {
    /// The dimension: names joined by commas.
    pub by: String,
    /// The number whose change is split.
    pub of: String,
    /// The values of its segments.
    pub names: Vec<String>,
    /// Its parts are these segments.
    pub split: Split,
}
