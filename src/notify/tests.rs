//! Every reply that a receiver can give, by real servers on loopback.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::any;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// 24 bytes in base64; planted so that it is found wherever it leaks.
const KEY: &str = "whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5";
const OTHER_KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ROUTING_KEY: &str = "canary0routing0key0000000000000a";

/// What a receiver was sent.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub headers: HeaderMap,
    pub body: Bytes,
    pub path: String,
}

type Reply = Arc<dyn Fn(usize, &Seen) -> Response<Body> + Send + Sync>;

/// A server on loopback that remembers what it was sent.
#[derive(Clone)]
pub(crate) struct Stub {
    pub url: String,
    pub seen: Arc<Mutex<Vec<Seen>>>,
}

impl Stub {
    pub(crate) async fn answering(
        reply: impl Fn(usize, &Seen) -> Response<Body> + Send + Sync + 'static,
    ) -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let reply: Reply = Arc::new(reply);
        let app = Router::new().fallback(any(take)).with_state((Arc::clone(&seen), reply));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Stub { url, seen }
    }

    pub(crate) async fn status(status: u16) -> Stub {
        Stub::answering(move |_, _| plain(status, "said so")).await
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub(crate) fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().unwrap().clone()
    }
}

async fn take(
    State((seen, reply)): State<(Arc<Mutex<Vec<Seen>>>, Reply)>,
    uri: axum::http::Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let one = Seen { headers, body, path: uri.path().to_owned() };
    let number = {
        let mut list = seen.lock().unwrap();
        list.push(one.clone());
        list.len()
    };
    reply(number, &one)
}

pub(crate) fn plain(status: u16, text: &str) -> Response<Body> {
    Response::builder().status(status).body(Body::from(text.to_owned())).unwrap()
}

pub(crate) fn redirect(status: u16, to: &str) -> Response<Body> {
    Response::builder().status(status).header("location", to).body(Body::empty()).unwrap()
}

pub(crate) fn context() -> Context {
    let mut secrets = Secrets::default();
    secrets.insert(Secret::new("env:HOOK", Some(KEY)));
    secrets.insert(Secret::new("env:OTHER", Some(OTHER_KEY)));
    secrets.insert(Secret::new("env:ROUTING", Some(ROUTING_KEY)));
    secrets.insert(Secret::new("env:BAD", Some("canary-without-prefix")));
    secrets.insert(Secret::new("env:URL", Some("http://user:canary@127.0.0.1:1/canary?t=canary")));
    Context { http: Http::new(Callable::default()).unwrap(), secrets }
}

pub(crate) fn params(value: Value) -> Params {
    let Value::Object(map) = value else { return Params::new(Map::new()) };
    Params::new(map)
}

fn build(kind: &str, options: Value) -> Result<Arc<dyn Notifier>, ParamError> {
    let kind = NOTIFIERS.iter().find(|k| k.name == kind).unwrap();
    let mut params = params(options);
    let built = (kind.build)(&mut params, &context());
    assert!(built.is_err() || params.left_over().next().is_none(), "an option was left over");
    built
}

fn webhook(url: &str) -> Arc<dyn Notifier> {
    build("webhook", json!({ "url": url, "secret": "env:HOOK", "timeout": "1s" })).unwrap()
}

pub(crate) fn message() -> Message {
    Message {
        id: "msg_0001_a".into(),
        key: "0123456789abcdef0123456789abcdef".into(),
        to: "ml-events".into(),
        to_trainer: false,
        kind: MessageKind::Firing,
        severity: Severity::Critical,
        created: Time::parse("2026-11-01T02:12:00Z").unwrap(),
        data: json!({
            "name": "rides-prod",
            "incident": {
                "key": "0123456789abcdef0123456789abcdef", "state": "firing",
                "severity": "critical", "model": "demand", "version": "v12",
                "monitor": "feature-drift", "opened": "2026-11-01T02:10:00Z",
                "url": "http://127.0.0.1:7438/incidents/0123456789abcdef0123456789abcdef",
            },
            "findings": [{
                "type": "score", "series": "features.fare", "statistic": "psi", "segment": null,
                "score": 0.31, "level": 0.25,
                "reference_bins": [{ "bin": "< 1", "share": 0.5 }],
                "current_bins": [{ "bin": "< 1", "share": 0.9 }],
            }],
            "findings_total": 1,
            "window": { "start": "2026-10-31T02:10:00Z", "end": "2026-11-01T02:10:00Z" },
            "outcome_coverage": null,
            "reference": "abc",
        })
        .to_string(),
        run: None,
    }
}

/// The clock of attempts: the machine's, since the independent verifier asks it too.
fn attempt(number: u32) -> Attempt {
    Attempt { number, at: crate::clock::now() }
}

async fn deliver(notifier: &Arc<dyn Notifier>) -> Result<Option<String>, DeliveryError> {
    notifier.deliver(&message(), attempt(1)).await
}

fn why(result: Result<Option<String>, DeliveryError>) -> (&'static str, String) {
    match result.unwrap_err() {
        DeliveryError::Retry { why, .. } => ("retry", why),
        DeliveryError::Permanent { why } => ("dead", why),
    }
}

#[tokio::test]
async fn a_signed_webhook_satisfies_the_independent_verifier_and_repeats_its_bytes() {
    let stub = Stub::status(200).await;
    let notifier = webhook(&format!("{}/events", stub.url));
    assert_eq!(deliver(&notifier).await, Ok(Some("said so".to_owned())));
    let first = stub.last();
    assert_eq!(notifier.deliver(&message(), attempt(2)).await, Ok(Some("said so".to_owned())));
    let second = stub.last();
    assert_eq!(first.body, second.body);
    assert_eq!(first.headers["webhook-id"], second.headers["webhook-id"]);
    assert_eq!(
        (&*first.path, &first.headers["content-type"]),
        ("/events", &"application/json".parse().unwrap())
    );
    let verifier = standardwebhooks::Webhook::new(KEY).unwrap();
    verifier.verify(&first.body, &first.headers).unwrap();
    let body: Value = serde_json::from_slice(&first.body).unwrap();
    assert_eq!(body["type"], "incident.firing");
    assert_eq!(body["timestamp"], "2026-11-01T02:12:00Z");
    assert_eq!(body["data"], serde_json::from_str::<Value>(&message().data).unwrap());
    assert_eq!(body.as_object().unwrap().len(), 3);
}

#[tokio::test]
async fn while_rotating_both_secrets_verify() {
    let stub = Stub::status(204).await;
    let options = json!({ "url": stub.url, "secret": ["env:OTHER", "env:HOOK"] });
    let notifier = build("webhook", options).unwrap();
    assert_eq!(deliver(&notifier).await, Ok(None), "204 has no body");
    let seen = stub.last();
    for key in [KEY, OTHER_KEY] {
        standardwebhooks::Webhook::new(key).unwrap().verify(&seen.body, &seen.headers).unwrap();
    }
    let stranger = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let verifier = standardwebhooks::Webhook::new(stranger).unwrap();
    assert!(verifier.verify(&seen.body, &seen.headers).is_err());
}

#[tokio::test]
async fn every_status_has_its_verdict() {
    for (status, verdict) in [
        (400, "dead"),
        (401, "dead"),
        (403, "dead"),
        (404, "dead"),
        (409, "dead"),
        (410, "dead"),
        (408, "retry"),
        (425, "retry"),
        (429, "retry"),
        (500, "retry"),
        (503, "retry"),
        (599, "retry"),
    ] {
        let stub = Stub::status(status).await;
        let (what, why) = why(deliver(&webhook(&stub.url)).await);
        assert_eq!(what, verdict, "{status}: {why}");
        assert!(why.contains(&status.to_string()) && why.contains(&stub.url), "{why}");
        assert_eq!(stub.count(), 1);
    }
    for status in [200, 201, 202, 204] {
        assert!(deliver(&webhook(&Stub::status(status).await.url)).await.is_ok(), "{status}");
    }
}

#[tokio::test]
async fn redirects_are_named_and_not_followed() {
    let goal = Stub::status(200).await;
    for (status, verdict) in
        [(301, "dead"), (308, "dead"), (302, "retry"), (303, "retry"), (307, "retry")]
    {
        let to = format!("{}/elsewhere?t=canary", goal.url);
        let stub = Stub::answering(move |_, _| redirect(status, &to)).await;
        let (what, why) = why(deliver(&webhook(&stub.url)).await);
        assert_eq!(what, verdict, "{status}");
        assert!(why.contains(&goal.url) && !why.contains("canary"), "{why}");
    }
    assert_eq!(goal.count(), 0);
}

#[tokio::test]
async fn a_pause_that_the_receiver_asks_for_is_passed_on() {
    let stub = Stub::answering(|_, _| {
        let reply = Response::builder().status(StatusCode::TOO_MANY_REQUESTS);
        reply.header("retry-after", "7").body(Body::empty()).unwrap()
    })
    .await;
    let error = deliver(&webhook(&stub.url)).await.unwrap_err();
    assert!(
        matches!(error, DeliveryError::Retry { after: Some(after), .. } if after.as_secs() == 7),
        "{error:?}"
    );
}

/// A server of raw bytes: for each connection, what to write, piece by piece.
async fn raw(head: &'static str, piece: Vec<u8>, pieces: usize, every: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let piece = piece.clone();
            tokio::spawn(async move {
                let mut request = vec![0; 65_536];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(head.as_bytes()).await;
                for _ in 0..pieces {
                    tokio::time::sleep(every).await;
                    if stream.write_all(&piece).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn a_status_that_never_comes_and_headers_that_drip_end_at_the_deadline() {
    for (head, drop) in [("HTTP/1.1 ", "2"), ("HTTP/1.1 200 OK\r\n", "x-more: 1\r\n")] {
        let url = raw(head, drop.into(), 1_000, Duration::from_millis(50)).await;
        let begun = std::time::Instant::now();
        let (what, why) = why(deliver(&webhook(&url)).await);
        assert_eq!(what, "retry");
        assert!(why.contains("within 1 s"), "{why}");
        assert!(begun.elapsed() < Duration::from_secs(3));
    }
}

#[tokio::test]
async fn a_body_that_drips_after_200_is_delivered_and_not_waited_for() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
    let url = raw(head, vec![b'x'], 1_000_000, Duration::from_millis(100)).await;
    let begun = std::time::Instant::now();
    assert!(deliver(&webhook(&url)).await.is_ok());
    assert!(begun.elapsed() < Duration::from_secs(8));
}

#[tokio::test]
async fn a_huge_reply_is_read_to_its_cap_only() {
    let head = "HTTP/1.1 500 No\r\ncontent-length: 100000000000\r\n\r\n";
    let url = raw(head, vec![b'x'; 65_536], 1_000_000, Duration::ZERO).await;
    let begun = std::time::Instant::now();
    let (what, why) = why(deliver(&webhook(&url)).await);
    assert_eq!(what, "retry");
    assert!(why.chars().count() < 400 && why.contains("xxx"), "{why}");
    // Shorter than the patience with bodies: the cap ended it, not the clock.
    assert!(begun.elapsed() < Duration::from_millis(1_500));
}

#[tokio::test]
async fn hang_ups_and_closed_ports_are_worth_another_try() {
    let hang_up = raw("", Vec::new(), 0, Duration::ZERO).await;
    let (what, text) = why(deliver(&webhook(&hang_up)).await);
    assert_eq!(what, "retry");
    assert!(text.contains("cannot be reached"), "{text}");
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (what, text) = why(deliver(&webhook(&format!("http://{free}"))).await);
    assert_eq!(what, "retry");
    assert!(text.contains("refused"), "{text}");
    let (what, text) = why(deliver(&webhook("http://no-such-host.invalid/x")).await);
    assert_eq!((what, text.contains("no-such-host.invalid")), ("retry", true), "{text}");
}

#[tokio::test]
async fn pagerduty_gets_a_trigger_with_its_documented_fields_and_a_resolve() {
    let stub = Stub::answering(|_, _| {
        plain(202, r#"{"status":"success","message":"Event processed","dedup_key":"k"}"#)
    })
    .await;
    let options = json!({ "routing_key": "env:ROUTING", "url": stub.url });
    let notifier = build("pagerduty", options).unwrap();
    deliver(&notifier).await.unwrap();
    let seen = stub.last();
    assert_eq!(seen.path, "/v2/enqueue");
    let event: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(
        event,
        json!({
            "routing_key": ROUTING_KEY,
            "event_action": "trigger",
            "dedup_key": "0123456789abcdef0123456789abcdef",
            "client": "driftd",
            "client_url": "http://127.0.0.1:7438/incidents/0123456789abcdef0123456789abcdef",
            "links": [{
                "href": "http://127.0.0.1:7438/incidents/0123456789abcdef0123456789abcdef",
                "text": "Incident in driftd",
            }],
            "payload": {
                "summary":
                    "[rides-prod] demand: psi of fare 0.31 (level 0.25), since 02:10 UTC (v12)",
                "source": "rides-prod",
                "severity": "critical",
                "timestamp": "2026-11-01T02:12:00Z",
                "component": "demand",
                "class": "psi",
                "custom_details": {
                    "findings": [{
                        "type": "score", "series": "features.fare", "statistic": "psi",
                        "segment": null, "score": 0.31, "level": 0.25,
                    }],
                    "findings_total": 1,
                    "window":
                        { "start": "2026-10-31T02:10:00Z", "end": "2026-11-01T02:10:00Z" },
                    "reference": "abc",
                },
            },
        })
    );
    // An update is a trigger with the same key.
    let updated = Message { kind: MessageKind::Updated, id: "msg_0002_a".into(), ..message() };
    notifier.deliver(&updated, attempt(1)).await.unwrap();
    let update: Value = serde_json::from_slice(&stub.last().body).unwrap();
    assert_eq!(
        (&update["event_action"], &update["dedup_key"]),
        (&json!("trigger"), &event["dedup_key"])
    );
    let resolved = Message { kind: MessageKind::Resolved, ..message() };
    notifier.deliver(&resolved, attempt(1)).await.unwrap();
    let resolve: Value = serde_json::from_slice(&stub.last().body).unwrap();
    assert_eq!(
        resolve,
        json!({
            "routing_key": ROUTING_KEY, "event_action": "resolve",
            "dedup_key": "0123456789abcdef0123456789abcdef",
        })
    );
    let test = test_message("rides-prod", "oncall", "1", crate::clock::now());
    notifier.deliver(&test, attempt(1)).await.unwrap();
    let test: Value = serde_json::from_slice(&stub.last().body).unwrap();
    assert_eq!(test["payload"]["severity"], "info");
    assert!(test["payload"]["summary"].as_str().unwrap().contains("Nothing is wrong"));
}

#[test]
fn pagerdutys_own_path_is_kept() {
    let parse = |url| Target::parse(url, &Callable::default()).unwrap();
    let target = |url| parse(url).or_path("/v2/enqueue");
    assert_eq!(target("http://p.example"), parse("http://p.example/v2/enqueue"));
    assert_eq!(target("http://p.example/x"), parse("http://p.example/x"));
}

#[tokio::test]
async fn no_secret_is_in_any_sentence() {
    let echo = Stub::answering(|_, seen| {
        let headers = format!("{:?}", seen.headers);
        let body = String::from_utf8_lossy(&seen.body).into_owned();
        plain(400, &format!("{} {body} {headers}", seen.path))
    })
    .await;
    let host = echo.url.trim_start_matches("http://");
    let hidden = format!("http://user:canary@{host}/hooks/canary?token=canary");
    let pager = json!({ "routing_key": "env:ROUTING", "url": hidden.as_str() });
    let hook = json!({ "url": hidden.as_str(), "secret": "env:HOOK" });
    let unreachable = json!({ "url": "env:URL", "secret": "env:HOOK" });
    for (kind, options) in [("pagerduty", pager), ("webhook", hook), ("webhook", unreachable)] {
        let notifier = build(kind, options).unwrap();
        let error = deliver(&notifier).await.unwrap_err();
        let text = format!("{error} {error:?} {notifier:?}").to_lowercase();
        assert!(!text.contains("canary"), "{text}");
    }
    assert_eq!(echo.count(), 2);
    assert!(echo.last().path.contains("canary"), "the canary never reached the receiver");
    for (kind, options) in [
        ("webhook", json!({ "url": "http://x/", "secret": "env:BAD" })),
        ("webhook", json!({ "url": "http://x/", "secret": "canary" })),
        ("webhook", json!({ "url": "canary://x/", "secret": "env:HOOK" })),
        ("webhook", json!({ "url": "http://169.254.169.254/canary", "secret": "env:HOOK" })),
        ("pagerduty", json!({ "routing_key": "canary" })),
    ] {
        let error = build(kind, options).unwrap_err();
        assert!(
            !format!("{error} {error:?}").replace("'canary:'", "").contains("canary"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_secret_that_was_not_read_builds_but_does_not_deliver() {
    let stub = Stub::status(200).await;
    for (kind, options) in [
        ("webhook", json!({ "url": stub.url.as_str(), "secret": "env:NOT_SET" })),
        ("webhook", json!({ "url": "env:NOT_SET", "secret": "env:HOOK" })),
        ("pagerduty", json!({ "routing_key": "env:NOT_SET", "url": stub.url.as_str() })),
    ] {
        let (what, text) = why(deliver(&build(kind, options).unwrap()).await);
        assert_eq!(what, "retry");
        assert!(text.contains("was not read"), "{text}");
    }
    assert_eq!(stub.count(), 0);
}

#[test]
fn missing_and_wrong_options_are_refused_by_name() {
    for (kind, options, key) in [
        ("webhook", json!({ "secret": "env:HOOK" }), "url"),
        ("webhook", json!({ "url": "http://x/" }), "secret"),
        (
            "webhook",
            json!({ "url": "http://x/", "secret": ["env:HOOK", "env:HOOK", "env:HOOK"] }),
            "secret",
        ),
        (
            "webhook",
            json!({ "url": "http://x/", "secret": "env:HOOK", "timeout": "0s" }),
            "timeout",
        ),
        ("webhook", json!({ "url": "http://x/", "secret": "env:HOOK", "give_up": "x" }), "give_up"),
        ("pagerduty", json!({}), "routing_key"),
        ("pagerduty", json!({ "routing_key": "env:ROUTING", "url": "nope" }), "url"),
    ] {
        assert_eq!(build(kind, options).unwrap_err().key, key);
    }
    let notifier =
        build("webhook", json!({ "url": "http://x/", "secret": "env:HOOK", "give_up": "1h" }));
    assert_eq!(notifier.unwrap().give_up(), Span::from_secs(3600));
}

#[tokio::test]
async fn every_notifier_is_documented_and_the_log_takes_everything() {
    for kind in NOTIFIERS {
        assert!(!kind.summary.is_empty());
        assert!(kind.options.iter().all(|o| !o.doc.is_empty() && !o.kind.is_empty()));
    }
    let log = build("log", json!({})).unwrap();
    for kind in [MessageKind::Firing, MessageKind::Resolved, MessageKind::Test] {
        let strange = Message { kind, data: "no JSON".into(), ..message() };
        assert_eq!(log.deliver(&strange, attempt(1)).await, Ok(None));
    }
}
