//! The judging law: each pane boundary once, ascending; within it by monitor, version, series and
//! segment.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::clocks::Watermarks;
use super::model::{Group, Model, TrackKey};
use super::round::{Round, close_round};
use super::score::{Contents, Judged, Unit};
use super::segments::{SegmentIx, WHOLE};
use super::track::Track;
use crate::event::{Span, Time};
use crate::plan::{MonitorPlan, WindowPlan};

/// Which of the two watermarks judges a monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Drift,
    Performance,
}

impl Model {
    /// Judges the next thing that the watermarks allow; `None` when there is nothing left.
    pub(super) fn judge_next(&mut self, watermarks: Watermarks) -> Option<Vec<Round>> {
        if !self.restated.is_empty() {
            return Some(self.judge_restated());
        }
        for (side, watermark) in
            [(Side::Drift, watermarks.drift), (Side::Performance, watermarks.performance)]
        {
            if let Some(boundary) = self.next_due(side, watermark) {
                let rounds = self.judge_boundary(side, boundary);
                self.note_judged(side, boundary);
                return Some(rounds);
            }
        }
        self.settle();
        None
    }

    /// The next boundary to judge. Where nothing is left in any window, the boundaries up to the
    /// watermark are done: a run of empty ones is judged when it ends.
    fn next_due(&mut self, side: Side, watermark: Time) -> Option<Time> {
        let width = self.width;
        let first = self.panes.keys().next()?.start;
        let judged = self.judged(side);
        let boundary = judged.map_or(first + width, |b| self.next_boundary(side, b));
        let last = self.last_interesting(side);
        if boundary <= watermark.min(last) {
            return Some(boundary);
        }
        let done = watermark.min(Time::MAX - width).floor_to(width);
        if watermark != Time::MAX && last < watermark && judged.is_some_and(|b| b < done) {
            self.note_judged(side, done);
        }
        None
    }

    fn judged(&self, side: Side) -> Option<Time> {
        match side {
            Side::Drift => self.ledger.judged_drift,
            Side::Performance => self.ledger.judged_performance,
        }
    }

    fn note_judged(&mut self, side: Side, boundary: Time) {
        self.dirty = true;
        match side {
            Side::Drift => self.ledger.judged_drift = Some(boundary),
            Side::Performance => self.ledger.judged_performance = Some(boundary),
        }
    }

    /// The last boundary at which some window may still hold an event.
    fn last_interesting(&self, side: Side) -> Time {
        let Some(last) = self.panes.keys().next_back().map(|k| k.start) else { return Time::MIN };
        let reach = last + self.plan.longest_window();
        match side {
            Side::Drift => reach,
            Side::Performance => reach + self.plan.within() + self.width,
        }
    }

    /// The next boundary, past a gap in which every window of every monitor is empty.
    fn next_boundary(&self, side: Side, boundary: Time) -> Time {
        let next = boundary + self.width;
        let reach = self.plan.longest_window()
            + if side == Side::Performance { self.plan.within() } else { Span(0) };
        let from =
            super::model::PaneKey { start: next - reach - self.width, version: 0, segment: 0 };
        match self.panes.range(from..).next() {
            Some((key, _)) if key.start >= next => key.start + self.width,
            _ => next,
        }
    }

    fn judge_boundary(&mut self, side: Side, boundary: Time) -> Vec<Round> {
        let mut all = Vec::new();
        let plan = self.plan.clone();
        for (place, monitor) in plan.monitors.iter().enumerate() {
            let WindowPlan::Time { length, every } = monitor.window else { continue };
            if side_of(monitor) != side {
                continue;
            }
            for group in self.groups_in_order(boundary) {
                let rounds = match side {
                    Side::Drift if boundary.floor_to(every) == boundary => {
                        vec![self.judge_drift(place, monitor, group, boundary, length, every)]
                    }
                    Side::Drift => Vec::new(),
                    Side::Performance => {
                        self.judge_performance(place, monitor, group, boundary, length, every)
                    }
                };
                all.extend(rounds.into_iter().filter(|r| !r.lines.is_empty()));
            }
        }
        all
    }

    fn groups_in_order(&self, boundary: Time) -> Vec<usize> {
        let mut groups: Vec<(Option<Arc<str>>, usize)> =
            (0..self.groups.len()).map(|g| (self.label(g, boundary), g)).collect();
        groups.sort();
        groups.into_iter().map(|(_, g)| g).collect()
    }

    fn judge_drift(
        &mut self,
        place: usize,
        monitor: &MonitorPlan,
        group_ix: usize,
        end: Time,
        length: Span,
        every: Span,
    ) -> Round {
        let mut group = self.take_group(group_ix);
        let members = self.members(group_ix);
        let version = self.label(group_ix, end);
        let mut judgements = Vec::new();
        let segments = self.units_of(monitor, end - length, end);
        for series in series_of(monitor) {
            let Some(start) = self.series_start(&group, &series) else { continue };
            for &segment in &segments {
                let unit = Unit {
                    monitor,
                    series: &series,
                    segment,
                    start: end - length,
                    end,
                    version: version.clone(),
                };
                if end <= start {
                    continue;
                }
                let contents = self.counted_contents(&mut group, &members, &unit);
                let key = track_key(monitor, &series, segment);
                let mut track = group.tracks.remove(&key).unwrap_or_default();
                if contents.events > 0 {
                    let reference = group.reference.clone();
                    if let Some(gap) = self.empty_run(&track, &unit, length, every) {
                        judgements.push((key.clone(), gap));
                    }
                    let full = unit.start >= start;
                    let mut judged =
                        self.judge_unit(&unit, &contents, reference.as_deref(), full, false);
                    self.file(group_ix, &key, &mut track, &mut judged, monitor, every);
                    judgements.push((key.clone(), judged));
                }
                group.tracks.insert(key, track);
            }
        }
        let round =
            close_round(place, monitor, group_ix, &mut group, end, version, judgements, every);
        self.groups[group_ix] = group;
        round
    }

    /// Judges the windows of a performance monitor that have something to say at `boundary`.
    fn judge_performance(
        &mut self,
        place: usize,
        monitor: &MonitorPlan,
        group_ix: usize,
        boundary: Time,
        length: Span,
        every: Span,
    ) -> Vec<Round> {
        let Some(outcomes) = self.plan.outcomes.clone() else { return Vec::new() };
        let mut rounds = Vec::new();
        let mut group = self.take_group(group_ix);
        let members = self.members(group_ix);
        let ends = window_ends(boundary, outcomes.within, self.width, every);
        for end in ends {
            let when = When {
                on_hop: boundary.floor_to(every) == boundary,
                due: boundary == (end + outcomes.due).ceil_to(self.width),
                last: boundary == (end + outcomes.within).ceil_to(self.width),
                past_due: boundary > (end + outcomes.due).ceil_to(self.width),
                at_due_only: !judged_by_coverage(monitor),
            };
            let early = when.on_hop && !when.past_due && !when.at_due_only;
            if !(when.due || when.last || early) {
                continue;
            }
            let mut judgements = Vec::new();
            let version = self.label(group_ix, end);
            let segments = self.units_of(monitor, end - length, end);
            for series in series_of(monitor) {
                let Some(start) = self.series_start(&group, &series) else { continue };
                if end <= start {
                    continue;
                }
                for &segment in &segments {
                    let unit = Unit {
                        monitor,
                        series: &series,
                        segment,
                        start: end - length,
                        end,
                        version: version.clone(),
                    };
                    let key = track_key(monitor, &series, segment);
                    let mut track = group.tracks.remove(&key).unwrap_or_default();
                    if when.last || !track.has_line(end) {
                        let judged = self
                            .judge_window(&unit, &group, &members, &track, boundary, when, start);
                        if let Some(mut judged) = judged {
                            if let Some(gap) = self.empty_run(&track, &unit, length, every) {
                                judgements.push((key.clone(), gap));
                            }
                            self.file(group_ix, &key, &mut track, &mut judged, monitor, every);
                            judgements.push((key.clone(), judged));
                        }
                    }
                    group.tracks.insert(key, track);
                }
            }
            rounds.push(close_round(
                place, monitor, group_ix, &mut group, end, version, judgements, every,
            ));
        }
        self.groups[group_ix] = group;
        rounds
    }

    /// A performance window at a boundary: judged when mature, given up at `due`, and judged for
    /// the last time when the wait is over.
    #[allow(clippy::too_many_arguments)]
    fn judge_window(
        &self,
        unit: &Unit<'_>,
        group: &Group,
        members: &[u32],
        _track: &Track,
        boundary: Time,
        when: When,
        start: Time,
    ) -> Option<Judged> {
        let reference = group.reference.as_deref();
        let contents: Contents = self.matched_contents(members, unit, boundary, reference);
        if contents.events == 0 {
            return None;
        }
        let mature = contents.coverage().unwrap_or(0.0) >= unit.monitor.min_coverage;
        let by_coverage = judged_by_coverage(unit.monitor);
        if by_coverage && !mature && !when.due && !when.last {
            return None;
        }
        let full = unit.start >= start;
        Some(self.judge_unit(unit, &contents, reference, full, by_coverage && !mature))
    }

    /// The windows without any event since the last one with some, as one line.
    fn empty_run(
        &self,
        track: &Track,
        unit: &Unit<'_>,
        length: Span,
        every: Span,
    ) -> Option<Judged> {
        let last = track.last_end?;
        if last + every >= unit.end {
            return None;
        }
        let from = super::model::PaneKey { start: last + every - length, version: 0, segment: 0 };
        let to = super::model::PaneKey { start: unit.end - every, version: 0, segment: 0 };
        let waits = |(key, pane): (&super::model::PaneKey, &crate::window::Pane)| {
            key.segment == unit.segment && pane.predictions > 0
        };
        if self.panes.range(from..to).any(waits) {
            return None;
        }
        let run = Unit { start: last + every - length, end: unit.end - every, ..unit.clone() };
        let judged = self.judge_unit(&run, &Contents::default(), None, true, false);
        let mut line = judged.line;
        line.reason = Some(crate::lines::NoData::NotEnoughEvents);
        line.verdict = crate::lines::Verdict::NoData;
        line.score = None;
        Some(Judged { line, reading: None, level: None, reference_score: None, bins: None })
    }

    /// Numbers the line, files its reading.
    fn file(
        &mut self,
        group: usize,
        key: &TrackKey,
        track: &mut Track,
        judged: &mut Judged,
        monitor: &MonitorPlan,
        every: Span,
    ) {
        let end = judged.line.window.end;
        judged.line.revision = track.revise(end);
        track.last_end = track.last_end.max(Some(end));
        track.file(end, judged.reading, monitor.detector.persistence(), every);
        let reach = self.plan.longest_window() + self.plan.within() + self.width;
        track.forget_lines_before(end - reach);
        self.dirty_tracks.insert((group, key.clone()));
    }

    /// Judged panes that a record changed after all: their drift windows get a higher revision.
    fn judge_restated(&mut self) -> Vec<Round> {
        let restated = std::mem::take(&mut self.restated);
        let mut rounds = Vec::new();
        let (Some(first), Some(judged)) = (restated.first(), self.ledger.judged_drift) else {
            return rounds;
        };
        for group in &mut self.groups {
            group.sums.clear();
        }
        let longest = self.plan.longest_window();
        let mut boundary = *first + self.width;
        while boundary <= judged {
            if restated.range(boundary - longest..boundary).next().is_some() {
                rounds.extend(self.judge_boundary(Side::Drift, boundary));
            }
            boundary = boundary + self.width;
        }
        rounds
    }

    /// Folds what has been judged and drops what nothing can read any more.
    fn settle(&mut self) {
        let Some(performance) = self.ledger.judged_performance else { return };
        let drift = self.ledger.judged_drift.unwrap_or(Time::MIN);
        let reach = self.plan.longest_window() + self.plan.within();
        let settled: Vec<_> = self
            .panes
            .iter_mut()
            .filter_map(|(key, pane)| pane.settle(performance).then_some(*key))
            .collect();
        self.dirty_panes.extend(settled);
        let oldest = performance.min(drift) - reach - self.width;
        if oldest > Time::MIN + reach {
            self.drop_panes_before(oldest);
        }
    }

    fn take_group(&mut self, group: usize) -> Group {
        let empty = Group {
            id: "".into(),
            reference: None,
            starts: Default::default(),
            tracks: Default::default(),
            latest: Default::default(),
            sums: Default::default(),
        };
        std::mem::replace(&mut self.groups[group], empty)
    }

    /// Start of the first whole pane of a series.
    fn series_start(&self, group: &Group, series: &Arc<str>) -> Option<Time> {
        let name: &str = if **series == *"outcome" { "model" } else { series };
        group.starts.get(name).map(|(_, earliest)| earliest.ceil_to(self.width))
    }

    /// The whole, and the segments of the monitor's dimensions that have events in the window.
    fn units_of(&self, monitor: &MonitorPlan, from: Time, to: Time) -> Vec<SegmentIx> {
        let mut units = vec![WHOLE];
        if monitor.by.is_empty() {
            return units;
        }
        let present: BTreeSet<SegmentIx> = self.segments_within(from, to);
        let mut sliced: Vec<SegmentIx> = present
            .into_iter()
            .filter(|s| monitor.by.contains(&self.segments.entry(*s).dimension))
            .collect();
        sliced
            .sort_by(|a, b| self.segments.entry(*a).segment.cmp(&self.segments.entry(*b).segment));
        units.extend(sliced);
        units
    }
}

/// Where a boundary stands in the life of a performance window.
#[derive(Debug, Clone, Copy)]
struct When {
    on_hop: bool,
    due: bool,
    past_due: bool,
    last: bool,
    at_due_only: bool,
}

/// Coverage and delay are judged when outcomes are due; metrics as soon as enough of them came.
fn judged_by_coverage(monitor: &MonitorPlan) -> bool {
    monitor.statistic.basis() != crate::stats::Basis::Coverage
}

fn side_of(monitor: &MonitorPlan) -> Side {
    let outcome_series = monitor.series.iter().any(|s| s == "outcome");
    if monitor.statistic.basis().needs_outcomes() || outcome_series {
        Side::Performance
    } else {
        Side::Drift
    }
}

fn series_of(monitor: &MonitorPlan) -> Vec<Arc<str>> {
    monitor.series.iter().map(|s| s.as_str().into()).collect()
}

fn track_key(monitor: &MonitorPlan, series: &Arc<str>, segment: SegmentIx) -> TrackKey {
    TrackKey { monitor: monitor.name.as_str().into(), series: series.clone(), segment }
}

/// Ends of windows that may be judged at `boundary`, ascending.
fn window_ends(boundary: Time, within: Span, width: Span, every: Span) -> Vec<Time> {
    let mut end = (boundary - within - width).ceil_to(every);
    let mut ends = Vec::new();
    while end <= boundary {
        ends.push(end);
        end = end + every;
    }
    ends
}
