//! Whether the journals of a database are whole, before its library reads them.
//!
//! The library takes everything after the first thing that it does not understand for the rest of
//! an interrupted write, and cuts it off. That is right for the last batch, which nobody was told
//! of; in the middle it would throw commits away that were durable. Numbers of batches, which its
//! checksums leave out, are looked at here as well.

use std::fs::File;
use std::io::Result;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

/// Ends of batches, and the header of files, carry it.
const MAGIC: &[u8] = b"FJL\x03";
const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
/// Tag, checksum, magic.
const END_BYTES: usize = 1 + 8 + MAGIC.len();

/// What a journal holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Journal {
    /// Length of the whole batches.
    pub whole: u64,
    /// The number of its last batch.
    pub last: Option<u64>,
    /// What follows them.
    pub rest: Rest,
}

/// What follows the whole batches of a journal.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(super) enum Rest {
    /// Nothing, or room that was kept.
    Nothing,
    /// A batch that was not written to its end.
    Interrupted,
    /// Something that was changed after it had been written.
    Damaged,
}

/// The journals of a database in their order.
pub(super) fn journals(database: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(database)? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        if let Some(number) = number.filter(|_| path.extension().is_some_and(|e| e == "jnl")) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// Looks through the journals of a database; the end of the last one is cut off where a write was
/// interrupted. What is wrong with them, if anything is.
///
/// # Errors
/// A file cannot be read or cut.
pub(super) fn examine(database: &Path) -> Result<Option<String>> {
    let (mut last, mut paths) = (None, journals(database)?.into_iter().peekable());
    while let Some(path) = paths.next() {
        let journal = read(&std::fs::read(&path)?, last);
        let name = path.strip_prefix(database).unwrap_or(&path).display();
        match (journal.rest, paths.peek()) {
            (Rest::Nothing, _) => {}
            (Rest::Interrupted, None) => {
                tracing::warn!(
                    "the last write to {} was interrupted: the state is as it was before it",
                    path.display()
                );
                let file = File::options().write(true).open(&path)?;
                file.set_len(journal.whole)?;
                file.sync_all()?;
            }
            _ => {
                return Ok(Some(format!(
                    "its journal {name} is not what was written, from byte {} on",
                    journal.whole
                )));
            }
        }
        last = last.max(journal.last);
    }
    Ok(None)
}

/// Reads a journal; its batches have numbers above `last`.
pub(super) fn read(bytes: &[u8], mut last: Option<u64>) -> Journal {
    let mut whole = 0;
    while let Some((number, length)) = batch(&bytes[whole..]) {
        if last.is_some_and(|last| number <= last) {
            break;
        }
        (last, whole) = (Some(number), whole + length);
    }
    Journal { whole: whole as u64, last, rest: rest(&bytes[whole..]) }
}

/// Number and length of the batch at the beginning; `None` where there is no whole one.
fn batch(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut reader = Reader { bytes, at: 0 };
    (reader.take(1)?[0] == START).then_some(())?;
    let items = reader.u32()?;
    let number = reader.u64()?;
    let mut sum = Xxh3::new();
    for _ in 0..items {
        let from = reader.at;
        match reader.take(1)?[0] {
            ITEM => {
                // Kind of value, kind of compression, table.
                reader.take(1 + 1 + 8)?;
                let key = reader.u16()?;
                let _unpacked = reader.u32()?;
                let value = reader.u32()?;
                reader.take(usize::from(key))?;
                reader.take(value as usize)?;
            }
            CLEAR => {
                reader.take(8)?;
            }
            _ => return None,
        }
        sum.update(&bytes[from..reader.at]);
    }
    (reader.take(1)?[0] == END).then_some(())?;
    (reader.u64()? == sum.digest() && reader.take(MAGIC.len())? == MAGIC).then_some(())?;
    Some((number, reader.at))
}

/// A journal without the room that it keeps for later.
pub(super) fn written(bytes: &[u8]) -> &[u8] {
    const ROOM: [u8; 4096] = [0; 4096];
    // Comparing pages first: there may be 64 MB of it.
    let empty = bytes.rchunks(ROOM.len()).take_while(|page| **page == ROOM[..page.len()]);
    let bytes = &bytes[..bytes.len() - empty.map(<[u8]>::len).sum::<usize>()];
    &bytes[..bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)]
}

/// What follows the whole batches. A batch is written after the one before it is durable: behind
/// one that is not whole there can be nothing.
fn rest(bytes: &[u8]) -> Rest {
    let written = written(bytes);
    if written.is_empty() {
        return Rest::Nothing;
    }
    let ends = written.windows(END_BYTES).position(|w| w[0] == END && w.ends_with(MAGIC));
    match ends {
        Some(end) if end + END_BYTES < written.len() => Rest::Damaged,
        _ => Rest::Interrupted,
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }
}
