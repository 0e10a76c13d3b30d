//! Whether the lists of table files are whole, before the store's library reads them.
//!
//! Blocks of table files, and their headers, have checksums that the library verifies as it reads.
//! For the lists it only writes one down. And what no list names it takes for left over and
//! removes, so that a lost list must be noticed first.

use std::collections::BTreeMap;
use std::io::Result;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_128;

/// File that every database has.
pub(super) const MARKER: &str = "version";
/// Folder of the tables' folders, which are named by numbers.
const FOLDERS: &str = "keyspaces";
/// The list of the other ones.
const FIRST: &str = "0";
/// File of a table's folder that names the list in force, with its checksum.
const CURRENT: &str = "current";

/// Which list of table files is in force, by folder: as it stands in the file that says so.
pub(super) type Lists = BTreeMap<PathBuf, Vec<u8>>;

/// The lists in force.
///
/// # Errors
/// A file cannot be read.
pub(super) fn lists(database: &Path) -> Result<Lists> {
    let mut found = Lists::new();
    for entry in std::fs::read_dir(database.join(FOLDERS))? {
        let folder = entry?.path();
        let current = folder.join(CURRENT);
        if current.try_exists()? {
            found.insert(folder, std::fs::read(current)?);
        }
    }
    Ok(found)
}

/// What is wrong with the lists of a database, if anything is.
///
/// # Errors
/// A file cannot be read.
pub(super) fn examine(database: &Path) -> Result<Option<String>> {
    if !database.join(MARKER).try_exists()? {
        return Ok(Some(format!("its file {MARKER} is missing")));
    }
    if !database.join(FOLDERS).try_exists()? {
        return Ok(Some(format!("its folder {FOLDERS} is missing")));
    }
    let lists = lists(database)?;
    let name = |path: &Path| path.strip_prefix(database).unwrap_or(path).display().to_string();
    let first = database.join(FOLDERS).join(FIRST);
    if !lists.contains_key(&first) {
        return Ok(Some(format!("its file {} is missing", name(&first.join(CURRENT)))));
    }
    for (folder, current) in lists {
        let Some((number, sum)) = parse(&current) else {
            return Ok(Some(format!("its file {} is cut short", name(&folder.join(CURRENT)))));
        };
        let list = folder.join(format!("v{number}"));
        if !list.try_exists()? {
            return Ok(Some(format!("its file {} is missing", name(&list))));
        }
        if xxh3_128(&std::fs::read(&list)?) != sum {
            return Ok(Some(format!("its file {} is not what was written", name(&list))));
        }
    }
    Ok(None)
}

/// Number and checksum of the list in force.
fn parse(current: &[u8]) -> Option<(u64, u128)> {
    let (number, rest) = current.split_at_checked(8)?;
    let (sum, kind) = rest.split_at_checked(16)?;
    let number = u64::from_le_bytes(number.try_into().ok()?);
    (kind == [0]).then_some((number, u128::from_le_bytes(sum.try_into().ok()?)))
}
