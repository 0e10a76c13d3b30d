//! The end of a round of readings: where series share a promise, the list says which of them are
//! beyond their level; then each is filed.

use std::sync::Arc;

use super::model::{Group, Model, TrackKey, VersionIx};
use super::score::{Judged, Unit, said};
use super::segments::{SegmentIx, WHOLE};
use super::track::Track;
use crate::detect::Member;
use crate::event::Time;
use crate::plan::MonitorPlan;

/// A window that has been read and not yet filed.
pub(super) struct Read<'a> {
    pub unit: Unit<'a>,
    pub key: TrackKey,
    pub track: Track,
    /// The windows without any event before it.
    pub gap: Option<Judged>,
    pub judged: Judged,
    /// Whether the detector had not read it before.
    pub is_news: bool,
}

/// How many series and segments share the promise of a monitor's detector: those that it has ever
/// judged and those of this round. A segment that is gone still counts, so that the others need no
/// less because of it.
pub(super) fn sharing(
    group: &Group,
    monitor: &MonitorPlan,
    series: &[Arc<str>],
    segments: &[SegmentIx],
) -> usize {
    if !monitor.detector.is_joint() {
        return 1;
    }
    let name: Arc<str> = monitor.name.as_str().into();
    let key = |series: &Arc<str>, segment| TrackKey {
        monitor: name.clone(),
        series: series.clone(),
        segment,
    };
    let first = key(&"".into(), WHOLE);
    let known = group.tracks.range(&first..).take_while(|(key, _)| key.monitor == first.monitor);
    let known = known.filter(|(_, track)| track.last_end.is_some());
    let pairs = series.iter().flat_map(|s| segments.iter().map(move |segment| (s, *segment)));
    let judged = |key: &TrackKey| group.tracks.get(key).is_some_and(|t| t.last_end.is_some());
    let fresh = pairs.filter(|(s, segment)| !judged(&key(s, *segment)));
    known.count() + fresh.count()
}

impl Model {
    /// Files what was read, with the reasons of what is beyond its level.
    pub(super) fn conclude(
        &mut self,
        group_ix: usize,
        group: &mut Group,
        members: &[VersionIx],
        boundary: Time,
        mut read: Vec<Read<'_>>,
    ) -> Vec<(TrackKey, Judged)> {
        name_list(&mut read);
        let mut judgements = Vec::with_capacity(read.len());
        for Read { unit, key, mut track, gap, mut judged, .. } in read {
            judgements.extend(gap.map(|gap| (key.clone(), gap)));
            if judged.is_beyond() {
                judged.attribution = Some(self.attribute(group, members, &unit, boundary));
            }
            self.file(group_ix, &key, &mut track, &mut judged, &unit);
            judgements.push((key.clone(), judged));
            group.tracks.insert(key, track);
        }
        judgements
    }
}

/// Has the list say which of the windows that were read for the first time are beyond a level.
fn name_list(read: &mut [Read<'_>]) {
    let Some(Unit { monitor, frame, among, .. }) = read.first().map(|first| first.unit.clone())
    else {
        return;
    };
    if among < 2 {
        return;
    }
    let news = read.iter_mut().filter(|read| read.is_news);
    let mut members: Vec<Member<'_>> = news
        .filter_map(|Read { track, judged, .. }| {
            Some(Member { memory: &mut track.memory, reading: judged.reading.as_mut()? })
        })
        .collect();
    monitor.detector.name_list(&mut members, among, frame.pace());
    for Read { judged, .. } in read.iter_mut().filter(|read| read.judged.reading.is_some()) {
        judged.line.verdict = said(judged.reading);
    }
}
