//! Key paths, where each value came from, and the index that joins the two.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// One step of a key path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A key of a table.
    Key(String),
    /// An element of a list, from 0.
    Item(usize),
}

/// A key path such as `models.demand.predictions.topic`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct KeyPath(pub Vec<Step>);

impl KeyPath {
    /// The path of a chain of keys.
    #[must_use]
    pub fn of<S: AsRef<str>>(keys: &[S]) -> KeyPath {
        KeyPath(keys.iter().map(|k| Step::Key(k.as_ref().to_owned())).collect())
    }

    /// This path and one more key.
    #[must_use]
    pub fn key(&self, key: &str) -> KeyPath {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key.to_owned()));
        KeyPath(steps)
    }

    /// This path and one more list element.
    #[must_use]
    pub fn item(&self, index: usize) -> KeyPath {
        let mut steps = self.0.clone();
        steps.push(Step::Item(index));
        KeyPath(steps)
    }

    /// The table that holds the last key; the root's is the root.
    #[must_use]
    pub fn parent(&self) -> KeyPath {
        let mut steps = self.0.clone();
        steps.pop();
        KeyPath(steps)
    }

    /// Whether `self` is `other` or lies below it.
    #[must_use]
    pub fn within(&self, other: &KeyPath) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Name of the last key, if the last step is one.
    #[must_use]
    pub fn last_key(&self) -> Option<&str> {
        match self.0.last() {
            Some(Step::Key(key)) => Some(key),
            _ => None,
        }
    }

    /// The keys alone.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Item(_) => None,
        })
    }
}

/// As one would write it in TOML; list elements as `[0]`.
impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Item(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    let dot = if i == 0 { "" } else { "." };
                    write!(f, "{dot}{}", quoted_key(key))?;
                }
            }
        }
        Ok(())
    }
}

/// A key as TOML wants it: bare where it can be.
#[must_use]
pub fn quoted_key(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !key.is_empty() && key.chars().all(bare) { key.to_owned() } else { format!("{:?}", key) }
}

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In a file, at a line from 1.
    File(Arc<Path>, u32),
    /// In an environment variable of this name.
    Env(Arc<str>),
    /// On the command line, by this flag.
    Flag(Arc<str>),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(file, line) => write!(f, "{}:{line}", file.display()),
            Origin::Env(name) => write!(f, "env {name}"),
            Origin::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// Where every value of the merged configuration was written. Spans do not survive a merge, so the
/// paths are kept beside it.
#[derive(Debug, Clone, Default)]
pub struct Index(BTreeMap<KeyPath, Origin>);

impl Index {
    /// Notes where a value stands.
    pub fn insert(&mut self, path: KeyPath, origin: Origin) {
        self.0.insert(path, origin);
    }

    /// Where exactly this value was written; `None`: it is a default.
    #[must_use]
    pub fn get(&self, path: &KeyPath) -> Option<&Origin> {
        self.0.get(path)
    }

    /// Where this value, or else the nearest table around it, was written.
    #[must_use]
    pub fn nearest(&self, path: &KeyPath) -> Option<&Origin> {
        (1..=path.0.len()).rev().find_map(|n| self.0.get(&KeyPath(path.0[..n].to_vec())))
    }

    /// Takes in another index; its entries win, and what they replace is forgotten.
    pub fn overlay(&mut self, other: Index) {
        for (path, origin) in other.0 {
            self.0.insert(path, origin);
        }
    }

    /// Forgets a value and all below it.
    pub fn forget(&mut self, path: &KeyPath) {
        self.0.retain(|p, _| !p.within(path));
    }

    /// Copies what stands at and below `from` (of `source`) to `to`.
    pub fn graft(&mut self, source: &Index, from: &KeyPath, to: &KeyPath) {
        for (path, origin) in source.0.range(from.clone()..).take_while(|(p, _)| p.within(from)) {
            let mut steps = to.0.clone();
            steps.extend_from_slice(&path.0[from.0.len()..]);
            self.0.insert(KeyPath(steps), origin.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_print_as_toml_writes_them() {
        let path = KeyPath::of(&["kafka", "properties", "security.protocol"]);
        assert_eq!(path.to_string(), "kafka.properties.\"security.protocol\"");
        assert_eq!(KeyPath::of(&["a"]).item(2).key("b").to_string(), "a[2].b");
    }

    #[test]
    fn a_missing_key_is_placed_at_the_table_around_it() {
        let mut index = Index::default();
        let here = Origin::File(Path::new("/etc/driftd.toml").into(), 7);
        index.insert(KeyPath::of(&["models", "demand"]), here.clone());
        let missing = KeyPath::of(&["models", "demand", "predictions", "topic"]);
        assert_eq!(index.nearest(&missing), Some(&here));
        assert_eq!(index.get(&missing), None);
    }

    #[test]
    fn grafting_carries_origins_to_another_place() {
        let mut index = Index::default();
        let from = KeyPath::of(&["defaults", "monitor"]);
        index.insert(from.key("every").clone(), Origin::Env("X".into()));
        index.insert(KeyPath::of(&["defaults", "monitors"]), Origin::Env("Y".into()));
        let mut target = Index::default();
        target.graft(&index, &from, &KeyPath::of(&["monitors", "m"]));
        assert_eq!(
            target.get(&KeyPath::of(&["monitors", "m", "every"])),
            Some(&Origin::Env("X".into()))
        );
        assert_eq!(target.0.len(), 1);
    }
}
