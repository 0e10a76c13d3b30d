//! Which commit each table was last part of, so that tables of different commits are never taken
//! for one state.
//!
//! The store's library writes tables out one by one and forgets what it cannot read at the end of
//! its journal. A file that is lost or cut short may thus take one table back and leave another
//! where it was; both would be whole, and the sums over them wrong.

use std::collections::BTreeMap;

use crate::engine::io::Table;

/// Key of the row that every table has; after all others.
pub(super) const MARK: &[u8] = &[0xff];
/// Key of the row that says what the marks must be.
pub(super) const COMMITS: &[u8] = b"commits";

/// The last commit of every table that was part of any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Marks(BTreeMap<String, u64>);

impl Marks {
    /// Out of the row at [`COMMITS`]; no row before the first commit.
    pub(super) fn read(row: Option<&[u8]>) -> Option<Marks> {
        row.map_or(Some(Marks::default()), |row| serde_json::from_slice(row).ok().map(Marks))
    }

    /// The row at [`COMMITS`].
    pub(super) fn row(&self) -> Vec<u8> {
        // Names and numbers always become JSON.
        serde_json::to_vec(&self.0).unwrap_or_default()
    }

    /// The marks after one more commit that these tables are part of.
    pub(super) fn after(&self, tables: impl IntoIterator<Item = Table>) -> Marks {
        let commit = self.latest() + 1;
        let mut marks = self.0.clone();
        marks.extend(tables.into_iter().map(|table| (table.name().to_owned(), commit)));
        Marks(marks)
    }

    /// Number of the last commit.
    pub(super) fn latest(&self) -> u64 {
        self.0.values().max().copied().unwrap_or(0)
    }

    /// What is wrong with a table whose row at [`MARK`] is this one.
    pub(super) fn complaint(&self, table: Table, row: Option<&[u8]>) -> Option<String> {
        let wanted = self.0.get(table.name()).copied();
        let found = row.map(|row| <[u8; 8]>::try_from(row).map(u64::from_be_bytes));
        let name = table.name();
        match (found, wanted) {
            (None, None) => None,
            (Some(Ok(found)), Some(wanted)) if found == wanted => None,
            (Some(Ok(found)), wanted) => Some(format!(
                "table {name} is of commit {found} and should be of commit {}",
                wanted.unwrap_or(0)
            )),
            (Some(Err(_)), _) => Some(format!("table {name} says of no commit that it is of it")),
            (None, Some(wanted)) => {
                Some(format!("table {name} is empty and should be of commit {wanted}"))
            }
        }
    }
}
