//! Whom a configuration asks for schemas while it is read.

use std::path::Path;

use super::RegistrySettings;
use crate::wire::{Refusal, Written};

/// Finds the schemas that a configuration is written for, where it names none itself.
pub trait Subjects {
    /// The latest schema of a subject, by a registry and its name.
    ///
    /// # Errors
    /// Why there is none.
    fn latest(
        &self,
        name: &str,
        registry: &RegistrySettings,
        subject: &str,
    ) -> Result<Written, Refusal>;

    /// The schema that a topic was read by before, as a state directory keeps it.
    ///
    /// # Errors
    /// A sentence: what is kept there cannot be read.
    fn kept(&self, state: &Path, topic: &str) -> Result<Option<Written>, String>;
}
