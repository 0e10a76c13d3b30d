//! JSON records along a field plan. A byte that no JSON holds parts the input into records.

use driftd::event::Time;
use driftd::wire::{FormatSpec, Record, TopicDecoder};
use serde::de::IgnoredAny;

use super::spec;

/// Our clock.
const NOW: Time = Time(1_767_225_600_000_000);

pub fn run(bytes: &[u8]) {
    let decoder = || TopicDecoder::new(&[spec::reader()], &FormatSpec::json(), &[7; 16]);
    let mut used = decoder();
    for payload in bytes.split(|byte| *byte == 0xff).take(4) {
        let record = Record { timestamp: Some(NOW), key: Some(b"k"), ..Record::alone(payload) };
        let decoded = used.decode(&record, NOW);
        assert_eq!(decoded, decoder().decode(&record, NOW), "a record before it left something");
        if decoded.accepted > 0 {
            serde_json::from_slice::<IgnoredAny>(payload).expect("what was read is JSON");
        }
        let bad = decoded.bad.map(|bad| bad.detail).unwrap_or_default();
        assert!(bad.len() < 2_000, "a refusal is a sentence, not the record");
    }
    let rows: usize = used.take().batches.iter().map(|(_, _, batch)| batch.offsets.len()).sum();
    assert!(rows <= 4 && used.rows() == 0);
}
