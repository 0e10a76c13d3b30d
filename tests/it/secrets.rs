//! Secrets stay where they are: whatever fails, no output of any kind holds one.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::company::Company;
use crate::rig::daemon::{Daemon, driftd};
use crate::rig::kafka::{Kafka, Rec};
use crate::rig::receiver::{Answer, Receiver};
use crate::rig::unique;

const LONG: Duration = Duration::from_secs(60);

/// Planted: the variable, and what it holds.
const PLANTED: &[(&str, &str)] = &[
    ("DRIFTD_TOKEN", "canary-api-token"),
    ("ROUTING_KEY", "canary0routing0key00000000000000"),
    ("WEBHOOK_SECRET", "whsec_Y2FuYXJ5LXdlYmhvb2stc2VjcmV0LTAxMjM0NTY3ODk="),
    ("SASL_PASSWORD", "canary-sasl-password"),
    ("REGISTRY_PASSWORD", "canary-registry-password"),
    ("REGISTRY_KEY", "canary-registry-key"),
];

/// What hides in URLs, and how user info looks over the wire.
const IN_URLS: [&str; 3] = ["canary-url-password", "canary-url-query", "canary-url-path"];

/// Everything that must not be seen.
fn forbidden() -> Vec<String> {
    let mut words: Vec<String> = PLANTED.iter().map(|(_, secret)| (*secret).to_owned()).collect();
    words.extend(IN_URLS.map(str::to_owned));
    words.push(BASE64_STANDARD.encode("user:canary-url-password"));
    words.push(BASE64_STANDARD.encode("reader:canary-registry-password"));
    words
}

/// A company with a secret in every place that takes one, and a second model whose records name a
/// schema that the registry does not hand out.
fn company(kafka: &Kafka, receiver: &Receiver) -> (Company, String) {
    let company = Company::found(kafka, receiver, 1);
    let rides = unique("avro");
    kafka.create_topic(&rides, 1);
    let text = std::fs::read_to_string(&company.config).unwrap();
    let hidden = receiver
        .url("/pager?t=canary-url-query")
        .replace("http://", "http://user:canary-url-password@");
    let text = text
        .replace(&format!("\"{}\"", receiver.url("/pager")), &format!("\"{hidden}\""))
        .replace(&format!("\"{}\"", receiver.url("/events")), "\"env:EVENTS_URL\"")
        .replace("timeout = \"6h\"", "budget = 100")
        .replace("[monitors.drift]", "[monitors.drift]\nmodels = [\"demand\"]")
        .replace("[monitors.worse]", "[monitors.worse]\nmodels = [\"demand\"]");
    let more = format!(
        r#"
[kafka.properties]
"sasl.password" = "env:SASL_PASSWORD"

[registries.main]
url = "{registry}"
username = "reader"
password = "env:REGISTRY_PASSWORD"
headers = {{ x-api-key = "env:REGISTRY_KEY" }}

[models.surge]
reference = {{ learn = "7d" }}
notify = {{ critical = ["events"] }}

[models.surge.predictions]
topic = "{rides}"
format = {{ kind = "avro", registry = "main" }}
time = "at"
features = {{ fare = {{ path = "fare", type = "numeric", dtype = "f64" }} }}

[monitors.surge]
models = ["surge"]
watch = ["features"]
statistic = "psi"
window = "24h"
detector = "e-detector"
"#,
        registry = receiver.url("/registry"),
    );
    std::fs::write(&company.config, text + &more).unwrap();
    (company, rides)
}

/// Texts by where they came from.
#[derive(Default)]
struct Outputs(Vec<(String, String)>);

impl Outputs {
    fn add(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.0.push((place.into(), text.into()));
    }

    fn command(&mut self, folder: &Path, env: &[(&str, &str)], arguments: &[&str]) {
        let output = driftd(arguments, folder, env);
        for (stream, bytes) in [("out", output.stdout), ("err", output.stderr)] {
            self.add(format!("{arguments:?} {stream}"), String::from_utf8_lossy(&bytes));
        }
    }

    fn hold_none_of(&self, words: &[String]) {
        for (place, text) in &self.0 {
            let low = text.to_lowercase();
            for word in words {
                if let Some(at) = low.find(&word.to_lowercase()) {
                    let from = low.floor_char_boundary(at.saturating_sub(200));
                    let to = low.floor_char_boundary((at + 100).min(low.len()));
                    panic!("{word} in {place}: {}", &low[from..to]);
                }
            }
        }
    }
}

#[test]
fn whatever_fails_no_output_holds_a_secret() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    // Every receiver fails, and says back all that it was sent.
    for path in ["/pager", "/registry/schemas/ids/7"] {
        receiver.always(path, Answer::echo(401));
    }
    receiver.always("/events/canary-url-path", Answer::echo(500));
    receiver.script("/retrain", &[Answer::echo(503), Answer::echo(202), Answer::echo(400)]);
    let (company, rides) = company(&kafka, &receiver);
    let events = receiver.url("/events/canary-url-path?t=canary-url-query");
    let mut env: Vec<(&str, &str)> = PLANTED.to_vec();
    env.extend([("EVENTS_URL", events.as_str()), ("DRIFTD_LOG", "trace")]);
    let daemon = Daemon::start(&company.config, company.port, &env);
    daemon.wait_until("the API answers", LONG, || daemon.get("/healthz"));
    kafka.produce(&rides, &[Rec::bytes(&[0, 0, 0, 0, 7, 2, 2])]);
    kafka.produce(&company.predictions, &[Rec::bytes(b"{oops"), Rec::bytes(b"\x1b[31m{")]);

    let mut outputs = Outputs::default();
    let bearer = [("Authorization", "Bearer canary-api-token")];
    let mut post = |path: &str, body: &str, headers: &[(&str, &str)]| {
        let (status, text) = daemon.post(path, body, headers).expect("the API answers");
        outputs.add(format!("POST {path}"), text);
        status
    };
    let reason = json!({ "reason": "by hand" }).to_string();
    assert_eq!(post("/api/v1/models/demand/retrain", &reason, &bearer), 202);
    let wrong = [("Authorization", "Bearer canary-api-toke")];
    assert_eq!(post("/api/v1/models/demand/retrain", &reason, &wrong), 401);
    for name in ["oncall", "events", "nobody"] {
        assert!(post(&format!("/api/v1/notifiers/{name}/test"), "", &bearer) >= 400);
    }
    let requests = receiver.wait_for("/retrain", 2, LONG);
    let request = requests[0].json();
    let callback = &request["data"]["run"]["callback"];
    let token = callback["token"].as_str().unwrap().to_owned();
    let run = request["data"]["run"]["id"].as_str().unwrap().to_owned();
    let own = format!("Bearer {token}");
    let path = format!("/api/v1/runs/{run}");
    let running = json!({ "state": "running" }).to_string();
    assert_eq!(post(&path, &running, &[("Authorization", own.as_str())]), 200);
    assert_eq!(post(&path, &running, &[("Authorization", &own[..own.len() - 1])]), 401);
    let failed = json!({ "state": "failed", "message": "no" }).to_string();
    assert_eq!(post(&path, &failed, &[("Authorization", own.as_str())]), 200);
    // A failed run is told to the pager and to events, which refuse it.
    receiver.wait_for("/pager", 2, LONG);
    receiver.wait_for("/events/canary-url-path", 2, LONG);
    daemon.wait_until("the registry has been asked", LONG, || {
        (!receiver.requests("/registry/schemas/ids/7").is_empty()).then_some(())
    });
    daemon.wait_until("the refusal is seen", LONG, || {
        let rows = daemon.json("/api/v1/outbox?to=oncall&state=dead");
        rows["items"].as_array().is_some_and(|rows| !rows.is_empty()).then_some(())
    });
    daemon.wait_until("bad records are kept", LONG, || {
        std::fs::read_to_string(company.state().join("dead-letters.jsonl")).ok()
    });
    // A bad configuration, then a good one.
    let good = std::fs::read_to_string(&company.config).unwrap();
    let literal = good.replace("\"env:ROUTING_KEY\"", "\"canary-literal-key\"");
    std::fs::write(&company.config, literal).unwrap();
    assert_eq!(post("/-/reload", "", &bearer), 400);
    outputs.command(&company.folder, &env, &["check", "--no-connect", "--format", "table"]);
    std::fs::write(&company.config, good).unwrap();

    let page = daemon.json("/api/v1/incidents");
    let key = page["items"][0]["key"].as_str().unwrap().to_owned();
    let lists = ["status", "models", "monitors", "scores", "incidents", "outbox", "runs"];
    let mut paths: Vec<String> = lists.map(|list| format!("/api/v1/{list}")).to_vec();
    paths.extend(["/", "/readyz", "/metrics", "/openapi.json"].map(str::to_owned));
    paths.extend([format!("/incidents/{key}"), format!("/api/v1/incidents/{key}"), path.clone()]);
    for path in paths {
        let (_, text) = daemon.get(&path).expect("the API answers");
        outputs.add(format!("GET {path}"), text);
    }
    let url = format!("http://127.0.0.1:{}", company.port);
    let remote = [env.as_slice(), &[("DRIFTD_URL", url.as_str())]].concat();
    for format in ["table", "json"] {
        for arguments in [
            &["check"][..],
            &["show-config"],
            &["decode", "--model", "demand"],
            &["status"],
            &["incidents"],
            &["runs"],
            &["explain", &key],
            &["notify", "test", "oncall"],
        ] {
            let arguments = [arguments, &["--format", format]].concat();
            outputs.command(&company.folder, &remote, &arguments);
        }
    }
    let dir = company.state();
    let letters = std::fs::read_to_string(dir.join("dead-letters.jsonl")).unwrap();
    outputs.add("dead letters", letters);
    outputs.add("log", daemon.log().join("\n"));
    let pages = receiver.requests("/events/canary-url-path");
    for page in &pages {
        outputs.add("message", String::from_utf8_lossy(&page.body));
    }
    let mut words = forbidden();
    words.extend(["canary-literal-key".to_owned(), token]);
    outputs.hold_none_of(&words);
    // The trap works: the secrets went where they belong.
    let sent: Vec<String> = receiver
        .requests("/pager")
        .iter()
        .map(|page| format!("{:?} {}", page.headers, String::from_utf8_lossy(&page.body)))
        .collect();
    assert!(sent.iter().all(|page| page.contains("canary0routing0key")), "{sent:?}");
    assert!(sent[0].contains(&BASE64_STANDARD.encode("user:canary-url-password")), "{sent:?}");
    let asked = &receiver.requests("/registry/schemas/ids/7")[0];
    assert_eq!(asked.header("x-api-key"), "canary-registry-key");

    let mut daemon = daemon;
    daemon.signal("TERM");
    daemon.wait_exit(LONG);
    let mut outputs = Outputs::default();
    let dir = dir.to_str().unwrap();
    outputs.command(&company.folder, &env, &["state", "export", "--dir", dir]);
    outputs.hold_none_of(&words);
    only_ours(Path::new(dir));
}

/// Nobody else reads anything in the folder.
fn only_ours(path: &Path) {
    let mode = path.symlink_metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{} is open to others: {mode:o}", path.display());
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            only_ours(&entry.unwrap().path());
        }
    }
}

/// Whatever producers write, terminals are not moved by it.
#[test]
fn control_characters_in_records_reach_no_terminal() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    let company = Company::found(&kafka, &receiver, 1);
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m";
    let record = json!({
        "request_id": hostile, "at": company.start, "model": { "version": hostile },
        "features": { "fare": hostile, "city": hostile }, "output": { "demand": 3 },
    });
    let late = json!({ "request_id": "x", "at": hostile, "output": { "demand": hostile } });
    let raw = format!("{{\"request_id\":\"{hostile}\"");
    let records = [Rec::json(&record), Rec::json(&late), Rec::bytes(raw.as_bytes())];
    kafka.produce(&company.predictions, &records);
    let daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions], 1);
    let url = format!("http://127.0.0.1:{}", company.port);
    let env = [company.env().as_slice(), &[("DRIFTD_URL", url.as_str())]].concat();
    let mut outputs = Outputs::default();
    for format in ["table", "json"] {
        for arguments in [&["decode", "--model", "demand"][..], &["check"], &["status"]] {
            let arguments = [arguments, &["--format", format]].concat();
            outputs.command(&company.folder, &env, &arguments);
        }
    }
    outputs.add("log", daemon.log().join("\n"));
    for (place, text) in &outputs.0 {
        let moved = text.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(moved, None, "{place}: {text:?}");
    }
    assert!(outputs.0.iter().any(|(_, text)| text.contains("owned")), "the words are there");
}
