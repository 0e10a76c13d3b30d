//! Reference files: read when a version is first seen, kept while they serve.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::reference::Reference;

/// Finds the reference of a model's version.
#[derive(Debug, Default)]
pub struct References {
    /// Path per model; may hold `{version}`.
    files: BTreeMap<String, String>,
    known: Mutex<BTreeMap<PathBuf, Option<Arc<Reference>>>>,
}

impl References {
    /// References from these files by model.
    #[must_use]
    pub fn new(files: BTreeMap<String, String>) -> References {
        References { files, known: Mutex::default() }
    }

    /// The file of a model's version, where one is configured.
    #[must_use]
    pub fn path(&self, model: &str, version: Option<&str>) -> Option<PathBuf> {
        let pattern = self.files.get(model)?;
        let version = version.unwrap_or("");
        // A version comes out of events: it must not lead out of the folder.
        if version.contains(['/', '\\', '\0']) || version == ".." {
            return None;
        }
        Some(PathBuf::from(pattern.replace("{version}", version)))
    }

    /// The reference, or `None` where there is no (readable) file.
    pub fn resolve(&self, model: &str, version: Option<&str>) -> Option<Arc<Reference>> {
        let path = self.path(model, version)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&path) {
            return found.clone();
        }
        let found = match read(&path) {
            Ok(reference) => reference.map(Arc::new),
            Err(error) => {
                tracing::warn!(model, "{error}");
                None
            }
        };
        if found.is_some() {
            known.insert(path, found.clone());
        }
        found
    }
}

/// Reads a reference file; `None` where there is none.
///
/// # Errors
/// A sentence that names the file: it cannot be read, or is no reference.
pub fn read(path: &Path) -> Result<Option<Reference>, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("reference {}: {error}", path.display())),
    };
    Reference::parse(&text)
        .map(Some)
        .map_err(|error| format!("reference {}: {error}", path.display()))
}
