//! `/`: models and what fires.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::App;
use super::html::{escape, link, page, row, table};
use super::snapshot::Snapshot;
use crate::engine::{IncidentStatus, ModelStatus};
use crate::lines::{IncidentState, ScoreLine, Severity, Verdict};
use crate::notify::summary::number;

/// Resolved incidents that are still shown.
const RECENT: usize = 20;

pub(super) async fn show(State(app): State<Arc<App>>) -> Response {
    let snapshot = app.snapshots.load();
    let title = if snapshot.name.is_empty() { "driftd" } else { &snapshot.name };
    let main = format!(
        "<h1>{}</h1>{}{}{}{}{}",
        escape(title),
        readiness(&snapshot),
        incidents(&snapshot, IncidentState::Firing, "Firing", "Nothing fires."),
        models(&snapshot),
        estimates(&snapshot),
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

/// What metrics are expected to be before outcomes are there, each within its band.
fn estimates(snapshot: &Snapshot) -> String {
    let lines = snapshot.status.latest.iter();
    let rows: Vec<String> =
        lines.filter(|line| line.estimated && line.segment.is_whole()).map(estimate).collect();
    if rows.is_empty() {
        return String::new();
    }
    let heads = ["model", "version", "monitor", "statistic", "window", "expected", "band", ""];
    format!("<h2>Expected without outcomes</h2>{}", table(&heads, &rows))
}

fn estimate(line: &ScoreLine) -> String {
    let band = line.interval.and_then(|(low, high)| Some((low, high?)));
    let verdict = match line.verdict {
        Verdict::Ok => "ok",
        Verdict::Warning => "warning",
        Verdict::Critical => "critical",
        Verdict::NoData => "no data",
    };
    row(&[
        escape(&line.model),
        line.version.as_deref().map(escape).unwrap_or_default(),
        escape(&line.monitor),
        escape(&line.statistic),
        escape(&line.window.end.to_string()),
        line.score.map_or_else(|| "–".to_owned(), number),
        band.map_or_else(String::new, |band| drawn(line.score, band)),
        format!("<span class=\"{verdict}\">{verdict}</span>"),
    ])
}

/// The band of a share from 0 to 1 and the score within it; of anything else its ends.
fn drawn(score: Option<f64>, (low, high): (f64, f64)) -> String {
    let ends = format!("<span class=soft>[{}, {}]</span>", number(low), number(high));
    match score {
        Some(score) if low >= 0.0 && high <= 1.0 => format!(
            "<svg width=100 height=11 viewBox=\"0 0 100 11\" aria-hidden=true>\
             <rect class=ref x=\"{:.2}\" y=2 width=\"{:.2}\" height=7 />\
             <rect class=cur x=\"{:.2}\" width=1 height=11 /></svg> {ends}",
            low * 100.0,
            (high - low) * 100.0,
            score * 100.0 - 0.5,
        ),
        _ => ends,
    }
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
