//! Which message is tried when. Pure: time comes in, decisions come out.
//!
//! A lane is an incident and a receiver. Only its first message is tried; the next one waits until
//! that is delivered, dead or superseded.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::policy::message::Message;

/// Wait after the first failed attempt.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest wait between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Attempts at one receiver at the same time.
pub(super) const PLACES: usize = 4;

/// A receiver: its name, and whether it is a trainer.
type To = (String, bool);
/// An incident's key and a receiver.
type LaneKey = (String, To);

#[derive(Debug, Default)]
struct Lane {
    queue: VecDeque<Waiting>,
    /// The first message is being tried.
    busy: bool,
    /// The first message is not tried before.
    due: Duration,
}

#[derive(Debug)]
struct Waiting {
    message: Message,
    attempts: u32,
    /// Superseded while it was being tried: not tried again.
    cancelled: bool,
}

/// A failed attempt and what follows from it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It is tried again.
    Again,
    /// It was superseded meanwhile; nobody waits for it.
    Forgotten,
}

/// Every lane with a message in it.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: BTreeMap<LaneKey, Lane>,
    /// Lane of each message.
    places: BTreeMap<String, LaneKey>,
    /// Attempts under way per receiver.
    busy: BTreeMap<To, usize>,
    /// Lanes that are not busy, by the time when they are due.
    idle: BTreeSet<(Duration, LaneKey)>,
}

impl Lanes {
    /// Adds a message, tried `attempts` times so far, at the end of its lane; one that is there
    /// already is not added again.
    pub(super) fn push(&mut self, message: Message, attempts: u32, now: Duration) {
        let key: LaneKey = (message.key.clone(), (message.to.clone(), message.to_trainer));
        if self.places.contains_key(&message.id) {
            return;
        }
        self.places.insert(message.id.clone(), key.clone());
        let lane = self.lanes.entry(key.clone()).or_default();
        if lane.queue.is_empty() {
            lane.due = now;
            self.idle.insert((now, key));
        }
        lane.queue.push_back(Waiting { message, attempts, cancelled: false });
    }

    /// Takes a superseded message out; whether it was still waiting.
    pub(super) fn cancel(&mut self, id: &str, now: Duration) -> bool {
        let Some(key) = self.places.get(id).cloned() else { return false };
        let Some(lane) = self.lanes.get_mut(&key) else { return false };
        let Some(at) = lane.queue.iter().position(|w| w.message.id == id) else { return false };
        if at == 0 && lane.busy {
            lane.queue[0].cancelled = true;
            return false;
        }
        lane.queue.remove(at);
        self.places.remove(id);
        if at == 0 {
            self.settle(&key, now);
        }
        true
    }

    /// Messages to try now, with the number of this attempt; each is busy until
    /// [`Lanes::succeeded`], [`Lanes::failed`] or [`Lanes::drop_first`] says otherwise.
    pub(super) fn start(&mut self, now: Duration) -> Vec<(Message, u32)> {
        let mut started = Vec::new();
        let due: Vec<(Duration, LaneKey)> =
            self.idle.iter().take_while(|(at, _)| *at <= now).cloned().collect();
        for (at, key) in due {
            let taken = self.busy.entry(key.1.clone()).or_default();
            if *taken == PLACES {
                continue;
            }
            let Some(lane) = self.lanes.get_mut(&key) else { continue };
            let Some(first) = lane.queue.front_mut() else { continue };
            *taken += 1;
            lane.busy = true;
            first.attempts += 1;
            started.push((first.message.clone(), first.attempts));
            self.idle.remove(&(at, key));
        }
        started
    }

    /// When [`Lanes::start`] may have something new; `None`: not before something else happens.
    pub(super) fn next(&self) -> Option<Duration> {
        let free = |to: &To| self.busy.get(to).is_none_or(|taken| *taken < PLACES);
        self.idle.iter().find(|(_, key)| free(&key.1)).map(|(at, _)| *at)
    }

    /// The message left: delivered or dead. Whether it was superseded meanwhile.
    pub(super) fn drop_first(&mut self, id: &str, now: Duration) -> bool {
        let Some(key) = self.places.remove(id) else { return true };
        self.release(&key.1);
        let mut cancelled = false;
        if let Some(lane) = self.lanes.get_mut(&key) {
            cancelled = lane.queue.pop_front().is_some_and(|w| w.cancelled);
            lane.busy = false;
        }
        self.settle(&key, now);
        cancelled
    }

    /// The attempt failed and may be repeated, not before `pause` has passed.
    pub(super) fn failed(&mut self, id: &str, pause: Duration, now: Duration) -> After {
        let Some(key) = self.places.get(id).cloned() else { return After::Forgotten };
        if self.lanes.get(&key).and_then(|l| l.queue.front()).is_none_or(|w| w.cancelled) {
            self.drop_first(id, now);
            return After::Forgotten;
        }
        self.release(&key.1);
        if let Some(lane) = self.lanes.get_mut(&key) {
            lane.busy = false;
            lane.due = now + pause;
            self.idle.insert((lane.due, key));
        }
        After::Again
    }

    /// Everything that waits for another attempt is due: the receivers have changed.
    pub(super) fn hurry(&mut self, now: Duration) {
        let all = std::mem::take(&mut self.idle);
        for (_, key) in all {
            if let Some(lane) = self.lanes.get_mut(&key) {
                lane.due = lane.due.min(now);
                self.idle.insert((lane.due, key));
            }
        }
    }

    fn release(&mut self, to: &To) {
        if let Some(taken) = self.busy.get_mut(to) {
            *taken = taken.saturating_sub(1);
            if *taken == 0 {
                self.busy.remove(to);
            }
        }
    }

    /// The first message of a lane is gone: the next one is due at once.
    fn settle(&mut self, key: &LaneKey, now: Duration) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        self.idle.remove(&(lane.due, key.clone()));
        if lane.queue.is_empty() {
            self.lanes.remove(key);
        } else {
            lane.due = now;
            self.idle.insert((now, key.clone()));
        }
    }
}

/// How long to wait after so many failed attempts: 1 s doubling to 60 s, a fifth up or down
/// (`dice` from 0 to 1), and never less than the receiver asked for.
pub(super) fn pause(attempts: u32, after: Option<Duration>, dice: f64) -> Duration {
    let doubled = FIRST_PAUSE * 2u32.pow(attempts.saturating_sub(1).min(6));
    let jittered = doubled.min(LONGEST_PAUSE).mul_f64(0.8 + 0.4 * dice);
    jittered.max(after.unwrap_or_default())
}
