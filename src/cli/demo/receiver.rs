//! The company's pager, event catcher and training job: real HTTP, signatures verified.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};

use super::city::{City, write_reference};
use crate::clock;
use crate::event::Time;
use crate::notify::signature::{SigningKey, verify};

/// The secret of the demo's webhooks; no secret of anybody.
pub(super) const SECRET: &str = "whsec_ZHJpZnRkIGRlbW8sIG5vdCBhIHNlY3JldCBhdCBhbGw=";

/// What arrived.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    pub pages: usize,
    pub retrainings: usize,
    pub resolved: usize,
    pub unsigned: usize,
}

/// The receiver; lives as long as the process.
#[derive(Clone)]
pub(super) struct Receiver {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    seen: Mutex<Seen>,
    /// Keys of incidents that were paged.
    keys: Mutex<BTreeSet<String>>,
    now: Mutex<Time>,
    folder: PathBuf,
    retrained: Arc<AtomicBool>,
}

impl Receiver {
    pub(super) fn start(folder: PathBuf, retrained: Arc<AtomicBool>) -> anyhow::Result<Receiver> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            seen: Mutex::default(),
            keys: Mutex::default(),
            now: Mutex::new(Time(0)),
            folder,
            retrained,
        });
        let state = shared.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::spawn(move || {
            runtime.block_on(async move {
                let app = Router::new()
                    .route("/pager", post(pager))
                    .route("/events", post(events))
                    .route("/retrain", post(retrain))
                    .with_state(state);
                if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                    let _ = axum::serve(listener, app).await;
                }
            });
        });
        Ok(Receiver { port, shared })
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn seen(&self) -> Seen {
        *self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_now(&self, now: Time) {
        *self.shared.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// A line of the story.
    pub(super) fn tell(&self, at: Time, what: &str) {
        println!("{at}  {what}");
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn tell(&self, what: &str) {
        let now = *self.now.lock().unwrap_or_else(PoisonError::into_inner);
        println!("{now}  {what}");
    }

    /// Whether a message bears our signature.
    fn signed(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let good = SigningKey::parse(SECRET).is_ok_and(|key| {
            verify(
                &[key],
                text("webhook-id"),
                text("webhook-timestamp"),
                body,
                text("webhook-signature"),
                clock::now(),
            )
        });
        if !good {
            self.change(|seen| seen.unsigned += 1);
        }
        good
    }
}

async fn pager(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    let page: Value = serde_json::from_slice(&body).unwrap_or_default();
    let summary = page["payload"]["summary"].as_str().unwrap_or_default();
    match page["event_action"].as_str() {
        Some("trigger") => {
            let key = page["dedup_key"].as_str().unwrap_or_default().to_owned();
            let new = shared.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
            shared.change(|seen| seen.pages += usize::from(new));
            shared.tell(&format!("{}  {summary}", if new { "PAGE    " } else { "UPDATE  " }));
        }
        _ => {
            shared.change(|seen| seen.resolved += 1);
            shared.tell("RESOLVED  the page is closed");
        }
    }
    StatusCode::ACCEPTED
}

async fn events(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if shared.signed(&headers, &body) { StatusCode::OK } else { StatusCode::UNAUTHORIZED }
}

async fn retrain(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if !shared.signed(&headers, &body) {
        return StatusCode::UNAUTHORIZED;
    }
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    shared.change(|seen| seen.retrainings += 1);
    shared
        .tell("RETRAIN   the training job is called, with the slice of data that shows the error");
    tokio::spawn(train(shared, request));
    StatusCode::ACCEPTED
}

/// The training job: a second of work, a new version with its reference, two reports.
async fn train(shared: Arc<Shared>, request: Value) {
    let run = &request["data"]["run"]["callback"];
    let (Some(url), Some(token)) = (run["url"].as_str(), run["token"].as_str()) else { return };
    report(url, token, json!({ "state": "running" })).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let now = *shared.now.lock().unwrap_or_else(PoisonError::into_inner);
    // Trained as if the festival had always been.
    let rides = City::new(now, 0).training(true);
    if let Err(error) = write_reference(&shared.folder, "v13", &rides) {
        eprintln!("the demo's training failed: {error:#}");
        return;
    }
    shared.retrained.store(true, Ordering::Relaxed);
    report(url, token, json!({ "state": "succeeded", "version": "v13" })).await;
    shared.tell("TRAINED   v13 is ready, with a reference of its own");
}

async fn report(url: &str, token: &str, body: Value) {
    let client = reqwest::Client::new();
    let sent = client.post(url).bearer_auth(token).json(&body).send().await;
    match sent {
        Ok(answer) if answer.status().is_success() => {}
        Ok(answer) => eprintln!("the callback was answered {}", answer.status()),
        Err(error) => eprintln!("the callback failed: {error}"),
    }
}
