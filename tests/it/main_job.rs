//! Real Kafka in, one page and one retraining request out, resolved; counts as produced.

use std::time::Duration;

use crate::company::{Company, SECRET};
use crate::rig::daemon::{Daemon, export};
use crate::rig::kafka::Kafka;
use crate::rig::receiver::Receiver;

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_shift_is_paged_once_retrained_once_and_resolved() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    let company = Company::found(&kafka, &receiver, 2);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    company.produce(&kafka, 0..24, 0.0, 0.0);
    company.produce(&kafka, 24..36, 60.0, 8.0);
    daemon.wait_ready(LONG);

    let pages = receiver.wait_for("/pager", 2, LONG);
    let retrain = receiver.wait_for("/retrain", 1, LONG);
    retrain[0].verify(SECRET);
    let request = retrain[0].json();
    assert_eq!(request["type"], "retraining.requested");
    assert_eq!(request["data"]["incident"]["monitor"], "worse");
    let slice = &request["data"]["slice"]["topics"];
    assert_eq!(slice.as_array().map(Vec::len), Some(2), "{slice}");

    company.produce(&kafka, 36..72, 0.0, 0.0);
    let pages = {
        drop(pages);
        receiver.wait_for("/pager", 4, LONG)
    };
    let mut by_key: std::collections::BTreeMap<String, Vec<String>> = Default::default();
    for page in &pages {
        let body = page.json();
        let key = body["dedup_key"].as_str().unwrap().to_owned();
        by_key.entry(key).or_default().push(body["event_action"].as_str().unwrap().to_owned());
    }
    assert_eq!(by_key.len(), 2, "{by_key:?}");
    for actions in by_key.values() {
        assert_eq!(actions, &["trigger", "resolve"]);
    }
    for event in receiver.requests("/events") {
        event.verify(SECRET);
    }
    assert_eq!(receiver.requests("/retrain").len(), 1);

    let incidents = daemon.json("/api/v1/incidents");
    assert_eq!(incidents["items"].as_array().map(Vec::len), Some(2), "{incidents}");

    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    let lines = export(&company.state());
    let total: u64 = lines
        .iter()
        .filter(|l| l["type"] == "pane" && l["segment"].is_null())
        .map(|l| l["predictions"].as_u64().unwrap())
        .sum();
    // Panes older than the longest window and the wait are dropped; all others are complete.
    assert!(total > 0 && total.is_multiple_of(60), "{total}");
}

#[test]
fn kill_9_changes_nothing() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    let quiet = Receiver::start();
    let company = Company::found(&kafka, &receiver, 2);
    let mut seed = std::process::id().wrapping_mul(2_654_435_761) | 1;
    let mut random = |below: u32| {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed % below
    };
    for number in 0..40 {
        let shift = if (24..34).contains(&number) { 60.0 } else { 0.0 };
        company.produce(&kafka, number..number + 1, shift, shift / 8.0);
        if number % 2 == 0 {
            let mut daemon = Daemon::start(&company.config, company.port, &company.env());
            std::thread::sleep(Duration::from_millis(u64::from(200 + random(900))));
            daemon.kill9();
        }
    }
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    let (config, port) = company.second(&kafka, &quiet);
    let mut undisturbed = Daemon::start(&config, port, &company.env());
    for daemon in [&daemon, &undisturbed] {
        daemon.wait_ready(LONG);
        daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    }
    // Let a commit pass, then stop both at the same place in the log.
    std::thread::sleep(Duration::from_secs(1));
    for daemon in [&mut daemon, &mut undisturbed] {
        daemon.signal("TERM");
        daemon.wait_exit(LONG);
    }
    let panes = |dir: &std::path::Path| -> Vec<serde_json::Value> {
        export(dir)
            .into_iter()
            .filter(|l| matches!(l["type"].as_str(), Some("pane" | "position" | "join")))
            .collect()
    };
    let state = company.state();
    let second = company.folder.join("second");
    assert_eq!(panes(&state), panes(&second));
    let keys = |dir: &std::path::Path| -> Vec<serde_json::Value> {
        let mut keys: Vec<serde_json::Value> = export(dir)
            .into_iter()
            .filter(|l| l["type"] == "incident")
            .map(|l| l["key"].clone())
            .collect();
        keys.sort_by_key(ToString::to_string);
        keys
    };
    assert_eq!(keys(&state), keys(&second));
    assert!(!keys(&state).is_empty());
    // However often the daemon died, each message has one id and one body.
    let mut bodies: std::collections::BTreeMap<String, Vec<u8>> = Default::default();
    for request in receiver.requests("/events") {
        request.verify(SECRET);
        let id = request.header("webhook-id").to_owned();
        let known = bodies.entry(id).or_insert_with(|| request.body.clone());
        assert_eq!(*known, request.body);
    }
}
