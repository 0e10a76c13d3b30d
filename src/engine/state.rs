//! The state as rows: what a commit writes, and an engine out of what a store holds.
//!
//! A changed configuration takes the same way as a restart: rows out, rows in under the new plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::axis::{Along, Count};
use super::io::{Change, Effects, Notice, Table};
use super::learn::StoredLearning;
use super::model::{Ledger, Model, PaneKey};
use super::outbox::Row;
use super::pane_rows::{StoredPane, counted_pane, timed_pane};
use super::rows::{StateError, first_part, read, row, score_key, text_key};
use super::runs::Run;
use super::shelf::Shelf;
use super::tracks::{StoredRevisions, StoredTrack};
use super::{Engine, Position};
use crate::event::{Partition, Time};
use crate::lines::{ScoreLine, SilenceLine};
use crate::plan::{NamedPath, Plan};
use crate::policy::Incident;
use crate::reference::{CLASSIFIED, Reference};

/// Tables whose keys begin with the name of a model.
const OWNED: [Table; 6] =
    [Table::Models, Table::Panes, Table::Counted, Table::Tracks, Table::Revisions, Table::Learning];

/// Finds the reference of a model's version.
pub type Resolve<'a> = &'a dyn Fn(&str, Option<&str>) -> Option<Arc<Reference>>;

impl Engine {
    /// Everything that changed since the last call: one atomic batch for the store.
    pub fn changes(&mut self) -> Vec<Change> {
        // Rows of models that are gone or carry another name: first, since a name may come back.
        let ownerless = std::mem::take(&mut self.dirty.ownerless).into_iter();
        let mut changes: Vec<Change> =
            ownerless.map(|(table, key)| Change { table, key, value: None }).collect();
        for partition in std::mem::take(&mut self.dirty.positions) {
            let key = text_key(&[&partition.topic, &partition.number.to_string()]);
            let value = self.positions.get(&partition).map(|p| (partition.clone(), p.clone()));
            changes.push(row(Table::Positions, key, value.as_ref()));
        }
        for model in &mut self.models {
            model.changes(&mut changes);
        }
        for key in std::mem::take(&mut self.entries.dirty) {
            let value = self.entries.by_key.get(&key);
            changes.push(row(Table::Join, self.join_key(key), value));
        }
        self.entries.by_key.clear();
        for key in std::mem::take(&mut self.dirty.incidents) {
            changes.push(row(Table::Incidents, key.clone().into_bytes(), self.incidents.get(&key)));
        }
        for id in std::mem::take(&mut self.outbox.dirty) {
            changes.push(row(Table::Outbox, id.clone().into_bytes(), self.outbox.rows.get(&id)));
        }
        for id in std::mem::take(&mut self.dirty.runs) {
            changes.push(row(Table::Runs, id.clone().into_bytes(), self.runs.get(&id)));
        }
        for id in std::mem::take(&mut self.dirty.silences) {
            changes.push(row(Table::Silences, id.clone().into_bytes(), self.silences.get(&id)));
        }
        for line in std::mem::take(&mut self.dirty.scores) {
            let value = serde_json::to_vec(&line).ok();
            changes.push(Change { table: Table::Scores, key: score_key(&line), value });
        }
        changes
    }

    /// Whether anything waits for a commit.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        !self.dirty.positions.is_empty()
            || !self.dirty.incidents.is_empty()
            || !self.dirty.runs.is_empty()
            || !self.dirty.silences.is_empty()
            || !self.dirty.scores.is_empty()
            || !self.dirty.ownerless.is_empty()
            || !self.outbox.dirty.is_empty()
            || self.models.iter().any(|m| m.dirty || m.axes().any(|a| !a.dirty.is_empty()))
    }

    /// An engine out of stored rows, under a plan that may have changed since. Rows of
    /// [`Table::Counts`] are left where they are: the shelf reads them when they are needed. `now` is
    /// our clock: incidents that the plan ends, end then.
    ///
    /// # Errors
    /// A row that cannot be read: the store is damaged or newer.
    pub fn restore(
        plan: Arc<Plan>,
        secret: [u8; 32],
        now: Time,
        rows: impl IntoIterator<Item = (Table, Vec<u8>, Vec<u8>)>,
        resolve: Resolve<'_>,
        shelf: &Arc<dyn Shelf>,
    ) -> Result<(Engine, Effects), StateError> {
        let mut engine = Engine::new(plan, secret);
        engine.now = now;
        engine.shelve_on(shelf);
        let rows: Vec<(Table, Vec<u8>, Vec<u8>)> = rows.into_iter().collect();
        let mut ledgers: BTreeMap<String, Ledger> = BTreeMap::new();
        for (table, key, value) in rows.iter().filter(|(table, ..)| *table == Table::Models) {
            ledgers.insert(first_part(key), read(*table, value)?);
        }
        engine.inherit_stems(&ledgers);
        let stems: BTreeSet<String> = engine.models.iter().map(|m| m.stem.clone()).collect();
        let mut panes: Vec<(String, (Along, StoredPane))> = Vec::new();
        let mut tracks: Vec<(String, StoredTrack)> = Vec::new();
        let mut revisions: Vec<(String, StoredRevisions)> = Vec::new();
        let mut learnt: Vec<(String, StoredLearning)> = Vec::new();
        let mut ownerless = Vec::new();
        for (table, key, value) in rows {
            if OWNED.contains(&table) && !stems.contains(&first_part(&key)) {
                if table == Table::Panes {
                    ownerless.push((Table::Counts, key.clone()));
                }
                ownerless.push((table, key));
                continue;
            }
            match table {
                Table::Positions => {
                    let (partition, position): (Partition, Position) = read(table, &value)?;
                    engine.positions.insert(partition, position);
                }
                Table::Panes => {
                    panes.push((first_part(&key), (Along::Time, timed_pane(&value)?)));
                }
                Table::Counted => panes.push((first_part(&key), counted_pane(&value)?)),
                Table::Tracks => tracks.push((first_part(&key), read(table, &value)?)),
                Table::Revisions => revisions.push((first_part(&key), read(table, &value)?)),
                Table::Incidents => {
                    let incident: Incident = read(table, &value)?;
                    engine.incidents.insert(incident.key.clone(), incident);
                }
                Table::Outbox => {
                    let row: Row = read(table, &value)?;
                    engine.outbox.rows.insert(row.message.id.clone(), row);
                }
                Table::Runs => {
                    let run: Run = read(table, &value)?;
                    engine.runs.insert(run.line.id.clone(), run);
                }
                Table::Silences => {
                    let silence: SilenceLine = read(table, &value)?;
                    engine.silences.insert(silence.id.clone(), silence);
                }
                Table::Learning => learnt.push((first_part(&key), read(table, &value)?)),
                Table::Meta
                | Table::Models
                | Table::Counts
                | Table::Join
                | Table::Scores
                | Table::Schemas => {}
            }
        }
        let mut effects = Effects::default();
        for model in &mut engine.models {
            let stem = model.stem.clone();
            let Some(ledger) = ledgers.remove(&stem) else { continue };
            let mine = |owner: &String| *owner == stem;
            let moved = model.take_back(
                ledger,
                learnt.extract_if(.., |(owner, _)| mine(owner)).map(|(_, stored)| stored),
                resolve,
            )?;
            let panes = panes.extract_if(.., |(owner, _)| mine(owner)).map(|(_, pane)| pane);
            let kept = model.take_panes_back(panes, &moved);
            let tracks = tracks.extract_if(.., |(owner, _)| mine(owner)).map(|(_, track)| track);
            let revisions = revisions.extract_if(.., |(owner, _)| mine(owner)).map(|(_, row)| row);
            model.take_tracks_back(tracks, revisions, kept.then_some(&moved));
            if !kept {
                effects.notices.push(Notice {
                    warning: true,
                    model: model.plan.name.clone(),
                    message: "the pane width changed: counting starts anew".to_owned(),
                });
            }
        }
        engine.dirty.ownerless = ownerless;
        engine.catch_runs_up();
        engine.part_with_inherited(&mut effects);
        engine.carry_names_on();
        engine.remove_orphans(&mut effects);
        Ok((engine, effects))
    }

    /// The same state under a changed plan. Everything must be committed before.
    ///
    /// # Errors
    /// As [`Engine::restore`]; the old engine is lost then, so start again from the store.
    pub fn reload(
        mut self,
        plan: Arc<Plan>,
        resolve: Resolve<'_>,
        shelf: &Arc<dyn Shelf>,
    ) -> Result<(Engine, Effects), StateError> {
        let latest: Vec<ScoreLine> = self.latest_lines().cloned().collect();
        self.mark_all();
        let rows: Vec<_> = self
            .changes()
            .into_iter()
            .filter_map(|c| c.value.map(|value| (c.table, c.key, value)))
            .collect();
        let (mut engine, effects) =
            Engine::restore(plan, self.secret, self.now, rows, resolve, shelf)?;
        latest.into_iter().for_each(|line| engine.recall(line));
        engine.ends = self.ends;
        for (model, pipeline) in self.models.iter().zip(self.pipelines) {
            if let Some(place) = engine.models.iter().position(|m| m.stem == model.stem) {
                engine.pipelines[place] = pipeline;
            }
        }
        engine.mark_all();
        engine.take_ownership(self.owned, self.topic_sizes);
        Ok((engine, effects))
    }

    fn mark_all(&mut self) {
        self.dirty.positions.extend(self.positions.keys().cloned());
        self.dirty.incidents.extend(self.incidents.keys().cloned());
        self.dirty.runs.extend(self.runs.keys().cloned());
        self.dirty.silences.extend(self.silences.keys().cloned());
        self.outbox.dirty.extend(self.outbox.rows.keys().cloned());
        for model in &mut self.models {
            model.mark_all();
        }
    }
}

impl Model {
    fn changes(&mut self, changes: &mut Vec<Change>) {
        let orphans = std::mem::take(&mut self.orphans).into_iter();
        changes.extend(orphans.map(|(table, key)| Change { table, key, value: None }));
        if std::mem::take(&mut self.dirty) || self.axes().any(|axis| !axis.dirty.is_empty()) {
            self.write_ledger();
            changes.push(row(Table::Models, text_key(&[&self.stem]), Some(&self.ledger)));
        }
        for along in Along::ALL {
            let dirty = std::mem::take(&mut self.axis_mut(along).dirty);
            changes.extend(dirty.into_iter().map(|key| self.pane_row(along, key)));
            let written = std::mem::take(&mut self.axis_mut(along).dirty_counts);
            if along == Along::Time {
                changes.extend(written.iter().map(|key| self.counts_row(*key)));
                self.shelve(&written);
            }
        }
        self.learning_changes(changes);
        self.track_changes(changes);
    }

    fn write_ledger(&mut self) {
        self.ledger.name.clone_from(&self.plan.name);
        self.ledger.widths = self.axes().map(|axis| (axis.along, axis.width)).collect();
        self.ledger.segments = self.segments.list();
        self.ledger.versions = self
            .versions
            .iter()
            .map(|(ix, v)| (*ix, self.groups[v.group].id.to_string(), v.first_arrival))
            .collect();
        self.ledger.starts = self
            .groups
            .iter()
            .map(|g| {
                let starts = g.starts.iter();
                let starts = starts.map(|(s, (id, at))| (s.clone(), id.clone(), *at)).collect();
                (g.id.to_string(), starts)
            })
            .collect();
        let begins = self.groups.iter().filter(|g| !g.begins.is_empty());
        self.ledger.begins = begins.map(|g| (g.id.to_string(), g.begins.clone())).collect();
        let floors = self.groups.iter().filter(|g| !g.floors.is_empty());
        self.ledger.floors = floors.map(|g| (g.id.to_string(), g.floors.clone())).collect();
    }

    fn mark_all(&mut self) {
        self.dirty = true;
        for along in Along::ALL {
            let axis = self.axis_mut(along);
            axis.dirty.extend(axis.panes.keys().copied());
            let at_hand = axis.panes.iter().filter(|(_, pane)| pane.series.is_some());
            axis.dirty_counts.extend(at_hand.map(|(key, _)| *key));
        }
        self.mark_learning();
        self.mark_tracks();
    }

    /// Takes stored state back, without panes and tracks; returns the series that have moved.
    fn take_back(
        &mut self,
        ledger: Ledger,
        learnt: impl Iterator<Item = StoredLearning>,
        resolve: Resolve<'_>,
    ) -> Result<BTreeSet<Arc<str>>, StateError> {
        if let Some((version, ..)) = ledger.versions.iter().find(|v| !ledger.lexicon.knows(v.0)) {
            let why = format!("version number {version} has no name");
            return Err(StateError { table: Table::Models.name(), why });
        }
        self.segments.restore(&ledger.segments);
        let versions = ledger.versions.clone();
        let (starts, begins) = (ledger.starts.clone(), ledger.begins.clone());
        let floors = ledger.floors.clone();
        self.ledger = ledger;
        self.dirty |= self.ledger.name != self.plan.name;
        let topics = self.plan.topics();
        self.ledger.clocks.by_partition.retain(|p, _| topics.iter().any(|(t, _)| *t == p.topic));
        self.number_classes();
        self.note_keeping();
        let moved = self.moved_series();
        self.take_learning_back(learnt)?;
        for (version, group_id, first_arrival) in versions {
            let name = self.version_name(version);
            self.admit(version, resolve(&self.plan.name, name.as_deref()));
            if let Some(version) = self.versions.get_mut(&version) {
                version.first_arrival = first_arrival;
                let group = &mut self.groups[version.group];
                if group.starts.is_empty()
                    && let Some((_, starts)) = starts.iter().find(|(id, _)| *id == group_id)
                {
                    let kept = starts.iter().filter(|((_, series), _, _)| !moved.contains(series));
                    group.starts = kept.map(|(s, id, at)| (s.clone(), (id.clone(), *at))).collect();
                }
                if let Some((_, at)) = begins.iter().find(|(id, _)| *id == group_id) {
                    group.begins.clone_from(at);
                }
                if let Some((_, at)) = floors.iter().find(|(id, _)| *id == group_id) {
                    group.floors.clone_from(at);
                }
            }
        }
        Ok(moved)
    }

    /// Takes stored panes back; false where those of event time had to be dropped.
    fn take_panes_back(
        &mut self,
        panes: impl Iterator<Item = (Along, StoredPane)>,
        moved: &BTreeSet<Arc<str>>,
    ) -> bool {
        let kept: Vec<Along> = Along::ALL.into_iter().filter(|along| self.resume(*along)).collect();
        let rescaled = self.ledger.widths.get(&Along::Time) != Some(&self.time.width);
        let changed = Some(moved).filter(|moved| rescaled || !moved.is_empty());
        let restated = std::mem::take(&mut self.ledger.restated).into_iter();
        self.ledger.restated =
            restated.map(|key| PaneKey { start: self.time.start_of(key.start), ..key }).collect();
        for (along, stored) in panes {
            if kept.contains(&along) {
                self.take_pane_back(along, stored, changed);
            } else {
                self.drop_stored(along, stored);
            }
        }
        kept.contains(&Along::Time)
    }

    /// Series whose path is another one now: what was counted was something else.
    fn moved_series(&mut self) -> BTreeSet<Arc<str>> {
        let pairs = |p: &NamedPath| (p.name.clone(), p.path.clone());
        let now: BTreeSet<(String, String)> = self.plan.paths.iter().map(pairs).collect();
        let before = std::mem::replace(&mut self.ledger.paths, now.clone());
        let of = |all: &BTreeSet<(String, String)>, name: &str| {
            all.iter().filter(|(n, _)| n == name).map(|(_, path)| path.clone()).collect::<Vec<_>>()
        };
        let names: BTreeSet<&String> = before.iter().map(|(name, _)| name).collect();
        let mut moved = BTreeSet::new();
        for name in names {
            let (old, new) = (of(&before, name), of(&now, name));
            if !new.is_empty() && old != new {
                self.ledger.paths_seen.remove(name);
                moved.insert(name.strip_prefix("predictions.").unwrap_or(name).into());
            }
        }
        if ["prediction", "probability"].iter().any(|half| moved.contains(*half)) {
            moved.insert(CLASSIFIED.into());
        }
        moved
    }

    /// Whether the stored panes of a line serve: theirs is the width, or divides it. If not,
    /// counting starts anew.
    fn resume(&mut self, along: Along) -> bool {
        let (before, now) =
            (self.ledger.widths.get(&along).copied().unwrap_or_default(), self.axis(along).width);
        if before == now || (along == Along::Time && before.0 > 0 && now.0 % before.0 == 0) {
            if before != now {
                // Boundaries between the new panes were never judged as such.
                let ledger = &mut self.ledger;
                for judged in [&mut ledger.judged_drift, &mut ledger.judged_performance] {
                    *judged = judged.map(|at| at.floor_to(now));
                }
            }
            return true;
        }
        match along {
            Along::Time => {
                (self.ledger.judged_drift, self.ledger.judged_performance) = (None, None);
                self.ledger.restated.clear();
                self.groups.iter_mut().for_each(|group| group.tracks.clear());
            }
            Along::Events => self.ledger.events = Count::default(),
            Along::Pairs => self.ledger.pairs = Count::default(),
        }
        for group in &mut self.groups {
            group.starts.retain(|(line, _), _| *line != along);
        }
        false
    }
}
