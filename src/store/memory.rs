//! A store without a disk, for replays and tests.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::{Store, StoreError};
use crate::engine::io::{Change, Table};

type Rows = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// Rows in memory.
#[derive(Debug, Default)]
pub struct Memory {
    tables: Mutex<Rows>,
}

impl Store for Memory {
    fn commit(&self, changes: &[Change]) -> Result<(), StoreError> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            let key = (change.table, change.key.clone());
            match &change.value {
                Some(value) => tables.insert(key, value.clone()),
                None => tables.remove(&key),
            };
        }
        Ok(())
    }

    fn get_many(&self, table: Table, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(keys.iter().map(|key| tables.get(&(table, key.clone())).cloned()).collect())
    }

    fn walk(
        &self,
        table: Table,
        from: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = tables.range((table, from.to_vec())..).take_while(|((t, _), _)| *t == table);
        for ((_, key), value) in rows {
            if !visit(key, value) {
                break;
            }
        }
        Ok(())
    }

    fn damaged(&self, why: String) -> StoreError {
        StoreError::Corrupt { path: "memory".into(), why }
    }

    fn bytes(&self) -> u64 {
        Table::ALL.into_iter().map(|table| self.table_bytes(table)).sum()
    }

    fn table_bytes(&self, table: Table) -> u64 {
        let mut bytes = 0;
        // Walking a table in memory cannot fail.
        let _ = self.walk(table, &[], &mut |key, value| {
            bytes += (key.len() + value.len()) as u64;
            true
        });
        bytes
    }
}
