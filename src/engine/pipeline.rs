//! The built-in monitors: is the pipeline itself alive and readable, did a retraining fail.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Engine;
use super::decide::{Deciding, Standing};
use super::io::Effects;
use crate::detect::Severity;
use crate::event::{Role, Slab, Span, Time};
use crate::lines::{ScoreLine, Segment, Verdict, WindowLine};
use crate::plan::NotifyPlan;
use crate::policy::Finding;

/// Watches the way of the events.
pub(super) const PIPELINE: &str = "driftd.pipeline";
/// Tells of runs that failed or timed out.
pub(super) const RETRAINING: &str = "driftd.retraining";

const SILENT_AFTER: Span = Span::from_secs(15 * 60);
const MOST_BAD: f64 = 0.05;
const LEAST_RECORDS: u64 = 100;
/// Events after which a path that was never seen is a fault of the configuration.
const LEAST_EVENTS: u64 = 100;

/// What is known of a model's pipeline since the process started.
#[derive(Debug, Default, Clone)]
pub(super) struct Pipeline {
    last_event: Option<Time>,
    good: u64,
    bad: u64,
    /// Share of bad records in the last full batch of at least [`LEAST_RECORDS`].
    bad_share: Option<f64>,
    predictions: u64,
    outcomes: u64,
}

impl Engine {
    /// Counts what a slab says about the quality of the input.
    pub(super) fn note_quality(&mut self, slab: &Slab) {
        for (model, role, batch) in &slab.batches {
            let pipeline = &mut self.pipelines[*model as usize];
            let rows = batch.times.len() as u64;
            if rows > 0 {
                pipeline.last_event = Some(slab.read_at);
                pipeline.good += rows;
                match role {
                    Role::Prediction => pipeline.predictions += rows,
                    Role::Outcome => pipeline.outcomes += rows,
                }
            }
        }
        for (model, refused) in &slab.refused {
            self.pipelines[*model as usize].bad += refused;
        }
        for pipeline in &mut self.pipelines {
            let records = pipeline.good + pipeline.bad;
            if records >= LEAST_RECORDS {
                pipeline.bad_share = Some(pipeline.bad as f64 / records as f64);
                (pipeline.good, pipeline.bad) = (0, 0);
            }
        }
        for (model, seen) in &slab.seen {
            let model = &mut self.models[*model as usize];
            for path in seen.iter().filter_map(|&i| model.plan.paths.get(i as usize)) {
                if !model.ledger.paths_seen.contains(&path.name) {
                    model.ledger.paths_seen.insert(path.name.clone());
                    model.dirty = true;
                }
            }
        }
    }

    /// Judges the pipelines by our clock.
    pub(super) fn watch_pipelines(&mut self, effects: &mut Effects) {
        for place in 0..self.models.len() {
            let findings = self.pipeline_findings(place);
            self.settle_builtin(place, PIPELINE, findings, effects);
        }
    }

    fn pipeline_findings(&self, place: usize) -> Vec<Finding> {
        let (pipeline, model) = (&self.pipelines[place], &self.models[place]);
        let mut findings = Vec::new();
        let mut find = |series: &str, statistic: &str, score: f64, level: f64| {
            let line = builtin_line(&model.plan.name, PIPELINE, series, statistic, score, self.now);
            findings.push(Finding {
                severity: Severity::Critical,
                line,
                level: Some(level),
                reference_score: None,
                attribution: None,
            });
        };
        if let Some(last) = pipeline.last_event
            && self.now - last >= SILENT_AFTER
        {
            find("model", "silent_seconds", (self.now - last).seconds(), SILENT_AFTER.seconds());
        }
        if let Some(share) = pipeline.bad_share.filter(|share| *share > MOST_BAD) {
            find("model", "bad_share", share, MOST_BAD);
        }
        for path in model.plan.paths.iter().map(|p| &p.name) {
            let events = if path.starts_with("outcomes.") {
                pipeline.outcomes
            } else {
                pipeline.predictions
            };
            if events >= LEAST_EVENTS && !model.ledger.paths_seen.contains(path) {
                find(path, "path_never_seen", 1.0, 0.0);
            }
        }
        findings
    }

    /// Moves a built-in incident of a model on; it goes to the critical notifiers.
    pub(super) fn settle_builtin(
        &mut self,
        place: usize,
        monitor: &str,
        findings: Vec<Finding>,
        effects: &mut Effects,
    ) {
        let notify = NotifyPlan {
            warning: Vec::new(),
            critical: self.models[place].plan.notify.critical.clone(),
        };
        let deciding = Deciding {
            model: place,
            group: "".into(),
            monitor: monitor.into(),
            version: None,
            end: self.now,
            cooldown: Span::from_secs(3600),
            notify,
            retrain: false,
            window: Span(0),
            inhibitable: false,
        };
        let holding: BTreeSet<(Arc<str>, Segment)> =
            findings.iter().map(|f| (f.line.series.clone(), Segment::default())).collect();
        let standing = Standing { findings, holding, scored: true, restated: false };
        self.settle(deciding, standing, effects);
    }
}

/// A score line of a built-in monitor.
pub(super) fn builtin_line(
    model: &str,
    monitor: &str,
    series: &str,
    statistic: &str,
    score: f64,
    now: Time,
) -> ScoreLine {
    ScoreLine {
        model: model.into(),
        version: None,
        monitor: monitor.into(),
        series: series.into(),
        segment: Segment::default(),
        statistic: statistic.into(),
        estimated: false,
        window: WindowLine { start: now, end: now, events: 0, support: 0 },
        revision: 0,
        score: Some(score),
        interval: None,
        p_value: None,
        tail: None,
        noise_floor: None,
        visible: None,
        reference: None,
        reference_events: None,
        season: None,
        against: None,
        coverage: None,
        verdict: Verdict::Critical,
        reason: None,
    }
}
