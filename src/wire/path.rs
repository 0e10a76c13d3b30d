//! Where a field stands in a record.

use std::fmt;

use serde::Serialize;

/// Deepest path: beyond it the payload itself would be refused as too deep.
const MOST_STEPS: usize = 63;

/// Where a field stands: `features.fare`, `/features/fare`, `kafka.key`, `kafka.timestamp` or
/// `kafka.headers.NAME`. A step that is a number also takes that element of a list.
///
/// Two spellings of one place are equal.
#[derive(Debug, Clone)]
pub struct Path {
    text: String,
    place: Place,
}

/// The place that a path means.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// Names (or list positions) from the top of the payload; never empty.
    Payload(Vec<String>),
    /// The record's key, as text; `0x` and hexadecimal digits where it is not UTF-8.
    Key,
    /// The record's timestamp.
    Timestamp,
    /// The value of the last header of that name, as text like the key.
    Header(String),
}

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// Nothing was written.
    #[error("a path is empty; write for example features.fare or /features/fare")]
    Empty,
    /// Two dots in a row, or one at an end.
    #[error("'{0}' has an empty step; a name that is empty or holds a dot needs the form /a.b/c")]
    EmptyStep(String),
    /// `[]`.
    #[error(
        "'{0}': [] is reserved for events that hold many rows, which driftd does not read yet; \
         publish one event per row"
    )]
    Rows(String),
    /// Other brackets.
    #[error("'{0}': write a list position as a step of its own: items.0, not items[0]")]
    Brackets(String),
    /// `~` that escapes nothing.
    #[error("'{0}': in a path that begins with / write ~0 for ~ and ~1 for /")]
    Tilde(String),
    /// Unknown name under `kafka.`.
    #[error(
        "'{0}': under kafka. there are kafka.key, kafka.timestamp and kafka.headers.NAME; \
         a field of the payload that is named kafka is written /kafka/..."
    )]
    Kafka(String),
    /// More steps than a payload may be deep.
    #[error("'{0}' has more than {MOST_STEPS} steps; payloads that deep are refused")]
    TooDeep(String),
}

impl Path {
    /// Reads a path as it is written in the configuration.
    ///
    /// # Errors
    /// A sentence that says what to write instead.
    pub fn parse(text: &str) -> Result<Path, BadPath> {
        let place = place(text)?;
        Ok(Path { text: text.to_owned(), place })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it means.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// One name at the top of the payload, whatever characters it holds; prints as `text`.
    #[cfg(feature = "daemon")]
    pub(crate) fn top(text: &str, name: &str) -> Path {
        Path { text: text.to_owned(), place: Place::Payload(vec![name.to_owned()]) }
    }
}

fn place(text: &str) -> Result<Place, BadPath> {
    let owned = || text.to_owned();
    if text.is_empty() {
        return Err(BadPath::Empty);
    }
    if text.contains("[]") {
        return Err(BadPath::Rows(owned()));
    }
    if let Some(rest) = text.strip_prefix("kafka.") {
        return match rest {
            "key" => Ok(Place::Key),
            "timestamp" => Ok(Place::Timestamp),
            _ => match rest.strip_prefix("headers.") {
                Some(name) if !name.is_empty() => Ok(Place::Header(name.to_owned())),
                _ => Err(BadPath::Kafka(owned())),
            },
        };
    }
    let steps = match text.strip_prefix('/') {
        Some(pointer) => pointer
            .split('/')
            .map(|step| unescape(step).ok_or_else(|| BadPath::Tilde(owned())))
            .collect::<Result<Vec<_>, _>>()?,
        None => {
            if text.contains(['[', ']']) {
                return Err(BadPath::Brackets(owned()));
            }
            if text.split('.').any(str::is_empty) {
                return Err(BadPath::EmptyStep(owned()));
            }
            text.split('.').map(str::to_owned).collect()
        }
    };
    if steps.len() > MOST_STEPS {
        return Err(BadPath::TooDeep(owned()));
    }
    Ok(Place::Payload(steps))
}

/// One step of a JSON Pointer (RFC 6901); `None` where a `~` escapes nothing.
fn unescape(step: &str) -> Option<String> {
    let mut out = String::with_capacity(step.len());
    let mut characters = step.chars();
    while let Some(character) = characters.next() {
        out.push(match character {
            '~' => match characters.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(out)
}

impl PartialEq for Path {
    fn eq(&self, other: &Path) -> bool {
        self.place == other.place
    }
}

impl Eq for Path {}

impl std::hash::Hash for Path {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.place.hash(state);
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::str::FromStr for Path {
    type Err = BadPath;
    fn from_str(text: &str) -> Result<Path, BadPath> {
        Path::parse(text)
    }
}

impl Serialize for Path {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(text: &str) -> Vec<String> {
        match Path::parse(text).unwrap().place {
            Place::Payload(steps) => steps,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn dots_and_pointers_name_the_same_place() {
        assert_eq!(steps("features.fare"), ["features", "fare"]);
        assert_eq!(steps("/a.b/c~1d/e~0f/"), ["a.b", "c/d", "e~f", ""]);
        assert_eq!(steps("/~01"), ["~1"]);
        assert_eq!(Path::parse("a.0").unwrap(), Path::parse("/a/0").unwrap());
        assert_ne!(Path::parse("a.0").unwrap(), Path::parse("/a.0").unwrap());
    }

    #[test]
    fn the_record_around_the_payload_has_names_too() {
        assert_eq!(Path::parse("kafka.key").unwrap().place, Place::Key);
        assert_eq!(Path::parse("kafka.timestamp").unwrap().place, Place::Timestamp);
        let header = Path::parse("kafka.headers.x-request.id").unwrap();
        assert_eq!(header.place, Place::Header("x-request.id".into()));
        assert_eq!(steps("/kafka/key"), ["kafka", "key"]);
        assert_eq!(steps("kafka"), ["kafka"]);
    }

    #[test]
    fn what_is_no_path_is_told_in_a_sentence() {
        for (text, word) in [
            ("", "empty"),
            ("a..b", "empty step"),
            (".a", "empty step"),
            ("a.", "empty step"),
            ("instances[].fare", "reserved"),
            ("/instances[]/fare", "reserved"),
            ("items[0]", "items.0"),
            ("/a~2", "~0"),
            ("/a~", "~0"),
            ("kafka.value", "kafka.key"),
            ("kafka.headers.", "kafka.headers.NAME"),
        ] {
            let said = Path::parse(text).unwrap_err().to_string();
            assert!(said.contains(word), "{text}: {said}");
        }
        assert!(Path::parse(&"/a".repeat(63)).is_ok());
        assert!(matches!(Path::parse(&"/a".repeat(64)), Err(BadPath::TooDeep(_))));
    }
}
