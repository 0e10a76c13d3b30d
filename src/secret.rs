//! Secrets: named in the configuration, never written there; never printed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A secret by its reference, with its value where it was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    reference: Arc<str>,
    value: Option<Arc<str>>,
}

impl Secret {
    /// A secret of this reference; `None`: not read, or not there.
    #[must_use]
    pub fn new(reference: &str, value: Option<&str>) -> Secret {
        Secret { reference: reference.into(), value: value.map(Arc::from) }
    }

    /// `env:NAME` or `file:PATH`.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// The secret itself, for the one place that sends or compares it.
    #[must_use]
    pub fn expose(&self) -> Option<&str> {
        self.value.as_deref()
    }
}

/// The reference.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reference)
    }
}

/// The reference.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.reference)
    }
}

/// Whether a text is a reference to a secret.
#[must_use]
pub fn is_reference(text: &str) -> bool {
    ["env:", "file:"].iter().any(|p| text.strip_prefix(p).is_some_and(|rest| !rest.is_empty()))
}

/// Every secret that the configuration names, by reference.
#[derive(Debug, Clone, Default)]
pub struct Secrets(BTreeMap<String, Secret>);

/// What stands in the place of a secret is not a reference. The text is not repeated: it may be
/// the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be env:NAME or file:PATH, never the secret itself")]
pub struct NotAReference;

impl Secrets {
    /// Adds a secret.
    pub fn insert(&mut self, secret: Secret) {
        self.0.insert(secret.reference.to_string(), secret);
    }

    /// The secret of a reference; one that was not read has no value.
    ///
    /// # Errors
    /// A text that is no reference.
    pub fn get(&self, reference: &str) -> Result<Secret, NotAReference> {
        if !is_reference(reference) {
            return Err(NotAReference);
        }
        Ok(self.0.get(reference).cloned().unwrap_or_else(|| Secret::new(reference, None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints_its_value() {
        let mut secrets = Secrets::default();
        secrets.insert(Secret::new("env:TOKEN", Some("hunter2")));
        let secret = secrets.get("env:TOKEN").unwrap();
        assert_eq!(secret.expose(), Some("hunter2"));
        assert!(!format!("{secret} {secret:?} {secrets:?}").contains("hunter2"));
        assert_eq!(secret.to_string(), "env:TOKEN");
    }

    #[test]
    fn a_literal_is_refused_without_repeating_it() {
        assert!(!Secrets::default().get("hunter2").unwrap_err().to_string().contains("hunter2"));
        assert!(Secrets::default().get("env:").is_err());
        assert_eq!(Secrets::default().get("file:/x").unwrap().expose(), None);
    }
}
