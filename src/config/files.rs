//! The main file and those that it includes, as one tree that remembers which file each model and
//! monitor stands in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::key::{Index, KeyPath};
use super::problem::{Problem, Report, Severity};
use super::tree::{self, Tree};

/// Tables whose entries may be spread over files, by name.
pub const SHARED: [&str; 4] = ["models", "monitors", "notifiers", "trainers"];

/// What the files say.
#[derive(Debug, Default)]
pub struct Files {
    /// All files as one tree; `defaults` are the main file's.
    pub root: Map<String, Value>,
    /// Lines of it.
    pub index: Index,
    /// The main file first.
    pub files: Vec<File>,
    /// File of each model and monitor, by its table and name.
    pub owners: BTreeMap<(String, String), usize>,
}

/// A file.
#[derive(Debug)]
pub struct File {
    /// Its `[defaults]`, empty for the main file (they stand in the tree).
    pub defaults: Value,
    /// Lines of these.
    pub index: Index,
}

/// Reads the main file and what it includes. Problems go to the report; `None`: no use going on.
pub fn read(main: &Path, report: &mut Report) -> Option<Files> {
    let path: Arc<Path> = main.into();
    let first = parse(&path, report)?;
    let includes = included(main, &first, report);
    let mut broken = first.broken;
    let mut all = Files { index: first.index, root: first.root, ..Files::default() };
    all.claim(0);
    all.files.push(File { defaults: Value::Null, index: Index::default() });
    for path in includes {
        let Some(tree) = parse(&path, report) else {
            broken = true;
            continue;
        };
        broken |= tree.broken;
        all.take_in(tree, report);
    }
    (!broken).then_some(all)
}

fn parse(path: &Arc<Path>, report: &mut Report) -> Option<Tree> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let mut tree = tree::parse(path, &text);
            tree::flatten_properties(&mut tree.root, &mut tree.index);
            for problem in std::mem::take(&mut tree.problems) {
                report.push(problem);
            }
            Some(tree)
        }
        Err(error) => {
            report.push(file_problem(
                path,
                format!("cannot be read: {error}"),
                "name the configuration with --config or DRIFTD_CONFIG",
            ));
            None
        }
    }
}

fn file_problem(path: &Path, message: String, hint: &str) -> Problem {
    Problem {
        severity: Severity::Error,
        file: Some(path.display().to_string()),
        line: None,
        key: String::new(),
        message,
        hint: Some(hint.to_owned()),
    }
}

/// Files named by `include`, sorted, each once, without the main file.
fn included(main: &Path, tree: &Tree, report: &mut Report) -> Vec<Arc<Path>> {
    let folder = main.parent().unwrap_or(Path::new(""));
    let mut found: Vec<PathBuf> = Vec::new();
    let patterns = tree.root.get("include").and_then(Value::as_array);
    for (i, pattern) in patterns.into_iter().flatten().enumerate() {
        let Some(pattern) = pattern.as_str() else { continue };
        let full = folder.join(pattern);
        match glob::glob(&full.to_string_lossy()) {
            Ok(paths) => {
                let mut paths: Vec<PathBuf> = paths.filter_map(Result::ok).collect();
                if paths.is_empty() && !pattern.contains(['*', '?', '[']) {
                    // Not a glob, so exactly this file is meant.
                    paths.push(full);
                }
                found.append(&mut paths);
            }
            Err(error) => {
                let path = KeyPath::of(&["include"]).item(i);
                report.index.graft(&tree.index, &path, &path);
                report.error(&path, format!("'{pattern}' is not a glob: {error}"), "");
            }
        }
    }
    let same = |path: &Path| path.canonicalize().ok();
    let main = same(main);
    found.retain(|path| main.is_none() || same(path) != main);
    found.sort();
    found.dedup();
    found.into_iter().map(Arc::from).collect()
}

impl Files {
    /// Notes the file of every model and monitor that has none yet.
    fn claim(&mut self, file: usize) {
        for table in ["models", "monitors"] {
            for name in
                self.root.get(table).and_then(Value::as_object).into_iter().flat_map(Map::keys)
            {
                self.owners.entry((table.to_owned(), name.clone())).or_insert(file);
            }
        }
    }

    /// Adds the tables of an included file; what stands in two files is a problem.
    fn take_in(&mut self, mut tree: Tree, report: &mut Report) {
        // The report places problems by the index of the whole; what is refused here never gets
        // there, so its own lines are lent for the time being.
        let lines = std::mem::replace(&mut report.index, tree.index.clone());
        let defaults = tree.root.remove("defaults").unwrap_or(Value::Null);
        for (key, value) in std::mem::take(&mut tree.root) {
            let at = KeyPath::of(&[&key]);
            if key == "include" {
                report.error(&at, "an included file includes none", "name it in the main file");
            } else if SHARED.contains(&key.as_str()) {
                let Value::Object(entries) = value else {
                    report.error(&at, "is not a table of names", "");
                    continue;
                };
                for (name, value) in entries {
                    self.put(&[&key, &name], value, &tree.index, report);
                }
            } else {
                self.put(&[&key], value, &tree.index, report);
            }
        }
        report.index = lines;
        self.claim(self.files.len());
        self.files.push(File { defaults, index: tree.index });
    }

    fn put(&mut self, keys: &[&str], value: Value, index: &Index, report: &mut Report) {
        let at = KeyPath::of(keys);
        let mut table = &mut self.root;
        let (last, tables) = keys.split_last().map_or(("", &[][..]), |(l, t)| (*l, t));
        for key in tables {
            let entry = table.entry(*key).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(inner) = entry else { return };
            table = inner;
        }
        if table.contains_key(last) {
            let other = self.index.nearest(&at).map(ToString::to_string).unwrap_or_default();
            report.error(
                &at,
                format!("also stands in {other}"),
                "the same table in two files is an error; keep one of them",
            );
            return;
        }
        table.insert(last.to_owned(), value);
        self.index.graft(index, &at, &at);
    }
}
