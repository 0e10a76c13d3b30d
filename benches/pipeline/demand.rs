//! A topic of demand predictions, the configuration that watches it, and driftd reading it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use driftd::event::{Span, Time};

use crate::rig::daemon::{Daemon, driftd, export};
use crate::rig::kafka::{Kafka, Rec};
use crate::rig::{folder, free_port, unique};
use crate::rounds::cpu_of_children;

/// What events look like: flat numbers below `features`, each with 1,000 distinct values, and how
/// many of them a model watches.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub fields: usize,
    pub features: usize,
    pub avro: bool,
}

/// Rows of the reference: enough to meet every value.
const ROWS: u64 = 20_000;
/// Records handed to the producer at once.
const CHUNK: u64 = 100_000;
/// From a prediction to its outcome.
const DELAY: Span = Span::from_secs(600);
/// Longest time that a whole topic may take to read.
const LONGEST: Duration = Duration::from_secs(1_200);

/// The window that nearly everything is measured with.
pub const HOUR: &str = "1h";

/// A topic full of events.
pub struct Topic {
    pub shape: Shape,
    pub name: String,
    pub events: u64,
    /// Outcomes in a second topic: none, or one per event.
    outcomes: u64,
    /// Mean size of an event.
    pub bytes: u64,
    folder: PathBuf,
}

/// What driftd does with a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// It counts features.
    Count,
    /// Predictions also wait for the outcomes of a second topic.
    Join,
}

impl Topic {
    /// Produces the events, evenly over the last `span` of event time, and builds a reference out of
    /// others like them. With `answered`, every event also gets an outcome.
    pub fn fill(
        kafka: &Kafka,
        shape: Shape,
        events: u64,
        partitions: i32,
        span: Span,
        answered: bool,
    ) -> Topic {
        let name = unique("bench");
        kafka.create_topic(&name, partitions);
        kafka.create_topic(&outcomes(&name), partitions);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_micros();
        // The last outcome is none of the future.
        let (start, apart) = (now as i64 - span.0 - DELAY.0, span.0 / events as i64);
        let mut random = Random(42);
        let mut bytes = 0;
        for first in (0..events).step_by(CHUNK as usize) {
            let (mut records, mut answers) = (Vec::new(), Vec::new());
            for i in first..events.min(first + CHUNK) {
                let at = Time(start + i as i64 * apart);
                let partition = (i % partitions as u64) as i32;
                let id = format!("{:08x}-{i:07}", random.next() as u32);
                let event = shape.event(&id, at, &mut random);
                bytes += event.len() as u64;
                records.push(Rec::bytes(&event).on(partition));
                if answered {
                    let actual = random.value();
                    let at = at + DELAY;
                    let text =
                        format!(r#"{{"request_id":"{id}","at":"{at}","actual":{actual:.2}}}"#);
                    answers.push(Rec::bytes(text.as_bytes()).on(partition));
                }
            }
            kafka.produce(&name, &records);
            kafka.produce(&outcomes(&name), &answers);
        }
        let folder = folder("bench");
        std::fs::write(folder.join("schema.avsc"), shape.schema()).expect("target can be written");
        let (bytes, outcomes) = (bytes / events, if answered { events } else { 0 });
        let topic = Topic { shape, name, events, outcomes, bytes, folder };
        topic.build_reference(kafka);
        topic
    }

    /// How long a driftd that was killed after it had read the topic takes until it is ready again,
    /// and how many predictions wait then.
    pub fn restart(&self, kafka: &Kafka) -> (Duration, u64) {
        let state = self.folder.join(unique("state"));
        let port = free_port();
        let config = self.write_config(kafka, &state, port, HOUR, Work::Join);
        let mut daemon = Daemon::start(&config, port, &[]);
        daemon.wait_until("all is read", LONGEST, || self.has_read(&daemon, Work::Join));
        // A commit later all of it is on disk.
        std::thread::sleep(Duration::from_secs(6));
        daemon.kill9();
        let began = Instant::now();
        let mut daemon = Daemon::start(&config, port, &[]);
        daemon.wait_ready(LONGEST);
        let took = began.elapsed();
        daemon.signal("TERM");
        daemon.wait_exit(Duration::from_secs(60));
        let join = export(&state).into_iter().find(|line| line["type"] == "join");
        let pending = join.and_then(|line| line["pending_predictions"].as_u64());
        (took, pending.expect("a model that joins"))
    }

    /// Something once driftd has read the whole topic.
    fn has_read(&self, daemon: &Daemon, work: Work) -> Option<String> {
        let metrics = daemon.get("/metrics")?.1;
        let read = |topic: &str| {
            let name = format!("driftd_events_consumed_total{{topic=\"{topic}\"}}");
            value(&metrics, &name).unwrap_or(0.0) as u64
        };
        let joined = work == Work::Count || read(&outcomes(&self.name)) == self.outcomes;
        (read(&self.name) == self.events && joined).then_some(metrics)
    }

    /// Reads the whole topic with a fresh driftd that judges such windows; returns its CPU seconds.
    pub fn read_by_driftd(&self, kafka: &Kafka, window: &str, work: Work) -> f64 {
        let state = self.folder.join(unique("state"));
        let port = free_port();
        let config = self.write_config(kafka, &state, port, window, work);
        let seconds = cpu_of_children(|| {
            let mut daemon = Daemon::start(&config, port, &[]);
            // The picture behind the scores is drawn anew twice a second.
            daemon.wait_until("all is read and judged", LONGEST, || {
                let metrics = self.has_read(&daemon, work)?;
                let judged = ["distance", "shares"].into_iter().all(|monitor| {
                    let scores = format!(
                        "driftd_score{{model=\"demand\",version=\"v12\",monitor=\"{monitor}\""
                    );
                    let series = metrics.lines().filter(|line| line.starts_with(&scores)).count();
                    series == self.shape.features
                });
                judged.then_some(())
            });
            daemon.signal("TERM");
            daemon.wait_exit(Duration::from_secs(60));
        });
        self.check_positions(&state, work);
        std::fs::remove_dir_all(&state).expect("the state can be removed");
        seconds
    }

    /// What is durable after the stop must be the whole topic.
    fn check_positions(&self, state: &Path, work: Work) {
        let lines = export(state);
        let sum = |kind: &str, key: &str| -> u64 {
            let lines = lines.iter().filter(|line| line["type"] == kind);
            lines.filter_map(|line| line[key].as_u64()).sum()
        };
        let all = self.events + if work == Work::Join { self.outcomes } else { 0 };
        assert_eq!(sum("position", "offset"), all, "driftd has not read the whole topic");
        if work == Work::Join {
            assert_eq!(sum("pane", "matched"), self.outcomes, "some outcomes found no prediction");
        }
    }

    fn build_reference(&self, kafka: &Kafka) {
        let mut random = Random(7);
        let names = self.shape.watched();
        let mut csv = format!("request_id,at,model_version,demand,{}\n", names.join(","));
        for row in 0..ROWS {
            let _ = write!(csv, "{row},2026-01-01T00:00:00Z,v12,{:.2}", random.value());
            for _ in &names {
                let _ = write!(csv, ",{:.2}", random.value());
            }
            csv.push('\n');
        }
        std::fs::write(self.folder.join("rows.csv"), csv).expect("target can be written");
        let unused = self.folder.join("unused");
        let config = self.write_config(kafka, &unused, free_port(), HOUR, Work::Count);
        let config = config.to_str().expect("a plain path");
        let arguments = ["reference", "build", "--model", "demand", "rows.csv", "-o"];
        let arguments = [&arguments[..], &["reference.json", "--config", config]].concat();
        let output = driftd(&arguments, &self.folder, &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn write_config(
        &self,
        kafka: &Kafka,
        state: &Path,
        port: u16,
        window: &str,
        work: Work,
    ) -> PathBuf {
        let mut text = format!(
            r#"
[kafka]
brokers = ["{brokers}"]
group = "{group}"

[state]
dir = "{state}"

[http]
listen = "127.0.0.1:{port}"

[models.demand]
reference = {{ file = "reference.json" }}

[models.demand.predictions]
topic = "{topic}"
format = {format}
id = "request_id"
time = "at"
version = "model_version"
prediction = "output.demand"

[monitors.shares]
watch = ["features.*"]
statistic = "psi"
window = "{window}"
every = "5m"
detector = {{ kind = "threshold", critical = 5.0 }}

[monitors.distance]
watch = ["features.*"]
statistic = "ks"
window = "{window}"
every = "5m"
detector = {{ kind = "threshold", critical = 0.9 }}

[models.demand.predictions.features]
"#,
            brokers = kafka.brokers(),
            group = unique("group"),
            state = state.display(),
            topic = self.name,
            format = match self.shape.avro {
                true => r#"{ kind = "avro", schema = "schema.avsc" }"#,
                false => r#""json""#,
            },
        );
        for name in self.shape.watched() {
            let _ = writeln!(text, "{name} = \"features.{name}\"");
        }
        if work == Work::Join {
            let _ = write!(text, "{}", joining(&outcomes(&self.name)));
        }
        let path = self.folder.join("driftd.toml");
        std::fs::write(&path, text).expect("target can be written");
        path
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let format = if self.avro { "Avro" } else { "JSON" };
        match self.fields == self.features {
            true => write!(f, "{} features, {format}", self.features),
            false => write!(f, "{} of {} features, {format}", self.features, self.fields),
        }
    }
}

impl Shape {
    /// The features that are watched, spread over those that there are.
    fn watched(self) -> Vec<String> {
        (0..self.features).map(|place| name(place * self.fields / self.features)).collect()
    }

    fn event(self, id: &str, at: Time, random: &mut Random) -> Vec<u8> {
        match self.avro {
            true => self.datum(id, at, random),
            false => self.text(id, at, random).into_bytes(),
        }
    }

    fn schema(self) -> String {
        let fields: Vec<String> = (0..self.fields)
            .map(|field| format!(r#"{{"name":"{}","type":"double"}}"#, name(field)))
            .collect();
        format!(
            r#"{{"type":"record","name":"Prediction","fields":[
            {{"name":"request_id","type":"string"}},
            {{"name":"at","type":{{"type":"long","logicalType":"timestamp-micros"}}}},
            {{"name":"model_version","type":"string"}},
            {{"name":"features","type":{{"type":"record","name":"Features","fields":[{}]}}}},
            {{"name":"output","type":{{"type":"record","name":"Output","fields":[
                {{"name":"demand","type":"double"}}]}}}}]}}"#,
            fields.join(",")
        )
    }

    /// The same event as [`Shape::text`], in Avro.
    fn datum(self, id: &str, at: Time, random: &mut Random) -> Vec<u8> {
        let mut bytes = vec![2 * id.len() as u8];
        bytes.extend(id.as_bytes());
        let mut raw = (at.0 as u64) << 1;
        while raw >= 0x80 {
            bytes.push(raw as u8 | 0x80);
            raw >>= 7;
        }
        bytes.extend([raw as u8, 6, b'v', b'1', b'2']);
        for _ in 0..=self.fields {
            let written: f64 = format!("{:.2}", random.value()).parse().expect("a number");
            bytes.extend(written.to_le_bytes());
        }
        bytes
    }

    fn text(self, id: &str, at: Time, random: &mut Random) -> String {
        let mut text =
            format!(r#"{{"request_id":"{id}","at":"{at}","model_version":"v12","features":{{"#);
        for feature in 0..self.fields {
            let comma = if feature == 0 { "" } else { "," };
            let _ = write!(text, "{comma}\"{}\":{:.2}", name(feature), random.value());
        }
        let _ = write!(text, "}},\"output\":{{\"demand\":{:.2}}}}}", random.value());
        text
    }
}

/// The topic of the outcomes of another one.
fn outcomes(topic: &str) -> String {
    format!("{topic}-outcomes")
}

/// What a configuration needs for the join.
fn joining(outcomes: &str) -> String {
    format!(
        r#"
[defaults.model]
task = "regression"

[models.demand.outcomes]
topic = "{outcomes}"
format = "json"
id = "request_id"
time = "at"
outcome = "actual"
within = "14d"
due = "1h"

[monitors.error]
statistic = "mae"
window = "{HOUR}"
every = "5m"
detector = {{ kind = "threshold", critical = 1e9 }}
"#
    )
}

fn name(feature: usize) -> String {
    format!("f{feature:02}_distance")
}

/// The number of a line of metrics.
fn value(metrics: &str, name: &str) -> Option<f64> {
    metrics.lines().find_map(|line| line.strip_prefix(name))?.trim().parse().ok()
}

/// Knuth's MMIX generator: the same events in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// One of 1,000 values between 100.00 and 999.10.
    fn value(&mut self) -> f64 {
        100.0 + (self.next() % 1_000) as f64 * 0.9
    }
}
