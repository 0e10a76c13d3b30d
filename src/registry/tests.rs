use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Mutex;
use std::time::Instant;

use super::*;
use crate::store::Memory;
use crate::wire::{Reason, SchemaId};

/// A registry that answers by a script, and remembers what it was asked.
struct Stub {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<BTreeMap<String, Reply>>>,
}

#[derive(Clone)]
struct Reply {
    status: u16,
    body: String,
    /// Before the body.
    pause: Duration,
    /// Between two bytes of it.
    drip: Duration,
}

fn reply(status: u16, body: impl Into<String>) -> Reply {
    Reply { status, body: body.into(), pause: Duration::ZERO, drip: Duration::ZERO }
}

const UNKNOWN: &str = r#"{"error_code":40403,"message":"Schema not found"}"#;

fn schema(text: &str) -> Reply {
    reply(200, serde_json::json!({ "schema": text }).to_string())
}

impl Stub {
    fn start() -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stub = Stub { url, asked: Arc::default(), answers: Arc::default() };
        let (asked, answers) = (stub.asked.clone(), stub.answers.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, asked, answers) =
                    (stream.unwrap(), asked.clone(), answers.clone());
                std::thread::spawn(move || {
                    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                    let mut head = Vec::new();
                    while let Some(Ok(line)) = lines.next() {
                        if line.is_empty() {
                            break;
                        }
                        head.push(line);
                    }
                    let Some(first) = head.first() else { return };
                    let path = first.split(' ').nth(1).unwrap().to_owned();
                    asked.lock().unwrap().push(head.join("\n"));
                    let reply = answers.lock().unwrap().get(&path).cloned();
                    let Reply { status, body, pause, drip } =
                        reply.unwrap_or_else(|| super::tests::reply(404, UNKNOWN));
                    let length = body.len();
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {status} X\r\nConnection: close\r\nLocation: /elsewhere\r\n\
                         Content-Length: {length}\r\n\r\n"
                    );
                    std::thread::sleep(pause);
                    if drip.is_zero() {
                        let _ = stream.write_all(body.as_bytes());
                        return;
                    }
                    for byte in body.bytes() {
                        std::thread::sleep(drip);
                        if stream.write_all(&[byte]).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        stub
    }

    fn answer(&self, path: &str, reply: Reply) {
        self.answers.lock().unwrap().insert(path.to_owned(), reply);
    }

    fn asked(&self, path: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|head| head.starts_with(&format!("GET {path} "))).count()
    }

    fn spec(&self) -> RegistrySpec {
        spec(&self.url)
    }
}

fn spec(url: &str) -> RegistrySpec {
    RegistrySpec {
        name: "main".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        ca: None,
        certificate: None,
        timeout: Duration::from_millis(400),
        patience: Duration::from_millis(600),
        callable: Callable::default(),
        book: Arc::default(),
    }
}

fn known(spec: &RegistrySpec, id: SchemaId) -> crate::wire::Known {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(known) = spec.book.look(id) {
            return known;
        }
        assert!(Instant::now() < end, "nothing is known of {id}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn start(spec: &RegistrySpec, store: Option<Arc<dyn Store>>) -> Registries {
    Registries::start(vec![spec.clone()], store, Arc::new(Unwatched)).unwrap()
}

const SEVEN: SchemaId = SchemaId::Number(7);

#[tokio::test]
async fn a_redirect_is_not_followed_and_metadata_services_are_not_asked() {
    let stub = Stub::start();
    stub.answer("/elsewhere", schema("\"int\""));
    let client = Client::new(&RegistrySpec { timeout: Duration::from_secs(20), ..stub.spec() });
    let client = client.unwrap();
    for status in [301, 302, 303, 307, 308] {
        stub.answer("/schemas/ids/7", reply(status, ""));
        let trouble = client.schema(SEVEN).await.unwrap_err();
        assert_eq!(trouble.reason, Reason::RegistryNonsense, "{status}: {}", trouble.detail);
    }
    assert_eq!(stub.asked("/elsewhere"), 0);
    for url in ["http://169.254.169.254", "http://[::ffff:169.254.169.254]", "http://[fe80::1]"] {
        let why = Client::new(&spec(url)).unwrap_err();
        assert!(why.contains("link-local"), "{why}");
    }
}

#[test]
fn a_schema_is_asked_for_once_and_remembered_for_ever() {
    let stub = Stub::start();
    stub.answer("/schemas/ids/7", schema("\"int\""));
    let store: Arc<dyn Store> = Arc::new(Memory::default());
    let spec = stub.spec();
    {
        let _registries = start(&spec, Some(store.clone()));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let spec = spec.clone();
                std::thread::spawn(move || known(&spec, SEVEN).unwrap())
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap().text, "\"int\"");
        }
    }
    assert_eq!(stub.asked("/schemas/ids/7"), 1);
    // After a restart nobody is asked.
    let again = RegistrySpec { book: Arc::default(), ..spec.clone() };
    let _registries = start(&again, Some(store.clone()));
    assert_eq!(again.book.look(SEVEN).unwrap().unwrap().text, "\"int\"");
    assert_eq!(stub.asked("/schemas/ids/7"), 1);
    // Ids of another registry are other ids.
    let other = RegistrySpec { book: Arc::default(), url: format!("{}/x", stub.url), ..spec };
    let _others = start(&other, Some(store));
    assert!(other.book.look(SEVEN).is_none());
}

#[test]
fn references_stand_before_whoever_refers_to_them() {
    let stub = Stub::start();
    let refer = |text: &str, to: &[&str]| {
        let references: Vec<_> = to
            .iter()
            .map(|s| serde_json::json!({ "name": s, "subject": s, "version": 2 }))
            .collect();
        let body = serde_json::json!({
            "schema": text, "schemaType": "AVRO", "references": references,
        });
        reply(200, body.to_string())
    };
    stub.answer("/schemas/ids/7", refer("top", &["b", "a/x"]));
    stub.answer("/subjects/b/versions/2", refer("B", &["a/x"]));
    stub.answer("/subjects/a%2Fx/versions/2", refer("A", &[]));
    let spec = stub.spec();
    let _registries = start(&spec, None);
    let written = known(&spec, SEVEN).unwrap();
    assert_eq!(
        (written.text.as_str(), written.references.as_slice()),
        ("top", &["A".to_owned(), "B".to_owned()][..])
    );
    // Those that refer to each other end too.
    stub.answer("/schemas/ids/8", refer("top", &["c"]));
    stub.answer("/subjects/c/versions/2", refer("C", &["c"]));
    assert_eq!(known(&spec, SchemaId::Number(8)).unwrap().references, ["C"]);
}

#[test]
fn each_trouble_has_its_reason_and_keeps_secrets() {
    let stub = Stub::start();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let slow = Reply { pause: Duration::from_secs(3), ..schema("\"int\"") };
    // Every byte comes well within the timeout, the answer does not.
    let dripping = Reply { drip: Duration::from_millis(50), ..schema("\"int\"") };
    for (answer, reason) in [
        (reply(404, UNKNOWN), Reason::UnknownSchema),
        (reply(404, "<html>not here</html>"), Reason::RegistryNonsense),
        (reply(200, "<html>log in</html>"), Reason::RegistryNonsense),
        (reply(200, "x".repeat(2 << 20)), Reason::RegistryNonsense),
        (reply(302, ""), Reason::RegistryNonsense),
        (reply(500, "oops"), Reason::RegistryFailed),
        (reply(503, r#"{"error_code":50003,"message":"later"}"#), Reason::RegistryFailed),
        (reply(401, ""), Reason::RegistryDenied),
        (reply(403, "<html>forbidden</html>"), Reason::RegistryDenied),
        (slow, Reason::RegistryTimeout),
        (dripping, Reason::RegistryTimeout),
    ] {
        stub.answer("/schemas/ids/7", answer);
        let spec = RegistrySpec {
            headers: vec![("authorization".into(), "Bearer canary".into())],
            patience: Duration::ZERO,
            ..stub.spec()
        };
        let _registries = start(&spec, None);
        let refusal = known(&spec, SEVEN).unwrap_err();
        assert_eq!(refusal.reason, reason, "{}", refusal.detail);
        assert!(!refusal.detail.contains("canary"), "{}", refusal.detail);
    }
    let spec = RegistrySpec { patience: Duration::ZERO, ..spec(&format!("http://{gone}")) };
    let _registries = start(&spec, None);
    assert_eq!(known(&spec, SEVEN).unwrap_err().reason, Reason::RegistryUnreachable);
    let heads = stub.asked.lock().unwrap().join("\n").to_lowercase();
    assert!(heads.contains("authorization: bearer canary"), "{heads}");
}

#[test]
fn records_are_held_as_long_as_patience_lasts_and_not_once_more() {
    let stub = Stub::start();
    stub.answer("/schemas/ids/7", reply(500, ""));
    let spec = stub.spec();
    let _registries = start(&spec, None);
    let began = Instant::now();
    assert!(spec.book.look(SEVEN).is_none());
    // Whom the registry knows goes on all the while.
    stub.answer("/schemas/ids/8", schema("\"long\""));
    assert_eq!(known(&spec, SchemaId::Number(8)).unwrap().text, "\"long\"");
    assert!(spec.book.look(SEVEN).is_none());
    let refusal = known(&spec, SEVEN).unwrap_err();
    assert_eq!(refusal.reason, Reason::RegistryFailed);
    assert!(began.elapsed() >= spec.patience, "{:?}", began.elapsed());
    assert!(spec.book.look(SEVEN).unwrap().is_err());
}

#[test]
fn a_schema_that_comes_late_is_found() {
    let stub = Stub::start();
    let spec = RegistrySpec { patience: Duration::from_secs(60), ..stub.spec() };
    let _registries = start(&spec, None);
    assert!(spec.book.look(SEVEN).is_none());
    std::thread::sleep(Duration::from_millis(300));
    assert!(spec.book.look(SEVEN).is_none());
    stub.answer("/schemas/ids/7", schema("\"int\""));
    assert!(known(&spec, SEVEN).is_ok());
}

#[test]
fn ids_that_nobody_registers_cost_patience_once() {
    let stub = Stub::start();
    let spec = stub.spec();
    let _registries = start(&spec, None);
    assert_eq!(known(&spec, SchemaId::Number(1)).unwrap_err().reason, Reason::UnknownSchema);
    let began = Instant::now();
    for id in 2..6 {
        assert!(known(&spec, SchemaId::Number(id)).is_err());
    }
    assert!(began.elapsed() < 4 * spec.patience, "{:?}", began.elapsed());
}

#[test]
fn settings_that_cannot_be_used_are_told_at_the_start() {
    let of = |spec: RegistrySpec| match Registries::start(vec![spec], None, Arc::new(Unwatched)) {
        Ok(_) => panic!("it starts"),
        Err(error) => error.to_string(),
    };
    let base = spec("http://127.0.0.1:1");
    let ca = RegistrySpec { ca: Some(b"no PEM".to_vec()), ..base.clone() };
    assert!(of(ca).contains("ca"), "a CA without certificates");
    let bad = RegistrySpec { certificate: Some(b"-".to_vec()), ..base.clone() };
    assert!(of(bad).contains("certificate"));
    let header = RegistrySpec { headers: vec![("x".into(), "a\nb".into())], ..base };
    assert!(of(header).contains("header"));
}

#[test]
fn guids_are_looked_up_as_confluent_answers_them() {
    let stub = Stub::start();
    let guid = *b"\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67";
    let body = serde_json::json!({
        "subject": "rides-value", "version": 3, "id": 7, "guid": "89abcdef-0123-4567-89ab-cdef01234567",
        "schemaType": "AVRO", "schema": "\"int\"", "metadata": { "properties": {} },
        "references": [{ "name": "rides.Zone", "subject": "zone", "version": 1 }],
        "ts": 1_700_000_000_000u64, "deleted": false,
    });
    stub.answer(
        "/schemas/guids/89abcdef-0123-4567-89ab-cdef01234567",
        reply(200, body.to_string()),
    );
    stub.answer("/subjects/zone/versions/1", schema("\"long\""));
    let store: Arc<dyn Store> = Arc::new(Memory::default());
    let spec = stub.spec();
    let id = SchemaId::Guid(guid);
    {
        let _registries = start(&spec, Some(store.clone()));
        let written = known(&spec, id).unwrap();
        assert_eq!(
            (written.text.as_str(), &written.references[..]),
            ("\"int\"", &["\"long\"".to_owned()][..])
        );
        assert_eq!(
            known(&spec, SchemaId::Guid([0; 16])).unwrap_err().reason,
            Reason::UnknownSchema
        );
    }
    let again = RegistrySpec { book: Arc::default(), ..spec };
    let _registries = start(&again, Some(store));
    assert!(again.book.look(id).is_some_and(|known| known.is_ok()), "kept as numbers are");
}

#[test]
fn the_language_of_a_schema_is_told() {
    let stub = Stub::start();
    let spec = stub.spec();
    let _registries = start(&spec, None);
    for (id, language) in [(1, "PROTOBUF"), (2, "JSON"), (3, "AVRO")] {
        let body = serde_json::json!({ "schemaType": language, "schema": "..." });
        stub.answer(&format!("/schemas/ids/{id}"), reply(200, body.to_string()));
        assert_eq!(known(&spec, SchemaId::Number(id)).unwrap().language, language);
    }
}
