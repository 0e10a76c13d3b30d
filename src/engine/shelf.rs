//! Counts of closed panes leave memory: only the store holds them once they are durable, and they
//! are read back one pane at a time as a window leaves it behind.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::Engine;
use super::axis::Along;
use super::io::Table;
use super::model::{Model, PaneKey};
use super::rows::{StateError, read};
use super::segments::WHOLE;
use crate::event::Time;
use crate::window::{Pane, SeriesCounts};

/// Where the counts of closed panes lie.
pub trait Shelf: fmt::Debug + Send + Sync {
    /// The counts at a key of [`Table::Counts`], as [`Engine::changes`] last wrote them; empty
    /// where it wrote none. What cannot be read is for the shelf to report: nothing that the
    /// engine does with it may be committed then.
    fn counts(&self, key: &[u8]) -> SeriesCounts;
}

/// Counts out of a row of [`Table::Counts`].
///
/// # Errors
/// The row cannot be read: the store is damaged or newer.
pub fn counts_of(row: &[u8]) -> Result<SeriesCounts, StateError> {
    read(Table::Counts, row)
}

impl Engine {
    /// From now on the counts of judged panes leave memory with [`Engine::changes`].
    pub fn shelve_on(&mut self, shelf: &Arc<dyn Shelf>) {
        for model in &mut self.models {
            model.shelf = Some(shelf.clone());
        }
    }
}

impl Model {
    /// The counts of a pane, wherever they are.
    pub(super) fn counts_of<'a>(
        &self,
        along: Along,
        key: PaneKey,
        pane: &'a Pane,
    ) -> Cow<'a, SeriesCounts> {
        match &pane.series {
            Some(series) => Cow::Borrowed(series),
            None => Cow::Owned(self.shelved(along, key)),
        }
    }

    /// Has the counts of a pane at hand before anything is added to them.
    pub(super) fn bring_back(&mut self, along: Along, key: PaneKey) {
        if self.axis(along).panes.get(&key).is_some_and(|pane| pane.series.is_none()) {
            let counts = self.shelved(along, key);
            self.axis_mut(along).pane(key).series = Some(counts);
        }
    }

    pub(super) fn shelved(&self, along: Along, key: PaneKey) -> SeriesCounts {
        let shelf = self.shelf.as_ref();
        shelf.map(|shelf| shelf.counts(&self.pane_key(along, key))).unwrap_or_default()
    }

    /// Lets go of the counts of judged panes; those in `written` were changed after that.
    pub(super) fn shelve(&mut self, written: &BTreeSet<PaneKey>) {
        let Some(judged) = self.ledger.judged_drift.filter(|_| self.shelf.is_some()) else {
            return;
        };
        let at = |start: Time| PaneKey { start, version: 0, segment: WHOLE };
        let axis = &mut self.time;
        for (_, pane) in axis.panes.range_mut(at(axis.shelved_to.min(judged))..at(judged)) {
            pane.series = None;
        }
        for key in written.range(..at(judged)) {
            if let Some(pane) = axis.panes.get_mut(key) {
                pane.series = None;
            }
        }
        axis.shelved_to = judged;
    }
}
