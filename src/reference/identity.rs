//! Content hashes: equal ids mean equal rulers.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// First 16 hex digits of the hash over a value's canonical text: keys sorted, numbers as they are
/// written in the file.
pub(super) fn id(value: &Value) -> String {
    let hash = Sha256::digest(value.to_string().as_bytes());
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
