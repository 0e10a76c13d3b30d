use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::engine::io::Table;
use crate::event::Time;

mod damage;
mod formats;
mod sent;

fn put(table: Table, key: &str, value: &str) -> Change {
    Change { table, key: key.into(), value: Some(value.into()) }
}

fn conforms(store: &dyn Store) {
    store
        .commit(&[
            put(Table::Panes, "b", "2"),
            put(Table::Panes, "a", "1"),
            put(Table::Join, "a", "other table"),
        ])
        .unwrap();
    let keys = [b"a".to_vec(), b"aa".to_vec(), b"b".to_vec()];
    let found = store.get_many(Table::Panes, &keys).unwrap();
    assert_eq!(found, [Some(b"1".to_vec()), None, Some(b"2".to_vec())]);
    assert_eq!(rows(store, Table::Panes).unwrap().len(), 2);
    store.commit(&[Change { table: Table::Panes, key: b"a".to_vec(), value: None }]).unwrap();
    assert_eq!(rows(store, Table::Panes).unwrap(), [(b"b".to_vec(), b"2".to_vec())]);
    let mut seen = 0;
    store
        .walk(Table::Panes, b"c", &mut |_, _| {
            seen += 1;
            true
        })
        .unwrap();
    assert_eq!(seen, 0);
}

#[test]
fn both_stores_keep_what_is_committed() {
    conforms(&Memory::default());
    let folder = tempfile::tempdir().unwrap();
    conforms(&Embedded::open(folder.path()).unwrap());
    let again = Embedded::open(folder.path()).unwrap();
    assert_eq!(rows(&again, Table::Panes).unwrap().len(), 1);
}

#[test]
fn a_second_owner_is_refused_with_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let first = Embedded::open(folder.path()).unwrap();
    let error = Embedded::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }));
    assert!(error.to_string().contains(folder.path().to_str().unwrap()));
    first.close();
    assert!(Embedded::open(folder.path()).is_ok());
}

#[test]
fn the_folder_is_ours_alone_and_keeps_its_identity() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let id = Embedded::open(&path).unwrap().identity().id.clone();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(Embedded::open(&path).unwrap().identity().id, id);
}

#[test]
fn another_format_is_refused_with_a_sentence() {
    let refusal = |format: u32| {
        let folder = tempfile::tempdir().unwrap();
        let store = Embedded::open(folder.path()).unwrap();
        let identity = Identity { format, ..store.identity().clone() };
        let value = serde_json::to_string(&identity).unwrap();
        store.commit(&[put(Table::Meta, "identity", &value)]).unwrap();
        store.close();
        Embedded::open(folder.path()).unwrap_err().to_string()
    };
    let newer = format!("has format {}, this driftd reads {FORMAT}; use a newer", FORMAT + 1);
    assert!(refusal(FORMAT + 1).contains(&newer));
    let older = format!("has format 1, this driftd reads {FORMAT}; move it away");
    assert!(refusal(1).contains(&older));
}

#[test]
fn old_score_lines_go_and_each_model_has_its_own_horizon() {
    let store = Memory::default();
    let key = |model: &str, end: i64| {
        let mut key = model.as_bytes().to_vec();
        key.push(0);
        key.extend_from_slice(&((end as u64) ^ (1 << 63)).to_be_bytes());
        key.extend_from_slice(b"drift");
        key
    };
    let line = |model: &str, end| Change {
        table: Table::Scores,
        key: key(model, end),
        value: Some(b"{}".to_vec()),
    };
    let lines: Vec<Change> =
        ["a", "a-b", "b"].iter().flat_map(|m| (-2..8).map(|end| line(m, end))).collect();
    store.commit(&lines).unwrap();
    let horizon = |model: &str| Time(if model == "a" { 3 } else { 6 });
    assert!(!forget_scores(&store, &horizon, 6).unwrap(), "more are left");
    while !forget_scores(&store, &horizon, 6).unwrap() {}
    let left: Vec<Vec<u8>> =
        rows(&store, Table::Scores).unwrap().into_iter().map(|(key, _)| key).collect();
    let wanted: Vec<Vec<u8>> = [("a", 3..8), ("a-b", 6..8), ("b", 6..8)]
        .into_iter()
        .flat_map(|(m, ends)| ends.map(move |end| key(m, end)))
        .collect();
    assert_eq!(left, wanted);
}

/// Copies a folder's contents into another one.
fn copy_all(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file below a folder: what it holds and when it was changed.
fn inventory(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime, i64)> {
    use std::os::unix::fs::MetadataExt;
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let about = std::fs::symlink_metadata(&path).unwrap();
        if about.is_dir() {
            found.extend(inventory(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            found.insert(path, (bytes, about.modified().unwrap(), about.ctime()));
        }
    }
    found
}

/// A state directory with rows in tables and in the journal.
fn lived_in(path: &Path) -> Embedded {
    let store = Embedded::open(path).unwrap();
    let long = "x".repeat(100_000);
    for n in 0..900 {
        store.commit(&[put(Table::Panes, &format!("{n:04}"), &format!("{n}{long}"))]).unwrap();
    }
    store
}

#[test]
fn a_look_changes_nothing_and_sees_everything() {
    let folder = tempfile::tempdir().unwrap();
    let store = lived_in(folder.path());
    assert!(matches!(Embedded::look(folder.path()), Err(StoreError::Locked { .. })));
    store.close();
    let before = inventory(folder.path());
    let tables = before.keys().filter(|p| p.parent().unwrap().ends_with("tables")).count();
    assert!(tables > 0, "some rows are in tables");
    let look = Embedded::look(folder.path()).unwrap();
    assert_eq!(rows(&look, Table::Panes).unwrap().len(), 900);
    look.commit(&[put(Table::Panes, "more", "1")]).unwrap();
    look.close();
    assert!(inventory(folder.path()) == before, "nothing may change");
    // A copy without its lock file, which nobody may write.
    std::fs::remove_file(folder.path().join("lock")).unwrap();
    let look = Embedded::look(folder.path()).unwrap();
    assert_eq!(rows(&look, Table::Panes).unwrap().len(), 900);
}

#[test]
fn a_look_works_on_a_read_only_mount() {
    let folder = tempfile::tempdir().unwrap();
    lived_in(folder.path()).close();
    let mount = |arguments: &[&str]| {
        let mut mount = std::process::Command::new("mount");
        let done = mount.args(arguments).arg(folder.path()).output();
        done.is_ok_and(|output| output.status.success())
    };
    let path = folder.path().to_str().unwrap();
    if !mount(&["--bind", path]) {
        eprintln!("skipped: this user may not mount");
        return;
    }
    let seen = mount(&["-o", "remount,bind,ro"]).then(|| {
        assert!(std::fs::write(folder.path().join("new"), "").is_err());
        Embedded::look(folder.path()).and_then(|look| rows(&look, Table::Panes))
    });
    let _ = std::process::Command::new("umount").arg("--lazy").arg(folder.path()).status();
    assert_eq!(seen.unwrap().unwrap().len(), 900);
}

#[test]
fn a_folder_without_a_store_is_refused_and_stays_empty() {
    let folder = tempfile::tempdir().unwrap();
    let error = Embedded::look(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Absent { .. }));
    assert!(error.to_string().contains(folder.path().to_str().unwrap()));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(matches!(
        Embedded::look(&folder.path().join("nowhere")),
        Err(StoreError::Absent { .. })
    ));
}

#[test]
fn what_a_killed_backup_left_is_removed_once_it_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let age = |name: &str, seconds| {
        let staging = folder.path().join(name);
        std::fs::create_dir_all(staging.join("db")).unwrap();
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(seconds);
        std::fs::File::open(&staging).unwrap().set_modified(then).unwrap();
        staging
    };
    let (old, young) = (age(".backup-old", 100_000), age(".backup-young", 3_600));
    let kept = age("backup-format-2", 1_000_000);
    Embedded::open(folder.path()).unwrap();
    assert_eq!((old.exists(), young.exists(), kept.exists()), (false, true, true));
}
