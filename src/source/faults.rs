//! What is wrong at the moment, told once when it begins and once when it ends.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Something that keeps driftd from being ready.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// A fixed word.
    pub code: String,
    /// A sentence.
    pub message: String,
}

/// All faults at the moment, by code and what they concern.
#[derive(Debug, Default)]
pub struct Faults(Mutex<BTreeMap<(&'static str, String), String>>);

impl Faults {
    /// Notes a fault; logs it when it is new or says something else.
    pub fn raise(&self, code: &'static str, about: &str, message: String) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = faults.insert((code, about.to_owned()), message.clone());
        if before.as_deref() != Some(message.as_str()) {
            tracing::warn!(code, "{message}");
        }
    }

    /// Ends a fault; logs it if there was one.
    pub fn clear(&self, code: &'static str, about: &str) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(message) = faults.remove(&(code, about.to_owned())) {
            tracing::info!(code, "no longer: {message}");
        }
    }

    /// Ends all faults of a code except those about these things.
    pub fn keep_only(&self, code: &'static str, about: &[String]) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        faults.retain(|(c, a), message| {
            let keep = *c != code || about.contains(a);
            if !keep {
                tracing::info!(code, "no longer: {message}");
            }
            keep
        });
    }

    /// All faults now.
    pub fn list(&self) -> Vec<Fault> {
        let faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        faults
            .iter()
            .map(|((code, _), message)| Fault {
                code: (*code).to_owned(),
                message: message.clone(),
            })
            .collect()
    }
}
