//! Documents that name tests must name tests that exist.

use std::collections::BTreeSet;
use std::path::Path;

fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let names = text.lines().filter_map(|line| line.trim_start().split_once("fn "));
            let names = names.filter_map(|(_, rest)| rest.split(['(', '<']).next());
            found.extend(names.map(str::to_owned));
        }
    }
}

#[test]
fn every_test_that_a_document_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = BTreeSet::new();
    functions(&root.join("src"), &mut known);
    functions(&root.join("tests"), &mut known);
    for document in ["docs/faults.md", "docs/promises.md"] {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        let quoted = text.split('`').skip(1).step_by(2);
        // Names of tests are sentences; keys, commands and paths are not.
        let sentence = |name: &&str| {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            name.contains('_') && name.chars().all(plain) && *name != "no_data"
        };
        let named: Vec<&str> = quoted.filter(sentence).collect();
        assert!(named.len() > 15, "{document} names {} tests", named.len());
        let absent: Vec<&&str> = named.iter().filter(|name| !known.contains(**name)).collect();
        assert!(absent.is_empty(), "{document} names tests that do not exist: {absent:?}");
    }
    // Every row of the table names a test.
    let table = std::fs::read_to_string(root.join("docs/faults.md")).unwrap();
    for row in table.lines().filter(|line| line.starts_with("| ") && !line.contains("---")).skip(1)
    {
        assert!(row.matches('`').count() >= 2, "no test holds: {row}");
    }
}
