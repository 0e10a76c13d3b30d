//! Evaluation history as rows: one per track, and one per track and hour of window ends.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::io::{Change, Table};
use super::model::{Model, TrackKey};
use super::revisions::Said;
use super::rows::{row, text_key};
use super::track::Track;
use crate::event::Time;
use crate::lines::Segment;

/// Whose row it is: group, monitor, series, segment.
type Owner = (String, String, String, Segment);
pub(super) type StoredTrack = (Owner, Track);
pub(super) type StoredRevisions = (Owner, Vec<(Time, Said)>);

impl Model {
    /// Rows of the tracks that changed.
    pub(super) fn track_changes(&mut self, changes: &mut Vec<Change>) {
        for (group, key) in std::mem::take(&mut self.dirty_tracks) {
            let Some(group) = self.groups.get_mut(group) else { continue };
            let Some(track) = group.tracks.get_mut(&key) else { continue };
            let segment = &self.segments.entry(key.segment).segment;
            let owner = (&*group.id, &*key.monitor, &*key.series, segment);
            let slice = segment.to_string();
            let name = text_key(&[&self.plan.name, owner.0, owner.1, owner.2, &slice]);
            for (hour, ends) in track.revisions.take_changed() {
                let hour = format!("\0{}", hour.0);
                let stored = Some((owner, ends)).filter(|(_, ends)| !ends.is_empty());
                let key = [&name, hour.as_bytes()].concat();
                changes.push(row(Table::Revisions, key, stored.as_ref()));
            }
            changes.push(row(Table::Tracks, name, Some(&(owner, &*track))));
        }
    }

    /// Lets the next commit write all tracks.
    pub(super) fn mark_tracks(&mut self) {
        for (place, group) in self.groups.iter_mut().enumerate() {
            for (key, track) in &mut group.tracks {
                track.revisions.mark_all();
                self.dirty_tracks.insert((place, key.clone()));
            }
        }
    }

    /// Takes stored tracks back, except those of series that have `moved`.
    pub(super) fn take_tracks_back(
        &mut self,
        tracks: impl Iterator<Item = StoredTrack>,
        revisions: impl Iterator<Item = StoredRevisions>,
        moved: &BTreeSet<Arc<str>>,
    ) {
        for (owner, track) in tracks {
            if let Some((group, key)) = self.place_of(owner, moved) {
                self.groups[group].tracks.insert(key, track);
            }
        }
        for (owner, ends) in revisions {
            if let Some((group, key)) = self.place_of(owner, moved)
                && let Some(track) = self.groups[group].tracks.get_mut(&key)
            {
                track.revisions.restore(ends);
            }
        }
    }

    /// Where a stored row belongs under this plan; `None` where nothing reads it any more.
    fn place_of(&self, owner: Owner, moved: &BTreeSet<Arc<str>>) -> Option<(usize, TrackKey)> {
        let (group, monitor, series, segment) = owner;
        if moved.contains(series.as_str()) {
            return None;
        }
        let segment = self.segments.find(&segment)?;
        let group = self.groups.iter().position(|g| *g.id == group)?;
        let renamed = self.plan.monitors.iter().find(|m| m.was.as_deref() == Some(&monitor));
        let monitor: Arc<str> = renamed.map_or(monitor.as_str(), |m| m.name.as_str()).into();
        Some((group, TrackKey { monitor, series: series.into(), segment }))
    }
}
