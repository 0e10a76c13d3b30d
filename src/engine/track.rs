//! Evaluation history of one monitor, series and segment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::detect::{For, Reading, Severity};
use crate::event::{Span, Time};

/// A performance window that is not final yet.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct OpenWindow {
    /// Lines written for it.
    pub lines: u32,
}

/// What is remembered of past evaluations.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Track {
    /// End of the latest window with events.
    pub last_end: Option<Time>,
    /// End of the latest window with a score.
    pub last_scored: Option<Time>,
    /// Latest readings by window end; no-data windows leave no reading.
    readings: BTreeMap<Time, Reading>,
    /// Lines written per window end, for windows that may be restated.
    lines: BTreeMap<Time, u32>,
    /// Performance windows that are not final yet, by end.
    pub open: BTreeMap<Time, OpenWindow>,
}

impl Track {
    /// Counts a line of the window that ends at `end`; returns its revision.
    pub(super) fn revise(&mut self, end: Time) -> u32 {
        let lines = self.lines.entry(end).or_default();
        *lines += 1;
        *lines - 1
    }

    /// Whether the window that ends at `end` has a line already.
    pub(super) fn has_line(&self, end: Time) -> bool {
        self.lines.contains_key(&end)
    }

    /// Forgets the line counts of windows that nothing can restate.
    pub(super) fn forget_lines_before(&mut self, end: Time) {
        self.lines = self.lines.split_off(&end);
    }

    /// Files a reading; a restated window replaces its own.
    pub(super) fn file(
        &mut self,
        end: Time,
        reading: Option<Reading>,
        persistence: For,
        every: Span,
    ) {
        match reading {
            Some(reading) => {
                self.readings.insert(end, reading);
                self.last_scored = self.last_scored.max(Some(end));
            }
            None => {
                self.readings.remove(&end);
            }
        }
        let (_, n) = evaluations(persistence, every);
        while self.readings.len() > n {
            self.readings.pop_first();
        }
    }

    /// Whether `for` is met, and how badly.
    pub(super) fn firing(&self, persistence: For, every: Span) -> Option<Severity> {
        let (m, _) = evaluations(persistence, every);
        let beyond = |least: Severity| {
            self.readings.values().filter(|r| r.beyond.is_some_and(|s| s >= least)).count()
        };
        if beyond(Severity::Critical) >= m {
            Some(Severity::Critical)
        } else if beyond(Severity::Warning) >= m {
            Some(Severity::Warning)
        } else {
            None
        }
    }

    /// Whether a series that fired keeps its incident open.
    pub(super) fn holds(&self, persistence: For, every: Span) -> bool {
        let (m, _) = evaluations(persistence, every);
        self.readings.values().filter(|r| r.uncleared).count() >= m
    }
}

/// `for` as M of N evaluations: a length of time is all evaluations within it.
fn evaluations(persistence: For, every: Span) -> (usize, usize) {
    match persistence {
        For::Evaluations { m, n } => (m, n),
        For::Lasting(span) => {
            let n = (span.0 + every.0 - 1) / every.0.max(1);
            let n = usize::try_from(n.max(1)).unwrap_or(1);
            (n, n)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Span = Span(10);

    fn reading(beyond: Option<Severity>, uncleared: bool) -> Option<Reading> {
        Some(Reading { beyond, uncleared })
    }

    #[test]
    fn two_of_three_fires_and_holds_until_two_of_three_are_clear() {
        let persistence = For::Evaluations { m: 2, n: 3 };
        let mut track = Track::default();
        let bad = reading(Some(Severity::Warning), true);
        let good = reading(None, false);
        for (end, what, fires, holds) in [
            (10, bad, false, false),
            (20, good, false, false),
            (30, bad, true, true),
            (40, good, false, false),
        ] {
            track.file(Time(end), what, persistence, EVERY);
            assert_eq!(track.firing(persistence, EVERY).is_some(), fires, "{end}");
            assert_eq!(track.holds(persistence, EVERY), holds, "{end}");
        }
    }

    #[test]
    fn no_data_changes_nothing_and_a_restatement_replaces_its_slot() {
        let persistence = For::Evaluations { m: 2, n: 2 };
        let mut track = Track::default();
        let bad = reading(Some(Severity::Critical), true);
        track.file(Time(10), bad, persistence, EVERY);
        track.file(Time(20), None, persistence, EVERY);
        track.file(Time(30), bad, persistence, EVERY);
        assert_eq!(track.firing(persistence, EVERY), Some(Severity::Critical));
        track.file(Time(10), reading(None, false), persistence, EVERY);
        assert_eq!(track.firing(persistence, EVERY), None);
    }

    #[test]
    fn a_length_of_time_means_all_evaluations_within_it() {
        assert_eq!(evaluations(For::Lasting(Span(30)), EVERY), (3, 3));
        assert_eq!(evaluations(For::Lasting(Span(5)), EVERY), (1, 1));
    }
}
