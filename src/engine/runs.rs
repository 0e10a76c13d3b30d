//! Retraining runs: asked for once per incident, one in flight per model, seen through until the
//! new version is live and has its reference.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Engine;
use super::decide::Deciding;
use super::io::{Effects, Notice};
use super::model::PaneKey;
use super::outbox::message_id;
use super::pipeline::{RETRAINING, builtin_line};
use super::segments::WHOLE;
use crate::detect::Severity;
use crate::event::{Span, Time};
use crate::lines::{RunLine, RunState};
use crate::policy::message::{Message, MessageKind, Reply, RunReport};
use crate::policy::{Finding, Incident};

/// Characters of a reason that somebody gives; a message's body stays below 20 KB.
const LONGEST_REASON: usize = 1_000;

/// A run and what it needs to be followed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    pub line: RunLine,
    pub trainer: String,
    pub attempt: u32,
    /// Event time when it was asked for: versions that begin later are new.
    pub asked_at: Time,
}

impl Run {
    /// Whether nothing more will happen to it.
    pub(super) fn finished(&self) -> bool {
        matches!(self.line.state, RunState::Closed | RunState::Failed | RunState::TimedOut)
    }

    /// Whether another run of the model must wait for this one.
    fn in_flight(&self) -> bool {
        matches!(
            self.line.state,
            RunState::Requested | RunState::Accepted | RunState::Running | RunState::Succeeded
        )
    }
}

impl Engine {
    /// A critical incident asks for a retraining.
    pub(super) fn ask(
        &mut self,
        incident: &mut Incident,
        deciding: &Deciding,
        effects: &mut Effects,
    ) {
        if incident.asked {
            return;
        }
        let reason = format!("{} of {}", incident.monitor, incident.model);
        let data: Value = serde_json::from_str(&incident.evidence).unwrap_or(Value::Null);
        let asked = self.request(deciding.model, Some(incident), &reason, deciding, data, effects);
        match asked {
            Ok(_) => (incident.asked, incident.not_asked) = (true, None),
            Err(why) if incident.not_asked.as_ref() != Some(&why) => {
                effects.notices.push(Notice {
                    warning: true,
                    model: incident.model.to_string(),
                    message: format!("no retraining is asked for: {why}"),
                });
                incident.not_asked = Some(why);
            }
            Err(_) => {}
        }
    }

    /// Somebody asks for a retraining by hand.
    pub(super) fn ask_by_hand(
        &mut self,
        model: &str,
        reason: &str,
        effects: &mut Effects,
    ) -> Reply {
        let Some(place) = self.models.iter().position(|m| m.plan.name == model) else {
            return Reply::NotFound(format!("there is no model '{model}'"));
        };
        let latest = self.models[place].latest_event().unwrap_or(self.now);
        let window = self.models[place].plan.longest_window();
        let deciding = Deciding {
            model: place,
            group: self.models[place].groups.last().map_or("".into(), |g| g.id.clone()),
            monitor: "by-hand".into(),
            version: None,
            end: latest,
            cooldown: Span(0),
            notify: Default::default(),
            retrain: true,
            window,
            inhibitable: false,
        };
        // Control characters grow sixfold in JSON.
        let reason: String = reason.chars().take(LONGEST_REASON).collect();
        let (slice, slice_truncated) = self.slice(&deciding, latest - window, latest);
        let data = json!({
            "incident": null,
            "findings": [],
            "findings_total": 0,
            "window": { "start": latest - window, "end": latest },
            "slice": slice,
            "slice_truncated": slice_truncated,
            "config_digest": self.plan.config_digest,
            "driftd_version": env!("CARGO_PKG_VERSION"),
            "historic": false,
            "name": self.plan.name,
        });
        match self.request(place, None, &reason, &deciding, data, effects) {
            Ok(line) => Reply::Run(line),
            Err(why) => Reply::Refused(why),
        }
    }

    fn request(
        &mut self,
        place: usize,
        incident: Option<&Incident>,
        reason: &str,
        deciding: &Deciding,
        mut data: Value,
        effects: &mut Effects,
    ) -> Result<RunLine, String> {
        let plan = self.models[place].plan.clone();
        let Some(retrain) = &plan.retrain else {
            return Err(format!("model {} names no trainer (retrain = \"...\")", plan.name));
        };
        if let Some(other) =
            self.runs.values().find(|r| *r.line.model == *plan.name && r.in_flight())
        {
            return Err(format!("run {} is still in flight", other.line.id));
        }
        let day = |t: Time| t.floor_to(Span::from_secs(86_400));
        let today = self
            .runs
            .values()
            .filter(|r| *r.line.model == *plan.name && day(r.line.requested) == day(self.now))
            .count();
        if today >= retrain.budget as usize {
            return Err(format!("the budget of {} runs a day is spent", retrain.budget));
        }
        let attempt = 1 + self.runs.values().filter(|r| *r.line.model == *plan.name).count() as u32;
        let key = incident.map_or_else(|| format!("by-hand-{}", self.now), |i| i.key.clone());
        let id = run_id(&key, &plan.name, attempt);
        let line = RunLine {
            id: id.clone(),
            model: plan.name.as_str().into(),
            incident: incident.map(|i| i.key.clone()),
            state: RunState::Requested,
            requested: self.now,
            changed: self.now,
            version: None,
            url: None,
            reason: reason.to_owned(),
            message: None,
        };
        let span = Span(deciding.window.0.saturating_mul(4)).max(Span::from_secs(7 * 86_400));
        if let Value::Object(fields) = &mut data {
            fields.insert(
                "run".into(),
                json!({
                    "id": id,
                    "attempt": attempt,
                    "reason": reason,
                    "training_range": { "start": deciding.end - span, "end": deciding.end },
                    "callback": {
                        "url": format!("{}/api/v1/runs/{id}", self.plan.public_url),
                        "token": callback_token(&self.secret, &id),
                    },
                }),
            );
        }
        let message = Message {
            id: message_id(&key, &retrain.trainer, MessageKind::Retraining, attempt),
            key,
            to: retrain.trainer.clone(),
            to_trainer: true,
            kind: MessageKind::Retraining,
            severity: Severity::Critical,
            created: self.now,
            data: data.to_string(),
            run: Some(id.clone()),
        };
        self.put(message, effects);
        let run = Run {
            line: line.clone(),
            trainer: retrain.trainer.clone(),
            attempt,
            asked_at: deciding.end,
        };
        self.runs.insert(id.clone(), run);
        self.dirty.runs.insert(id);
        Ok(line)
    }

    /// The trainer took the request.
    pub(super) fn run_accepted(&mut self, id: &str, reply: Option<String>) {
        self.change_run(id, |run| {
            if run.line.state == RunState::Requested {
                run.line.state = RunState::Accepted;
            }
            if run.line.message.is_none() {
                run.line.message = reply.filter(|r| !r.is_empty());
            }
        });
    }

    /// A run is over without a model; the critical notifiers hear of it.
    pub(super) fn run_failed(&mut self, id: &str, why: &str, effects: &mut Effects) {
        self.end_run(id, RunState::Failed, why, effects);
    }

    fn end_run(&mut self, id: &str, state: RunState, why: &str, effects: &mut Effects) {
        self.change_run(id, |run| {
            run.line.state = state;
            run.line.message = Some(why.to_owned());
        });
        let Some(run) = self.runs.get(id).cloned() else { return };
        let Some(place) = self.models.iter().position(|m| *m.plan.name == *run.line.model) else {
            return;
        };
        // Each run is a finding of its own: a further failure is told, too.
        let line = builtin_line(&run.line.model, RETRAINING, id, "failed_runs", 1.0, self.now);
        let finding = Finding {
            severity: Severity::Critical,
            line,
            level: Some(0.0),
            reference_score: None,
            attribution: None,
        };
        self.settle_builtin(place, RETRAINING, vec![finding], effects);
    }

    /// A pipeline reports.
    pub(super) fn callback(
        &mut self,
        id: &str,
        report: RunReport,
        version: Option<String>,
        url: Option<String>,
        message: Option<String>,
        effects: &mut Effects,
    ) -> Reply {
        let Some(run) = self.runs.get(id) else {
            return Reply::NotFound(format!("there is no run '{id}'"));
        };
        if !run.in_flight() {
            return Reply::Refused(format!("run {id} is over"));
        }
        // Overtaken on its way, or sent again: what is known since is newer.
        if run.line.state == RunState::Succeeded && report == RunReport::Running {
            return Reply::Run(run.line.clone());
        }
        self.change_run(id, |run| {
            run.line.version = version.map(Arc::from).or(run.line.version.take());
            run.line.url = url.or(run.line.url.take());
            run.line.message = message.clone().or(run.line.message.take());
            run.line.state = match report {
                RunReport::Running => RunState::Running,
                RunReport::Succeeded => RunState::Succeeded,
                RunReport::Failed => run.line.state,
            };
        });
        if report == RunReport::Failed {
            let why = message.unwrap_or_else(|| "the pipeline reported a failure".to_owned());
            self.run_failed(id, &why, effects);
        }
        effects.urgent = true;
        self.runs.get(id).map_or(Reply::Done, |run| Reply::Run(run.line.clone()))
    }

    /// Runs that time out, and new versions that went live.
    pub(super) fn watch_runs(&mut self, effects: &mut Effects) {
        let open: Vec<String> = self
            .runs
            .values()
            .filter(|r| r.in_flight() || r.line.state == RunState::Deployed)
            .map(|r| r.line.id.clone())
            .collect();
        for id in open {
            self.watch_run(&id, effects);
        }
    }

    fn watch_run(&mut self, id: &str, effects: &mut Effects) {
        let Some(run) = self.runs.get(id).cloned() else { return };
        let Some(place) = self.models.iter().position(|m| *m.plan.name == *run.line.model) else {
            return;
        };
        let plan = self.models[place].plan.clone();
        let Some(retrain) = &plan.retrain else { return };
        let live = self.models[place].live_version(&run, retrain.deployed_share);
        if run.in_flight() {
            if let Some(version) = live {
                self.change_run(id, |run| {
                    run.line.state = RunState::Deployed;
                    run.line.version = Some(version.clone());
                });
                effects.urgent = true;
                self.retire(place, &version, effects);
            } else if run.line.state != RunState::Succeeded
                && self.now - run.line.requested > retrain.timeout
            {
                let why = format!("no word and no new version within {}", retrain.timeout);
                self.end_run(id, RunState::TimedOut, &why, effects);
            }
            return;
        }
        let version = run.line.version.as_deref().unwrap_or("");
        if self.models[place].has_reference(version) {
            self.change_run(id, |run| run.line.state = RunState::Closed);
            effects.urgent = true;
            effects.notices.push(Notice {
                warning: false,
                model: plan.name.clone(),
                message: format!(
                    "run {id} is closed: version {version} is live and has its reference"
                ),
            });
            if let Some(incident) = self.desk().current(&plan.name, "", RETRAINING)
                && incident.firing()
            {
                let key = incident.key.clone();
                self.end_incident(&key, self.now, "retrained", effects);
            }
        }
    }

    /// Incidents of the versions before the new one are over.
    fn retire(&mut self, place: usize, version: &str, effects: &mut Effects) {
        let model = &mut self.models[place];
        let live = model.ledger.lexicon.find(version).and_then(|ix| model.versions.get(&ix));
        let live = live.map(|v| model.groups[v.group].id.clone());
        for group in model.groups.iter().filter(|g| Some(&g.id) != live.as_ref()) {
            model.ledger.retired.insert(group.id.to_string());
        }
        if let Some(live) = live {
            model.ledger.retired.remove(&*live);
        }
        model.dirty = true;
        let at = model.latest_event().unwrap_or(self.now).floor_to(model.time.width);
        let name = model.plan.name.clone();
        let keys: Vec<String> = self
            .incidents
            .values()
            .filter(|i| *i.model == *name && i.firing() && !i.monitor.starts_with("driftd."))
            .filter(|i| i.version.as_deref() != Some(version))
            .map(|i| i.key.clone())
            .collect();
        for key in keys {
            self.end_incident(&key, at, "retrained", effects);
        }
    }

    fn change_run(&mut self, id: &str, change: impl FnOnce(&mut Run)) {
        let now = self.now;
        if let Some(run) = self.runs.get_mut(id) {
            let before = run.line.clone();
            change(run);
            if run.line != before {
                run.line.changed = now;
                self.dirty.runs.insert(id.to_owned());
            }
        }
    }
}

impl super::model::Model {
    /// Greatest event time of a prediction.
    pub(super) fn latest_event(&self) -> Option<Time> {
        self.ledger
            .clocks
            .by_partition
            .values()
            .filter(|c| c.predictions)
            .map(|c| c.latest)
            .max()
            .filter(|t| *t != Time::MIN)
    }

    /// The new version of a run, once it carries enough of the last hour's predictions.
    fn live_version(&self, run: &Run, share: f64) -> Option<Arc<str>> {
        let latest = self.latest_event()?;
        let named = run.line.version.clone();
        let first_new = || {
            self.versions
                .iter()
                .filter(|(_, v)| v.first_arrival > run.asked_at && v.first_arrival != Time::MAX)
                .min_by_key(|(_, v)| v.first_arrival)
                .and_then(|(ix, _)| self.version_name(*ix))
        };
        let version = named.or_else(first_new)?;
        let number = self.ledger.lexicon.find(&version)?;
        let from = (latest - Span::from_secs(3600)).floor_to(self.time.width);
        let mut counts: BTreeMap<bool, u64> = BTreeMap::new();
        for (key, pane) in
            self.time.panes.range(PaneKey { start: from, version: 0, segment: WHOLE }..)
        {
            if key.segment == WHOLE {
                *counts.entry(key.version == number).or_default() += pane.predictions;
            }
        }
        let (new, old) = (counts.get(&true).copied()?, counts.get(&false).copied().unwrap_or(0));
        (new as f64 >= share * (new + old) as f64).then_some(version)
    }

    /// Whether a version has what it is judged against (always, where one file serves all).
    fn has_reference(&self, version: &str) -> bool {
        let Some(number) = self.ledger.lexicon.find(version) else { return false };
        self.versions.get(&number).is_some_and(|v| v.own)
    }
}

/// The token that a run's callback must bear; nobody can guess it without the secret.
#[must_use]
pub fn callback_token(secret: &[u8; 32], run: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(secret);
    hash.update(run.as_bytes());
    hash.update(secret);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn run_id(key: &str, model: &str, attempt: u32) -> String {
    let hash = Sha256::digest(format!("{key}\n{model}\n{attempt}").as_bytes());
    let hex: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("run-{hex}")
}
