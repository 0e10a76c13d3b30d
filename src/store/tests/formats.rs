//! State directories of every released format, kept as they were written.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::engine::tests::lived::{lived, revived};
use crate::engine::{EXPORTED, Export, Shelf, counts_of};
use crate::window::SeriesCounts;

fn kept(format: u32) -> PathBuf {
    let folder = format!("tests/fixtures/state/format-{format}");
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// What `state export` prints.
fn export(store: &dyn Store) -> Vec<String> {
    let mut export = Export::new(None);
    for table in EXPORTED {
        store
            .walk(table, &[], &mut |key, value| {
                export.take(table, key, value).unwrap();
                true
            })
            .unwrap();
    }
    export.lines().iter().map(Value::to_string).collect()
}

/// The lines that a fixture was kept with.
fn expected(format: u32) -> Vec<String> {
    let text = std::fs::read_to_string(kept(format).join("export.jsonl")).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// A fixture of this format, as the driftd of today writes one: `UPDATE=1` keeps it.
fn write_down(format: u32) {
    let state = kept(format).join("state");
    let store = Embedded::open(&state).unwrap();
    let put = |((table, key), value)| Change { table, key, value: Some(value) };
    store.commit(&lived().rows.into_iter().map(put).collect::<Vec<_>>()).unwrap();
    let lines = export(&store).join("\n") + "\n";
    store.close();
    // The second opening cuts off what the journal holds in reserve.
    Embedded::open(&state).unwrap().close();
    std::fs::remove_file(state.join("ballast")).unwrap();
    std::fs::write(kept(format).join("export.jsonl"), lines).unwrap();
}

/// A fixture that may be written to.
fn copied(format: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_all(&kept(format).join("state"), folder.path());
    folder
}

/// Counts out of a store.
#[derive(Debug)]
struct Counts(Embedded);

impl Shelf for Counts {
    fn counts(&self, key: &[u8]) -> SeriesCounts {
        let row = self.0.get_many(Table::Counts, &[key.to_vec()]).unwrap().pop().flatten();
        row.map(|row| counts_of(&row).unwrap()).unwrap_or_default()
    }
}

#[test]
fn every_format_that_was_released_is_brought_to_ours() {
    for format in 2..=FORMAT {
        if std::env::var_os("UPDATE").is_some() && !kept(format).exists() {
            write_down(format);
        }
        let folder = copied(format);
        let look = Embedded::look(folder.path()).unwrap();
        assert_eq!((look.format(), export(&look)), (format, expected(format)));
        look.close();
        let store = Embedded::open(folder.path()).unwrap();
        assert_eq!((store.identity().format, store.format()), (FORMAT, FORMAT));
        assert_eq!(export(&store), expected(format));
        store.close();
        let backup = folder.path().join(format!("backup-format-{format}"));
        assert_eq!(backup.exists(), format < FORMAT);
        if format < FORMAT {
            let look = Embedded::look(&backup).unwrap();
            assert_eq!((look.format(), export(&look)), (format, expected(format)));
        }
        // And once more, as any other.
        let store = Embedded::open(folder.path()).unwrap();
        let mut stored = Vec::new();
        for table in Table::ALL {
            let rows = rows(&store, table).unwrap().into_iter();
            stored.extend(rows.map(|(key, value)| (table, key, value)));
        }
        let shelf: Arc<dyn Shelf> = Arc::new(Counts(store));
        let status = revived(stored, &shelf).status();
        let incidents =
            expected(format).iter().filter(|l| l.contains("\"type\":\"incident\"")).count();
        assert_eq!(status.incidents.len(), incidents);
        let left =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_str().unwrap().contains('.')).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn a_newer_format_is_refused_and_nothing_changes() {
    let folder = copied(FORMAT);
    let newer = Identity { format: FORMAT + 1, ..Identity::random() };
    newer.write(folder.path()).unwrap();
    let before = inventory(folder.path());
    let error = Embedded::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found, .. } if found == FORMAT + 1), "{error}");
    assert!(inventory(folder.path()) == before);
}

#[test]
fn a_migration_without_room_for_a_backup_changes_nothing() {
    let disk = tempfile::tempdir().unwrap();
    let mount = |program: &str, arguments: &[&str]| {
        let run = std::process::Command::new(program).args(arguments).arg(disk.path()).output();
        run.unwrap_or_else(|error| panic!("{program}: {error}"))
    };
    let mounted = mount("mount", &["-t", "tmpfs", "-o", "size=8m", "tmpfs"]);
    assert!(mounted.status.success(), "this test needs to mount a tmpfs: {mounted:?}");
    let path = disk.path().join("state");
    std::fs::create_dir(&path).unwrap();
    copy_all(&kept(2).join("state"), &path);
    let opened = Embedded::open(&path).map(Embedded::close);
    let left = Embedded::look(&path).map(|look| (look.format(), export(&look)));
    mount("umount", &["--lazy"]);
    let error = opened.unwrap_err();
    assert!(matches!(error, StoreError::NoRoom { found: 2, .. }), "{error}");
    assert_eq!(left.unwrap(), (2, expected(2)));
}
