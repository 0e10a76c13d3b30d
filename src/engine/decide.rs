//! Rounds of judging become incidents and messages.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Engine;
use super::clocks::Watermarks;
use super::evidence::as_of_now;
use super::io::{Effects, Notice};
use super::pipeline::PIPELINE;
use super::round::Round;
use crate::detect::Severity;
use crate::event::{Span, Time};
use crate::lines::{Segment, SilenceLine};
use crate::plan::{NotifyPlan, Plan, WindowPlan};
use crate::policy::{Act, Circumstances, Finding, Incident, Situation, decide, patience};

/// Incidents as the decisions see them.
pub(super) struct Desk<'a> {
    pub plan: &'a Plan,
    pub incidents: &'a std::collections::BTreeMap<String, Incident>,
}

impl Desk<'_> {
    /// The latest incident of a monitor and group.
    pub(super) fn current(&self, model: &str, group: &str, monitor: &str) -> Option<&Incident> {
        self.incidents
            .values()
            .filter(|i| *i.model == *model && *i.group == *group && *i.monitor == *monitor)
            .max_by_key(|i| (i.firing(), i.changed))
    }

    /// Whether the pipeline of a model is known to be broken.
    pub(super) fn inhibited(&self, model: &str) -> bool {
        self.incidents.values().any(|i| *i.model == *model && *i.monitor == *PIPELINE && i.firing())
    }

    /// Whether a model has opened more incidents within the hour before `end` than anybody reads.
    pub(super) fn storm(&self, model: &str, end: Time, key: Option<&str>) -> bool {
        let hour = Span::from_secs(3600);
        let opened = self.incidents.values().filter(|i| {
            *i.model == *model
                && i.opened > end - hour
                && i.opened <= end
                && Some(i.key.as_str()) != key
        });
        opened.count() >= self.plan.storm as usize
    }
}

/// What a decision needs beside the findings.
pub(super) struct Deciding {
    pub model: usize,
    pub group: Arc<str>,
    pub monitor: Arc<str>,
    pub version: Option<Arc<str>>,
    pub end: Time,
    pub cooldown: Span,
    pub notify: NotifyPlan,
    pub retrain: bool,
    /// Window length, for evidence and staleness.
    pub window: Span,
    pub inhibitable: bool,
}

/// Where the series of a monitor stand.
pub(super) struct Standing {
    pub findings: Vec<Finding>,
    pub holding: BTreeSet<(Arc<str>, Segment)>,
    pub scored: bool,
    pub restated: bool,
}

impl Engine {
    /// Takes the judgements of one monitor and group at one window end.
    pub(super) fn decide(&mut self, place: usize, round: Round, effects: &mut Effects) {
        let model = &self.models[place];
        let monitor = &model.plan.monitors[round.monitor];
        let deciding = Deciding {
            model: place,
            group: model.groups[round.group].id.clone(),
            monitor: monitor.name.as_str().into(),
            version: round.version,
            end: round.frame.end,
            cooldown: monitor.cooldown,
            notify: monitor.notify.clone(),
            retrain: monitor.retrain,
            window: round.frame.end - round.frame.start,
            inhibitable: true,
        };
        effects.lines.extend(round.lines);
        if model.ledger.retired.contains(&*deciding.group) {
            return;
        }
        let standing = Standing {
            findings: round.findings,
            holding: round.holding,
            scored: round.scored,
            restated: round.restated,
        };
        self.settle(deciding, standing, effects);
    }

    /// Moves the incident of a monitor on and does what the policy says.
    pub(super) fn settle(&mut self, deciding: Deciding, standing: Standing, effects: &mut Effects) {
        let Standing { findings, holding, scored, restated } = standing;
        let model_name: Arc<str> = self.models[deciding.model].plan.name.as_str().into();
        self.expire(&model_name, &deciding, effects);
        let desk = self.desk();
        let current = desk.current(&model_name, &deciding.group, &deciding.monitor).cloned();
        if current.is_none() && findings.is_empty() {
            return;
        }
        let key = current.as_ref().map(|i| i.key.clone());
        let storm = desk.storm(&model_name, deciding.end, key.as_deref());
        let inhibited = deciding.inhibitable && desk.inhibited(&model_name);
        let silences: Vec<SilenceLine> =
            self.silences.values().filter(|s| *s.model == *model_name).cloned().collect();
        let circumstances = Circumstances {
            end: deciding.end,
            monitor: &deciding.monitor,
            silences: &silences,
            cooldown: deciding.cooldown,
            inhibited,
            historic: self.reading_history(deciding.model),
            storm: storm && current.as_ref().is_none_or(|i| !i.firing() || i.told.is_empty()),
        };
        let situation = Situation {
            name: self.plan.name.clone(),
            model: model_name,
            version: deciding.version.clone(),
            monitor: deciding.monitor.clone(),
            group: deciding.group.clone(),
            findings,
            holding,
            scored,
            restated,
        };
        let mut slot = current.clone();
        let acts = decide(&mut slot, &situation, &circumstances, &deciding.notify);
        let Some(mut incident) = slot else { return };
        if acts.iter().any(|act| *act != Act::Retrain) {
            incident.evidence = self.evidence(&deciding, &incident);
        }
        self.perform(&mut incident, acts, &deciding, effects);
        if current.as_ref() != Some(&incident) {
            self.dirty.incidents.insert(incident.key.clone());
            self.incidents.insert(incident.key.clone(), incident);
        }
    }

    /// Carries out what the policy decided about one incident.
    pub(super) fn perform(
        &mut self,
        incident: &mut Incident,
        acts: Vec<Act>,
        deciding: &Deciding,
        effects: &mut Effects,
    ) {
        for act in acts {
            match act {
                Act::Opened => effects.notices.push(notice(incident, "opened")),
                Act::Resolved => {
                    incident.resolved_at = Some(self.now);
                    effects.notices.push(notice(incident, "resolved"));
                }
                Act::Tell { kind, to } => {
                    for name in to {
                        self.post(incident, kind, &name, effects);
                    }
                }
                Act::Retrain if deciding.retrain => self.ask(incident, deciding, effects),
                Act::Retrain => {}
            }
        }
    }

    /// An incident that was not judged for too long ends before a later window is looked at: what
    /// that one finds is another crossing.
    fn expire(&mut self, model: &str, deciding: &Deciding, effects: &mut Effects) {
        let desk = self.desk();
        let current = desk.current(model, &deciding.group, &deciding.monitor);
        let Some(incident) = current.filter(|i| i.firing() && deciding.inhibitable) else { return };
        let end = incident.last_scored + patience(deciding.window);
        if end < deciding.end {
            let key = incident.key.clone();
            self.end_incident(&key, end, "stale", effects);
        }
    }

    /// Incidents that no round reaches any more: nothing was scored for too long.
    pub(super) fn sweep_incidents(
        &mut self,
        place: usize,
        watermarks: Watermarks,
        effects: &mut Effects,
    ) {
        let model = self.models[place].plan.clone();
        let firing = self
            .incidents
            .values()
            .filter(|i| *i.model == *model.name && i.firing() && !i.monitor.starts_with("driftd."));
        let stale: Vec<(String, Time)> = firing
            .filter_map(|i| {
                let monitor = model.monitors.iter().find(|m| *m.name == *i.monitor)?;
                let window = match monitor.window {
                    WindowPlan::Time { length, .. } => length,
                    WindowPlan::Count { .. } => Span(0),
                };
                let end = i.last_scored + patience(window);
                // A window of performance may still be judged until its wait is over.
                let over = match monitor.by_outcomes() {
                    true => watermarks.performance > end + model.within(),
                    false => watermarks.drift > end,
                };
                (over && watermarks.drift != Time::MAX).then(|| (i.key.clone(), end))
            })
            .collect();
        for (key, end) in stale {
            self.end_incident(&key, end, "stale", effects);
        }
    }

    /// Ends an incident for a reason outside of its scores.
    pub(super) fn end_incident(&mut self, key: &str, at: Time, by: &str, effects: &mut Effects) {
        let Some(mut incident) = self.incidents.get(key).cloned() else { return };
        // The model may be gone; then there is nothing to look up in it either.
        let model = self.models.iter().position(|m| *m.plan.name == *incident.model).unwrap_or(0);
        let acts = incident.end(at, by);
        incident.evidence = as_of_now(&incident);
        let deciding = Deciding {
            model,
            group: incident.group.clone(),
            monitor: incident.monitor.clone(),
            version: incident.version.clone(),
            end: incident.changed,
            cooldown: Span(0),
            notify: NotifyPlan::default(),
            retrain: false,
            window: Span(0),
            inhibitable: false,
        };
        self.perform(&mut incident, acts, &deciding, effects);
        self.dirty.incidents.insert(incident.key.clone());
        self.incidents.insert(incident.key.clone(), incident);
    }

    /// Whether the records being read are too old to act on.
    fn reading_history(&self, place: usize) -> bool {
        let latest = self.models[place].ledger.latest_logged;
        !self.finishing && latest.is_some_and(|logged| self.now - logged > self.plan.act_within)
    }
}

fn notice(incident: &Incident, what: &str) -> Notice {
    let version = incident.version.as_deref().map_or(String::new(), |v| format!(" ({v})"));
    let quiet =
        incident.suppressed.map_or(String::new(), |why| format!(", {why:?}").to_lowercase());
    Notice {
        warning: incident.severity == Severity::Critical && incident.firing(),
        model: incident.model.to_string(),
        message: format!(
            "incident {what}: {} {:?}{version}{quiet}, key {}",
            incident.monitor, incident.severity, incident.key
        ),
    }
}
