//! Room that is kept for the hour when there is none: what became of messages is still written down
//! then, so that nobody is paged twice for a full disk.

use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

/// The file's name within a state directory.
const FILE: &str = "ballast";
/// Bytes that it takes.
pub(super) const BYTES: u64 = 16 << 20;

/// A file of a state directory that can be let go.
#[derive(Debug)]
pub(super) struct Ballast {
    path: PathBuf,
}

impl Ballast {
    pub(super) fn of(directory: &Path) -> Ballast {
        Ballast { path: directory.join(FILE) }
    }

    /// Takes the room, where the disk has it and `reserve` besides.
    pub(super) fn keep(&self, reserve: u64) {
        let free = self.path.parent().and_then(|folder| statvfs(folder).ok());
        let free = free.map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        // A crash may have left the name alone.
        let whole = self.path.metadata().is_ok_and(|file| file.len() >= BYTES);
        if whole || free < BYTES + reserve {
            return;
        }
        let taken = File::create(&self.path).map_err(|error| error.to_string()).and_then(|file| {
            fallocate(&file, FallocateFlags::empty(), 0, BYTES).map_err(|e| e.to_string())
        });
        if let Err(error) = taken {
            // Some file systems cannot: then there is the reserve alone.
            tracing::debug!("{}: {error}", self.path.display());
            let _ = std::fs::remove_file(&self.path);
        }
    }

    /// Gives the room back.
    pub(super) fn release(&self) {
        if self.path.exists() {
            tracing::warn!("{} is removed: the disk is full", self.path.display());
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
