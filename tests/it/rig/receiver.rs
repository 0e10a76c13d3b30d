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
    /// What it was answered; 0 where the line was cut instead.
    pub status: u16,
}

impl Request {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// Whether the sender knows that it was taken.
    pub fn accepted(&self) -> bool {
        (200..300).contains(&self.status)
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

/// One scripted answer; status 0: the request is taken, then the line is cut.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub delay: Duration,
    /// Says back everything that was sent, as the message of a JSON error.
    pub echo: bool,
}

impl Answer {
    pub fn status(status: u16) -> Answer {
        Answer { status, headers: Vec::new(), delay: Duration::ZERO, echo: false }
    }

    pub fn cut() -> Answer {
        Answer::status(0)
    }

    /// Says back everything that was sent.
    pub fn echo(status: u16) -> Answer {
        Answer { echo: true, ..Answer::status(status) }
    }

    pub fn with(mut self, name: &'static str, value: impl ToString) -> Answer {
        self.headers.push((name, value.to_string()));
        self
    }

    pub fn after(self, delay: Duration) -> Answer {
        Answer { delay, ..self }
    }
}

#[derive(Default)]
struct Memory {
    requests: Vec<Request>,
    script: BTreeMap<String, VecDeque<Answer>>,
    always: BTreeMap<String, Answer>,
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

    /// Requests to `path` that are not scripted are answered so from now on.
    pub fn always(&self, path: &str, answer: Answer) {
        self.memory.lock().unwrap().always.insert(path.to_owned(), answer);
    }

    /// The next requests to `path` are answered so; afterwards 202, or as always.
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
    let sent = format!("{uri} {headers:?} {}", String::from_utf8_lossy(&body));
    let scripted = {
        let mut memory = memory.lock().unwrap();
        let next = memory.script.get_mut(&path).and_then(VecDeque::pop_front);
        let next = next.or_else(|| memory.always.get(&path).cloned());
        let next = next.unwrap_or_else(|| Answer::status(202));
        memory.requests.push(Request {
            method: method.to_string(),
            path: path.clone(),
            headers,
            body: body.to_vec(),
            at: Instant::now(),
            status: next.status,
        });
        next
    };
    tokio::time::sleep(scripted.delay).await;
    if scripted.status == 0 {
        // Unwinds through the connection's task, which ends the connection.
        std::panic::resume_unwind(Box::new("cut"));
    }
    let status = StatusCode::from_u16(scripted.status).unwrap();
    let said = serde_json::json!({ "error_code": 40101, "message": sent }).to_string();
    let said = if scripted.echo { said } else { "{}".to_owned() };
    let mut response = (status, said).into_response();
    for (name, value) in scripted.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}
