//! The store on disk: fjall, a log-structured tree with one journal for all tables.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use rand::RngCore;
use tempfile::TempDir;

use super::copy::copy;
use super::{FORMAT, Store, StoreError};
use crate::engine::io::{Change, Table};

/// Folder of the rows within a state directory.
pub(super) const DATABASE: &str = "db";
/// Locked by whoever has the directory open.
pub(super) const LOCK: &str = "lock";
/// Room that a commit leaves on the disk: a store that cannot write out its tables is lost until
/// the process starts again.
const RESERVE: u64 = 32 << 20;
/// Memory that the store may use for cached blocks.
const CACHE_BYTES: u64 = 64 << 20;
/// Journals may grow this far before tables are written out.
const JOURNAL_BYTES: u64 = 256 << 20;

/// Rows in a folder, exclusively ours while open.
pub struct Embedded {
    path: PathBuf,
    database: Database,
    tables: BTreeMap<Table, Keyspace>,
    identity: Identity,
    /// Held for as long as the store is open.
    _lock: Option<File>,
    /// Where the rows really are, when the folder is only looked at.
    _copy: Option<TempDir>,
}

/// What makes this state directory the one it is.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Identity {
    /// Format of the rows.
    pub format: u32,
    /// Random name of the directory: our client id at the brokers.
    pub id: String,
    /// Secret that makes callback tokens.
    pub secret: [u8; 32],
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Embedded {
    /// Opens (or makes) the state in a folder.
    ///
    /// # Errors
    /// All of [`StoreError`]; each names the folder.
    pub fn open(path: &Path) -> Result<Embedded, StoreError> {
        let folder = |source| StoreError::Folder { path: path.to_owned(), source };
        std::fs::create_dir_all(path).map_err(folder)?;
        restrict(path).map_err(folder)?;
        let lock = lock(path)?;
        let store = Embedded::over(path, &path.join(DATABASE), Some(lock), None)?;
        sync_names(path).map_err(folder)?;
        Ok(store)
    }

    /// Opens the state in a folder to look at it. Nothing in the folder changes, nor does anything
    /// that is committed to the store.
    ///
    /// # Errors
    /// All of [`StoreError`]; each names the folder.
    pub fn look(path: &Path) -> Result<Embedded, StoreError> {
        let (folder, lock) = copy(path)?;
        let database = folder.path().join(DATABASE);
        Embedded::over(path, &database, lock, Some(folder))
    }

    fn over(
        path: &Path,
        database: &Path,
        lock: Option<File>,
        copy: Option<TempDir>,
    ) -> Result<Embedded, StoreError> {
        let corrupt = |why: String| StoreError::Corrupt { path: path.to_owned(), why };
        let database = Database::builder(database)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(JOURNAL_BYTES)
            .worker_threads(1)
            .open()
            .map_err(|error| match error {
                fjall::Error::Locked => StoreError::Locked { path: path.to_owned() },
                fjall::Error::Io(source) => StoreError::Folder { path: path.to_owned(), source },
                other => corrupt(other.to_string()),
            })?;
        let open = |table: Table| {
            database
                .keyspace(table.name(), KeyspaceCreateOptions::default)
                .map_err(|error| corrupt(format!("table {}: {error}", table.name())))
        };
        // First, so that nothing is made in a folder of another format.
        let identity = identity(path, &database, &open(Table::Meta)?)?;
        let mut tables = BTreeMap::new();
        for table in Table::ALL {
            tables.insert(table, open(table)?);
        }
        let path = path.to_owned();
        Ok(Embedded { path, database, tables, identity, _lock: lock, _copy: copy })
    }

    /// What makes this directory the one it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Closes the store and everything it does in the background.
    pub fn close(self) {
        drop(self);
    }

    /// Refuses a batch that would leave too little room to write out what is in memory.
    fn find_room(&self, changes: &[Change]) -> Result<(), StoreError> {
        let size = |c: &Change| c.key.len() + c.value.as_ref().map_or(0, Vec::len);
        let batch: usize = changes.iter().map(size).sum();
        let needed = RESERVE + 2 * batch as u64 + self.database.write_buffer_size();
        // Where nobody can say how much is free, the commit itself will find out.
        match rustix::fs::statvfs(&self.path) {
            Ok(disk) if disk.f_bavail.saturating_mul(disk.f_frsize) < needed => {
                let megabytes = needed.div_ceil(1 << 20);
                Err(StoreError::Full { path: self.path.clone(), megabytes })
            }
            _ => Ok(()),
        }
    }

    fn corrupt(&self, table: Table, error: impl std::fmt::Display) -> StoreError {
        let why = format!("table {}: {error}", table.name());
        StoreError::Corrupt { path: self.path.clone(), why }
    }
}

impl Store for Embedded {
    fn commit(&self, changes: &[Change]) -> Result<(), StoreError> {
        self.find_room(changes)?;
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        for change in changes {
            let table = &self.tables[&change.table];
            match &change.value {
                Some(value) => batch.insert(table, change.key.as_slice(), value.as_slice()),
                None => batch.remove(table, change.key.as_slice()),
            }
        }
        batch.commit().map_err(|error| StoreError::Write {
            path: self.path.clone(),
            why: error.to_string(),
            fatal: matches!(error, fjall::Error::Poisoned),
        })
    }

    fn get_many(&self, table: Table, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let keyspace = &self.tables[&table];
        keys.iter()
            .map(|key| match keyspace.get(key) {
                Ok(value) => Ok(value.map(|v| v.to_vec())),
                Err(error) => Err(self.corrupt(table, error)),
            })
            .collect()
    }

    fn walk(
        &self,
        table: Table,
        from: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        for guard in self.tables[&table].range(from.to_vec()..) {
            let (key, value) = guard.into_inner().map_err(|error| self.corrupt(table, error))?;
            if !visit(&key, &value) {
                break;
            }
        }
        Ok(())
    }

    fn damaged(&self, why: String) -> StoreError {
        StoreError::Corrupt { path: self.path.clone(), why }
    }

    fn bytes(&self) -> u64 {
        self.database.disk_space().unwrap_or(0)
    }

    fn table_bytes(&self, table: Table) -> u64 {
        self.tables[&table].disk_space()
    }
}

/// Only our user may look inside: ids and evidence are nobody else's business.
fn restrict(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
}

/// A commit syncs files; the names of the folders that hold them must be on disk too.
fn sync_names(path: &Path) -> std::io::Result<()> {
    if let Some(parent) = std::path::absolute(path)?.parent() {
        File::open(parent)?.sync_all()?;
    }
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        File::open(&folder)?.sync_all()?;
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let folder = |source| StoreError::Folder { path: path.to_owned(), source };
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join(LOCK))
        .map_err(folder)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::Locked { path: path.to_owned() }),
        Err(std::fs::TryLockError::Error(source)) => Err(folder(source)),
    }
}

fn identity(path: &Path, database: &Database, meta: &Keyspace) -> Result<Identity, StoreError> {
    const KEY: &str = "identity";
    let corrupt = |why: String| StoreError::Corrupt { path: path.to_owned(), why };
    let stored = meta.get(KEY).map_err(|error| corrupt(error.to_string()))?;
    if let Some(bytes) = stored {
        let identity: Identity = serde_json::from_slice(&bytes)
            .map_err(|error| corrupt(format!("its identity cannot be read: {error}")))?;
        let (path, found) = (path.to_owned(), identity.format);
        return match found.cmp(&FORMAT) {
            Ordering::Greater => Err(StoreError::Newer { path, found }),
            Ordering::Less => Err(StoreError::Older { path, found }),
            Ordering::Equal => Ok(identity),
        };
    }
    let mut random = [0u8; 48];
    rand::rng().fill_bytes(&mut random);
    let (name, secret) = random.split_at(16);
    let identity = Identity {
        format: FORMAT,
        id: name.iter().map(|byte| format!("{byte:02x}")).collect(),
        secret: secret.try_into().unwrap_or([0; 32]),
    };
    let bytes = serde_json::to_vec(&identity).map_err(|error| corrupt(error.to_string()))?;
    let mut batch = database.batch().durability(Some(PersistMode::SyncAll));
    batch.insert(meta, KEY, bytes);
    batch.commit().map_err(|error| StoreError::Write {
        path: path.to_owned(),
        why: error.to_string(),
        fatal: true,
    })?;
    Ok(identity)
}
