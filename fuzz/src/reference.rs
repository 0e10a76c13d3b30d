//! Reference files: what is read can be written, and is the same when read again.

use driftd::reference::{Reference, diff};

pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(reference) = Reference::parse(text) else { return };
    assert_eq!(reference.inspect().len(), reference.series.len());
    let written = reference.to_json();
    let again = Reference::parse(&written).expect("what was written can be read");
    assert_eq!(written, again.to_json());
    let _ = diff(&reference, &again);
}
