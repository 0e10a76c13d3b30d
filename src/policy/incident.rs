//! The life of one incident: opens, is told, grows, resolves. Exactly one per model, version and
//! monitor at a time.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::attribution::Attribution;
use super::message::MessageKind;
use super::stages::{Circumstances, suppression};
use crate::detect::Severity;
use crate::event::{Span, Time};
use crate::lines::{IncidentLine, IncidentState, ScoreLine, Segment, Suppressed};
use crate::plan::NotifyPlan;

/// A series and segment beyond its level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// Its latest score.
    pub line: ScoreLine,
    /// The level that it crossed.
    pub level: Option<f64>,
    /// The same metric on the reference.
    pub reference_score: Option<f64>,
    /// What it is made of; only on the way into the evidence.
    #[serde(skip)]
    pub attribution: Option<Attribution>,
}

/// One incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Identity.
    pub key: String,
    /// Model.
    pub model: Arc<str>,
    /// Version that named the group when it opened.
    pub version: Option<Arc<str>>,
    /// Monitor.
    pub monitor: Arc<str>,
    /// Group of versions, as the state names it.
    pub group: Arc<str>,
    /// Firing or resolved.
    pub state: IncidentState,
    /// Worst so far.
    pub severity: Severity,
    /// Why nobody is told, if so.
    pub suppressed: Option<Suppressed>,
    /// End of the window that opened it.
    pub opened: Time,
    /// End of the window that changed it last.
    pub changed: Time,
    /// Why it resolved, where not by clearing.
    pub resolved_by: Option<String>,
    /// Opened by records that were too old to act on.
    pub historic: bool,
    /// Beyond their level now (or when it resolved), worst first.
    pub findings: Vec<Finding>,
    /// Series and segments that fired at some time; only they hold it.
    pub fired: BTreeSet<(Arc<str>, Segment)>,
    /// Those of them that were told at critical.
    pub told_critical: BTreeSet<(Arc<str>, Segment)>,
    /// Notifiers that were told.
    pub told: BTreeSet<String>,
    /// Severity that was told.
    pub told_severity: Option<Severity>,
    /// End of the last window that was scored.
    pub last_scored: Time,
    /// How many messages it has caused; part of each message's id.
    pub messages: u32,
    /// Whether a retraining was asked for.
    pub asked: bool,
    /// Why a retraining was not asked for, if so.
    pub not_asked: Option<String>,
    /// Evidence of the latest change: face's `data` as JSON text.
    pub evidence: String,
    /// Our clock when it resolved; resolved ones are kept for 30 days.
    pub resolved_at: Option<Time>,
    /// When it had resolved and how bad it was, where it opened again within the cooldown.
    pub cooling: Option<(Time, Severity)>,
}

impl Incident {
    /// The line that people and scripts read.
    #[must_use]
    pub fn line(&self) -> IncidentLine {
        let mut series: Vec<Arc<str>> = Vec::new();
        for finding in &self.findings {
            if !series.contains(&finding.line.series) {
                series.push(finding.line.series.clone());
            }
        }
        for (name, _) in &self.fired {
            if !series.contains(name) {
                series.push(name.clone());
            }
        }
        IncidentLine {
            key: self.key.clone(),
            state: self.state,
            severity: self.severity,
            suppressed: self.suppressed,
            model: self.model.clone(),
            version: self.version.clone(),
            monitor: self.monitor.clone(),
            opened: self.opened,
            changed: self.changed,
            resolved_by: self.resolved_by.clone(),
            series,
        }
    }

    /// Whether it still fires.
    #[must_use]
    pub fn firing(&self) -> bool {
        self.state == IncidentState::Firing
    }
}

/// The identity of an incident: the same after every restart, rebuild or restore.
#[must_use]
pub fn incident_key(name: &str, model: &str, version: &str, monitor: &str, end: Time) -> String {
    let text = format!("{name}\n{model}\n{version}\n{monitor}\n{end}");
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What one round of judging says about a monitor.
#[derive(Debug, Clone)]
pub struct Situation {
    /// Installation name, for the key.
    pub name: String,
    /// Model.
    pub model: Arc<str>,
    /// Name of the group's newest version.
    pub version: Option<Arc<str>>,
    /// Monitor.
    pub monitor: Arc<str>,
    /// Group of versions.
    pub group: Arc<str>,
    /// Series and segments that fire now, worst first.
    pub findings: Vec<Finding>,
    /// Series and segments whose recent scores are beyond the clear level.
    pub holding: BTreeSet<(Arc<str>, Segment)>,
    /// Whether any window was scored.
    pub scored: bool,
    /// Whether a restated window changed its verdict.
    pub restated: bool,
}

/// What is to be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Tell these notifiers.
    Tell {
        /// Which message.
        kind: MessageKind,
        /// Names of notifiers.
        to: Vec<String>,
    },
    /// Ask for a retraining, if it has not been asked for.
    Retrain,
    /// It opened; for the log and the storm limit.
    Opened,
    /// It resolved; for the log.
    Resolved,
}

/// How long an incident or a series may go unjudged before it is stale.
#[must_use]
pub fn patience(window: Span) -> Span {
    Span::from_secs(86_400).max(Span(window.0.saturating_mul(2)))
}

/// Moves the incident of a monitor on.
pub fn decide(
    slot: &mut Option<Incident>,
    situation: &Situation,
    circumstances: &Circumstances<'_>,
    notify: &NotifyPlan,
) -> Vec<Act> {
    match slot {
        Some(incident) if incident.firing() => go_on(incident, situation, circumstances, notify),
        _ if situation.findings.is_empty() => Vec::new(),
        _ => open(slot, situation, circumstances, notify),
    }
}

fn open(
    slot: &mut Option<Incident>,
    situation: &Situation,
    c: &Circumstances<'_>,
    notify: &NotifyPlan,
) -> Vec<Act> {
    let severity = worst(&situation.findings);
    // Within the cooldown it is the same incident again, under its old key.
    let before = slot.take().filter(|old| c.cooldown.0 > 0 && c.end < old.changed + c.cooldown);
    let mut incident = match before {
        Some(old) => Incident {
            state: IncidentState::Firing,
            cooling: Some((old.changed, old.severity)),
            severity,
            resolved_by: None,
            resolved_at: None,
            changed: c.end.max(old.changed),
            last_scored: c.end.max(old.last_scored),
            fired: BTreeSet::new(),
            told_critical: BTreeSet::new(),
            told: BTreeSet::new(),
            told_severity: None,
            ..old
        },
        None => Incident {
            key: incident_key(
                &situation.name,
                &situation.model,
                situation.version.as_deref().unwrap_or(""),
                &situation.monitor,
                c.end,
            ),
            model: situation.model.clone(),
            version: situation.version.clone(),
            monitor: situation.monitor.clone(),
            group: situation.group.clone(),
            state: IncidentState::Firing,
            severity,
            suppressed: None,
            opened: c.end,
            changed: c.end,
            resolved_by: None,
            historic: c.historic,
            findings: Vec::new(),
            fired: BTreeSet::new(),
            told_critical: BTreeSet::new(),
            told: BTreeSet::new(),
            told_severity: None,
            last_scored: c.end,
            messages: 0,
            asked: false,
            not_asked: None,
            evidence: String::new(),
            resolved_at: None,
            cooling: None,
        },
    };
    let mut acts = vec![Act::Opened];
    acts.extend(tell(&mut incident, situation, c, notify));
    *slot = Some(incident);
    acts
}

fn go_on(
    incident: &mut Incident,
    situation: &Situation,
    c: &Circumstances<'_>,
    notify: &NotifyPlan,
) -> Vec<Act> {
    if situation.scored {
        incident.last_scored = incident.last_scored.max(c.end);
    }
    let held = !situation.findings.is_empty()
        || incident.fired.iter().any(|which| situation.holding.contains(which));
    if !held && situation.scored {
        return resolve(incident, c.end, None);
    }
    tell(incident, situation, c, notify)
}

/// Ends an incident; whoever was told of it is told of its end.
pub(super) fn resolve(incident: &mut Incident, end: Time, by: Option<&str>) -> Vec<Act> {
    incident.state = IncidentState::Resolved;
    incident.changed = incident.changed.max(end);
    incident.resolved_by = by.map(str::to_owned);
    let mut acts = vec![Act::Resolved];
    if !incident.told.is_empty() {
        let to = incident.told.iter().cloned().collect();
        acts.push(Act::Tell { kind: MessageKind::Resolved, to });
    }
    acts
}

impl Incident {
    /// Ends it for a reason that lies outside of its scores: `removed`, `retrained`, `stale`.
    pub fn end(&mut self, at: Time, by: &str) -> Vec<Act> {
        resolve(self, at, Some(by))
    }
}

fn tell(
    incident: &mut Incident,
    situation: &Situation,
    c: &Circumstances<'_>,
    notify: &NotifyPlan,
) -> Vec<Act> {
    let now = situation.findings.iter();
    incident.fired.extend(now.clone().map(|f| (f.line.series.clone(), f.line.segment.clone())));
    if situation.findings.is_empty() {
        return Vec::new();
    }
    let severity = worst(&situation.findings).max(incident.severity);
    let raised = severity > incident.severity;
    incident.severity = severity;
    incident.findings = situation.findings.clone();
    if raised {
        incident.changed = incident.changed.max(c.end);
    }
    incident.suppressed = suppression(severity, &situation.findings, incident.cooling, c);
    if incident.suppressed.is_some() {
        return Vec::new();
    }
    let critical: BTreeSet<_> = now
        .filter(|f| f.severity == Severity::Critical)
        .map(|f| (f.line.series.clone(), f.line.segment.clone()))
        .collect();
    let news = incident.told_severity.is_none_or(|told| severity > told)
        || critical.iter().any(|which| !incident.told_critical.contains(which))
        || situation.restated;
    let audience = match severity {
        Severity::Warning => &notify.warning,
        Severity::Critical => &notify.critical,
    };
    let mut acts = Vec::new();
    if news {
        let (known, fresh): (Vec<String>, Vec<String>) =
            audience.iter().cloned().partition(|name| incident.told.contains(name));
        // Who heard of the warning also hears that it got worse.
        let known: BTreeSet<String> =
            known.into_iter().chain(incident.told.iter().cloned()).collect();
        if !known.is_empty() {
            let to = known.into_iter().collect();
            acts.push(Act::Tell { kind: MessageKind::Updated, to });
        }
        if !fresh.is_empty() {
            acts.push(Act::Tell { kind: MessageKind::Firing, to: fresh.clone() });
        }
        incident.told.extend(fresh);
        incident.told_severity = Some(severity);
        incident.told_critical.extend(critical);
        incident.changed = incident.changed.max(c.end);
    }
    if severity == Severity::Critical && !incident.asked {
        acts.push(Act::Retrain);
    }
    acts
}

fn worst(findings: &[Finding]) -> Severity {
    findings.iter().map(|f| f.severity).max().unwrap_or(Severity::Warning)
}
