//! The engine thread: one owner of all state, one input at a time, a commit between two of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::left::Left;
use super::references::References;
use super::restore::forget_inherited;
use super::sending::{Sending, orders};
use super::shelf::StoreShelf;
use super::sweep::Sweep;
use crate::clock;
use crate::engine::io::{Change, Effects, Fetched, Input, JoinKey, Notice, Table, VersionKey};
use crate::engine::{Engine, KEPT, Shelf, Status};
use crate::event::{Partition, Slab, Span};
use crate::failpoint::Failpoint;
use crate::join::Entry;
use crate::plan::Plan;
use crate::policy::message::{Command, Delivery, Message, Receipt, Reply};
use crate::source::{Channel, Feed, Revised, Shared};
use crate::store::{Store, StoreError, forget_scores};

/// Longest time between two looks at the clock.
const TICK: Duration = Duration::from_millis(200);
/// How often the picture for API and metrics is drawn anew.
const PICTURE: Duration = Duration::from_millis(500);
/// A commit is due when this much has been taken since the last one.
const MOST_BYTES: usize = 64 << 20;
/// How often missing reference files are looked for.
const LOOK: Duration = Duration::from_secs(5);
/// Old score lines that are removed at once.
const FORGOTTEN: usize = 20_000;
/// How often old score lines are looked for.
const DAY: Span = Span::from_secs(86_400);
/// Faults of a commit that failed.
const DISK_FULL: &str = "disk_full";
const NOT_WRITABLE: &str = "state_not_writable";
/// How often a failed commit is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What others ask of the engine thread.
pub enum Work {
    /// What became of a message.
    Receipt(Receipt),
    /// Somebody asks for something; answered once the state is durable.
    Command(Command, oneshot::Sender<Reply>),
}

/// What goes out after a commit.
#[derive(Debug)]
pub enum Outgoing {
    /// Send this; so many attempts were made by an earlier process.
    Message(Message, u32),
    /// A later message replaced this one.
    Cancel(String),
}

/// Told of what the engine did, for metrics and API.
pub trait Observer: Send {
    /// So many further records of a topic are in the state.
    fn took(&mut self, topic: &str, records: u64);
    /// So many of a model's predictions came too late.
    fn late(&mut self, model: &str, predictions: u64);
    /// A commit took this long.
    fn committed(&mut self, took: Duration, bytes: u64);
    /// A new picture of the state.
    fn picture(&mut self, engine: &Engine, status: Status);
}

/// The thread's belongings.
pub struct EngineThread {
    pub engine: Engine,
    pub plan: Arc<Plan>,
    pub store: Arc<dyn Store>,
    /// Where the engine finds counts that left memory.
    pub shelf: Arc<StoreShelf>,
    pub shared: Arc<Shared>,
    pub references: References,
    pub feed: Arc<Channel>,
    /// The consumer group, to name it.
    pub group: String,
    pub work: Receiver<Work>,
    /// What building the engine has brought up, nothing of which is durable yet.
    pub start: Effects,
    pub sending: Sending,
    pub observer: Box<dyn Observer>,
    pub commit_every: Duration,
    pub stop: Arc<AtomicBool>,
    pub sweep: Sweep,
}

/// What waits for the next commit.
#[derive(Default)]
struct Waiting {
    outgoing: Vec<Outgoing>,
    replies: Vec<(oneshot::Sender<Reply>, Reply)>,
    /// Rows of a commit that failed; they go first in the next one.
    failed: Vec<Change>,
    /// Messages that were accepted since the last commit, after so many attempts.
    accepted: Vec<(String, u32)>,
    urgent: bool,
    bytes: usize,
}

impl EngineThread {
    /// Works until told to stop; the last commit is the last thing it does.
    ///
    /// # Errors
    /// The store is unusable: the process must end and start again from what is on disk.
    pub fn run(mut self) -> Result<Left, StoreError> {
        let result = self.work();
        self.feed.close();
        result.map(|()| Left::new(self.sending.end(), self.work))
    }

    fn work(&mut self) -> Result<(), StoreError> {
        let mut waiting = Waiting::default();
        self.resume(&mut waiting);
        let (mut ticked, mut drawn, mut committed) =
            (Instant::now(), None::<Instant>, Instant::now());
        let mut retry_at: Option<Instant> = None;
        let mut looked = Instant::now();
        let mut forgotten = None;
        loop {
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.look_for_references(&mut waiting);
            }
            while let Ok(work) = self.work.try_recv() {
                self.obey(work, &mut waiting);
            }
            if !waiting.failed.is_empty() {
                self.acknowledge(&mut waiting)?;
            }
            if waiting.failed.is_empty() {
                if let Some(feed) = self.feed.take(TICK.min(self.commit_every)) {
                    self.take(feed, &mut waiting)?;
                }
            } else {
                // Nothing is taken while what was taken cannot be made durable.
                std::thread::sleep(TICK / 2);
            }
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                let effects = self.engine.step(Input::Tick(clock::now()));
                self.keep(effects, &mut waiting);
            }
            let stopping = self.stop.load(Ordering::Relaxed);
            if stopping {
                Failpoint::Stopping.reach();
            }
            let due = waiting.urgent
                || stopping
                || waiting.bytes >= MOST_BYTES
                || committed.elapsed() >= self.commit_every;
            if due && retry_at.is_none_or(|at| Instant::now() >= at) {
                retry_at = match self.commit(&mut waiting) {
                    Ok(()) => {
                        self.sweep()?;
                        let today = clock::now().floor_to(DAY);
                        if forgotten != Some(today) && self.forget_scores()? {
                            forgotten = Some(today);
                            self.sending.tidy();
                        }
                        None
                    }
                    Err(error) if error.is_fatal() => return Err(error),
                    Err(_) => Some(Instant::now() + RETRY),
                };
                committed = Instant::now();
            }
            if drawn.is_none_or(|at| at.elapsed() >= PICTURE) {
                drawn = Some(Instant::now());
                self.draw();
            }
            if stopping {
                return Ok(());
            }
        }
    }

    fn draw(&mut self) {
        let status = self.engine.status();
        self.observer.picture(&self.engine, status);
    }

    fn obey(&mut self, work: Work, waiting: &mut Waiting) {
        match work {
            Work::Receipt(receipt) => {
                if let Delivery::Delivered { attempts, .. } = &receipt.result {
                    self.sending.accepted(&receipt.id, *attempts);
                    waiting.accepted.push((receipt.id.clone(), *attempts));
                }
                let effects = self.engine.step(Input::Receipt(receipt));
                self.keep(effects, waiting);
                Failpoint::Acknowledged.reach();
                // An acknowledgement is worth a commit of its own: it saves a repeat.
                waiting.urgent = true;
            }
            Work::Command(command, answer) => {
                let mut effects = self.engine.step(Input::Command(command));
                let reply = effects.reply.take();
                self.keep(effects, waiting);
                if let Some(reply) = reply {
                    waiting.replies.push((answer, reply));
                }
            }
        }
    }

    /// Goes on with what an earlier process left: what is durable may leave at once.
    fn resume(&mut self, waiting: &mut Waiting) {
        let start = std::mem::take(&mut self.start);
        let new: BTreeSet<String> = start.messages.iter().map(|m| m.id.clone()).collect();
        let pending = self.engine.pending_messages().into_iter();
        self.send(orders(pending.filter(|(message, _)| !new.contains(&message.id))), waiting);
        self.keep(start, waiting);
        waiting.urgent = true;
    }

    /// Sends what is durable; what was accepted once is filed as accepted.
    fn send(&mut self, outgoing: Vec<Outgoing>, waiting: &mut Waiting) {
        for receipt in self.sending.send(outgoing) {
            let effects = self.engine.step(Input::Receipt(receipt));
            self.keep(effects, waiting);
            waiting.urgent = true;
        }
    }

    /// While a commit cannot be made for want of room, files what was accepted: the only thing
    /// that would be done again in the world outside.
    fn acknowledge(&mut self, waiting: &mut Waiting) -> Result<(), StoreError> {
        let rows: Vec<Change> =
            waiting.accepted.iter().filter_map(|(id, _)| self.engine.outbox_row(id)).collect();
        if rows.is_empty() {
            return Ok(());
        }
        match self.store.acknowledge(&rows) {
            Ok(()) => {
                // There was no room for these before.
                for (id, attempts) in waiting.accepted.drain(..) {
                    self.sending.accepted(&id, attempts);
                }
            }
            Err(error) if error.is_fatal() => return Err(error),
            // It is in the file of sent messages, and in the next commit.
            Err(error) => tracing::debug!("receipts wait for a commit: {error}"),
        }
        Ok(())
    }

    fn take(&mut self, feed: Feed, waiting: &mut Waiting) -> Result<(), StoreError> {
        let input = match feed {
            Feed::Slab(slab) => return self.take_slab(slab, waiting),
            Feed::Owned { partitions, counts } => {
                self.shared.note_ownership(&self.group, &partitions, &counts);
                Input::Owned { partitions, counts }
            }
            Feed::End { partition, end } => Input::EndOffset { partition, end },
            Feed::Lost { partition, from, to } => Input::Lost { partition, from, to },
            Feed::Begin { partition, offset, again } => Input::Begin { partition, offset, again },
            Feed::Reload(revised) => return self.reload(revised, waiting),
        };
        let effects = self.engine.step(input);
        self.keep(effects, waiting);
        Ok(())
    }

    fn take_slab(&mut self, slab: Box<Slab>, waiting: &mut Waiting) -> Result<(), StoreError> {
        let wants = self.engine.wants(&slab);
        let reference = |(model, version): VersionKey| {
            let name = &self.plan.models[model as usize].name;
            let reference = self.references.resolve(name, version.as_deref());
            ((model, version), reference)
        };
        let fetched = Fetched {
            entries: self.fetch(&wants.entries)?,
            references: wants.versions.into_iter().map(reference).collect(),
        };
        let topic = slab.partition.topic.clone();
        waiting.bytes += slab_bytes(&slab);
        let effects = self.engine.step(Input::Slab(slab, fetched));
        self.observer.took(&topic, effects.consumed);
        for (model, predictions) in &effects.late {
            self.observer.late(&self.plan.models[*model as usize].name, *predictions);
        }
        if let Some((partition, _)) = &effects.rewind {
            self.shared
                .rewind
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(partition.clone());
        }
        self.keep(effects, waiting);
        Failpoint::SlabTaken.reach();
        Ok(())
    }

    /// A new version's reference file may come later than its first events.
    fn look_for_references(&mut self, waiting: &mut Waiting) {
        for (model, version) in self.engine.waiting_for_reference() {
            let name = &self.plan.models[model as usize].name;
            if let Some(reference) = self.references.resolve(name, version.as_deref()) {
                tracing::info!(model = name, "version {version:?} has its reference now");
                let effects = self.engine.step(Input::Reference((model, version), reference));
                self.keep(effects, waiting);
            }
        }
    }

    /// Removes expired join entries. Right after a commit the engine holds no entry of its own.
    fn sweep(&mut self) -> Result<(), StoreError> {
        Failpoint::SweepBegins.reach();
        let expired = self.sweep.next(self.store.as_ref(), &|key, value| {
            let entry = postcard::from_bytes::<Entry>(value);
            entry.is_ok_and(|entry| self.engine.join_expired(key, &entry))
        })?;
        if !expired.is_empty() {
            // They are found again by the next sweep.
            self.show(&self.store.commit(&expired));
        }
        Ok(())
    }

    /// Whether the store can be written to, for everybody to see.
    fn show(&self, written: &Result<(), StoreError>) {
        for (code, holds) in [
            (DISK_FULL, matches!(written, Err(StoreError::Full { .. }))),
            (NOT_WRITABLE, matches!(written, Err(StoreError::Write { .. }))),
        ] {
            match written {
                Err(error) if holds => self.shared.faults.raise(code, "", error.to_string()),
                _ => self.shared.faults.clear(code, ""),
            }
        }
    }

    /// Removes old score lines, a stretch at a time; whether none is left. A model's events say
    /// what is old: one that is read from its beginning keeps what it has just been judged by.
    fn forget_scores(&self) -> Result<bool, StoreError> {
        let models = self.engine.status().models;
        let horizon = |name: &str| {
            let latest = models.iter().find(|m| m.name == name).and_then(|m| m.latest);
            latest.map_or(clock::now(), |latest| latest.min(clock::now())) - KEPT
        };
        match forget_scores(self.store.as_ref(), &horizon, FORGOTTEN) {
            Err(error @ (StoreError::Write { .. } | StoreError::Full { .. })) => {
                tracing::warn!("old score lines cannot be removed: {error}");
                Ok(true)
            }
            done => done,
        }
    }

    /// Join entries out of the store, in one sorted sweep.
    fn fetch(&self, keys: &[JoinKey]) -> Result<Vec<(JoinKey, Entry)>, StoreError> {
        let bytes: Vec<Vec<u8>> = keys.iter().map(|key| self.engine.join_key(*key)).collect();
        let found = self.store.get_many(Table::Join, &bytes)?;
        let mut entries = Vec::new();
        for (key, value) in keys.iter().zip(found) {
            let Some(value) = value else { continue };
            match postcard::from_bytes(&value) {
                Ok(entry) => entries.push((*key, entry)),
                Err(error) => {
                    tracing::error!("a join entry cannot be read and is left out: {error}")
                }
            }
        }
        Ok(entries)
    }

    /// A changed configuration takes the same way as a restart. Before one, it is left to it.
    fn reload(&mut self, revised: Revised, waiting: &mut Waiting) -> Result<(), StoreError> {
        while let Err(error) = self.commit(waiting) {
            if error.is_fatal() {
                return Err(error);
            }
            if self.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            std::thread::sleep(RETRY);
        }
        let empty = Engine::new(self.plan.clone(), [0; 32]);
        let engine = std::mem::replace(&mut self.engine, empty);
        self.references = References::new(revised.references, &revised.plan);
        self.commit_every = revised.commit_every;
        let references = &self.references;
        let resolve = |model: &str, version: Option<&str>| references.resolve(model, version);
        let shelf: Arc<dyn Shelf> = self.shelf.clone();
        match engine.reload(revised.plan.clone(), &resolve, &shelf) {
            Ok((mut engine, effects)) => {
                forget_inherited(self.store.as_ref(), &mut engine)?;
                self.engine = engine;
                self.plan = revised.plan;
                self.keep(effects, waiting);
                waiting.urgent = true;
                tracing::info!("the changed configuration is in force");
                Ok(())
            }
            Err(error) => Err(StoreError::Corrupt {
                path: std::path::PathBuf::new(),
                why: format!("the state does not survive the changed configuration: {error}"),
            }),
        }
    }

    fn keep(&mut self, effects: Effects, waiting: &mut Waiting) {
        effects.notices.iter().for_each(log);
        waiting.urgent |= effects.urgent;
        // Messages first: what one of them replaced may have been written in the same step.
        waiting.outgoing.extend(orders(effects.messages.into_iter().map(|message| (message, 0))));
        waiting.outgoing.extend(effects.cancelled.into_iter().map(Outgoing::Cancel));
    }

    /// One batch, fsynced; only then messages leave, commands are answered, the group hears.
    fn commit(&mut self, waiting: &mut Waiting) -> Result<(), StoreError> {
        let began = Instant::now();
        self.shelf.check()?;
        let mut changes = std::mem::take(&mut waiting.failed);
        changes.extend(self.engine.changes());
        if !changes.is_empty() {
            Failpoint::CommitBegins.reach();
            let written = self.store.commit(&changes);
            self.show(&written);
            if let Err(error) = written {
                self.shelf.hold(&changes);
                waiting.failed = changes;
                return Err(error);
            }
            self.shelf.release();
            self.sweep.note(&changes);
            Failpoint::CommitDurable.reach();
            self.observer.committed(began.elapsed(), self.store.bytes());
        }
        (waiting.urgent, waiting.bytes) = (false, 0);
        let limit = self.limit_reached();
        if let Some(notice) = self.engine.join_is_full(limit) {
            log(&notice);
        }
        waiting.accepted.clear();
        let outgoing = std::mem::take(&mut waiting.outgoing);
        self.send(outgoing, waiting);
        Failpoint::CommitReleased.reach();
        if !waiting.replies.is_empty() {
            // Who has its answer reads what it wrote.
            self.draw();
        }
        for (answer, reply) in waiting.replies.drain(..) {
            let _ = answer.send(reply);
        }
        let positions = self.engine.positions();
        let offsets: BTreeMap<Partition, i64> =
            positions.iter().map(|(p, position)| (p.clone(), position.offset)).collect();
        *self.shared.positions.lock().unwrap_or_else(PoisonError::into_inner) = positions.clone();
        *self.shared.committed.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(offsets);
        Ok(())
    }

    /// The limit on disk that leaves new ids no room.
    fn limit_reached(&self) -> Option<&'static str> {
        let limits = self.plan.limits;
        if self.store.table_bytes(Table::Join) > limits.join {
            return Some("limits.join");
        }
        (self.store.bytes() > limits.state).then_some("limits.state")
    }
}

fn log(notice: &Notice) {
    if notice.warning {
        tracing::warn!(model = notice.model, "{notice}");
    } else {
        tracing::info!(model = notice.model, "{notice}");
    }
}

/// Memory that a slab's rows may leave in the overlay, roughly.
fn slab_bytes(slab: &Slab) -> usize {
    slab.batches.iter().map(|(_, _, batch)| batch.times.len() * 120).sum()
}
