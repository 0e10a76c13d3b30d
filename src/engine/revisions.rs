//! What was said about windows that may be restated, by window end.
//!
//! A long window with a short hop keeps thousands of ends. They are stored apart from the track that
//! they belong to, an hour of them per row, so that a commit writes the hours that changed and not
//! the length of the window.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::detect::Reading;
use crate::event::{Span, Time};
use crate::lines::Verdict;

/// Window ends that share a row: few enough to be written again for each of them, enough to
/// outweigh the row's key.
const ROW: Span = Span::from_secs(3_600);

/// What was said about one window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Said {
    /// How many lines.
    pub lines: u32,
    /// Verdict of the last one.
    pub verdict: Verdict,
    /// What the detector said, where it said anything.
    pub reading: Option<Reading>,
}

/// A row: the hour that it is about, and what was said about the windows that end in it.
pub(super) type Hour = (Time, Vec<(Time, Said)>);

/// What was said, by window end.
#[derive(Debug, Clone, Default)]
pub(super) struct Revisions {
    by_end: BTreeMap<Time, Said>,
    /// Hours that differ from what is stored.
    changed: BTreeSet<Time>,
}

/// The hour whose row holds a window's end.
pub(super) fn hour_of(end: Time) -> Time {
    end.floor_to(ROW)
}

impl Revisions {
    /// What was said about the window that ends at `end`.
    pub(super) fn of(&self, end: Time) -> Option<&Said> {
        self.by_end.get(&end)
    }

    /// The same, to be changed; without a line before, `first` stands there.
    pub(super) fn change(&mut self, end: Time, first: Said) -> &mut Said {
        self.changed.insert(end.floor_to(ROW));
        self.by_end.entry(end).or_insert(first)
    }

    /// Notes what the detector said about a window that has a line.
    pub(super) fn note(&mut self, end: Time, reading: Option<Reading>) {
        if let Some(said) = self.by_end.get_mut(&end) {
            self.changed.insert(end.floor_to(ROW));
            said.reading = reading;
        }
    }

    /// Forgets the windows that end before `end`.
    pub(super) fn forget_before(&mut self, end: Time) {
        while let Some(first) = self.by_end.first_entry().filter(|first| *first.key() < end) {
            self.changed.insert(hour_of(*first.key()));
            first.remove();
        }
    }

    /// The hours that changed since the last call, as they are now; an empty one is gone.
    pub(super) fn take_changed(&mut self) -> Vec<Hour> {
        let hours = std::mem::take(&mut self.changed).into_iter();
        hours
            .map(|hour| {
                let ends = self.by_end.range(hour..hour + ROW);
                (hour, ends.map(|(end, said)| (*end, *said)).collect())
            })
            .collect()
    }

    /// Lets the next commit write everything.
    pub(super) fn mark_all(&mut self) {
        self.changed.extend(self.by_end.keys().map(|end| hour_of(*end)));
    }

    /// Takes a stored row back.
    pub(super) fn restore(&mut self, ends: Vec<(Time, Said)>) {
        self.by_end.extend(ends);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Span = Span::from_secs(60);
    const ONCE: Said = Said { lines: 1, verdict: Verdict::Ok, reading: None };

    fn minute(minute: i64) -> Time {
        Time(minute * MINUTE.0)
    }

    #[test]
    fn a_commit_writes_the_hours_that_changed_however_many_there_are() {
        let mut said = Revisions::default();
        (0..2016).for_each(|i| said.change(minute(5 * i), ONCE).lines += 1);
        assert_eq!(said.take_changed().len(), 168);
        said.change(minute(5 * 2016), ONCE);
        said.forget_before(minute(5));
        let hours = said.take_changed();
        assert_eq!(
            hours.iter().map(|(hour, _)| *hour).collect::<Vec<_>>(),
            [minute(0), minute(168 * 60)]
        );
        assert_eq!(hours[0].1.len(), 11);
        assert_eq!(hours[1].1, [(minute(5 * 2016), ONCE)]);
    }

    #[test]
    fn an_hour_that_is_forgotten_is_written_empty() {
        let mut said = Revisions::default();
        (0..30).for_each(|i| said.change(minute(5 * i), ONCE).lines += 1);
        said.take_changed();
        said.forget_before(minute(60));
        assert_eq!(said.take_changed(), [(minute(0), vec![])]);
        assert!(said.of(minute(55)).is_none() && said.of(minute(60)).is_some());
    }

    #[test]
    fn what_is_stored_comes_back() {
        let mut said = Revisions::default();
        for end in [-61, -60, -1, 0, 59, 60] {
            said.change(minute(end), ONCE);
        }
        said.note(minute(59), Some(Reading { beyond: None, uncleared: true }));
        let mut back = Revisions::default();
        said.clone().take_changed().into_iter().for_each(|(_, ends)| back.restore(ends));
        assert_eq!(back.by_end, said.by_end);
        assert!(back.take_changed().is_empty());
        back.mark_all();
        assert_eq!(back.take_changed(), said.take_changed());
    }
}
