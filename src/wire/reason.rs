//! Why a record was refused.

use std::fmt;

use super::schemas::SchemaId;

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
    /// The payload is not what its Avro schema says.
    BadAvro,
    /// Bytes follow the record.
    TrailingBytes,
    /// The record does not say which schema it was written by.
    NoSchemaId,
    /// The registry does not know the schema that the record names.
    UnknownSchema,
    /// The schema that the record names cannot be read.
    BadSchema,
    /// The schema that the record names is of another format.
    OtherSchema,
    /// The registry cannot be reached, and its patience is over.
    RegistryUnreachable,
    /// The registry did not answer in time, and its patience is over.
    RegistryTimeout,
    /// The registry's certificate is not to be trusted, and its patience is over.
    RegistryTls,
    /// The registry refuses our credentials, and its patience is over.
    RegistryDenied,
    /// The registry answers with an error, and its patience is over.
    RegistryFailed,
    /// What the registry answers is not what a registry says, and its patience is over.
    RegistryNonsense,
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
        Reason::BadAvro,
        Reason::TrailingBytes,
        Reason::NoSchemaId,
        Reason::UnknownSchema,
        Reason::BadSchema,
        Reason::OtherSchema,
        Reason::RegistryUnreachable,
        Reason::RegistryTimeout,
        Reason::RegistryTls,
        Reason::RegistryDenied,
        Reason::RegistryFailed,
        Reason::RegistryNonsense,
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
            Reason::BadAvro => "bad_avro",
            Reason::TrailingBytes => "trailing_bytes",
            Reason::NoSchemaId => "no_schema_id",
            Reason::UnknownSchema => "unknown_schema",
            Reason::BadSchema => "bad_schema",
            Reason::OtherSchema => "other_schema",
            Reason::RegistryUnreachable => "registry_unreachable",
            Reason::RegistryTimeout => "registry_timeout",
            Reason::RegistryTls => "registry_tls",
            Reason::RegistryDenied => "registry_denied",
            Reason::RegistryFailed => "registry_failed",
            Reason::RegistryNonsense => "registry_nonsense",
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

/// Why a payload was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// It cannot be, now or later.
    Refused(Refusal),
    /// It can be as soon as this schema is known.
    Held(SchemaId),
}

impl Unread {
    /// As a refusal, where nobody waits for schemas.
    #[must_use]
    pub fn refusal(self) -> Refusal {
        match self {
            Unread::Refused(refusal) => refusal,
            Unread::Held(id) => {
                Refusal::new(Reason::UnknownSchema, format!("schema {id} is not known"))
            }
        }
    }
}

impl From<Refusal> for Unread {
    fn from(refusal: Refusal) -> Unread {
        Unread::Refused(refusal)
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
        assert_eq!(Reason::ALL.len(), Reason::RegistryNonsense as usize + 1);
    }

    #[test]
    fn excerpts_are_short_and_hold_no_control_characters() {
        assert_eq!(excerpt("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(excerpt(&"x".repeat(41)).len(), 43);
        assert_eq!(excerpt("plain"), "plain");
    }
}
