//! Two references side by side, and one by itself.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Reference;
use crate::stats::{Counts, Pair, Params, Profile, STATISTICS, Sample};

/// One series of a reference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesSummary {
    /// Series.
    pub series: String,
    /// `numeric` or `category`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Rows.
    pub rows: u64,
    /// Rows without a value.
    pub missing: u64,
    /// Grid points or categories.
    pub points: usize,
    /// Whether rank statistics are exact.
    pub exact: bool,
    /// Content hash.
    pub id: String,
}

/// One series of two references.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesDiff {
    /// Series.
    pub series: String,
    /// `added`, `removed`, `same`, `changed`, or `retyped` where it changed its type.
    pub change: &'static str,
    /// PSI of the second against the first, on the first one's bins; null where the grids cannot
    /// be compared.
    pub psi: Option<f64>,
    /// Rows of the first.
    pub rows_a: Option<u64>,
    /// Rows of the second.
    pub rows_b: Option<u64>,
}

impl Reference {
    /// Every series in one line.
    #[must_use]
    pub fn inspect(&self) -> Vec<SeriesSummary> {
        let summary = |(series, profile): (&String, &std::sync::Arc<Profile>)| {
            let (kind, missing, points, exact) = match profile.as_ref() {
                Profile::Numeric(p) => ("numeric", p.absences.total(), p.grid.len(), p.is_whole()),
                Profile::Category(p) => ("category", p.absences.total(), p.categories.len(), true),
            };
            let (rows, id) = (profile.rows(), profile.id().to_owned());
            SeriesSummary { series: series.clone(), kind, rows, missing, points, exact, id }
        };
        self.series.iter().map(summary).collect()
    }
}

/// Compares the second reference with the first, series by series.
#[must_use]
pub fn diff(a: &Reference, b: &Reference) -> Vec<SeriesDiff> {
    let names: BTreeSet<&String> = a.series.keys().chain(b.series.keys()).collect();
    names
        .into_iter()
        .map(|name| {
            let (left, right) = (a.series.get(name), b.series.get(name));
            let on_first = match (left, right) {
                (Some(left), Some(right)) => on_grid(left, right),
                _ => None,
            };
            let change = match (left, right) {
                (None, _) => "added",
                (_, None) => "removed",
                (Some(left), Some(right)) if left.id() == right.id() => "same",
                (Some(_), Some(_)) if on_first.is_none() => "retyped",
                _ => "changed",
            };
            let psi = left.zip(on_first).and_then(|(left, counts)| psi(left, &counts));
            SeriesDiff {
                series: name.clone(),
                change,
                psi,
                rows_a: left.map(|p| p.rows()),
                rows_b: right.map(|p| p.rows()),
            }
        })
        .collect()
}

/// The second's distribution on the first one's cells: a point's mass goes to its code, the mass
/// between two points to the code of the upper one.
fn on_grid(first: &Profile, second: &Profile) -> Option<Counts> {
    let whole = second.whole();
    let mut counts = Counts::new(first.cells());
    counts.counted = whole.counted;
    counts.absences = whole.absences;
    match (first, second) {
        (Profile::Numeric(first), Profile::Numeric(second)) => {
            for (code, n) in whole.cells.iter().enumerate().filter(|(_, n)| **n > 0) {
                let value = second.grid.get(code / 2).or(second.grid.last())?;
                counts.cells[first.code(*value) as usize] += n;
            }
        }
        (Profile::Category(first), Profile::Category(second)) => {
            for (name, n) in &second.categories {
                counts.cells[first.cell(name)] += n;
            }
        }
        _ => return None,
    }
    Some(counts)
}

fn psi(first: &Profile, window: &Counts) -> Option<f64> {
    let kind = STATISTICS.iter().find(|kind| kind.name == "psi")?;
    let statistic = (kind.build)(&mut Params::default()).ok()?;
    let reference = first.whole();
    let pair = Pair { profile: first, reference: &reference, window };
    let sample = Sample { window: Some(window), pair: Some(pair), ..Sample::default() };
    statistic.score(&sample).ok().map(|score| score.value)
}
