//! Requests to the API: a line `METHOD PATH?QUERY`, lines of headers up to an empty one, a body.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use axum::{Router, response::Response};
use driftd::admin::snapshot::Snapshot;
use driftd::admin::{App, Control, Replays, Unavailable, router};
use driftd::clock::{BoxFuture, ManualClock};
use driftd::event::Time;
use driftd::metrics::{Exporter, Metrics};
use driftd::notify::signature::SigningKey;
use driftd::outbox::TestFailed;
use driftd::policy::message::{Command, Reply};
use driftd::secret::Secret;
use driftd::store::Memory;
use tower::Service;

const KEY: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Lets everything happen; the token is short enough to be found.
struct Willing;

impl Control for Willing {
    fn command(&self, _: Command) -> BoxFuture<'_, Result<Reply, Unavailable>> {
        Box::pin(std::future::ready(Ok(Reply::Done)))
    }

    fn reload(&self) -> BoxFuture<'_, Result<Vec<String>, String>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn notify_test(&self, _: String) -> BoxFuture<'_, Result<Option<String>, TestFailed>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn token(&self) -> Option<Secret> {
        Some(Secret::new("env:T", Some("t")))
    }

    fn callback_token(&self, _: &str) -> String {
        "c".to_owned()
    }

    fn callback_keys(&self, _: Option<&str>) -> Vec<SigningKey> {
        SigningKey::parse(KEY).into_iter().collect()
    }
}

fn app() -> Router {
    let snapshots = Snapshot::default().shared();
    let clock = ManualClock::at(Time(1_767_225_600_000_000));
    let exporter = Exporter::new(&Metrics::default(), Arc::clone(&snapshots), clock.clone());
    router(Arc::new(App {
        snapshots,
        store: Arc::new(Memory::default()),
        exporter,
        control: Arc::new(Willing),
        clock,
        replays: Replays::default(),
    }))
}

/// The request that some bytes are, if they are one.
fn request(bytes: &[u8]) -> Option<Request<Body>> {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let first = std::str::from_utf8(lines.next()?).ok()?;
    let (method, target) = first.split_once(' ')?;
    let uri: Uri = target.parse().ok()?;
    let mut request = Request::new(Body::empty());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).ok()?;
    *request.uri_mut() = uri;
    let mut rest = lines.next().unwrap_or_default();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = &rest[..end];
        rest = &rest[end + 1..];
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { break };
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        request.headers_mut().append(name, value);
    }
    *request.body_mut() = Body::from(rest.to_vec());
    Some(request)
}

pub fn run(bytes: &[u8]) {
    let Some(request) = request(bytes) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(async {
        let Ok(answer) = app().call(request).await;
        check(answer).await;
    });
}

/// Nothing fails inside, and an error says what is wrong in the one form of errors.
async fn check(answer: Response) {
    let status = answer.status();
    assert!(!status.is_server_error() || status == StatusCode::SERVICE_UNAVAILABLE, "{status}");
    assert!(answer.headers().contains_key("content-security-policy"));
    let json = answer.headers().get("content-type").is_some_and(|kind| kind == "application/json");
    let body = to_bytes(answer.into_body(), 1 << 24).await.expect("a body");
    if json && !body.is_empty() {
        let value: serde_json::Value = serde_json::from_slice(&body).expect("it is JSON");
        let said = value["error"]["message"].as_str().is_some_and(|text| !text.is_empty());
        assert!(!status.is_client_error() || said, "{status} {value}");
    }
}
