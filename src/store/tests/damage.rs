//! Files that are not what was written.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use super::*;

type Dump = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// Every row, or why there is none.
fn dump(path: &Path) -> Result<Dump, StoreError> {
    let store = Embedded::open(path)?;
    let mut all = Dump::new();
    for table in Table::ALL {
        let rows = rows(&store, table)?.into_iter();
        all.extend(rows.map(|(key, value)| ((table, key), value)));
    }
    // Of the rows that say which commit it is, only the others are of interest.
    all.retain(|(table, _), _| *table != Table::Meta);
    Ok(all)
}

/// A folder in memory where there is one: thousands of these are made durable.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let builder = tempfile::Builder::new();
    if memory.exists() { builder.tempdir_in(memory).unwrap() } else { builder.tempdir().unwrap() }
}

/// A state directory of some commits, perhaps with some of them written out to tables, and what it
/// held after each.
fn written(path: &Path, tables_too: bool) -> Vec<Dump> {
    let mut states = vec![Dump::new()];
    let tables = [Table::Positions, Table::Panes, Table::Counts, Table::Join];
    for commit in 0..12u8 {
        let store = Embedded::open(path).unwrap();
        let mut changes = Vec::new();
        for (place, table) in tables.into_iter().enumerate() {
            // Not every table is part of every commit.
            if usize::from(commit) % (place + 1) == 0 {
                let value = |n: u8| vec![commit.wrapping_mul(31).wrapping_add(n); 300];
                changes.extend((0..4).map(|n| Change {
                    table,
                    key: vec![b'a' + n, commit % 3],
                    value: Some(value(n)),
                }));
            }
        }
        store.commit(&changes).unwrap();
        let mut state = states.last().unwrap().clone();
        for Change { table, key, value } in changes {
            state.insert((table, key), value.unwrap());
        }
        states.push(state);
        if commit == 4 && tables_too {
            store.write_out(Table::Panes);
        }
        if commit == 7 && tables_too {
            [Table::Meta, Table::Join].into_iter().for_each(|table| store.write_out(table));
        }
    }
    assert!(dump(path).unwrap() == *states.last().unwrap());
    states
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// What can happen to a file of so many bytes.
fn harms(length: usize) -> Vec<Harm> {
    let mut harms = vec![Harm::Gone];
    let cuts = [0, length / 2, length.saturating_sub(1)];
    harms.extend(cuts.into_iter().filter(|cut| *cut < length).map(Harm::Cut));
    // Everywhere in a small file, here and there in a large one.
    let step = (length / 30).max(1);
    harms.extend((0..length).step_by(step).map(|at| Harm::Flipped(at, 1 << (at % 8))));
    harms
}

#[derive(Debug, Clone, Copy)]
enum Harm {
    Gone,
    Cut(usize),
    Flipped(usize, u8),
}

impl Harm {
    fn strike(self, path: &Path) {
        let mut bytes = std::fs::read(path).unwrap();
        match self {
            Harm::Gone => return std::fs::remove_file(path).unwrap(),
            Harm::Cut(length) => bytes.truncate(length),
            Harm::Flipped(at, bit) => bytes[at] ^= bit,
        }
        std::fs::write(path, bytes).unwrap();
    }
}

#[test]
fn a_damaged_file_is_refused_or_the_state_is_an_earlier_commit() {
    // Tables are alike; a few of them will do.
    let alike = |path: &PathBuf| {
        let folder =
            path.ancestors().find(|p| p.parent().is_some_and(|p| p.ends_with("keyspaces")));
        let number = folder.and_then(|p| p.file_name()?.to_str()?.parse::<u32>().ok());
        number.is_some_and(|number| !matches!(number, 0 | 1 | 4 | 8))
    };
    let refused = strike_all(true, |path| !alike(path));
    assert!(refused > 150, "{refused}");
}

#[test]
fn a_damaged_journal_throws_no_commit_away() {
    let refused = strike_all(false, |path| path.extension().is_some_and(|e| e == "jnl"));
    assert!(refused > 20, "{refused}");
}

/// Harms every wanted file in every way; how often that was refused.
fn strike_all(tables_too: bool, wanted: impl Fn(&PathBuf) -> bool) -> usize {
    let base = folder();
    let states = written(base.path(), tables_too);
    std::fs::remove_file(base.path().join("ballast")).unwrap();
    let all: Vec<PathBuf> = files(base.path()).into_iter().filter(wanted).collect();
    assert_eq!(tables_too, all.iter().any(|path| path.parent().unwrap().ends_with("tables")));
    let (mut wrong, mut refused, mut whole) = (Vec::new(), 0, BTreeSet::new());
    for path in &all {
        let name = path.strip_prefix(base.path()).unwrap();
        for harm in harms(std::fs::metadata(path).unwrap().len() as usize) {
            let copy = folder();
            copy_all(base.path(), copy.path());
            harm.strike(&copy.path().join(name));
            match catch_unwind(AssertUnwindSafe(|| dump(copy.path()))) {
                Ok(Ok(state)) => match states.iter().position(|known| *known == state) {
                    // A journal that was cut between two writes looks like one that ends there.
                    Some(commit) if commit > 0 => {
                        whole.extend((!matches!(harm, Harm::Cut(_))).then_some(commit));
                    }
                    _ => wrong.push(format!("{} {harm:?}: another state", name.display())),
                },
                Ok(Err(error)) => {
                    refused += 1;
                    let said = error.to_string();
                    if !said.contains(copy.path().to_str().unwrap()) {
                        wrong.push(format!("{} {harm:?}: {said}", name.display()));
                    }
                    if !matches!(error, StoreError::Corrupt { .. }) {
                        wrong.push(format!("{} {harm:?}: {error:?}", name.display()));
                    }
                }
                Err(_) => wrong.push(format!("{} {harm:?}: a panic", name.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them: {:#?}", wrong.len(), &wrong[..wrong.len().min(40)]);
    // The last write may have been interrupted, no other one.
    assert!(whole.iter().all(|commit| *commit + 1 >= states.len() - 1), "{whole:?}");
    refused
}

#[test]
fn a_write_that_was_interrupted_is_taken_back_whole() {
    let base = folder();
    let states = written(base.path(), true);
    let journals: Vec<PathBuf> = files(base.path())
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == "jnl"))
        .collect();
    let last = journals.last().unwrap();
    let length = std::fs::metadata(last).unwrap().len() as usize;
    for lost in (1..400).step_by(7) {
        // Cut off, and pages that never reached the disk.
        for zeroed in [false, true] {
            let copy = folder();
            copy_all(base.path(), copy.path());
            let path = copy.path().join(last.strip_prefix(base.path()).unwrap());
            let mut bytes = std::fs::read(&path).unwrap();
            if zeroed {
                bytes[length - lost..length - lost / 2].fill(0);
            } else {
                bytes.truncate(length - lost);
            }
            std::fs::write(&path, bytes).unwrap();
            assert!(dump(copy.path()).unwrap() == states[states.len() - 2], "{lost} {zeroed}");
            // And it goes on from there.
            let store = Embedded::open(copy.path()).unwrap();
            store.commit(&[put(Table::Panes, "more", "1")]).unwrap();
            store.close();
            assert_eq!(dump(copy.path()).unwrap().len(), states[states.len() - 2].len() + 1);
        }
    }
}

#[test]
fn a_lost_database_is_made_again_under_the_same_identity() {
    let folder = tempfile::tempdir().unwrap();
    let known = Embedded::open(folder.path()).unwrap().identity().clone();
    std::fs::rename(folder.path().join("db"), folder.path().join("aside")).unwrap();
    assert_eq!(*Embedded::open(folder.path()).unwrap().identity(), known);
    // The file can be made again out of the database, but not out of nothing.
    std::fs::write(folder.path().join("identity"), "{}").unwrap();
    assert_eq!(*Embedded::open(folder.path()).unwrap().identity(), known);
    std::fs::write(folder.path().join("identity"), "{}").unwrap();
    std::fs::rename(folder.path().join("db"), folder.path().join("aside-too")).unwrap();
    let error = Embedded::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("its file identity"), "{error}");
}

#[test]
fn a_start_that_was_interrupted_leaves_nothing_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("db.new/keyspaces/0")).unwrap();
    std::fs::write(folder.path().join("db.new/0.jnl"), "half").unwrap();
    Embedded::open(folder.path()).unwrap().close();
    assert!(!folder.path().join("db.new").exists());
}
