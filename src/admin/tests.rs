//! The API over a real socket, asked by a real client.

mod actions;
mod pages;

use std::sync::{Arc, Mutex};

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::fixture::{self, KEY};
use super::snapshot::{NotReady, Snapshot};
use super::*;
use crate::clock::ManualClock;
use crate::engine::io::{Change, Table};
use crate::event::Time;
use crate::lines::{RowState, ScoreLine};
use crate::metrics::Metrics;
use crate::stats::Tail;
use crate::store::Memory;

/// A secret that must not be seen anywhere.
const TOKEN: &str = "canary-token-of-the-api";
const KEY_TEXT: &str = "whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5";

/// Notes what it is asked and answers as told.
pub(crate) struct FakeControl {
    token: Option<Secret>,
    asked: Mutex<Vec<Command>>,
    reply: Mutex<Result<Reply, Unavailable>>,
    reload: Mutex<Result<Vec<String>, String>>,
}

impl Control for FakeControl {
    fn command(&self, command: Command) -> BoxFuture<'_, Result<Reply, Unavailable>> {
        self.asked.lock().unwrap().push(command);
        Box::pin(std::future::ready(self.reply.lock().unwrap().clone()))
    }

    fn reload(&self) -> BoxFuture<'_, Result<Vec<String>, String>> {
        Box::pin(std::future::ready(self.reload.lock().unwrap().clone()))
    }

    fn notify_test(&self, name: String) -> BoxFuture<'_, Result<Option<String>, TestFailed>> {
        let result = match name.as_str() {
            "oncall" => Ok(Some("thanks".to_owned())),
            "down" => Err(TestFailed::NotAccepted("http://x answered 503".to_owned())),
            _ => Err(TestFailed::Unknown(name)),
        };
        Box::pin(std::future::ready(result))
    }

    fn token(&self) -> Option<Secret> {
        self.token.clone()
    }

    fn callback_token(&self, run: &str) -> String {
        format!("token-of-{run}")
    }

    fn callback_keys(&self, model: Option<&str>) -> Vec<SigningKey> {
        assert!(model.is_none_or(|model| model == "demand"));
        vec![SigningKey::parse(KEY_TEXT).unwrap()]
    }
}

/// A running API.
pub(crate) struct Api {
    pub url: String,
    pub snapshots: Snapshots,
    pub control: Arc<FakeControl>,
    pub clock: Arc<ManualClock>,
    client: Client,
}

impl Api {
    pub(crate) async fn with(token: Option<&str>) -> Api {
        let snapshots = fixture::snapshot().shared();
        let clock = ManualClock::at(fixture::time("2026-11-02T00:02:00Z"));
        let control = Arc::new(FakeControl {
            token: token.map(|token| Secret::new("env:DRIFTD_TOKEN", Some(token))),
            asked: Mutex::default(),
            reply: Mutex::new(Ok(Reply::Done)),
            reload: Mutex::new(Ok(vec!["http.listen".to_owned()])),
        });
        let store: Arc<dyn Store> = Arc::new(Memory::default());
        let rows = (0..2_500).map(|n| {
            let window_end = Time(fixture::score().window.end.0 + n * 3_600_000_000);
            let mut line = fixture::score();
            line.window.end = window_end;
            line.series = if n % 2 == 0 { "features.fare".into() } else { "prediction".into() };
            line.tail = Some(Tail::Smirnov { distance: 1.0 / 3.0, m: 30, n: 20 });
            let mut key = b"demand\0".to_vec();
            key.extend_from_slice(&((window_end.0 as u64) ^ (1 << 63)).to_be_bytes());
            let value = Some(serde_json::to_vec(&line).unwrap());
            Change { table: Table::Scores, key, value }
        });
        store.commit(&rows.collect::<Vec<_>>()).unwrap();
        let exporter = Exporter::new(&Metrics::default(), Arc::clone(&snapshots), clock.clone());
        let app = App {
            snapshots: Arc::clone(&snapshots),
            store,
            exporter,
            control: control.clone(),
            clock: clock.clone(),
            replays: Replays::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, Arc::new(app)));
        Api { url, snapshots, control, clock, client: Client::new() }
    }

    pub(crate) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let response = self.ask(Method::GET, path).send().await.unwrap();
        let status = response.status();
        assert_eq!(response.headers()["content-type"], "application/json", "{path}");
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap())
    }

    fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        let mut snapshot = fixture::snapshot();
        change(&mut snapshot);
        self.snapshots.store(Arc::new(snapshot));
    }
}

fn code(body: &Value) -> &str {
    assert!(body["error"]["message"].as_str().is_some_and(|m| !m.is_empty()), "{body}");
    body["error"]["code"].as_str().unwrap()
}

#[tokio::test]
async fn readiness_gives_its_reasons() {
    let api = Api::with(None).await;
    assert_eq!(api.get("/healthz").await.0, StatusCode::OK);
    let (status, body) = api.get("/readyz").await;
    assert_eq!((status, body), (StatusCode::OK, json!({ "ready": true, "reasons": [] })));
    api.change(|s| {
        s.not_ready.push(NotReady { code: "disk_full".into(), message: "no space".into() });
    });
    let (status, body) = api.get("/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let reason = json!({ "code": "disk_full", "message": "no space" });
    assert_eq!(body, json!({ "ready": false, "reasons": [reason] }));
    assert_eq!(api.get("/healthz").await.0, StatusCode::OK);
}

#[tokio::test]
async fn metrics_come_in_the_flavour_asked_for() {
    let api = Api::with(None).await;
    let plain = api.ask(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(plain.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert!(plain.text().await.unwrap().contains("\ndriftd_outbox_pending 1"));
    let accept = "application/openmetrics-text; version=1.0.0";
    let open = api.ask(Method::GET, "/metrics").header("accept", accept).send().await.unwrap();
    assert!(open.text().await.unwrap().ends_with("# EOF\n"));
}

#[tokio::test]
async fn lists_are_items_and_next_and_filters_filter() {
    let api = Api::with(None).await;
    let count = async |path: &str| {
        let (status, body) = api.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        assert_eq!(body["next"], Value::Null, "{path}");
        assert_eq!(body.as_object().unwrap().len(), 2, "{path}");
        body["items"].as_array().unwrap().len()
    };
    for (path, items) in [
        ("/api/v1/models", 1),
        ("/api/v1/monitors", 2),
        ("/api/v1/monitors?model=other", 0),
        ("/api/v1/incidents", 2),
        ("/api/v1/incidents?state=firing", 1),
        ("/api/v1/incidents?state=resolved&model=demand", 1),
        ("/api/v1/incidents?severity=warning", 0),
        ("/api/v1/outbox", 2),
        ("/api/v1/outbox?state=pending", 1),
        ("/api/v1/outbox?to=nobody", 0),
        ("/api/v1/runs?model=demand&state=accepted", 1),
        ("/api/v1/runs?state=timed_out", 0),
        ("/api/v1/silences", 1),
    ] {
        assert_eq!(count(path).await, items, "{path}");
    }
    let (_, body) = api.get("/api/v1/incidents?state=firing").await;
    let line = serde_json::to_value(fixture::incident(None).line).unwrap();
    assert_eq!(body["items"][0], line);
    assert_eq!(body["items"][0]["type"], "incident");
    let (_, body) = api.get("/api/v1/status").await;
    assert_eq!((&body["incidents_firing"], &body["ready"]), (&json!(1), &json!(true)));
    assert_eq!(body["models"][0]["watermark_lag_seconds"], 90.0);
    assert_eq!(body["models"][0]["crowded_out"], 3);
    assert_eq!(body["models"][0]["unjoined"], 5);
}

#[tokio::test]
async fn long_lists_come_in_pages_that_join_without_a_gap() {
    let api = Api::with(None).await;
    api.change(|s| {
        s.status.outbox = (0..2_345).map(|n| fixture::message(n, RowState::Pending)).collect();
    });
    let mut path = "/api/v1/outbox?state=pending".to_owned();
    let mut ids = Vec::new();
    let mut pages = Vec::new();
    loop {
        let (_, body) = api.get(&path).await;
        let items = body["items"].as_array().unwrap();
        pages.push(items.len());
        ids.extend(items.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        match body["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(pages, [1_000, 1_000, 345]);
    let expected: Vec<String> = (0..2_345).map(|n| format!("msg_{n:04}")).collect();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn scores_are_filtered_and_paged() {
    let api = Api::with(None).await;
    let mut path = "/api/v1/scores?model=demand&series=features.fare".to_owned();
    let mut lines: Vec<ScoreLine> = Vec::new();
    let mut pages = 0;
    loop {
        let (status, body) = api.get(&path).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        lines.extend(serde_json::from_value::<Vec<ScoreLine>>(body["items"].clone()).unwrap());
        pages += 1;
        match body["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!((lines.len(), pages), (1_250, 2));
    assert!(lines.windows(2).all(|pair| pair[0].window.end < pair[1].window.end));
    assert!(lines.iter().all(|line| &*line.series == "features.fare"));
    // What is left for later in the store is summed for the reader.
    assert!(lines.iter().all(|line| line.tail.is_none() && line.p_value.is_some()));
    let items = async |query: &str| {
        let (status, body) = api.get(&format!("/api/v1/scores?{query}")).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body["items"].as_array().unwrap().len()
    };
    // Window ends in (from, to]: hours 1, 2 and 3 after the first.
    let span = "from=2026-11-02T00:00:00Z&to=2026-11-02T03:00:00Z";
    assert_eq!(items(span).await, 3);
    assert_eq!(items("model=nobody").await, 0);
    assert_eq!(items("segment=city:Oslo").await, 0);
    assert_eq!(items("segment=&limit=7").await, 7);
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused_in_one_form() {
    let api = Api::with(None).await;
    for path in [
        "/api/v1/incidents?sate=firing",
        "/api/v1/incidents?state=fring",
        "/api/v1/incidents?state=firing&state=resolved",
        "/api/v1/incidents?limit=0",
        "/api/v1/incidents?limit=1001",
        "/api/v1/incidents?after=x",
        "/api/v1/scores?from=yesterday",
        "/api/v1/scores?revision=first",
        "/api/v1/scores?segment=Oslo",
        "/api/v1/scores?after=xyz",
        "/api/v1/scores?after=%C3%A9%C3%A9",
        "/api/v1/runs/%FF",
    ] {
        let (status, body) = api.get(path).await;
        assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "bad_request"), "{path}");
    }
    for path in ["/nothing", "/api/v1/nothing", "/api/v1/incidents/ffff", "/api/v1/runs/none"] {
        let (status, body) = api.get(path).await;
        assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "not_found"), "{path}");
    }
    let put = api.ask(Method::PUT, "/api/v1/status").send().await.unwrap();
    assert_eq!(put.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(code(&put.json().await.unwrap()), "method_not_allowed");
}

#[tokio::test]
async fn an_incident_is_found_by_its_unique_beginning() {
    let api = Api::with(None).await;
    let (status, body) = api.get(&format!("/api/v1/incidents/{}", &KEY[..6])).await;
    assert_eq!((status, &body["key"]), (StatusCode::OK, &json!(KEY)));
    assert_eq!(body["data"]["findings"][0]["level"], 0.25);
    assert_eq!(
        (body["told"].clone(), body["messages"].as_array().unwrap().len()),
        (json!(["oncall"]), 2)
    );
    assert_eq!(body["runs"][0]["state"], "accepted");
    api.change(|s| {
        s.status.incidents = vec![fixture::incident(Some('a')), {
            let mut other = fixture::incident(Some('a'));
            other.line.key.replace_range(31.., "b");
            other
        }]
    });
    let (status, body) = api.get("/api/v1/incidents/aa").await;
    assert_eq!((status, code(&body)), (StatusCode::CONFLICT, "ambiguous"));
    let (status, _) = api.get(&format!("/api/v1/incidents/{}", "a".repeat(32))).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(api.get("/api/v1/runs/run-00").await.1["id"], "run-0011223344556677");
}

#[tokio::test]
async fn openapi_describes_every_route_and_every_route_answers() {
    let api = Api::with(Some(TOKEN)).await;
    let (_, document) = api.get("/openapi.json").await;
    let mut described = 0;
    for route in routes::ROUTES {
        let operation = &document["paths"][route.path][route.method];
        assert_eq!(operation["summary"], route.summary, "{} {}", route.method, route.path);
        for name in route.path.split('{').skip(1).map(|p| p.split('}').next().unwrap()) {
            let mut parameters = operation["parameters"].as_array().unwrap().iter();
            assert!(parameters.any(|p| p["name"] == name && p["in"] == "path"), "{name}");
        }
        described += 1;
        // A route that is not there answers with this sentence.
        let path = route.path.replace(['{', '}'], "");
        let method = Method::from_bytes(route.method.to_uppercase().as_bytes()).unwrap();
        let text = api.ask(method, &path).send().await.unwrap().text().await.unwrap();
        assert!(!text.contains("there is nothing at"), "{path}: {text}");
        assert!(!text.contains("does not take this method"), "{path}: {text}");
    }
    let methods = |path: &Value| path.as_object().unwrap().len();
    let all: usize = document["paths"].as_object().unwrap().values().map(methods).sum();
    assert_eq!(all, described);
    let mut ids: Vec<&str> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    let before = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), before, "operation ids are unique");
}

#[tokio::test]
async fn every_agreed_path_is_there() {
    let agreed = [
        ("get", "/healthz"),
        ("get", "/readyz"),
        ("get", "/metrics"),
        ("get", "/openapi.json"),
        ("get", "/incidents/{key}"),
        ("get", "/api/v1/status"),
        ("get", "/api/v1/models"),
        ("get", "/api/v1/monitors"),
        ("get", "/api/v1/scores"),
        ("get", "/api/v1/incidents"),
        ("get", "/api/v1/incidents/{key}"),
        ("get", "/api/v1/outbox"),
        ("get", "/api/v1/runs"),
        ("get", "/api/v1/runs/{id}"),
        ("get", "/api/v1/silences"),
        ("post", "/-/reload"),
        ("post", "/api/v1/silences"),
        ("post", "/api/v1/models/{model}/retrain"),
        ("post", "/api/v1/runs/{id}"),
        ("delete", "/api/v1/silences/{id}"),
    ];
    for (method, path) in agreed {
        assert!(routes::ROUTES.iter().any(|r| (r.method, r.path) == (method, path)), "{path}");
    }
}
