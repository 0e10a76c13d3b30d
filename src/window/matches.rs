//! Sums over pairs of prediction and outcome.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::stats::{Delays, Performance};

/// What matched outcomes add to a pane. All counts are signed: what arrives in one hop may take
/// back what came in an earlier one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Matches {
    /// Predictions with an outcome.
    pub matched: i64,
    /// Sums of the task's errors; `None` for a model without a task.
    pub performance: Option<Performance>,
    /// Sums of what the matched predictions would count under the assumed outcome, to be taken
    /// out of [`super::Pane::as_assumed`].
    pub as_assumed: Option<Performance>,
    /// Outcome time minus prediction time.
    pub delays: Delays,
    /// Outcomes by code, where the outcome itself is watched.
    pub outcomes: BTreeMap<u32, i64>,
}

impl Matches {
    /// No match yet; `performance` holds the empty sums of the model.
    #[must_use]
    pub fn empty(performance: Option<Performance>, assumes: bool) -> Matches {
        Matches {
            matched: 0,
            as_assumed: performance.clone().filter(|_| assumes),
            performance,
            delays: Delays::default(),
            outcomes: BTreeMap::new(),
        }
    }

    /// Adds other sums.
    pub fn merge(&mut self, other: &Matches) {
        self.matched += other.matched;
        merge_performance(&mut self.performance, other.performance.as_ref());
        merge_performance(&mut self.as_assumed, other.as_assumed.as_ref());
        self.delays.merge(&other.delays);
        for (&code, &n) in &other.outcomes {
            let sum = self.outcomes.entry(code).or_default();
            *sum += n;
            if *sum == 0 {
                self.outcomes.remove(&code);
            }
        }
    }
}

/// Adds `other` where there is one; a missing left side becomes a copy.
pub(super) fn merge_performance(into: &mut Option<Performance>, other: Option<&Performance>) {
    match (into, other) {
        (Some(sums), Some(other)) => sums.merge(other),
        (slot @ None, Some(other)) => *slot = Some(other.clone()),
        (_, None) => {}
    }
}
