//! One TOML file as a tree of plain values and an index of its lines.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::key::{Index, KeyPath, Origin};
use super::problem::{Problem, Severity};

/// A parsed file.
#[derive(Debug, Default)]
pub struct Tree {
    /// Its values; datetimes are texts.
    pub root: Map<String, Value>,
    /// Line of every table, key and list element.
    pub index: Index,
    /// What TOML itself refuses.
    pub problems: Vec<Problem>,
    /// Whether the values are too broken to be judged.
    pub broken: bool,
}

/// Parses a file; `name` is its path as people know it.
#[must_use]
pub fn parse(name: &Arc<Path>, text: &str) -> Tree {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut walk = Walk { file: name, lines: Lines::new(text), tree: Tree::default() };
    for error in errors {
        let line = error.span().map(|span| walk.lines.at(span.start));
        // A second table of one name leaves the first one whole; anything else may have torn the
        // tree, and whatever it lacks then would be noise.
        let twice = error.message().contains("duplicate key");
        walk.tree.broken |= !twice;
        let key = error.span().filter(|_| twice).map(|span| key_around(text, span));
        let hint = twice.then(|| "a name stands once in a file; keep one of the two".to_owned());
        let key = key.map(|key| key.to_string()).unwrap_or_default();
        walk.complain(line, &key, error.message().to_owned(), hint);
    }
    walk.tree.root = walk.table(&KeyPath::default(), table.get_ref());
    walk.tree
}

/// The whole path of a key that stands at these bytes: what its own line says before it, below
/// the header above.
fn key_around(text: &str, span: Range<usize>) -> KeyPath {
    let keys = |written: &str| {
        let mut table = written.parse::<toml::Table>().ok();
        let mut keys = Vec::new();
        while let Some((key, value)) = table.take().and_then(|t| t.into_iter().next()) {
            keys.push(key);
            table = value.try_into().ok();
        }
        keys
    };
    let start = text[..span.start].rfind('\n').map_or(0, |end| end + 1);
    let line = text[start..].lines().next().unwrap_or("");
    if line.trim_start().starts_with('[') {
        return KeyPath::of(&keys(line));
    }
    let header = text[..start].lines().rev().filter(|line| line.trim_start().starts_with('['));
    let mut path = header.map(keys).find(|keys| !keys.is_empty()).unwrap_or_default();
    let own = &text[start..span.end];
    // Within a table in one line, what stands before the first `=` is around it.
    let outer = own.split_once('=').map(|(outer, _)| (outer, &text[span]));
    let (outer, inner) = outer.map_or((own, None), |(outer, inner)| (outer, Some(inner)));
    for written in [Some(outer), inner].into_iter().flatten() {
        path.extend(keys(&format!("{written} = 0")));
    }
    KeyPath::of(&path)
}

struct Walk<'a> {
    file: &'a Arc<Path>,
    lines: Lines,
    tree: Tree,
}

impl Walk<'_> {
    fn complain(&mut self, line: Option<u32>, key: &str, message: String, hint: Option<String>) {
        self.tree.problems.push(Problem {
            severity: Severity::Error,
            file: Some(self.file.display().to_string()),
            line,
            key: key.to_owned(),
            message,
            hint,
            unreachable: false,
        });
    }

    fn note(&mut self, path: &KeyPath, start: usize) {
        let line = self.lines.at(start);
        self.tree.index.insert(path.clone(), Origin::File(self.file.clone(), line));
    }

    fn table(&mut self, path: &KeyPath, table: &DeTable<'_>) -> Map<String, Value> {
        let mut values = Map::new();
        for (key, value) in table {
            let path = path.key(key.get_ref());
            self.note(&path, key.span().start);
            if let Some(value) = self.value(&path, value) {
                values.insert(key.get_ref().to_string(), value);
            }
        }
        values
    }

    fn value(&mut self, path: &KeyPath, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        Some(match value.get_ref() {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(yes) => Value::Bool(*yes),
            DeValue::Datetime(time) => Value::String(time.to_string()),
            DeValue::Integer(number) => {
                match i64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(number) => Value::from(number),
                    Err(_) => return self.refuse(path, value, "does not fit into 64 bits"),
                }
            }
            DeValue::Float(number) => {
                match number.as_str().parse::<f64>().ok().filter(|x| x.is_finite()) {
                    Some(number) => Value::from(number),
                    None => return self.refuse(path, value, "is not a finite number"),
                }
            }
            DeValue::Array(list) => {
                let mut values = Vec::new();
                for (i, element) in list.iter().enumerate() {
                    let path = path.item(i);
                    self.note(&path, element.span().start);
                    if let Some(element) = self.value(&path, element) {
                        values.push(element);
                    }
                }
                Value::Array(values)
            }
            DeValue::Table(table) => Value::Object(self.table(path, table)),
        })
    }

    fn refuse(&mut self, path: &KeyPath, value: &Spanned<DeValue<'_>>, why: &str) -> Option<Value> {
        let line = self.lines.at(value.span().start);
        self.complain(Some(line), &path.to_string(), why.to_owned(), None);
        None
    }
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Lines {
        let starts = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        Lines(std::iter::once(0).chain(starts).collect())
    }

    /// Line of a byte, from 1.
    fn at(&self, byte: usize) -> u32 {
        u32::try_from(self.0.partition_point(|start| *start <= byte)).unwrap_or(u32::MAX)
    }
}

/// Turns nested tables below `kafka.properties` back into dotted names: TOML reads an unquoted
/// `security.protocol` as a table.
pub fn flatten_properties(tree: &mut Tree) {
    let root = KeyPath::of(&["kafka", "properties"]);
    let Some(Value::Object(properties)) =
        tree.root.get_mut("kafka").and_then(|kafka| kafka.get_mut("properties"))
    else {
        return;
    };
    let mut found = Vec::new();
    leaves(&root, "", std::mem::take(properties), &mut found);
    let mut origins = Index::default();
    for (path, name, value) in found {
        let flat = root.key(&name);
        if let (true, Some(first)) = (properties.contains_key(&name), origins.get(&flat)) {
            let hint = format!("it also stands in {first}, with or without quotes; keep one");
            let problem =
                Problem::at(&tree.index, Severity::Error, &path, "is written twice", hint);
            tree.problems.push(Problem { key: flat.to_string(), ..problem });
            continue;
        }
        if let Some(origin) = tree.index.get(&path) {
            origins.insert(flat, origin.clone());
        }
        properties.insert(name, value);
    }
    tree.index.overlay(origins);
}

/// Every value below a table: its path, its dotted name, itself.
fn leaves(
    path: &KeyPath,
    prefix: &str,
    table: Map<String, Value>,
    found: &mut Vec<(KeyPath, String, Value)>,
) {
    for (key, value) in table {
        let path = path.key(&key);
        let name = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        match value {
            Value::Object(table) => leaves(&path, &name, table, found),
            value => found.push((path, name, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Tree {
        parse(&Path::new("driftd.toml").into(), text)
    }

    fn line(tree: &Tree, keys: &[&str]) -> String {
        tree.index.get(&KeyPath::of(keys)).unwrap().to_string()
    }

    #[test]
    fn every_key_knows_its_line() {
        let tree = read(
            "name = \"x\"\n\n[models.demand]\ntask = \"regression\"\n\
                         features = { a = \"f.a\",\n b = { path = \"f.b\" } }\n",
        );
        assert_eq!(line(&tree, &["models", "demand"]), "driftd.toml:3");
        assert_eq!(line(&tree, &["models", "demand", "task"]), "driftd.toml:4");
        assert_eq!(line(&tree, &["models", "demand", "features", "b", "path"]), "driftd.toml:6");
    }

    #[test]
    fn a_table_given_twice_is_refused_by_its_line_and_the_rest_still_read() {
        let tree = read("[a]\nx = 1\n[a]\ny = 2\n");
        assert_eq!(tree.problems.len(), 1, "{:?}", tree.problems);
        assert_eq!((tree.problems[0].line, tree.problems[0].key.as_str()), (Some(3), "a"));
        assert!(tree.problems[0].hint.as_ref().unwrap().contains("keep one"));
        assert!(!tree.broken);
    }

    #[test]
    fn a_key_given_twice_is_told_by_its_whole_path() {
        let told = |text: &str| read(text).problems[0].key.clone();
        assert_eq!(told("[models.demand]\n[x.demand]\n[models.demand]\n"), "models.demand");
        assert_eq!(told("[models.\"a b\"]\ntask = 1\n# x\ntask = 2\n"), "models.\"a b\".task");
        assert_eq!(told("[a]\nb.c = 1\nb.c = 2\n"), "a.b.c");
        assert_eq!(told("name = 1\nname = 2\n"), "name");
        assert_eq!(told("[m.p]\nfeatures = { x = \"a\", x = \"b\" }\n"), "m.p.features.x");
    }

    #[test]
    fn a_property_with_and_without_quotes_is_one() {
        let mut tree = read(
            "[kafka.properties]\nsecurity.protocol = \"ssl\"\n\"security.protocol\" = \"x\"\n",
        );
        flatten_properties(&mut tree);
        assert_eq!(tree.problems[0].key, "kafka.properties.\"security.protocol\"");
        assert_eq!(tree.problems[0].line, Some(3));
    }

    #[test]
    fn torn_files_and_numbers_without_end_are_named() {
        assert!(read("a = \n").broken);
        let tree = read("a = inf\nb = 1_000\nc = 0x10\n");
        assert_eq!(tree.problems[0].line, Some(1));
        assert_eq!(tree.root.get("b"), Some(&Value::from(1000)));
        assert_eq!(tree.root.get("c"), Some(&Value::from(16)));
    }

    #[test]
    fn dotted_properties_equal_quoted_ones() {
        let mut a = read("[kafka.properties]\nsecurity.protocol = \"ssl\"\n");
        let b = read("[kafka.properties]\n\"security.protocol\" = \"ssl\"\n");
        flatten_properties(&mut a);
        assert_eq!(a.root, b.root);
        assert_eq!(line(&a, &["kafka", "properties", "security.protocol"]), "driftd.toml:2");
    }
}
