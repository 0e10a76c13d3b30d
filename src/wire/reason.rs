//! Why a record was refused.

use std::fmt;

/// Why a record was refused: a fixed word for metrics, dead letters and `decode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The payload is not JSON, or something follows the document.
    BadJson,
    /// The payload is not UTF-8.
    BadUtf8,
    /// The payload ends in the middle of the document.
    Truncated,
    /// Lists and objects are nested deeper than 64.
    TooDeep,
    /// The payload is larger than the limit.
    TooLarge,
    /// The payload has no bytes, or only white space.
    Empty,
    /// The payload is null where that says nothing.
    Tombstone,
    /// The document is a plain value: it has no fields.
    NotObject,
    /// The id is not in the record, null, empty, or no plain value.
    MissingId,
    /// The time is not in the record, or null.
    MissingTime,
    /// The time cannot be read, or is a text without a zone where none is configured.
    BadTime,
    /// The time is more than five years before now.
    AbsurdTime,
    /// The time is ahead of both the record's timestamp and now.
    Future,
    /// A row of a file that does not fit its header.
    BadRow,
}

impl Reason {
    /// Every reason, in the order of declaration.
    pub const ALL: &[Reason] = &[
        Reason::BadJson,
        Reason::BadUtf8,
        Reason::Truncated,
        Reason::TooDeep,
        Reason::TooLarge,
        Reason::Empty,
        Reason::Tombstone,
        Reason::NotObject,
        Reason::MissingId,
        Reason::MissingTime,
        Reason::BadTime,
        Reason::AbsurdTime,
        Reason::Future,
        Reason::BadRow,
    ];

    /// The fixed word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::BadJson => "bad_json",
            Reason::BadUtf8 => "bad_utf8",
            Reason::Truncated => "truncated",
            Reason::TooDeep => "too_deep",
            Reason::TooLarge => "too_large",
            Reason::Empty => "empty",
            Reason::Tombstone => "tombstone",
            Reason::NotObject => "not_object",
            Reason::MissingId => "missing_id",
            Reason::MissingTime => "missing_time",
            Reason::BadTime => "bad_time",
            Reason::AbsurdTime => "absurd_time",
            Reason::Future => "future",
            Reason::BadRow => "bad_row",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

/// A refusal of a whole payload, or of one reader's view of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The fixed word.
    pub reason: Reason,
    /// Where and what, for a person; never holds more than a short piece of the payload.
    pub detail: String,
}

impl Refusal {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Refusal {
        Refusal { reason, detail: detail.into() }
    }
}

/// At most the first 40 characters of a foreign text, safe for a terminal and a log line.
pub(crate) fn excerpt(text: &str) -> String {
    let mut out: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        out.push_str("...");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_distinct_and_all_are_listed() {
        let words: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|r| r.as_str()).collect();
        assert_eq!(words.len(), Reason::ALL.len());
        assert_eq!(Reason::ALL.len(), Reason::BadRow as usize + 1);
    }

    #[test]
    fn excerpts_are_short_and_hold_no_control_characters() {
        assert_eq!(excerpt("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(excerpt(&"x".repeat(41)).len(), 43);
        assert_eq!(excerpt("plain"), "plain");
    }
}
