//! Where a record says which schema it was written by.

use crate::wire::decoder::Record;
use crate::wire::reason::{Reason, Refusal};
use crate::wire::schemas::{SCHEMA_ID, SchemaId};

/// The id, and where the datum begins: after a zero byte and a number, or at the beginning where
/// the header holds a number (0 and 4 bytes) or a GUID (1 and 16 bytes).
pub(super) fn id(record: &Record<'_>, payload: &[u8]) -> Result<(SchemaId, usize), Refusal> {
    let refuse = |detail: String| Err(Refusal::new(Reason::NoSchemaId, detail));
    if let Some(header) = record.headers.find(SCHEMA_ID) {
        return match header.split_first() {
            Some((0, number)) if number.len() == 4 => Ok((number_of(number), 0)),
            Some((1, guid)) if guid.len() == 16 => {
                let mut bytes = [0; 16];
                bytes.copy_from_slice(guid);
                Ok((SchemaId::Guid(bytes), 0))
            }
            _ => refuse(format!("its header {SCHEMA_ID} holds neither a number nor a GUID")),
        };
    }
    match payload {
        [] => Err(Refusal::new(Reason::Empty, "the payload has no content")),
        [0, number @ ..] if number.len() >= 4 => Ok((number_of(&number[..4]), 5)),
        [0, ..] => {
            let detail = "ends before the schema id does";
            Err(Refusal::new(Reason::Truncated, detail))
        }
        [first, ..] => refuse(format!(
            "begins with byte {first:#04x}, not with a zero byte and a schema id; was it written \
             by an Avro serializer with a registry?"
        )),
    }
}

fn number_of(bytes: &[u8]) -> SchemaId {
    SchemaId::Number(bytes.iter().fold(0, |number, byte| (number << 8) | u32::from(*byte)))
}
