//! Models and monitors under new names. A name is no key: rows stay where they are, so that a
//! renaming is in the commit that says so, whole, or nowhere.

use std::collections::BTreeMap;

use super::Engine;
use super::io::{Effects, Table};
use super::model::Ledger;
use crate::event::Time;
use crate::lines::RunState;

impl Engine {
    /// Finds the stored rows of every model: those of the name that it had (`was`), else those of
    /// its name. The configuration refuses a `was` that is the name of another model.
    pub(super) fn inherit_stems(&mut self, ledgers: &BTreeMap<String, Ledger>) {
        let stored = |name: &str| {
            let mut named = ledgers.iter().filter(|(_, ledger)| ledger.name == name);
            named.next().map(|(stem, _)| stem.clone())
        };
        for model in &mut self.models {
            let name = &model.plan.name;
            let former = model.plan.was.as_deref().and_then(stored);
            let current = stored(name);
            if former.is_some() && current.is_some() {
                self.inherited.insert(name.clone());
            }
            let free = || {
                let others = (1..).map(|n| format!("{name}~{n}"));
                let mut stems = std::iter::once(name.clone()).chain(others);
                stems.find(|stem| !ledgers.contains_key(stem)).unwrap_or_default()
            };
            model.stem = former.or(current).unwrap_or_else(free);
        }
    }

    /// What a removed model left behind is not mixed with what the model that bears its name now
    /// brings along.
    pub(super) fn part_with_inherited(&mut self, effects: &mut Effects) {
        for name in self.inherited.clone() {
            let firing = self.incidents.values().filter(|i| *i.model == *name && i.firing());
            let firing: Vec<(String, Time)> = firing.map(|i| (i.key.clone(), i.changed)).collect();
            for (key, at) in firing {
                self.end_incident(&key, at, "removed", effects);
            }
            for incident in self.incidents.values_mut().filter(|i| *i.model == *name) {
                // A group that no model has: nothing opens it again.
                incident.group = "removed".into();
                self.dirty.incidents.insert(incident.key.clone());
            }
            for run in self.runs.values_mut().filter(|r| *r.line.model == *name && !r.finished()) {
                run.line.state = RunState::Failed;
                run.line.message = Some("its model was removed".to_owned());
                self.dirty.runs.insert(run.line.id.clone());
            }
            let silences = self.silences.extract_if(.., |_, s| s.model == name);
            self.dirty.silences.extend(silences.map(|(id, _)| id));
        }
    }

    /// Names of removed models that another model bears now: their score lines are the shell's to
    /// [forget](Engine::forget_rows) before anything is committed.
    pub fn inherited(&self) -> impl Iterator<Item = &str> {
        self.inherited.iter().map(String::as_str)
    }

    /// Removes rows with the next commit.
    pub fn forget_rows(&mut self, table: Table, keys: impl IntoIterator<Item = Vec<u8>>) {
        self.dirty.ownerless.extend(keys.into_iter().map(|key| (table, key)));
    }

    /// A renamed model or monitor keeps its incidents and their keys, its runs and silences.
    pub(super) fn carry_names_on(&mut self) {
        for model in &self.models {
            let plan = &model.plan;
            let former = |name: &str| plan.was.as_deref() == Some(name);
            let monitor_now = |name: &str| {
                let renamed = plan.monitors.iter().find(|m| m.was.as_deref() == Some(name));
                renamed.map(|m| m.name.clone())
            };
            for incident in self.incidents.values_mut() {
                if former(&incident.model) {
                    incident.model = plan.name.as_str().into();
                    self.dirty.incidents.insert(incident.key.clone());
                }
                if *incident.model == *plan.name
                    && let Some(monitor) = monitor_now(&incident.monitor)
                {
                    incident.monitor = monitor.into();
                    self.dirty.incidents.insert(incident.key.clone());
                }
            }
            for silence in self.silences.values_mut() {
                if former(&silence.model) {
                    silence.model.clone_from(&plan.name);
                    self.dirty.silences.insert(silence.id.clone());
                }
                let monitor = silence.monitor.as_deref().and_then(monitor_now);
                if silence.model == plan.name && monitor.is_some() {
                    silence.monitor = monitor;
                    self.dirty.silences.insert(silence.id.clone());
                }
            }
            for run in self.runs.values_mut().filter(|run| former(&run.line.model)) {
                run.line.model = plan.name.as_str().into();
                self.dirty.runs.insert(run.line.id.clone());
            }
        }
    }
}
