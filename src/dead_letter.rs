//! Dead letters: what could not be read, kept for a person to look at, within bounds.
//!
//! Two files of JSON lines take turns, so that the newest letters are kept and the disk they take
//! never exceeds the limit. Writing is best effort: a failure is counted, intake goes on. A
//! daemon that was killed reads its last records again, so a letter may stand in the file twice.

mod topic;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use crate::event::{Span, Time};
use crate::wire::Reason;

pub use topic::DeadLetterTopic;

/// Disk that dead letters may take unless configured: 256 MB.
pub const DEFAULT_LIMIT: u64 = 256_000_000;

/// Longest piece of a payload, and of a key, that is kept, in bytes.
pub const MOST_KEPT: usize = 64 * 1024;

/// Letters wait in memory up to this size, so that a flood of them is few writes.
const BUFFER: usize = 256 * 1024;

/// A record that was refused.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Why, as a fixed word.
    pub reason: Reason,
    /// Why, for a person.
    pub detail: &'a str,
    /// The record's timestamp.
    pub timestamp: Option<Time>,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its payload.
    pub payload: Option<&'a [u8]>,
    /// Header that names its schema, without which the payload could not be read again.
    pub schema_id: Option<&'a [u8]>,
}

/// A letter as it stands in the file.
#[derive(Serialize)]
struct Line<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    reason: Reason,
    detail: &'a str,
    timestamp: Option<Time>,
    key_base64: Option<String>,
    payload_base64: Option<String>,
    /// Length of the payload, of which at most [`MOST_KEPT`] bytes are kept.
    payload_bytes: Option<usize>,
}

/// The bounded file of dead letters.
#[derive(Debug)]
pub struct DeadLetters {
    current: PathBuf,
    older: PathBuf,
    /// Bytes per file: half the limit.
    most: u64,
    file: Option<File>,
    size: u64,
    pending: Vec<u8>,
    waiting: u64,
    written: u64,
    lost: u64,
    last_error: Option<String>,
}

impl DeadLetters {
    /// Letters in `dir`, in the files `dead-letters.jsonl` and `dead-letters.old.jsonl`, which
    /// together take at most `limit` bytes. Touches nothing until there is a letter.
    #[must_use]
    pub fn new(dir: &Path, limit: u64) -> DeadLetters {
        DeadLetters {
            current: dir.join("dead-letters.jsonl"),
            older: dir.join("dead-letters.old.jsonl"),
            most: share(limit),
            file: None,
            size: 0,
            pending: Vec::new(),
            waiting: 0,
            written: 0,
            lost: 0,
            last_error: None,
        }
    }

    /// Changes the limit; files that are larger go with the next letter.
    pub fn limit(&mut self, limit: u64) {
        if self.most != share(limit) {
            self.flush();
            self.most = share(limit);
            self.file = None;
        }
    }

    /// Keeps a letter; it is on disk after the next [`DeadLetters::flush`] at latest.
    pub fn put(&mut self, letter: &Letter<'_>) {
        let kept = |bytes: &[u8]| BASE64_STANDARD.encode(&bytes[..bytes.len().min(MOST_KEPT)]);
        let line = Line {
            topic: letter.topic,
            partition: letter.partition,
            offset: letter.offset,
            reason: letter.reason,
            detail: letter.detail,
            timestamp: letter.timestamp,
            key_base64: letter.key.map(kept),
            payload_base64: letter.payload.map(kept),
            payload_bytes: letter.payload.map(<[u8]>::len),
        };
        let mut line = match serde_json::to_vec(&line) {
            Ok(line) => line,
            Err(error) => return self.lose(1, &error.to_string()),
        };
        line.push(b'\n');
        if line.len() as u64 > self.most {
            return self.lose(1, "a letter is longer than the limit allows");
        }
        if self.pending.len() + line.len() > BUFFER.min(self.most as usize) {
            self.flush();
        }
        self.pending.extend_from_slice(&line);
        self.waiting += 1;
    }

    /// Writes what waits; call it now and then, and at the end.
    pub fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let waiting = std::mem::take(&mut self.waiting);
        match self.write() {
            Ok(()) => self.written += waiting,
            Err(error) => {
                // Opened anew next time, which also mends a line that was cut off.
                self.file = None;
                self.lose(waiting, &format!("{}: {error}", self.current.display()));
            }
        }
        self.pending.clear();
    }

    /// Letters on disk since the start.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Letters that could not be kept since the start.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Why the last one was lost.
    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    fn lose(&mut self, letters: u64, why: &str) {
        self.lost += letters;
        self.last_error = Some(why.to_owned());
    }

    fn write(&mut self) -> io::Result<()> {
        if self.file.is_none() {
            self.open()?;
        }
        let length = self.pending.len() as u64;
        if self.size + length > self.most {
            std::fs::rename(&self.current, &self.older)?;
            self.open()?;
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(&self.pending)?;
        self.size += length;
        Ok(())
    }

    /// Opens the current file at its end, and makes both fit the limit if it was larger before.
    fn open(&mut self) -> io::Result<()> {
        for path in [&self.current, &self.older] {
            if path.metadata().is_ok_and(|file| file.len() > self.most) {
                std::fs::remove_file(path)?;
            }
        }
        // Payloads are the user's data: nobody else's to read.
        let mut options = OpenOptions::new();
        let mut file =
            options.create(true).read(true).append(true).mode(0o600).open(&self.current)?;
        self.size = file.seek(SeekFrom::End(0))?;
        if self.size > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != [b'\n'] {
                file.write_all(b"\n")?;
                self.size += 1;
            }
        }
        self.file = Some(file);
        Ok(())
    }
}

/// Bytes of one of the two files.
fn share(limit: u64) -> u64 {
    limit / 2
}

impl Drop for DeadLetters {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Lets a few refused records per reason and minute into the log, and counts the others.
#[derive(Debug)]
pub struct Sampler {
    most: u32,
    minutes: BTreeMap<Reason, Minute>,
}

#[derive(Debug)]
struct Minute {
    since: Time,
    passed: u32,
    suppressed: u64,
}

const MINUTE: Span = Span::from_secs(60);

impl Sampler {
    /// At most `most` records per reason and minute.
    #[must_use]
    pub fn new(most: u32) -> Sampler {
        Sampler { most, minutes: BTreeMap::new() }
    }

    /// Whether to log a record that was refused at `now` of our clock: if so, how many of this
    /// reason went unlogged since the last one that was.
    pub fn admit(&mut self, reason: Reason, now: Time) -> Option<u64> {
        let fresh = Minute { since: now, passed: 0, suppressed: 0 };
        let minute = self.minutes.entry(reason).or_insert(fresh);
        // A clock that was set back begins a new minute too.
        if now < minute.since || now - minute.since >= MINUTE {
            minute.since = now;
            minute.passed = 0;
        }
        if minute.passed < self.most {
            minute.passed += 1;
            return Some(std::mem::take(&mut minute.suppressed));
        }
        minute.suppressed += 1;
        None
    }

    /// Reasons whose minute is over with records unlogged, and how many: a flood that has ended
    /// is told of too. Each is told once.
    pub fn overdue(&mut self, now: Time) -> Vec<(Reason, u64)> {
        let over = self.minutes.iter_mut().filter(|(_, minute)| now - minute.since >= MINUTE);
        over.map(|(reason, minute)| (*reason, std::mem::take(&mut minute.suppressed)))
            .filter(|(_, suppressed)| *suppressed > 0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(offset: i64, payload: &[u8]) -> Letter<'_> {
        Letter {
            topic: "demand",
            partition: 3,
            offset,
            reason: Reason::BadJson,
            detail: "byte 1: expected a name in quotes",
            timestamp: Some(Time(0)),
            key: None,
            payload: Some(payload),
            schema_id: None,
        }
    }

    fn offsets(path: &Path) -> Vec<i64> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let lines = text.lines().map(serde_json::from_str::<serde_json::Value>);
        lines.map(|line| line.unwrap()["offset"].as_i64().unwrap()).collect()
    }

    #[test]
    fn a_letter_holds_what_is_needed_to_find_the_record_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut letters = DeadLetters::new(dir.path(), DEFAULT_LIMIT);
        letters.put(&letter(7, b"{a"));
        letters.put(&letter(8, &vec![0; MOST_KEPT + 1]));
        drop(letters);
        let text = std::fs::read_to_string(dir.path().join("dead-letters.jsonl")).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let want = serde_json::json!({
            "topic": "demand", "partition": 3, "offset": 7, "reason": "bad_json",
            "detail": "byte 1: expected a name in quotes", "timestamp": "1970-01-01T00:00:00Z",
            "key_base64": null, "payload_base64": "e2E=", "payload_bytes": 2,
        });
        assert_eq!(lines[0], want);
        assert_eq!(lines[1]["payload_bytes"], MOST_KEPT + 1);
        let kept = BASE64_STANDARD.decode(lines[1]["payload_base64"].as_str().unwrap()).unwrap();
        assert_eq!(kept.len(), MOST_KEPT);
    }

    #[test]
    fn the_newest_are_kept_and_the_limit_holds() {
        let dir = tempfile::tempdir().unwrap();
        let size = |name: &str| dir.path().join(name).metadata().map_or(0, |file| file.len());
        let limit = 4_000;
        let mut letters = DeadLetters::new(dir.path(), limit);
        for offset in 0..100 {
            letters.put(&letter(offset, b"payload"));
            if offset % 3 == 0 {
                letters.flush();
            }
            assert!(size("dead-letters.jsonl") + size("dead-letters.old.jsonl") <= limit);
        }
        letters.flush();
        assert_eq!((letters.written(), letters.lost()), (100, 0));
        let mut kept = offsets(&letters.older);
        kept.extend(offsets(&letters.current));
        assert!(kept.len() > 5, "{kept:?}");
        let newest: Vec<i64> = (100 - kept.len() as i64..100).collect();
        assert_eq!(kept, newest);
        // A lowered limit holds too.
        letters.limit(1_000);
        letters.put(&letter(100, b"payload"));
        letters.flush();
        assert!(size("dead-letters.jsonl") + size("dead-letters.old.jsonl") <= 1_000);
        assert_eq!(offsets(&letters.current).last(), Some(&100));
    }

    #[test]
    fn a_line_that_was_cut_off_spoils_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dead-letters.jsonl");
        std::fs::write(&path, "{\"offset\":1}\n{\"off").unwrap();
        let mut letters = DeadLetters::new(dir.path(), DEFAULT_LIMIT);
        letters.put(&letter(2, b""));
        letters.flush();
        let text = std::fs::read_to_string(&path).unwrap();
        let last = text.lines().last().unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(last).unwrap()["offset"], 2);
        assert_eq!(text.lines().count(), 3);
    }

    #[test]
    fn failures_are_counted_and_nothing_stops() {
        let dir = tempfile::tempdir().unwrap();
        let gone = dir.path().join("not-there");
        let mut letters = DeadLetters::new(&gone, DEFAULT_LIMIT);
        letters.put(&letter(1, b""));
        letters.put(&letter(2, b""));
        letters.flush();
        assert_eq!((letters.written(), letters.lost()), (0, 2));
        assert!(letters.last_error().unwrap().contains("not-there"));
        std::fs::create_dir(&gone).unwrap();
        letters.put(&letter(3, b""));
        letters.flush();
        assert_eq!((letters.written(), letters.lost()), (1, 2));
        assert_eq!(offsets(&letters.current), [3]);
        let mut tiny = DeadLetters::new(dir.path(), 10);
        tiny.put(&letter(1, b""));
        assert_eq!(tiny.lost(), 1);
    }

    #[test]
    fn letters_are_not_for_others_to_read() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let mut letters = DeadLetters::new(dir.path(), DEFAULT_LIMIT);
        letters.put(&letter(1, b""));
        letters.flush();
        let mode = letters.current.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }

    #[test]
    fn a_few_a_minute_are_logged_and_the_others_counted() {
        let mut sampler = Sampler::new(2);
        let at = |seconds| Time(0) + Span::from_secs(seconds);
        assert_eq!(sampler.admit(Reason::BadJson, at(0)), Some(0));
        assert_eq!(sampler.admit(Reason::BadJson, at(1)), Some(0));
        assert_eq!(sampler.admit(Reason::BadJson, at(2)), None);
        assert_eq!(sampler.admit(Reason::Future, at(2)), Some(0));
        assert_eq!(sampler.admit(Reason::BadJson, at(59)), None);
        assert!(sampler.overdue(at(59)).is_empty());
        assert_eq!(sampler.admit(Reason::BadJson, at(60)), Some(2));
        assert_eq!(sampler.admit(Reason::BadJson, at(61)), Some(0));
        assert_eq!(sampler.admit(Reason::BadJson, at(62)), None);
        assert_eq!(sampler.overdue(at(120)), [(Reason::BadJson, 1)]);
        assert!(sampler.overdue(at(121)).is_empty());
        // A clock that was set back does not silence for hours.
        assert_eq!(sampler.admit(Reason::BadJson, at(-7_200)), Some(0));
    }
}
