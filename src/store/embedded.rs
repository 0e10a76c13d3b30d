//! The store on disk: fjall, a log-structured tree with one journal for all tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use tempfile::TempDir;

use super::ballast::Ballast;
use super::copy::copy;
use super::identity::Found;
use super::marks::{COMMITS, MARK, Marks};
use super::{FORMAT, Identity, Store, StoreError, backup, identity, journal, manifest, migrate};
use crate::engine::io::{Change, Table};
use crate::failpoint::Failpoint;

/// Folder of the rows within a state directory.
pub(super) const DATABASE: &str = "db";
/// Locked by whoever has the directory open.
pub(super) const LOCK: &str = "lock";
/// Key of the row that says what the directory is.
const IDENTITY: &[u8] = b"identity";
/// Room that a commit leaves on the disk: a store that cannot write out its tables is lost until
/// the process starts again.
pub(super) const RESERVE: u64 = 32 << 20;
/// Room that a few rows leave which must be written all the same.
const LAST_RESERVE: u64 = 2 << 20;
/// How long a folder that somebody else has is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// Memory that the store may use for cached blocks.
const CACHE_BYTES: u64 = 64 << 20;
/// Journals may grow this far before tables are written out.
const JOURNAL_BYTES: u64 = 256 << 20;

/// Rows in a folder, exclusively ours while open.
pub struct Embedded {
    path: PathBuf,
    /// Where the rows are.
    rows: PathBuf,
    database: Database,
    tables: BTreeMap<Table, Keyspace>,
    identity: Identity,
    /// Format that the folder was found in.
    found: u32,
    marks: Mutex<Marks>,
    /// None where the folder is only looked at.
    ballast: Option<Ballast>,
    /// Held for as long as the store is open.
    _lock: Option<Arc<File>>,
    /// Where the rows really are, when the folder is only looked at.
    _copy: Option<TempDir>,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Embedded {
    /// Opens (or makes) the state in a folder. One of an older format is brought to ours, after a
    /// backup.
    ///
    /// # Errors
    /// All of [`StoreError`]; each names the folder.
    pub fn open(path: &Path) -> Result<Embedded, StoreError> {
        let began = Instant::now();
        loop {
            match Embedded::open_now(path) {
                // Who had it may be on its way out.
                Err(StoreError::Locked { .. }) if began.elapsed() < PATIENCE => {
                    std::thread::sleep(PATIENCE / 20);
                }
                done => return done,
            }
        }
    }

    fn open_now(path: &Path) -> Result<Embedded, StoreError> {
        let failed = |source| StoreError::Folder { path: path.to_owned(), source };
        std::fs::create_dir_all(path).map_err(failed)?;
        restrict(path).map_err(failed)?;
        let lock = Arc::new(lock(path)?);
        backup::tidy(path).map_err(failed)?;
        let database = path.join(DATABASE);
        let known = match Identity::read(path)? {
            Found::Whole(identity) if identity.format > FORMAT => {
                return Err(StoreError::Newer { path: path.to_owned(), found: identity.format });
            }
            known => known,
        };
        if !database.try_exists().map_err(failed)? {
            create(path, known)?;
            let store = Embedded::over(path, &database, Some(lock), None)?;
            sync_names(path).map_err(failed)?;
            return Ok(store);
        }
        let mut store = Embedded::over(path, &database, Some(lock.clone()), None)?;
        if store.identity.format < FORMAT {
            let old = store.identity.clone();
            // Nobody writes to what is copied.
            store.close();
            let backup = backup::keep(path, &old)?;
            tracing::warn!(
                "state directory {} is brought from format {} to {FORMAT}; a backup is in {}",
                path.display(),
                old.format,
                backup.display()
            );
            store = Embedded::over(path, &database, Some(lock), None)?;
            store.migrate()?;
            store.found = FORMAT;
        }
        match known {
            Found::Whole(known) if known == store.identity => {}
            Found::Whole(known) if known.id != store.identity.id => {
                return Err(store.damaged(format!(
                    "its file {} belongs to another state directory than its database",
                    identity::FILE
                )));
            }
            _ => store.identity.write(path)?,
        }
        sync_names(path).map_err(failed)?;
        Ok(store)
    }

    /// Opens the state in a folder; makes none.
    ///
    /// # Errors
    /// All of [`StoreError`]; each names the folder.
    pub fn open_existing(path: &Path) -> Result<Embedded, StoreError> {
        if !path.join(DATABASE).is_dir() {
            return Err(StoreError::Absent { path: path.to_owned() });
        }
        Embedded::open(path)
    }

    /// Opens the state in a folder to look at it. Nothing in the folder changes, nor does anything
    /// that is committed to the store.
    ///
    /// # Errors
    /// All of [`StoreError`]; each names the folder.
    pub fn look(path: &Path) -> Result<Embedded, StoreError> {
        let (folder, lock) = copy(path)?;
        let database = folder.path().join(DATABASE);
        let mut store = Embedded::over(path, &database, lock.map(Arc::new), Some(folder))?;
        store.migrate()?;
        Ok(store)
    }

    fn over(
        path: &Path,
        database: &Path,
        lock: Option<Arc<File>>,
        copy: Option<TempDir>,
    ) -> Result<Embedded, StoreError> {
        let failed = |source| StoreError::Folder { path: path.to_owned(), source };
        let corrupt = |why: String| StoreError::Corrupt { path: path.to_owned(), why };
        for examine in [manifest::examine, journal::examine] {
            if let Some(why) = examine(database).map_err(failed)? {
                return Err(corrupt(why));
            }
        }
        let rows = database.to_owned();
        let (database, tables) = open_tables(path, database)?;
        let meta = |key: &[u8]| {
            tables[&Table::Meta].get(key).map_err(|error| corrupt(format!("table meta: {error}")))
        };
        let identity = meta(IDENTITY)?.ok_or_else(|| corrupt("its table meta is empty".into()))?;
        let identity: Identity = serde_json::from_slice(&identity)
            .map_err(|error| corrupt(format!("its identity cannot be read: {error}")))?;
        let (folder, found) = (path.to_owned(), identity.format);
        if found > FORMAT {
            return Err(StoreError::Newer { path: folder, found });
        }
        if found < FORMAT && !migrate::leads_from(found) {
            return Err(StoreError::Older { path: folder, found });
        }
        let marks = Marks::read(meta(COMMITS)?.as_deref())
            .ok_or_else(|| corrupt("the numbers of its commits cannot be read".into()))?;
        for (table, keyspace) in &tables {
            let mark = keyspace.get(MARK);
            let mark = mark.map_err(|error| corrupt(format!("table {}: {error}", table.name())))?;
            if let Some(why) = marks.complaint(*table, mark.as_deref()) {
                return Err(corrupt(why));
            }
        }
        Ok(Embedded {
            path: path.to_owned(),
            rows,
            database,
            tables,
            identity,
            found,
            marks: Mutex::new(marks),
            ballast: copy.is_none().then(|| Ballast::of(path)),
            _lock: lock,
            _copy: copy,
        })
    }

    /// Brings the rows to our format, one step after the other.
    fn migrate(&mut self) -> Result<(), StoreError> {
        while self.identity.format < FORMAT {
            let mut changes = migrate::step(self, self.identity.format)?;
            let next = Identity { format: self.identity.format + 1, ..self.identity.clone() };
            changes.push(identity_row(&next));
            self.commit(&changes)?;
            self.identity = next;
        }
        Ok(())
    }

    /// Reads every row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where one cannot be read.
    pub fn verify(&self) -> Result<(), StoreError> {
        Table::ALL.into_iter().try_for_each(|table| self.walk(table, &[], &mut |_, _| true))
    }

    /// Writes out what is in memory, as the library does by itself when there is much of it.
    #[cfg(test)]
    pub(super) fn write_out(&self, table: Table) {
        self.tables[&table].rotate_memtable_and_wait().unwrap();
    }

    /// Format of the rows on disk; [`Embedded::look`] reads older ones as if they were of ours.
    #[must_use]
    pub fn format(&self) -> u32 {
        self.found
    }

    /// Number of the last commit.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).latest()
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

    /// Refuses a batch that would leave less than this room.
    fn find_room(&self, changes: &[Change], reserve: u64) -> Result<(), StoreError> {
        let size = |c: &Change| c.key.len() + c.value.as_ref().map_or(0, Vec::len);
        let batch: usize = changes.iter().map(size).sum();
        let needed = reserve + 2 * batch as u64;
        // Where nobody can say how much is free, the commit itself will find out.
        match rustix::fs::statvfs(&self.rows) {
            Ok(disk) if disk.f_bavail.saturating_mul(disk.f_frsize) < needed => {
                let megabytes = needed.div_ceil(1 << 20);
                Err(StoreError::Full { path: self.path.clone(), megabytes })
            }
            _ => Ok(()),
        }
    }

    /// Writes a batch with the marks of the tables that it touches.
    fn write(&self, changes: &[Change]) -> Result<(), StoreError> {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let touched: BTreeSet<Table> =
            changes.iter().map(|change| change.table).chain([Table::Meta]).collect();
        let next = marks.after(touched.iter().copied());
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        for change in changes {
            let table = &self.tables[&change.table];
            match &change.value {
                Some(value) => batch.insert(table, change.key.as_slice(), value.as_slice()),
                None => batch.remove(table, change.key.as_slice()),
            }
        }
        let decides = touched.contains(&Table::Outbox);
        for table in touched {
            batch.insert(&self.tables[&table], MARK, next.latest().to_be_bytes());
        }
        batch.insert(&self.tables[&Table::Meta], COMMITS, next.row());
        if decides {
            Failpoint::CommitDecides.reach();
        }
        batch.commit().map_err(|error| StoreError::Write {
            path: self.path.clone(),
            why: error.to_string(),
            fatal: matches!(error, fjall::Error::Poisoned),
        })?;
        *marks = next;
        Ok(())
    }

    fn corrupt(&self, table: Table, error: impl std::fmt::Display) -> StoreError {
        let why = format!("table {}: {error}", table.name());
        StoreError::Corrupt { path: self.path.clone(), why }
    }
}

impl Store for Embedded {
    fn commit(&self, changes: &[Change]) -> Result<(), StoreError> {
        self.find_room(changes, RESERVE + self.database.write_buffer_size())?;
        self.write(changes)?;
        self.ballast.iter().for_each(|ballast| ballast.keep(RESERVE + RESERVE / 4));
        Ok(())
    }

    fn acknowledge(&self, changes: &[Change]) -> Result<(), StoreError> {
        if self.find_room(changes, LAST_RESERVE).is_err() {
            // Not before: whatever fills the disk would take this, too.
            self.ballast.iter().for_each(Ballast::release);
            self.find_room(changes, LAST_RESERVE)?;
        }
        self.write(changes)
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
            if *key == *MARK || !visit(&key, &value) {
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
pub(super) fn restrict(path: &Path) -> std::io::Result<()> {
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

pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
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

/// A new database under a known identity. It gets its name when it is complete, so that a start
/// that was interrupted left nothing behind.
fn create(path: &Path, known: Found) -> Result<(), StoreError> {
    let failed = |source| StoreError::Folder { path: path.to_owned(), source };
    let identity = match known {
        Found::Whole(identity) => Identity { format: FORMAT, ..identity },
        Found::Nothing => Identity::random(),
        Found::Broken => {
            return Err(StoreError::Corrupt {
                path: path.to_owned(),
                why: format!("its file {} is not what was written", identity::FILE),
            });
        }
    };
    let new = path.join(format!("{DATABASE}.new"));
    if new.try_exists().map_err(failed)? {
        std::fs::remove_dir_all(&new).map_err(failed)?;
    }
    identity.write(path)?;
    let (database, tables) = open_tables(path, &new)?;
    let row = identity_row(&identity);
    let mut batch = database.batch().durability(Some(PersistMode::SyncAll));
    batch.insert(&tables[&Table::Meta], row.key, row.value.unwrap_or_default());
    let written = batch.commit();
    drop((tables, database));
    written.map_err(|error| StoreError::Write {
        path: path.to_owned(),
        why: error.to_string(),
        fatal: true,
    })?;
    sync_names(&new)
        .and_then(|()| std::fs::rename(&new, path.join(DATABASE)))
        .and_then(|()| File::open(path)?.sync_all())
        .map_err(failed)
}

fn identity_row(identity: &Identity) -> Change {
    // Plain fields always become JSON.
    let value = serde_json::to_vec(identity).ok();
    Change { table: Table::Meta, key: IDENTITY.to_vec(), value }
}

type Tables = BTreeMap<Table, Keyspace>;

fn open_tables(path: &Path, database: &Path) -> Result<(Database, Tables), StoreError> {
    let open = || {
        let database = Database::builder(database)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(JOURNAL_BYTES)
            .worker_threads(1)
            .open()?;
        let mut tables = Tables::new();
        for table in Table::ALL {
            tables.insert(table, database.keyspace(table.name(), KeyspaceCreateOptions::default)?);
        }
        Ok((database, tables))
    };
    let path = path.to_owned();
    let corrupt = |why: String| StoreError::Corrupt { path: path.clone(), why };
    // The library holds some of what it reads for certain.
    let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(open));
    opened.map_err(|_| corrupt("its database cannot be understood".into()))?.map_err(|error| {
        let missing = [ErrorKind::NotFound, ErrorKind::UnexpectedEof, ErrorKind::InvalidData];
        match error {
            fjall::Error::Locked => StoreError::Locked { path: path.clone() },
            fjall::Error::Io(source) if !missing.contains(&source.kind()) => {
                StoreError::Folder { path: path.clone(), source }
            }
            other => corrupt(format!("its database cannot be opened: {other}")),
        }
    })
}
