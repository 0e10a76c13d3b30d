//! Schemas that payloads name by an id instead of carrying them.
//!
//! A [`SchemaBook`] stands between the readers, who look schemas up and never wait, and whoever
//! fetches them. A schema that is not there yet holds its record back; the reader comes again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::reason::Refusal;

/// The header in which serializers may name the schema of a payload.
pub const SCHEMA_ID: &str = "__value_schema_id";

/// How a payload names its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SchemaId {
    /// A number that the registry gave.
    Number(u32),
    /// A GUID, in the header of a record.
    Guid([u8; 16]),
}

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SchemaId::Number(number) => write!(f, "{number}"),
            SchemaId::Guid(bytes) => f.write_str(&hyphened(bytes)),
        }
    }
}

/// 16 bytes as UUIDs are written.
pub(crate) fn hyphened(bytes: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    write_hyphened(bytes, &mut text);
    text
}

/// As [`hyphened`], appended.
pub(crate) fn write_hyphened(bytes: &[u8; 16], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

/// A schema as a registry hands it out.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Written {
    /// What language it is in: `AVRO`, `PROTOBUF`, `JSON`.
    pub language: String,
    /// Its text.
    pub text: String,
    /// Texts of the schemas that it refers to, those they refer to included, each before whatever
    /// refers to it.
    pub references: Vec<String>,
}

/// What is known of an id: a schema, or why there is none.
pub type Known = Result<Arc<Written>, Refusal>;

/// The schemas of one registry.
#[derive(Default)]
pub struct SchemaBook(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    known: BTreeMap<SchemaId, Known>,
    wanted: BTreeSet<SchemaId>,
}

impl SchemaBook {
    /// What is known of an id; an id of which nothing is known is wanted from now on.
    #[must_use]
    pub fn look(&self, id: SchemaId) -> Option<Known> {
        let mut pages = self.pages();
        let known = pages.known.get(&id).cloned();
        if !matches!(known, Some(Ok(_))) {
            pages.wanted.insert(id);
        }
        known
    }

    /// Whether anything is known of an id.
    #[must_use]
    pub fn knows(&self, id: SchemaId) -> bool {
        self.pages().known.contains_key(&id)
    }

    /// Writes down what was found out. Who has a schema wants it no longer; a refusal stands until
    /// something better is known, and the id stays wanted by whoever meets it again.
    pub fn put(&self, id: SchemaId, known: Known) {
        let mut pages = self.pages();
        pages.wanted.remove(&id);
        pages.known.insert(id, known);
    }

    /// Forgets a refusal: whoever meets the id again is the first one.
    pub fn forget(&self, id: SchemaId) {
        let mut pages = self.pages();
        if matches!(pages.known.get(&id), Some(Err(_))) {
            pages.known.remove(&id);
        }
    }

    /// Ids that somebody looked for since they were last asked for and that have no schema.
    #[must_use]
    pub fn take_wanted(&self) -> BTreeSet<SchemaId> {
        std::mem::take(&mut self.pages().wanted)
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SchemaBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pages = self.pages();
        write!(f, "SchemaBook({} known, {} wanted)", pages.known.len(), pages.wanted.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Reason;

    #[test]
    fn ids_are_wanted_until_there_is_a_schema() {
        let book = SchemaBook::default();
        let id = SchemaId::Number(7);
        assert_eq!(book.look(id), None);
        assert_eq!(book.take_wanted(), BTreeSet::from([id]));
        assert!(book.take_wanted().is_empty());
        book.put(id, Err(Refusal::new(Reason::UnknownSchema, "not there")));
        assert!(book.knows(id));
        assert!(book.look(id).is_some_and(|known| known.is_err()));
        assert_eq!(book.take_wanted(), BTreeSet::from([id]));
        let written = Written { language: "AVRO".into(), text: "{}".into(), references: vec![] };
        book.put(id, Ok(Arc::new(written)));
        assert!(book.look(id).is_some_and(|known| known.is_ok()));
        assert!(book.take_wanted().is_empty());
    }

    #[test]
    fn guids_are_written_as_uuids_are() {
        let bytes: [u8; 16] = std::array::from_fn(|i| 0x10 * i as u8 + 0x0f);
        let guid = SchemaId::Guid(bytes).to_string();
        assert_eq!(guid, "0f1f2f3f-4f5f-6f7f-8f9f-afbfcfdfefff");
        assert_eq!(SchemaId::Number(42).to_string(), "42");
    }
}
