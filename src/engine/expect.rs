//! What estimates without outcomes are made of, over windows that may lie anywhere in the past.

use std::sync::Arc;

use super::contents::Contents;
use super::model::{Model, PaneKey, VersionIx};
use super::score::{Frame, Unit};
use crate::event::Time;
use crate::reference::{CLASSIFIED, Reference};
use crate::stats::{Counts, ExpectedLosses};
use crate::window::Pane;

impl Model {
    /// Puts it beside the matches of a window.
    pub(super) fn promise(
        &self,
        contents: &mut Contents,
        members: &[VersionIx],
        unit: &Unit<'_>,
        reference: Option<&Reference>,
    ) {
        match unit.monitor.expects() {
            None => return,
            Some(CLASSIFIED) => contents.counts = self.classified(members, unit, reference),
            Some(_) => contents.losses = self.expected_losses(members, unit),
        }
        if let Some((contents, unit)) = contents.step.as_deref_mut().zip(unit.step()) {
            self.promise(contents, members, &unit, reference);
        }
    }

    /// Predictions by code of the probability and by class.
    fn classified(
        &self,
        members: &[VersionIx],
        unit: &Unit<'_>,
        reference: Option<&Reference>,
    ) -> Option<Arc<Counts>> {
        let (id, cells) = reference?.ruler(CLASSIFIED)?;
        let mut counts = Counts::new(cells);
        for (key, pane) in self.panes_of(members, unit) {
            let series = self.counts_of(unit.frame.along, key, pane);
            if let Some(more) = series.get(CLASSIFIED).filter(|more| *more.reference == *id) {
                more.add_to(&mut counts);
            }
        }
        Some(Arc::new(counts))
    }

    /// The losses that events expect of their predictions; float sums are merged anew.
    pub(super) fn expected_losses(
        &self,
        members: &[VersionIx],
        unit: &Unit<'_>,
    ) -> Option<ExpectedLosses> {
        let mut sums = ExpectedLosses::default();
        let panes = self.panes_of(members, unit);
        panes.filter_map(|(_, pane)| pane.losses.as_ref()).for_each(|more| sums.merge(more));
        Some(sums)
    }

    fn panes_of<'a>(
        &'a self,
        members: &'a [VersionIx],
        unit: &Unit<'_>,
    ) -> impl Iterator<Item = (PaneKey, &'a Pane)> {
        let Frame { along, from, to, .. } = unit.frame;
        let (axis, segment) = (self.axis(along), unit.segment);
        let starts = (from.0..to.0).step_by(axis.width.0.max(1) as usize).map(Time);
        let keys = starts.flat_map(move |start| {
            members.iter().map(move |&version| PaneKey { start, version, segment })
        });
        keys.filter_map(|key| Some((key, axis.panes.get(&key)?)))
    }
}
