//! The lines along which panes lie: event time, or the count of events in the order of reading.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::blocks::{Blocks, Panes, Stretch};
use super::count::counted_series;
use super::model::{CountedSeries, PaneKey, VersionIx};
use super::segments::{SegmentIx, WHOLE};
use crate::event::{Span, Time};
use crate::plan::{ModelPlan, MonitorPlan, WindowPlan};
use crate::stats::Performance;
use crate::window::{Matches, Pane, SeriesCounts};

/// Which line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum Along {
    /// Event time.
    Time,
    /// Accepted predictions, as they were read.
    Events,
    /// Matched pairs, as they were read. A pair is taken once, when it first matches: later
    /// corrections restate windows of time only.
    Pairs,
}

impl Along {
    pub(super) const ALL: [Along; 3] = [Along::Time, Along::Events, Along::Pairs];

    /// Name in keys of the state.
    pub(super) fn name(self) -> &'static str {
        match self {
            Along::Time => "time",
            Along::Events => "events",
            Along::Pairs => "pairs",
        }
    }
}

/// Panes along one line. Where events are counted, a position is an ordinal in the dress of a
/// time: the first event lies at 0, and a pane of width 100 holds 100 events.
#[derive(Debug)]
pub(super) struct Axis {
    pub along: Along,
    /// Width of a pane; zero where no monitor has such windows.
    pub width: Span,
    pub panes: BTreeMap<PaneKey, Pane>,
    pub dirty: BTreeSet<PaneKey>,
    /// Panes whose counts have changed since the last commit.
    pub dirty_counts: BTreeSet<PaneKey>,
    /// The counts of panes that begin earlier were left to the store.
    pub shelved_to: Time,
    /// Where each segment has panes.
    present: BTreeSet<(SegmentIx, Time)>,
    /// Panes with sums of hops that have not passed.
    unsettled: BTreeSet<PaneKey>,
    /// Late predictions of the panes of the whole.
    late: u64,
    /// Sums of long stretches, made at will.
    blocks: Blocks,
    /// What is counted here.
    pub series: Vec<CountedSeries>,
    empty: Option<Performance>,
    assumes: bool,
}

impl Axis {
    pub(super) fn new(along: Along, plan: &ModelPlan) -> Axis {
        let assumes = plan.outcomes.as_ref().is_some_and(|o| o.assume.is_some());
        Axis {
            along,
            width: width(along, plan),
            panes: BTreeMap::new(),
            dirty: BTreeSet::new(),
            dirty_counts: BTreeSet::new(),
            shelved_to: Time::MIN,
            present: BTreeSet::new(),
            unsettled: BTreeSet::new(),
            late: 0,
            blocks: Blocks::default(),
            series: counted_series(plan, along),
            empty: plan.performance(),
            // Pairs have their outcome; nothing is assumed along the counts.
            assumes: assumes && along == Along::Time,
        }
    }

    /// Whether any monitor looks along it.
    pub(super) fn used(&self) -> bool {
        self.width != Span(0)
    }

    /// The pane at a key, made if need be.
    pub(super) fn pane(&mut self, key: PaneKey) -> &mut Pane {
        self.dirty.insert(key);
        self.blocks.touch(key, self.width);
        match self.panes.entry(key) {
            Entry::Occupied(pane) => pane.into_mut(),
            Entry::Vacant(slot) => {
                self.present.insert((key.segment, key.start));
                slot.insert(Pane::empty(self.empty.clone(), self.assumes))
            }
        }
    }

    /// Takes a stored pane back; where one lies there already, both become one.
    pub(super) fn take_back(&mut self, key: PaneKey, pane: Pane) {
        if !pane.arriving.is_empty() {
            self.unsettled.insert(key);
        }
        if key.segment == WHOLE {
            self.late += pane.late;
        }
        self.present.insert((key.segment, key.start));
        match self.panes.entry(key) {
            Entry::Vacant(slot) => {
                slot.insert(pane);
            }
            Entry::Occupied(mut slot) => slot.get_mut().absorb(pane),
        }
    }

    /// Counts a prediction that came after the pane had closed for its partition.
    pub(super) fn count_late(&mut self, key: PaneKey) {
        self.late += u64::from(key.segment == WHOLE);
        self.pane(key).late += 1;
    }

    /// Late predictions of all panes.
    pub(super) fn late(&self) -> u64 {
        self.late
    }

    /// The sums of a pane over matches that arrive in a hop; `empty` ones before the first.
    pub(super) fn arriving(&mut self, key: PaneKey, hop: Time, empty: &Matches) -> &mut Matches {
        self.unsettled.insert(key);
        self.pane(key).arriving.entry(hop).or_insert_with(|| empty.clone())
    }

    /// Folds the hops before `boundary` into what is settled.
    pub(super) fn settle(&mut self, boundary: Time) {
        let Axis { panes, dirty, unsettled, blocks, width, .. } = self;
        unsettled.retain(|key| {
            let Some(pane) = panes.get_mut(key) else { return false };
            if pane.settle(boundary) {
                dirty.insert(*key);
                blocks.touch(*key, *width);
            }
            !pane.arriving.is_empty()
        });
    }

    /// The counts of the pane at a key; those that were left to the store have come back before.
    pub(super) fn counts(&mut self, key: PaneKey) -> &mut SeriesCounts {
        self.dirty_counts.insert(key);
        self.pane(key).series.get_or_insert_default()
    }

    /// Where the pane of a position begins; only of a line that is used.
    pub(super) fn start_of(&self, at: Time) -> Time {
        at.floor_to(self.width)
    }

    /// Drops panes that nothing can read any more; whether there were any.
    pub(super) fn drop_before(&mut self, start: Time) -> bool {
        let mut dropped = false;
        while let Some(first) = self.panes.first_entry().filter(|first| first.key().start < start) {
            let (key, pane) = first.remove_entry();
            if key.segment == WHOLE {
                self.late -= pane.late;
            }
            self.present.remove(&(key.segment, key.start));
            self.dirty.insert(key);
            self.dirty_counts.insert(key);
            self.blocks.touch(key, self.width);
            dropped = true;
        }
        if dropped {
            self.blocks.forget_before(start, self.width);
        }
        dropped
    }

    /// What the panes of a version and segment within `[from, to)` add up to; of matches only what
    /// is settled.
    pub(super) fn stretch(
        &mut self,
        from: Time,
        to: Time,
        version: VersionIx,
        segment: SegmentIx,
    ) -> Stretch {
        let panes = Panes { by_key: &self.panes, width: self.width };
        self.blocks.sum(panes, (from, to), version, segment)
    }

    /// Segments of the panes within `[from, to)`, without the whole.
    pub(super) fn segments_within(&self, from: Time, to: Time) -> Vec<SegmentIx> {
        let mut within = Vec::new();
        // A look-up for each segment that ever was, not a walk along the window.
        let mut next = self.present.range((WHOLE + 1, from)..).next();
        while let Some(&(segment, start)) = next {
            next = if start < from {
                self.present.range((segment, from)..).next()
            } else {
                if start < to {
                    within.push(segment);
                }
                self.present.range((segment + 1, from)..).next()
            };
        }
        within
    }

    /// The panes that begin within `[from, to)`.
    pub(super) fn between(
        &self,
        from: Time,
        to: Time,
    ) -> impl DoubleEndedIterator<Item = (&PaneKey, &Pane)> {
        let at = |start| PaneKey { start, version: 0, segment: WHOLE };
        self.panes.range(at(from)..at(to.max(from)))
    }
}

/// How far the count along one line has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Count {
    /// Events so far.
    pub next: i64,
    /// Ordinal up to which windows have been judged.
    pub judged: i64,
    /// Ordinal from which on panes are kept.
    kept_from: i64,
    /// Least event time in the pane that is filling up.
    begun: Option<Time>,
    /// Event times of full panes that some window may still hold, by the ordinal of their end:
    /// the least one, and the one that the pane closes with.
    spans: BTreeMap<i64, (Time, Time)>,
}

impl Count {
    /// Counts an event of this time; returns its position.
    pub(super) fn take(&mut self, time: Time, width: Span) -> Time {
        let place = self.next;
        self.next += 1;
        let begun = self.begun.map_or(time, |begun| begun.min(time));
        self.begun = Some(begun);
        if self.next % width.0.max(1) == 0 {
            // Ends ascend without equals, whatever the order of times: they name windows.
            let after = self.spans.values().next_back().map_or(Time::MIN, |span| span.1 + Span(1));
            self.spans.insert(self.next, (begun, time.max(after)));
            self.begun = None;
        }
        Time(place)
    }

    /// Event times of the window of ordinals `[from, to)`, both multiples of the pane width.
    pub(super) fn span(&self, from: Time, to: Time) -> (Time, Time) {
        let panes = self.spans.range(from.0 + 1..=to.0);
        let start = panes.map(|(_, span)| span.0).min().unwrap_or(Time::MIN);
        (start, self.spans.get(&to.0).map_or(start, |span| span.1))
    }

    /// First position whose pane is kept.
    pub(super) fn kept_from(&self) -> Time {
        Time(self.kept_from)
    }

    /// Forgets spans of panes that begin before an ordinal; the latest stays, later ends follow it.
    pub(super) fn forget_before(&mut self, ordinal: Time) {
        self.kept_from = self.kept_from.max(ordinal.0);
        let latest = self.spans.last_key_value().map_or(0, |(end, _)| *end);
        self.spans.retain(|end, _| *end > ordinal.0 || *end == latest);
    }
}

/// The line along which a monitor's windows lie.
pub(super) fn along(monitor: &MonitorPlan) -> Along {
    match monitor.window {
        WindowPlan::Time { .. } => Along::Time,
        WindowPlan::Count { .. } if monitor.by_outcomes() => Along::Pairs,
        WindowPlan::Count { .. } => Along::Events,
    }
}

fn width(along_this: Along, plan: &ModelPlan) -> Span {
    if along_this == Along::Time {
        return plan.pane_width();
    }
    let along_this = plan.monitors.iter().filter(|m| along(m) == along_this);
    along_this.fold(Span(0), |width, m| match m.window {
        WindowPlan::Count { length, every } => width.gcd(ordinal(length)).gcd(ordinal(every)),
        WindowPlan::Time { .. } => width,
    })
}

/// Length of a window, and the distance to the next one, along its line.
pub(super) fn spans(window: WindowPlan) -> (Span, Span) {
    match window {
        WindowPlan::Time { length, every } => (length, every),
        WindowPlan::Count { length, every } => (ordinal(length), ordinal(every)),
    }
}

/// A number of events as a distance along a line of counts.
pub(super) fn ordinal(events: u64) -> Span {
    Span(i64::try_from(events).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_found_where_they_have_panes() {
        let mut axis = Axis::new(Along::Time, &crate::engine::tests::world::plan().models[0]);
        let at = |place: i64| Time(place * axis.width.0);
        let [t0, t1, t2, t3] = [0, 1, 2, 3].map(at);
        for (start, segment) in [(t0, WHOLE), (t0, 3), (t2, 3), (t1, 5), (t3, 7)] {
            axis.pane(PaneKey { start, version: 1, segment });
        }
        assert_eq!(axis.segments_within(t0, t1), [3]);
        assert_eq!(axis.segments_within(t1, t2), [5]);
        assert_eq!(axis.segments_within(t1, t3), [3, 5]);
        axis.drop_before(t1);
        assert_eq!(axis.segments_within(t0, t2), [5]);
    }

    #[test]
    fn ends_ascend_though_times_do_not() {
        let mut count = Count::default();
        let width = Span(2);
        let places: Vec<i64> =
            [50, 70, 10, 20, 70, 60].into_iter().map(|t| count.take(Time(t), width).0).collect();
        assert_eq!(places, [0, 1, 2, 3, 4, 5]);
        assert_eq!(count.span(Time(0), Time(2)), (Time(50), Time(70)));
        assert_eq!(count.span(Time(2), Time(4)), (Time(10), Time(71)));
        assert_eq!(count.span(Time(0), Time(6)), (Time(10), Time(72)));
    }

    #[test]
    fn forgotten_spans_do_not_bring_an_end_back() {
        let mut count = Count::default();
        for time in [90, 10, 10] {
            count.take(Time(time), Span(1));
        }
        count.forget_before(Time(3));
        count.take(Time(5), Span(1));
        assert_eq!(count.span(Time(3), Time(4)), (Time(5), Time(93)));
    }
}
