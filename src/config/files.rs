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
pub const SHARED: [&str; 5] = ["models", "monitors", "notifiers", "trainers", "registries"];

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
    let hint = "name the configuration with --config or DRIFTD_CONFIG";
    let first = parse(&path, report)
        .map_err(|error| {
            report.push(Problem {
                severity: Severity::Error,
                file: Some(main.display().to_string()),
                line: None,
                key: String::new(),
                message: format!("cannot be read: {error}"),
                hint: Some(hint.to_owned()),
                unreachable: false,
            })
        })
        .ok()?;
    let includes = included(main, &first, report);
    let lines = first.index.clone();
    let mut broken = first.broken;
    let mut all = Files { index: first.index, root: first.root, ..Files::default() };
    all.claim(0);
    all.files.push(File { defaults: Value::Null, index: Index::default() });
    for (i, path) in includes {
        match parse(&path, report) {
            Ok(tree) => {
                broken |= tree.broken;
                all.take_in(tree, report);
            }
            Err(error) => {
                broken = true;
                let at = KeyPath::of(&["include"]).item(i);
                let message = format!("{} cannot be read: {error}", path.display());
                report.push(Problem::at(&lines, Severity::Error, &at, message, "correct the path"));
            }
        }
    }
    (!broken).then_some(all)
}

fn parse(path: &Arc<Path>, report: &mut Report) -> std::io::Result<Tree> {
    let text = std::fs::read_to_string(path)?;
    let mut tree = tree::parse(path, &text);
    tree::flatten_properties(&mut tree);
    for problem in std::mem::take(&mut tree.problems) {
        report.push(problem);
    }
    Ok(tree)
}

/// Files named by `include`, each with the place of its entry: sorted, each once, without the
/// main file.
fn included(main: &Path, tree: &Tree, report: &mut Report) -> Vec<(usize, Arc<Path>)> {
    let folder = main.parent().unwrap_or(Path::new(""));
    // Only what is written in the file is a glob, not the name of the folder that it stands in.
    let literal = glob::Pattern::escape(&folder.to_string_lossy());
    let mut found: Vec<(PathBuf, usize)> = Vec::new();
    let patterns = tree.root.get("include").and_then(Value::as_array);
    for (i, pattern) in patterns.into_iter().flatten().enumerate() {
        let Some(pattern) = pattern.as_str() else { continue };
        match glob::glob(&Path::new(&literal).join(pattern).to_string_lossy()) {
            Ok(paths) => {
                let before = found.len();
                found.extend(paths.filter_map(Result::ok).map(|path| (path, i)));
                if found.len() == before && !pattern.contains(['*', '?', '[']) {
                    // Not a glob, so exactly this file is meant.
                    found.push((folder.join(pattern), i));
                }
            }
            Err(error) => {
                let (at, message) = (
                    KeyPath::of(&["include"]).item(i),
                    format!("'{pattern}' is not a glob: {error}"),
                );
                report.push(Problem::at(&tree.index, Severity::Error, &at, message, ""));
            }
        }
    }
    let same = |path: &Path| path.canonicalize().ok();
    let main = same(main);
    found.retain(|(path, _)| main.is_none() || same(path) != main);
    found.sort();
    found.dedup_by(|a, b| a.0 == b.0);
    found.into_iter().map(|(path, i)| (i, Arc::from(path))).collect()
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
