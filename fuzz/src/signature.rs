//! Signatures of callbacks: lines of secret, id, timestamp and signatures, then the body.

use std::slice::from_ref;

use driftd::event::Time;
use driftd::notify::signature::{SigningKey, header, verify};

const OURS: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const NOW: Time = Time(1_767_225_600_000_000);

pub fn run(bytes: &[u8]) {
    let mut parts = bytes.splitn(5, |byte| *byte == b'\n');
    let mut part = || parts.next().unwrap_or_default();
    let (secret, id, timestamp, signatures) = (part(), part(), part(), part());
    let body = part();
    let text = |part| std::str::from_utf8(part);
    let (Ok(secret), Ok(id), Ok(timestamp), Ok(signatures)) =
        (text(secret), text(id), text(timestamp), text(signatures))
    else {
        return;
    };
    let ours = SigningKey::parse(OURS).expect("a key");
    let _ = verify(from_ref(&ours), id, timestamp, body, signatures, NOW);
    let Ok(theirs) = SigningKey::parse(secret) else { return };
    let signed = header(from_ref(&theirs), id, NOW.0 / 1_000_000, body);
    let now = (NOW.0 / 1_000_000).to_string();
    assert!(verify(&[ours.clone(), theirs.clone()], id, &now, body, &signed, NOW));
    if theirs != ours {
        assert!(!verify(&[ours], id, &now, body, &signed, NOW));
    }
    let longer = [body, b" "].concat();
    assert!(!verify(&[theirs], id, &now, &longer, &signed, NOW));
}
