//! Problems: all of them at once, each with its place, its key and what to write instead.

use std::fmt;

use serde::Serialize;

use super::key::{Index, KeyPath, Origin};

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can, but probably does not do what was meant.
    Warning,
    /// Nothing is wrong; worth knowing all the same.
    Info,
}

/// One problem of a configuration, in the form that `check` prints as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Whether it can be lived with.
    pub severity: Severity,
    /// The file, or `env NAME` for an environment variable; `None` where nothing was written.
    pub file: Option<String>,
    /// Line in the file, from 1.
    pub line: Option<u32>,
    /// Key path; empty for a problem of a whole file.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// Nothing that was written is wrong: something that it names does not answer.
    #[serde(skip)]
    pub unreachable: bool,
}

impl Problem {
    /// A problem of a key, placed where it, or else the nearest table around it, was written.
    #[must_use]
    pub fn at(
        index: &Index,
        severity: Severity,
        path: &KeyPath,
        message: impl Into<String>,
        hint: impl Into<Hint>,
    ) -> Problem {
        let (file, line) = match index.nearest(path) {
            Some(Origin::File(file, line)) => (Some(file.display().to_string()), Some(*line)),
            Some(other) => (Some(other.to_string()), None),
            None => (None, None),
        };
        let (message, hint) = (message.into(), hint.into().0);
        Problem { severity, file, line, key: path.to_string(), message, hint, unreachable: false }
    }
}

/// `driftd.toml:17: error: models.demand.lateness: message (hint)`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}")?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            f.write_str(": ")?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        write!(f, "{severity}: ")?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n    hint: {hint}")?;
        }
        Ok(())
    }
}

/// Collects problems while a configuration is read and built.
#[derive(Debug, Default)]
pub struct Report {
    /// Where values stand.
    pub index: Index,
    problems: Vec<Problem>,
    refused: Vec<KeyPath>,
}

impl Report {
    /// Records an error about a key that is there or should be.
    pub fn error(&mut self, path: &KeyPath, message: impl Into<String>, hint: impl Into<Hint>) {
        self.add(Severity::Error, path, message.into(), hint.into());
    }

    /// Records that something does not answer without which nothing can be done.
    pub fn unreachable(
        &mut self,
        path: &KeyPath,
        message: impl Into<String>,
        hint: impl Into<Hint>,
    ) {
        let problem = Problem::at(&self.index, Severity::Error, path, message, hint);
        self.push(Problem { unreachable: true, ..problem });
    }

    /// Records a warning.
    pub fn warn(&mut self, path: &KeyPath, message: impl Into<String>, hint: impl Into<Hint>) {
        self.add(Severity::Warning, path, message.into(), hint.into());
    }

    /// Records an error and that the value was taken out: what follows from its absence, or lies
    /// below it, is not reported again.
    pub fn refuse(&mut self, path: &KeyPath, message: impl Into<String>, hint: impl Into<Hint>) {
        self.add(Severity::Error, path, message.into(), hint.into());
        self.refused.push(path.clone());
    }

    /// Marks a value as taken out: what follows from its absence is not reported.
    pub fn mark_refused(&mut self, path: KeyPath) {
        self.refused.push(path);
    }

    /// Records a problem that has no place in the merged tree.
    pub fn push(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn add(&mut self, severity: Severity, path: &KeyPath, message: String, hint: Hint) {
        if self.refused.iter().any(|r| path.within(r)) {
            return;
        }
        self.push(Problem::at(&self.index, severity, path, message, hint));
    }

    /// Forgets every problem but these.
    pub fn retain(&mut self, concerns: impl FnMut(&Problem) -> bool) {
        self.problems.retain(concerns);
    }

    /// Whether an error was recorded.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.problems.iter().any(|p| p.severity == Severity::Error)
    }

    /// How many problems there are so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.problems.len()
    }

    /// Whether something at or below this path was taken out.
    #[must_use]
    pub fn refused_within(&self, path: &KeyPath) -> bool {
        self.refused.iter().any(|r| r.within(path) || path.within(r))
    }

    /// All problems by file and line, errors before warnings of one line.
    #[must_use]
    pub fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by(|a, b| {
            (&a.file, a.line, a.severity, &a.key).cmp(&(&b.file, b.line, b.severity, &b.key))
        });
        self.problems
    }
}

/// What to write instead, if anything is known.
#[derive(Debug)]
pub struct Hint(Option<String>);

impl From<&str> for Hint {
    fn from(text: &str) -> Hint {
        Hint(Some(text.to_owned()).filter(|t| !t.is_empty()))
    }
}

impl From<String> for Hint {
    fn from(text: String) -> Hint {
        Hint(Some(text).filter(|t| !t.is_empty()))
    }
}

impl From<Option<String>> for Hint {
    fn from(text: Option<String>) -> Hint {
        Hint(text)
    }
}

/// The known name nearest to a wrong one, if one is near enough to be a slip.
#[must_use]
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let fold = |text: &str| text.to_lowercase().replace('-', "_");
    let folded = fold(wrong);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&folded, &fold(name)), name))
        .filter(|(distance, name)| *distance <= 1.max(name.len().min(wrong.len()) / 3))
        .min()
        .map(|(_, name)| name)
}

/// A hint out of the known names: the nearest, else all.
#[must_use]
pub fn suggest<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    if let Some(name) = nearest(wrong, known.clone()) {
        return Some(format!("did you mean `{name}`?"));
    }
    let mut names: Vec<&str> = known.into_iter().collect();
    names.sort_unstable();
    (!names.is_empty()).then(|| format!("known are {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_neighbour_and_strangers_do_not() {
        assert_eq!(nearest("min_event", ["min_events", "min_support"]), Some("min_events"));
        assert_eq!(nearest("min-Events", ["min_events"]), Some("min_events"));
        assert_eq!(nearest("zebra", ["min_events", "watch"]), None);
    }

    #[test]
    fn serialises_with_the_six_fields_that_scripts_read() {
        let mut report = Report::default();
        report.error(&KeyPath::of(&["kafka"]), "missing", "write it");
        let json = serde_json::to_value(&report.finish()[0]).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"severity": "error", "file": null, "line": null, "key": "kafka",
                               "message": "missing", "hint": "write it"})
        );
    }

    #[test]
    fn what_follows_from_a_refused_value_is_not_said_twice() {
        let mut report = Report::default();
        let path = KeyPath::of(&["kafka", "brokers"]);
        report.refuse(&path, "not a list", "");
        report.error(&path, "missing", "");
        report.error(&path.item(0), "empty", "");
        assert_eq!(report.finish().len(), 1);
    }
}
