//! Who may write, how long a request may take, and the form of every error.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::App;
use super::answer::ApiError;
use crate::secret::Secret;

/// Longest time that the body of a request may take, and as long again the answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Lets a write through that bears the token.
pub(super) async fn bearer(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let token = app.control.token();
    let Some(expected) = token.as_ref().and_then(Secret::expose) else {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "writes_off",
            "write routes are off: set http.token in the configuration",
        ));
    };
    match borne(request.headers()) {
        Some(token) if same(token, expected) => Ok(next.run(request).await),
        _ => Err(unauthorized("send Authorization: Bearer with the token of http.token")),
    }
}

pub(super) fn timed_out(message: &str) -> ApiError {
    ApiError::new(StatusCode::GATEWAY_TIMEOUT, "timeout", message)
}

pub(super) fn unauthorized(message: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
}

/// The token that a request bears.
pub(super) fn borne(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Whether two texts are equal, in a time that does not depend on where they differ.
pub(super) fn same(a: &str, b: &str) -> bool {
    Sha256::digest(a.as_bytes()).ct_eq(&Sha256::digest(b.as_bytes())).into()
}

/// A deadline, one form for all errors, and headers that keep browsers out of mischief.
pub(super) async fn manners(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = match tokio::time::timeout(PATIENCE, next.run(request)).await {
        Ok(response) => in_form(response, &path),
        Err(_) => timed_out("the answer took too long; try again, or ask for less").into_response(),
    };
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("content-security-policy"),
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'",
        ),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Errors that the framework made itself become JSON as well.
fn in_form(response: Response, path: &str) -> Response {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let ours =
        kind.is_some_and(|k| k.starts_with("application/json") || k.starts_with("text/html"));
    if ours || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (code, message) = match status {
        StatusCode::NOT_FOUND => ("not_found", format!("there is nothing at {path}")),
        StatusCode::METHOD_NOT_ALLOWED => {
            ("method_not_allowed", format!("{path} does not take this method"))
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            ("too_large", format!("a body holds at most {} bytes", super::BODY_BYTES))
        }
        status if status.is_client_error() => {
            ("bad_request", "the request cannot be read".to_owned())
        }
        _ => ("internal", "driftd failed inside; its log says more".to_owned()),
    };
    let mut formed = ApiError::new(status, code, message).into_response();
    if let Some(allow) = response.headers().get(header::ALLOW) {
        formed.headers_mut().insert(header::ALLOW, allow.clone());
    }
    formed
}
