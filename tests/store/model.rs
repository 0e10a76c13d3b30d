//! What the state must be, put together without the store.

use std::collections::BTreeMap;

use driftd::engine::io::Table;
use driftd::store::Store;

use crate::script::{POSITION, Script};

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// The state after some commits.
pub struct Model {
    script: Script,
    number: u64,
    tables: BTreeMap<Table, Rows>,
}

impl Model {
    pub fn new(script: Script) -> Model {
        Model { script, number: 0, tables: BTreeMap::new() }
    }

    /// Holds a store to this model at the commit that the store says it is of; which one that is.
    pub fn hold(&mut self, store: &dyn Store, between: std::ops::RangeInclusive<u64>) -> u64 {
        let number = number(store);
        assert!(between.contains(&number), "the state is of commit {number}, not of {between:?}");
        while self.number < number {
            self.number += 1;
            for change in self.script.batch(self.number) {
                let rows = self.tables.entry(change.table).or_default();
                match change.value {
                    Some(value) => rows.insert(change.key, value),
                    None => rows.remove(&change.key),
                };
            }
        }
        for table in Table::ALL.into_iter().filter(|table| *table != Table::Meta) {
            self.equals(store, table);
        }
        number
    }

    /// Every row by walking, some of them and keys that are not there by looking them up.
    fn equals(&self, store: &dyn Store, table: Table) {
        let none = Rows::new();
        let rows = self.tables.get(&table).unwrap_or(&none);
        let mut wanted = rows.iter();
        let mut wrong = None;
        let walked = store.walk(table, &[], &mut |key, value| {
            let next = wanted.next();
            if next.is_none_or(|(k, v)| k != key || v != value) {
                wrong = Some(difference(next, key, value));
            }
            wrong.is_none()
        });
        let of = format!("table {} of commit {}", table.name(), self.number);
        walked.unwrap_or_else(|error| panic!("{of}: {error}"));
        assert_eq!(wrong, None, "{of}");
        assert_eq!(wanted.next().map(|(key, _)| text(key)), None, "{of} lacks a row");
        let mut keys: Vec<Vec<u8>> = rows.keys().step_by(40).cloned().collect();
        keys.extend(rows.keys().step_by(90).map(|key| [key, &b"?"[..]].concat()));
        keys.sort();
        let found = store.get_many(table, &keys).unwrap();
        for (key, value) in keys.iter().zip(found) {
            assert!(value.as_ref() == rows.get(key), "{of}, looking up {}", text(key));
        }
    }
}

/// The commit that a store says it is of.
pub fn number(store: &dyn Store) -> u64 {
    let row = store.get_many(Table::Positions, &[POSITION.to_vec()]).unwrap().remove(0);
    row.map_or(0, |row| Script::number_of(&row))
}

fn difference(wanted: Option<(&Vec<u8>, &Vec<u8>)>, key: &[u8], value: &[u8]) -> String {
    let found = format!("{} with {} bytes", text(key), value.len());
    match wanted {
        None => format!("{found} is one row too many"),
        Some((k, _)) if k == key => format!("{found} has another value"),
        Some((k, v)) => format!("{found} instead of {} with {} bytes", text(k), v.len()),
    }
}

fn text(key: &[u8]) -> String {
    key.escape_ascii().to_string()
}
