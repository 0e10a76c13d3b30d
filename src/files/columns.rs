//! Which column of a file a configured path means.

use std::fmt;
use std::path::Path as FilePath;

use super::{FileError, Options};
use crate::wire::{Path, Place, ReaderSpec, Test};

/// Most column names that an error lists.
const MOST_LISTED: usize = 30;

/// A configured column that a file does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsentColumn {
    /// What it is for: `id`, `time`, `version`, `where`, `feature`, `prediction`, `probability`
    /// or `outcome`.
    pub part: &'static str,
    /// The configured path.
    pub path: String,
    /// The other configured paths that end alike, where that is why no column was taken.
    pub rivals: Vec<String>,
    needed: bool,
}

impl AbsentColumn {
    pub(super) fn new(
        part: &'static str,
        path: &Path,
        rivals: Vec<String>,
        needed: bool,
    ) -> AbsentColumn {
        AbsentColumn { part, path: path.to_string(), rivals, needed }
    }
}

impl fmt::Display for AbsentColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, path, rivals, .. } = self;
        if rivals.is_empty() {
            write!(f, "no column {path} ({part})")
        } else {
            let rivals = rivals.join(", ");
            write!(f, "the column for {path} ({part}) could as well be that of {rivals}; ")?;
            write!(f, "name it {path} in the file")
        }
    }
}

/// The columns of a file.
pub(super) struct Columns<'a> {
    names: Vec<&'a str>,
}

/// What a path means in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Column(usize),
    Nowhere,
    /// Its last part names a column that other paths have a claim to.
    Contested(Vec<String>),
}

impl<'a> Columns<'a> {
    pub fn new(names: impl IntoIterator<Item = &'a str>) -> Columns<'a> {
        Columns { names: names.into_iter().collect() }
    }

    /// The column of `path`, among all configured paths: one that is named like the whole path,
    /// else like its last part if no other path ends alike.
    pub fn find(&self, path: &Path, all: &[&Path]) -> Found {
        if let Some(at) = self.exact(path) {
            return Found::Column(at);
        }
        let Some(last) = last(path) else { return Found::Nowhere };
        let Some(at) = self.names.iter().position(|name| *name == last) else {
            return Found::Nowhere;
        };
        let mut rivals: Vec<String> = all
            .iter()
            .filter(|other| {
                **other != path && self::last(other).or(Some(other.as_str())) == Some(last)
            })
            .filter(|other| self.exact(other).is_none_or(|its| its == at))
            .map(|other| other.to_string())
            .collect();
        rivals.sort_unstable();
        rivals.dedup();
        if rivals.is_empty() { Found::Column(at) } else { Found::Contested(rivals) }
    }

    fn exact(&self, path: &Path) -> Option<usize> {
        let dotted = match path.place() {
            Place::Payload(steps) => steps.join("."),
            _ => path.as_str().to_owned(),
        };
        self.names.iter().position(|name| *name == path.as_str() || *name == dotted)
    }

    /// Whether a column of that name comes twice: then no path can mean it.
    pub fn twice(&self, at: usize) -> bool {
        self.names.iter().filter(|name| Some(*name) == self.names.get(at)).count() > 1
    }

    /// All names, for an error.
    fn listed(&self) -> String {
        let mut list = self.names[..self.names.len().min(MOST_LISTED)].join(", ");
        if self.names.len() > MOST_LISTED {
            list.push_str(&format!(" and {} more", self.names.len() - MOST_LISTED));
        }
        if list.is_empty() { "no columns".to_owned() } else { list }
    }

    /// Finds every column that `spec` names: `bind` is told path and column of those that are
    /// there, the others are returned.
    ///
    /// # Errors
    /// A column that is needed is absent, or a wanted name comes twice.
    pub fn bind(
        &self,
        file: &FilePath,
        spec: &ReaderSpec,
        options: &Options,
        mut bind: impl FnMut(&Path, usize),
    ) -> Result<Vec<AbsentColumn>, FileError> {
        let parts = parts(spec, options);
        let all: Vec<&Path> = parts.iter().map(|(_, path, _)| *path).collect();
        let mut absent: Vec<AbsentColumn> = Vec::new();
        for (part, path, needed) in &parts {
            let rivals = match self.find(path, &all) {
                Found::Column(at) if self.twice(at) => {
                    let message = format!("the column {} comes twice", self.names[at]);
                    return Err(FileError::content(file, message));
                }
                Found::Column(at) => {
                    bind(path, at);
                    continue;
                }
                Found::Nowhere => Vec::new(),
                Found::Contested(rivals) => rivals,
            };
            absent.push(AbsentColumn::new(part, path, rivals, *needed));
        }
        self.without(file, &absent)?;
        Ok(absent)
    }

    /// Whether the file serves without these columns.
    ///
    /// # Errors
    /// One of them is needed.
    pub fn without(&self, file: &FilePath, absent: &[AbsentColumn]) -> Result<(), FileError> {
        let needed: Vec<String> =
            absent.iter().filter(|a| a.needed).map(ToString::to_string).collect();
        if needed.is_empty() {
            return Ok(());
        }
        Err(FileError::Columns {
            file: file.to_owned(),
            missing: needed.join("; "),
            columns: self.listed(),
        })
    }
}

/// The last part of a path of several; a path of one part has no other name.
fn last(path: &Path) -> Option<&str> {
    match path.place() {
        Place::Payload(steps) if steps.len() > 1 => steps.last().map(String::as_str),
        Place::Payload(_) => None,
        Place::Key => Some("key"),
        Place::Timestamp => Some("timestamp"),
        Place::Header(name) => Some(name),
    }
}

/// What the paths of a spec are for, and whether a file is of no use without.
pub(super) fn parts<'s>(
    spec: &'s ReaderSpec,
    options: &Options,
) -> Vec<(&'static str, &'s Path, bool)> {
    let ids = if spec.keeps_ids { spec.id.as_slice() } else { &[] };
    let mut parts: Vec<_> = ids.iter().map(|path| ("id", path, true)).collect();
    if options.times {
        parts.push(("time", &spec.time.path, true));
    }
    parts.extend(spec.version.iter().map(|path| ("version", path, false)));
    parts.extend(spec.filter.iter().map(|filter| {
        // Every other test would take no row, or with luck all, and nobody would know why.
        ("where", &filter.path, filter.test != Test::Exists(false))
    }));
    let features = spec.numbers.iter().chain(&spec.words);
    parts.extend(features.map(|field| ("feature", &field.path, false)));
    parts.extend(spec.prediction.iter().map(|value| ("prediction", &value.path, false)));
    parts.extend(spec.probabilities.iter().map(|path| ("probability", path, false)));
    parts.extend(spec.expected_loss.iter().map(|path| ("expected_loss", path, false)));
    parts.extend(spec.outcome.iter().map(|value| ("outcome", &value.path, false)));
    parts
}

/// A file whose rows may be nested as the events are, or flat.
pub(super) struct Renaming<'a> {
    /// Names at the top of its rows.
    pub columns: Columns<'a>,
    pub names: &'a [&'a str],
    /// Whether the rows have a path as it is configured.
    pub has: &'a dyn Fn(&Path) -> bool,
    /// Whether there is no row to tell by.
    pub empty: bool,
}

/// Rewrites paths that the rows do not have to the flat name that they have instead.
///
/// # Errors
/// A path that is needed is neither there as it is nor under a flat name.
pub(super) fn rename(
    file: &FilePath,
    spec: &mut ReaderSpec,
    options: &Options,
    renaming: &Renaming<'_>,
) -> Result<Vec<AbsentColumn>, FileError> {
    let parts = parts(spec, options);
    let all: Vec<&Path> = parts.iter().map(|(_, path, _)| *path).collect();
    let mut moved: Vec<(Path, Path)> = Vec::new();
    let mut absent = Vec::new();
    for (part, path, needed) in &parts {
        if (renaming.has)(path) {
            continue;
        }
        let rivals = match renaming.columns.find(path, &all) {
            Found::Column(at) => {
                let name = renaming.names.get(at).copied().unwrap_or_default();
                moved.push(((*path).clone(), Path::top(path.as_str(), name)));
                continue;
            }
            Found::Nowhere => Vec::new(),
            Found::Contested(rivals) => rivals,
        };
        // What a filter asks for may be rare; an id and a time are in every row or in none.
        let needed = *needed && *part != "where" && !renaming.empty;
        absent.push(AbsentColumn::new(part, path, rivals, needed));
    }
    renaming.columns.without(file, &absent)?;
    for path in every_path_mut(spec) {
        match moved.iter().find(|(from, _)| from == path) {
            Some((_, to)) => *path = to.clone(),
            // Outside a topic there is nothing around the payload: never found, as it should be.
            None if !matches!(path.place(), Place::Payload(_)) => {
                *path = Path::top(path.as_str(), path.as_str());
            }
            None => {}
        }
    }
    Ok(absent)
}

fn every_path_mut(spec: &mut ReaderSpec) -> impl Iterator<Item = &mut Path> {
    spec.id
        .iter_mut()
        .chain([&mut spec.time.path])
        .chain(&mut spec.version)
        .chain(spec.filter.iter_mut().map(|filter| &mut filter.path))
        .chain(spec.numbers.iter_mut().chain(&mut spec.words).map(|field| &mut field.path))
        .chain(spec.prediction.iter_mut().chain(&mut spec.outcome).map(|value| &mut value.path))
        .chain(&mut spec.probabilities)
        .chain(&mut spec.expected_loss)
        .chain(spec.paths.iter_mut().map(|(path, _)| path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(names: &[&str], path: &str, others: &[&str]) -> Found {
        let path = Path::parse(path).unwrap();
        let others: Vec<Path> = others.iter().map(|p| Path::parse(p).unwrap()).collect();
        let all: Vec<&Path> = others.iter().chain([&path]).collect();
        Columns::new(names.iter().copied()).find(&path, &all)
    }

    #[test]
    fn the_whole_path_wins_over_its_last_part() {
        assert_eq!(find(&["fare", "features.fare"], "features.fare", &[]), Found::Column(1));
        assert_eq!(find(&["at", "fare"], "features.fare", &[]), Found::Column(1));
        assert_eq!(find(&["features.fare"], "/features/fare", &[]), Found::Column(0));
        assert_eq!(find(&["/features/fare"], "/features/fare", &[]), Found::Column(0));
        assert_eq!(find(&["x.fare"], "fare", &[]), Found::Nowhere);
        assert_eq!(find(&["key"], "kafka.key", &[]), Found::Column(0));
        assert_eq!(find(&["x-id"], "kafka.headers.x-id", &[]), Found::Column(0));
    }

    #[test]
    fn a_last_part_that_several_paths_share_is_nobodys() {
        let contested = |rival: &str| Found::Contested(vec![rival.to_owned()]);
        assert_eq!(find(&["fare"], "in.fare", &["out.fare"]), contested("out.fare"));
        assert_eq!(find(&["fare"], "in.fare", &["fare"]), contested("fare"));
        // The rival has a column of its own.
        assert_eq!(find(&["fare", "out.fare"], "in.fare", &["out.fare"]), Found::Column(0));
        // The same place twice is no rival of itself.
        assert_eq!(find(&["fare"], "in.fare", &["/in/fare"]), Found::Column(0));
    }
}
