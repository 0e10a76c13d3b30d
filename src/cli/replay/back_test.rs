//! The engine of a replay: it takes slabs as a daemon's does, and nothing leaves it but lines.

use std::sync::Arc;

use crate::config::Settings;
use crate::daemon::{References, reference_files};
use crate::engine::io::{Fetched, Input};
use crate::engine::{Engine, IncidentStatus};
use crate::event::Slab;
use crate::lines::ScoreLine;
use crate::plan::Plan;

pub(super) struct BackTest {
    engine: Engine,
    plan: Arc<Plan>,
    references: References,
    lines: Vec<ScoreLine>,
    events: u64,
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
        for notice in effects.notices.iter().filter(|n| n.warning) {
            eprintln!("{}: {notice}", notice.model);
        }
    }

    /// Judges everything that was taken.
    pub(super) fn finish(mut self) -> Findings {
        let effects = self.engine.step(Input::Finish);
        self.lines.extend(effects.lines);
        let incidents = self.engine.status().incidents;
        Findings { lines: self.lines, incidents, events: self.events }
    }
}
