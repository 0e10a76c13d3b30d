//! Several reader threads count as one does, also while partitions move and over a reload.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::company::Company;
use crate::rig::daemon::{Daemon, export};
use crate::rig::kafka::Kafka;
use crate::rig::receiver::Receiver;

const LONG: Duration = Duration::from_secs(90);
const PARTITIONS: i32 = 4;

fn counts(dir: &Path) -> Vec<Value> {
    let kinds = ["pane", "position", "join"];
    let lines = export(dir).into_iter();
    lines.filter(|l| kinds.contains(&l["type"].as_str().unwrap())).collect()
}

/// Idle watermarks move with the clock, so that one daemon may have dropped its oldest panes a
/// moment before the other: they are compared from the first pane on that both still keep.
fn same(several: &[Value], one: &[Value]) {
    let oldest =
        |lines: &[Value]| lines.iter().filter_map(|l| l["start"].as_str()).min().map(str::to_owned);
    let from = oldest(several).max(oldest(one));
    let kept = |line: &&Value| line["start"].is_null() || line["start"].as_str() >= from.as_deref();
    let missing: Vec<&Value> =
        one.iter().filter(kept).filter(|line| !several.contains(line)).collect();
    let more: Vec<&Value> =
        several.iter().filter(kept).filter(|line| !one.contains(line)).collect();
    assert!(missing.is_empty() && more.is_empty(), "missing: {missing:#?}\nmore: {more:#?}");
}

fn rewrite(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn two_readers_count_as_one_does_also_over_a_reload() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    let company = Company::found(&kafka, &receiver, PARTITIONS);
    let (config, port) = company.second(&kafka, &receiver);
    rewrite(&company.config, "start_from", "workers = 2\nstart_from");
    let topics = [company.predictions.as_str(), &company.outcomes];
    let mut two = Daemon::start(&company.config, company.port, &company.env());
    let mut one = Daemon::start(&config, port, &company.env());
    company.produce(&kafka, 0..3, 0.0, 1.0);
    for daemon in [&two, &one] {
        daemon.wait_ready(LONG);
        daemon.wait_caught_up(&topics, PARTITIONS as usize);
    }
    let members = kafka.members(&company.group);
    assert_eq!(members.len(), 2, "{members:?}");
    let names: Vec<bool> = members.iter().map(|m| m.contains("-w1-")).collect();
    assert!(names.contains(&true) && names.contains(&false), "{members:?}");

    for path in [&company.config, &config] {
        let more = "watch = [\"features.fare\", \"features.city\"]";
        rewrite(path, "watch = [\"features.fare\"]", more);
    }
    for daemon in [&two, &one] {
        reload(daemon, 1);
    }
    company.produce(&kafka, 3..6, 0.0, 1.0);
    for daemon in [&two, &one] {
        daemon.wait_caught_up(&topics, PARTITIONS as usize);
    }
    two.kill9();
    company.produce(&kafka, 6..9, 0.0, 1.0);
    let mut two = Daemon::start(&company.config, company.port, &company.env());
    for daemon in [&two, &one] {
        daemon.wait_ready(LONG);
        daemon.wait_caught_up(&topics, PARTITIONS as usize);
    }
    let committed: i64 = (0..PARTITIONS)
        .filter_map(|p| kafka.committed(&company.group, &company.predictions, p))
        .sum();
    // All partitions are idle by then, and both have judged as far.
    std::thread::sleep(Duration::from_secs(3));
    for daemon in [&mut two, &mut one] {
        daemon.signal("TERM");
        assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    }
    let (of_two, of_one) = (counts(&company.state()), counts(&company.folder.join("second")));
    let predictions: u64 = of_one
        .iter()
        .filter(|l| l["segment"].is_null())
        .filter_map(|l| l["predictions"].as_u64())
        .sum();
    assert_eq!(predictions, 9 * 60);
    same(&of_two, &of_one);
    assert!(of_two.iter().any(|l| l["features"]["city"]["count"].as_u64() > Some(0)));
    assert!(committed > 0, "the group's offsets are there for lag tools");
}

#[test]
fn reloads_while_all_is_in_flight_lose_and_double_nothing() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    let company = Company::found(&kafka, &receiver, PARTITIONS);
    let (config, port) = company.second(&kafka, &receiver);
    rewrite(&company.config, "start_from", "workers = 3\nstart_from");
    company.produce(&kafka, 0..90, 0.0, 1.0);
    let mut three = Daemon::start(&company.config, company.port, &company.env());
    // It must have read its configuration before that changes.
    three.wait_until("it is up", LONG, || three.get("/healthz"));
    for round in 1..=5 {
        let length = |round: usize| format!("cooldown = \"{}h\"", round + 1);
        rewrite(&company.config, &length(round), &length(round + 1));
        reload(&three, round);
    }
    let mut one = Daemon::start(&config, port, &company.env());
    for daemon in [&three, &one] {
        daemon.wait_ready(LONG);
        daemon.wait_caught_up(&[&company.predictions, &company.outcomes], PARTITIONS as usize);
    }
    // All partitions are idle by then, and both have judged as far.
    std::thread::sleep(Duration::from_secs(3));
    for daemon in [&mut three, &mut one] {
        daemon.signal("TERM");
        assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    }
    same(&counts(&company.state()), &counts(&company.folder.join("second")));
}

/// Reloads and waits until the changed configuration is in force for the n-th time.
fn reload(daemon: &Daemon, n: usize) {
    daemon.signal("HUP");
    daemon.wait_until("the reload is in force", LONG, || {
        let told = "the changed configuration is in force";
        (daemon.log().iter().filter(|l| l.contains(told)).count() == n).then_some(())
    });
}
