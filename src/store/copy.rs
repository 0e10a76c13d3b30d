//! A look at a state directory that changes nothing in it: a copy in a temporary folder is opened
//! in its place.
//!
//! Table files are never written again once they are whole, so the copy only points at them;
//! journals and lists of tables, which opening a store rewrites, are copied.

use std::fs::{File, TryLockError};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use super::StoreError;
use super::embedded::{DATABASE, LOCK};

/// File that every database of the store's library has.
const MARKER: &str = "version";
/// Folders of files that are never written again.
const IMMUTABLE: [&str; 2] = ["tables", "blobs"];

/// Copies the database of a state directory; while the lock is held no daemon starts on it.
pub(super) fn copy(path: &Path) -> std::result::Result<(TempDir, Option<File>), StoreError> {
    let failed = |source| StoreError::Folder { path: path.to_owned(), source };
    let database = path.join(DATABASE);
    if !database.join(MARKER).try_exists().map_err(failed)? {
        return Err(StoreError::Absent { path: path.to_owned() });
    }
    let lock = match File::open(path.join(LOCK)) {
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => Some(file),
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked { path: path.to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        },
        // A copy that somebody made of the rest only.
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(source) => return Err(failed(source)),
    };
    let folder = tempfile::Builder::new().prefix("driftd-state-").tempdir().map_err(failed)?;
    database
        .canonicalize()
        .and_then(|from| copy_folder(&from, &folder.path().join(DATABASE)))
        .map_err(failed)?;
    Ok((folder, lock))
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir(to)?;
    let immutable = from.file_name().is_some_and(|name| IMMUTABLE.iter().any(|i| name == *i));
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_folder(&source, &target)?;
        } else if immutable {
            symlink(&source, &target)?;
        } else {
            // Not the permissions: the original may be read-only.
            std::io::copy(&mut File::open(&source)?, &mut File::create_new(&target)?).map_err(
                |error| Error::new(error.kind(), format!("{}: {error}", source.display())),
            )?;
        }
    }
    Ok(())
}
