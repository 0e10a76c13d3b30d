//! Durable state: one atomic batch per commit, sorted look-ups, full reads at the start.
//!
//! Knows tables, keys and bytes; what they mean is the engine's business. Two implementations:
//! [`Embedded`] on disk, [`Memory`] for replays and tests; nothing else knows which.

mod backup;
mod ballast;
mod copy;
mod embedded;
mod identity;
mod journal;
mod manifest;
mod marks;
mod memory;
mod migrate;
mod rebuild;
mod replace;
mod scores;
mod sent;

use std::path::PathBuf;

pub use backup::backup;
pub use embedded::Embedded;
pub use identity::Identity;
pub use memory::Memory;
pub use rebuild::set_aside;
pub use replace::replace;
pub use scores::{Cursor, ScoreQuery, forget_scores, scores};
pub use sent::{Known, Sent, SentSummary, sent_summary};

use crate::engine::io::{Change, Table};

/// Format of the rows. Older ones are brought to it, see `migrate`; newer ones are refused.
pub const FORMAT: u32 = 3;

/// What can go wrong with the state.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be made or read.
    #[error("state directory {path}: {source}; check that it exists and belongs to driftd's user")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is nothing to look at.
    #[error(
        "{path} holds no state; name the folder that a daemon has as state.dir, or a copy of it"
    )]
    Absent {
        /// Which.
        path: PathBuf,
    },
    /// Another process has it.
    #[error(
        "state directory {path} is in use by another driftd; give each its own state.dir, or stop \
         the other one first"
    )]
    Locked {
        /// Which.
        path: PathBuf,
    },
    /// It was written by a newer driftd.
    #[error(
        "state directory {path} has format {found}, this driftd reads {FORMAT}; use a newer driftd"
    )]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// It was written by an older driftd.
    #[error(
        "state directory {path} has format {found}, this driftd reads {FORMAT}; move it away to \
         start again from Kafka, or go back to the driftd that wrote it"
    )]
    Older {
        /// Which.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// It cannot be read.
    #[error(
        "state directory {path} is damaged: {why}; put a backup in its place, or start again from \
         what Kafka still has after `driftd state rebuild --dir {path}`"
    )]
    Corrupt {
        /// Which.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// It must be brought to our format, and there is no room for a backup. Nothing was changed.
    #[error(
        "state directory {path} has format {found} and is to become format {FORMAT}; that needs \
         {megabytes} MB free on its disk, with a backup: make room and start again"
    )]
    NoRoom {
        /// Which.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// What must be free.
        megabytes: u64,
    },
    /// A copy would replace something.
    #[error("{path} exists already; name a folder that does not, it will be made")]
    Taken {
        /// The folder.
        path: PathBuf,
    },
    /// A copy cannot be made.
    #[error("backup {path}: {source}; check that the disk has room and try again")]
    Backup {
        /// Where it was to be.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Too little room on the disk. Nothing was written, and the store stays usable.
    #[error(
        "state directory {path}: its disk has less than {megabytes} MB free; make room, driftd \
         goes on by itself"
    )]
    Full {
        /// Which.
        path: PathBuf,
        /// What must be free to go on.
        megabytes: u64,
    },
    /// A commit failed for now.
    #[error("state directory {path} cannot be written: {why}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
        /// Whether the store is unusable until the process starts again.
        fatal: bool,
    },
}

impl StoreError {
    /// Whether only a new start from what is on disk can help; else the same commit may succeed
    /// later.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        !matches!(self, StoreError::Full { .. } | StoreError::Write { fatal: false, .. })
    }
}

/// A row of a table.
pub type Row = (Vec<u8>, Vec<u8>);

/// The seam: a batch, sorted look-ups, walks.
pub trait Store: Send + Sync {
    /// Writes all changes or none, and returns once they are on disk.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Write`]; nothing was written then.
    fn commit(&self, changes: &[Change]) -> Result<(), StoreError>;

    /// As [`Store::commit`], for a few rows that must find room where nothing else does.
    ///
    /// # Errors
    /// As [`Store::commit`].
    fn acknowledge(&self, changes: &[Change]) -> Result<(), StoreError> {
        self.commit(changes)
    }

    /// Looks up keys that are sorted and without repeats; one result per key.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    fn get_many(&self, table: Table, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// Visits the rows of a table from `from` on, in order, until `visit` returns false.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    fn walk(
        &self,
        table: Table,
        from: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError>;

    /// The error of a row that cannot be understood.
    fn damaged(&self, why: String) -> StoreError;

    /// Bytes on disk.
    fn bytes(&self) -> u64;

    /// Bytes of one table on disk.
    fn table_bytes(&self, table: Table) -> u64;
}

/// All rows of a table.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn rows(store: &dyn Store, table: Table) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    store.walk(table, &[], &mut |key, value| {
        rows.push((key.to_vec(), value.to_vec()));
        true
    })?;
    Ok(rows)
}

#[cfg(test)]
mod tests;
