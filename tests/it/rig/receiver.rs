//! An HTTP receiver that records every request and answers by a script.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::wait_until;

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub at: Instant,
}

impl Request {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// Verified by the independent implementation of Standard Webhooks.
    pub fn verify(&self, secret: &str) {
        let webhook = standardwebhooks::Webhook::new(secret).expect("a secret");
        webhook.verify(&self.body, &self.headers).expect("the signature holds");
    }
}

/// One scripted answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub delay: Duration,
}

impl Answer {
    pub fn status(status: u16) -> Answer {
        Answer { status, headers: Vec::new(), delay: Duration::ZERO }
    }
}

#[derive(Default)]
struct Memory {
    requests: Vec<Request>,
    script: BTreeMap<String, VecDeque<Answer>>,
}

/// The receiver; it lives as long as the test process.
#[derive(Clone)]
pub struct Receiver {
    port: u16,
    memory: Arc<Mutex<Memory>>,
}

impl Receiver {
    pub fn start() -> Receiver {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let memory: Arc<Mutex<Memory>> = Arc::default();
        let shared = memory.clone();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let app = axum::Router::new().fallback(answer).with_state(shared);
                axum::serve(listener, app).await.unwrap();
            });
        });
        Receiver { port, memory }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The next requests to `path` are answered so; afterwards 202.
    pub fn script(&self, path: &str, answers: &[Answer]) {
        let mut memory = self.memory.lock().unwrap();
        memory.script.entry(path.to_owned()).or_default().extend(answers.iter().cloned());
    }

    /// Every further request is accepted.
    pub fn forgive(&self) {
        self.memory.lock().unwrap().script.clear();
    }

    pub fn requests(&self, path: &str) -> Vec<Request> {
        let memory = self.memory.lock().unwrap();
        memory.requests.iter().filter(|r| r.path == path).cloned().collect()
    }

    /// Waits for at least `n` requests to `path`.
    pub fn wait_for(&self, path: &str, n: usize, timeout: Duration) -> Vec<Request> {
        wait_until(&format!("{n} requests to {path}"), timeout, || {
            let requests = self.requests(path);
            (requests.len() >= n).then_some(requests)
        })
    }
}

async fn answer(
    State(memory): State<Arc<Mutex<Memory>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().to_owned();
    let scripted = {
        let mut memory = memory.lock().unwrap();
        memory.requests.push(Request {
            method: method.to_string(),
            path: path.clone(),
            headers,
            body: body.to_vec(),
            at: Instant::now(),
        });
        memory.script.get_mut(&path).and_then(VecDeque::pop_front)
    };
    let scripted = scripted.unwrap_or_else(|| Answer::status(202));
    tokio::time::sleep(scripted.delay).await;
    let status = StatusCode::from_u16(scripted.status).unwrap();
    let mut response = (status, "{}").into_response();
    for (name, value) in scripted.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}
