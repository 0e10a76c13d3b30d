//! Numbers that are none, and numbers beyond what sums can hold.

use std::time::Duration;

use serde_json::Value;

use crate::company::{Company, HOUR, Hour, RIDES_AN_HOUR};
use crate::rig::daemon::{Daemon, export};
use crate::rig::kafka::{Kafka, Rec};
use crate::rig::receiver::Receiver;

const LONG: Duration = Duration::from_secs(60);
const HOURS: i64 = 9;
/// The hour whose first rides have these fares.
const ODD: i64 = 7;
const FARES: [&str; 14] = [
    "\"NaN\"",
    "\"inf\"",
    "\"-Infinity\"",
    "-0.0",
    "1e308",
    "-1e308",
    "\"12.5\"",
    "9007199254740993",
    "true",
    "\"twelve\"",
    "1e999",
    "[1]",
    "null",
    "",
];
/// Predictions and outcomes of its next rides: errors that are no finite number, or whose square is
/// none; an outcome that is none; whole numbers that are equal once they are read.
const PAIRS: [(&str, &str); 5] = [
    ("1e308", "-1e308"),
    ("\"inf\"", "10"),
    ("1e200", "10"),
    ("10", "\"nan\""),
    ("9007199254740993", "9007199254740992"),
];
/// What no reader of JSON takes for a number.
const NO_JSON: [&str; 3] = ["NaN", "Infinity", "0x10"];

fn odd_hour(company: &Company) -> (Vec<Rec>, Vec<Rec>) {
    let (mut predictions, mut outcomes) =
        company.hour(Hour { number: ODD, shift: 0.0, error: 0.0 }, 1);
    let at = company.start + ODD * HOUR;
    let first = ODD * RIDES_AN_HOUR;
    let ride = |id: i64, fare: &str, demand: &str| {
        let fare = if fare.is_empty() { String::new() } else { format!("\"fare\": {fare}, ") };
        let text = format!(
            "{{\"request_id\": \"r{id}\", \"at\": {at}, \"model\": {{\"version\": \"v1\"}}, \
             \"features\": {{{fare}\"city\": \"Oslo\"}}, \"output\": {{\"demand\": {demand}}}}}"
        );
        Rec::bytes(text.as_bytes()).on(0)
    };
    for (place, fare) in FARES.iter().enumerate() {
        predictions[place] = ride(first + place as i64, fare, "10");
    }
    for (number, (said, was)) in PAIRS.iter().enumerate() {
        let place = FARES.len() + number;
        let id = first + place as i64;
        predictions[place] = ride(id, "50", said);
        let text = format!("{{\"request_id\": \"r{id}\", \"at\": {at}, \"actual\": {was}}}");
        outcomes[place] = Rec::bytes(text.as_bytes()).on(0);
    }
    predictions.extend(NO_JSON.map(|fare| ride(-1, fare, "10")));
    (predictions, outcomes)
}

#[test]
fn numbers_that_are_none_have_counters_of_their_own_and_are_in_no_sum_and_no_json() {
    let (kafka, receiver) = (Kafka::shared(), Receiver::start());
    let company = Company::found(&kafka, &receiver, 1);
    let text = std::fs::read_to_string(&company.config).unwrap();
    let text = text.replace("lateness = \"5m\"", "lateness = \"5m\"\ncoerce = true");
    std::fs::write(&company.config, text).unwrap();
    for number in 0..HOURS {
        let (predictions, outcomes) = match number {
            ODD => odd_hour(&company),
            _ => company.hour(Hour { number, shift: 0.0, error: 0.0 }, 1),
        };
        kafka.produce(&company.predictions, &predictions);
        kafka.produce(&company.outcomes, &outcomes);
    }
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 1);
    let end = (company.start + (ODD + 1) * HOUR) * 1000;
    let lines = daemon.wait_until("its windows are judged", LONG, || {
        let (_, body) = daemon.get("/api/v1/scores?model=demand")?;
        let page: Value = serde_json::from_str(&body).expect("JSON without NaN");
        let lines = page["items"].as_array().unwrap().clone();
        let scored = |monitor: &str| {
            lines.iter().any(|line| {
                line["monitor"] == monitor
                    && line["score"].is_f64()
                    && line["window"]["end"].as_str() >= Some(&time(end))
            })
        };
        (scored("drift") && scored("worse")).then_some(lines)
    });
    let worse = lines.iter().filter(|line| line["monitor"] == "worse");
    for line in worse.filter(|line| line["score"].is_f64()) {
        assert_eq!(line["score"], 0.0, "no error in a sum that is none: {line}");
    }
    for path in ["/api/v1/status", "/api/v1/incidents", "/api/v1/outbox"] {
        daemon.json(path);
    }
    let (_, metrics) = daemon.get("/metrics").unwrap();
    let values = metrics.lines().filter_map(|l| l.rsplit(' ').next());
    let odd = values.filter(|value| ["NaN", "inf", "+Inf", "-inf", "-Inf"].contains(value));
    assert_eq!(odd.count(), 0, "{metrics}");
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    let lines = export(&company.state());
    let pane = lines.iter().find(|line| {
        line["type"] == "pane"
            && line["segment"].is_null()
            && line["start"].as_str() == Some(&time(end - HOUR * 1000))
    });
    let pane = pane.expect("the pane of that hour");
    let fare = &pane["features"]["fare"];
    let counters = ["count", "nan", "null", "missing", "type_errors"].map(|key| &fare[key]);
    // What has another type counts as missing too.
    assert_eq!(counters.map(|n| n.as_u64().unwrap()), [54, 1, 1, 4, 3], "{pane}");
    let performance = &pane["performance"];
    let sums = ["n", "not_finite", "zero_outcomes"].map(|key| performance[key].as_i64().unwrap());
    assert_eq!((sums, &performance["sum_sq"]), ([56, 3, 0], &0.0.into()), "{pane}");
    assert_eq!((&pane["predictions"], &pane["matched"]), (&60.into(), &59.into()), "{pane}");
}

fn time(milliseconds: i64) -> String {
    jiff::Timestamp::from_millisecond(milliseconds).unwrap().to_string()
}
