//! A changed configuration on a running daemon.

use std::time::Duration;

use crate::company::{Company, Hour};
use crate::rig::daemon::Daemon;
use crate::rig::kafka::Kafka;
use crate::rig::receiver::Receiver;

const LONG: Duration = Duration::from_secs(60);

/// What a reload by this token answers.
fn reload(daemon: &Daemon, token: &str) -> (u16, String) {
    let bearer = format!("Bearer {token}");
    daemon.post("/-/reload", "", &[("Authorization", &bearer)]).expect("the API answers")
}

#[test]
fn a_reload_applies_all_but_what_needs_a_restart_and_names_that() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    let company = Company::found(&kafka, &receiver, 2);
    let written = std::fs::read_to_string(&company.config).unwrap();
    let before =
        written.replace("demand.json", "not-there.json").replace("env:DRIFTD_TOKEN", "file:token");
    std::fs::write(&company.config, &before).unwrap();
    std::fs::write(company.folder.join("token"), "canary-old").unwrap();
    let daemon = Daemon::start(&company.config, company.port, &company.env());
    let (predictions, _) = company.hour(Hour { number: 0, shift: 0.0, error: 0.0 }, 2);
    kafka.produce(&company.predictions, &predictions);
    daemon.wait_caught_up(&[&company.predictions], 2);
    let status = daemon.json("/api/v1/status");
    assert_eq!(status["models"][0]["has_reference"], false, "{status}");

    std::fs::write(company.folder.join("token"), "canary-new").unwrap();
    let after = before
        .replace("not-there.json", "demand.json")
        .replace("rides-test", "rides-renamed")
        .replace("idle_after = \"1s\"", "idle_after = \"2s\"");
    std::fs::write(&company.config, after).unwrap();
    let (code, told) = reload(&daemon, "canary-old");
    assert_eq!(code, 200, "{told}");
    assert!(told.contains("kafka") && !told.contains("state.dir"), "{told}");
    daemon.wait_until("the reference file is read", LONG, || {
        let status = daemon.json("/api/v1/status");
        (status["models"][0]["has_reference"] == true && status["name"] == "rides-renamed")
            .then_some(())
    });
    assert_eq!(reload(&daemon, "canary-old").0, 401);
    assert_eq!(reload(&daemon, "canary-new").0, 200);
}
