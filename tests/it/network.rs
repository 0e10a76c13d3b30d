//! The network between driftd and its brokers: slow, cut in the middle of things, or silent.

use std::time::{Duration, Instant};

use crate::company::{Company, RIDES_AN_HOUR};
use crate::rig::daemon::Daemon;
use crate::rig::kafka::{Kafka, Options};
use crate::rig::proxy::Network;
use crate::rig::receiver::Receiver;

const LONG: Duration = Duration::from_secs(90);
/// Way of a byte; an answer takes twice as long.
const SLOW: Duration = Duration::from_millis(2000);
/// How long nothing passes: longer than the client waits for an answer, and than the group waits
/// for us.
const SILENCE: Duration = Duration::from_secs(12);

/// Seconds of both cores that a process has used.
fn cpu(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks = |n: usize| fields.split(' ').nth(n).unwrap().parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}

#[test]
fn a_network_that_is_slow_cut_or_silent_costs_time_and_nothing_else() {
    let kafka = Kafka::start(&Options { proxied: true, ..Options::default() });
    let network = |state| kafka.proxy(1).set(state);
    let company = Company::found(&kafka, &Receiver::start(), 2);
    let text = std::fs::read_to_string(&company.config).unwrap();
    let text = text.replace(kafka.brokers(), &kafka.proxied());
    let patience = "\"socket.timeout.ms\" = \"10000\"\n\"session.timeout.ms\" = \"6000\"\n";
    std::fs::write(&company.config, format!("{text}\n[kafka.properties]\n{patience}")).unwrap();
    let topics = [company.predictions.as_str(), &company.outcomes];
    let mut hours = 0;
    let mut produce = |more: i64| {
        company.produce(&kafka, hours..hours + more, 0.0, 0.0);
        hours += more;
        (hours * RIDES_AN_HOUR) as u64
    };
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    let wait = |daemon: &Daemon, records: u64| {
        daemon.wait_until("all is read", LONG, || {
            topics.iter().all(|topic| daemon.consumed(topic) == Some(records)).then_some(())
        });
    };

    daemon.wait_ready(LONG);
    network(Network::Slow(SLOW));
    let began = Instant::now();
    let records = produce(1);
    wait(&daemon, records);
    assert!(began.elapsed() > SLOW, "it was not slow");
    // It looks at its topics every ten seconds.
    while began.elapsed() < Duration::from_secs(20) {
        assert_eq!(daemon.get("/readyz").map(|(status, _)| status), Some(200));
        std::thread::sleep(Duration::from_millis(200));
    }

    // Every connection ends within an answer, at another place each time.
    network(Network::Fine);
    daemon.wait_caught_up(&topics, 2);
    let records = produce(2);
    for most in (1..40).map(|n| n * 450) {
        network(Network::Cut(most));
        std::thread::sleep(Duration::from_millis(200));
    }
    network(Network::Fine);
    wait(&daemon, records);

    network(Network::Dead);
    let (began, used) = (Instant::now(), cpu(daemon.pid()));
    let records = produce(2);
    std::thread::sleep(SILENCE.saturating_sub(began.elapsed()));
    let used = cpu(daemon.pid()) - used;
    assert!(used < 0.1 * began.elapsed().as_secs_f64(), "{used} s in {:?}", began.elapsed());
    assert_eq!(daemon.get("/readyz").map(|(status, _)| status), Some(503), "it says so");
    network(Network::Fine);
    wait(&daemon, records);
    daemon.wait_ready(LONG);
    daemon.wait_caught_up(&topics, 2);

    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    assert_eq!(company.counted(), records);
}
