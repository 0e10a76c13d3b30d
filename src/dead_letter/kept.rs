//! Dead letters as their files have them, read again.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer};

use super::{CURRENT, MOST_KEPT, OLDER};
use crate::event::Time;

/// A letter out of the files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KeptLetter {
    /// Topic of the record.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Why it was refused, as a fixed word.
    pub reason: String,
    /// Why, for a person.
    pub detail: String,
    /// The record's timestamp.
    #[serde(deserialize_with = "time")]
    pub timestamp: Option<Time>,
    /// Its key.
    #[serde(rename = "key_base64", deserialize_with = "bytes")]
    pub key: Option<Vec<u8>>,
    /// Its payload, or the beginning of it.
    #[serde(rename = "payload_base64", deserialize_with = "bytes")]
    pub payload: Option<Vec<u8>>,
    payload_bytes: Option<usize>,
    headers: Vec<(String, Encoded)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Encoded(#[serde(deserialize_with = "bytes")] Option<Vec<u8>>);

impl KeptLetter {
    /// Where the record stood: its topic, partition and offset.
    #[must_use]
    pub fn place(&self) -> (String, i32, i64) {
        (self.topic.clone(), self.partition, self.offset)
    }

    /// Names and values of its headers.
    pub fn headers(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.0.as_deref()))
    }

    /// Whether the record had been sent by [`super::Sender`].
    #[must_use]
    pub fn was_sent(&self) -> bool {
        self.headers().any(|(name, _)| name == super::topic::TOPIC)
    }

    /// Whether the letter holds all of its record: long pieces are cut.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let fits = |piece: Option<&[u8]>| piece.is_none_or(|bytes| bytes.len() < MOST_KEPT);
        self.payload.as_ref().map(Vec::len) == self.payload_bytes
            && fits(self.key.as_deref())
            && self.headers().all(|(_, value)| fits(value))
    }
}

fn bytes<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Vec<u8>>, D::Error> {
    let text = Option::<String>::deserialize(d)?;
    text.map(|text| BASE64_STANDARD.decode(text).map_err(serde::de::Error::custom)).transpose()
}

fn time<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Time>, D::Error> {
    let text = Option::<String>::deserialize(d)?;
    text.map(|text| Time::parse(&text).map_err(serde::de::Error::custom)).transpose()
}

/// What the files of a state directory hold.
#[derive(Debug, Default)]
pub struct KeptLetters {
    /// Each letter once, the oldest first.
    pub letters: Vec<KeptLetter>,
    /// Lines that are no letter: one that is being written, or was cut off.
    pub broken: usize,
}

/// Reads the letters of a state directory that `wanted` takes; a daemon may write on meanwhile.
///
/// # Errors
/// A file is there and cannot be read.
pub fn read(dir: &Path, wanted: impl Fn(&KeptLetter) -> bool) -> io::Result<KeptLetters> {
    let open = |name: &str| match File::open(dir.join(name)) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    // The newer one first: should the files take turns in between, it is opened twice, and none is
    // missed.
    let current = open(CURRENT)?;
    let older = open(OLDER)?;
    let (mut found, mut seen) = (KeptLetters::default(), BTreeSet::new());
    for file in [older, current].into_iter().flatten() {
        for line in BufReader::new(file).split(b'\n') {
            match serde_json::from_slice::<KeptLetter>(&line?) {
                Ok(letter) if wanted(&letter) && seen.insert(letter.place()) => {
                    found.letters.push(letter);
                }
                Ok(_) => {}
                Err(_) => found.broken += 1,
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_letter::{DeadLetters, Letter};
    use crate::wire::Reason;

    const HEADERS: [(&str, &[u8]); 2] = [("a", b"\xff\x00"), ("a", b"")];

    fn letter(offset: i64, payload: &[u8]) -> Letter<'_> {
        Letter {
            topic: "demand",
            partition: 3,
            offset,
            reason: Reason::UnknownSchema,
            detail: "not there",
            timestamp: Some(Time(1_500_000)),
            key: Some(b"\xff"),
            payload: Some(payload),
            headers: &HEADERS,
        }
    }

    #[test]
    fn a_letter_comes_back_as_it_was_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut letters = DeadLetters::new(dir.path(), 2_000);
        letters.put(&letter(1, b"\x00\x01"));
        letters.flush();
        // The files take turns, and a daemon that was killed reads its last records again.
        for offset in [2, 3, 4, 5, 5] {
            letters.put(&letter(offset, b"\x00\x01"));
            letters.flush();
        }
        let current = dir.path().join(CURRENT);
        let text = std::fs::read_to_string(&current).unwrap();
        std::fs::write(&current, text + "{\"topic\":\"dem").unwrap();
        assert!(dir.path().join(OLDER).exists());
        let found = read(dir.path(), |letter| letter.offset != 4).unwrap();
        let offsets: Vec<i64> = found.letters.iter().map(|letter| letter.offset).collect();
        assert_eq!((offsets.as_slice(), found.broken), (&[1, 2, 3, 5][..], 1));
        let first = &found.letters[0];
        assert_eq!((first.topic.as_str(), first.partition), ("demand", 3));
        assert_eq!(
            (first.key.as_deref(), first.payload.as_deref()),
            (Some(&b"\xff"[..]), Some(&b"\x00\x01"[..]))
        );
        assert_eq!(
            (first.timestamp, first.reason.as_str()),
            (Some(Time(1_500_000)), "unknown_schema")
        );
        let headers: Vec<_> = first.headers().collect();
        assert_eq!(headers, [("a", Some(&b"\xff\x00"[..])), ("a", Some(&b""[..]))]);
        assert!(first.is_whole());
    }

    #[test]
    fn a_record_that_was_cut_is_known_as_such() {
        let dir = tempfile::tempdir().unwrap();
        let mut letters = DeadLetters::new(dir.path(), 1 << 20);
        letters.put(&letter(1, &[7; MOST_KEPT]));
        letters.put(&letter(2, &[7; MOST_KEPT + 1]));
        letters.put(&Letter { payload: None, ..letter(3, b"") });
        letters.flush();
        let found = read(dir.path(), |_| true).unwrap().letters;
        let whole: Vec<bool> = found.iter().map(KeptLetter::is_whole).collect();
        assert_eq!(whole, [true, false, true]);
        assert!(read(&dir.path().join("none"), |_| true).unwrap().letters.is_empty());
    }
}
