//! The core's score, one page: an input goes in, effects come out.
//!
//! One owner of all state. Synchronous, deterministic and silent: no clock, no file, no network;
//! what it needs to know comes with the input, what must become durable is asked for with
//! [`Engine::changes`]. Next door below: `window`, `join`, `policy`; above: `daemon`, which feeds
//! it, and `cli::replay`, which feeds it files.

mod attribution;
mod axis;
mod blocks;
mod clocks;
mod commands;
mod conclude;
mod contents;
mod count;
mod counted;
mod decide;
mod evidence;
mod expect;
mod export;
mod intake;
pub mod io;
mod judge;
mod learn;
mod lexicon;
mod live;
mod matching;
mod mature;
mod model;
mod names;
mod outbox;
mod pane_rows;
mod pass_by;
mod pipeline;
mod readable;
mod recall;
mod revisions;
mod round;
mod rows;
mod runs;
mod score;
mod season;
mod segments;
mod shelf;
mod state;
mod status;
mod told;
mod track;
mod tracks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::{Anchor, ModelIx, Partition, Role, Slab, Time};
use crate::lines::SilenceLine;
use crate::plan::Plan;
use crate::policy::Incident;
use crate::reference::Reference;
use clocks::{Standing, Watermarks};
use decide::Desk;
use intake::{Arriving, Entries};
use io::{Effects, Fetched, Input, Notice, Wants};
use model::Model;
use outbox::Outbox;
use pipeline::Pipeline;
use runs::Run;

pub use export::{EXPORTED, Export};
pub use outbox::KEPT;
pub use pass_by::{PassedBy, pass_by};
pub use readable::readable;
pub use rows::StateError;
pub use runs::callback_token;
pub use shelf::{Shelf, counts_of};
pub use state::Resolve;
pub use status::{IncidentStatus, ModelStatus, MonitorStatus, Status};

/// References that versions have learnt, by model and name of the version: empty where there are none.
pub type Learnt = BTreeMap<(ModelIx, Arc<str>), Arc<Reference>>;

/// Where a partition stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Position {
    /// First offset that is not in the state.
    pub offset: i64,
    /// The last record that is.
    pub anchor: Option<Anchor>,
    /// Records that the broker had dropped before they were read.
    pub lost: i64,
}

/// All state, and the only way to change it: [`Engine::step`].
#[derive(Debug)]
pub struct Engine {
    plan: Arc<Plan>,
    models: Vec<Model>,
    positions: BTreeMap<Partition, Position>,
    ends: BTreeMap<Partition, i64>,
    owned: BTreeSet<Partition>,
    topic_sizes: BTreeMap<Arc<str>, i32>,
    entries: Entries,
    incidents: BTreeMap<String, Incident>,
    outbox: Outbox,
    runs: BTreeMap<String, Run>,
    silences: BTreeMap<String, SilenceLine>,
    pipelines: Vec<Pipeline>,
    /// Names of removed models that another model bears now.
    inherited: BTreeSet<String>,
    dirty: Dirty,
    now: Time,
    finishing: bool,
    /// Makes callback tokens that nobody can guess.
    secret: [u8; 32],
}

/// What has changed since the last commit, outside of the models.
#[derive(Debug, Default)]
struct Dirty {
    positions: BTreeSet<Partition>,
    incidents: BTreeSet<String>,
    runs: BTreeSet<String>,
    silences: BTreeSet<String>,
    scores: Vec<crate::lines::ScoreLine>,
    /// Rows of models that are gone or carry another name.
    ownerless: Vec<(io::Table, Vec<u8>)>,
}

impl Engine {
    /// An engine without any history. `secret` makes callback tokens.
    #[must_use]
    pub fn new(plan: Arc<Plan>, secret: [u8; 32]) -> Engine {
        let models =
            plan.models.iter().map(|m| Model::new(Arc::new(m.clone()), &plan.limits)).collect();
        Engine {
            pipelines: plan.models.iter().map(|_| Pipeline::default()).collect(),
            models,
            plan,
            positions: BTreeMap::new(),
            ends: BTreeMap::new(),
            owned: BTreeSet::new(),
            topic_sizes: BTreeMap::new(),
            entries: Entries::default(),
            incidents: BTreeMap::new(),
            outbox: Outbox::default(),
            runs: BTreeMap::new(),
            silences: BTreeMap::new(),
            inherited: BTreeSet::new(),
            dirty: Dirty::default(),
            now: Time::MIN,
            finishing: false,
            secret,
        }
    }

    /// What the engine must be told before it can take this slab: join entries that it does not
    /// hold already, and references of new versions.
    #[must_use]
    pub fn wants(&self, slab: &Slab) -> Wants {
        let mut wants = Wants::default();
        for (model, role, batch) in &slab.batches {
            self.models[*model as usize].wants(*model, batch, *role, &mut wants);
        }
        wants.entries.retain(|key| !self.entries.by_key.contains_key(key));
        wants.entries.sort_unstable();
        wants.entries.dedup();
        wants.versions.sort_unstable();
        wants.versions.dedup();
        wants
    }

    /// What versions have learnt.
    #[must_use]
    pub fn learnt(&self) -> Learnt {
        let models = self.models.iter().enumerate();
        let learnt = models.flat_map(|(place, model)| {
            model.learnt.iter().map(move |(version, reference)| {
                let name = model.ledger.lexicon.name(*version);
                ((place as ModelIx, name.clone()), reference.clone())
            })
        });
        learnt.collect()
    }

    /// Takes what the very events that it will be shown have taught another engine: before the first
    /// of them.
    pub fn know(&mut self, learnt: &Learnt) {
        for ((place, version), reference) in learnt {
            self.models[usize::from(*place)].know(version, reference.clone());
        }
    }

    /// Takes one input.
    pub fn step(&mut self, input: Input) -> Effects {
        let mut effects = Effects::default();
        match input {
            Input::Slab(slab, fetched) => self.take_slab(&slab, fetched, &mut effects),
            Input::Owned { partitions, counts } => self.take_ownership(partitions, counts),
            Input::EndOffset { partition, end } => {
                self.ends.insert(partition, end);
            }
            Input::Begin { partition, again: false, .. }
                if self.positions.contains_key(&partition) => {}
            Input::Begin { partition, offset, .. } => {
                let lost = self.positions.get(&partition).map_or(0, |p| p.lost);
                let position = Position { offset, anchor: None, lost };
                self.positions.insert(partition.clone(), position);
                self.dirty.positions.insert(partition);
                // Resolved once and for all, before the first record is used.
                effects.urgent = true;
            }
            Input::Reference((model, version), reference) => {
                let model = &mut self.models[model as usize];
                let number = model.ledger.lexicon.number(version.as_deref().unwrap_or(""));
                model.admit(number, Some(reference));
                effects.urgent = true;
            }
            Input::Lost { partition, from, to } => self.lose(&partition, from, to, &mut effects),
            Input::Tick(now) => {
                let day = |t: Time| t.floor_to(crate::event::Span::from_secs(86_400));
                if self.now != Time::MIN && day(self.now) != day(now) {
                    self.forget_old();
                }
                self.now = self.now.max(now);
                self.watch_pipelines(&mut effects);
                self.watch_runs(&mut effects);
                self.judge(&mut effects);
            }
            Input::Receipt(receipt) => self.receive(receipt, &mut effects),
            Input::Command(command) => self.obey(command, &mut effects),
            Input::Finish => {
                self.finishing = true;
                self.judge(&mut effects);
            }
        }
        effects.urgent |= !effects.messages.is_empty() || !effects.cancelled.is_empty();
        self.dirty.scores.extend(effects.lines.iter().cloned());
        effects
    }

    /// The skip rule: rows below the position are in the state already, a hole is refused.
    fn take_slab(&mut self, slab: &Slab, fetched: Fetched, effects: &mut Effects) {
        let position = self.positions.get(&slab.partition).map_or(slab.from, |p| p.offset);
        if slab.to <= position {
            return;
        }
        if slab.from > position {
            effects.rewind = Some((slab.partition.clone(), position));
            return;
        }
        self.now = self.now.max(slab.read_at);
        for (key, entry) in fetched.entries {
            self.entries.by_key.entry(key).or_insert(entry);
        }
        for ((model, version), reference) in fetched.references {
            let model = &mut self.models[model as usize];
            let number = model.ledger.lexicon.number(version.as_deref().unwrap_or(""));
            if let Some(notice) = model.meet(number, reference) {
                effects.notices.push(notice);
            }
            effects.notices.append(&mut model.notices);
        }
        for (model, role, batch) in &slab.batches {
            let arriving = Arriving { model: *model, role: *role, batch, slab, position };
            let model = &mut self.models[*model as usize];
            match role {
                Role::Prediction => {
                    let late = model.take_predictions(&arriving, &mut self.entries);
                    effects.late.push((arriving.model, late));
                }
                Role::Outcome => model.take_outcomes(&arriving, &mut self.entries),
            }
            for dimension in model.segments.take_overflowed() {
                effects.notices.push(Notice {
                    warning: true,
                    model: model.plan.name.clone(),
                    message: format!(
                        "dimension {dimension} has more than {} values; further ones are counted \
                         as 'other' (limits.segments)",
                        self.plan.limits.segments
                    ),
                });
            }
        }
        effects.consumed = (slab.to - position) as u64;
        self.note_quality(slab);
        let lost = self.positions.get(&slab.partition).map_or(0, |p| p.lost);
        let anchor = slab.anchor.or(self.positions.get(&slab.partition).and_then(|p| p.anchor));
        let position = Position { offset: slab.to, anchor, lost };
        self.positions.insert(slab.partition.clone(), position);
        self.dirty.positions.insert(slab.partition.clone());
        self.judge(effects);
        self.forget_clean_entries();
    }

    /// Fetched entries serve one slab; changed ones stay until they are durable.
    fn forget_clean_entries(&mut self) {
        self.entries.forget_clean();
    }

    fn take_ownership(&mut self, partitions: BTreeSet<Partition>, counts: BTreeMap<Arc<str>, i32>) {
        self.topic_sizes.extend(counts);
        self.owned = partitions;
        let now = self.now;
        for model in &mut self.models {
            let plan = model.plan.clone();
            let topics = plan.topics();
            for (topic, role) in topics {
                let size = self.topic_sizes.get(&topic).copied().unwrap_or(0);
                for number in 0..size {
                    let partition = Partition { topic: topic.clone(), number };
                    let clock = model.ledger.clocks.clock(&partition, role);
                    clock.read_at.get_or_insert(now);
                }
            }
        }
    }

    /// The broker no longer has some records: the hole is closed and shown.
    fn lose(&mut self, partition: &Partition, from: i64, to: i64, effects: &mut Effects) {
        let position = self.positions.entry(partition.clone()).or_insert(Position {
            offset: from,
            anchor: None,
            lost: 0,
        });
        if to <= position.offset {
            return;
        }
        position.lost += to - position.offset.max(from);
        position.offset = to;
        position.anchor = None;
        self.dirty.positions.insert(partition.clone());
        effects.notices.push(Notice {
            warning: true,
            model: String::new(),
            message: format!(
                "{} partition {}: offsets {from}..{to} are gone from the broker and were not \
                 counted; windows over that time are incomplete",
                partition.topic, partition.number
            ),
        });
        effects.urgent = true;
    }

    fn judge(&mut self, effects: &mut Effects) {
        for place in 0..self.models.len() {
            let Some(watermarks) = self.watermarks(place) else { continue };
            while let Some(rounds) = self.models[place].judge_next(watermarks) {
                for round in rounds {
                    self.decide(place, round, effects);
                }
            }
            effects.notices.append(&mut self.models[place].notices);
            self.sweep_incidents(place, watermarks, effects);
        }
    }

    fn watermarks(&mut self, place: usize) -> Option<Watermarks> {
        if self.finishing {
            return Some(Watermarks { drift: Time::MAX, performance: Time::MAX });
        }
        let model = &mut self.models[place];
        let complete =
            model.plan.topics().iter().all(|(topic, _)| self.topic_sizes.contains_key(topic));
        if !complete {
            return None;
        }
        let (owned, positions, ends) = (&self.owned, &self.positions, &self.ends);
        model.ledger.clocks.watermarks(
            self.now,
            model.plan.lateness,
            self.plan.idle_after,
            |partition| Standing {
                owned: owned.contains(partition),
                position: positions.get(partition).map_or(0, |p| p.offset),
                end: ends.get(partition).copied(),
            },
        )
    }

    /// Versions that have no reference of their own yet, by model.
    #[must_use]
    pub fn waiting_for_reference(&self) -> Vec<io::VersionKey> {
        let models = self.models.iter().enumerate();
        let waiting = models.flat_map(|(place, model)| {
            let names = model.waiting_for_reference().into_iter();
            names.map(move |name| (place as crate::event::ModelIx, Some(name)))
        });
        waiting.collect()
    }

    /// Whether all records of a partition are in the state, as far as its end is known.
    fn is_caught_up(&self, partition: &Partition) -> bool {
        let position = self.positions.get(partition).map_or(0, |position| position.offset);
        self.ends.get(partition).is_some_and(|end| *end <= position)
    }

    /// Key of a join entry in the store.
    #[must_use]
    pub fn join_key(&self, key: io::JoinKey) -> Vec<u8> {
        rows::join_key(&self.models[key.model as usize].stem, key.id)
    }

    /// Whether a stored join entry can matter no more.
    #[must_use]
    pub fn join_expired(&self, key: &[u8], entry: &crate::join::Entry) -> bool {
        let stem = rows::first_part(key);
        let Some(model) = self.models.iter().find(|m| m.stem == stem) else { return true };
        // A partition that has not been looked into yet may hold the other half of anything.
        let unread =
            model.ledger.clocks.by_partition.iter().any(|(partition, clock)| {
                clock.latest == Time::MIN && !self.is_caught_up(partition)
            });
        !unread && entry.expired(model.ledger.watermark(), model.plan.within())
    }

    /// Names the limit on disk that has been reached, if one was: then ids that the join does not
    /// hold find no room. Returns what is worth a line in the log.
    pub fn join_is_full(&mut self, limit: Option<&str>) -> Option<Notice> {
        let full = limit.is_some();
        if std::mem::replace(&mut self.entries.full, full) == full {
            return None;
        }
        let message = match limit {
            Some(limit) => format!(
                "the state has reached {limit}: new ids are counted but not joined until older \
                 ones have expired"
            ),
            None => "the state is below its limits again: new ids are joined".to_owned(),
        };
        Some(Notice { warning: full, model: String::new(), message })
    }

    /// Sets our clock before the first input.
    pub fn set_clock(&mut self, now: Time) {
        self.now = self.now.max(now);
        self.forget_old();
    }

    /// Records of each partition that are not in the state yet, where the end is known.
    #[must_use]
    pub fn lags(&self) -> Vec<(Partition, i64)> {
        let lag = |(p, end): (&Partition, &i64)| {
            let position = self.positions.get(p).map_or(0, |position| position.offset);
            (p.clone(), (end - position).max(0))
        };
        self.ends.iter().filter(|(p, _)| self.owned.contains(*p)).map(lag).collect()
    }

    /// Whether any partition is ours.
    #[must_use]
    pub fn owns_anything(&self) -> bool {
        !self.owned.is_empty()
    }

    /// Name of this installation.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.plan.name
    }

    /// Digest of the configuration in force.
    #[must_use]
    pub fn config_digest(&self) -> &str {
        &self.plan.config_digest
    }

    /// Where each partition stands, for the reader.
    #[must_use]
    pub fn positions(&self) -> &BTreeMap<Partition, Position> {
        &self.positions
    }

    fn desk(&self) -> Desk<'_> {
        Desk { plan: &self.plan, incidents: &self.incidents }
    }
}

#[cfg(test)]
pub(crate) mod tests;
