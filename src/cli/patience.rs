//! A command that has nothing else to do waits for the schemas of records.

use std::time::Duration;

use crate::clock;
use crate::wire::{Decoded, Record, Shown, TopicDecoder};

const LOOK: Duration = Duration::from_millis(20);

/// Decodes a record as soon as its schema is known; whoever asks for schemas gives up in the end.
pub(super) fn decode(decoder: &mut TopicDecoder, record: &Record<'_>) -> Decoded {
    loop {
        let decoded = decoder.decode(record, clock::now());
        if decoded.held.is_none() {
            return decoded;
        }
        std::thread::sleep(LOOK);
    }
}

/// Shows a record as soon as its schema is known.
pub(super) fn show(decoder: &mut TopicDecoder, record: &Record<'_>) -> Shown {
    loop {
        let shown = decoder.show(record, clock::now());
        if shown.held.is_none() {
            return shown;
        }
        std::thread::sleep(LOOK);
    }
}
