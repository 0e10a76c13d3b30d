//! Reasons not to tell anybody, asked in order; the first that holds is the reason given.

use super::incident::Finding;
use crate::detect::Severity;
use crate::event::{Span, Time};
use crate::lines::{SilenceLine, Suppressed};

/// Everything that may keep an incident quiet.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// End of the window judged.
    pub end: Time,
    /// Monitor.
    pub monitor: &'a str,
    /// Silences of the model.
    pub silences: &'a [SilenceLine],
    /// How long after a resolve a new crossing stays quiet.
    pub cooldown: Span,
    /// The pipeline itself is broken.
    pub inhibited: bool,
    /// The records that opened it were too old when read.
    pub historic: bool,
    /// Too many incidents of this model in the last hour of event time.
    pub storm: bool,
}

/// Why the findings are only recorded, if so. `resolved`: when the incident had resolved, and how
/// bad it was, where this is its second life.
#[must_use]
pub fn suppression(
    severity: Severity,
    findings: &[Finding],
    resolved: Option<(Time, Severity)>,
    circumstances: &Circumstances<'_>,
) -> Option<Suppressed> {
    let stages = [
        (silenced(findings, circumstances), Suppressed::Silence),
        (cooling(severity, resolved, circumstances), Suppressed::Cooldown),
        (circumstances.inhibited, Suppressed::Inhibited),
        (circumstances.historic, Suppressed::Historic),
        (circumstances.storm, Suppressed::Storm),
    ];
    stages.into_iter().find(|(holds, _)| *holds).map(|(_, reason)| reason)
}

/// Every finding is covered by some silence.
fn silenced(findings: &[Finding], c: &Circumstances<'_>) -> bool {
    let active = |s: &&SilenceLine| {
        s.from <= c.end
            && c.end < s.until
            && s.monitor.as_deref().is_none_or(|monitor| monitor == c.monitor)
    };
    let silences: Vec<&SilenceLine> = c.silences.iter().filter(active).collect();
    !silences.is_empty()
        && findings.iter().all(|finding| {
            silences.iter().any(|s| s.segment.is_whole() || s.segment.same(&finding.line.segment))
        })
}

/// A crossing shortly after a resolve, no worse than before.
fn cooling(severity: Severity, resolved: Option<(Time, Severity)>, c: &Circumstances<'_>) -> bool {
    resolved.is_some_and(|(at, was)| c.end < at + c.cooldown && severity <= was)
}
