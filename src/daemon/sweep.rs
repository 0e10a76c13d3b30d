//! Expired join entries are removed in bulk, a stretch of the table after every commit; there is no
//! timer per key.

use crate::engine::io::{Change, Table};
use crate::store::{Store, StoreError};

/// Entries looked at after a commit, at least.
const LEAST: usize = 20_000;
/// Entries looked at for each that was written. The search meets what came since it was last there
/// before what has expired: with one for one, more would come than go, and the table would grow for
/// ever. With two, it comes by as often as entries expire, and finds half as many again as wait.
const EACH: usize = 2;
/// Entries looked at after one commit, at most: what is left of them is looked at after the next ones.
const MOST: usize = 200_000;

/// Where the search goes on, and how far.
#[derive(Debug, Default)]
pub struct Sweep {
    from: Vec<u8>,
    written: usize,
}

impl Sweep {
    /// Takes note of a commit, by whose entries it is decided how many are looked at next.
    pub fn note(&mut self, changes: &[Change]) {
        let join = |change: &&Change| change.table == Table::Join && change.value.is_some();
        self.written += changes.iter().filter(join).count();
    }

    /// Removals of the entries of the next stretch that are gone.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn next(
        &mut self,
        store: &dyn Store,
        gone: &dyn Fn(&[u8], &[u8]) -> bool,
    ) -> Result<Vec<Change>, StoreError> {
        let from = std::mem::take(&mut self.from);
        let most = (EACH * self.written).clamp(LEAST, MOST);
        self.written = self.written.saturating_sub(most / EACH);
        let (mut seen, mut last, mut removals) = (0, Vec::new(), Vec::new());
        store.walk(Table::Join, &from, &mut |key, value| {
            seen += 1;
            if gone(key, value) {
                removals.push(Change { table: Table::Join, key: key.to_vec(), value: None });
            }
            last = key.to_vec();
            seen < most
        })?;
        if seen == most {
            self.from = last;
        }
        Ok(removals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Memory, rows};

    #[test]
    fn a_sweep_keeps_up_with_whatever_is_written() {
        const WRITTEN: u64 = 15_000;
        const LIFE: u64 = 3;
        let store = Memory::default();
        let mut sweep = Sweep::default();
        for now in 0..30_u64 {
            let key = |row: u64| (row.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ now).to_be_bytes();
            let new = |row| Change {
                table: Table::Join,
                key: key(row).to_vec(),
                value: Some(now.to_be_bytes().to_vec()),
            };
            let changes: Vec<Change> = (0..WRITTEN).map(new).collect();
            store.commit(&changes).unwrap();
            sweep.note(&changes);
            let removals = sweep
                .next(&store, &|_, value| {
                    let then = u64::from_be_bytes(value.try_into().unwrap());
                    now - then >= LIFE
                })
                .unwrap();
            store.commit(&removals).unwrap();
        }
        let left = rows(&store, Table::Join).unwrap().len() as u64;
        assert!(left <= 2 * WRITTEN * LIFE, "{left} rows are left");
    }

    #[test]
    fn one_sweep_has_a_bound_and_what_is_left_comes_after_the_next_commits() {
        const WRITTEN: u32 = 350_000;
        let store = Memory::default();
        let mut sweep = Sweep::default();
        let new = |row: u32| Change {
            table: Table::Join,
            key: row.to_be_bytes().to_vec(),
            value: Some(Vec::new()),
        };
        let changes: Vec<Change> = (0..WRITTEN).map(new).collect();
        store.commit(&changes).unwrap();
        sweep.note(&changes);
        let looked = [(); 5].map(|()| {
            let seen = std::cell::Cell::new(0);
            let gone = |_: &[u8], _: &[u8]| {
                seen.set(seen.get() + 1);
                false
            };
            sweep.next(&store, &gone).unwrap();
            seen.get()
        });
        // The second comes to the end of the table, after the row where the first ended.
        assert_eq!(looked, [MOST, 150_001, MOST, 100_000, LEAST]);
    }
}
