use super::*;
use crate::engine::io::Table;

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
fn a_newer_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(folder.path()).unwrap();
    let mut identity = store.identity().clone();
    identity.format = FORMAT + 1;
    let value = serde_json::to_string(&identity).unwrap();
    store.commit(&[put(Table::Meta, "identity", &value)]).unwrap();
    store.close();
    let error = Embedded::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found, .. } if found == FORMAT + 1));
}
