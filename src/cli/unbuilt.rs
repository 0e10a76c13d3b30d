//! What the configuration may say and this version does not do yet: refused with a sentence, never
//! silently left out.

use crate::config::{Problem, Settings, Severity};

/// One problem for every such key.
pub(super) fn unbuilt(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut refuse = |key: String, message: &str, hint: &str| {
        problems.push(Problem {
            severity: Severity::Error,
            file: None,
            line: None,
            key,
            message: message.to_owned(),
            hint: Some(hint.to_owned()),
        });
    };
    if settings.kafka.workers > 1 {
        refuse(
            "kafka.workers".to_owned(),
            "this version reads with one thread",
            "leave it out, or write workers = 1",
        );
    }
    problems
}
