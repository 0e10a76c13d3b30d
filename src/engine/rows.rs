//! Keys and encodings of stored rows.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::io::{Change, Table};
use crate::lines::ScoreLine;

/// A row that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("table {table}: a row cannot be read ({why})")]
pub struct StateError {
    pub(super) table: &'static str,
    pub(super) why: String,
}

/// Key of a join entry of the model with this stem.
pub(super) fn join_key(stem: &str, id: u128) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(stem.len() + 17);
    bytes.extend_from_slice(stem.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes
}

/// Key of a score line: sorts by model and window end.
pub(super) fn score_key(line: &ScoreLine) -> Vec<u8> {
    let mut key = line.model.as_bytes().to_vec();
    key.push(0);
    // Flipping the sign bit makes the order of the bytes the order of the numbers.
    key.extend_from_slice(&((line.window.end.0 as u64) ^ (1 << 63)).to_be_bytes());
    let version = line.version.as_deref().unwrap_or("");
    let rest = [&*line.monitor, version, &*line.series, &line.segment.to_string()];
    key.extend_from_slice(&text_key(&rest));
    key.extend_from_slice(&line.revision.to_be_bytes());
    key
}

pub(super) fn text_key(parts: &[&str]) -> Vec<u8> {
    parts.join("\0").into_bytes()
}

pub(super) fn first_part(key: &[u8]) -> String {
    let end = key.iter().position(|b| *b == 0).unwrap_or(key.len());
    String::from_utf8_lossy(&key[..end]).into_owned()
}

/// Rows that hold lines are JSON, which their tags need; the many small ones are postcard.
fn is_json(table: Table) -> bool {
    matches!(table, Table::Incidents | Table::Runs | Table::Silences | Table::Outbox)
}

pub(super) fn row<T: Serialize>(table: Table, key: Vec<u8>, value: Option<&T>) -> Change {
    // Encoding into memory fails only for types that the format cannot express; ours it can.
    let value = value.and_then(|value| {
        if is_json(table) {
            serde_json::to_vec(value).ok()
        } else {
            postcard::to_stdvec(value).ok()
        }
    });
    Change { table, key, value }
}

/// The first part of a row that is not JSON, and the bytes behind it.
pub(super) fn read_part<T: DeserializeOwned>(
    table: Table,
    bytes: &[u8],
) -> Result<(T, &[u8]), StateError> {
    let result = postcard::take_from_bytes(bytes);
    result.map_err(|error| StateError { table: table.name(), why: error.to_string() })
}

pub(super) fn read<T: DeserializeOwned>(table: Table, bytes: &[u8]) -> Result<T, StateError> {
    let result = if is_json(table) {
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    } else {
        postcard::from_bytes(bytes).map_err(|error| error.to_string())
    };
    result.map_err(|why| StateError { table: table.name(), why })
}
