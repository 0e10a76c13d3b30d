//! Receivers that fail, refuse, postpone or hang up, seen from the real binary. What leaves is a
//! request to a trainer: asked for by hand it needs no records.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::company::{Company, Hour, SECRET};
use crate::rig::daemon::Daemon;
use crate::rig::kafka::Kafka;
use crate::rig::receiver::{Answer, Receiver, Request};

const LONG: Duration = Duration::from_secs(60);

/// A company whose messages are given up after so long; an attempt may take a second.
fn company(receiver: &Receiver, give_up: &str) -> Company {
    let company = Company::found(&Kafka::shared(), receiver, 1);
    let text = std::fs::read_to_string(&company.config).unwrap();
    let patience = format!("secret = \"env:WEBHOOK_SECRET\", give_up = \"{give_up}\"");
    let text = text
        .replace("secret = \"env:WEBHOOK_SECRET\"", &patience)
        .replace("timeout = \"6h\"", "request_timeout = \"1s\", budget = 100");
    std::fs::write(&company.config, text).unwrap();
    company
}

fn start(company: &Company) -> Daemon {
    let daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_until("the API answers", LONG, || daemon.get("/healthz"));
    daemon
}

fn retrain(daemon: &Daemon) {
    let bearer = [("Authorization", "Bearer canary-token")];
    let body = json!({ "reason": "by hand" }).to_string();
    let (status, told) = daemon.post("/api/v1/models/demand/retrain", &body, &bearer).unwrap();
    assert_eq!(status, 202, "{told}");
}

/// The message to a receiver, once it is in this state.
fn row(daemon: &Daemon, to: &str, state: &str) -> Value {
    daemon.wait_until(&format!("the message to {to} is {state}"), LONG, || {
        let rows = daemon.json(&format!("/api/v1/outbox?to={to}&state={state}"));
        rows["items"].as_array().unwrap().first().cloned()
    })
}

/// All attempts carried one id and one body, and a signature each.
fn one_message(attempts: &[Request]) {
    for attempt in attempts {
        attempt.verify(SECRET);
        assert_eq!(attempt.header("webhook-id"), attempts[0].header("webhook-id"));
        assert_eq!(attempt.body, attempts[0].body);
    }
}

fn gaps(attempts: &[Request]) -> Vec<f64> {
    attempts.windows(2).map(|pair| (pair[1].at - pair[0].at).as_secs_f64()).collect()
}

#[test]
fn errors_are_tried_again_at_growing_distance_until_accepted() {
    let receiver = Receiver::start();
    receiver.script("/retrain", &[500, 503, 502].map(Answer::status));
    let company = company(&receiver, "1h");
    let daemon = start(&company);
    retrain(&daemon);
    let attempts = receiver.wait_for("/retrain", 4, LONG);
    one_message(&attempts);
    let gaps = gaps(&attempts);
    for (gap, pause) in gaps.iter().zip([1.0, 2.0, 4.0]) {
        assert!((0.8 * pause..1.2 * pause + 5.0).contains(gap), "{gaps:?}");
    }
    assert_eq!(row(&daemon, "pipeline", "delivered")["attempts"], 4);
}

#[test]
fn what_is_never_accepted_is_given_up_in_sight_and_told_to_others() {
    let receiver = Receiver::start();
    receiver.always("/retrain", Answer::status(503));
    let company = company(&receiver, "5s");
    let daemon = start(&company);
    retrain(&daemon);
    let dead = row(&daemon, "pipeline", "dead");
    let attempts = receiver.requests("/retrain");
    one_message(&attempts);
    assert!((3..=5).contains(&attempts.len()), "{:?}", gaps(&attempts));
    let lived = (attempts.last().unwrap().at - attempts[0].at).as_secs_f64();
    assert!((3.5..15.0).contains(&lived), "{lived}");
    let error = dead["error"].as_str().unwrap();
    assert!(error.contains("given up after 5s") && error.contains("503"), "{error}");
    // The run is over, and those who are told of critical things hear of it.
    let page = receiver.wait_for("/pager", 1, LONG)[0].json();
    assert!(page["payload"]["summary"].as_str().unwrap().contains("driftd.retraining"), "{page}");
    let runs = daemon.json("/api/v1/runs");
    assert_eq!(runs["items"][0]["state"], "failed", "{runs}");
}

#[test]
fn pauses_that_a_receiver_asks_for_are_kept_whether_seconds_date_or_absurd() {
    let receiver = Receiver::start();
    let company = company(&receiver, "16s");
    let daemon = start(&company);
    let soon = || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let at = jiff::Timestamp::from_second(now.as_secs() as i64 + 9).unwrap();
        at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    };
    let busy = |pause: &str| Answer::status(429).with("retry-after", pause);
    receiver.script("/retrain", &[busy("4"), busy(&soon()), busy("99999999999999999999")]);
    retrain(&daemon);
    let attempts = receiver.wait_for("/retrain", 4, LONG);
    one_message(&attempts);
    let gaps = gaps(&attempts);
    // A busy machine is late; nobody may be early.
    assert!((3.9..8.0).contains(&gaps[0]) && (1.0..6.5).contains(&gaps[1]), "{gaps:?}");
    // The last attempt is made when the message's time is up; here it is accepted.
    let lived: f64 = gaps.iter().sum();
    assert!((15.0..25.0).contains(&lived) && gaps[2] > 2.0, "{gaps:?}");
    assert_eq!(row(&daemon, "pipeline", "delivered")["attempts"], 4);
}

#[test]
fn a_refusal_is_final_at_once_seen_and_told_to_others() {
    let receiver = Receiver::start();
    receiver.always("/events", Answer::status(410));
    let company = company(&receiver, "1h");
    let daemon = start(&company);
    for (n, status) in [400, 401, 403, 404].into_iter().enumerate() {
        receiver.script("/retrain", &[Answer::status(status)]);
        retrain(&daemon);
        let mut errors = Vec::new();
        daemon.wait_until("the refusal is seen", LONG, || {
            let rows = daemon.json("/api/v1/outbox?to=pipeline&state=dead");
            let rows = rows["items"].as_array().unwrap().clone();
            errors = rows.iter().map(|row| row["error"].to_string()).collect();
            (rows.len() == n + 1).then_some(())
        });
        let named = errors.iter().any(|error| error.contains(&status.to_string()));
        assert!(named, "{status}: {errors:?}");
    }
    std::thread::sleep(Duration::from_secs(4));
    let attempts = receiver.requests("/retrain");
    assert_eq!(attempts.len(), 4, "one attempt each, and no other");
    let ids: BTreeSet<&str> = attempts.iter().map(|a| a.header("webhook-id")).collect();
    assert_eq!(ids.len(), 4);
    // A notifier that is gone keeps nobody else from hearing.
    let pages = receiver.wait_for("/pager", 1, LONG);
    assert!(pages.iter().all(Request::accepted));
    assert!(row(&daemon, "events", "dead")["error"].as_str().unwrap().contains("410"));
    let metrics = daemon.get("/metrics").unwrap().1;
    let dead = "driftd_messages_total{notifier=\"pipeline\",result=\"dead\"} 4";
    assert!(metrics.contains(dead), "{metrics}");
}

#[test]
fn a_request_whose_reply_is_lost_has_one_effect() {
    let receiver = Receiver::start();
    // Taken and the line cut; taken and the reply late; then refused as known.
    receiver.script(
        "/retrain",
        &[Answer::cut(), Answer::status(202).after(Duration::from_secs(3)), Answer::status(409)],
    );
    let company = company(&receiver, "1h");
    let daemon = start(&company);
    retrain(&daemon);
    let attempts = receiver.wait_for("/retrain", 3, LONG);
    one_message(&attempts);
    assert_eq!(row(&daemon, "pipeline", "delivered")["attempts"], 3);
    let runs = daemon.json("/api/v1/runs");
    assert_eq!(runs["items"][0]["state"], "accepted", "{runs}");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(receiver.requests("/retrain").len(), 3);
}

#[test]
fn kill_9_between_request_and_receipt_repeats_the_same_message() {
    let receiver = Receiver::start();
    receiver.script("/retrain", &[Answer::status(202).after(Duration::from_secs(30))]);
    let company = company(&receiver, "1h");
    let mut daemon = start(&company);
    retrain(&daemon);
    receiver.wait_for("/retrain", 1, LONG);
    daemon.kill9();
    let daemon = start(&company);
    one_message(&receiver.wait_for("/retrain", 2, LONG));
    row(&daemon, "pipeline", "delivered");
    let runs = daemon.json("/api/v1/runs");
    let runs = runs["items"].as_array().unwrap();
    assert_eq!((runs.len(), &runs[0]["state"]), (1, &json!("accepted")), "{runs:?}");
}

#[test]
fn a_redirect_is_followed_by_nobody_and_its_goal_is_named() {
    let receiver = Receiver::start();
    let goal = Receiver::start();
    let moved = |status| Answer::status(status).with("location", goal.url("/stolen?t=canary"));
    receiver.script("/retrain", &[302, 307, 301].map(moved));
    let company = company(&receiver, "1h");
    let daemon = start(&company);
    retrain(&daemon);
    let dead = row(&daemon, "pipeline", "dead");
    let error = dead["error"].as_str().unwrap();
    assert!(error.contains(goal.url("").as_str()) && !error.contains("canary"), "{error}");
    assert_eq!(receiver.requests("/retrain").len(), 3);
    assert!(goal.requests("/stolen").is_empty());
}

#[test]
fn a_pager_that_was_down_meanwhile_hears_once_that_it_is_over() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    receiver.always("/pager", Answer::status(503));
    let company = company(&receiver, "1h");
    let daemon = start(&company);
    let produce = |hours: std::ops::Range<i64>, shift: f64| {
        for number in hours {
            let (predictions, _) = company.hour(Hour { number, shift, error: 0.0 }, 1);
            kafka.produce(&company.predictions, &predictions);
        }
    };
    produce(0..24, 0.0);
    produce(24..32, 60.0);
    receiver.wait_for("/pager", 2, LONG);
    receiver.wait_for("/events", 1, LONG);
    produce(32..60, 0.0);
    let superseded = row(&daemon, "oncall", "superseded");
    assert_eq!(superseded["message"], "incident.firing");
    assert_eq!(row(&daemon, "oncall", "pending")["message"], "incident.resolved");
    receiver.always("/pager", Answer::status(202));
    row(&daemon, "oncall", "delivered");
    let pages = receiver.requests("/pager");
    let accepted: Vec<Value> =
        pages.iter().filter(|p| p.accepted()).map(|p| p.json()["event_action"].clone()).collect();
    assert_eq!(accepted, [json!("resolve")]);
    assert_eq!(pages.last().unwrap().json()["event_action"], "resolve");
    // Whoever was up has heard all of it.
    let kinds: Vec<Value> =
        receiver.requests("/events").iter().map(|event| event.json()["type"].clone()).collect();
    assert_eq!(kinds.first(), Some(&json!("incident.firing")), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&json!("incident.resolved")), "{kinds:?}");
}
