//! Answers: JSON, lists in pages, and errors that all have one form.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::asked::Asked;

/// Items of a page.
pub(super) const PAGE: usize = 1_000;

/// An error in the form that all errors have.
#[derive(Debug)]
pub(super) struct ApiError {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
}

/// What a handler gives.
pub(super) type Answer = Result<Response, ApiError>;

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        ApiError { status, code, message: message.into() }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, "not_found", message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code, "message": self.message } });
        let mut response = json_with(self.status, &body);
        if self.status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}

/// A JSON answer.
pub(super) fn json(value: &impl Serialize) -> Response {
    json_with(StatusCode::OK, value)
}

/// A JSON answer with another status.
pub(super) fn json_with(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(text) => (status, [(header::CONTENT_TYPE, "application/json")], format!("{text}\n"))
            .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// One page of a list that is held whole; `next` is the path of the one after.
pub(super) fn page<T: Serialize>(
    path: &str,
    asked: &Asked,
    items: impl IntoIterator<Item = T>,
) -> Answer {
    let from = match asked.get("after") {
        None => 0,
        Some(text) => text
            .parse::<usize>()
            .map_err(|_| ApiError::bad_request("after comes out of a page's next, unchanged"))?,
    };
    let limit = asked.limit()?;
    let mut rest = items.into_iter().skip(from);
    let mut shown = Vec::new();
    for item in rest.by_ref().take(limit) {
        shown.push(serde_json::to_value(item).unwrap_or(Value::Null));
    }
    let next = rest.next().map(|_| asked.next(path, &(from + limit).to_string()));
    Ok(json(&json!({ "items": shown, "next": next })))
}
