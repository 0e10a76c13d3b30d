//! Reading that is held up: what the client fetched ahead is thrown away, and read again. Whatever
//! happens to the group and the log meanwhile, it goes on after the last record taken.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::company::{Company, Hour, RIDES_AN_HOUR};
use crate::rig::daemon::Daemon;
use crate::rig::kafka::Kafka;
use crate::rig::receiver::Receiver;

const LONG: Duration = Duration::from_secs(60);
const HOURS: i64 = 6;
/// Rides in one batch of the producer.
const BATCH: usize = 5;
const PAUSE: Duration = Duration::from_millis(150);
/// After so many batches the reader can hand nothing over any more; what comes is fetched ahead.
const FULL: usize = 16;
const SILENCE: Duration = Duration::from_secs(7);

/// A company of so many partitions, with properties of the Kafka client.
fn company(kafka: &Kafka, partitions: i32, properties: &str) -> Company {
    let company = Company::found(kafka, &Receiver::start(), partitions);
    let text = std::fs::read_to_string(&company.config).unwrap();
    std::fs::write(&company.config, format!("{text}\n[kafka.properties]\n{properties}\n")).unwrap();
    company
}

/// A daemon whose engine sleeps at some of its steps.
fn start(company: &Company, stalls: &str) -> Daemon {
    let mut env = company.env().to_vec();
    env.push(("DRIFTD_FAILPOINTS", stalls));
    Daemon::start(&company.config, company.port, &env)
}

/// Produces the company's hours in small batches, and calls `between` after each.
fn produce(kafka: &Kafka, company: &Company, partitions: i32, mut between: impl FnMut(usize)) {
    let hour = |number| company.hour(Hour { number, shift: 0.0, error: 0.0 }, partitions);
    let (predictions, outcomes): (Vec<_>, Vec<_>) = (0..HOURS).map(hour).unzip();
    let (predictions, outcomes) = (predictions.concat(), outcomes.concat());
    let batches = predictions.chunks(BATCH).zip(outcomes.chunks(BATCH));
    for (number, (predictions, outcomes)) in batches.enumerate() {
        kafka.produce(&company.predictions, predictions);
        kafka.produce(&company.outcomes, outcomes);
        between(number);
    }
}

/// Stops a daemon that has read all; reading must have stood still.
fn stop(daemon: &mut Daemon) {
    let stood_still = |line: &String| line.contains("reading stood still");
    assert!(daemon.log().iter().any(stood_still), "nothing was held up");
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
}

/// What was fetched ahead when reading was stopped is read again, and nothing that the client says
/// of the end meanwhile is believed.
#[test]
fn what_was_fetched_ahead_of_an_engine_that_stands_still_is_not_lost() {
    let kafka = Kafka::shared();
    // The longer the client's threads sleep in a silence, the longer it tells of what it threw away.
    let company = company(&kafka, 2, "\"fetch.wait.max.ms\" = \"1500\"");
    let stalls: Vec<String> =
        (0..4).map(|i| format!("slab.taken=sleep:6000@{}", 2 + 40 * i)).collect();
    let mut daemon = start(&company, &stalls.join(","));
    daemon.wait_ready(LONG);
    produce(&kafka, &company, 2, |number| {
        let quiet = number % (FULL + 3) == FULL;
        std::thread::sleep(if quiet { SILENCE } else { PAUSE });
    });
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    stop(&mut daemon);
    assert_eq!(company.counted(), (HOURS * RIDES_AN_HOUR) as u64);
}

/// Partitions that went and came back while nothing could be handed over are begun anew: what their
/// old lanes had taken and not handed over is read again.
#[test]
fn partitions_that_move_while_nothing_can_be_handed_over_are_begun_anew() {
    let kafka = Kafka::shared();
    let company = company(&kafka, 4, "\"heartbeat.interval.ms\" = \"200\"");
    let mut daemon = start(&company, "slab.taken=sleep:12000@2");
    daemon.wait_ready(LONG);
    let mut began = Instant::now();
    produce(&kafka, &company, 4, |number| {
        if number == 0 {
            began = Instant::now();
        }
        if number == FULL {
            // By now reading has been stopped.
            std::thread::sleep(Duration::from_millis(1500));
            visit(&kafka, &company);
            assert!(began.elapsed() < Duration::from_secs(11), "{:?}", began.elapsed());
        }
        std::thread::sleep(PAUSE);
    });
    daemon.wait_ready(LONG);
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 4);
    stop(&mut daemon);
    assert_eq!(company.counted(), (HOURS * RIDES_AN_HOUR) as u64);
}

/// A stranger joins the group, takes partitions and goes.
fn visit(kafka: &Kafka, company: &Company) {
    let stranger: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka.brokers())
        .set("group.id", &company.group)
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("heartbeat.interval.ms", "200")
        .create()
        .unwrap();
    stranger.subscribe(&[&company.predictions, &company.outcomes]).unwrap();
    let end = Instant::now() + LONG;
    while stranger.assignment().unwrap().count() == 0 {
        assert!(Instant::now() < end, "the stranger gets no partition");
        let _ = stranger.poll(Duration::from_millis(50));
    }
    stranger.unsubscribe();
}
