//! One pane of one model version and segment.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::matches::merge_performance;
use super::{Matches, PaneCounts};
use crate::event::Time;
use crate::stats::{ExpectedLosses, Performance};

/// The smallest range of offsets that holds all records of interest; `to` is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// First offset.
    pub from: i64,
    /// One past the last offset.
    pub to: i64,
}

impl Extent {
    /// Widens a map of extents by one record.
    pub fn widen(extents: &mut BTreeMap<u32, Extent>, partition: u32, offset: i64) {
        Extent::merge(extents, partition, Extent { from: offset, to: offset + 1 });
    }

    /// Widens a map of extents by a range.
    pub fn merge(extents: &mut BTreeMap<u32, Extent>, partition: u32, other: Extent) {
        extents
            .entry(partition)
            .and_modify(|e| {
                *e = Extent { from: e.from.min(other.from), to: e.to.max(other.to) };
            })
            .or_insert(other);
    }
}

/// Counts of one pane by name of series.
pub type SeriesCounts = BTreeMap<Arc<str>, PaneCounts>;

/// Everything that is kept of one pane of one version, of the whole or of one segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pane {
    /// Accepted predictions.
    pub predictions: u64,
    /// Those with a prediction value: only they can match.
    pub answerable: u64,
    /// Outcome records that met a prediction in time, repeats included.
    pub outcomes: u64,
    /// Repeats of a prediction that the `repeats` rule set aside.
    pub duplicates: u64,
    /// Predictions that came after the pane had closed for their partition.
    pub late: u64,
    /// Counts by name of series: a row of their own, since they are large and seldom change once
    /// the pane is closed. `None` while only the store holds them.
    #[serde(skip)]
    pub series: Option<SeriesCounts>,
    /// Sums over matches that arrived in hops already passed.
    pub settled: Matches,
    /// Sums over matches by the hop of their arrival (start of the hop).
    pub arriving: BTreeMap<Time, Matches>,
    /// What every answerable prediction would count under the assumed outcome.
    pub as_assumed: Option<Performance>,
    /// Losses that its events expect: written behind the pane in its row, which older rows end
    /// without.
    #[serde(skip)]
    pub losses: Option<ExpectedLosses>,
    /// Offsets of accepted predictions, by partition.
    pub prediction_extents: BTreeMap<u32, Extent>,
    /// Offsets of matched outcomes, by partition.
    pub outcome_extents: BTreeMap<u32, Extent>,
}

impl Pane {
    /// An empty pane; `performance` holds the empty sums of the model.
    #[must_use]
    pub fn empty(performance: Option<Performance>, assumes: bool) -> Pane {
        Pane {
            predictions: 0,
            answerable: 0,
            outcomes: 0,
            duplicates: 0,
            late: 0,
            series: Some(SeriesCounts::new()),
            as_assumed: performance.clone().filter(|_| assumes),
            settled: Matches::empty(performance, assumes),
            arriving: BTreeMap::new(),
            losses: None,
            prediction_extents: BTreeMap::new(),
            outcome_extents: BTreeMap::new(),
        }
    }

    /// Folds the hops before `boundary` into the settled sums; true if there were any.
    pub fn settle(&mut self, boundary: Time) -> bool {
        let later = self.arriving.split_off(&boundary);
        let passed = std::mem::replace(&mut self.arriving, later);
        for hop in passed.values() {
            self.settled.merge(hop);
        }
        !passed.is_empty()
    }

    /// Takes in the pane beside it, when panes become wider; the counts of both must be at hand.
    /// Counts of another reference are left out: they never merge.
    pub fn absorb(&mut self, other: Pane) {
        self.predictions += other.predictions;
        self.answerable += other.answerable;
        self.outcomes += other.outcomes;
        self.duplicates += other.duplicates;
        self.late += other.late;
        let series = self.series.get_or_insert_default();
        for (name, counts) in other.series.into_iter().flatten() {
            match series.get_mut(&name) {
                Some(mine) if mine.reference == counts.reference => mine.absorb(&counts),
                Some(_) => {}
                None => {
                    series.insert(name, counts);
                }
            }
        }
        self.settled.merge(&other.settled);
        for (hop, matches) in other.arriving {
            match self.arriving.get_mut(&hop) {
                Some(mine) => mine.merge(&matches),
                None => {
                    self.arriving.insert(hop, matches);
                }
            }
        }
        merge_performance(&mut self.as_assumed, other.as_assumed.as_ref());
        if let Some(losses) = &other.losses {
            self.losses.get_or_insert_default().merge(losses);
        }
        for (partition, extent) in other.prediction_extents {
            Extent::merge(&mut self.prediction_extents, partition, extent);
        }
        for (partition, extent) in other.outcome_extents {
            Extent::merge(&mut self.outcome_extents, partition, extent);
        }
    }

    /// All matches that the log holds, whenever they arrived.
    #[must_use]
    pub fn all_matches(&self) -> Matches {
        let mut sums = self.settled.clone();
        self.arriving.values().for_each(|hop| sums.merge(hop));
        sums
    }

    /// Predictions whose outcome is assumed once their wait is over, given these matches.
    #[must_use]
    pub fn assumed(&self, matches: &Matches) -> u64 {
        if self.as_assumed.is_none() {
            return 0;
        }
        self.answerable.saturating_sub(matches.matched.max(0) as u64)
    }

    /// The performance of the assumed outcomes, given these matches.
    #[must_use]
    pub fn assumed_performance(&self, matches: &Matches) -> Option<Performance> {
        let mut sums = self.as_assumed.clone()?;
        if let Some(taken) = &matches.as_assumed {
            sums.subtract(taken);
        }
        Some(sums)
    }
}
