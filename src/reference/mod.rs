//! References: what a model is judged against. Frozen, identified by content, made for version
//! control.
//!
//! Pure: text in, text out; where files lie is the shell's business. `build` makes one out of
//! rows, `file` writes and reads it, `diff` compares two.

mod build;
mod calibration;
mod diff;
mod file;
mod identity;
mod slots;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use build::{BuildError, BuildSpec, Builder};
pub use diff::{SeriesDiff, SeriesSummary, diff};
pub use file::ReferenceError;
pub use slots::{LEAST_ROWS, Mix, SlotCounts, SlotPart, Slots};

use crate::event::{Season, Time};
use crate::stats::{Calibrator, Counts, LogHistogram, Profile};

/// Version of the file format.
pub const FORMAT: u32 = 1;

/// Name of the counts that estimates without outcomes are made of, by code of the probability and
/// predicted class: 2 x code + (1 if positive).
pub const CLASSIFIED: &str = "classified";

/// What a model (version) is judged against.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reference {
    /// Content hash over everything that is judged by.
    pub id: String,
    /// The model it was built for.
    pub model: String,
    /// Where it came from; not part of the id.
    pub created_from: CreatedFrom,
    /// By series: `features.NAME`, `prediction`, `probability`, `outcome`.
    pub series: BTreeMap<String, Arc<Profile>>,
    /// What probabilities were worth; `None` without outcomes, and for other than binary models.
    pub calibration: Option<Arc<Calibrator>>,
    /// Metrics on the reference's own outcomes, and `n`, the pairs they were computed from; see
    /// also [`own_pairs`].
    pub performance: BTreeMap<String, f64>,
    /// Errors of a regression, prediction less outcome, where a monitor compares them.
    pub errors: Option<LogHistogram>,
    /// By dimension (names joined by commas), then by value: see [`segment_value`].
    pub segments: BTreeMap<String, BTreeMap<String, SegmentReference>>,
    /// The season that it was counted by, where the model has one.
    pub season: Option<Season>,
    /// Its parts by slot of that season.
    pub slots: Slots,
}

/// A segment's part of a reference: counts on the grids of the whole.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SegmentReference {
    /// Rows of the segment.
    pub rows: u64,
    /// Counts by series.
    pub series: BTreeMap<String, Counts>,
    /// Metrics, as for the whole.
    pub performance: BTreeMap<String, f64>,
    /// Errors, as for the whole.
    pub errors: Option<LogHistogram>,
    /// Its parts by slot of the reference's season.
    pub slots: Slots,
}

/// Pairs that a metric of a reference is of, where it leaves some out.
#[must_use]
pub fn own_pairs(metrics: &BTreeMap<String, f64>, label: &str) -> Option<f64> {
    metrics.get(&format!("{label}.n")).copied()
}

/// Where a reference came from.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct CreatedFrom {
    /// Files, as they were named.
    pub files: Vec<String>,
    /// Rows read from them.
    pub rows: u64,
    /// Hash over their content.
    pub sha256: String,
    /// Event time that it was learnt from, where it was learnt: from (inclusive), to (exclusive).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learnt: Option<(Time, Time)>,
}

impl Reference {
    /// Takes a series out of it, wherever it is counted.
    pub fn leave_out(&mut self, series: &str) {
        self.series.remove(series);
        self.calibration = self.calibration.take().filter(|_| series != "probability");
        let mut slots = vec![&mut self.slots];
        for part in self.segments.values_mut().flat_map(BTreeMap::values_mut) {
            part.series.remove(series);
            slots.push(&mut part.slots);
        }
        for part in slots.into_iter().flat_map(BTreeMap::values_mut) {
            part.series.remove(series);
        }
        self.id = self.compute_id();
    }

    /// What the counts of a series are made with: the id of a grid, and how many cells they have.
    #[must_use]
    pub fn ruler(&self, series: &str) -> Option<(&str, usize)> {
        let (name, times) = if series == CLASSIFIED { ("probability", 2) } else { (series, 1) };
        self.series.get(name).map(|profile| (profile.id(), times * profile.cells()))
    }
}

/// The values of a segment as one text: joined by commas, commas and backslashes escaped.
#[must_use]
pub fn segment_value(values: &[&str]) -> String {
    let escape = |value: &&str| value.replace('\\', "\\\\").replace(',', "\\,");
    values.iter().map(escape).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
