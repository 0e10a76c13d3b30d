//! Panes as rows: what changes with every outcome apart from the counts, which are large and seldom
//! change once a pane is closed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::axis::Along;
use super::io::{Change, Table};
use super::model::{Model, PaneKey};
use super::rows::{StateError, read, read_part, row, text_key};
use crate::event::Time;
use crate::lines::Segment;
use crate::plan::EXPECTED_LOSS;
use crate::stats::ExpectedLosses;
use crate::window::{Pane, SeriesCounts};

/// A pane of event time without its counts: start, version, segment.
pub(super) type StoredPane = (Time, String, Segment, Pane);
/// A pane along a line of counts, whole: few are kept.
type StoredCounted = (Along, StoredPane, SeriesCounts);

/// A pane out of a row of [`Table::Panes`].
pub(super) fn timed_pane(value: &[u8]) -> Result<StoredPane, StateError> {
    let (mut stored, rest): (StoredPane, _) = read_part(Table::Panes, value)?;
    stored.3.losses = losses(Table::Panes, rest)?;
    Ok(stored)
}

/// What follows a pane in its row; older rows end before it.
fn losses(table: Table, rest: &[u8]) -> Result<Option<ExpectedLosses>, StateError> {
    if rest.is_empty() { Ok(None) } else { read(table, rest) }
}

/// A pane out of a row of [`Table::Counted`].
pub(super) fn counted_pane(value: &[u8]) -> Result<(Along, StoredPane), StateError> {
    let ((along, mut stored, counts), rest): (StoredCounted, _) = read_part(Table::Counted, value)?;
    stored.3.losses = losses(Table::Counted, rest)?;
    stored.3.series = Some(counts);
    Ok((along, stored))
}

impl Model {
    pub(super) fn pane_row(&self, along: Along, key: PaneKey) -> Change {
        let row_key = self.pane_key(along, key);
        let version = &**self.ledger.lexicon.name(key.version);
        let segment = &self.segments.entry(key.segment).segment;
        // Encodes as a `StoredPane` or a `StoredCounted`, without a copy of the pane.
        let pane = self.axis(along).panes.get(&key);
        let stored = pane.map(|pane| (key.start, version, segment, pane));
        let losses = pane.and_then(|pane| pane.losses.as_ref());
        if along == Along::Time {
            return row(Table::Panes, row_key, stored.map(|stored| (stored, losses)).as_ref());
        }
        let none = SeriesCounts::new();
        let whole =
            stored.map(|stored| (along, stored, stored.3.series.as_ref().unwrap_or(&none), losses));
        row(Table::Counted, row_key, whole.as_ref())
    }

    pub(super) fn counts_row(&self, key: PaneKey) -> Change {
        let counts = self.time.panes.get(&key).and_then(|pane| pane.series.as_ref());
        row(Table::Counts, self.pane_key(Along::Time, key), counts)
    }

    /// Key of a pane's rows.
    pub(super) fn pane_key(&self, along: Along, key: PaneKey) -> Vec<u8> {
        let version = self.ledger.lexicon.name(key.version);
        row_key(&self.stem, along, key.start, version, &self.segments.entry(key.segment).segment)
    }

    /// Takes a stored pane back. Where panes became wider, or series have another path (`changed`
    /// names them), its counts are read and stored anew.
    pub(super) fn take_pane_back(
        &mut self,
        along: Along,
        stored: StoredPane,
        changed: Option<&BTreeSet<Arc<str>>>,
    ) {
        let Some((stored, mut pane)) = self.stored_key(along, stored) else { return };
        let key = PaneKey { start: self.axis(along).start_of(stored.start), ..stored };
        if let Some(moved) = changed {
            let shelved = || self.shelved(along, stored);
            let mut counts = pane.series.take().unwrap_or_else(shelved);
            counts.retain(|series, _| !moved.contains(series));
            pane.losses = pane.losses.filter(|_| !moved.contains(EXPECTED_LOSS));
            pane.series = Some(counts);
            let axis = self.axis_mut(along);
            axis.dirty.extend([key, stored]);
            axis.dirty_counts.extend([key, stored]);
        }
        if along == Along::Time
            && let Some(version) = self.versions.get_mut(&stored.version)
        {
            version.last_pane = version.last_pane.max(stored.start);
        }
        self.axis_mut(along).take_back(key, pane);
    }

    /// Removes the rows of a stored pane that serves no more.
    pub(super) fn drop_stored(&mut self, along: Along, stored: StoredPane) {
        let Some((key, _)) = self.stored_key(along, stored) else { return };
        let axis = self.axis_mut(along);
        axis.dirty.insert(key);
        axis.dirty_counts.insert(key);
    }

    /// Where a stored pane lies; of a segment that nobody slices by any more its rows are orphans.
    fn stored_key(
        &mut self,
        along: Along,
        (start, version, segment, pane): StoredPane,
    ) -> Option<(PaneKey, Pane)> {
        let Some(place) = self.segments.find(&segment) else {
            let key = row_key(&self.stem, along, start, &version, &segment);
            if along == Along::Time {
                self.orphans.extend([(Table::Panes, key.clone()), (Table::Counts, key)]);
            } else {
                self.orphans.push((Table::Counted, key));
            }
            return None;
        };
        let version = self.ledger.lexicon.number(&version);
        Some((PaneKey { start, version, segment: place }, pane))
    }
}

fn row_key(stem: &str, along: Along, start: Time, version: &str, segment: &Segment) -> Vec<u8> {
    let (start, segment) = (start.0.to_string(), segment.to_string());
    match along {
        Along::Time => text_key(&[stem, &start, version, &segment]),
        _ => text_key(&[stem, along.name(), &start, version, &segment]),
    }
}
