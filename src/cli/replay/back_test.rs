//! The engine of a replay: it takes slabs as a daemon's does, and nothing leaves it but lines.

use std::sync::Arc;

use crate::config::Settings;
use crate::daemon::{References, reference_files};
use crate::engine::io::{Fetched, Input};
use crate::engine::{Engine, IncidentStatus, Learnt};
use crate::event::{Slab, Time};
use crate::lines::ScoreLine;
use crate::plan::Plan;

pub(super) struct BackTest {
    engine: Engine,
    plan: Arc<Plan>,
    references: References,
    lines: Vec<ScoreLine>,
    events: u64,
    /// Of a second reading: what the first one taught and found.
    before: Option<(Learnt, Findings)>,
}

/// What a replay has to tell.
pub(super) struct Findings {
    /// As judged.
    pub lines: Vec<ScoreLine>,
    /// Newest first.
    pub incidents: Vec<IncidentStatus>,
    /// Rows that the engine was shown.
    pub events: u64,
}

impl BackTest {
    pub(super) fn new(settings: &Settings) -> BackTest {
        let plan = Arc::new(settings.plan.clone());
        BackTest {
            engine: Engine::new(plan.clone(), [0; 32]),
            references: References::new(reference_files(settings), &plan),
            plan,
            lines: Vec::new(),
            events: 0,
            before: None,
        }
    }

    pub(super) fn take(&mut self, slab: Slab) {
        self.events += slab.batches.iter().map(|(_, _, b)| b.times.len() as u64).sum::<u64>();
        let wants = self.engine.wants(&slab);
        let references = wants
            .versions
            .into_iter()
            .map(|(model, version)| {
                let name = &self.plan.models[usize::from(model)].name;
                let found = self.references.resolve(name, version.as_deref());
                ((model, version), found)
            })
            .collect();
        let fetched = Fetched { entries: Vec::new(), references };
        let effects = self.engine.step(Input::Slab(Box::new(slab), fetched));
        self.lines.extend(effects.lines);
        let told = self.is_second();
        for notice in effects.notices.iter().filter(|n| n.warning && !told) {
            eprintln!("{}: {notice}", notice.model);
        }
    }

    /// Whether everything is shown for the second time.
    pub(super) fn is_second(&self) -> bool {
        self.before.is_some()
    }

    /// Judges everything that was taken.
    pub(super) fn finish(mut self) -> Findings {
        self.judge();
        self.findings()
    }

    fn judge(&mut self) {
        let effects = self.engine.step(Input::Finish);
        self.lines.extend(effects.lines);
    }

    fn findings(self) -> Findings {
        let incidents = self.engine.status().incidents;
        let found = Findings { lines: self.lines, incidents, events: self.events };
        match self.before {
            Some((learnt, before)) => joined(&self.plan, &learnt, before, found),
            None => found,
        }
    }

    /// As [`BackTest::finish`], unless events have taught a reference: they were counted before there
    /// was a grid to count them on, and must be shown once more to what is returned instead.
    pub(super) fn finish_or_repeat(
        mut self,
        settings: &Settings,
    ) -> Result<Findings, Box<BackTest>> {
        self.judge();
        let learnt = self.engine.learnt();
        if learnt.is_empty() {
            return Ok(self.findings());
        }
        let mut second = BackTest::new(settings);
        second.engine.know(&learnt);
        second.before = Some((learnt, self.findings()));
        Err(Box::new(second))
    }
}

/// Of each version that has learnt, what the first reading found up to the end of the learning, and
/// what the second one found from there on.
fn joined(plan: &Plan, learnt: &Learnt, before: Findings, mut found: Findings) -> Findings {
    let end = |model: &str, version: Option<&str>| -> Option<Time> {
        let place = plan.models.iter().position(|m| m.name == model)?;
        let mut of_model = learnt.iter().filter(|((ix, _), _)| usize::from(*ix) == place);
        let (_, reference) = of_model.find(|((_, name), _)| **name == *version.unwrap_or(""))?;
        reference.created_from.learnt.map(|(_, end)| end)
    };
    let early = before.lines.into_iter().filter(|line| {
        end(&line.model, line.version.as_deref()).is_some_and(|end| line.window.end <= end)
    });
    found.lines.extend(early);
    for incident in before.incidents {
        let line = &incident.line;
        if end(&line.model, line.version.as_deref()).is_some_and(|end| line.opened <= end) {
            found.incidents.retain(|later| later.line.key != line.key);
            found.incidents.push(incident);
        }
    }
    found
}
