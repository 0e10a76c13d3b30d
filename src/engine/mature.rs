//! Windows of performance: judged when mature, given up when due, and for the last time when the
//! wait is over.

use super::axis::Along;
use super::conclude::{Read, sharing};
use super::judge::{counted_as, series_of, track_key};
use super::model::{Group, Model, VersionIx};
use super::round::{Round, close_round};
use super::score::{Frame, Judged, Unit};
use super::track::Track;
use crate::event::{Span, Time};
use crate::plan::MonitorPlan;
use crate::stats::Basis;

/// Where a boundary stands in the life of a performance window.
#[derive(Debug, Clone, Copy)]
struct When {
    boundary: Time,
    on_hop: bool,
    due: bool,
    past_due: bool,
    last: bool,
    at_due_only: bool,
}

impl Model {
    /// Judges the windows of a performance monitor that have something to say at `boundary`.
    pub(super) fn judge_performance(
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
        let watched = series_of(monitor);
        for end in window_ends(boundary, outcomes.within, self.time.width, every) {
            let frame = Frame::of_time(end, length, every);
            let when = When {
                boundary,
                on_hop: boundary.floor_to(every) == boundary,
                due: boundary == (end + outcomes.due).ceil_to(self.time.width),
                last: boundary == (end + outcomes.within).ceil_to(self.time.width),
                past_due: boundary > (end + outcomes.due).ceil_to(self.time.width),
                at_due_only: !judged_by_coverage(monitor),
            };
            let early = when.on_hop && !when.past_due && !when.at_due_only;
            if !(when.due || when.last || early) {
                continue;
            }
            let mut read = Vec::new();
            let version = self.label(group_ix, end);
            let segments = self.units_of(monitor, &frame);
            let among = sharing(&group, monitor, &watched, &segments);
            for series in &watched {
                let counted = counted_as(monitor, series);
                let start = self.series_start(&group, Along::Time, &counted);
                let Some(start) = start.filter(|start| *start < end) else { continue };
                for &segment in &segments {
                    let version = version.clone();
                    let unit = Unit { monitor, series, segment, frame, version, among };
                    let key = track_key(monitor, series, segment);
                    let mut track = group.tracks.remove(&key).unwrap_or_default();
                    let is_news = !track.has_reading(end);
                    let judged = (when.last || !track.has_line(end))
                        .then(|| {
                            self.judge_window(&unit, &mut group, &members, when, start, &mut track)
                        })
                        .flatten();
                    let Some(judged) = judged else {
                        group.tracks.insert(key, track);
                        continue;
                    };
                    let reference = group.reference.as_deref();
                    let gap = self.empty_run(&track, &unit, &members, start, reference);
                    read.push(Read { unit, key, track, gap, judged, is_news });
                }
            }
            let judgements = self.conclude(group_ix, &mut group, &members, boundary, read);
            rounds.push(close_round(
                place, monitor, group_ix, &mut group, frame, version, judgements,
            ));
        }
        self.groups[group_ix] = group;
        rounds
    }

    /// A performance window at a boundary: judged when mature, given up at `due`, and judged for
    /// the last time when the wait is over.
    fn judge_window(
        &mut self,
        unit: &Unit<'_>,
        group: &mut Group,
        members: &[VersionIx],
        when: When,
        since: Time,
        track: &mut Track,
    ) -> Option<Judged> {
        let mut contents = self.contents(group, members, unit, when.boundary);
        if contents.events == 0 {
            return None;
        }
        let mature = contents.coverage().unwrap_or(0.0) >= unit.monitor.min_coverage;
        let by_coverage = judged_by_coverage(unit.monitor);
        if by_coverage && !mature && !when.due && !when.last {
            return None;
        }
        let (low, reference) = (by_coverage && !mature, group.reference.as_deref());
        self.promise(&mut contents, members, unit, reference);
        Some(self.judge_unit(unit, &contents, reference, since, low, track))
    }
}

/// Coverage and delay are judged when outcomes are due; metrics as soon as enough of them came.
fn judged_by_coverage(monitor: &MonitorPlan) -> bool {
    !matches!(monitor.statistic.basis(), Basis::Coverage | Basis::Delay)
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
