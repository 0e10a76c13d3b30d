//! Schemas in the state: by the address of their registry, since ids mean nothing without it.

use crate::engine::io::{Change, Table};
use crate::store::{Store, StoreError};
use crate::wire::{SchemaId, Written};

/// Everything that is remembered of a registry.
pub(super) fn read(store: &dyn Store, url: &str) -> Result<Vec<(SchemaId, Written)>, StoreError> {
    let prefix = prefix(url);
    let mut found = Vec::new();
    store.walk(Table::Schemas, &prefix, &mut |key, value| {
        let Some(id) = key.strip_prefix(prefix.as_slice()) else { return false };
        match (id_of(id), serde_json::from_slice(value)) {
            (Some(id), Ok(written)) => found.push((id, written)),
            // It can be asked for again.
            _ => tracing::warn!("a schema of {url} in the state cannot be read and is left out"),
        }
        true
    })?;
    Ok(found)
}

/// Remembers a schema, durably.
pub(super) fn write(
    store: &dyn Store,
    url: &str,
    id: SchemaId,
    written: &Written,
) -> Result<(), StoreError> {
    let mut key = prefix(url);
    match id {
        SchemaId::Number(number) => {
            key.push(0);
            key.extend(number.to_be_bytes());
        }
        SchemaId::Guid(guid) => {
            key.push(1);
            key.extend(guid);
        }
    }
    // A plain struct of texts always becomes JSON.
    let value = serde_json::to_vec(written).unwrap_or_default();
    store.commit(&[Change { table: Table::Schemas, key, value: Some(value) }])
}

fn prefix(url: &str) -> Vec<u8> {
    [url.as_bytes(), &[0]].concat()
}

fn id_of(key: &[u8]) -> Option<SchemaId> {
    match key.split_first()? {
        (0, number) => Some(SchemaId::Number(u32::from_be_bytes(number.try_into().ok()?))),
        (1, guid) => Some(SchemaId::Guid(guid.try_into().ok()?)),
        _ => None,
    }
}
