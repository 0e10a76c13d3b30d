//! The reference of a window of a model with a season: the law of its own hours.

use std::collections::BTreeMap;

use super::axis::Along;
use super::contents::Contents;
use super::io::Notice;
use super::model::{Model, VersionIx};
use super::score::Unit;
use super::segments::WHOLE;
use crate::detect::InSeason;
use crate::event::Slot;
use crate::lines::{NoData, SeasonLine};
use crate::plan::MonitorPlan;
use crate::reference::{Mix, Reference, SegmentReference};
use crate::stats::{Basis, Counts};

/// What a window of a seasonal monitor is judged against.
#[derive(Debug)]
pub(super) struct Seasonal {
    pub counts: Counts,
    pub line: SeasonLine,
}

impl Model {
    /// Whether a monitor judges windows against their own hours.
    pub(super) fn is_seasonal(&self, monitor: &MonitorPlan) -> bool {
        let distribution = monitor.statistic.basis() == Basis::Distribution;
        monitor.seasonal && distribution && self.plan.season.is_some()
    }

    /// The reference of a window that has events in these slots, on the grid of its series; `None`
    /// where the monitor knows no season, or there is nothing to weigh. An error where the reference
    /// was not counted by the model's season.
    pub(super) fn in_season(
        &self,
        unit: &Unit<'_>,
        contents: &Contents,
        reference: Option<&Reference>,
        part: Option<&SegmentReference>,
    ) -> Result<Option<Seasonal>, NoData> {
        let season = self.plan.season.as_ref().filter(|_| self.is_seasonal(unit.monitor));
        let profile = reference.and_then(|r| r.series.get(unit.series as &str));
        let (Some(season), Some(reference), Some(profile)) = (season, reference, profile) else {
            return Ok(None);
        };
        let is_known = unit.segment == WHOLE || part.is_some();
        if contents.slots.is_empty() || !is_known {
            return Ok(None);
        }
        let slots = reference.slots_of(season, part).ok_or(NoData::NoSlots)?;
        let mix = Mix::of(season.rhythm(), &contents.slots, slots).ok_or(NoData::NoSlots)?;
        let counts = mix.counts(slots, unit.series, profile.cells()).ok_or(NoData::NoSlots)?;
        let line = SeasonLine {
            name: season.rhythm(),
            slots: contents.slots.len() as u32,
            hour_of_day: mix.by_hour,
            pooled: mix.pooled,
        };
        Ok(Some(Seasonal { counts, line }))
    }

    /// Says that a reference cannot be judged by, where the season needs it.
    pub(super) fn note_unseasonal(&mut self, reference: Option<&Reference>) {
        let needed = self.plan.monitors.iter().any(|monitor| self.is_seasonal(monitor));
        let season = self.plan.season.as_ref().filter(|_| needed);
        let Some((season, reference)) = season.zip(reference) else { return };
        if let Some(why) = reference.unseasonal(season) {
            let message = format!(
                "reference {}: {why}; nothing is judged by the season (no_slots) until it is built or learnt again",
                reference.id
            );
            self.notices.push(Notice { warning: true, model: self.plan.name.clone(), message });
        }
    }

    /// What a sequential detector must know of the season: evidence goes on from slot to slot.
    pub(super) fn season_of<'a>(
        &self,
        monitor: &MonitorPlan,
        whole: Option<&'a Counts>,
    ) -> Option<InSeason<'a>> {
        let season = self.plan.season.as_ref().filter(|_| self.is_seasonal(monitor))?;
        Some(InSeason { whole: whole?, laws: u32::from(season.rhythm().slots()) })
    }

    /// Predictions with an outcome, by slot.
    pub(super) fn matched_by_slot(
        &mut self,
        members: &[VersionIx],
        unit: &Unit<'_>,
    ) -> BTreeMap<Slot, u64> {
        let season = self.plan.season.clone().filter(|_| self.is_seasonal(unit.monitor));
        let mut slots = BTreeMap::new();
        let (Some(season), Along::Time) = (season, unit.frame.along) else { return slots };
        let width = self.time.width;
        let mut start = unit.frame.from;
        while start < unit.frame.to {
            for &version in members {
                let matched =
                    self.time.stretch(start, start + width, version, unit.segment).matched;
                if matched > 0 {
                    *slots.entry(season.slot(start)).or_default() += matched;
                }
            }
            start = start + width;
        }
        slots
    }
}
