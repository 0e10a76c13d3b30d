//! A topic of demand predictions, the configuration that watches it, and driftd reading it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

/// The window that nearly everything is measured with.
pub const HOUR: &str = "1h";

/// A topic full of events.
pub struct Topic {
    pub shape: Shape,
    pub name: String,
    pub events: u64,
    /// Mean size of an event.
    pub bytes: u64,
    partitions: i32,
    folder: PathBuf,
}

impl Topic {
    /// Produces the events, evenly over the last `span` of event time, and builds a reference out of
    /// others like them.
    pub fn fill(kafka: &Kafka, shape: Shape, events: u64, partitions: i32, span: Span) -> Topic {
        let name = unique("bench");
        kafka.create_topic(&name, partitions);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_micros();
        let (start, apart) = (now as i64 - span.0, span.0 / events as i64);
        let mut random = Random(42);
        let mut bytes = 0;
        for first in (0..events).step_by(CHUNK as usize) {
            let records: Vec<Rec> = (first..events.min(first + CHUNK))
                .map(|i| {
                    let at = Time(start + i as i64 * apart);
                    let event = shape.event(i, at, &mut random);
                    bytes += event.len() as u64;
                    Rec::bytes(&event).on((i % partitions as u64) as i32)
                })
                .collect();
            kafka.produce(&name, &records);
        }
        let folder = folder("bench");
        std::fs::write(folder.join("schema.avsc"), shape.schema()).expect("target can be written");
        let topic = Topic { shape, name, events, bytes: bytes / events, partitions, folder };
        topic.build_reference(kafka);
        topic
    }

    /// Reads the whole topic with a fresh driftd that judges such windows; returns its CPU seconds.
    pub fn read_by_driftd(&self, kafka: &Kafka, window: &str) -> f64 {
        let state = self.folder.join(unique("state"));
        let port = free_port();
        let config = self.write_config(kafka, &state, port, window);
        let seconds = cpu_of_children(|| {
            let mut daemon = Daemon::start(&config, port, &[]);
            // The picture behind the scores is drawn anew twice a second.
            daemon.wait_until("all is read and judged", Duration::from_secs(300), || {
                let metrics = daemon.get("/metrics")?.1;
                let name = format!("driftd_events_consumed_total{{topic=\"{}\"}}", self.name);
                let read = value(&metrics, &name)? as u64 == self.events;
                let judged = ["distance", "shares"].into_iter().all(|monitor| {
                    let scores = format!(
                        "driftd_score{{model=\"demand\",version=\"v12\",monitor=\"{monitor}\""
                    );
                    let series = metrics.lines().filter(|line| line.starts_with(&scores)).count();
                    series == self.shape.features
                });
                (read && judged).then_some(())
            });
            daemon.signal("TERM");
            daemon.wait_exit(Duration::from_secs(60));
        });
        self.check_positions(&state);
        std::fs::remove_dir_all(&state).expect("the state can be removed");
        seconds
    }

    /// What is durable after the stop must be the whole topic.
    fn check_positions(&self, state: &Path) {
        let positions = export(state).into_iter().filter(|line| line["type"] == "position");
        let offsets: Vec<u64> = positions.filter_map(|line| line["offset"].as_u64()).collect();
        assert_eq!(offsets.len(), self.partitions as usize);
        assert_eq!(offsets.iter().sum::<u64>(), self.events, "driftd has not read the whole topic");
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
        let config = self.write_config(kafka, &self.folder.join("unused"), free_port(), HOUR);
        let config = config.to_str().expect("a plain path");
        let arguments = ["reference", "build", "--model", "demand", "rows.csv", "-o"];
        let arguments = [&arguments[..], &["reference.json", "--config", config]].concat();
        let output = driftd(&arguments, &self.folder, &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn write_config(&self, kafka: &Kafka, state: &Path, port: u16, window: &str) -> PathBuf {
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

    fn event(self, number: u64, at: Time, random: &mut Random) -> Vec<u8> {
        match self.avro {
            true => self.datum(number, at, random),
            false => self.text(number, at, random).into_bytes(),
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
    fn datum(self, number: u64, at: Time, random: &mut Random) -> Vec<u8> {
        let id = format!("{:08x}-{number:07}", random.next() as u32);
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

    fn text(self, number: u64, at: Time, random: &mut Random) -> String {
        let mut text = format!(
            r#"{{"request_id":"{:08x}-{number:07}","at":"{at}","model_version":"v12","features":{{"#,
            random.next() as u32
        );
        for feature in 0..self.fields {
            let comma = if feature == 0 { "" } else { "," };
            let _ = write!(text, "{comma}\"{}\":{:.2}", name(feature), random.value());
        }
        let _ = write!(text, "}},\"output\":{{\"demand\":{:.2}}}}}", random.value());
        text
    }
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
