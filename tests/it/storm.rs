//! Everything drifts at once: five hundred features, thirty monitors of one model.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::company::{HOUR, SECRET};
use crate::rig::daemon::{Daemon, driftd};
use crate::rig::kafka::{Kafka, Rec};
use crate::rig::receiver::Receiver;
use crate::rig::{folder, free_port, unique};

const FEATURES: usize = 500;
/// Monitors of one feature each.
const SINGLE: usize = 30;
/// Incidents that a model may open in an hour: the default of `limits.storm`.
const STORM: usize = 20;

fn name(n: usize) -> String {
    format!("f{n:03}")
}

/// Spread evenly over 0..100, another phase for every feature.
fn value(row: usize, feature: usize, shift: f64) -> f64 {
    ((row * 37 + feature * 11) % 100) as f64 + shift
}

#[test]
fn five_hundred_series_at_once_are_one_message_and_a_storm_is_cut_off() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    let (folder, port, topic) = (folder("storm"), free_port(), unique("storm"));
    kafka.create_topic(&topic, 1);
    let mut config = format!(
        r#"
name = "storm-test"
[kafka]
brokers = ["{brokers}"]
group = "{group}"
idle_after = "1s"
[state]
dir = "state"
commit_every = "200ms"
[http]
listen = "127.0.0.1:{port}"
[models.m]
reference = {{ file = "m.json" }}
notify = {{ critical = ["events"] }}
[models.m.predictions]
topic = "{topic}"
time = "at"
[notifiers]
events = {{ kind = "webhook", url = "{url}", secret = "env:WEBHOOK_SECRET" }}
[defaults.monitor]
statistic = "psi"
window = "1h"
min_events = 50
detector = {{ kind = "threshold", critical = 3.0 }}
[monitors.all]
watch = ["features"]
"#,
        brokers = kafka.brokers(),
        group = unique("group"),
        url = receiver.url("/events"),
    );
    for n in 0..SINGLE {
        config.push_str(&format!("[monitors.s{n:02}]\nwatch = [\"features.{}\"]\n", name(n)));
    }
    config.push_str("[models.m.predictions.features]\n");
    (0..FEATURES).for_each(|n| config.push_str(&format!("{0} = \"{0}\"\n", name(n))));
    let path = folder.join("driftd.toml");
    std::fs::write(&path, config).unwrap();

    let start = 1_767_225_600;
    let mut csv = "at,".to_owned() + &(0..FEATURES).map(name).collect::<Vec<_>>().join(",") + "\n";
    for row in 0..600 {
        let values = (0..FEATURES).map(|n| value(row, n, 0.0).to_string());
        csv.push_str(&format!("{start},{}\n", values.collect::<Vec<_>>().join(",")));
    }
    std::fs::write(folder.join("train.csv"), csv).unwrap();
    let build = ["reference", "build", "--model", "m", "train.csv", "-o", "m.json"];
    let built = driftd(&build, &folder, &[]);
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));

    let records: Vec<Rec> = (0..5 * 60usize)
        .map(|minute| {
            let shift = if minute >= 3 * 60 { 500.0 } else { 0.0 };
            let at = start + minute as i64 * HOUR / 60;
            let mut record = json!({ "at": at });
            (0..FEATURES).for_each(|n| record[name(n)] = json!(value(minute, n, shift)));
            Rec::json(&record)
        })
        .collect();
    kafka.produce(&topic, &records);
    let daemon = Daemon::start(&path, port, &[("WEBHOOK_SECRET", SECRET)]);
    daemon.wait_caught_up(&[&topic], 1);
    let incidents: Vec<Value> =
        daemon.wait_until("all have opened", Duration::from_secs(60), || {
            let page = daemon.json("/api/v1/incidents?state=firing");
            let items = page["items"].as_array().unwrap().clone();
            (items.len() > SINGLE).then_some(items)
        });
    assert_eq!(incidents.len(), SINGLE + 1, "one incident for each monitor");
    let all = incidents.iter().find(|i| i["monitor"] == "all").unwrap();
    assert_eq!(all["series"].as_array().unwrap().len(), FEATURES);
    let quiet = incidents.iter().filter(|i| i["suppressed"] == "storm").count();
    assert_eq!(quiet, SINGLE + 1 - STORM);

    let messages = receiver.wait_for("/events", STORM, Duration::from_secs(60));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(receiver.requests("/events").len(), STORM);
    let mut by_key: BTreeMap<String, usize> = BTreeMap::new();
    for message in &messages {
        message.verify(SECRET);
        assert!(message.body.len() < 20_000, "{} bytes", message.body.len());
        let incident = &message.json()["data"]["incident"];
        *by_key.entry(incident["key"].to_string()).or_default() += 1;
    }
    assert!(by_key.values().all(|n| *n == 1), "{by_key:?}");
    let told =
        messages.iter().map(|m| m.json()).find(|m| m["data"]["incident"]["monitor"] == "all");
    let data = &told.expect("the one of all features is among those told")["data"];
    assert_eq!(data["findings_total"], FEATURES);
    assert!(data["findings"].as_array().unwrap().len() <= 10);
}
