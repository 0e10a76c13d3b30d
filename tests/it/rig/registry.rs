//! A real schema registry: Apicurio with the API of Confluent's, its archive through Maven; and
//! Confluent's own producer.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use serde_json::json;

use super::{folder, free_port, target, tied, wait_until};

const VERSION: &str = "3.0.9";
/// Confluent's client, as the tests were written with.
const CLIENT: &str = "confluent-kafka[avro,schemaregistry]==2.16.1";

/// The registry; what it knows is gone with its process.
pub struct Registry {
    port: u16,
    process: Mutex<Option<Child>>,
    /// What was registered, in order: said again after a restart, it gets the same ids.
    told: Mutex<Vec<(String, serde_json::Value)>>,
}

impl Registry {
    pub fn start() -> Registry {
        let registry =
            Registry { port: free_port(), process: Mutex::default(), told: Mutex::default() };
        registry.restart();
        registry
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/apis/ccompat/v7", self.port)
    }

    /// kill -9.
    pub fn stop(&self) {
        if let Some(mut watchdog) = self.process.lock().unwrap().take() {
            drop(watchdog.stdin.take());
            let _ = watchdog.wait();
        }
    }

    /// Starts again on the same port, with the same schemas.
    pub fn restart(&self) {
        self.stop();
        let home = home();
        let server = format!(
            "cd {} && exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
             -Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port={} \
             -jar apicurio-registry-app-{VERSION}-runner.jar",
            home.display(),
            self.port,
        );
        let child = tied(&server, &folder("registry").join("out.log"));
        *self.process.lock().unwrap() = Some(child);
        wait_until("the registry answers", Duration::from_secs(90), || {
            call(&format!("{}/subjects", self.url()), None).filter(|(status, _)| *status == 200)
        });
        for (subject, body) in self.told.lock().unwrap().iter() {
            self.tell(subject, body);
        }
    }

    /// Registers a schema; its id.
    pub fn register(&self, subject: &str, language: &str, schema: &str) -> u32 {
        let body = json!({ "schemaType": language, "schema": schema });
        let id = self.tell(subject, &body);
        self.told.lock().unwrap().push((subject.to_owned(), body));
        id
    }

    fn tell(&self, subject: &str, body: &serde_json::Value) -> u32 {
        let url = format!("{}/subjects/{subject}/versions", self.url());
        let (status, answer) = call(&url, Some(body)).expect("the registry answers");
        assert_eq!(status, 200, "{answer}");
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        answer["id"].as_u64().unwrap() as u32
    }

    /// Produces values, each to a partition, with Confluent's producer and Avro serializer.
    pub fn produce_by_confluent(
        &self,
        brokers: &str,
        topic: &str,
        schema: &str,
        records: &[(i32, serde_json::Value)],
    ) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/rig/registry/produce.py");
        let mut child = Command::new(python())
            .arg(script)
            .args([brokers, &self.url(), topic, schema])
            .stdin(Stdio::piped())
            .spawn()
            .expect("Python can be started");
        let mut input = child.stdin.take().unwrap();
        for (partition, value) in records {
            writeln!(input, "{}", json!({ "partition": partition, "value": value })).unwrap();
        }
        drop(input);
        assert!(child.wait().unwrap().success(), "Confluent's producer failed");
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
    }
}

/// GET, or POST with a body.
fn call(url: &str, body: Option<&serde_json::Value>) -> Option<(u16, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        let request = match body {
            Some(body) => client.post(url).json(body),
            None => client.get(url),
        };
        let response = request.send().await.ok()?;
        Some((response.status().as_u16(), response.text().await.ok()?))
    })
}

/// Makes something under `target` once; several test processes may want it at the same time.
fn made(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let home = target().join(name);
    std::fs::create_dir_all(&home).unwrap();
    let lock = File::create(home.join("lock")).unwrap();
    lock.lock().unwrap();
    let done = home.join("done");
    if !done.is_dir() {
        let part = home.join("part");
        let _ = std::fs::remove_dir_all(&part);
        make(&part);
        std::fs::rename(&part, &done).unwrap();
    }
    done
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The unpacked archive.
fn home() -> PathBuf {
    static HOME: OnceLock<PathBuf> = OnceLock::new();
    HOME.get_or_init(|| {
        made(&format!("registry/{VERSION}"), |part| {
            let pom = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/rig/registry/pom.xml");
            run(Command::new("mvn")
                .args(["-q", "-B", "-f"])
                .arg(pom)
                .args(["dependency:copy-dependencies", "-DexcludeTransitive=true"])
                .arg(format!("-DoutputDirectory={}", part.display())));
            let archive = part.join(format!("apicurio-registry-app-{VERSION}-all.tar.gz"));
            run(Command::new("tar").arg("xzf").arg(&archive).arg("-C").arg(part));
            std::fs::remove_file(archive).unwrap();
        })
    })
    .clone()
}

/// A Python that has Confluent's client.
fn python() -> PathBuf {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON
        .get_or_init(|| {
            let made = made("python", |part| {
                run(Command::new("python3").args(["-m", "venv"]).arg(part.join("venv")));
                // A moved environment still runs: only its scripts name the old place.
                let python = part.join("venv/bin/python");
                run(Command::new(python).args(["-m", "pip", "install", "-q", CLIENT]));
            });
            made.join("venv/bin/python")
        })
        .clone()
}
