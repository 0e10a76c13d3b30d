//! What people ask for.

use sha2::{Digest, Sha256};

use super::Engine;
use super::io::Effects;
use crate::event::{Span, Time};
use crate::lines::{Segment, SilenceLine};
use crate::policy::message::{Command, Reply};

impl Engine {
    /// Obeys a command; the reply says what came of it.
    pub(super) fn obey(&mut self, command: Command, effects: &mut Effects) {
        let reply = match command {
            Command::Silence { model, monitor, segment, from, length, comment } => {
                self.silence(model, monitor, segment, from, length, comment)
            }
            Command::ExpireSilence { id } => self.expire_silence(&id),
            Command::Retrain { model, reason } => self.ask_by_hand(&model, &reason, effects),
            Command::Callback { run, state, version, url, message } => {
                self.callback(&run, state, version, url, message, effects)
            }
        };
        effects.urgent = true;
        effects.reply = Some(reply);
    }

    fn silence(
        &mut self,
        model: String,
        monitor: Option<String>,
        segment: Segment,
        from: Option<Time>,
        length: Span,
        comment: String,
    ) -> Reply {
        let Some(known) = self.models.iter().find(|m| m.plan.name == model) else {
            return Reply::NotFound(format!("there is no model '{model}'"));
        };
        let built_in = monitor.as_deref().is_some_and(|m| m.starts_with("driftd."));
        if let Some(name) = &monitor
            && !built_in
            && !known.plan.monitors.iter().any(|m| m.name == *name)
        {
            return Reply::NotFound(format!("model '{model}' has no monitor '{name}'"));
        }
        // Silences run in event time; "now" is where the events are.
        let from = from.or(known.latest_event()).unwrap_or(self.now);
        let text =
            format!("{model}\n{monitor:?}\n{segment}\n{from}\n{length}\n{comment}\n{}", self.now);
        let hash = Sha256::digest(text.as_bytes());
        let id: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let silence = SilenceLine {
            id: id.clone(),
            model,
            monitor,
            segment,
            from,
            until: from + length,
            comment,
        };
        self.silences.insert(id.clone(), silence.clone());
        self.dirty.silences.insert(id);
        Reply::Silence(silence)
    }

    fn expire_silence(&mut self, id: &str) -> Reply {
        let matching: Vec<String> =
            self.silences.keys().filter(|known| known.starts_with(id)).cloned().collect();
        match matching.as_slice() {
            [] => Reply::NotFound(format!("there is no silence '{id}'")),
            [one] => {
                let one = one.clone();
                self.dirty.silences.insert(one.clone());
                self.silences.remove(&one).map_or(Reply::Done, Reply::Silence)
            }
            several => Reply::Refused(format!(
                "'{id}' is short for {} silences; write more of it",
                several.len()
            )),
        }
    }

    /// Whether a silence is over: the events of its model have passed it.
    pub(super) fn ended(&self, silence: &SilenceLine) -> bool {
        self.event_time(&silence.model).is_some_and(|now| silence.until <= now)
    }

    /// Where the events of a model are; `None` before the first one, our clock for a model that
    /// is gone.
    pub(super) fn event_time(&self, model: &str) -> Option<Time> {
        match self.models.iter().find(|m| m.plan.name == model) {
            Some(model) => model.latest_event(),
            None => Some(self.now),
        }
    }

    /// Incidents of models, monitors and series that are gone resolve as `removed`.
    pub(super) fn remove_orphans(&mut self, effects: &mut Effects) {
        let orphans: Vec<(String, Time)> = self
            .incidents
            .values()
            .filter(|i| i.firing() && !i.monitor.starts_with("driftd."))
            .filter(|i| {
                let model = self.models.iter().find(|m| *m.plan.name == *i.model);
                let monitor = model.and_then(|m| {
                    m.plan.monitors.iter().find(|monitor| *monitor.name == *i.monitor)
                });
                monitor.is_none_or(|monitor| {
                    !i.fired.is_empty()
                        && i.fired
                            .iter()
                            .all(|(series, _)| !monitor.series.iter().any(|s| **s == **series))
                })
            })
            .map(|i| (i.key.clone(), i.changed))
            .collect();
        for (key, at) in orphans {
            self.end_incident(&key, at, "removed", effects);
        }
    }
}
