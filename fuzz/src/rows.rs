//! Rows of CSV, TSV and JSON lines: the first byte chooses.

use driftd::event::Time;
use driftd::files::{Options, Rows};

use super::spec;

pub fn run(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let ending = ["csv", "tsv", "jsonl"][usize::from(first % 3)];
    read(ending, rest);
}

/// Reads a file of that ending to its end.
pub fn read(ending: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("there is room for a file");
    let file = folder.path().join(format!("rows.{ending}"));
    std::fs::write(&file, bytes).expect("there is room for a file");
    let options = Options { ids: true, times: true, now: Some(Time(1_767_225_600_000_000)) };
    let Ok(mut rows) = Rows::open(&file, &spec::reader(), &options, &[7; 16]) else { return };
    let mut taken = 0;
    for batch in rows.by_ref().take(1_000) {
        let Ok(batch) = batch else { break };
        taken += batch.offsets.len() as u64;
    }
    let refused: u64 = rows.refused().values().sum();
    assert!(taken + refused + rows.unmatched() <= rows.rows_read());
    let (behind, whole) = rows.progress();
    assert!(behind <= whole);
}
