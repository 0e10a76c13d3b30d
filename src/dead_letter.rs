//! Dead letters: what could not be read, kept for a person to look at, within bounds.
//!
//! Two files of JSON lines take turns, so that the newest letters are kept and the disk they take
//! never exceeds the limit. Writing is best effort: a failure is counted, intake goes on. A
//! letter waits until the position behind its record is durable: a daemon that was killed reads
//! its last records again, may take them then, and must not have a letter of them.

mod kept;
mod sampler;
mod sender;
mod topic;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustix::fs::OFlags;
use serde::Serialize;

use crate::event::{Partition, Time};
use crate::wire::{Headers, Reason};

pub use kept::{KeptLetter, KeptLetters, read};
pub use sampler::Sampler;
pub use sender::{SendError, Sender};
pub use topic::{DeadLetterTopic, origin};

/// Disk that dead letters may take unless configured: 256 MB.
pub const DEFAULT_LIMIT: u64 = 256_000_000;

/// Longest piece of a payload, and of a key, that is kept, in bytes.
pub const MOST_KEPT: usize = 64 * 1024;

/// The two files.
const CURRENT: &str = "dead-letters.jsonl";
const OLDER: &str = "dead-letters.old.jsonl";

/// Letters are written in pieces up to this size.
const PIECE: usize = 256 * 1024;

/// Letters that wait for their position take at most this much memory, in bytes; in a flood they
/// wait no longer.
const MOST_WAITING: usize = 4 << 20;

/// A record that was refused.
#[derive(Clone, Copy)]
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
    /// Its headers.
    pub headers: &'a dyn Headers,
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
    /// Each header with its value in base64.
    headers: Vec<(&'a str, Option<String>)>,
}

/// A letter that is not written yet.
#[derive(Debug)]
struct Waiting {
    partition: Partition,
    offset: i64,
    line: Vec<u8>,
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
    waiting: Vec<Waiting>,
    /// Bytes of those that wait.
    held: usize,
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
            current: dir.join(CURRENT),
            older: dir.join(OLDER),
            most: share(limit),
            file: None,
            size: 0,
            waiting: Vec::new(),
            held: 0,
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

    /// Keeps a letter; it is on disk after the next flush that takes it.
    pub fn put(&mut self, letter: &Letter<'_>) {
        let kept = |bytes: &[u8]| BASE64_STANDARD.encode(&bytes[..bytes.len().min(MOST_KEPT)]);
        let mut headers = Vec::new();
        letter.headers.each(&mut |name, value| headers.push((name, value.map(kept))));
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
            headers,
        };
        let mut line = match serde_json::to_vec(&line) {
            Ok(line) => line,
            Err(error) => return self.lose(1, &error.to_string()),
        };
        line.push(b'\n');
        if line.len() as u64 > self.most {
            return self.lose(1, "a letter is longer than the limit allows");
        }
        self.held += line.len();
        let partition = Partition { topic: letter.topic.into(), number: letter.partition };
        self.waiting.push(Waiting { partition, offset: letter.offset, line });
        if self.held > MOST_WAITING {
            self.flush();
        }
    }

    /// Writes the letters of records that lie before the committed offset of their partition; the
    /// others wait on. Call it now and then.
    pub fn flush_committed(&mut self, committed: &BTreeMap<Partition, i64>) {
        let durable = |letter: &Waiting| {
            committed.get(&letter.partition).is_some_and(|next| letter.offset < *next)
        };
        let (ready, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(durable);
        self.waiting = waiting;
        self.write_all(ready);
    }

    /// Writes all that wait.
    pub fn flush(&mut self) {
        let ready = std::mem::take(&mut self.waiting);
        self.write_all(ready);
    }

    /// Forgets those that wait: their records will be read again.
    pub fn forget(&mut self) {
        self.waiting.clear();
        self.held = 0;
    }

    fn write_all(&mut self, letters: Vec<Waiting>) {
        let most = PIECE.min(self.most as usize);
        let (mut piece, mut count) = (Vec::new(), 0);
        for Waiting { line, .. } in letters {
            self.held -= line.len();
            if piece.len() + line.len() > most {
                self.write_piece(&std::mem::take(&mut piece), std::mem::take(&mut count));
            }
            piece.extend_from_slice(&line);
            count += 1;
        }
        self.write_piece(&piece, count);
    }

    fn write_piece(&mut self, piece: &[u8], letters: u64) {
        if letters == 0 {
            return;
        }
        match self.write(piece) {
            Ok(()) => self.written += letters,
            Err(error) => {
                // Opened anew next time, which also mends a line that was cut off.
                self.file = None;
                self.lose(letters, &format!("{}: {error}", self.current.display()));
            }
        }
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

    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            self.open()?;
        }
        let length = piece.len() as u64;
        if self.size + length > self.most {
            std::fs::rename(&self.current, &self.older)?;
            self.open()?;
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(piece)?;
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
        // Payloads are the user's data: nobody else's to read, and not to be led elsewhere.
        let mut options = OpenOptions::new();
        options.create(true).read(true).append(true).mode(0o600);
        options.custom_flags(OFlags::NOFOLLOW.bits() as i32);
        let mut file = options.open(&self.current)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: [(&str, &[u8]); 2] = [("trace", b"\xff"), ("empty", b"")];

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
            headers: &HEADERS,
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
            "headers": [["trace", "/w=="], ["empty", ""]],
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
    fn a_link_leads_no_letter_elsewhere() {
        let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let victim = elsewhere.path().join("victim");
        std::fs::write(&victim, "mine\n").unwrap();
        let file = dir.path().join("dead-letters.jsonl");
        std::os::unix::fs::symlink(&victim, &file).unwrap();
        let mut letters = DeadLetters::new(dir.path(), DEFAULT_LIMIT);
        letters.put(&letter(1, b"{"));
        letters.flush();
        assert_eq!((letters.written(), letters.lost()), (0, 1));
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "mine\n");
        // Whoever takes the link away gets letters again, for nobody else to read.
        std::fs::remove_file(&file).unwrap();
        letters.put(&letter(2, b"{"));
        letters.flush();
        assert_eq!(letters.written(), 1);
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
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
    fn letters_wait_until_their_records_are_not_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let current = dir.path().join(CURRENT);
        let mut letters = DeadLetters::new(dir.path(), DEFAULT_LIMIT);
        (1..=4).for_each(|offset| letters.put(&letter(offset, b"payload")));
        letters.put(&Letter { partition: 4, ..letter(1, b"payload") });
        letters.flush_committed(&BTreeMap::new());
        assert!(!current.exists());
        let partition = Partition { topic: "demand".into(), number: 3 };
        letters.flush_committed(&BTreeMap::from([(partition.clone(), 3)]));
        assert_eq!(offsets(&current), [1, 2]);
        letters.flush_committed(&BTreeMap::from([(partition, 4)]));
        assert_eq!(offsets(&current), [1, 2, 3]);
        letters.forget();
        assert_eq!(letters.held, 0);
        // A flood does not wait.
        (0..100).for_each(|offset| letters.put(&letter(offset, &[7; MOST_KEPT])));
        assert!(letters.held <= MOST_WAITING && offsets(&current).len() > 30);
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
}
