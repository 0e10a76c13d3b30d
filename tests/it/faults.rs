//! Faults of the world around: poison, absent topics, a broker that goes away, rivals.

use std::time::Duration;

use crate::company::{Company, Hour};
use crate::rig::daemon::{Daemon, export};
use crate::rig::free_port;
use crate::rig::kafka::{Kafka, Options, Rec};
use crate::rig::receiver::Receiver;

const LONG: Duration = Duration::from_secs(60);

#[test]
fn poison_is_counted_kept_and_passed_by() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 2);
    company.produce_hour(&kafka, 0);
    let deep = "[".repeat(5000);
    let poison = [
        Rec::bytes(b"{\"request_id\": \"x\", "),
        Rec::bytes(b"\xff\xfe"),
        Rec::bytes(deep.as_bytes()),
        Rec::bytes(b""),
        Rec { payload: None, key: Some(b"k".to_vec()), ..Rec::default() },
        Rec::bytes(br#"{"at": 1767225600, "output": {"demand": 1}}"#),
        Rec::bytes(br#"{"request_id": "y", "at": "yesterday"}"#),
        Rec::bytes(br#"{"request_id": "z", "at": 1}"#),
        Rec::bytes(br#"{"request_id": "w", "at": 99999999999}"#),
    ];
    let poison: Vec<Rec> = poison.into_iter().map(|r| r.on(0)).collect();
    kafka.produce(&company.predictions, &poison);
    company.produce_hour(&kafka, 1);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    let metrics = daemon.get("/metrics").unwrap().1;
    let bad: f64 = metrics
        .lines()
        .filter(|l| l.starts_with("driftd_bad_events_total{") && l.contains(&company.predictions))
        .filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    assert_eq!(bad, 9.0, "{metrics}");
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    assert_eq!(company.counted(), 120);
    let letters = std::fs::read_to_string(company.state().join("dead-letters.jsonl")).unwrap();
    let letters: Vec<serde_json::Value> =
        letters.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(letters.len(), 9);
    assert!(letters.iter().all(|l| l["topic"] == company.predictions.as_str()));
}

#[test]
fn a_topic_of_nothing_but_poison_is_read_to_its_end_and_is_an_incident_of_the_pipeline() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    let company = Company::found(&kafka, &receiver, 2);
    company.produce_hour(&kafka, 0);
    let poison: Vec<Rec> = (0..5_000).map(|i| Rec::bytes(b"{\"request_id\": ").on(i % 2)).collect();
    kafka.produce(&company.predictions, &poison);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    receiver.wait_for("/pager", 1, LONG);
    let incidents = daemon.json("/api/v1/incidents");
    assert_eq!(incidents["items"][0]["monitor"], "driftd.pipeline", "{incidents}");
    assert_eq!(incidents["items"].as_array().map(Vec::len), Some(1), "{incidents}");
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    assert_eq!(company.counted(), 60);
    // Sampled in the log, all in the file.
    let letters = std::fs::read_to_string(company.state().join("dead-letters.jsonl")).unwrap();
    assert_eq!(letters.lines().count(), 5_000);
    let told = daemon.log().iter().filter(|line| line.contains("record refused")).count();
    assert!(told < 50, "{told} lines");
}

#[test]
fn from_the_first_answer_on_a_daemon_without_partitions_is_not_ready() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 1);
    let text = std::fs::read_to_string(&company.config).unwrap();
    let nowhere = format!("127.0.0.1:{}", free_port());
    std::fs::write(&company.config, text.replace(kafka.brokers(), &nowhere)).unwrap();
    let daemon = Daemon::start(&company.config, company.port, &company.env());
    let first = daemon.wait_until("it answers", LONG, || daemon.get("/readyz"));
    assert_eq!(first.0, 503, "{}", first.1);
    daemon.wait_until("it says that no broker answers", LONG, || {
        let (status, body) = daemon.get("/readyz")?;
        assert_eq!(status, 503, "{body}");
        body.contains("brokers_unreachable").then_some(())
    });
}

#[test]
fn a_topic_that_is_missing_at_the_start_is_waited_for() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 2);
    kafka.delete_topic(&company.outcomes);
    hour_of_predictions(&kafka, &company, 0);
    let daemon = Daemon::start(&company.config, company.port, &company.env());
    let reasons = daemon.wait_until("it says which topic is missing", LONG, || {
        let (status, body) = daemon.get("/readyz")?;
        (status == 503 && body.contains("topic_missing")).then_some(body)
    });
    assert!(reasons.contains(&company.outcomes), "{reasons}");
    kafka.create_topic(&company.outcomes, 2);
    daemon.wait_ready(LONG);
}

#[test]
fn a_topic_that_is_kept_for_less_than_predictions_wait_is_told_at_the_start() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 2);
    kafka.delete_topic(&company.outcomes);
    kafka.create_topic_with(&company.outcomes, 2, &[("retention.ms", "3600000")]);
    let daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_until("it warns", LONG, || {
        let told = format!("topic {} is kept for 1h only", company.outcomes);
        daemon.log().iter().any(|line| line.contains(&told)).then_some(())
    });
}

fn hour_of_predictions(kafka: &Kafka, company: &Company, number: i64) {
    let (p, _) = company.hour(Hour { number, shift: 0.0, error: 0.0 }, 2);
    kafka.produce(&company.predictions, &p);
}

#[test]
fn a_broker_that_dies_five_times_loses_nothing() {
    let kafka = Kafka::start(&Options::default());
    let company = Company::found(&kafka, &Receiver::start(), 2);
    company.produce_hour(&kafka, 0);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    for number in 1..=5 {
        kafka.restart();
        company.produce_hour(&kafka, number);
        daemon.wait_until("the next hour is read", LONG, || {
            let metrics = daemon.get("/metrics")?.1;
            let topic = &company.predictions;
            let all = 60 * (number + 1);
            let name = format!("driftd_events_consumed_total{{topic=\"{topic}\"}} {all}\n");
            metrics.contains(&name).then_some(())
        });
    }
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    assert_eq!(company.counted(), 360);
}

#[test]
fn a_second_daemon_on_the_same_state_is_refused_with_the_path() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 2);
    let daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_ready(LONG);
    let mut second = Daemon::start(&company.config, company.port, &company.env());
    assert_eq!(second.wait_exit(LONG).code(), Some(1));
    let log = second.log().join("\n");
    assert!(log.contains(company.state().to_str().unwrap()), "{log}");
    // The first one goes on; a busy broker may cost it a moment.
    daemon.wait_ready(LONG);
}

#[test]
fn records_that_retention_took_are_lost_and_shown() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 2);
    company.produce_hour(&kafka, 0);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    daemon.signal("TERM");
    daemon.wait_exit(LONG);
    company.produce_hour(&kafka, 1);
    kafka.delete_records(&company.predictions, 0, 40);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    daemon.signal("TERM");
    daemon.wait_exit(LONG);
    let lost: i64 = export(&company.state())
        .iter()
        .filter(|l| l["type"] == "position")
        .map(|l| l["lost"].as_i64().unwrap())
        .sum();
    // 30 records of the first hour were read; 30..40 are gone.
    assert_eq!((lost, company.counted()), (10, 110));
}

#[test]
fn a_topic_that_grows_is_read_from_the_beginning_of_what_is_new() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 1);
    let text = std::fs::read_to_string(&company.config).unwrap();
    std::fs::write(&company.config, text.replace("\"earliest\"", "\"latest\"")).unwrap();
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_ready(LONG);
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 1);
    company.produce_hour(&kafka, 0);
    kafka.add_partitions(&company.predictions, 2);
    // Written before anybody has looked; their outcomes come where they always came.
    let (rides, outcomes) = company.hour(Hour { number: 1, shift: 0.0, error: 0.0 }, 1);
    let rides: Vec<Rec> = rides.into_iter().map(|ride| ride.on(1)).collect();
    kafka.wait_led(&company.predictions, 1, &[1]);
    kafka.produce(&company.predictions, &rides);
    kafka.produce(&company.outcomes, &outcomes);
    daemon.wait_caught_up(&[&company.predictions], 2);
    daemon.wait_ready(LONG);
    daemon.wait_caught_up(&[&company.outcomes], 1);
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    let lines = export(&company.state());
    let whole = lines.iter().filter(|l| l["type"] == "pane" && l["segment"].is_null());
    let counted = |key: &str| whole.clone().filter_map(|l| l[key].as_u64()).sum::<u64>();
    assert_eq!((counted("predictions"), counted("matched")), (120, 120));
}

#[test]
fn a_recreated_topic_is_named_and_not_read() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 2);
    company.produce_hour(&kafka, 0);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    daemon.signal("TERM");
    daemon.wait_exit(LONG);
    kafka.delete_topic(&company.predictions);
    kafka.create_topic(&company.predictions, 2);
    // More records than before: only the anchor can tell that they are others.
    for number in 1..4 {
        hour_of_predictions(&kafka, &company, number);
    }
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_until("it says that the topic was made anew", LONG, || {
        let (status, body) = daemon.get("/readyz")?;
        (status == 503 && body.contains("topic_recreated")).then_some(())
    });
    daemon.signal("TERM");
    daemon.wait_exit(LONG);
    assert_eq!(company.counted(), 60);
}

#[test]
fn dead_letters_go_to_a_topic_too_and_what_cannot_is_counted() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 2);
    let dead = crate::rig::unique("dead");
    kafka.create_topic(&dead, 1);
    let text = std::fs::read_to_string(&company.config).unwrap();
    let key = format!("dead_letter_topic = \"{dead}\"\nstart_from");
    std::fs::write(&company.config, text.replacen("start_from", &key, 1)).unwrap();
    let poison = [
        Rec::bytes(b"{oops").key(b"k1").on(1),
        Rec { key: Some(b"k2".to_vec()), ..Rec::default() }.on(1),
    ];
    kafka.produce(&company.predictions, &poison);
    let daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    let letters = kafka.read(&dead, 2);
    let header = |letter: &Rec, name: &str| {
        let found = letter.headers.iter().find(|(key, _)| key == name);
        String::from_utf8(found.unwrap_or_else(|| panic!("{name}")).1.clone()).unwrap()
    };
    for (offset, letter) in letters.iter().enumerate() {
        assert_eq!(letter.key, poison[offset].key);
        assert_eq!(letter.payload, poison[offset].payload);
        assert_eq!(header(letter, "driftd.topic"), company.predictions);
        assert_eq!(header(letter, "driftd.partition"), "1");
        assert_eq!(header(letter, "driftd.offset"), offset.to_string());
        assert!(!header(letter, "driftd.detail").is_empty());
    }
    assert_eq!(header(&letters[0], "driftd.reason"), "bad_json");
    assert_eq!(header(&letters[1], "driftd.reason"), "tombstone");

    kafka.delete_topic(&dead);
    kafka.produce(&company.predictions, &poison);
    daemon.wait_until("the loss is counted", Duration::from_secs(120), || {
        let metrics = daemon.get("/metrics")?.1;
        metrics.contains("driftd_dead_letters_lost_total{to=\"topic\"} 2").then_some(())
    });
    daemon.wait_until("the loss is told", LONG, || {
        let told = "dead letters could not be kept in the topic";
        daemon.log().iter().any(|line| line.contains(told)).then_some(())
    });
    let file = std::fs::read_to_string(company.state().join("dead-letters.jsonl")).unwrap();
    assert_eq!(file.lines().count(), 4);
}
