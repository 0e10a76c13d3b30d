//! A database that is to be made again.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::embedded::{DATABASE, lock};
use super::identity::Found;
use super::{Embedded, Identity, StoreError};
use crate::clock;

/// Puts the database of a state directory aside, so that the next start makes a new one under the
/// same identity. Returns where it is.
///
/// # Errors
/// [`StoreError::Locked`] while a daemon runs, [`StoreError::Absent`], [`StoreError::Folder`].
pub fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let failed = |source| StoreError::Folder { path: path.to_owned(), source };
    let database = path.join(DATABASE);
    if !database.try_exists().map_err(failed)? {
        return Err(StoreError::Absent { path: path.to_owned() });
    }
    if !matches!(Identity::read(path)?, Found::Whole(_)) {
        keep_identity(path)?;
    }
    let _lock = lock(path)?;
    let now = clock::now().to_string().replace(':', "");
    let aside = path.join(format!("{DATABASE}.aside-{now}"));
    std::fs::rename(&database, &aside)
        .and_then(|()| File::open(path)?.sync_all())
        .map_err(failed)?;
    Ok(aside)
}

/// The file of the identity is lost or was never there: the database may still know it. If it
/// does not, the next start makes a new one.
fn keep_identity(path: &Path) -> Result<(), StoreError> {
    match Embedded::look(path) {
        Ok(store) => store.identity().write(path),
        Err(error @ StoreError::Locked { .. }) => Err(error),
        Err(error) => {
            tracing::warn!("{error}; its identity is lost with it");
            let file = path.join(super::identity::FILE);
            match std::fs::remove_file(file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(StoreError::Folder { path: path.to_owned(), source: error })
                }
                _ => Ok(()),
            }
        }
    }
}
