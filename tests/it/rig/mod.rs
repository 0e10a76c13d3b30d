//! What the tests stand on: a real Kafka, a scripted receiver, the real binary.

#![allow(dead_code)]

pub mod daemon;
pub mod kafka;
mod node;
pub mod proxy;
pub mod receiver;
pub mod registry;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Waits until `probe` answers, or panics with what was waited for.
pub fn wait_until<T>(what: &str, timeout: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + timeout;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < end, "waited {timeout:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A name that no other test uses.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}-{}-{number}", std::process::id())
}

/// A folder of this run under `target/it`.
pub fn folder(prefix: &str) -> PathBuf {
    let path = target().join("it").join(unique(prefix));
    std::fs::create_dir_all(&path).expect("target can be written");
    path
}

pub fn target() -> PathBuf {
    // .../target/debug/driftd
    PathBuf::from(env!("CARGO_BIN_EXE_driftd"))
        .ancestors()
        .nth(2)
        .expect("the binary lies in target/PROFILE")
        .to_owned()
}

/// A server that is gone with the test process, however that ends: the shell kills it as soon as
/// its standard input ends.
pub fn tied(server: &str, log: &Path) -> Child {
    let script = format!("{server} </dev/null & it=$!; cat >/dev/null; kill -9 $it; wait $it");
    let log = File::create(log).unwrap();
    Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .expect("sh can be started")
}

/// A port that nobody listens on at the moment.
pub fn free_port() -> u16 {
    use std::sync::atomic::{AtomicU32, Ordering};
    // Below those that outgoing connections take, so that none takes it before its server does.
    const FIRST: u32 = 10_000;
    const NUMBER: u32 = 20_000;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(977);
    loop {
        let place = start.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % NUMBER;
        let port = (FIRST + place) as u16;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
