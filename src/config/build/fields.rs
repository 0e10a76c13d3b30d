//! Paths into records.

use crate::config::key::KeyPath;
use crate::config::problem::Report;
use crate::wire::Path;

/// Reads a path; one that is none is reported.
pub fn path(text: &str, at: &KeyPath, report: &mut Report) -> Option<Path> {
    match Path::parse(text.trim()) {
        Ok(path) => Some(path),
        Err(error) => {
            report.error(at, error.to_string(), "");
            None
        }
    }
}
