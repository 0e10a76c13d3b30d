//! References that are learnt from a version's first whole panes.
//!
//! A [`Learner`] keeps a sample of the version's predictions, pane by pane. Once the panes that
//! are closed reach what the configuration asks for, the reference is made of them; once their
//! outcomes are in, it is made again of the same rows with its metrics.

mod kept;
mod row;
mod teach;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::model::VersionIx;
use crate::event::{Span, Time};
use crate::plan::Learn;
pub(super) use kept::StoredLearning;
pub(super) use row::{Cell, Rank, Row};
pub(super) use teach::outcome_cell;

/// Most rows that a reference is learnt from: those of the lowest rank.
const MOST_ROWS: usize = 200_000;

/// How far the learning of one version has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// First whole pane, once known.
    from: Option<Time>,
    /// Boundary up to which panes have been taken.
    upto: Option<Time>,
    /// Predictions in them.
    events: u64,
    /// Boundary that ended the learning; outcomes may still come.
    end: Option<Time>,
}

/// Rows of one version that learns.
#[derive(Debug, Default)]
pub(super) struct Learner {
    pub progress: Progress,
    /// Rows of panes that are part of the reference.
    taken: BTreeMap<Rank, Row>,
    /// Rows of panes that are not closed yet, by their start.
    open: BTreeMap<Time, BTreeMap<Rank, Row>>,
    /// Rows that changed since the last commit.
    pub dirty: BTreeSet<Rank>,
}

/// All versions that learn, and what is in the store of those that do no more.
#[derive(Debug, Default)]
pub(super) struct Learning {
    pub by_version: BTreeMap<VersionIx, Learner>,
    /// Rows to be removed from the store.
    pub gone: Vec<(VersionIx, Rank)>,
    /// Versions whose progress or reference changed since the last commit.
    pub dirty: BTreeSet<VersionIx>,
}

impl Learner {
    /// Whether rows still come: the learning has not ended.
    pub(super) fn takes_rows(&self) -> bool {
        self.progress.end.is_none()
    }

    /// Keeps a row of the pane that begins at `start`, if its rank is low enough.
    pub(super) fn keep(&mut self, start: Time, rank: Rank, row: impl FnOnce() -> Row) {
        let closed = self.progress.upto.is_some_and(|upto| start < upto);
        let rows = match closed {
            true => &mut self.taken,
            false => self.open.entry(start).or_default(),
        };
        if rows.len() >= MOST_ROWS && rows.last_key_value().is_some_and(|(last, _)| *last < rank) {
            return;
        }
        rows.insert(rank, row());
        self.dirty.insert(rank);
        while rows.len() > MOST_ROWS {
            self.dirty.extend(rows.pop_last().map(|(rank, _)| rank));
        }
    }

    /// Puts a stored row back.
    pub(super) fn restore(&mut self, rank: Rank, row: Row, width: Span) {
        let start = row.time.floor_to(width);
        let closed = self.progress.upto.is_some_and(|upto| start < upto);
        match closed {
            true => self.taken.insert(rank, row),
            false => self.open.entry(start).or_default().insert(rank, row),
        };
    }

    /// Takes the panes before `boundary`, which hold `events` predictions of the version from its
    /// first whole pane (at `from`) on; true when enough has been seen.
    pub(super) fn close(&mut self, from: Time, boundary: Time, events: u64, goal: Learn) -> bool {
        self.progress.from = Some(from);
        self.progress.upto = Some(boundary);
        self.progress.events += events;
        while let Some(pane) = self.open.first_entry().filter(|pane| *pane.key() < boundary) {
            let (start, rows) = pane.remove_entry();
            if start < from {
                self.dirty.extend(rows.into_keys());
                continue;
            }
            self.taken.extend(rows);
            while self.taken.len() > MOST_ROWS {
                self.dirty.extend(self.taken.pop_last().map(|(rank, _)| rank));
            }
        }
        let reached = match goal {
            Learn::Span(span) => boundary - from >= span,
            Learn::Events(n) => self.progress.events >= n,
        };
        if reached {
            self.progress.end = Some(boundary);
            self.dirty.extend(self.open.values().flat_map(|rows| rows.keys().copied()));
            self.open.clear();
        }
        reached
    }

    /// What is known of the outcome of a prediction; `Cell::Missing` takes it back.
    pub(super) fn learn_outcome(&mut self, id: u128, time: Time, outcome: &Cell) {
        let least = Rank { hash: id, partition: 0, offset: i64::MIN };
        let most = Rank { hash: id, partition: u64::MAX, offset: i64::MAX };
        let open = self.open.values_mut().flat_map(|rows| rows.range_mut(least..=most));
        for (rank, row) in self.taken.range_mut(least..=most).chain(open) {
            if row.time == time && row.outcome != *outcome {
                row.outcome = outcome.clone();
                self.dirty.insert(*rank);
            }
        }
    }

    /// A kept row.
    pub(super) fn row(&self, rank: &Rank) -> Option<&Row> {
        self.taken.get(rank).or_else(|| self.open.values().find_map(|rows| rows.get(rank)))
    }

    /// Every kept row's rank.
    pub(super) fn ranks(&self) -> impl Iterator<Item = Rank> {
        self.taken.keys().chain(self.open.values().flat_map(BTreeMap::keys)).copied()
    }
}

impl Learning {
    /// Whether any version takes rows; asked per batch.
    pub(super) fn takes_rows(&self) -> bool {
        self.by_version.values().any(Learner::takes_rows)
    }

    /// A version learns, or goes on learning.
    pub(super) fn begin(&mut self, version: VersionIx) {
        self.by_version.entry(version).or_insert_with(|| {
            self.dirty.insert(version);
            Learner::default()
        });
    }

    /// Ends the learning of a version; its rows leave the store.
    pub(super) fn finish(&mut self, version: VersionIx) {
        if let Some(learner) = self.by_version.remove(&version) {
            self.gone.extend(learner.ranks().chain(learner.dirty.clone()).map(|r| (version, r)));
            self.dirty.insert(version);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Batch, Numbers};

    const HOUR: Span = Span(3_600_000_000);

    fn rows(learner: &mut Learner, start: Time, n: i64) {
        let mut batch = Batch { numbers: vec![Numbers::default()], ..Batch::default() };
        for i in 0..n {
            batch.times.push(start + Span(i));
            batch.numbers[0].push(i as f64);
        }
        for i in 0..n as usize {
            let rank = Rank::of(None, 7, start.0 + i as i64);
            learner.keep(start, rank, || Row::of(&batch, i));
        }
    }

    #[test]
    fn whole_closed_panes_count_and_nothing_else() {
        let mut learner = Learner::default();
        for hour in 0..4 {
            rows(&mut learner, Time(0) + Span(hour * HOUR.0), 10);
        }
        let at = |hour: i64| Time(hour * HOUR.0);
        // The first pane was not seen whole.
        assert!(!learner.close(at(1), at(2), 10, Learn::Span(Span(2 * HOUR.0))));
        assert!(learner.close(at(1), at(3), 10, Learn::Span(Span(2 * HOUR.0))));
        assert_eq!(learner.ranks().count(), 20);
        assert!(learner.taken.values().all(|row| row.time >= at(1) && row.time < at(3)));
        assert!(!learner.takes_rows());
    }

    #[test]
    fn the_lowest_ranks_stay_whatever_the_order() {
        let (mut one, mut other) = (Learner::default(), Learner::default());
        let row = Row::of(&Batch { times: vec![Time(0)], ..Batch::default() }, 0);
        let ranks: Vec<Rank> = (0..MOST_ROWS as i64 + 500).map(|i| Rank::of(None, 1, i)).collect();
        for rank in &ranks {
            one.keep(Time(0), *rank, || row.clone());
        }
        for rank in ranks.iter().rev() {
            other.keep(Time(0), *rank, || row.clone());
        }
        assert_eq!(one.ranks().count(), MOST_ROWS);
        assert!(one.ranks().eq(other.ranks()));
    }
}
