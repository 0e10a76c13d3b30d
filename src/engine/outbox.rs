//! Messages are rows of the state before they are anything else.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Engine;
use super::io::{Change, Effects, Table};
use super::rows::row;
use super::runs::Run;
use crate::event::{Span, Time};
use crate::lines::{OutboxLine, RowState, SilenceLine};
use crate::policy::Incident;
use crate::policy::message::{Delivery, Message, MessageKind, Receipt};

/// How long what is over is kept: messages, incidents, runs, silences, score lines.
pub const KEPT: Span = Span::from_secs(30 * 86_400);

/// A message and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub message: Message,
    pub state: RowState,
    pub attempts: u32,
    pub error: Option<String>,
    /// Our clock when it left `pending`.
    pub done: Option<Time>,
}

/// All rows, pending ones and those of the last 30 days.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub rows: BTreeMap<String, Row>,
    pub dirty: BTreeSet<String>,
}

impl Row {
    pub(super) fn line(&self) -> OutboxLine {
        OutboxLine {
            id: self.message.id.clone(),
            key: self.message.key.clone(),
            to: self.message.to.clone(),
            message: self.message.kind.as_str().to_owned(),
            state: self.state,
            attempts: self.attempts,
            created: self.message.created,
            error: self.error.clone(),
        }
    }
}

impl Outbox {
    fn add(&mut self, message: Message) {
        let id = message.id.clone();
        let row = Row { message, state: RowState::Pending, attempts: 0, error: None, done: None };
        self.rows.insert(id.clone(), row);
        self.dirty.insert(id);
    }

    /// What a new message about an incident makes needless of those that its notifier has not
    /// accepted yet: an update says all that the update before it said, and once it is over only
    /// that it is. So nobody is owed more than three messages per incident, however long they are
    /// down: a resolve, another beginning, and an update.
    fn replaced(&self, key: &str, to: &str, kind: MessageKind) -> Vec<String> {
        let needless = |row: &&Row| {
            let m = &row.message;
            let same = m.key == key && m.to == to && !m.to_trainer;
            let said = match kind {
                MessageKind::Resolved => true,
                MessageKind::Updated => m.kind == MessageKind::Updated,
                MessageKind::Firing | MessageKind::Retraining | MessageKind::Test => false,
            };
            same && said && row.state == RowState::Pending
        };
        self.rows.values().filter(needless).map(|row| row.message.id.clone()).collect()
    }
}

impl Engine {
    /// Messages that are not accepted yet, each with the attempts made so far, for the dispatcher
    /// after a restart; oldest first.
    #[must_use]
    pub fn pending_messages(&self) -> Vec<(Message, u32)> {
        let mut messages: Vec<(Message, u32)> = self
            .outbox
            .rows
            .values()
            .filter(|row| row.state == RowState::Pending)
            .map(|row| (row.message.clone(), row.attempts))
            .collect();
        messages.sort_by(|(a, _), (b, _)| (a.created, sequence(a)).cmp(&(b.created, sequence(b))));
        messages
    }

    /// The row of a message as it is now.
    #[must_use]
    pub fn outbox_row(&self, id: &str) -> Option<Change> {
        let stored = self.outbox.rows.get(id)?;
        Some(row(Table::Outbox, id.as_bytes().to_vec(), Some(stored)))
    }

    /// A run whose request was accepted is accepted: of the two rows only that of the message is
    /// written where a disk has hardly any room.
    pub(super) fn catch_runs_up(&mut self) {
        let rows = self.outbox.rows.values().filter(|row| row.state == RowState::Delivered);
        let accepted: Vec<String> = rows.filter_map(|row| row.message.run.clone()).collect();
        accepted.iter().for_each(|run| self.run_accepted(run, None));
    }

    /// Writes a message about an incident into the outbox, in the place of what it makes needless.
    pub(super) fn post(
        &mut self,
        incident: &mut Incident,
        kind: MessageKind,
        to: &str,
        effects: &mut Effects,
    ) {
        for id in self.outbox.replaced(&incident.key, to, kind) {
            self.close(&id, RowState::Superseded, None);
            effects.cancelled.push(id);
        }
        incident.messages += 1;
        let message = Message {
            id: message_id(&incident.key, to, kind, incident.messages),
            key: incident.key.clone(),
            to: to.to_owned(),
            to_trainer: false,
            kind,
            severity: incident.severity,
            created: self.now,
            data: incident.evidence.clone(),
            run: None,
        };
        self.put(message, effects);
    }

    /// Puts a finished message into the outbox.
    pub(super) fn put(&mut self, message: Message, effects: &mut Effects) {
        self.outbox.add(message.clone());
        effects.messages.push(message);
    }

    /// Files what became of a message.
    pub(super) fn receive(&mut self, receipt: Receipt, effects: &mut Effects) {
        let Some(row) = self.outbox.rows.get_mut(&receipt.id) else { return };
        let message = row.message.clone();
        match receipt.result {
            Delivery::Delivered { attempts, reply } => {
                row.attempts = attempts;
                self.close(&receipt.id, RowState::Delivered, None);
                if let Some(run) = &message.run {
                    self.run_accepted(run, reply);
                }
            }
            Delivery::Retrying { attempts, error } => {
                row.attempts = attempts;
                row.error = Some(error);
                self.outbox.dirty.insert(receipt.id);
            }
            Delivery::Dead { attempts, error } => {
                row.attempts = attempts;
                self.close(&receipt.id, RowState::Dead, Some(error.clone()));
                if let Some(run) = &message.run {
                    self.run_failed(
                        run,
                        &format!("the request was not accepted: {error}"),
                        effects,
                    );
                }
            }
        }
    }

    fn close(&mut self, id: &str, state: RowState, error: Option<String>) {
        let now = self.now;
        if let Some(row) = self.outbox.rows.get_mut(id) {
            row.state = state;
            row.done = Some(now);
            row.error = error.or(row.error.take());
            self.outbox.dirty.insert(id.to_owned());
        }
    }

    /// Drops what has been over for [`KEPT`]: rows, resolved incidents, finished runs, silences.
    pub(super) fn forget_old(&mut self) {
        let horizon = self.now - KEPT;
        let old_rows: Vec<String> = self
            .outbox
            .rows
            .iter()
            .filter(|(_, row)| row.done.is_some_and(|at| at < horizon))
            .map(|(id, _)| id.clone())
            .collect();
        for id in old_rows {
            self.outbox.rows.remove(&id);
            self.outbox.dirty.insert(id);
        }
        let old: Vec<String> = self
            .incidents
            .values()
            .filter(|i| i.resolved_at.is_some_and(|at| at < horizon))
            .map(|i| i.key.clone())
            .collect();
        for key in old {
            self.incidents.remove(&key);
            self.dirty.incidents.insert(key);
        }
        let over = |run: &&Run| run.finished() && run.line.changed < horizon;
        let old: Vec<String> =
            self.runs.values().filter(over).map(|run| run.line.id.clone()).collect();
        for id in old {
            self.runs.remove(&id);
            self.dirty.runs.insert(id);
        }
        let over =
            |s: &&SilenceLine| self.event_time(&s.model).is_some_and(|now| s.until < now - KEPT);
        let old: Vec<String> = self.silences.values().filter(over).map(|s| s.id.clone()).collect();
        for id in old {
            self.silences.remove(&id);
            self.dirty.silences.insert(id);
        }
    }
}

/// The same for all attempts and after every restart; unlike the incident's key, one per message.
pub(super) fn message_id(key: &str, to: &str, kind: MessageKind, number: u32) -> String {
    let hash = Sha256::digest(format!("{key}\n{to}\n{}\n{number}", kind.as_str()).as_bytes());
    let hex: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("msg_{number:04}_{hex}")
}

fn sequence(message: &Message) -> &str {
    message.id.get(..8).unwrap_or(&message.id)
}
