//! Reading that is held up: what the client fetched ahead is thrown away, and read again. Whatever
//! happens to the group and the log meanwhile, it goes on after the last record taken.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use serde_json::{Value, json};

use crate::company::{Company, Hour, RIDES_AN_HOUR};
use crate::rig::daemon::{Daemon, export};
use crate::rig::kafka::{Kafka, Rec};
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

/// Every ride is read, and counts once.
fn all_are_counted(daemon: &mut Daemon, company: &Company) {
    for topic in [&company.predictions, &company.outcomes] {
        daemon.wait_consumed(topic, HOURS * RIDES_AN_HOUR);
    }
    stop(daemon);
    assert_eq!(company.counted(), (HOURS * RIDES_AN_HOUR) as u64);
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
    all_are_counted(&mut daemon, &company);
}

/// Partitions that went and came back while nothing could be handed over are begun anew: what their
/// old lanes had taken and not handed over is read again.
#[test]
fn partitions_that_move_while_nothing_can_be_handed_over_are_begun_anew() {
    let kafka = Kafka::shared();
    let company = company(&kafka, 4, "\"heartbeat.interval.ms\" = \"200\"");
    let mut daemon = start(&company, "slab.taken=sleep:20000@2");
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
            assert!(began.elapsed() < Duration::from_secs(19), "{:?}", began.elapsed());
        }
        std::thread::sleep(PAUSE);
    });
    daemon.wait_ready(LONG);
    all_are_counted(&mut daemon, &company);
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

/// How a partition of the predictions stands in a stopped daemon's state: its offset, and how many
/// records were lost.
fn position(company: &Company, partition: i32) -> (i64, i64) {
    let lines = export(&company.state());
    let of = |line: &&Value| {
        line["type"] == "position"
            && line["topic"] == company.predictions.as_str()
            && line["partition"] == partition
    };
    let line = lines.iter().find(of).expect("a position");
    (line["offset"].as_i64().unwrap(), line["lost"].as_i64().unwrap())
}

/// Starts a daemon that has taken the first hour, all of it, and can hand nothing more over, for
/// `seconds`. The more partitions, the sooner: the end of each is told once in a second.
fn held_up(kafka: &Kafka, company: &Company, hour: &[Rec], seconds: u64) -> Daemon {
    kafka.produce(&company.predictions, hour);
    let daemon = start(company, &format!("slab.taken=sleep:{}@1", seconds * 1000));
    daemon.wait_until("it answers", LONG, || daemon.get("/healthz"));
    std::thread::sleep(Duration::from_secs(6));
    daemon
}

/// Waits until reading goes on and these partitions are read to their ends.
fn wait_read(kafka: &Kafka, company: &Company, daemon: &Daemon, partitions: &[i32]) {
    daemon.wait_until("all is read and durable", LONG, || {
        let topic = &company.predictions;
        let read =
            |p: &i32| kafka.committed(&company.group, topic, *p) == Some(kafka.end(topic, *p));
        partitions.iter().all(read).then_some(())
    });
}

/// Reading has stood still since before `began`, and does so still.
fn assert_held_up(daemon: &Daemon, began: Instant) {
    let stood = || -> Option<f64> {
        let told = |line: &String| {
            let (_, told) = line.split_once("reading stood still for ")?;
            told.split(' ').next()?.parse().ok()
        };
        daemon.log().iter().find_map(told)
    };
    assert_eq!(stood(), None, "it went on too soon");
    let stood = daemon.wait_until("reading goes on", LONG, stood);
    let ago = began.elapsed().as_secs_f64();
    assert!(ago < stood, "it began {ago} s ago, reading stood still for {stood} s only");
}

/// The client is sent back to the last record taken, which is gone, and says so; nothing was lost
/// unless more is gone than that.
#[test]
fn the_last_record_taken_may_be_gone_when_reading_goes_on() {
    let kafka = Kafka::shared();
    let company = company(&kafka, 8, "");
    let (first, _) = company.hour(Hour { number: 0, shift: 0.0, error: 0.0 }, 8);
    let (second, _) = company.hour(Hour { number: 1, shift: 0.0, error: 0.0 }, 8);
    let mut daemon = held_up(&kafka, &company, &first, 20);
    let began = Instant::now();
    let ends: Vec<i64> = (0..2).map(|p| kafka.end(&company.predictions, p)).collect();
    // All that was taken of the one; three records more of the other.
    kafka.delete_records(&company.predictions, 0, ends[0]);
    kafka.produce(&company.predictions, &second);
    kafka.delete_records(&company.predictions, 1, ends[1] + 3);
    assert_held_up(&daemon, began);
    wait_read(&kafka, &company, &daemon, &[0, 1, 2, 3, 4, 5, 6, 7]);
    stop(&mut daemon);
    let read = [0, 1, 2].map(|p| position(&company, p));
    let ends = [0, 1, 2].map(|p| kafka.end(&company.predictions, p));
    assert_eq!(read, [(ends[0], 0), (ends[1], 3), (ends[2], 0)]);
    assert_eq!(company.counted(), 120 - 3);
}

/// Of a compacted topic the last record taken may be gone for ever, with a newer one of its key in
/// its place, or with nothing at all after it.
#[test]
fn the_last_record_taken_may_be_compacted_away_when_reading_goes_on() {
    let kafka = Kafka::shared();
    let company = company(&kafka, 8, "");
    kafka.delete_topic(&company.predictions);
    let settings = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "100"),
        ("min.cleanable.dirty.ratio", "0.001"),
        ("delete.retention.ms", "0"),
    ];
    kafka.create_topic_with(&company.predictions, 8, &settings);
    let (mut first, _) = company.hour(Hour { number: 0, shift: 0.0, error: 0.0 }, 8);
    for (number, record) in first.iter_mut().enumerate() {
        record.key = Some(number.to_string().into_bytes());
    }
    let last = |partition: i32| {
        let mine = first.iter().rev().find(|record| record.partition == Some(partition));
        mine.unwrap().key.clone().unwrap()
    };
    let mut daemon = held_up(&kafka, &company, &first, 30);
    let began = Instant::now();
    let ends = [0, 1].map(|p| kafka.end(&company.predictions, p));
    let ride = |id: &str| {
        let at = company.start + 3599;
        Rec::json(&json!({
            "request_id": id, "at": at, "model": { "version": "v1" },
            "features": { "fare": 50.0, "city": "Oslo" }, "output": { "demand": 10.0 },
        }))
    };
    let withdrawn = Rec { key: Some(last(1)), ..Rec::default() }.on(1);
    // Only what lies in a segment that is full is compacted, and time makes it full.
    for records in [
        vec![ride("newer").key(&last(0)).on(0), withdrawn],
        vec![ride("another").key(b"another").on(0)],
    ] {
        std::thread::sleep(Duration::from_millis(200));
        kafka.produce(&company.predictions, &records);
    }
    let gone = |partition: i32, offset: i64| {
        !kafka.offsets(&company.predictions, partition).contains(&offset)
    };
    let end = Instant::now() + LONG;
    while !gone(0, ends[0] - 1) || !gone(1, ends[1] - 1) || !gone(1, ends[1]) {
        assert!(Instant::now() < end, "nothing is compacted");
        std::thread::sleep(Duration::from_millis(200));
        kafka.produce_aborted(&company.predictions, 1);
    }
    assert_held_up(&daemon, began);
    wait_read(&kafka, &company, &daemon, &[0, 1]);
    stop(&mut daemon);
    let ends = [0, 1].map(|p| (kafka.end(&company.predictions, p), 0));
    assert_eq!([0, 1].map(|p| position(&company, p)), ends);
    assert_eq!(company.counted(), 62);
}
