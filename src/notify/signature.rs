//! Signatures of Standard Webhooks 1.0: HMAC-SHA256 over `{id}.{timestamp}.{body}`.
//!
//! Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::event::{Span, Time};

/// How old or how far ahead a signed request may be.
pub const TOLERANCE: Span = Span::from_secs(300);

/// A key that signs: 24 to 64 bytes. Prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(Vec<u8>);

/// A text that is no signing key. The sentence never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not a webhook secret: {why}; make one with: \
     echo \"whsec_$(head -c 32 /dev/urandom | base64)\""
)]
pub struct BadKey {
    why: &'static str,
}

impl SigningKey {
    /// Reads `whsec_` + base64 of 24 to 64 bytes.
    ///
    /// # Errors
    /// Any other text; the message has the command that makes a good one.
    pub fn parse(text: &str) -> Result<SigningKey, BadKey> {
        let encoded = text
            .trim()
            .strip_prefix("whsec_")
            .ok_or(BadKey { why: "it does not begin with whsec_" })?;
        let bytes = STANDARD
            .decode(encoded)
            .map_err(|_| BadKey { why: "what follows whsec_ is not base64" })?;
        if !(24..=64).contains(&bytes.len()) {
            return Err(BadKey { why: "it does not hold 24 to 64 bytes" });
        }
        Ok(SigningKey(bytes))
    }

    /// `v1,` + base64 of the signature.
    #[must_use]
    pub fn sign(&self, id: &str, unix_seconds: i64, body: &[u8]) -> String {
        let tag = self.mac(id, unix_seconds, body).finalize().into_bytes();
        format!("v1,{}", STANDARD.encode(tag))
    }

    fn mac(&self, id: &str, unix_seconds: i64, body: &[u8]) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes any key");
        mac.update(format!("{id}.{unix_seconds}.").as_bytes());
        mac.update(body);
        mac
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The `webhook-signature` header: one signature per key, so that both keys work while rotating.
#[must_use]
pub fn header(keys: &[SigningKey], id: &str, unix_seconds: i64, body: &[u8]) -> String {
    let signatures: Vec<String> = keys.iter().map(|key| key.sign(id, unix_seconds, body)).collect();
    signatures.join(" ")
}

/// Whether some key made some signature of the header over this body, not longer ago than
/// [`TOLERANCE`]. Compares in constant time.
#[must_use]
pub fn verify(
    keys: &[SigningKey],
    id: &str,
    timestamp: &str,
    body: &[u8],
    header: &str,
    now: Time,
) -> bool {
    let Ok(seconds) = timestamp.parse::<i64>() else { return false };
    let at = Time(seconds.saturating_mul(1_000_000));
    if at + TOLERANCE < now || now + TOLERANCE < at {
        return false;
    }
    let tags: Vec<Vec<u8>> = header
        .split(' ')
        .take(8)
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
        .collect();
    keys.iter()
        .any(|key| tags.iter().any(|tag| key.mac(id, seconds, body).verify_slice(tag).is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the specification's reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    #[test]
    fn signs_as_the_reference_libraries_do() {
        let key = SigningKey::parse(SECRET).unwrap();
        assert_eq!(
            key.sign(ID, 1_614_265_330, BODY),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn verifies_only_what_was_signed_lately_by_a_known_key() {
        let key = SigningKey::parse(SECRET).unwrap();
        let other = SigningKey::parse(&format!("whsec_{}", STANDARD.encode([7u8; 24]))).unwrap();
        let both = [other.clone(), key.clone()];
        let signed = header(&both, ID, 1_614_265_330, BODY);
        let now = Time(1_614_265_330_000_000);
        let check = |keys: &[SigningKey], ts: &str, body: &[u8], now: Time| {
            verify(keys, ID, ts, body, &signed, now)
        };
        let alone = std::slice::from_ref(&key);
        assert!(check(alone, "1614265330", BODY, now));
        assert!(check(&[other], "1614265330", BODY, now + Span::from_secs(299)));
        assert!(!check(alone, "1614265330", b"{}", now));
        assert!(!check(alone, "1614265331", BODY, now));
        assert!(!check(alone, "1614265330", BODY, now + Span::from_secs(301)));
        assert!(!check(alone, "1614265330", BODY, now - Span::from_secs(301)));
        assert!(!check(alone, "x", BODY, now));
        assert!(!check(&[], "1614265330", BODY, now));
    }

    #[test]
    fn keys_of_the_wrong_form_are_refused_with_the_command_that_makes_one() {
        let of = |n: usize| format!("whsec_{}", STANDARD.encode(vec![1u8; n]));
        assert!(SigningKey::parse(&of(24)).is_ok() && SigningKey::parse(&of(64)).is_ok());
        for bad in [of(23), of(65), "canary-secret".to_owned(), "whsec_!!".to_owned()] {
            let error = SigningKey::parse(&bad).unwrap_err().to_string();
            assert!(error.contains("whsec_$(head -c 32 /dev/urandom | base64)"), "{error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }
}
