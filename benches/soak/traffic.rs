//! Predictions at a steady rate in real time, outcomes up to two minutes after them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::rig::daemon::driftd;
use crate::rig::kafka::{Kafka, Rec};
use crate::rig::{folder, free_port, unique};

pub const PARTITIONS: i32 = 4;
/// The longest way of an outcome, in seconds.
const LATEST: u64 = 120;
/// Of a hundred predictions so many never get an outcome.
const NEVER: u64 = 5;
const CITIES: [&str; 5] = ["Oslo", "Bergen", "Trondheim", "Stavanger", "Drammen"];

pub struct Traffic {
    kafka: Arc<Kafka>,
    rate: u64,
    predictions: String,
    outcomes: String,
    folder: PathBuf,
    pub config: PathBuf,
    pub port: u16,
}

impl Traffic {
    pub fn new(kafka: &Arc<Kafka>, rate: u64) -> Traffic {
        let (predictions, outcomes) = (unique("predictions"), unique("outcomes"));
        // The brokers' disk is not what is looked at.
        let short = [("retention.ms", "900000"), ("segment.bytes", "67108864")];
        for topic in [&predictions, &outcomes] {
            kafka.create_topic_with(topic, PARTITIONS, &short);
        }
        let (folder, port) = (folder("soak"), free_port());
        let config = folder.join("driftd.toml");
        let traffic =
            Traffic { kafka: kafka.clone(), rate, predictions, outcomes, folder, config, port };
        std::fs::write(&traffic.config, traffic.configuration()).expect("target can be written");
        traffic.build_reference();
        traffic
    }

    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    pub fn topics(&self) -> [&str; 2] {
        [&self.predictions, &self.outcomes]
    }

    /// Produces until `end` has passed; how many records that were.
    pub fn flow(&self, end: Duration) -> JoinHandle<u64> {
        let (kafka, rate) = (self.kafka.clone(), self.rate);
        let (predictions, outcomes) = (self.predictions.clone(), self.outcomes.clone());
        std::thread::spawn(move || {
            let began = Instant::now();
            let mut coming: BTreeMap<u64, Vec<Rec>> = BTreeMap::new();
            let mut produced = 0;
            for second in 0..end.as_secs() {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
                let mut records = Vec::new();
                for i in 0..rate {
                    let number = second * rate + i;
                    let (chance, at) = (scramble(number), now.as_secs());
                    let partition = (number % PARTITIONS as u64) as i32;
                    records.push(Rec::bytes(prediction(number, at).as_bytes()).on(partition));
                    if chance % 100 >= NEVER {
                        let late = chance / 100 % LATEST;
                        let text = outcome(number, at + late);
                        let due = coming.entry(second + late).or_default();
                        due.push(Rec::bytes(text.as_bytes()).on(partition));
                    }
                }
                let due = coming.remove(&second).unwrap_or_default();
                kafka.produce(&predictions, &records);
                kafka.produce(&outcomes, &due);
                produced += (records.len() + due.len()) as u64;
                let next = Duration::from_secs(second + 1);
                std::thread::sleep(next.saturating_sub(began.elapsed()));
            }
            produced
        })
    }

    fn build_reference(&self) {
        let mut rows = String::from("request_id,at,version,demand,fare,distance,city\n");
        for number in 0..20_000 {
            let (fare, distance, city) = features(number);
            rows.push_str(&format!(
                "{number},2026-01-01T00:00:00Z,v1,10,{fare},{distance},{city}\n"
            ));
        }
        std::fs::write(self.folder.join("rows.csv"), rows).expect("target can be written");
        let arguments =
            ["reference", "build", "--model", "demand", "rows.csv", "-o", "demand.json"];
        let output = driftd(&arguments, &self.folder, &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn configuration(&self) -> String {
        format!(
            r#"
[kafka]
brokers = ["{brokers}"]
group = "{group}"

[state]
dir = "state"

[http]
listen = "127.0.0.1:{port}"

[models.demand]
task = "regression"
lateness = "10s"
reference = {{ file = "demand.json" }}

[models.demand.predictions]
topic = "{predictions}"
id = "request_id"
time = "at"
version = "version"
prediction = "demand"

[models.demand.predictions.features]
fare = "fare"
distance = "distance"
city = {{ path = "city", type = "category" }}

[models.demand.outcomes]
topic = "{outcomes}"
id = "request_id"
time = "at"
outcome = "actual"
within = "5m"

[monitors.drift]
watch = ["features"]
statistic = "psi"
window = "10m"
every = "1m"
by = ["city"]
detector = {{ kind = "threshold", critical = 5.0 }}

[monitors.worse]
statistic = "mae"
window = "10m"
every = "1m"
by = ["city"]
detector = {{ kind = "threshold", critical = 100.0 }}
"#,
            brokers = self.kafka.brokers(),
            group = unique("group"),
            port = self.port,
            predictions = self.predictions,
            outcomes = self.outcomes,
        )
    }
}

fn features(number: u64) -> (f64, f64, &'static str) {
    let chance = scramble(number.wrapping_add(1 << 40));
    let fare = (chance % 5_000) as f64 / 100.0;
    let distance = (chance / 5_000 % 2_000) as f64 / 100.0;
    (fare, distance, CITIES[(chance >> 40) as usize % CITIES.len()])
}

fn prediction(number: u64, at: u64) -> String {
    let (fare, distance, city) = features(number);
    format!(
        r#"{{"request_id":"r{number}","at":{at},"version":"v1","fare":{fare},"distance":{distance},"city":"{city}","demand":{:.2}}}"#,
        10.0 + fare / 50.0
    )
}

fn outcome(number: u64, at: u64) -> String {
    format!(
        r#"{{"request_id":"r{number}","at":{at},"actual":{:.2}}}"#,
        10.0 + features(number).0 / 50.0
    )
}

/// SplitMix64: every number gives another one, the same in every run.
fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
