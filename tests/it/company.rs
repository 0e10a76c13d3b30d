//! A small ride-sharing company: a demand model, its topics, its configuration.

use std::path::PathBuf;

use serde_json::json;

use crate::rig::daemon::{driftd, export};
use crate::rig::kafka::{Kafka, Rec};
use crate::rig::receiver::Receiver;
use crate::rig::{folder, free_port, unique};

pub const HOUR: i64 = 3600;

/// `whsec_` and 32 bytes in base64.
pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

pub struct Company {
    pub folder: PathBuf,
    pub config: PathBuf,
    pub port: u16,
    pub predictions: String,
    pub outcomes: String,
    pub group: String,
    partitions: i32,
    /// Event time of the first hour, in seconds; a whole day.
    pub start: i64,
}

/// One hour of rides: `shift` moves fares, `error` is added to the prediction.
#[derive(Debug, Clone, Copy)]
pub struct Hour {
    pub number: i64,
    pub shift: f64,
    pub error: f64,
}

pub const RIDES_AN_HOUR: i64 = 60;

impl Company {
    /// Topics with this many partitions; pages and webhooks go to the receiver.
    pub fn found(kafka: &Kafka, receiver: &Receiver, partitions: i32) -> Company {
        let predictions = unique("predictions");
        let outcomes = unique("outcomes");
        kafka.create_topic(&predictions, partitions);
        kafka.create_topic(&outcomes, partitions);
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
                as i64;
        let mut company = Company {
            folder: folder("company"),
            config: PathBuf::new(),
            port: free_port(),
            predictions,
            outcomes,
            group: unique("group"),
            partitions,
            start: (now / 86_400 - 4) * 86_400,
        };
        company.config = company.write_config(
            kafka.brokers(),
            receiver,
            "driftd.toml",
            "state",
            company.port,
            &company.group,
        );
        company.build_reference();
        company
    }

    /// Another daemon of the same company, with a state and a group of its own.
    pub fn second(&self, kafka: &Kafka, receiver: &Receiver) -> (PathBuf, u16) {
        let port = free_port();
        let group = unique("second");
        (self.write_config(kafka.brokers(), receiver, "second.toml", "second", port, &group), port)
    }

    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    fn write_config(
        &self,
        brokers: &str,
        receiver: &Receiver,
        file: &str,
        state: &str,
        port: u16,
        group: &str,
    ) -> PathBuf {
        let text = format!(
            r#"
name = "rides-test"

[kafka]
brokers = ["{brokers}"]
group = "{group}"
start_from = "earliest"
idle_after = "1s"

[state]
dir = "{state}"
commit_every = "200ms"

[http]
listen = "127.0.0.1:{port}"
public_url = "http://127.0.0.1:{port}"
token = "env:DRIFTD_TOKEN"

[models.demand]
task = "regression"
lateness = "5m"
reference = {{ file = "demand.json" }}
notify = {{ warning = ["events"], critical = ["oncall", "events"] }}
retrain = "pipeline"

[models.demand.predictions]
topic = "{predictions}"
format = "json"
id = "request_id"
time = "at"
version = "model.version"
prediction = "output.demand"

[models.demand.predictions.features]
fare = "features.fare"
city = {{ path = "features.city", type = "category" }}

[models.demand.outcomes]
topic = "{outcomes}"
format = "json"
id = "request_id"
time = "at"
outcome = "actual"
due = "2h"
within = "4h"

[monitors.drift]
watch = ["features.fare"]
statistic = "psi"
window = "6h"
every = "1h"
season = "none"
min_events = 100
cooldown = "2h"
detector = {{ kind = "threshold", warning = 0.5, critical = 1.0 }}

[monitors.worse]
statistic = "mae"
window = "6h"
every = "1h"
by = ["city"]
min_events = 100
min_coverage = 0.8
detector = {{ kind = "threshold", critical = 3.0, for = "2 of 2" }}
retrain = true

[notifiers]
oncall = {{ kind = "pagerduty", routing_key = "env:ROUTING_KEY", url = "{pager}" }}
events = {{ kind = "webhook", url = "{events}", secret = "env:WEBHOOK_SECRET" }}

[trainers]
pipeline = {{ kind = "webhook", url = "{retrain}", secret = "env:WEBHOOK_SECRET", timeout = "6h" }}
"#,
            brokers = brokers.replace(',', "\", \""),
            predictions = self.predictions,
            outcomes = self.outcomes,
            pager = receiver.url("/pager"),
            events = receiver.url("/events"),
            retrain = receiver.url("/retrain"),
        );
        let path = self.folder.join(file);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn build_reference(&self) {
        let mut csv = String::from("request_id,at,version,demand,fare,city\n");
        for i in 0..5000 {
            csv.push_str(&format!(
                "{i},{},v1,10,{},{}\n",
                self.start - 86_400,
                fare(i, 0.0),
                city(i)
            ));
        }
        std::fs::write(self.folder.join("reference.csv"), csv).unwrap();
        let output = driftd(
            &["reference", "build", "--model", "demand", "reference.csv", "-o", "demand.json"],
            &self.folder,
            &self.env(),
        );
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub fn env(&self) -> [(&'static str, &'static str); 3] {
        [
            ("ROUTING_KEY", "0123456789abcdef0123456789abcdef"),
            ("WEBHOOK_SECRET", SECRET),
            ("DRIFTD_TOKEN", "canary-token"),
        ]
    }

    /// Produces these hours of rides, alike but for their number.
    pub fn produce(&self, kafka: &Kafka, hours: std::ops::Range<i64>, shift: f64, error: f64) {
        let (mut predictions, mut outcomes) = (Vec::new(), Vec::new());
        for number in hours {
            let (p, o) = self.hour(Hour { number, shift, error }, self.partitions);
            predictions.extend(p);
            outcomes.extend(o);
        }
        kafka.produce(&self.predictions, &predictions);
        kafka.produce(&self.outcomes, &outcomes);
    }

    /// Produces an hour of rides as they always are.
    pub fn produce_hour(&self, kafka: &Kafka, number: i64) {
        self.produce(kafka, number..number + 1, 0.0, 0.0);
    }

    /// Predictions that a stopped daemon's state has counted.
    pub fn counted(&self) -> u64 {
        export(&self.state())
            .iter()
            .filter(|l| l["type"] == "pane" && l["segment"].is_null())
            .map(|l| l["predictions"].as_u64().unwrap())
            .sum()
    }

    /// The records of one hour: predictions, and outcomes half an hour later.
    pub fn hour(&self, hour: Hour, partitions: i32) -> (Vec<Rec>, Vec<Rec>) {
        let mut predictions = Vec::new();
        let mut outcomes = Vec::new();
        for i in 0..RIDES_AN_HOUR {
            let id = hour.number * RIDES_AN_HOUR + i;
            let at = self.start + hour.number * HOUR + i * HOUR / RIDES_AN_HOUR;
            let partition = (id % i64::from(partitions)) as i32;
            predictions.push(
                Rec::json(&json!({
                    "request_id": format!("r{id}"),
                    "at": at,
                    "model": { "version": "v1" },
                    "features": { "fare": fare(id, hour.shift), "city": city(id) },
                    "output": { "demand": 10.0 + hour.error },
                }))
                .on(partition),
            );
            outcomes.push(
                Rec::json(&json!({
                    "request_id": format!("r{id}"),
                    "at": at + HOUR / 2,
                    "actual": 10.0,
                }))
                .on(partition),
            );
        }
        (predictions, outcomes)
    }
}

/// Spread evenly over 0..100, whatever the order.
fn fare(id: i64, shift: f64) -> f64 {
    ((id * 37) % 100) as f64 + shift
}

fn city(id: i64) -> &'static str {
    if id % 2 == 0 { "Oslo" } else { "Bergen" }
}
