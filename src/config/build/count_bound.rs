//! The memory that counts may take must fit `limits.memory`.

use crate::config::forms::Size;
use crate::config::key::KeyPath;
use crate::config::problem::Report;
use crate::config::raw::Raw;
use crate::plan::Plan;

/// Refuses a plan whose counts may outgrow `limits.memory`, and caps that are no caps or that
/// contradict each other.
pub fn check(raw: &Raw, plan: &Plan, report: &mut Report) {
    let at = KeyPath::of(&["limits"]);
    for (key, value) in [
        ("segments", raw.limits.segments),
        ("categories", raw.limits.categories),
        ("versions", raw.limits.versions),
        ("storm", raw.limits.storm),
    ] {
        if value == 0 {
            report.error(&at.key(key), "must be at least 1", "");
        }
    }
    if raw.limits.state_bytes() < raw.limits.join.0 {
        report.error(
            &at.key("state"),
            format!("less than limits.join = {}, which is a part of it", Size(raw.limits.join.0)),
            "a limit above limits.join, or a lower limits.join",
        );
    }
    let bound = plan.memory_bound();
    if bound > raw.limits.memory.0 {
        let needed = bound.div_ceil(1_000_000);
        report.error(
            &at.key("memory"),
            format!(
                "counts may take {needed} MB, more than the limit of {}",
                Size(raw.limits.memory.0)
            ),
            "fewer features in `watch`, fewer dimensions in `by`, a lower limits.segments, or more memory",
        );
    }
}
