//! Evaluation history of one monitor, series and segment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::revisions::{Revisions, Said};
use crate::detect::{Detector, For, Memory, NoData, Observation, Reading, Severity};
use crate::event::{Span, Time};
use crate::lines::Verdict;

/// What is remembered of past evaluations.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Track {
    /// End of the latest window with events.
    pub last_end: Option<Time>,
    /// End of the latest window with a score.
    pub last_scored: Option<Time>,
    /// Latest readings by window end; no-data windows leave no reading.
    readings: BTreeMap<Time, Reading>,
    /// What was said about windows that may be restated; stored apart.
    #[serde(skip)]
    pub revisions: Revisions,
    /// What a sequential detector keeps from window to window.
    pub memory: Memory,
}

impl Track {
    /// Counts a line of the window that ends at `end`; returns its revision, and whether it says
    /// something else than the line before.
    pub(super) fn revise(&mut self, end: Time, verdict: Verdict) -> (u32, bool) {
        let said = self.revisions.change(end, Said { lines: 0, verdict, reading: None });
        let changed = said.verdict != verdict;
        said.lines += 1;
        said.verdict = verdict;
        (said.lines - 1, changed)
    }

    /// Whether the detector has read the window that ends at `end`.
    pub(super) fn has_reading(&self, end: Time) -> bool {
        self.revisions.of(end).is_some_and(|said| said.reading.is_some())
    }

    /// The detector's reading of the window that ends at `end`. A sequential detector takes each
    /// window once: a restated one keeps its first reading.
    pub(super) fn read(
        &mut self,
        end: Time,
        detector: &dyn Detector,
        seen: &Observation<'_>,
    ) -> Result<Reading, NoData> {
        let first = self.revisions.of(end).and_then(|said| said.reading);
        match first.filter(|_| detector.is_sequential()) {
            Some(reading) => Ok(reading),
            None => detector.read(seen, &mut self.memory),
        }
    }

    /// Whether the window that ends at `end` has a line already.
    pub(super) fn has_line(&self, end: Time) -> bool {
        self.revisions.of(end).is_some()
    }

    /// Files a reading; a restated window replaces its own.
    pub(super) fn file(
        &mut self,
        end: Time,
        reading: Option<Reading>,
        persistence: For,
        every: Span,
        patience: Span,
    ) {
        // What was seen before so long a silence says nothing about now.
        if self.last_scored.is_some_and(|last| last + patience < end) {
            self.readings.clear();
        }
        self.revisions.note(end, reading);
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

    /// Whether it was judged recently enough, at a window's end, to hold anything.
    pub(super) fn fresh(&self, end: Time, patience: Span) -> bool {
        self.last_scored.is_some_and(|last| last + patience >= end)
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
    use super::super::revisions::Hour;
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
            track.file(Time(end), what, persistence, EVERY, Span(1000));
            assert_eq!(track.firing(persistence, EVERY).is_some(), fires, "{end}");
            assert_eq!(track.holds(persistence, EVERY), holds, "{end}");
        }
    }

    #[test]
    fn no_data_changes_nothing_and_a_restatement_replaces_its_slot() {
        let persistence = For::Evaluations { m: 2, n: 2 };
        let mut track = Track::default();
        let bad = reading(Some(Severity::Critical), true);
        track.file(Time(10), bad, persistence, EVERY, Span(1000));
        track.file(Time(20), None, persistence, EVERY, Span(1000));
        track.file(Time(30), bad, persistence, EVERY, Span(1000));
        assert_eq!(track.firing(persistence, EVERY), Some(Severity::Critical));
        track.file(Time(10), reading(None, false), persistence, EVERY, Span(1000));
        assert_eq!(track.firing(persistence, EVERY), None);
    }

    /// Says critical once it has taken three windows.
    #[derive(Debug)]
    struct Third;

    impl Detector for Third {
        fn name(&self) -> &'static str {
            "third"
        }

        fn read(&self, _: &Observation<'_>, memory: &mut Memory) -> Result<Reading, NoData> {
            let taken = memory.recall::<u32>("third", 1) + 1;
            memory.keep("third", 1, &taken);
            let beyond = (taken >= 3).then_some(Severity::Critical);
            Ok(Reading { beyond, uncleared: beyond.is_some() })
        }

        fn is_sequential(&self) -> bool {
            true
        }
    }

    /// One window through the detector, as the engine does it.
    fn judge(track: &mut Track, end: i64) -> Reading {
        let reading = track.read(Time(end), &Third, &Observation::of(0.0)).unwrap();
        track.revise(Time(end), Verdict::Ok);
        track.file(Time(end), Some(reading), Third.persistence(), EVERY, Span(1000));
        reading
    }

    #[test]
    fn a_sequential_detector_takes_a_restated_window_once_and_survives_a_restart() {
        let mut track = Track::default();
        let mut fires = Vec::new();
        for end in [10, 20, 20, 10, 20, 30, 10] {
            fires.push(judge(&mut track, end).beyond.is_some());
            let hours = postcard::to_stdvec(&track.revisions.take_changed()).unwrap();
            track = postcard::from_bytes(&postcard::to_stdvec(&track).unwrap()).unwrap();
            for (_, ends) in postcard::from_bytes::<Vec<Hour>>(&hours).unwrap() {
                track.revisions.restore(ends);
            }
            track.revisions.mark_all();
        }
        assert_eq!(fires, [false, false, false, false, false, true, false]);
    }

    #[test]
    fn a_window_without_a_reading_is_taken_when_it_has_one() {
        let mut track = Track::default();
        track.revise(Time(10), Verdict::NoData);
        track.file(Time(10), None, Third.persistence(), EVERY, Span(1000));
        for _ in 0..3 {
            judge(&mut track, 10);
        }
        assert_eq!(track.memory.recall::<u32>("third", 1), 1);
    }

    #[test]
    fn readings_from_before_a_long_silence_do_not_count() {
        let persistence = For::Evaluations { m: 2, n: 2 };
        let mut track = Track::default();
        let bad = reading(Some(Severity::Critical), true);
        track.file(Time(10), bad, persistence, EVERY, Span(100));
        track.file(Time(111), bad, persistence, EVERY, Span(100));
        assert_eq!(track.firing(persistence, EVERY), None);
        assert!(track.fresh(Time(211), Span(100)) && !track.fresh(Time(212), Span(100)));
    }

    #[test]
    fn a_revision_says_whether_the_verdict_changed() {
        let mut track = Track::default();
        assert_eq!(track.revise(Time(10), Verdict::Ok), (0, false));
        assert_eq!(track.revise(Time(20), Verdict::Critical), (0, false));
        assert_eq!(track.revise(Time(10), Verdict::Ok), (1, false));
        assert_eq!(track.revise(Time(10), Verdict::Critical), (2, true));
    }

    #[test]
    fn a_length_of_time_means_all_evaluations_within_it() {
        assert_eq!(evaluations(For::Lasting(Span(30)), EVERY), (3, 3));
        assert_eq!(evaluations(For::Lasting(Span(5)), EVERY), (1, 1));
    }
}
