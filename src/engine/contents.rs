//! What a window holds: sums over matches, or counts moved on from the window before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::axis::{Along, along, spans};
use super::model::{Group, Model, PaneKey, VersionIx};
use super::score::{Frame, Unit};
use super::segments::{SegmentIx, WHOLE};
use crate::event::{Slot, Span, Time};
use crate::plan::MonitorPlan;
use crate::reference::{CLASSIFIED, Reference};
use crate::stats::{Counts, Delays, ExpectedLosses, Pair, Performance, Profile, Sample};
use crate::window::{Matches, Running};

/// What a window holds, whatever the statistic.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub events: u64,
    pub counts: Option<Arc<Counts>>,
    /// The whole reference's counts, where the series has one.
    pub reference: Option<Arc<Counts>>,
    pub matched: u64,
    pub assumed: u64,
    pub performance: Option<Performance>,
    /// Losses that events expect, where the statistic asks for them.
    pub losses: Option<ExpectedLosses>,
    pub delays: Option<Delays>,
    /// Events by slot of the model's season, for monitors that judge by it.
    pub slots: BTreeMap<Slot, u64>,
    /// What of it came since the window before; `None` where that is all of it, or nobody asks.
    pub step: Option<Box<Contents>>,
    /// What the window that it is judged against holds, where that is not the reference.
    pub earlier: Option<Box<Contents>>,
}

/// Share of a window's events that may hold something of another type before its distribution says
/// nothing any more: as many as may be bad.
const MOST_WRONG: f64 = 0.05;

impl Contents {
    /// Whether what is missing is missing because events hold something of another type.
    pub(super) fn of_wrong_type(&self) -> bool {
        let counts = self.counts.as_ref();
        counts.is_some_and(|c| c.type_errors as f64 > MOST_WRONG * c.rows() as f64)
    }

    /// Share of the predictions whose outcome is known or assumed.
    pub(super) fn coverage(&self) -> Option<f64> {
        (self.events > 0).then(|| (self.matched + self.assumed) as f64 / self.events as f64)
    }

    /// The counts that a series is compared with: those of the earlier window where there is one,
    /// else these.
    pub(super) fn law<'a>(&'a self, reference: Option<&'a Counts>) -> Option<&'a Counts> {
        match &self.earlier {
            Some(earlier) => earlier.counts.as_deref(),
            None => reference,
        }
    }

    /// What a statistic may look at.
    pub(super) fn sample<'a>(
        &'a self,
        length: Span,
        against: Option<(&'a Profile, &'a Counts)>,
    ) -> Sample<'a> {
        let counts = self.counts.as_deref();
        let pair = against.zip(counts);
        Sample {
            events: self.events,
            seconds: length.seconds(),
            window: counts,
            pair: pair.map(|((profile, reference), window)| Pair { profile, reference, window }),
            losses: self.losses.as_ref(),
            performance: self.performance.as_ref(),
            matched: self.matched,
            assumed: self.assumed,
            delays: self.delays.as_ref(),
            ..Sample::default()
        }
    }
}

impl Model {
    /// What a window holds, and the one that it is judged against, as known at `boundary`.
    pub(super) fn contents(
        &mut self,
        group: &mut Group,
        members: &[VersionIx],
        unit: &Unit<'_>,
        boundary: Time,
    ) -> Contents {
        let mut contents = if unit.monitor.by_outcomes() {
            let reference = group.reference.clone();
            self.matched_contents(members, unit, boundary, reference.as_deref())
        } else {
            self.counted_contents(group, members, unit)
        };
        if let Some(earlier) = unit.earlier() {
            contents.earlier = Some(Box::new(self.contents(group, members, &earlier, boundary)));
        }
        contents
    }

    /// The sums over matches of a window, as known at `boundary`; what arrived before it is settled.
    fn matched_contents(
        &mut self,
        members: &[VersionIx],
        unit: &Unit<'_>,
        boundary: Time,
        reference: Option<&Reference>,
    ) -> Contents {
        let mut contents = Contents::default();
        let mut total = Matches::empty(self.plan.performance(), false);
        let within = self.plan.within();
        let Frame { along, from, to, .. } = unit.frame;
        let axis = self.axis_mut(along);
        // Outcomes are assumed in panes that end so long before the boundary.
        let over = ((boundary - within).floor_to(axis.width)).clamp(from, to);
        for &version in members {
            for (from, to, assumes) in [(from, over, true), (over, to, false)] {
                let sums = axis.stretch(from, to, version, unit.segment);
                contents.events += sums.predictions;
                contents.matched += sums.matched;
                total.merge(&sums.matches);
                if assumes {
                    contents.assumed += sums.assumed;
                    if let (Some(total), Some(assumed)) = (&mut total.performance, &sums.as_assumed)
                    {
                        total.merge(assumed);
                    }
                }
            }
        }
        contents.performance = total.performance;
        contents.delays = Some(total.delays);
        if **unit.series == *"outcome" {
            let profile = reference.and_then(|r| r.series.get("outcome"));
            let mut counts = Counts::new(profile.map_or(0, |p| p.cells()));
            for (code, n) in total.outcomes {
                if let Some(cell) = counts.cells.get_mut(code as usize) {
                    *cell += n.max(0) as u64;
                    counts.counted += n.max(0) as u64;
                }
            }
            contents.counts = Some(Arc::new(counts));
            contents.reference = profile.map(|p| Arc::new(p.whole()));
            contents.slots = self.matched_by_slot(members, unit);
        }
        let step =
            unit.step().map(|step| self.matched_contents(members, &step, boundary, reference));
        contents.step = step.map(Box::new);
        contents
    }

    /// The counts of a window of one series, by sliding sums.
    fn counted_contents(
        &self,
        group: &mut Group,
        members: &[VersionIx],
        unit: &Unit<'_>,
    ) -> Contents {
        let seasonal = self.is_seasonal(unit.monitor);
        let sums = self.slide(group, members, unit);
        let mut contents = Contents { events: sums.predictions(), ..Contents::default() };
        if seasonal {
            contents.slots.clone_from(sums.slots());
        }
        if unit.monitor.expects() == Some(CLASSIFIED) {
            contents.counts = sums.counts(CLASSIFIED);
        } else if unit.monitor.expects().is_some() {
            contents.losses = self.expected_losses(members, unit);
        } else if unit.monitor.statistic.basis().per_series() {
            contents.counts = sums.counts(unit.series);
            let profile =
                group.reference.as_ref().and_then(|r| r.series.get(unit.series as &str)).cloned();
            contents.reference = profile.map(|profile| group.whole(unit.series, profile));
        }
        let step = unit.step().map(|step| self.counted_contents(group, members, &step));
        contents.step = step.map(Box::new);
        contents
    }

    /// The sums of a window, moved on from where they were.
    fn slide<'a>(
        &self,
        group: &'a mut Group,
        members: &[VersionIx],
        unit: &Unit<'_>,
    ) -> &'a Running {
        let Frame { along, from, to, back, .. } = unit.frame;
        let (axis, segment, length) = (self.axis(along), unit.segment, to - from);
        let reference = group.reference.as_deref();
        let season = self.plan.season.as_ref().filter(|_| along == Along::Time);
        let running = group.sums.entry((along, segment, length, back)).or_insert_with(|| {
            Running::new(self.summed(along, segment, (length, back), reference))
        });
        running.slide(from, to, axis.width, |start, passing, sums| {
            for &version in members {
                let key = PaneKey { start, version, segment };
                if let Some(pane) = axis.panes.get(&key) {
                    sums.pass(passing, pane.predictions, &self.counts_of(along, key, pane));
                    if let Some(season) = season {
                        sums.pass_slot(passing, season.slot(start), pane.predictions);
                    }
                }
            }
        });
        running
    }

    /// The series that windows of one length look at in a segment, so long before their end, each
    /// with its reference's id and cells.
    fn summed(
        &self,
        along_this: Along,
        segment: SegmentIx,
        (length, back): (Span, Span),
        reference: Option<&Reference>,
    ) -> Vec<(Arc<str>, Arc<str>, usize)> {
        let dimension = (segment != WHOLE).then(|| self.segments.entry(segment).dimension);
        let looks = |monitor: &&MonitorPlan| {
            let (window, step) = spans(monitor.window);
            let stepped = step == length && monitor.detector.takes_steps() && back == Span(0);
            along(monitor) == along_this
                && (window == length || stepped)
                && (back == Span(0) || monitor.against == Some(back))
                && dimension.is_none_or(|dimension| monitor.by.contains(&dimension))
        };
        let monitors = self.plan.monitors.iter().filter(looks);
        let names: BTreeSet<&str> = monitors.flat_map(MonitorPlan::counted).collect();
        let summed = names.into_iter().map(|name| {
            let (id, cells) = reference.and_then(|r| r.ruler(name)).unwrap_or_default();
            (name.into(), id.into(), cells)
        });
        summed.collect()
    }
}
