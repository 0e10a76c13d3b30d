//! Copies of a database.
//!
//! Table files are never written again once they are whole, so a copy may point at them or share
//! them; journals and lists of tables, which opening a store rewrites, are copied.

use std::fs::{File, TryLockError};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::embedded::{DATABASE, LOCK};
use super::journal::{journals, written};
use super::manifest::{Lists, MARKER, lists};
use super::{StoreError, journal};

/// Folders of files that are never written again.
const IMMUTABLE: [&str; 2] = ["tables", "blobs"];
/// Empty file of a database that its library locks.
const OPENED: &str = "lock";
/// How often a copy of a database in use is tried: each time its tables were rewritten meanwhile.
const ATTEMPTS: usize = 50;

/// What becomes of files that are never written again.
#[derive(Clone, Copy)]
enum Whole {
    /// The copy points at them.
    Pointed,
    /// Both have them; only within one file system.
    Shared,
    /// The copy has its own.
    Copied,
}

/// Copies the database of a state directory to look at it; while the lock is held no daemon starts
/// on it.
pub(super) fn copy(path: &Path) -> std::result::Result<(TempDir, Option<File>), StoreError> {
    let failed = |source| StoreError::Folder { path: path.to_owned(), source };
    let database = path.join(DATABASE);
    if !database.try_exists().map_err(failed)? {
        return Err(StoreError::Absent { path: path.to_owned() });
    }
    let lock = match hold(path)? {
        Held::Nobody(lock) => lock,
        Held::Daemon => return Err(StoreError::Locked { path: path.to_owned() }),
    };
    let folder = tempfile::Builder::new().prefix("driftd-state-").tempdir().map_err(failed)?;
    database
        .canonicalize()
        .and_then(|from| copy_folder(&from, &folder.path().join(DATABASE), Whole::Pointed))
        .map_err(failed)?;
    Ok((folder, lock))
}

/// Who has a state directory.
pub(super) enum Held {
    /// Nobody: no daemon starts while this is kept. A copy of the rest only has no lock.
    Nobody(Option<File>),
    /// A daemon.
    Daemon,
}

/// Holds a state directory against daemons that would start on it.
pub(super) fn hold(path: &Path) -> std::result::Result<Held, StoreError> {
    let failed = |source| StoreError::Folder { path: path.to_owned(), source };
    match File::open(path.join(LOCK)) {
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => Ok(Held::Nobody(Some(file))),
            Err(TryLockError::WouldBlock) => Ok(Held::Daemon),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Held::Nobody(None)),
        Err(source) => Err(failed(source)),
    }
}

/// Copies a database that nobody has open; both share the table files.
pub(super) fn share(database: &Path, to: &Path) -> Result<()> {
    copy_folder(database, to, Whole::Shared)
}

/// Copies a whole folder, so that nothing is shared.
pub(super) fn detach(from: &Path, to: &Path) -> Result<()> {
    copy_folder(from, to, Whole::Copied)?;
    sync(to)
}

/// Copies a database that a daemon may be writing to; both share the table files.
///
/// Journals come last. As long as no list of tables changes, they hold everything that the tables
/// do not; where one has changed, the copy is made again.
pub(super) fn share_live(database: &Path, to: &Path) -> Result<()> {
    let mut failure = Error::other("its tables are rewritten all the time");
    for _ in 0..ATTEMPTS {
        let attempt = lists(database).and_then(|before| attempt(database, to, &before));
        match attempt {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            // A table that was merged into another one has gone meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => failure = error,
            Err(error) => return Err(error),
        }
        if to.try_exists()? {
            std::fs::remove_dir_all(to)?;
        }
    }
    Err(failure)
}

/// One copy; whether it is of one moment.
fn attempt(database: &Path, to: &Path, before: &Lists) -> Result<bool> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(database)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to.join(entry.file_name()), Whole::Shared)?;
        }
    }
    copy_file(&database.join(MARKER), &to.join(MARKER))?;
    File::create_new(to.join(OPENED))?;
    for path in journals(database)? {
        let bytes = std::fs::read(&path)?;
        // What is being written just now is no part of the copy.
        let whole = journal::read(&bytes, None).whole as usize;
        std::fs::write(to.join(name(&path)), &bytes[..whole])?;
    }
    Ok(lists(database)? == *before && lists(to)?.len() == before.len())
}

fn copy_folder(from: &Path, to: &Path, whole: Whole) -> Result<()> {
    std::fs::create_dir(to)?;
    let immutable = from.file_name().is_some_and(|name| IMMUTABLE.iter().any(|i| name == *i));
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_folder(&source, &target, whole)?;
            continue;
        }
        match whole {
            Whole::Pointed if immutable => symlink(&source, &target)?,
            Whole::Shared if immutable => std::fs::hard_link(&source, &target)?,
            _ => copy_file(&source, &target)?,
        }
    }
    Ok(())
}

/// Not the permissions: the original may be read-only.
fn copy_file(source: &Path, target: &Path) -> Result<()> {
    let copied = if source.extension().is_some_and(|e| e == "jnl") {
        std::fs::read(source).and_then(|bytes| std::fs::write(target, written(&bytes)))
    } else {
        File::open(source).and_then(|mut from| {
            std::io::copy(&mut from, &mut File::create_new(target)?)?;
            Ok(())
        })
    };
    copied.map_err(|error| Error::new(error.kind(), format!("{}: {error}", source.display())))
}

/// Makes everything below a folder durable.
pub(super) fn sync(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { sync(&path)? } else { File::open(&path)?.sync_all()? }
    }
    File::open(folder)?.sync_all()
}

/// Bytes that the files below a folder take, and how many of them a copy that shares tables needs.
pub(super) fn weigh(folder: &Path) -> Result<(u64, u64)> {
    let (mut all, mut own) = (0, 0);
    let immutable = folder.file_name().is_some_and(|name| IMMUTABLE.iter().any(|i| name == *i));
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        let (more, mine) = match about.is_dir() {
            true => weigh(&entry.path())?,
            false => {
                let taken = std::os::unix::fs::MetadataExt::blocks(&about) * 512;
                (taken, if immutable { 0 } else { taken })
            }
        };
        (all, own) = (all + more, own + mine);
    }
    Ok((all, own))
}

fn name(path: &Path) -> PathBuf {
    path.file_name().map(PathBuf::from).unwrap_or_default()
}
