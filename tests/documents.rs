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

/// Files whose tests are about faults of the world.
const OF_FAULTS: [&str; 9] = [
    "cluster",
    "faults",
    "groups",
    "hostile",
    "http_faults",
    "numbers",
    "pauses",
    "signals",
    "storm",
];

#[test]
fn every_test_of_a_fault_is_named_by_the_page_of_faults() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/faults.md")).unwrap();
    let named: BTreeSet<&str> = page.split('`').skip(1).step_by(2).collect();
    let mut unnamed = Vec::new();
    for file in OF_FAULTS {
        let path = root.join("tests/it").join(file).with_extension("rs");
        let text = std::fs::read_to_string(&path).unwrap();
        let tests = text.split("#[test]\nfn ").skip(1).filter_map(|rest| rest.split('(').next());
        unnamed.extend(tests.filter(|test| !named.contains(test)).map(str::to_owned));
    }
    assert!(unnamed.is_empty(), "docs/faults.md does not name {unnamed:?}");
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
    // Every row of the tables names a test.
    let tables = std::fs::read_to_string(root.join("docs/faults.md")).unwrap();
    for row in tables.lines().filter(|l| l.starts_with("| ") && !l.starts_with("| fault |")) {
        assert!(row.matches('`').count() >= 2, "no test holds: {row}");
    }
}
