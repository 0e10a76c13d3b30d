//! The consumer group: a stranger in it, and its three protocols.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::company::Company;
use crate::rig::daemon::Daemon;
use crate::rig::kafka::{Kafka, Rec};
use crate::rig::receiver::Receiver;

const LONG: Duration = Duration::from_secs(90);

#[test]
fn a_stranger_in_the_group_takes_partitions_and_nothing_is_lost() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 2);
    company.produce_hour(&kafka, 0);
    let poison: Vec<Rec> = (0..10).map(|i| Rec::bytes(b"{\"request_id\": ").on(i % 2)).collect();
    kafka.produce(&company.predictions, &poison);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    let stranger: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka.brokers())
        .set("group.id", &company.group)
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", "6000")
        .create()
        .unwrap();
    stranger.subscribe(&[&company.predictions, &company.outcomes]).unwrap();
    daemon.wait_until("it is not ready while a stranger holds partitions", LONG, || {
        let _ = stranger.poll(Duration::from_millis(200));
        let (status, body) = daemon.get("/readyz")?;
        (status == 503 && body.contains("partitions_not_owned")).then_some(())
    });
    company.produce_hour(&kafka, 1);
    kafka.produce(&company.predictions, &poison);
    for _ in 0..10 {
        let _ = stranger.poll(Duration::from_millis(200));
    }
    stranger.unsubscribe();
    drop(stranger);
    daemon.wait_ready(LONG);
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    assert_eq!(company.counted(), 120);
    // What was refused is kept once, however often it was read.
    let letters = std::fs::read_to_string(company.state().join("dead-letters.jsonl")).unwrap();
    let places: Vec<String> = letters
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|letter| format!("{}/{}", letter["partition"], letter["offset"]))
        .collect();
    let distinct: BTreeSet<&String> = places.iter().collect();
    assert_eq!((places.len(), distinct.len()), (20, 20), "{places:?}");
}

/// Another daemon, with a state of its own, in the group of the first: it waits and says for whom.
fn refuses_a_rival(properties: &str) {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    let company = Company::found(&kafka, &receiver, 2);
    let (second, port) = company.second(&kafka, &receiver);
    let text = std::fs::read_to_string(&company.config).unwrap();
    let text = format!("{text}\n[kafka.properties]\n{properties}\n");
    std::fs::write(&company.config, &text).unwrap();
    let other = text
        .replace("dir = \"state\"", "dir = \"second\"")
        .replace(&company.port.to_string(), &port.to_string());
    std::fs::write(&second, other).unwrap();
    company.produce_hour(&kafka, 0);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_ready(LONG);
    let rival = Daemon::start(&second, port, &company.env());
    rival.wait_until("the rival says who is in its place", LONG, || {
        let (status, body) = rival.get("/readyz")?;
        let told = body.contains("instance_taken") || body.contains("group_refused");
        (status == 503 && told).then_some(())
    });
    company.produce_hour(&kafka, 1);
    daemon.wait_until("the second hour is read", LONG, || {
        let name = format!("driftd_events_consumed_total{{topic=\"{}\"}} 120", company.predictions);
        daemon.get("/metrics")?.1.contains(&name).then_some(())
    });
    daemon.wait_ready(LONG);
    assert_eq!(rival.get("/readyz").map(|(status, _)| status), Some(503));
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    assert_eq!(company.counted(), 120);
}

#[test]
fn a_rival_in_a_classic_group_waits() {
    refuses_a_rival("\"session.timeout.ms\" = \"10000\"");
}

#[test]
fn a_rival_in_a_group_of_the_new_protocol_waits() {
    refuses_a_rival("\"group.protocol\" = \"consumer\"");
}

/// Every protocol reads all, and reads on after kill -9.
fn reads_with(properties: &str) {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 2);
    let text = std::fs::read_to_string(&company.config).unwrap();
    std::fs::write(&company.config, format!("{text}\n[kafka.properties]\n{properties}\n")).unwrap();
    company.produce_hour(&kafka, 0);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    daemon.kill9();
    company.produce_hour(&kafka, 1);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    assert_eq!(company.counted(), 120);
    let committed: i64 =
        (0..2).filter_map(|p| kafka.committed(&company.group, &company.predictions, p)).sum();
    assert!(committed > 0, "the group's offsets are there for lag tools");
}

#[test]
fn eager_groups() {
    reads_with("partition.assignment.strategy = \"range\"");
}

#[test]
fn groups_of_the_new_protocol() {
    reads_with("group.protocol = \"consumer\"");
}
