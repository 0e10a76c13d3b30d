//! A cluster of three: leaders that die under load, an election that throws records away, a
//! coordinator that nobody reaches.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::company::{Company, RIDES_AN_HOUR};
use crate::rig::daemon::{Daemon, export};
use crate::rig::kafka::{Kafka, Options};
use crate::rig::proxy::Network;
use crate::rig::receiver::Receiver;

const LONG: Duration = Duration::from_secs(60);
const ALL: [i32; 3] = [1, 2, 3];

/// One cluster for all of it, gone at its end: three nodes take a gigabyte.
#[test]
fn faults_of_a_cluster() {
    let kafka = Kafka::start(&Options { nodes: 3, proxied: true, ..Options::default() });
    leaders_that_die_under_load_one_after_the_other_cost_nothing(&kafka);
    a_network_that_is_slow_and_breaks_again_and_again_costs_nothing(&kafka);
    a_coordinator_that_nobody_reaches_stops_no_reading_until_the_group_is_lost(&kafka);
    for protocol in ["cooperative-sticky", "range"] {
        a_partition_without_a_leader_at_the_start_is_read_once_it_has_one(&kafka, protocol);
    }
    an_election_that_threw_records_away_is_named_and_not_read_past(&kafka);
}

fn stop(daemon: &mut Daemon) {
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
}

/// All that the topics hold is in the state once: positions are their ends, and every hour that is
/// still kept is whole.
fn assert_counts(kafka: &Kafka, company: &Company, partitions: i32) {
    let lines = export(&company.state());
    for line in lines.iter().filter(|line| line["type"] == "position") {
        let (topic, number) =
            (line["topic"].as_str().unwrap(), line["partition"].as_i64().unwrap());
        assert_eq!(line["offset"], kafka.end(topic, number as i32), "{line}");
        assert_eq!(line["lost"], 0, "{line}");
    }
    let positions = lines.iter().filter(|line| line["type"] == "position").count();
    assert_eq!(positions, 2 * partitions as usize);
    let whole = |line: &&Value| line["type"] == "pane" && line["segment"].is_null();
    let hours: Vec<&Value> = lines.iter().filter(whole).collect();
    assert!(hours.len() > 8, "{} hours", hours.len());
    for hour in hours {
        let counted = (&hour["predictions"], &hour["matched"], &hour["duplicates"]);
        assert_eq!(counted, (&RIDES_AN_HOUR.into(), &RIDES_AN_HOUR.into(), &0.into()), "{hour}");
    }
}

fn assert_nothing_was_told_twice(receiver: &Receiver) {
    for path in ["/pager", "/events", "/retrain"] {
        let requests = receiver.requests(path);
        let mut bodies: Vec<&[u8]> = requests.iter().map(|request| &request.body[..]).collect();
        bodies.sort_unstable();
        bodies.dedup();
        assert_eq!(bodies.len(), requests.len(), "{path} was told the same twice");
    }
    assert_eq!(receiver.requests("/retrain").len(), 1);
}

/// Produces one hour after the other, drifted from the twelfth on, until it is over; at least and at
/// most so many. How many they were.
fn ride_on(
    kafka: &Kafka,
    company: &Company,
    hours: Range<i64>,
    pause: Duration,
    over: &AtomicBool,
) -> i64 {
    for hour in 0..hours.end {
        let (shift, error) = if hour < 12 { (0.0, 0.0) } else { (60.0, 8.0) };
        company.produce(kafka, hour..hour + 1, shift, error);
        if hour + 1 >= hours.start && over.load(Ordering::Relaxed) {
            return hour + 1;
        }
        std::thread::sleep(pause);
    }
    hours.end
}

fn leaders_that_die_under_load_one_after_the_other_cost_nothing(kafka: &Kafka) {
    let receiver = Receiver::start();
    let company = Company::found(kafka, &receiver, 2);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    let topic = company.predictions.as_str();
    let (over, pause) = (AtomicBool::new(false), Duration::from_millis(500));
    let hours = std::thread::scope(|scope| {
        // More than the load needs, should this machine be slow.
        let riding = scope.spawn(|| ride_on(kafka, &company, 24..400, pause, &over));
        let mut dead = 0;
        for partition in 0..2 {
            let read = daemon.wait_until("records are read", LONG, || daemon.consumed(topic));
            let others: Vec<i32> = ALL.into_iter().filter(|id| *id != dead).collect();
            kafka.wait_in_sync("__consumer_offsets", 0, 3);
            for topic in [topic, &company.outcomes] {
                kafka.wait_in_sync(topic, partition, 3);
            }
            dead = kafka.wait_led(topic, partition, &others);
            kafka.kill(dead);
            // Two go on without the third.
            let now = read as i64 + 4 * RIDES_AN_HOUR;
            daemon.wait_consumed(topic, now);
            kafka.revive(dead);
        }
        over.store(true, Ordering::Relaxed);
        riding.join().unwrap()
    });
    let rides = hours * RIDES_AN_HOUR;
    for topic in [topic, &company.outcomes] {
        daemon.wait_consumed(topic, rides);
    }
    assert_eq!(daemon.consumed(topic), Some(rides as u64));
    receiver.wait_for("/pager", 1, LONG);
    receiver.wait_for("/retrain", 1, LONG);
    stop(&mut daemon);
    assert_counts(kafka, &company, 2);
    assert_nothing_was_told_twice(&receiver);
    kafka.wait_in_sync(topic, 0, 3);
}

/// A daemon of this company sees the cluster through the proxies, and its session ends soon.
fn go_through_proxies(kafka: &Kafka, company: &Company) {
    let text = std::fs::read_to_string(&company.config).unwrap();
    let text = text
        .replace(&kafka.brokers().replace(',', "\", \""), &kafka.proxied().replace(',', "\", \""));
    std::fs::write(&company.config, text).unwrap();
    set_property(company, "session.timeout.ms", "8000");
}

/// The only property of its client that is set.
fn set_property(company: &Company, name: &str, value: &str) {
    let text = std::fs::read_to_string(&company.config).unwrap();
    let property = format!("[kafka.properties]\n\"{name}\" = \"{value}\"\n");
    std::fs::write(&company.config, format!("{text}\n{property}")).unwrap();
}

fn a_network_that_is_slow_and_breaks_again_and_again_costs_nothing(kafka: &Kafka) {
    let receiver = Receiver::start();
    let company = Company::found(kafka, &receiver, 2);
    go_through_proxies(kafka, &company);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_ready(LONG);
    let set = |network| ALL.iter().for_each(|node| kafka.proxy(*node).set(network));
    let (over, pause) = (AtomicBool::new(false), Duration::from_secs(1));
    let hours = std::thread::scope(|scope| {
        // More hours would lie in the future.
        let riding = scope.spawn(|| ride_on(kafka, &company, 24..95, pause, &over));
        // The last silence is longer than a session: the group goes on without us.
        for silence in [1, 2, 12] {
            for (network, seconds) in
                [(Network::Slow, 3), (Network::Cut, 2), (Network::Dead, silence)]
            {
                set(network);
                std::thread::sleep(Duration::from_secs(seconds));
            }
            if silence > 10 {
                daemon.wait_until("it was expelled", LONG, || {
                    let (status, body) = daemon.get("/readyz")?;
                    (status == 503 && body.contains("partitions_not_owned")).then_some(())
                });
            }
            set(Network::Fine);
            let read = daemon.consumed(&company.predictions).unwrap_or(0) as i64;
            daemon.wait_consumed(&company.predictions, read + RIDES_AN_HOUR);
        }
        daemon.wait_ready(LONG);
        over.store(true, Ordering::Relaxed);
        riding.join().unwrap()
    });
    let rides = hours * RIDES_AN_HOUR;
    for topic in [&company.predictions, &company.outcomes] {
        daemon.wait_consumed(topic, rides);
        assert_eq!(daemon.consumed(topic), Some(rides as u64));
    }
    receiver.wait_for("/pager", 2, LONG);
    receiver.wait_for("/retrain", 1, LONG);
    stop(&mut daemon);
    assert_counts(kafka, &company, 2);
    assert_nothing_was_told_twice(&receiver);
}

fn a_coordinator_that_nobody_reaches_stops_no_reading_until_the_group_is_lost(kafka: &Kafka) {
    let receiver = Receiver::start();
    let company = Company::found(kafka, &receiver, 2);
    let coordinator = kafka.wait_led("__consumer_offsets", 0, &ALL);
    let others: Vec<i32> = ALL.into_iter().filter(|id| *id != coordinator).collect();
    for topic in [&company.predictions, &company.outcomes] {
        kafka.delete_topic(topic);
        kafka.create_topic_on(
            topic,
            &[&[others[0]], &[others[1]]],
            &[("min.insync.replicas", "1")],
        );
    }
    go_through_proxies(kafka, &company);
    company.produce(kafka, 0..5, 0.0, 0.0);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_ready(LONG);
    let topic = company.predictions.as_str();
    daemon.wait_consumed(topic, 5 * RIDES_AN_HOUR);

    kafka.proxy(coordinator).set(Network::Dead);
    company.produce(kafka, 5..8, 0.0, 0.0);
    daemon.wait_consumed(topic, 8 * RIDES_AN_HOUR);
    // Others may have been given our partitions by now: the client gives them up.
    daemon.wait_until("it says that it has no partitions", LONG, || {
        let (status, body) = daemon.get("/readyz")?;
        (status == 503 && body.contains("partitions_not_owned")).then_some(())
    });
    kafka.proxy(coordinator).set(Network::Fine);
    company.produce(kafka, 8..10, 0.0, 0.0);
    daemon.wait_ready(LONG);
    for topic in [topic, &company.outcomes] {
        daemon.wait_consumed(topic, 10 * RIDES_AN_HOUR);
    }
    stop(&mut daemon);
    assert_counts(kafka, &company, 2);
}

fn a_partition_without_a_leader_at_the_start_is_read_once_it_has_one(
    kafka: &Kafka,
    protocol: &str,
) {
    let company = Company::found(kafka, &Receiver::start(), 2);
    set_property(&company, "partition.assignment.strategy", protocol);
    let topic = company.predictions.as_str();
    kafka.delete_topic(topic);
    kafka.create_topic_on(topic, &[&[1], &[2]], &[("min.insync.replicas", "1")]);
    company.produce(kafka, 0..10, 0.0, 0.0);
    kafka.kill(2);
    kafka.wait_led(topic, 1, &[-1]);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_until("it says which partition cannot be asked", LONG, || {
        let (status, body) = daemon.get("/readyz")?;
        (status == 503 && body.contains(&format!("{topic}/1: no broker says"))).then_some(())
    });
    daemon.wait_consumed(topic, 5 * RIDES_AN_HOUR);
    kafka.revive(2);
    daemon.wait_ready(LONG);
    for topic in [topic, &company.outcomes] {
        daemon.wait_consumed(topic, 10 * RIDES_AN_HOUR);
    }
    stop(&mut daemon);
    assert_counts(kafka, &company, 2);
}

/// Of a topic that prefers being written to over being whole, the one replica that is left has
/// fewer records than were read; of another it has more again by the time that anybody looks, and
/// others than were read.
fn an_election_that_threw_records_away_is_named_and_not_read_past(kafka: &Kafka) {
    let company = Company::found(kafka, &Receiver::start(), 1);
    let (shorter, other) = (company.predictions.as_str(), company.outcomes.as_str());
    for topic in [shorter, other] {
        kafka.delete_topic(topic);
        let careless = [("unclean.leader.election.enable", "true"), ("min.insync.replicas", "1")];
        kafka.create_topic_on(topic, &[&[1, 2]], &careless);
    }
    company.produce_hour(kafka, 0);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[shorter, other], 1);
    kafka.kill(2);
    for topic in [shorter, other] {
        kafka.wait_in_sync(topic, 0, 1);
    }
    company.produce(kafka, 1..3, 0.0, 0.0);
    for topic in [shorter, other] {
        daemon.wait_consumed(topic, 180);
    }
    assert_eq!(daemon.consumed(shorter), Some(180));
    daemon.signal("STOP");
    kafka.kill(1);
    kafka.revive(2);
    for topic in [shorter, other] {
        kafka.wait_led(topic, 0, &[2]);
        assert_eq!(kafka.end(topic, 0), 60, "records were thrown away");
    }
    let (_, outcomes) = company.hour(crate::company::Hour { number: 4, shift: 0.0, error: 0.0 }, 1);
    (0..3).for_each(|_| kafka.produce(other, &outcomes));
    daemon.signal("CONT");
    let told = daemon.wait_until("it names both", LONG, || {
        let (status, body) = daemon.get("/readyz")?;
        let names = [shorter, other].iter().all(|topic| body.contains(&format!("{topic}/0")));
        (status == 503 && body.contains("topic_recreated") && names).then_some(body)
    });
    assert!(told.contains("it ends at 60, we had read to 180"), "{told}");
    assert!(told.contains("truncated"), "{told}");
    assert_eq!(daemon.consumed(other), Some(180), "nothing of the other log was taken");
    stop(&mut daemon);
    assert_eq!(company.counted(), 180);
    // Nor is it forgotten.
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_until("it still names both", LONG, || {
        let (status, body) = daemon.get("/readyz")?;
        let names = [shorter, other].iter().all(|topic| body.contains(&format!("{topic}/0")));
        (status == 503 && names).then_some(())
    });
    stop(&mut daemon);
    assert_eq!(company.counted(), 180);
    kafka.revive(1);
}
