//! Evaluation history as rows: one per track, and one per track and hour of window ends.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::io::{Change, Table};
use super::model::{Model, TrackKey};
use super::revisions::{Said, hour_of};
use super::rows::{row, text_key};
use super::track::Track;
use crate::event::Time;
use crate::lines::Segment;

/// Whose row it is: group, monitor, series, segment.
type Owner = (String, String, String, Segment);
pub(super) type StoredTrack = (Owner, Track);
pub(super) type StoredRevisions = (Owner, Vec<(Time, Said)>);

/// Key of a track's row.
fn track_key(stem: &str, owner: (&str, &str, &str, &Segment)) -> Vec<u8> {
    let (group, monitor, series, segment) = owner;
    text_key(&[stem, group, monitor, series, &segment.to_string()])
}

/// What follows it in the key of an hour of revisions.
fn hour_key(hour: Time) -> Vec<u8> {
    format!("\0{}", hour.0).into_bytes()
}

impl Model {
    /// Rows of the tracks that changed.
    pub(super) fn track_changes(&mut self, changes: &mut Vec<Change>) {
        for (group, key) in std::mem::take(&mut self.dirty_tracks) {
            let Some(group) = self.groups.get_mut(group) else { continue };
            let Some(track) = group.tracks.get_mut(&key) else { continue };
            let segment = &self.segments.entry(key.segment).segment;
            let owner = (&*group.id, &*key.monitor, &*key.series, segment);
            let name = track_key(&self.stem, owner);
            for (hour, ends) in track.revisions.take_changed() {
                let stored = Some((owner, ends)).filter(|(_, ends)| !ends.is_empty());
                let key = [name.clone(), hour_key(hour)].concat();
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

    /// Takes stored tracks back, except those of series that have `moved` (`None`: all have); rows
    /// that go under another key now, or serve no more, are orphans.
    pub(super) fn take_tracks_back(
        &mut self,
        tracks: impl Iterator<Item = StoredTrack>,
        revisions: impl Iterator<Item = StoredRevisions>,
        moved: Option<&BTreeSet<Arc<str>>>,
    ) {
        let stem = self.stem.clone();
        let stored_key = |owner: &Owner| track_key(&stem, (&owner.0, &owner.1, &owner.2, &owner.3));
        for (owner, track) in tracks {
            let place = self.place_of(&owner, moved);
            self.note_orphan(Table::Tracks, stored_key(&owner), &owner, place.as_ref());
            if let Some((group, key)) = place {
                self.groups[group].tracks.insert(key, track);
            }
        }
        for (owner, ends) in revisions {
            let place = self.place_of(&owner, moved);
            let hour = ends.first().map_or(Time::MIN, |(end, _)| hour_of(*end));
            let stored = [stored_key(&owner), hour_key(hour)].concat();
            self.note_orphan(Table::Revisions, stored, &owner, place.as_ref());
            if let Some((group, key)) = place
                && let Some(track) = self.groups[group].tracks.get_mut(&key)
            {
                track.revisions.restore(ends);
                if *key.monitor != *owner.1 {
                    track.revisions.mark_all();
                }
            }
        }
    }

    /// Removes a stored row that has no place, or another key than it was stored under.
    fn note_orphan(
        &mut self,
        table: Table,
        stored: Vec<u8>,
        owner: &Owner,
        place: Option<&(usize, TrackKey)>,
    ) {
        match place {
            Some((_, key)) if *key.monitor == *owner.1 => {}
            Some((group, key)) => {
                self.dirty_tracks.insert((*group, key.clone()));
                self.orphans.push((table, stored));
            }
            None => self.orphans.push((table, stored)),
        }
    }

    /// Where a stored row belongs under this plan; `None` where nothing reads it any more.
    fn place_of(
        &self,
        owner: &Owner,
        moved: Option<&BTreeSet<Arc<str>>>,
    ) -> Option<(usize, TrackKey)> {
        let (group, monitor, series, segment) = owner;
        if moved?.contains(series.as_str()) {
            return None;
        }
        let segment = self.segments.find(segment)?;
        let group = self.groups.iter().position(|g| *g.id == **group)?;
        let renamed = self.plan.monitors.iter().find(|m| m.was.as_deref() == Some(monitor));
        let monitor: Arc<str> = renamed.map_or(monitor.as_str(), |m| m.name.as_str()).into();
        Some((group, TrackKey { monitor, series: series.as_str().into(), segment }))
    }
}
