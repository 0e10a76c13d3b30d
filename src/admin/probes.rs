//! Probes and numbers: `/healthz`, `/readyz`, `/metrics`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::App;
use super::answer::{Answer, ApiError, json, json_with};
use crate::metrics::Flavour;

/// The process answers.
pub(super) async fn healthz() -> Response {
    json(&json!({ "healthy": true }))
}

/// Whether it does its work, and else why not.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let snapshot = app.snapshots.load();
    let ready = snapshot.not_ready.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json_with(status, &json!({ "ready": ready, "reasons": snapshot.not_ready }))
}

/// Numbers for Prometheus.
pub(super) async fn metrics(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let flavour = Flavour::asked(accept);
    let text = app.exporter.text(flavour).map_err(|_| {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "metrics cannot be drawn")
    })?;
    Ok(([(header::CONTENT_TYPE, flavour.media_type())], text).into_response())
}
