//! Avro and a real schema registry: Apicurio, and Confluent's own producer.

use std::time::Duration;

use serde_json::Value;

use crate::company::{Company, Hour};
use crate::rig::daemon::{Daemon, driftd, export};
use crate::rig::kafka::{Kafka, Options, Rec};
use crate::rig::receiver::Receiver;
use crate::rig::registry::Registry;

const LONG: Duration = Duration::from_secs(90);

const OUTCOME: &str = r#"{"type":"record","name":"Outcome","fields":[
    {"name":"request_id","type":"string"},
    {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"actual","type":"double"}]}"#;

/// A schema of predictions whose features are these.
fn prediction(features: &str) -> String {
    let text = r#"{"type":"record","name":"Prediction","namespace":"rides","fields":[
        {"name":"request_id","type":"string"},
        {"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},
        {"name":"model","type":{"type":"record","name":"Model","fields":[
            {"name":"version","type":"string"}]}},
        {"name":"features","type":{"type":"record","name":"Features","fields":[FEATURES]}},
        {"name":"output","type":{"type":"record","name":"Output","fields":[
            {"name":"demand","type":"double"}]}}]}"#;
    text.replace("FEATURES", features)
}

const CITY: &str = r#"{"name":"city","type":["null","string"]}"#;

fn first_version() -> String {
    prediction(&format!(r#"{{"name":"fare","type":"double"}},{CITY}"#))
}

fn long(value: i64) -> Vec<u8> {
    let mut raw = ((value << 1) ^ (value >> 63)) as u64;
    let mut bytes = Vec::new();
    while raw >= 0x80 {
        bytes.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    bytes.push(raw as u8);
    bytes
}

fn text(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    [long(text.len() as i64), text.as_bytes().to_vec()].concat()
}

fn double(value: &Value) -> Vec<u8> {
    value.as_f64().unwrap().to_le_bytes().to_vec()
}

fn framed(id: u32, datum: &[u8]) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), datum].concat()
}

/// A prediction of the company in Avro; `features` writes its features.
fn avro_prediction(id: u32, record: &Rec, features: &dyn Fn(&Value) -> Vec<u8>) -> Rec {
    let json: Value = serde_json::from_slice(record.payload.as_ref().unwrap()).unwrap();
    let datum = [
        text(&json["request_id"]),
        long(json["at"].as_i64().unwrap() * 1_000_000),
        text(&json["model"]["version"]),
        features(&json["features"]),
        double(&json["output"]["demand"]),
    ]
    .concat();
    Rec { payload: Some(framed(id, &datum)), ..record.clone() }
}

fn features(json: &Value) -> Vec<u8> {
    [double(&json["fare"]), long(1), text(&json["city"])].concat()
}

fn avro_outcome(id: u32, record: &Rec) -> Rec {
    let json: Value = serde_json::from_slice(record.payload.as_ref().unwrap()).unwrap();
    let at = long(json["at"].as_i64().unwrap() * 1000);
    let datum = [text(&json["request_id"]), at, double(&json["actual"])].concat();
    Rec { payload: Some(framed(id, &datum)), ..record.clone() }
}

/// The company speaks Avro from now on.
fn speak_avro(company: &Company, url: &str, options: &str) {
    let text = std::fs::read_to_string(&company.config).unwrap();
    let format = "format = { kind = \"avro\", registry = \"main\" }";
    let text = text.replace("format = \"json\"", format)
        + &format!("\n[registries.main]\nurl = \"{url}\"\n{options}\n");
    std::fs::write(&company.config, text).unwrap();
}

fn found(kafka: &Kafka, registry: &Registry, receiver: &Receiver, options: &str) -> Company {
    let company = Company::found(kafka, receiver, 2);
    speak_avro(&company, &registry.url(), options);
    company
}

fn predictions(company: &Company) -> u64 {
    export(&company.state())
        .iter()
        .filter(|l| l["type"] == "pane" && l["segment"].is_null())
        .map(|l| l["predictions"].as_u64().unwrap())
        .sum()
}

fn metric(daemon: &Daemon, name: &str) -> Option<f64> {
    let metrics = daemon.get("/metrics")?.1;
    let line = metrics.lines().find(|line| line.starts_with(name))?;
    line.rsplit(' ').next()?.parse().ok()
}

fn consumed(daemon: &Daemon, topic: &str) -> Option<f64> {
    metric(daemon, &format!("driftd_events_consumed_total{{topic=\"{topic}\"}}"))
}

#[test]
fn a_foreign_producer_is_paged_for_as_with_json() {
    let (kafka, receiver, registry) = (Kafka::shared(), Receiver::start(), Registry::start());
    let company = found(&kafka, &registry, &receiver, "");
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    let produce = |hours: std::ops::Range<i64>, shift: f64, error: f64| {
        let (mut predictions, mut outcomes) = (Vec::new(), Vec::new());
        for number in hours {
            let (p, o) = company.hour(Hour { number, shift, error }, 2);
            let value = |record: &Rec, unit: i64| {
                let mut json: Value =
                    serde_json::from_slice(record.payload.as_ref().unwrap()).unwrap();
                json["at"] = (json["at"].as_i64().unwrap() * unit).into();
                (record.partition.unwrap(), json)
            };
            predictions.extend(p.iter().map(|record| value(record, 1_000_000)));
            outcomes.extend(o.iter().map(|record| value(record, 1000)));
        }
        for (topic, schema, records) in [
            (&company.predictions, first_version(), predictions),
            (&company.outcomes, OUTCOME.to_owned(), outcomes),
        ] {
            registry.produce_by_confluent(kafka.brokers(), topic, &schema, &records);
        }
    };
    produce(0..24, 0.0, 0.0);
    produce(24..36, 60.0, 8.0);
    daemon.wait_ready(LONG);
    receiver.wait_for("/pager", 2, LONG);
    let retrain = receiver.wait_for("/retrain", 1, LONG);
    retrain[0].verify(crate::company::SECRET);
    produce(36..72, 0.0, 0.0);
    let pages = receiver.wait_for("/pager", 4, LONG);
    let actions: Vec<String> =
        pages.iter().map(|p| p.json()["event_action"].as_str().unwrap().to_owned()).collect();
    assert_eq!(actions.iter().filter(|action| *action == "resolve").count(), 2, "{actions:?}");
    for event in receiver.requests("/events") {
        event.verify(crate::company::SECRET);
    }
    assert_eq!(metric(&daemon, "driftd_registry_requests_total"), Some(2.0));
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));

    let config = company.config.to_str().unwrap();
    let shown = driftd(
        &["decode", "--model", "demand", "-n", "2", "--format", "json", "--config", config],
        &company.folder,
        &company.env(),
    );
    let shown = String::from_utf8(shown.stdout).unwrap();
    for word in ["timestamp-micros", "\"double\"", "[null, string]", "timestamp-millis"] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    let check = |file: &std::path::Path| {
        let file = file.to_str().unwrap();
        let output = driftd(&["check", "--config", file], &company.folder, &company.env());
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr)
    };
    let said = check(&company.config);
    assert!(!said.contains("schema of subject"), "{said}");
    let wrong = company.folder.join("wrong.toml");
    let text = std::fs::read_to_string(&company.config).unwrap();
    std::fs::write(&wrong, text.replace("\"features.fare\"\ncity", "\"features.fair\"\ncity"))
        .unwrap();
    let said = check(&wrong);
    assert!(said.contains("is not in the latest schema of subject"), "{said}");
    assert!(said.contains("did you mean `features.fare`?"), "{said}");
}

#[test]
fn a_registry_that_is_away_holds_what_it_must_and_nothing_is_lost() {
    let (kafka, receiver, registry) = (Kafka::shared(), Receiver::start(), Registry::start());
    let company = found(&kafka, &registry, &receiver, "patience = \"10m\"");
    let subject = format!("{}-value", company.predictions);
    let one = registry.register(&subject, "AVRO", &first_version());
    let outcome = registry.register(&format!("{}-value", company.outcomes), "AVRO", OUTCOME);
    let wider = prediction(&format!(
        r#"{{"name":"tip","type":"double","default":0}},{{"name":"fare","type":"double"}},{CITY}"#
    ));
    let two = registry.register(&subject, "AVRO", &wider);
    assert_ne!(one, two);
    let produce = |number: i64, newer: &dyn Fn(i32) -> bool| {
        let (p, o) = company.hour(Hour { number, shift: 0.0, error: 0.0 }, 2);
        let convert = |record: &Rec| match newer(record.partition.unwrap()) {
            false => avro_prediction(one, record, &features),
            true => avro_prediction(two, record, &|json| {
                [0.5f64.to_le_bytes().to_vec(), features(json)].concat()
            }),
        };
        kafka.produce(&company.predictions, &p.iter().map(convert).collect::<Vec<_>>());
        let outcomes: Vec<Rec> = o.iter().map(|record| avro_outcome(outcome, record)).collect();
        kafka.produce(&company.outcomes, &outcomes);
    };
    let topics = [company.predictions.as_str(), company.outcomes.as_str()];
    produce(0, &|_| false);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&topics, 2);
    daemon.wait_ready(LONG);

    registry.stop();
    produce(1, &|partition| partition == 0);
    produce(2, &|partition| partition == 0);
    daemon.wait_until("one partition waits and says so", LONG, || {
        let (status, body) = daemon.get("/readyz")?;
        let waiting = metric(&daemon, "driftd_partitions_waiting ")?;
        (status == 503 && body.contains("\"registry\"") && waiting == 1.0).then_some(())
    });
    // The other partition runs: 60 of the first hour and 30 of each later one.
    daemon.wait_until("the other one goes on", LONG, || {
        (consumed(&daemon, &company.predictions)? == 120.0).then_some(())
    });
    daemon.kill9();

    // Without a registry a restart goes on with what it knows.
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    produce(3, &|_| false);
    daemon.wait_until("what is known is read", LONG, || {
        (consumed(&daemon, &company.predictions)? >= 30.0).then_some(())
    });
    daemon.wait_until("the first partition waits again", LONG, || {
        (metric(&daemon, "driftd_partitions_waiting ")? == 1.0).then_some(())
    });
    std::thread::scope(|scope| {
        scope.spawn(|| (4..8).for_each(|number| produce(number, &|_| true)));
        registry.restart();
    });
    daemon.wait_caught_up(&topics, 2);
    daemon.wait_ready(LONG);
    assert_eq!(metric(&daemon, "driftd_partitions_waiting "), Some(0.0));
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    assert_eq!(predictions(&company), 8 * 60);
    let letters = std::fs::metadata(company.state().join("dead-letters.jsonl"));
    assert!(letters.map_or(true, |file| file.len() == 0), "nothing was refused");
}

#[test]
fn every_bad_record_has_its_reason_and_the_partition_goes_on() {
    let kafka = Kafka::start(&Options { sasl: true });
    let (receiver, registry) = (Receiver::start(), Registry::start());
    let company = found(&kafka, &registry, &receiver, "patience = \"2s\"\ntimeout = \"1s\"");
    let subject = format!("{}-value", company.predictions);
    let one = registry.register(&subject, "AVRO", &first_version());
    let proto = "syntax = \"proto3\"; message A { int32 x = 1; }";
    let other = registry.register("other-value", "PROTOBUF", proto);
    let (p, _) = company.hour(Hour { number: 0, shift: 0.0, error: 0.0 }, 2);
    let good: Vec<Rec> = p.iter().map(|r| avro_prediction(one, r, &features)).collect();
    let whole = good[0].payload.clone().unwrap();
    let mut not_text = whole.clone();
    not_text[6] = 0xff;
    let bad: Vec<(Vec<u8>, &str)> = vec![
        (b"{\"request_id\":\"r\"}".to_vec(), "no_schema_id"),
        (framed(9999, &whole[5..]), "unknown_schema"),
        (framed(9998, &whole[5..]), "unknown_schema"),
        (framed(other, &[1, 2, 3]), "other_schema"),
        (whole[..whole.len() - 3].to_vec(), "truncated"),
        ([&whole[..], &[1]].concat(), "trailing_bytes"),
        (framed(one, &[1, 0]), "bad_avro"),
        (not_text, "bad_utf8"),
        (vec![0, 0], "truncated"),
        (Vec::new(), "empty"),
    ];
    let records: Vec<Rec> = bad.iter().map(|(payload, _)| Rec::bytes(payload).on(0)).collect();
    kafka.produce(&company.predictions, &records);
    kafka.produce(&company.predictions, &good);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    assert_eq!(predictions(&company), 60);
    let letters = std::fs::read_to_string(company.state().join("dead-letters.jsonl")).unwrap();
    let reasons: Vec<String> = letters
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["reason"].as_str().unwrap().to_owned()
        })
        .collect();
    let want: Vec<&str> = bad.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(reasons, want);

    // A registry with a certificate that nobody vouches for.
    let (address, _) = kafka.sasl();
    let text = std::fs::read_to_string(&company.config).unwrap();
    let text = text.replace(&registry.url(), &format!("https://{address}"));
    std::fs::write(company.folder.join("tls.toml"), text).unwrap();
    let said = driftd(&["check", "--config", "tls.toml"], &company.folder, &company.env());
    assert_eq!(said.status.code(), Some(1));
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("cannot be trusted"), "{said}");
}

#[test]
fn four_versions_in_one_topic_and_a_type_that_no_longer_fits_is_no_drift() {
    let (kafka, receiver, registry) = (Kafka::shared(), Receiver::start(), Registry::start());
    let company = found(&kafka, &registry, &receiver, "");
    let subject = format!("{}-value", company.predictions);
    let outcome = registry.register(&format!("{}-value", company.outcomes), "AVRO", OUTCOME);
    let versions = [
        format!(r#"{{"name":"fare","type":"int"}},{CITY}"#),
        format!(
            r#"{{"name":"fare","type":"long"}},{CITY},{{"name":"tip","type":"float","default":0}}"#
        ),
        format!(r#"{{"name":"price","aliases":["fare"],"type":"double"}},{CITY}"#),
        format!(r#"{{"name":"price","aliases":["fare"],"type":["null","string"]}},{CITY}"#),
    ];
    let ids: Vec<u32> = versions
        .iter()
        .map(|fields| registry.register(&subject, "AVRO", &prediction(fields)))
        .collect();
    let write = |version: usize, json: &Value| {
        let fare = json["fare"].as_f64().unwrap();
        let city = [long(1), text(&json["city"])].concat();
        match version {
            0 => [long(fare as i64), city].concat(),
            1 => [long(fare as i64), city, 0.5f32.to_le_bytes().to_vec()].concat(),
            2 => [fare.to_le_bytes().to_vec(), city].concat(),
            _ => [long(1), text(&format!("{fare} kr").into()), city].concat(),
        }
    };
    for number in 0..20 {
        let (p, o) = company.hour(Hour { number, shift: 0.0, error: 0.0 }, 2);
        let convert = |(place, record): (usize, &Rec)| {
            let version = if number < 10 { place % 3 } else { 3 };
            avro_prediction(ids[version], record, &|json| write(version, json))
        };
        kafka.produce(&company.predictions, &p.iter().enumerate().map(convert).collect::<Vec<_>>());
        let outcomes: Vec<Rec> = o.iter().map(|record| avro_outcome(outcome, record)).collect();
        kafka.produce(&company.outcomes, &outcomes);
    }
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    let lines = daemon.wait_until("windows of the wrong type are judged", LONG, || {
        let scores = daemon.json("/api/v1/scores?model=demand&monitor=drift");
        let lines = scores["items"].as_array()?.clone();
        lines.iter().any(|line| line["reason"] == "wrong_type").then_some(lines)
    });
    assert!(lines.iter().any(|line| line["verdict"] == "ok"), "{lines:?}");
    let drifted = |line: &&Value| line["verdict"] == "warning" || line["verdict"] == "critical";
    assert_eq!(lines.iter().find(drifted), None);
    assert!(receiver.requests("/pager").is_empty());
    daemon.signal("TERM");
    daemon.wait_exit(LONG);
    let sum = |field: &str| -> u64 {
        let lines = export(&company.state());
        let panes = lines.iter().filter(|l| l["type"] == "pane" && l["segment"].is_null());
        panes.map(|l| l["features"]["fare"][field].as_u64().unwrap_or(0)).sum()
    };
    assert_eq!(sum("type_errors"), 10 * 60);
    assert_eq!(sum("count") % 60, 0);
    assert!(sum("count") > 0);
}

/// Certificates of an authority, a server and a client, and a server that asks for the client's.
struct Guarded {
    port: u16,
    process: std::process::Child,
}

impl Guarded {
    fn start(folder: &std::path::Path) -> Guarded {
        let port = crate::rig::free_port();
        let script = "set -e
            new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
            openssl req -x509 $new -keyout ca.key -out ca.pem -subj /CN=ca -days 30
            echo subjectAltName=DNS:localhost > names
            for who in server client; do
                openssl req $new -keyout $who.key -out $who.csr -subj /CN=$who
                openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial \\
                    -days 30 -extfile names -out $who.crt
            done
            cat client.crt client.key > client.pem";
        let made = std::process::Command::new("sh")
            .args(["-c", script])
            .current_dir(folder)
            .output()
            .expect("sh can be started");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let process = std::process::Command::new("openssl")
            .args(["s_server", "-quiet", "-HTTP", "-Verify", "1", "-verify_return_error"])
            .args(["-CAfile", "ca.pem", "-cert", "server.crt", "-key", "server.key"])
            .args(["-accept", &port.to_string()])
            .current_dir(folder)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("openssl can be started");
        Guarded { port, process }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_registry_may_ask_for_our_certificate() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 2);
    let guarded = Guarded::start(&company.folder);
    for (topic, schema) in
        [(&company.predictions, first_version()), (&company.outcomes, OUTCOME.to_owned())]
    {
        let place = company.folder.join(format!("subjects/{topic}-value/versions"));
        std::fs::create_dir_all(&place).unwrap();
        let body = serde_json::json!({ "schema": schema }).to_string();
        std::fs::write(place.join("latest"), format!("HTTP/1.0 200 OK\r\n\r\n{body}")).unwrap();
    }
    let url = format!("https://localhost:{}", guarded.port);
    speak_avro(&company, &url, "ca = \"ca.pem\"\ncertificate = \"file:client.pem\"");
    let check = || {
        let said = driftd(&["check"], &company.folder, &company.env());
        String::from_utf8_lossy(&said.stdout).into_owned()
    };
    let said = check();
    assert!(!said.contains("registries.main") && !said.contains("schema of subject"), "{said}");
    let text = std::fs::read_to_string(&company.config).unwrap();
    let text = text.replace("certificate = \"file:client.pem\"", "");
    std::fs::write(&company.config, text).unwrap();
    let said = check();
    assert!(said.contains("registries.main"), "{said}");
}
