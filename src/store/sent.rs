//! What was sent, in a file beside the database that outlives it.
//!
//! A database that is lost is made again out of Kafka, with the same incidents and messages. This
//! file knows which of them have been sent: a message is in it, whole, before it leaves, so that it
//! is never sent again with another body; and once it is accepted, it is not sent again at all.
//!
//! One record a line, each behind its own sum; the last one may be torn by a crash.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::StoreError;
use super::replace::replace;
use crate::engine::KEPT;
use crate::event::Time;
use crate::policy::message::{Message, MessageKind};

/// The file's name within a state directory.
pub(super) const FILE: &str = "sent.log";
/// Digits of a record's sum.
const SUM: usize = 16;
/// Lines that say nothing any more before the file is written anew.
const MOST_IDLE: usize = 1_000;

/// What is known of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// It has not been sent.
    Nothing,
    /// It has been sent, like this.
    Sent(Box<Message>),
    /// It has been accepted after so many attempts.
    Delivered(u32),
    /// It has been sent in vain, and the receiver has heard of the incident's end since.
    Over,
}

/// The file, and what it says.
#[derive(Debug)]
pub struct Sent {
    path: PathBuf,
    file: File,
    /// By the message's id.
    entries: BTreeMap<String, Entry>,
    /// Records that found no way to the file yet; they go first in the next one.
    unwritten: Vec<Record>,
    lines: usize,
    next: u64,
}

/// A message and what became of it.
#[derive(Debug, Clone)]
struct Entry {
    /// Our clock when it was first sent.
    at: Time,
    /// Place among all messages.
    place: u64,
    key: String,
    to: String,
    kind: MessageKind,
    fate: Fate,
}

#[derive(Debug, Clone)]
enum Fate {
    Sending(Box<Message>),
    Delivered(u32),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record {
    Sending { at: Time, message: Box<Message> },
    Delivered { at: Time, id: String, key: String, to: String, kind: MessageKind, attempts: u32 },
}

impl Sent {
    /// Opens (or makes) the file of a state directory.
    ///
    /// # Errors
    /// [`StoreError::Folder`]. Records that cannot be read are named in the log and left out.
    pub fn open(directory: &Path) -> Result<Sent, StoreError> {
        let failed = |source| StoreError::Folder { path: directory.to_owned(), source };
        let path = directory.join(FILE);
        let mut options = File::options();
        let options = options.create(true).append(true).read(true).mode(0o600);
        let file = options.open(&path).map_err(failed)?;
        let (mut entries, mut next) = (BTreeMap::new(), 0);
        let read = Read::of(directory).map_err(failed)?;
        for record in read.records {
            take(&mut entries, record, &mut next);
        }
        for line in &read.broken {
            tracing::warn!(
                "{}: line {line} is not what was written and is left out; the messages that it was \
                 about may be sent again if the database is lost",
                path.display()
            );
        }
        // What a crash tore is no beginning for the next record.
        file.set_len(read.whole).map_err(failed)?;
        File::open(directory).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(Sent { path, file, entries, unwritten: Vec::new(), lines: read.lines, next })
    }

    /// What is known of a message that is to be sent. A first message about an incident is known
    /// by the incident and its receiver as well: a database made again may number it otherwise.
    #[must_use]
    pub fn known(&self, message: &Message) -> Known {
        let same = |entry: &&Entry| {
            entry.key == message.key && entry.to == message.to && entry.kind == message.kind
        };
        let once = matches!(message.kind, MessageKind::Firing | MessageKind::Retraining);
        let entry = self.entries.get(&message.id).or_else(|| {
            let others = self.entries.values().filter(|_| once).filter(same);
            others.max_by_key(|entry| entry.place).filter(|entry| !self.resolved_since(entry))
        });
        let Some(entry) = entry else { return Known::Nothing };
        let page = matches!(message.kind, MessageKind::Firing | MessageKind::Updated);
        match &entry.fate {
            Fate::Sending(first) if first.id != message.id => Known::Nothing,
            Fate::Sending(_) if page && self.resolved_since(entry) => Known::Over,
            Fate::Sending(first) => Known::Sent(first.clone()),
            Fate::Delivered(attempts) => Known::Delivered(*attempts),
        }
    }

    fn resolved_since(&self, entry: &Entry) -> bool {
        self.entries.values().any(|later| {
            later.kind == MessageKind::Resolved
                && later.place > entry.place
                && later.key == entry.key
                && later.to == entry.to
        })
    }

    /// Writes messages down, durably, before they are sent.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note(&mut self, messages: &[Message], now: Time) -> std::io::Result<()> {
        let sending = messages.iter().cloned().map(Box::new);
        self.append(sending.map(|message| Record::Sending { at: now, message }).collect())
    }

    /// Writes down, durably, that a message was accepted.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note_delivered(&mut self, id: &str, attempts: u32) -> std::io::Result<()> {
        let Some(Entry { at, key, to, kind, fate, .. }) = self.entries.get(id).cloned() else {
            return Ok(());
        };
        if matches!(fate, Fate::Delivered(_)) {
            return Ok(());
        }
        self.append(vec![Record::Delivered { at, id: id.to_owned(), key, to, kind, attempts }])
    }

    /// Forgets what is older than all that is kept of it elsewhere, and writes the file anew where
    /// much of it says nothing any more.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn tidy(&mut self, now: Time) -> std::io::Result<()> {
        self.entries.retain(|_, entry| now - entry.at <= KEPT);
        if self.lines <= 2 * self.entries.len() + MOST_IDLE {
            return Ok(());
        }
        let mut entries: Vec<(&String, &Entry)> = self.entries.iter().collect();
        entries.sort_by_key(|(_, entry)| entry.place);
        let mut text = Vec::new();
        for (id, Entry { at, key, to, kind, fate, .. }) in entries {
            let (at, kind) = (*at, *kind);
            line(
                &mut text,
                &match fate {
                    Fate::Sending(message) => Record::Sending { at, message: message.clone() },
                    Fate::Delivered(attempts) => Record::Delivered {
                        at,
                        id: id.clone(),
                        key: key.clone(),
                        to: to.clone(),
                        kind,
                        attempts: *attempts,
                    },
                },
            );
        }
        let directory = self.path.parent().unwrap_or(Path::new("."));
        replace(directory, FILE, &text)?;
        self.file = File::options().append(true).open(&self.path)?;
        self.lines = self.entries.len();
        Ok(())
    }

    /// What is written down is known from here on, also where the file does not take it yet.
    fn append(&mut self, records: Vec<Record>) -> std::io::Result<()> {
        for record in &records {
            take(&mut self.entries, record.clone(), &mut self.next);
        }
        self.unwritten.extend(records);
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let mut text = Vec::new();
        self.unwritten.iter().for_each(|record| line(&mut text, record));
        let before = self.file.metadata()?.len();
        if let Err(error) = self.file.write_all(&text).and_then(|()| self.file.sync_data()) {
            // Half a line would make the next one unreadable.
            let _ = self.file.set_len(before);
            return Err(error);
        }
        self.lines += self.unwritten.len();
        self.unwritten.clear();
        Ok(())
    }
}

/// What a file of sent messages holds, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SentSummary {
    /// Messages.
    pub messages: usize,
    /// Those that were accepted.
    pub delivered: usize,
    /// Numbers of lines that cannot be read.
    pub broken: Vec<usize>,
}

/// Looks into the file of a state directory.
///
/// # Errors
/// It cannot be read.
pub fn sent_summary(directory: &Path) -> std::io::Result<SentSummary> {
    let read = Read::of(directory)?;
    let (mut entries, mut next) = (BTreeMap::new(), 0);
    read.records.into_iter().for_each(|record| take(&mut entries, record, &mut next));
    let delivered = entries.values().filter(|e: &&Entry| matches!(e.fate, Fate::Delivered(_)));
    let delivered = delivered.count();
    Ok(SentSummary { messages: entries.len(), delivered, broken: read.broken })
}

/// The records of a file.
#[derive(Default)]
struct Read {
    records: Vec<Record>,
    /// Numbers of lines before the last one that are not what was written.
    broken: Vec<usize>,
    lines: usize,
    /// Length without a torn last line.
    whole: u64,
}

impl Read {
    fn of(directory: &Path) -> std::io::Result<Read> {
        let file = match File::open(directory.join(FILE)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Read::default()),
            Err(error) => return Err(error),
        };
        let mut reader = std::io::BufReader::new(file);
        let (mut read, mut at, mut doubtful) = (Read::default(), 0, None);
        let mut text = Vec::new();
        loop {
            text.clear();
            let length = reader.read_until(b'\n', &mut text)?;
            if length == 0 {
                return Ok(read);
            }
            read.lines += 1;
            at += length as u64;
            match parse(&text) {
                Some(record) => {
                    read.broken.extend(doubtful.take());
                    read.records.push(record);
                    read.whole = at;
                }
                None => read.broken.extend(doubtful.replace(read.lines)),
            }
        }
    }
}

fn take(entries: &mut BTreeMap<String, Entry>, record: Record, next: &mut u64) {
    let place = *next;
    *next += 1;
    let (id, mut entry) = match record {
        Record::Sending { at, message } => {
            let (key, to, kind) = (message.key.clone(), message.to.clone(), message.kind);
            let id = message.id.clone();
            (id, Entry { at, place, key, to, kind, fate: Fate::Sending(message) })
        }
        Record::Delivered { at, id, key, to, kind, attempts } => {
            (id, Entry { at, place, key, to, kind, fate: Fate::Delivered(attempts) })
        }
    };
    if let Some(known) = entries.get(&id) {
        // Its place is where it was sent, not where it was accepted.
        entry.place = known.place;
    }
    entries.insert(id, entry);
}

fn line(text: &mut Vec<u8>, record: &Record) {
    // Texts and numbers always become JSON, and JSON has no line ends of its own.
    let json = serde_json::to_vec(record).unwrap_or_default();
    text.extend_from_slice(sum(&json).as_bytes());
    text.push(b' ');
    text.extend_from_slice(&json);
    text.push(b'\n');
}

fn parse(line: &[u8]) -> Option<Record> {
    let (stored, rest) = line.strip_suffix(b"\n")?.split_at_checked(SUM)?;
    let json = rest.strip_prefix(b" ")?;
    (stored == sum(json).as_bytes()).then_some(())?;
    serde_json::from_slice(json).ok()
}

fn sum(json: &[u8]) -> String {
    Sha256::digest(json).iter().take(SUM / 2).map(|byte| format!("{byte:02x}")).collect()
}
