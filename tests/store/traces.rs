//! What the files of a store tell of its library's life.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::DirEntry;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What was seen so far.
#[derive(Default)]
pub struct Traces {
    /// The highest number of a journal: as many were begun after the first one.
    pub rotations: u64,
    /// Tables that were there at the last look.
    pub tables: BTreeSet<PathBuf>,
    /// Tables that were there and are merged into others.
    pub merged: usize,
    /// Bytes on disk at most, and those of journals.
    most: u64,
    pub journals: u64,
}

impl Traces {
    pub fn look(&mut self, state: &Path) {
        self.rotations = self.rotations.max(journals(state));
        let folders = std::fs::read_dir(state.join("db/keyspaces")).into_iter().flatten();
        let folders = folders.flatten().map(|entry| entry.path().join("tables"));
        let tables =
            folders.flat_map(|folder| entries(&folder)).map(|entry| entry.path()).collect();
        self.merged += self.tables.difference(&tables).count();
        self.tables = tables;
        self.most = self.most.max(bytes(state));
        let journals = entries(&state.join("db"));
        let journals =
            journals.filter(|entry| entry.path().extension().is_some_and(|e| e == "jnl"));
        let taken = journals.filter_map(|entry| Some(entry.metadata().ok()?.blocks() * 512));
        self.journals = self.journals.max(taken.sum());
    }
}

impl fmt::Display for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rotations, tables, merged) = (self.rotations, self.tables.len(), self.merged);
        write!(f, "{rotations} rotations, {tables} tables and {merged} merged, ")?;
        let (most, journals) = (self.most / 1_000_000, self.journals / 1_000_000);
        write!(f, "{most} MB at most, journals {journals} MB")
    }
}

/// The highest number of a journal.
pub fn journals(state: &Path) -> u64 {
    let number = |entry: DirEntry| entry.path().file_stem()?.to_str()?.parse().ok();
    entries(&state.join("db")).filter_map(number).max().unwrap_or(0)
}

/// What is in a folder; files may go while it looks.
fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> + use<> {
    std::fs::read_dir(folder).into_iter().flatten().flatten()
}

fn bytes(folder: &Path) -> u64 {
    let taken = |entry: DirEntry| match entry.metadata() {
        Ok(inner) if inner.is_dir() => bytes(&entry.path()),
        Ok(inner) => inner.blocks() * 512,
        Err(_) => 0,
    };
    entries(folder).map(taken).sum()
}
