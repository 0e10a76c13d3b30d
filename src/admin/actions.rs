//! What people and pipelines ask for: the routes that change something.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::App;
use super::answer::{Answer, ApiError, json, json_with};
use super::guard::{borne, same, unauthorized};
use super::lists::unavailable;
use crate::event::{Span, Time};
use crate::lines::Segment;
use crate::notify::signature::{TOLERANCE, verify};
use crate::outbox::TestFailed;
use crate::policy::message::{Command, Reply, RunReport};

type Shared = State<Arc<App>>;

/// Longest free text of a request.
const LONGEST_TEXT: usize = 2_000;

/// Reads a body whatever its content type says: the token already keeps strangers out.
fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, ApiError> {
    let text: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(text)
        .map_err(|error| ApiError::bad_request(format!("the body is not as expected: {error}")))
}

fn not_too_long(name: &str, text: &str) -> Result<(), ApiError> {
    if text.len() <= LONGEST_TEXT {
        return Ok(());
    }
    Err(ApiError::bad_request(format!("{name} is longer than {LONGEST_TEXT} bytes")))
}

async fn obey(app: &App, command: Command, done: StatusCode) -> Answer {
    match app.control.command(command).await.map_err(|_| unavailable())? {
        Reply::Silence(line) => Ok(json_with(done, &line)),
        Reply::Run(line) => Ok(json_with(done, &line)),
        Reply::Done => Ok(json_with(done, &json!({ "done": true }))),
        Reply::NotFound(why) => Err(ApiError::not_found(why)),
        Reply::Refused(why) => Err(ApiError::new(StatusCode::CONFLICT, "refused", why)),
    }
}

/// Reads the configuration again.
pub(super) async fn reload(State(app): Shared) -> Answer {
    match app.control.reload().await {
        Ok(restart) => Ok(json(&json!({ "reloaded": true, "needs_restart": restart }))),
        Err(problems) => Err(ApiError::new(StatusCode::BAD_REQUEST, "bad_configuration", problems)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSilence {
    model: String,
    monitor: Option<String>,
    #[serde(default)]
    segment: Segment,
    from: Option<Time>,
    r#for: String,
    comment: String,
}

/// Silences something for a while.
pub(super) async fn silence(State(app): Shared, body: Bytes) -> Answer {
    let new: NewSilence = read(&body)?;
    let length =
        Span::parse(&new.r#for).map_err(|error| ApiError::bad_request(format!("for: {error}")))?;
    if length.0 == 0 {
        return Err(ApiError::bad_request("for: a silence of no length silences nothing"));
    }
    if new.comment.trim().is_empty() {
        return Err(ApiError::bad_request("comment: say why, for whoever reads it at night"));
    }
    not_too_long("comment", &new.comment)?;
    let command = Command::Silence {
        model: new.model,
        monitor: new.monitor,
        segment: new.segment,
        from: new.from,
        length,
        comment: new.comment,
    };
    obey(&app, command, StatusCode::CREATED).await
}

/// Ends a silence.
pub(super) async fn expire_silence(State(app): Shared, Path(id): Path<String>) -> Answer {
    if id.is_empty() {
        return Err(ApiError::not_found("name a silence"));
    }
    obey(&app, Command::ExpireSilence { id }, StatusCode::OK).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRun {
    reason: String,
}

/// Asks for a retraining by hand.
pub(super) async fn retrain(State(app): Shared, Path(model): Path<String>, body: Bytes) -> Answer {
    let new: NewRun = read(&body)?;
    if new.reason.trim().is_empty() {
        return Err(ApiError::bad_request("reason: say why, for whoever reads it later"));
    }
    not_too_long("reason", &new.reason)?;
    let command = Command::Retrain { model, reason: new.reason };
    obey(&app, command, StatusCode::ACCEPTED).await
}

/// Sends a test message.
pub(super) async fn notify_test(State(app): Shared, Path(name): Path<String>) -> Answer {
    match app.control.notify_test(name.clone()).await {
        Ok(reply) => Ok(json(&json!({ "delivered": true, "to": name, "reply": reply }))),
        Err(error @ TestFailed::Unknown(_)) => Err(ApiError::not_found(error.to_string())),
        Err(error @ TestFailed::Stopping) => {
            Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error.to_string()))
        }
        Err(error @ TestFailed::NotAccepted(_)) => {
            Err(ApiError::new(StatusCode::BAD_GATEWAY, "not_delivered", error.to_string()))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    state: RunReport,
    version: Option<String>,
    url: Option<String>,
    message: Option<String>,
}

/// A pipeline reports on its run. Bears the run's token, or the signature of its trainer.
pub(super) async fn callback(
    State(app): Shared,
    Path(run): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let by_token =
        borne(&headers).is_some_and(|token| same(token, &app.control.callback_token(&run)));
    if !by_token && !signed(&app, &run, &headers, &body) {
        return Err(unauthorized(
            "send Authorization: Bearer with the token of the run's request, or sign the body \
             with the trainer's secret (webhook-id, webhook-timestamp, webhook-signature)",
        ));
    }
    let report: Report = read(&body)?;
    for (name, text) in
        [("version", &report.version), ("url", &report.url), ("message", &report.message)]
    {
        not_too_long(name, text.as_deref().unwrap_or(""))?;
    }
    let command = Command::Callback {
        run,
        state: report.state,
        version: report.version,
        url: report.url,
        message: report.message,
    };
    obey(&app, command, StatusCode::OK).await
}

/// Whether a trainer of the run signed the body lately, and not for another run.
fn signed(app: &App, run: &str, headers: &HeaderMap, body: &[u8]) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(id), Some(timestamp), Some(signature)) =
        (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"))
    else {
        return false;
    };
    let snapshot = app.snapshots.load();
    // A run of the last moment is not in the picture yet.
    let model = snapshot.status.runs.iter().find(|r| r.id == run).map(|r| &*r.model);
    let keys = app.control.callback_keys(model);
    let now = app.clock.now();
    verify(&keys, id, timestamp, body, signature, now) && app.replays.admit(id, run, now)
}

/// Signed callbacks of the last minutes. The signature does not cover the run in the path, so the
/// same message is not taken for a second run.
#[derive(Debug, Default)]
pub struct Replays {
    seen: Mutex<VecDeque<(Time, String, String)>>,
}

impl Replays {
    /// Most callbacks remembered; they bear a valid signature, so a pipeline that sends more in
    /// ten minutes than this is broken.
    const MOST: usize = 10_000;

    fn admit(&self, id: &str, run: &str, now: Time) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        while seen.front().is_some_and(|(at, ..)| *at + TOLERANCE + TOLERANCE < now) {
            seen.pop_front();
        }
        if let Some((_, _, other)) = seen.iter().find(|(_, known, _)| known == id) {
            return other == run;
        }
        if seen.len() == Self::MOST {
            return false;
        }
        seen.push_back((now, id.to_owned(), run.to_owned()));
        true
    }
}
