//! Reading that is held up: what the client fetched ahead is thrown away, and read again.

use std::time::Duration;

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

/// What was fetched ahead when reading was stopped is read again, and nothing that the client says
/// of the end meanwhile is believed.
#[test]
fn what_was_fetched_ahead_of_an_engine_that_stands_still_is_not_lost() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 2);
    let text = std::fs::read_to_string(&company.config).unwrap();
    // The longer the client's threads sleep in a silence, the longer it tells of what it threw away.
    let patient = "[kafka.properties]\n\"fetch.wait.max.ms\" = \"1500\"\n";
    std::fs::write(&company.config, format!("{text}\n{patient}")).unwrap();
    let mut env = company.env().to_vec();
    let stalls: Vec<String> =
        (0..4).map(|i| format!("slab.taken=sleep:6000@{}", 2 + 40 * i)).collect();
    let stalls = stalls.join(",");
    env.push(("DRIFTD_FAILPOINTS", &stalls));
    let mut daemon = Daemon::start(&company.config, company.port, &env);
    daemon.wait_ready(LONG);
    let hours = (0..HOURS).map(|number| company.hour(Hour { number, shift: 0.0, error: 0.0 }, 2));
    let (predictions, outcomes): (Vec<_>, Vec<_>) = hours.unzip();
    let (predictions, outcomes) = (predictions.concat(), outcomes.concat());
    let batches = predictions.chunks(BATCH).zip(outcomes.chunks(BATCH));
    for (number, (predictions, outcomes)) in batches.enumerate() {
        kafka.produce(&company.predictions, predictions);
        kafka.produce(&company.outcomes, outcomes);
        let quiet = number % (FULL + 3) == FULL;
        std::thread::sleep(if quiet { SILENCE } else { PAUSE });
    }
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    let stood_still = |line: &String| line.contains("reading stood still");
    assert!(daemon.log().iter().any(stood_still), "nothing was held up");
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    assert_eq!(company.counted(), (HOURS * RIDES_AN_HOUR) as u64);
}
