//! Counts of closed panes, as the store holds them and a failed commit would.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::io::{Change, Table};
use crate::engine::{Shelf, counts_of};
use crate::store::{Store, StoreError};
use crate::window::SeriesCounts;

/// A shelf over the store.
pub struct StoreShelf {
    store: Arc<dyn Store>,
    /// Rows that the engine wrote but the store could not take yet.
    waiting: Mutex<HashMap<Vec<u8>, Option<Vec<u8>>>>,
    fault: Mutex<Option<StoreError>>,
}

impl StoreShelf {
    /// A shelf over this store.
    pub fn new(store: Arc<dyn Store>) -> StoreShelf {
        StoreShelf { store, waiting: Mutex::default(), fault: Mutex::default() }
    }

    /// Holds the counts of a commit that failed, until they are in the store.
    pub fn hold(&self, failed: &[Change]) {
        let counts = failed.iter().filter(|change| change.table == Table::Counts);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.extend(counts.map(|change| (change.key.clone(), change.value.clone())));
    }

    /// Everything that was held is in the store.
    pub fn release(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether everything could be read so far.
    ///
    /// # Errors
    /// What went wrong: nothing that was done since may be committed.
    pub fn check(&self) -> Result<(), StoreError> {
        match self.fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn read(&self, key: &[u8]) -> Result<SeriesCounts, StoreError> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let row = match waiting.get(key) {
            Some(row) => row.clone(),
            None => self.store.get_many(Table::Counts, &[key.to_vec()])?.pop().flatten(),
        };
        let counts = row.map_or(Ok(SeriesCounts::new()), |row| counts_of(&row));
        counts.map_err(|error| self.store.damaged(error.to_string()))
    }
}

impl std::fmt::Debug for StoreShelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreShelf").finish_non_exhaustive()
    }
}

impl Shelf for StoreShelf {
    fn counts(&self, key: &[u8]) -> SeriesCounts {
        self.read(key).unwrap_or_else(|error| {
            self.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            SeriesCounts::new()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Memory;

    fn row(value: &[u8]) -> Change {
        Change { table: Table::Counts, key: b"k".to_vec(), value: Some(value.to_vec()) }
    }

    #[test]
    fn what_a_commit_could_not_write_is_read_all_the_same() {
        let mut counts = SeriesCounts::new();
        counts.insert("fare".into(), crate::window::PaneCounts::new("r".into(), 3));
        let bytes = postcard::to_stdvec(&counts).unwrap();
        let shelf = StoreShelf::new(Arc::new(Memory::default()));
        shelf.hold(&[row(&bytes)]);
        assert_eq!(shelf.counts(b"k"), counts);
        shelf.release();
        assert_eq!(shelf.counts(b"k"), SeriesCounts::new());
        shelf.check().unwrap();
    }

    #[test]
    fn a_damaged_row_is_a_fault() {
        let store = Arc::new(Memory::default());
        store.commit(&[row(b"\xff")]).unwrap();
        let shelf = StoreShelf::new(store);
        assert_eq!(shelf.counts(b"k"), SeriesCounts::new());
        assert!(shelf.check().unwrap_err().to_string().contains("table counts"));
    }
}
