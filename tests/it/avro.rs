//! Avro and a real schema registry: Apicurio, and Confluent's own producer.

use std::time::Duration;

use serde_json::Value;

use crate::company::Hour;
use crate::rides::*;
use crate::rig::daemon::{Daemon, driftd, export};
use crate::rig::kafka::{Kafka, Options, Rec};
use crate::rig::receiver::Receiver;
use crate::rig::registry::Registry;

const LONG: Duration = Duration::from_secs(90);

#[test]
fn a_foreign_producer_is_paged_for_as_with_json() {
    let (kafka, receiver, registry) = (Kafka::shared(), Receiver::start(), Registry::start());
    let company = found(&kafka, &registry, &receiver, "");
    registry.register(&format!("{}-value", company.predictions), "AVRO", &first_version());
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
    // Updates may come between; both incidents end.
    daemon.wait_until("both incidents are resolved", LONG, || {
        let pages = receiver.requests("/pager");
        let ends = pages.iter().filter(|page| page.json()["event_action"] == "resolve");
        (ends.count() == 2).then_some(())
    });
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
    assert_eq!(company.counted(), 8 * 60);
    let letters = std::fs::metadata(company.state().join("dead-letters.jsonl"));
    assert!(letters.map_or(true, |file| file.len() == 0), "nothing was refused");
}

#[test]
fn every_bad_record_has_its_reason_and_the_partition_goes_on() {
    let kafka = Kafka::start(&Options { sasl: true, ..Options::default() });
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
    assert_eq!(company.counted(), 60);
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
    let register = |fields: &String| registry.register(&subject, "AVRO", &prediction(fields));
    let mut ids: Vec<u32> = versions[..3].iter().map(register).collect();
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
    let produce = |number: i64, ids: &[u32]| {
        let (p, o) = company.hour(Hour { number, shift: 0.0, error: 0.0 }, 2);
        let convert = |(place, record): (usize, &Rec)| {
            let version = if number < 10 { place % 3 } else { 3 };
            avro_prediction(ids[version], record, &|json| write(version, json))
        };
        kafka.produce(&company.predictions, &p.iter().enumerate().map(convert).collect::<Vec<_>>());
        let outcomes: Vec<Rec> = o.iter().map(|record| avro_outcome(outcome, record)).collect();
        kafka.produce(&company.outcomes, &outcomes);
    };
    (0..10).for_each(|number| produce(number, &ids));
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    daemon.signal("TERM");
    daemon.wait_exit(LONG);
    // A text in the latest schema makes no category of what was counted as a number.
    ids.push(register(&versions[3]));
    (10..20).for_each(|number| produce(number, &ids));
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    let said = daemon.log().join("\n");
    assert!(said.contains("it stays numeric (f64)"), "{said}");
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
