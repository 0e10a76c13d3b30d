//! What is: `GET /api/v1/...`.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, ApiError, json, page};
use super::asked::{Asked, Param};
use super::{App, Unavailable};
use crate::engine::{IncidentStatus, ModelStatus, MonitorStatus};
use crate::lines::{IncidentState, RowState, RunState, ScoreLine, Severity};
use crate::store::{Cursor, ScoreQuery, StoreError, scores as stored_scores};

const AFTER: Param = ("after", "where the page before ended; comes out of its `next`");
const LIMIT: Param = ("limit", "items of a page, 1 to 1000");
const MODEL: Param = ("model", "only this model");

pub(super) const PAGED: &[Param] = &[AFTER, LIMIT];
pub(super) const OF_MODEL: &[Param] = &[MODEL, AFTER, LIMIT];
pub(super) const SCORES: &[Param] = &[
    MODEL,
    ("monitor", "only this monitor"),
    ("series", "only this series, exact: `features.fare`, `prediction`, `model`, ..."),
    (
        "segment",
        "only this segment: `city:Oslo`; crossed: `city:Oslo,vehicle:van`; empty: the whole",
    ),
    ("from", "window end after this time (RFC 3339)"),
    ("to", "window end not after this time (RFC 3339)"),
    ("revision", "`latest` (default) or `all`"),
    AFTER,
    LIMIT,
];
pub(super) const INCIDENTS: &[Param] = &[
    ("state", "`firing` or `resolved`"),
    ("severity", "`warning` or `critical`"),
    MODEL,
    ("monitor", "only this monitor"),
    AFTER,
    LIMIT,
];
pub(super) const OUTBOX: &[Param] = &[
    ("state", "`pending`, `delivered`, `superseded` or `dead`"),
    ("key", "only messages of this incident"),
    ("to", "only messages to this notifier or trainer"),
    AFTER,
    LIMIT,
];
pub(super) const RUNS: &[Param] = &[
    MODEL,
    (
        "state",
        "`requested`, `accepted`, `running`, `succeeded`, `deployed`, `closed`, `failed` or `timed_out`",
    ),
    AFTER,
    LIMIT,
];

type Shared = State<Arc<App>>;

pub(super) async fn status(State(app): Shared) -> Answer {
    let snapshot = app.snapshots.load();
    let status = &snapshot.status;
    let (pending, oldest) = snapshot.pending();
    let firing = status.incidents.iter().filter(|i| i.line.state == IncidentState::Firing);
    Ok(json(&json!({
        "type": "status",
        "name": snapshot.name,
        "driftd_version": env!("CARGO_PKG_VERSION"),
        "config_digest": snapshot.config_digest,
        "ready": snapshot.not_ready.is_empty(),
        "reasons": snapshot.not_ready,
        "models": status.models.iter().map(model).collect::<Vec<_>>(),
        "monitors": status.monitors.len(),
        "incidents_firing": firing.count(),
        "outbox_pending": pending,
        "outbox_oldest": oldest,
        "silences": status.silences.len(),
        "lag_messages": snapshot.lag.iter().map(|lag| lag.messages).sum::<i64>(),
        "lost_records": status.lost,
        "state_bytes": snapshot.state_bytes,
    })))
}

fn model(model: &ModelStatus) -> Value {
    json!({
        "type": "model",
        "name": model.name,
        "versions": model.versions,
        "latest": model.latest,
        "judged_drift": model.judged_drift,
        "judged_performance": model.judged_performance,
        "watermark_lag_seconds": model.watermark_lag.map(|lag| lag.seconds()),
        "outcome_coverage": model.outcome_coverage,
        "late": model.late,
        "crowded_out": model.crowded_out,
        "unjoined": model.unjoined,
        "has_reference": model.has_reference,
        "paths_never_seen": model.paths_never_seen,
    })
}

pub(super) async fn models(State(app): Shared, RawQuery(raw): RawQuery) -> Answer {
    let asked = Asked::parse(raw.as_deref(), PAGED)?;
    page("/api/v1/models", &asked, app.snapshots.load().status.models.iter().map(model))
}

fn monitor(monitor: &MonitorStatus) -> Value {
    json!({
        "type": "monitor",
        "model": monitor.model,
        "name": monitor.name,
        "statistic": monitor.statistic,
        "series": monitor.series,
        "window": monitor.window,
    })
}

pub(super) async fn monitors(State(app): Shared, RawQuery(raw): RawQuery) -> Answer {
    let asked = Asked::parse(raw.as_deref(), OF_MODEL)?;
    let snapshot = app.snapshots.load();
    let wanted = |m: &&MonitorStatus| asked.get("model").is_none_or(|name| name == m.model);
    page("/api/v1/monitors", &asked, snapshot.status.monitors.iter().filter(wanted).map(monitor))
}

pub(super) async fn scores(State(app): Shared, RawQuery(raw): RawQuery) -> Answer {
    let asked = Asked::parse(raw.as_deref(), SCORES)?;
    let text = |name: &str| asked.get(name).map(str::to_owned);
    let query = ScoreQuery {
        model: text("model"),
        monitor: text("monitor"),
        series: text("series"),
        segment: asked.segment()?,
        from: asked.time("from")?,
        to: asked.time("to")?,
        all_revisions: match asked.get("revision") {
            None | Some("latest") => false,
            Some("all") => true,
            Some(_) => return Err(ApiError::bad_request("revision is latest or all")),
        },
    };
    let after = asked.get("after").map(cursor).transpose()?;
    let limit = asked.limit()?;
    let store = Arc::clone(&app.store);
    // Reading a page, and summing p-values, is no work for a thread that serves others.
    let page = move || {
        let (lines, next) = stored_scores(&*store, &query, after.as_ref(), limit)?;
        Ok::<_, StoreError>((lines.into_iter().map(ScoreLine::written).collect::<Vec<_>>(), next))
    };
    let found = tokio::task::spawn_blocking(page);
    let found = found.await.map_err(|_| unavailable())?;
    let (lines, next) = found.map_err(|error| {
        tracing::error!("score lines cannot be read: {error}");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "state", "score lines cannot be read")
    })?;
    let next = next.map(|cursor| asked.next("/api/v1/scores", &hex(&cursor.0)));
    Ok(json(&json!({ "items": lines, "next": next })))
}

pub(super) fn unavailable() -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", Unavailable.to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn cursor(text: &str) -> Result<Cursor, ApiError> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
    bytes
        .filter(|bytes| !bytes.is_empty())
        .map(Cursor)
        .ok_or_else(|| ApiError::bad_request("after comes out of a page's next, unchanged"))
}

pub(super) async fn incidents(State(app): Shared, RawQuery(raw): RawQuery) -> Answer {
    let asked = Asked::parse(raw.as_deref(), INCIDENTS)?;
    let state: Option<IncidentState> = asked.word("state")?;
    let severity: Option<Severity> = asked.word("severity")?;
    let snapshot = app.snapshots.load();
    let lines = snapshot.status.incidents.iter().map(|incident| &incident.line).filter(|line| {
        state.is_none_or(|s| s == line.state)
            && severity.is_none_or(|s| s == line.severity)
            && asked.get("model").is_none_or(|m| m == &*line.model)
            && asked.get("monitor").is_none_or(|m| m == &*line.monitor)
    });
    page("/api/v1/incidents", &asked, lines)
}

/// The incident of a key or of its unique beginning.
pub(super) fn find_incident<'a>(
    incidents: &'a [IncidentStatus],
    key: &str,
) -> Result<&'a IncidentStatus, ApiError> {
    unique(incidents, key, "incident", |incident| &incident.line.key)
}

fn unique<'a, T>(
    items: &'a [T],
    key: &str,
    what: &str,
    of: impl Fn(&T) -> &str,
) -> Result<&'a T, ApiError> {
    if let Some(exact) = items.iter().find(|item| of(item) == key) {
        return Ok(exact);
    }
    let mut found = items.iter().filter(|item| !key.is_empty() && of(item).starts_with(key));
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(ApiError::not_found(format!("there is no {what} '{key}'"))),
        (Some(_), Some(_)) => Err(ApiError::new(
            StatusCode::CONFLICT,
            "ambiguous",
            format!("'{key}' is the beginning of several keys; write more of it"),
        )),
    }
}

pub(super) async fn incident(State(app): Shared, Path(key): Path<String>) -> Answer {
    let snapshot = app.snapshots.load();
    let incident = find_incident(&snapshot.status.incidents, &key)?;
    let mut value = serde_json::to_value(&incident.line).unwrap_or_default();
    let key = &incident.line.key;
    if let Value::Object(fields) = &mut value {
        fields.insert("data".into(), incident.data.clone());
        fields.insert("told".into(), json!(incident.told));
        fields.insert("not_asked".into(), json!(incident.not_asked));
        let rows = snapshot.status.outbox.iter().filter(|row| row.key == *key);
        fields.insert("messages".into(), json!(rows.collect::<Vec<_>>()));
        let runs = snapshot.status.runs.iter().filter(|run| run.incident.as_ref() == Some(key));
        fields.insert("runs".into(), json!(runs.collect::<Vec<_>>()));
    }
    Ok(json(&value))
}

pub(super) async fn outbox(State(app): Shared, RawQuery(raw): RawQuery) -> Answer {
    let asked = Asked::parse(raw.as_deref(), OUTBOX)?;
    let state: Option<RowState> = asked.word("state")?;
    let snapshot = app.snapshots.load();
    let rows = snapshot.status.outbox.iter().filter(|row| {
        state.is_none_or(|s| s == row.state)
            && asked.get("key").is_none_or(|key| key == row.key)
            && asked.get("to").is_none_or(|to| to == row.to)
    });
    page("/api/v1/outbox", &asked, rows)
}

pub(super) async fn runs(State(app): Shared, RawQuery(raw): RawQuery) -> Answer {
    let asked = Asked::parse(raw.as_deref(), RUNS)?;
    let state: Option<RunState> = asked.word("state")?;
    let snapshot = app.snapshots.load();
    let runs = snapshot.status.runs.iter().filter(|run| {
        state.is_none_or(|s| s == run.state) && asked.get("model").is_none_or(|m| m == &*run.model)
    });
    page("/api/v1/runs", &asked, runs)
}

pub(super) async fn run(State(app): Shared, Path(id): Path<String>) -> Answer {
    let snapshot = app.snapshots.load();
    Ok(json(unique(&snapshot.status.runs, &id, "run", |run| &run.id)?))
}

pub(super) async fn silences(State(app): Shared, RawQuery(raw): RawQuery) -> Answer {
    let asked = Asked::parse(raw.as_deref(), OF_MODEL)?;
    let snapshot = app.snapshots.load();
    let silences = snapshot.status.silences.iter();
    let wanted = silences.filter(|s| asked.get("model").is_none_or(|m| m == s.model));
    page("/api/v1/silences", &asked, wanted)
}
