//! JSON: one pass over the payload, only the wanted places are kept.
//!
//! Own scanner, not `serde_json`: a number keeps its spelling (ids beyond 2^53 compare exactly,
//! 1e999 spoils one field and not the record), depth is bounded in the parts nobody wants too, a
//! payload that was cut off is told from one that is wrong, and unwanted parts cost a scan. The
//! tests hold it to what `serde_json` accepts and finds.

mod scan;
mod walk;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::cell::Cells;
use super::decoder::Record;
use super::plan::FieldPlan;
use super::reason::{Reason, Refusal, Unread};
use super::{Format, FormatKind, PayloadReader};
use walk::{Memory, Walk};

/// Deepest nesting of lists and objects.
pub const MOST_DEEP: u32 = 64;

/// `format = "json"`.
pub const KIND: FormatKind = FormatKind {
    name: "json",
    doc: "One JSON object per record, UTF-8, at most 64 levels deep. Of a field that comes twice \
          the last one counts.",
    options: &[],
    build: |_, _| Ok(format()),
};

/// The format, which has no options.
#[must_use]
pub fn format() -> Arc<dyn Format> {
    Arc::new(Json)
}

#[derive(Debug)]
struct Json;

impl Format for Json {
    fn reader(&self, plan: &Arc<FieldPlan>) -> Box<dyn PayloadReader> {
        Box::new(JsonReader::new(plan))
    }
}

/// Reads JSON payloads by one field plan.
#[derive(Debug)]
pub struct JsonReader {
    plan: Arc<FieldPlan>,
    memory: Memory,
}

impl JsonReader {
    /// A reader for `plan`.
    #[must_use]
    pub fn new(plan: &Arc<FieldPlan>) -> JsonReader {
        JsonReader { plan: Arc::clone(plan), memory: Memory::new(plan) }
    }
}

impl PayloadReader for JsonReader {
    fn read(
        &mut self,
        _record: &Record<'_>,
        payload: &[u8],
        cells: &mut Cells,
    ) -> Result<(), Unread> {
        if payload.trim_ascii().is_empty() {
            return Err(Refusal::new(Reason::Empty, "the payload has no content").into());
        }
        // Most payloads are ASCII, which is told faster.
        if !payload.is_ascii()
            && let Err(error) = std::str::from_utf8(payload)
        {
            let at = error.valid_up_to();
            let refusal = match error.error_len() {
                Some(_) => Refusal::new(Reason::BadUtf8, format!("byte {at} is not UTF-8")),
                None => Refusal::new(Reason::Truncated, "ends in the middle of a character"),
            };
            return Err(refusal.into());
        }
        Ok(Walk::new(payload, &self.plan, &mut self.memory, cells).document()?)
    }
}
