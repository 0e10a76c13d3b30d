//! Any schema, and any records after it: the schema's text ends at the first zero byte.

use driftd::wire::{Cells, Datums, FieldPlan, Written, outline};

use super::spec;

pub fn run(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let Ok(text) = std::str::from_utf8(&bytes[..end]) else { return };
    let written = Written { language: "AVRO".into(), text: text.into(), references: Vec::new() };
    if let Ok(outline) = outline(&written) {
        let _ = outline.paths();
    }
    let reader = spec::reader();
    let plan = FieldPlan::new(reader.every_path());
    let Ok(datums) = Datums::new(&written, &plan) else { return };
    let datum = bytes.get(end + 1..).unwrap_or_default();
    let (mut at, mut cells) = (0, Cells::new(plan.slots()));
    for _ in 0..16 {
        cells.clear();
        let before = at;
        if datums.next(datum, &mut at, &mut cells).is_err() || at == before {
            break;
        }
        assert!(at <= datum.len());
    }
}
