//! A listener that holds a bounded number of connections, and none for longer than it is used: who
//! sends its request, head or body, drop by drop, or nothing at all, makes room for scrapers and
//! probes.

use std::convert::Infallible;
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep};
use tower::Service as _;

use super::BODY_BYTES;
use super::answer::ApiError;
use super::guard::{PATIENCE, timed_out};

/// What a listener bears.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Connections at the same time.
    most: usize,
    /// A connection on which nothing was read or written for so long is closed.
    idle: Duration,
    /// Longest time from one answer to the last line of the next request's head.
    head: Duration,
}

impl Default for Bounds {
    fn default() -> Bounds {
        let (idle, head) = (Duration::from_secs(75), Duration::from_secs(20));
        Bounds { most: 256, idle, head }
    }
}

/// Largest head of a request.
const HEAD_BYTES: usize = 32 * 1024;
/// How long to wait for a place while every connection is being answered.
const PAUSE: Duration = Duration::from_millis(20);

/// A connection that may have to make room.
struct Guest {
    task: AbortHandle,
    /// It is being answered.
    busy: Arc<AtomicBool>,
}

/// Answers until the returned future is dropped.
pub(super) async fn serve(mut listener: TcpListener, router: Router, bounds: Bounds) -> Infallible {
    let mut settings = http1::Builder::new();
    settings.timer(TokioTimer::new()).header_read_timeout(bounds.head).max_buf_size(HEAD_BYTES);
    let mut guests: Vec<Guest> = Vec::new();
    loop {
        let (stream, _) = Listener::accept(&mut listener).await;
        make_room(&mut guests, bounds.most).await;
        let busy = Arc::new(AtomicBool::new(false));
        let service = {
            let (router, busy) = (router.clone(), Arc::clone(&busy));
            service_fn(move |request: hyper::Request<Incoming>| {
                let (mut router, busy) = (router.clone(), Arc::clone(&busy));
                async move {
                    let (head, body) = request.into_parts();
                    let body = to_bytes(Body::new(body), BODY_BYTES);
                    let body = match tokio::time::timeout(PATIENCE, body).await {
                        Ok(Ok(body)) => body,
                        Ok(Err(_)) => return Ok(too_large().into_response()),
                        Err(_) => {
                            let answer = timed_out("the body of the request took too long");
                            return Ok(answer.into_response());
                        }
                    };
                    busy.store(true, Ordering::Relaxed);
                    let answer = router.call(Request::from_parts(head, Body::from(body))).await;
                    busy.store(false, Ordering::Relaxed);
                    answer
                }
            })
        };
        let connection = TokioIo::new(Connection::new(stream, bounds.idle));
        let serving = settings.serve_connection(connection, service);
        // How it ends is nobody's business but the client's.
        let task = tokio::spawn(async move { drop(serving.await) }).abort_handle();
        guests.push(Guest { task, busy });
    }
}

fn too_large() -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        "the body is too large, or ended early",
    )
}

/// Waits until there is room for one more. Of connections that wait for a request, the one that
/// has been here longest is closed for it.
async fn make_room(guests: &mut Vec<Guest>, most: usize) {
    loop {
        guests.retain(|guest| !guest.task.is_finished());
        if guests.len() < most {
            return;
        }
        match guests.iter().position(|guest| !guest.busy.load(Ordering::Relaxed)) {
            Some(at) => guests.remove(at).task.abort(),
            None => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// One connection.
#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    patience: Duration,
    idle: Pin<Box<Sleep>>,
}

impl Connection {
    fn new(stream: TcpStream, patience: Duration) -> Connection {
        Connection { stream, patience, idle: Box::pin(tokio::time::sleep(patience)) }
    }

    /// Notes that something moved; or, while nothing does, whether it is time to close.
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            let until = Instant::now() + self.patience;
            self.idle.as_mut().reset(until);
            return polled;
        }
        match self.idle.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.watch(cx, polled)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const SHORT: Duration = Duration::from_millis(300);
    const PATIENCE: Duration = Duration::from_secs(10);

    /// The address of a listener that answers `/` at once and `/slow` never.
    async fn listening(bounds: Bounds) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/", get(|| async { "here" }))
            .route("/slow", get(std::future::pending::<()>));
        tokio::spawn(serve(listener, router, bounds));
        address
    }

    async fn send(address: SocketAddr, text: &str) -> TcpStream {
        let connecting = tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await;
        let mut stream = connecting.expect("there is room").unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// What comes until the other side closes.
    async fn rest(stream: &mut TcpStream) -> String {
        let mut bytes = Vec::new();
        let reading = stream.read_to_end(&mut bytes);
        let _ = tokio::time::timeout(PATIENCE, reading).await.expect("it is closed");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    const ASK: &str = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

    #[tokio::test]
    async fn a_head_that_drips_or_never_comes_is_not_waited_for() {
        let address = listening(Bounds { head: SHORT, ..Bounds::default() }).await;
        let mut silent = TcpStream::connect(address).await.unwrap();
        assert_eq!(rest(&mut silent).await, "");
        let (mut reading, mut writing) = send(address, "GET / HTTP/1.1\r\n").await.into_split();
        let dripping = tokio::spawn(async move {
            let begun = Instant::now();
            while writing.write_all(b"x: 1\r\n").await.is_ok() {
                tokio::time::sleep(SHORT / 10).await;
            }
            begun.elapsed()
        });
        let _ = reading.read_to_end(&mut Vec::new()).await;
        assert!(dripping.await.unwrap() < SHORT * 10, "drops keep it open");
        // An answer later, the connection waits no longer for the next request either.
        let mut kept = send(address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(rest(&mut kept).await.ends_with("here"));
    }

    #[tokio::test]
    async fn who_asks_is_answered_however_many_wait_for_nothing() {
        let address = listening(Bounds { most: 8, ..Bounds::default() }).await;
        let mut crowd = Vec::new();
        for _ in 0..60 {
            crowd.push(send(address, "GET / HT").await);
        }
        assert!(rest(&mut send(address, ASK).await).await.ends_with("here"));
        for _ in 0..60 {
            let head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{";
            crowd.push(send(address, head).await);
        }
        assert!(rest(&mut send(address, ASK).await).await.ends_with("here"), "bodies are awaited");
        // Who is being answered is not sent away.
        let mut slow = send(address, "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
        tokio::time::sleep(SHORT).await;
        for _ in 0..50 {
            assert!(rest(&mut send(address, ASK).await).await.ends_with("here"));
        }
        let waited = tokio::time::timeout(SHORT, slow.read(&mut [0; 8])).await;
        assert!(waited.is_err(), "it was closed");
    }

    #[tokio::test]
    async fn nobody_holds_more_places_than_there_are() {
        let address = listening(Bounds { most: 4, ..Bounds::default() }).await;
        let mut slow = Vec::new();
        for _ in 0..4 {
            slow.push(send(address, "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await);
        }
        tokio::time::sleep(SHORT).await;
        let mut late = send(address, ASK).await;
        let waited = tokio::time::timeout(SHORT, late.read(&mut [0; 8])).await;
        assert!(waited.is_err(), "a fifth is answered");
        slow.pop();
        assert!(rest(&mut late).await.ends_with("here"));
    }

    #[tokio::test]
    async fn a_head_beyond_measure_is_refused() {
        let address = listening(Bounds::default()).await;
        let huge = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(2 * HEAD_BYTES));
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The other side may have closed before all is written.
        let _ = stream.write_all(huge.as_bytes()).await;
        let answer = rest(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
}
