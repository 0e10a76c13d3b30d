//! `/`: models and what fires.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::App;
use super::html::{escape, link, page, row, table};
use super::snapshot::Snapshot;
use crate::engine::{IncidentStatus, ModelStatus};
use crate::lines::{IncidentState, Severity};

/// Resolved incidents that are still shown.
const RECENT: usize = 20;

pub(super) async fn show(State(app): State<Arc<App>>) -> Response {
    let snapshot = app.snapshots.load();
    let title = if snapshot.name.is_empty() { "driftd" } else { &snapshot.name };
    let main = format!(
        "<h1>{}</h1>{}{}{}{}",
        escape(title),
        readiness(&snapshot),
        incidents(&snapshot, IncidentState::Firing, "Firing", "Nothing fires."),
        models(&snapshot),
        incidents(&snapshot, IncidentState::Resolved, "Resolved lately", "None yet."),
    );
    page(StatusCode::OK, title, &main)
}

fn readiness(snapshot: &Snapshot) -> String {
    if snapshot.not_ready.is_empty() {
        return "<p><span class=\"chip ok\">ready</span></p>".to_owned();
    }
    let reasons: String = snapshot
        .not_ready
        .iter()
        .map(|r| format!("<p><b>{}</b>: {}</p>", escape(&r.code), escape(&r.message)))
        .collect();
    format!("<p><span class=\"chip critical\">not ready</span></p>{reasons}")
}

fn incidents(snapshot: &Snapshot, state: IncidentState, title: &str, none: &str) -> String {
    let of_state = snapshot.status.incidents.iter().filter(|i| i.line.state == state);
    let most = if state == IncidentState::Firing { usize::MAX } else { RECENT };
    let rows: Vec<String> = of_state.take(most).map(incident).collect();
    let body = if rows.is_empty() {
        format!("<p class=soft>{none}</p>")
    } else {
        table(&["", "model", "version", "monitor", "series", "since", "changed", ""], &rows)
    };
    format!("<h2>{title}</h2>{body}")
}

fn incident(incident: &IncidentStatus) -> String {
    let line = &incident.line;
    let series: Vec<&str> = line.series.iter().take(4).map(|s| &**s).collect();
    let more = line.series.len().saturating_sub(series.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let suppressed = line.suppressed.map_or("", |_| "not sent");
    row(&[
        format!("<span class=\"chip {0}\">{0}</span>", severity(line.severity)),
        escape(&line.model),
        line.version.as_deref().map(escape).unwrap_or_default(),
        link(&format!("/incidents/{}", line.key), &line.monitor),
        format!("{}{more}", escape(&series.join(", "))),
        escape(&line.opened.to_string()),
        escape(&line.changed.to_string()),
        format!("<span class=soft>{suppressed}</span>"),
    ])
}

pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

fn models(snapshot: &Snapshot) -> String {
    let rows: Vec<String> = snapshot.status.models.iter().map(model).collect();
    let heads = ["model", "versions", "latest prediction", "judged to", "coverage", "reference"];
    format!("<h2>Models</h2>{}", table(&heads, &rows))
}

fn model(model: &ModelStatus) -> String {
    let time = |t: Option<crate::event::Time>| {
        t.map_or_else(|| "–".to_owned(), |t| escape(&t.to_string()))
    };
    let reference = match (model.has_reference, model.paths_never_seen.as_slice()) {
        (_, [first, ..]) => {
            format!("<span class=warning>path never seen: {}</span>", escape(first))
        }
        (true, []) => "yes".to_owned(),
        (false, []) => "<span class=warning>none</span>".to_owned(),
    };
    row(&[
        escape(&model.name),
        escape(&model.versions.join(", ")),
        time(model.latest),
        time(model.judged_drift),
        model.outcome_coverage.map_or_else(|| "–".to_owned(), |c| format!("{:.0} %", c * 100.0)),
        reference,
    ])
}
