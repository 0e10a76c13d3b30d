//! Signals: a stop at every step, a pause longer than the group waits, a stop while nothing answers.

use std::time::{Duration, Instant};

use driftd::failpoint::Failpoint;

use crate::company::Company;
use crate::rig::daemon::Daemon;
use crate::rig::kafka::{Kafka, Options};
use crate::rig::receiver::{Answer, Receiver};

/// Longest that a stop may take.
const BOUND: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_secs(60);

/// SIGTERM ends it in time, whatever it is doing.
#[test]
fn a_stop_at_every_step_is_clean_and_in_time() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    let company = Company::found(&kafka, &receiver, 2);
    let steps = Failpoint::ALL.into_iter().filter(|point| *point != Failpoint::Revoked);
    for (number, point) in (0..).zip(steps) {
        let shift = if number % 4 == 2 { 500.0 } else { 0.0 };
        company.produce(&kafka, number..number + 1, shift, shift);
        let order = format!("{}=sleep:1500@1", point.name());
        let mut env = company.env().to_vec();
        env.push(("DRIFTD_FAILPOINTS", &order));
        let mut daemon = Daemon::start(&company.config, company.port, &env);
        // In its sleep, most of the time; and never before it listens to signals.
        daemon.wait_until("it answers", LONG, || daemon.get("/healthz"));
        std::thread::sleep(Duration::from_millis(700));
        let began = Instant::now();
        daemon.signal("TERM");
        assert_eq!(daemon.wait_exit(BOUND).code(), Some(143), "{order}");
        assert!(began.elapsed() < BOUND, "{order}");
    }
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(BOUND).code(), Some(143));
    // Of twelve hours those are kept whose window and wait are not over: all but the first ones.
    let kept = company.counted();
    assert!(kept >= 60 && kept.is_multiple_of(60), "{kept}");
}

/// Stopped for longer than its session, driftd comes back and goes on where it was.
#[test]
fn a_pause_beyond_the_session_changes_nothing() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 2);
    let text = std::fs::read_to_string(&company.config).unwrap();
    let session = "[kafka.properties]\n\"session.timeout.ms\" = \"6000\"\n";
    std::fs::write(&company.config, format!("{text}\n{session}")).unwrap();
    company.produce(&kafka, 0..1, 0.0, 0.0);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    daemon.signal("STOP");
    company.produce(&kafka, 1..2, 0.0, 0.0);
    let expelled = Instant::now();
    while !kafka.members(&company.group).is_empty() {
        assert!(expelled.elapsed() < LONG, "the group keeps a member that is silent");
        std::thread::sleep(Duration::from_millis(200));
    }
    daemon.signal("CONT");
    daemon.wait_until("the second hour is read", LONG, || {
        let name = format!("driftd_events_consumed_total{{topic=\"{}\"}} 120", company.predictions);
        daemon.get("/metrics")?.1.contains(&name).then_some(())
    });
    daemon.wait_ready(LONG);
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(BOUND).code(), Some(143));
    assert_eq!(company.counted(), 120);
}

#[test]
fn a_stop_is_in_time_also_when_the_broker_is_gone_and_a_second_signal_ends_at_once() {
    let kafka = Kafka::start(&Options::default());
    let company = Company::found(&kafka, &Receiver::start(), 2);
    company.produce(&kafka, 0..1, 0.0, 0.0);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    kafka.stop();
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(BOUND).code(), Some(143));
    assert_eq!(company.counted(), 60);

    let mut env = company.env().to_vec();
    env.push(("DRIFTD_FAILPOINTS", "stop.begins=sleep:15000@1"));
    let mut daemon = Daemon::start(&company.config, company.port, &env);
    daemon.wait_until("it answers without a broker", LONG, || daemon.get("/healthz"));
    daemon.signal("TERM");
    std::thread::sleep(Duration::from_millis(500));
    assert!(daemon.running());
    let began = Instant::now();
    daemon.signal("INT");
    assert_eq!(daemon.wait_exit(BOUND).code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// A receiver that takes its time replies when the last commit has been made.
#[test]
fn what_is_accepted_during_a_stop_is_not_sent_again() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    let company = Company::found(&kafka, &receiver, 2);
    let slow = Answer { delay: Duration::from_millis(2500), ..Answer::status(202) };
    for path in ["/events", "/pager", "/retrain"] {
        receiver.script(path, &[slow.clone(), slow.clone(), slow.clone()]);
    }
    company.produce(&kafka, 0..24, 0.0, 0.0);
    company.produce(&kafka, 24..36, 60.0, 8.0);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    receiver.wait_for("/events", 1, LONG);
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(BOUND).code(), Some(143));
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_until("all is delivered", LONG, || {
        let metrics = daemon.get("/metrics")?.1;
        let pending = metrics.lines().find_map(|l| l.strip_prefix("driftd_outbox_pending "))?;
        let read = "driftd_incidents_firing{model=\"demand\"";
        (pending.parse() == Ok(0.0) && metrics.contains(read)).then_some(())
    });
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(BOUND).code(), Some(143));
    let mut ids: Vec<String> =
        receiver.requests("/events").iter().map(|r| r.header("webhook-id").to_owned()).collect();
    let sent = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), sent, "a message was sent twice: {ids:?}");
}
