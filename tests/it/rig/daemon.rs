//! The real binary, as an operator runs it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::wait_until;

/// A running `driftd run`.
pub struct Daemon {
    child: Child,
    port: u16,
    log: Arc<Mutex<Vec<String>>>,
}

impl Daemon {
    /// Starts it with a configuration file whose `http.listen` is this port.
    pub fn start(config: &Path, port: u16, env: &[(&str, &str)]) -> Daemon {
        let mut child = Command::new(env!("CARGO_BIN_EXE_driftd"))
            .arg("run")
            .arg("--config")
            .arg(config)
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be started");
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let memory = log.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                memory.lock().unwrap().push(line);
            }
        });
        Daemon { child, port, log }
    }

    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn kill9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap();
        assert!(status.success());
    }

    pub fn wait_exit(&mut self, timeout: Duration) -> ExitStatus {
        let child = &mut self.child;
        wait_until("the daemon ends", timeout, || child.try_wait().unwrap())
    }

    pub fn running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        request(self.port, "GET", path, "", &[])
    }

    pub fn json(&self, path: &str) -> serde_json::Value {
        let (status, body) = self.get(path).expect("the API answers");
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).expect("the API speaks JSON")
    }

    pub fn post(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Option<(u16, String)> {
        request(self.port, "POST", path, body, headers)
    }

    pub fn wait_ready(&self, timeout: Duration) {
        self.wait_until("the daemon is ready", timeout, || {
            self.get("/readyz").filter(|(status, _)| *status == 200)
        });
    }

    /// Records of a topic that this process has taken.
    pub fn consumed(&self, topic: &str) -> Option<u64> {
        let name = format!("driftd_events_consumed_total{{topic=\"{topic}\"}} ");
        let metrics = self.get("/metrics")?.1;
        metrics.lines().find_map(|line| line.strip_prefix(&name))?.parse().ok()
    }

    /// Waits until this process has taken so many records of a topic.
    pub fn wait_consumed(&self, topic: &str, records: i64) {
        let what = format!("{records} records of {topic} are read");
        self.wait_until(&what, Duration::from_secs(120), || {
            self.consumed(topic).filter(|n| *n >= records as u64)
        });
    }

    /// Waits until no record of these topics is known that is not in the state; of those produced in
    /// the last seconds the client may know none yet.
    pub fn wait_caught_up(&self, topics: &[&str], partitions: usize) {
        self.wait_until("all is read", Duration::from_secs(120), || {
            let metrics = self.get("/metrics")?.1;
            let done = topics.iter().all(|topic| {
                let name = format!("driftd_consumer_lag_messages{{topic=\"{topic}\"");
                let lags: Vec<f64> = metrics
                    .lines()
                    .filter(|l| l.starts_with(&name))
                    .filter_map(|l| l.rsplit(' ').next()?.parse().ok())
                    .collect();
                lags.len() == partitions && lags.iter().all(|lag| *lag == 0.0)
            });
            done.then_some(())
        });
    }

    /// As [`wait_until`]; prints the log when it was in vain.
    pub fn wait_until<T>(
        &self,
        what: &str,
        timeout: Duration,
        mut probe: impl FnMut() -> Option<T>,
    ) -> T {
        let end = std::time::Instant::now() + timeout;
        loop {
            if let Some(found) = probe() {
                return found;
            }
            if std::time::Instant::now() > end {
                panic!("waited {timeout:?} in vain: {what}\n{}", self.log().join("\n"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the daemon's log\n{}", self.log().join("\n"));
        }
    }
}

/// Runs another command of the binary to its end.
pub fn driftd(arguments: &[&str], folder: &Path, env: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_driftd"))
        .args(arguments)
        .current_dir(folder)
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the binary can be started")
}

/// The state of a directory that no daemon uses.
pub fn export(dir: &Path) -> Vec<serde_json::Value> {
    let output = driftd(
        &["state", "export", "--format", "json", "--dir", dir.to_str().unwrap()],
        Path::new("."),
        &[],
    );
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn request(
    port: u16,
    method: &str,
    path: &str,
    body: &str,
    headers: &[(&str, &str)],
) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut head = format!(
        "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    write!(stream, "{head}\r\n{body}").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}
