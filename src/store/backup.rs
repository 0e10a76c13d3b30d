//! Copies of a state directory that can be put in its place.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::copy::{Held, detach, hold, share, share_live, sync, weigh};
use super::embedded::{DATABASE, RESERVE};
use super::{Embedded, Identity, StoreError, identity, sent};

/// Files beside the database that belong to the state.
const BESIDE: [&str; 3] = [identity::FILE, sent::FILE, crate::registry::DESCRIBED];

/// Beginning of the name of a folder in which a backup is put together.
const STAGING: &str = ".backup-";
/// A staging folder of this age belongs to nobody any more.
const ABANDONED: Duration = Duration::from_secs(86_400);

/// Copies a state directory, also one that a daemon is running on, to a folder that does not exist
/// yet. The copy is of one commit, and has been opened and read; it is returned opened.
///
/// # Errors
/// All of [`StoreError`]; the folder is removed then.
pub fn backup(path: &Path, to: &Path) -> Result<Embedded, StoreError> {
    let failed = |source| StoreError::Folder { path: path.to_owned(), source };
    let database = path.join(DATABASE);
    if !database.try_exists().map_err(failed)? {
        return Err(StoreError::Absent { path: path.to_owned() });
    }
    if to.try_exists().map_err(failed)? {
        return Err(StoreError::Taken { path: to.to_owned() });
    }
    let held = hold(path)?;
    let copied = |source| StoreError::Backup { path: to.to_owned(), source };
    // First beside the original, where tables can be shared, so that nothing goes on meanwhile.
    let staging = tempfile::Builder::new().prefix(STAGING).tempdir_in(path).map_err(failed)?;
    let staged = staging.path().join(DATABASE);
    match &held {
        Held::Nobody(_) => share(&database, &staged),
        Held::Daemon => share_live(&database, &staged),
    }
    .map_err(copied)?;
    let done = std::fs::create_dir_all(to)
        .and_then(|()| super::embedded::restrict(to))
        .and_then(|()| detach(&staged, &to.join(DATABASE)))
        // After the database: what it holds of the mirror is in the mirror.
        .and_then(|()| copy_beside(path, to))
        .map_err(copied)
        .and_then(|()| Embedded::look(to))
        .and_then(|store| store.verify().map(|()| store));
    if done.is_err() {
        // Half a backup is none.
        let _ = std::fs::remove_dir_all(to);
    }
    done
}

/// Removes what backups that were killed on their way left in a state directory. Younger ones may
/// still be on their way.
pub(super) fn tidy(path: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let staging = entry.file_name().to_string_lossy().starts_with(STAGING);
        let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
        if staging && age > ABANDONED {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn copy_beside(path: &Path, to: &Path) -> std::io::Result<()> {
    for name in BESIDE {
        let from = path.join(name);
        if from.try_exists()? {
            std::fs::copy(&from, to.join(name))?;
        }
    }
    sync(to)
}

/// Keeps the database of an older format before it is changed; nobody may have it open.
pub(super) fn keep(path: &Path, identity: &Identity) -> Result<PathBuf, StoreError> {
    let database = path.join(DATABASE);
    let keep = || {
        let name = |n: u32| match n {
            0 => format!("backup-format-{}", identity.format),
            n => format!("backup-format-{}-{n}", identity.format),
        };
        let free = |to: &PathBuf| !to.exists();
        let to = (0..).map(|n| path.join(name(n))).find(free).unwrap_or_default();
        // Whole or not at all.
        let staging = tempfile::Builder::new().prefix(STAGING).tempdir_in(path)?;
        share(&database, &staging.path().join(DATABASE))?;
        sync(staging.path())?;
        std::fs::rename(staging.keep(), &to)?;
        Ok(to)
    };
    let room = weigh(&database).and_then(|(all, own)| {
        let disk = rustix::fs::statvfs(path)?;
        // Rows that change are written anew while the backup still holds the old ones.
        let needed = own + all / 2 + RESERVE;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        Ok((free < needed).then(|| needed.div_ceil(1 << 20)))
    });
    let failed = |source| StoreError::Backup { path: path.to_owned(), source };
    match room.map_err(failed)? {
        Some(megabytes) => {
            let (path, found) = (path.to_owned(), identity.format);
            Err(StoreError::NoRoom { path, found, megabytes })
        }
        None => keep().map_err(failed),
    }
}
