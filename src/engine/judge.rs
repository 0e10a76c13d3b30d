//! The judging law: each pane boundary once, ascending; within it by monitor, version, series and
//! segment.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::axis::Along;
use super::clocks::Watermarks;
use super::conclude::{Read, sharing};
use super::contents::Contents;
use super::model::{Group, Model, PaneKey, TrackKey, VersionIx};
use super::round::{Round, close_round};
use super::score::{Frame, Judged, Unit};
use super::segments::{SegmentIx, WHOLE};
use super::track::Track;
use crate::event::{Span, Time};
use crate::lines::{NoData, Verdict};
use crate::plan::{MonitorPlan, WindowPlan};
use crate::policy::patience;
use crate::reference::Reference;
use crate::stats::Counts;
use crate::window::Pane;

/// Which of the two watermarks judges a monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Drift,
    Performance,
}

impl Model {
    /// Judges the next thing that the watermarks allow; `None` when there is nothing left.
    pub(super) fn judge_next(&mut self, watermarks: Watermarks) -> Option<Vec<Round>> {
        if !self.ledger.restated.is_empty() {
            return Some(self.judge_restated());
        }
        for along in [Along::Events, Along::Pairs] {
            if let Some(rounds) = self.judge_counted(along) {
                return Some(rounds);
            }
        }
        for (side, watermark) in
            [(Side::Drift, watermarks.drift), (Side::Performance, watermarks.performance)]
        {
            if let Some(boundary) = self.next_due(side, watermark) {
                if side == Side::Performance {
                    // Whatever is judged from here on counts what arrived before it.
                    self.time.settle(boundary);
                }
                let rounds = self.judge_boundary(side, boundary, None);
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
        let width = self.time.width;
        let first = self.time.panes.keys().next()?.start;
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
            Side::Drift => {
                self.ledger.judged_drift = Some(boundary);
                self.learn_panes(boundary);
            }
            Side::Performance => {
                self.ledger.judged_performance = Some(boundary);
                self.learn_outcomes(boundary);
            }
        }
    }

    /// The last boundary at which some window may still hold an event.
    fn last_interesting(&self, side: Side) -> Time {
        let Some(last) = self.time.panes.keys().next_back().map(|k| k.start) else {
            return Time::MIN;
        };
        let reach = last + self.plan.longest_window();
        match side {
            Side::Drift => reach,
            Side::Performance => reach + self.plan.within() + self.time.width,
        }
    }

    /// The next boundary, past a gap in which every window of every monitor is empty.
    fn next_boundary(&self, side: Side, boundary: Time) -> Time {
        let next = boundary + self.time.width;
        let reach = self.plan.longest_window()
            + if side == Side::Performance { self.plan.within() } else { Span(0) };
        let from = PaneKey { start: next - reach - self.time.width, version: 0, segment: WHOLE };
        match self.time.panes.range(from..).next() {
            Some((key, _)) if key.start >= next => key.start + self.time.width,
            _ => next,
        }
    }

    /// Judges every window that ends with a boundary; only those that hold a touched pane, where
    /// panes were restated.
    fn judge_boundary(
        &mut self,
        side: Side,
        boundary: Time,
        touched: Option<&BTreeSet<PaneKey>>,
    ) -> Vec<Round> {
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
                        let frame = Frame::of_time(boundary, length, every);
                        vec![self.judge_frame(place, monitor, group, frame, touched)]
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

    pub(super) fn groups_in_order(&self, boundary: Time) -> Vec<usize> {
        let mut groups: Vec<(Option<Arc<str>>, usize)> =
            (0..self.groups.len()).map(|g| (self.label(g, boundary), g)).collect();
        groups.sort();
        groups.into_iter().map(|(_, g)| g).collect()
    }

    /// Judges one window of every series and segment that a monitor watches.
    pub(super) fn judge_frame(
        &mut self,
        place: usize,
        monitor: &MonitorPlan,
        group_ix: usize,
        frame: Frame,
        touched: Option<&BTreeSet<PaneKey>>,
    ) -> Round {
        let mut group = self.take_group(group_ix);
        let members = self.members(group_ix);
        let version = self.label(group_ix, frame.after());
        let reference = group.reference.clone();
        let frames =
            || [Some(frame), monitor.against.map(|back| frame.before(back))].into_iter().flatten();
        let wanted = |segment: SegmentIx| {
            touched.is_none_or(|touched| {
                touched.iter().any(|key| {
                    key.segment == segment
                        && members.contains(&key.version)
                        && frames().any(|frame| (frame.from..frame.to).contains(&key.start))
                })
            })
        };
        let watched = series_of(monitor);
        let segments = self.units_of(monitor, &frame);
        let among = sharing(&group, monitor, &watched, &segments);
        let mut read = Vec::new();
        for series in &watched {
            let counted = counted_as(monitor, series);
            let Some(start) = self.series_start(&group, frame.along, &counted) else { continue };
            if frame.to <= start {
                continue;
            }
            for segment in segments.iter().copied().filter(|s| wanted(*s)) {
                let version = version.clone();
                let unit = Unit { monitor, series, segment, frame, version, among };
                let contents = self.contents(&mut group, &members, &unit, Time::MAX);
                if contents.events == 0 {
                    continue;
                }
                let key = track_key(monitor, series, segment);
                let mut track = group.tracks.remove(&key).unwrap_or_default();
                let against = reference.as_deref();
                let gap = self.empty_run(&track, &unit, &members, start, against);
                let is_news = !track.has_reading(frame.end);
                let judged = self.judge_unit(&unit, &contents, against, start, false, &mut track);
                read.push(Read { unit, key, track, gap, judged, is_news });
            }
        }
        let judgements = self.conclude(group_ix, &mut group, &members, Time::MAX, read);
        let round = close_round(place, monitor, group_ix, &mut group, frame, version, judgements);
        self.groups[group_ix] = group;
        round
    }

    /// The windows without any event before this one, as one line; with the first line of this
    /// window only.
    pub(super) fn empty_run(
        &self,
        track: &Track,
        unit: &Unit<'_>,
        members: &[VersionIx],
        start: Time,
        reference: Option<&Reference>,
    ) -> Option<Judged> {
        let Frame { along, from, to: end, every, .. } = unit.frame;
        let length = end - from;
        let before = end - every;
        if along != Along::Time || track.has_line(end) || track.has_line(before) {
            return None;
        }
        let holds = |(key, pane): &(&PaneKey, &Pane)| {
            key.segment == unit.segment && pane.predictions > 0 && members.contains(&key.version)
        };
        let latest =
            self.time.between(Time::MIN, before).rev().find(holds).map(|(key, _)| key.start);
        // The end of the last window that held an event; a series that begins with silence has
        // none, and its first window is the one that ends after its start.
        let last = match latest {
            Some(pane) if pane >= start => (pane + length).floor_to(every),
            _ if unit.segment == WHOLE => {
                track.last_end.unwrap_or_else(|| start.floor_to(every)).max(start.floor_to(every))
            }
            _ => track.last_end?,
        };
        if last >= before {
            return None;
        }
        let run_start = (last + every - length).max(start);
        let run = Frame::of_time(before, before - run_start, every);
        let run = Unit { frame: run, ..unit.clone() };
        let profile = reference.and_then(|r| r.series.get(unit.series as &str));
        let counts = profile.map(|p| Arc::new(Counts::new(p.cells())));
        let whole = profile.map(|p| Arc::new(p.whole()));
        let contents = Contents { counts, reference: whole, ..Contents::default() };
        // Nothing is read out of an empty window, so that the track stays as it is.
        let track = &mut Track::default();
        let mut judged = self.judge_unit(&run, &contents, reference, Time::MIN, false, track);
        let line = &mut judged.line;
        (line.verdict, line.score) = (Verdict::NoData, None);
        line.reason = line.reason.or(Some(NoData::NotEnoughEvents));
        if unit.monitor.against.is_some() {
            (line.reason, line.reference_events) = (Some(NoData::NotEnoughEvents), None);
        }
        Some(Judged { reading: None, level: None, reference_score: None, ..judged })
    }

    /// Numbers the line, files its reading.
    pub(super) fn file(
        &mut self,
        group: usize,
        key: &TrackKey,
        track: &mut Track,
        judged: &mut Judged,
        unit: &Unit<'_>,
    ) {
        let Frame { start, end, every, .. } = unit.frame;
        (judged.line.revision, judged.restated) = track.revise(end, judged.line.verdict);
        track.last_end = track.last_end.max(Some(end));
        let persistence = unit.monitor.detector.persistence();
        track.file(end, judged.reading, persistence, every, patience(end - start));
        // Windows of so many events are never restated.
        let reach = match unit.frame.along {
            Along::Time => self.plan.reach() + self.plan.within() + self.time.width,
            Along::Events | Along::Pairs => Span(0),
        };
        track.revisions.forget_before(end - reach);
        self.dirty_tracks.insert((group, key.clone()));
    }

    /// Judged panes that a record changed after all: their drift windows get a higher revision.
    fn judge_restated(&mut self) -> Vec<Round> {
        let restated = std::mem::take(&mut self.ledger.restated);
        self.dirty = true;
        let mut rounds = Vec::new();
        let (Some(first), Some(judged)) = (restated.first(), self.ledger.judged_drift) else {
            return rounds;
        };
        for group in &mut self.groups {
            group.sums.clear();
        }
        let last = restated.last().map_or(first.start, |key| key.start) + self.plan.reach();
        let mut boundary = first.start + self.time.width;
        while boundary <= judged.min(last) {
            rounds.extend(self.judge_boundary(Side::Drift, boundary, Some(&restated)));
            boundary = boundary + self.time.width;
        }
        rounds
    }

    /// Folds what has been judged and drops what nothing can read any more.
    fn settle(&mut self) {
        let Some(performance) = self.ledger.judged_performance else { return };
        let drift = self.ledger.judged_drift.unwrap_or(Time::MIN);
        // What a window is about to leave behind is needed once more, at its next hop.
        let window = self.plan.reach() + self.plan.longest_hop();
        let reach = window + self.plan.within();
        self.time.settle(performance);
        let oldest = performance.min(drift) - reach - self.time.width;
        if oldest > Time::MIN + reach {
            self.drop_panes(Along::Time, oldest);
            self.dirty |= Some(oldest) > self.ledger.horizon;
            self.ledger.horizon = self.ledger.horizon.max(Some(oldest));
        }
    }

    /// Drops panes before a position, and the sums that still hold any of them: they could never be
    /// taken out again.
    pub(super) fn drop_panes(&mut self, along: Along, oldest: Time) {
        if !self.axis_mut(along).drop_before(oldest) {
            return;
        }
        for group in &mut self.groups {
            group.sums.retain(|(of, ..), sums| *of != along || sums.from() >= oldest);
        }
    }

    pub(super) fn take_group(&mut self, group: usize) -> Group {
        std::mem::take(&mut self.groups[group])
    }

    /// Start of the first whole pane of a series.
    pub(super) fn series_start(
        &self,
        group: &Group,
        along: Along,
        series: &Arc<str>,
    ) -> Option<Time> {
        let name = if **series == *"outcome" { "model".into() } else { series.clone() };
        let start = group.starts.get(&(along, name))?.1;
        let begins = group.begins.get(&along).copied().unwrap_or(Time::MIN);
        let kept = match along {
            Along::Time => self.ledger.horizon.unwrap_or(Time::MIN),
            Along::Events => self.ledger.events.kept_from(),
            Along::Pairs => self.ledger.pairs.kept_from(),
        };
        let floor = group.floors.get(series).filter(|_| along == Along::Time);
        let floor = floor.copied().unwrap_or(Time::MIN);
        Some(start.max(begins).max(floor).max(kept).ceil_to(self.axis(along).width))
    }

    /// The whole, and the segments of the monitor's dimensions that have events in the window.
    pub(super) fn units_of(&self, monitor: &MonitorPlan, frame: &Frame) -> Vec<SegmentIx> {
        let mut units = vec![WHOLE];
        if monitor.by.is_empty() {
            return units;
        }
        let present = self.axis(frame.along).segments_within(frame.from, frame.to);
        let entry = |s: SegmentIx| self.segments.entry(s);
        let mut sliced: Vec<SegmentIx> =
            present.into_iter().filter(|s| monitor.by.contains(&entry(*s).dimension)).collect();
        sliced.sort_by(|a, b| entry(*a).segment.cmp(&entry(*b).segment));
        units.extend(sliced);
        units
    }
}

fn side_of(monitor: &MonitorPlan) -> Side {
    if monitor.by_outcomes() { Side::Performance } else { Side::Drift }
}

pub(super) fn series_of(monitor: &MonitorPlan) -> Vec<Arc<str>> {
    monitor.series.iter().map(|s| s.as_str().into()).collect()
}

/// The series whose counting a window of it must have seen whole.
pub(super) fn counted_as(monitor: &MonitorPlan, series: &Arc<str>) -> Arc<str> {
    monitor.expects().map_or_else(|| series.clone(), Arc::from)
}

pub(super) fn track_key(monitor: &MonitorPlan, series: &Arc<str>, segment: SegmentIx) -> TrackKey {
    TrackKey { monitor: monitor.name.as_str().into(), series: series.clone(), segment }
}
