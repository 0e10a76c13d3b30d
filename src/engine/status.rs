//! A picture of the state for API, metrics and page.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::Engine;
use crate::event::{Span, Time};
use crate::lines::{IncidentLine, OutboxLine, RowState, RunLine, ScoreLine, SilenceLine};

/// Everything that may be asked of a running daemon, except score history.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Status {
    /// Models.
    pub models: Vec<ModelStatus>,
    /// Monitors.
    pub monitors: Vec<MonitorStatus>,
    /// Incidents, newest first.
    pub incidents: Vec<IncidentStatus>,
    /// Runs, newest first.
    pub runs: Vec<RunLine>,
    /// Silences that have not ended.
    pub silences: Vec<SilenceLine>,
    /// Messages.
    pub outbox: Vec<OutboxLine>,
    /// The latest line of every monitor, series and segment.
    pub latest: Vec<ScoreLine>,
    /// Records lost at the broker, per topic and partition.
    pub lost: BTreeMap<String, i64>,
}

/// One model.
#[derive(Debug, Clone, Serialize)]
pub struct ModelStatus {
    /// Name.
    pub name: String,
    /// Versions with events, oldest first.
    pub versions: Vec<String>,
    /// Event time of the latest prediction.
    pub latest: Option<Time>,
    /// Up to where drift has been judged.
    pub judged_drift: Option<Time>,
    /// Up to where performance has been judged.
    pub judged_performance: Option<Time>,
    /// Event time that the watermark lags behind the latest prediction.
    pub watermark_lag: Option<Span>,
    /// Share of the predictions of the last judged coverage with an outcome.
    pub outcome_coverage: Option<f64>,
    /// Predictions that came after their pane had closed.
    pub late: u64,
    /// Predictions of versions beyond `limits.versions`, which are not counted.
    pub crowded_out: u64,
    /// Predictions and outcomes that were not joined, since a limit on disk was reached (`limits.join`,
    /// `limits.state`).
    pub unjoined: u64,
    /// Whether its newest version has a reference.
    pub has_reference: bool,
    /// Configured paths that were never seen in an event.
    pub paths_never_seen: Vec<String>,
}

/// One monitor of one model.
#[derive(Debug, Clone, Serialize)]
pub struct MonitorStatus {
    /// Model.
    pub model: String,
    /// Monitor.
    pub name: String,
    /// Statistic.
    pub statistic: String,
    /// Series watched.
    pub series: Vec<String>,
    /// Length of the window, as configured.
    pub window: String,
}

/// One incident with its evidence.
#[derive(Debug, Clone, Serialize)]
pub struct IncidentStatus {
    /// The line.
    pub line: IncidentLine,
    /// The `data` of its latest message.
    pub data: Value,
    /// Who was told.
    pub told: Vec<String>,
    /// Why no retraining was asked for, if so.
    pub not_asked: Option<String>,
}

impl Engine {
    /// The state now.
    #[must_use]
    pub fn status(&self) -> Status {
        let mut incidents: Vec<IncidentStatus> = self
            .incidents
            .values()
            .map(|i| IncidentStatus {
                line: i.line(),
                data: serde_json::from_str(&i.evidence).unwrap_or(Value::Null),
                told: i.told.iter().cloned().collect(),
                not_asked: i.not_asked.clone(),
            })
            .collect();
        incidents.sort_by_key(|i| std::cmp::Reverse(i.line.changed));
        let mut runs: Vec<RunLine> = self.runs.values().map(|r| r.line.clone()).collect();
        runs.sort_by_key(|r| std::cmp::Reverse(r.requested));
        let mut outbox: Vec<OutboxLine> = self.outbox.rows.values().map(|r| r.line()).collect();
        outbox.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
        Status {
            models: (0..self.models.len()).map(|place| self.model_status(place)).collect(),
            monitors: self.monitor_status(),
            incidents,
            runs,
            silences: self.silences.values().filter(|s| !self.ended(s)).cloned().collect(),
            outbox,
            latest: self.latest_lines().cloned().collect(),
            lost: self
                .positions
                .iter()
                .filter(|(_, p)| p.lost > 0)
                .map(|(p, position)| (format!("{}/{}", p.topic, p.number), position.lost))
                .collect(),
        }
    }

    /// Messages that wait, and the age of the oldest one.
    #[must_use]
    pub fn outbox_depth(&self) -> (usize, Span) {
        let pending = self.outbox.rows.values().filter(|r| r.state == RowState::Pending);
        let oldest = pending.clone().map(|r| r.message.created).min();
        (pending.count(), oldest.map_or(Span(0), |at| self.now - at))
    }

    fn model_status(&self, place: usize) -> ModelStatus {
        let model = &self.models[place];
        let latest = model.latest_event();
        let mut versions: Vec<(Time, Arc<str>)> = model
            .versions
            .iter()
            .filter_map(|(ix, v)| Some((v.first_arrival, model.version_name(*ix)?)))
            .collect();
        versions.sort();
        let coverage = model
            .groups
            .iter()
            .flat_map(|g| g.latest.values())
            .filter(|j| j.line.segment.is_whole())
            .filter_map(|j| Some((j.line.window.end, j.line.coverage?)))
            .max_by_key(|(end, _)| *end);
        ModelStatus {
            name: model.plan.name.clone(),
            versions: versions.into_iter().map(|(_, name)| name.to_string()).collect(),
            latest,
            judged_drift: model.ledger.judged_drift,
            judged_performance: model.ledger.judged_performance,
            watermark_lag: latest
                .zip(model.ledger.judged_drift)
                .map(|(latest, judged)| Span((latest - judged).0.max(0))),
            outcome_coverage: coverage.map(|(_, c)| c),
            late: model.time.late(),
            crowded_out: model.ledger.crowded_out,
            unjoined: model.ledger.unjoined,
            has_reference: model
                .versions
                .values()
                .max_by_key(|v| v.first_arrival)
                .is_some_and(|v| v.reference.is_some()),
            paths_never_seen: model
                .plan
                .paths
                .iter()
                .filter(|p| !model.ledger.paths_seen.contains(&p.name))
                .map(|p| p.name.clone())
                .collect(),
        }
    }

    fn monitor_status(&self) -> Vec<MonitorStatus> {
        self.plan
            .models
            .iter()
            .flat_map(|model| model.monitors.iter().map(move |m| (model, m)))
            .map(|(model, monitor)| MonitorStatus {
                model: model.name.clone(),
                name: monitor.name.clone(),
                statistic: monitor.statistic.name().to_owned(),
                series: monitor.series.clone(),
                window: match monitor.window {
                    crate::plan::WindowPlan::Time { length, .. } => length.to_string(),
                    crate::plan::WindowPlan::Count { length, .. } => format!("{length} events"),
                },
            })
            .collect()
    }
}
