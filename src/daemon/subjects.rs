//! The schemas that a configuration is written for: the latest ones of registries, else those that
//! the state directory keeps.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use super::registries::spec;
use crate::config::{RegistrySettings, Subjects};
use crate::registry::{latest, read_described};
use crate::wire::{Reason, Refusal, Written};

/// Asks registries, each of them until it fails: who is away is waited for once. Made anew for
/// each reading of the configuration.
#[derive(Default)]
pub struct Asking {
    troubled: RefCell<BTreeMap<String, Refusal>>,
}

impl Subjects for Asking {
    fn latest(
        &self,
        name: &str,
        registry: &RegistrySettings,
        subject: &str,
    ) -> Result<Written, Refusal> {
        if let Some(trouble) = self.troubled.borrow().get(name) {
            return Err(trouble.clone());
        }
        let spec = spec(name, registry).map_err(|error| Refusal {
            reason: Reason::RegistryUnreachable,
            detail: error.to_string(),
        })?;
        latest(&spec, subject).map_err(|trouble| {
            let refusal = trouble.refusal();
            // Of another subject it may know more.
            if !matches!(refusal.reason, Reason::UnknownSchema | Reason::BadSchema) {
                self.troubled.borrow_mut().insert(name.to_owned(), refusal.clone());
            }
            refusal
        })
    }

    fn kept(&self, state: &Path, topic: &str) -> Result<Option<Written>, String> {
        Ok(read_described(state)?.remove(topic))
    }
}
