//! What the state must hold, worked out from the topics alone: no line of driftd's own code.
//!
//! The counting law. For a record in a partition: own watermark = greatest event time before it in
//! that partition - lateness; arrival = max(its time, own watermark). A prediction is late when
//! its pane had ended by the own watermark. Prediction and outcome of one id match when each
//! arrives within the wait after the other's time. Of repeated predictions the first counts, of
//! repeated outcomes the one with the latest time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::topics::Record;

const HOUR: i64 = 3600;
const LATENESS: i64 = 300;
const WITHIN: i64 = 4 * HOUR;
/// Both monitors' window, in panes.
const WINDOW: i64 = 6;
const PSI_LEVEL: f64 = 0.38;
const MAE_LEVEL: f64 = 3.0;
/// How near to a level a score may come before the scenario says nothing.
const MARGIN: f64 = 0.03;
const LEAST_EVENTS: u64 = 100;
/// Before this a time is absurd.
const OLDEST: i64 = 1_500_000_000;

/// A place in the topics.
pub type Ends = BTreeMap<(String, i32), i64>;

struct Prediction {
    offset: i64,
    time: i64,
    own: i64,
    id: String,
    fare: Fare,
    city: String,
    value: f64,
}

#[derive(Clone, Copy)]
enum Fare {
    Value(f64),
    Missing,
    Null,
    Wrong,
}

struct Outcome {
    partition: i32,
    offset: i64,
    time: i64,
    own: i64,
    actual: f64,
}

/// Counts of a pane, of all rides or of a city's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pane {
    pub predictions: u64,
    pub outcomes: u64,
    pub matched: u64,
    pub duplicates: u64,
    pub late: u64,
    pub errors: [f64; 3],
    pub fare_counted: u64,
    pub fare_missing: u64,
    pub fare_null: u64,
    pub fare_wrong: u64,
    pub codes: BTreeMap<u64, u64>,
    pub cities: BTreeMap<String, u64>,
}

/// Panes by start and city; the empty name is the whole.
pub type Panes = BTreeMap<(i64, String), Pane>;

pub struct Oracle {
    predictions_topic: String,
    latest: BTreeMap<(String, i32), i64>,
    predictions: BTreeMap<i32, Vec<Prediction>>,
    outcomes: HashMap<String, Vec<Outcome>>,
    grid: Vec<f64>,
    /// Rows of the reference at or below each point of the grid.
    at_or_below: Vec<f64>,
    name: String,
}

impl Oracle {
    pub fn new(predictions_topic: &str, reference: &Path) -> Oracle {
        let text = std::fs::read_to_string(reference).unwrap();
        let reference: Value = serde_json::from_str(&text).unwrap();
        let fare = &reference["features"]["fare"];
        let numbers = |key: &str| -> Vec<f64> {
            fare[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
        };
        Oracle {
            predictions_topic: predictions_topic.to_owned(),
            latest: BTreeMap::new(),
            predictions: BTreeMap::new(),
            outcomes: HashMap::new(),
            grid: numbers("grid"),
            at_or_below: numbers("at_or_below"),
            name: "rides-test".to_owned(),
        }
    }

    /// Takes the next record of a partition.
    pub fn take(&mut self, topic: &str, partition: i32, record: Record) {
        let Some(json) = record.payload.and_then(|p| serde_json::from_slice::<Value>(&p).ok())
        else {
            return;
        };
        let (Some(id), Some(time)) = (json["request_id"].as_str(), json["at"].as_i64()) else {
            return;
        };
        if time < OLDEST {
            return;
        }
        let latest = self.latest.entry((topic.to_owned(), partition)).or_insert(i64::MIN / 2);
        let own = *latest - LATENESS;
        *latest = time.max(*latest);
        if topic != self.predictions_topic {
            let actual = json["actual"].as_f64().unwrap();
            let outcome = Outcome { partition, offset: record.offset, time, own, actual };
            self.outcomes.entry(id.to_owned()).or_default().push(outcome);
            return;
        }
        let features = &json["features"];
        let fare = match features.get("fare") {
            None => Fare::Missing,
            Some(Value::Null) => Fare::Null,
            Some(value) => value.as_f64().map_or(Fare::Wrong, Fare::Value),
        };
        self.predictions.entry(partition).or_default().push(Prediction {
            offset: record.offset,
            time,
            own,
            id: id.to_owned(),
            fare,
            city: features["city"].as_str().unwrap().to_owned(),
            value: json["output"]["demand"].as_f64().unwrap(),
        });
    }

    /// The panes from `from` on, as of these ends of the partitions.
    pub fn panes(&self, ends: &Ends, outcomes_topic: &str, from: i64) -> Panes {
        let mut panes = Panes::new();
        for (partition, predictions) in &self.predictions {
            let end = ends[&(self.predictions_topic.clone(), *partition)];
            let mut known = HashMap::new();
            let known_ones = predictions.iter().filter(|p| p.offset < end && p.time >= from);
            for prediction in known_ones {
                let start = prediction.time.div_euclid(HOUR) * HOUR;
                let whole = panes.entry((start, String::new())).or_default();
                if start + HOUR <= prediction.own {
                    whole.late += 1;
                    continue;
                }
                if known.insert(&prediction.id, ()).is_some() {
                    whole.duplicates += 1;
                    continue;
                }
                self.count(whole, prediction);
                let part = panes.entry((start, prediction.city.clone())).or_default();
                part.predictions += 1;
                let matching = self.matching(prediction, ends, outcomes_topic);
                let Some(last) = matching.iter().max_by_key(|o| (o.time, o.offset)) else {
                    continue;
                };
                let error = prediction.value - last.actual;
                for key in [String::new(), prediction.city.clone()] {
                    let pane = panes.entry((start, key)).or_default();
                    pane.outcomes += matching.len() as u64;
                    pane.matched += 1;
                    for (sum, term) in
                        pane.errors.iter_mut().zip([error, error.abs(), error * error])
                    {
                        *sum += term;
                    }
                }
            }
        }
        panes
    }

    fn count(&self, pane: &mut Pane, prediction: &Prediction) {
        pane.predictions += 1;
        *pane.cities.entry(prediction.city.clone()).or_default() += 1;
        match prediction.fare {
            Fare::Missing => pane.fare_missing += 1,
            Fare::Null => pane.fare_null += 1,
            Fare::Wrong => {
                pane.fare_missing += 1;
                pane.fare_wrong += 1;
            }
            Fare::Value(fare) => {
                pane.fare_counted += 1;
                let below = self.grid.iter().filter(|point| **point < fare).count();
                let equal = self.grid.contains(&fare);
                *pane.codes.entry(2 * below as u64 + u64::from(equal)).or_default() += 1;
            }
        }
    }

    fn matching(&self, prediction: &Prediction, ends: &Ends, topic: &str) -> Vec<&Outcome> {
        let all = self.outcomes.get(&prediction.id).map_or(&[][..], Vec::as_slice);
        all.iter()
            .filter(|outcome| {
                outcome.offset < ends[&(topic.to_owned(), outcome.partition)]
                    && outcome.time.max(outcome.own) <= prediction.time + WITHIN
                    && prediction.time.max(prediction.own) <= outcome.time + WITHIN
            })
            .collect()
    }

    /// The greatest event time of the predictions.
    pub fn latest(&self) -> i64 {
        let topics = self.latest.iter().filter(|((topic, _), _)| *topic == self.predictions_topic);
        topics.map(|(_, latest)| *latest).max().unwrap_or_default()
    }

    /// Keys of all incidents that these panes give: psi of the fares in one window, mean absolute
    /// error in two on end.
    pub fn incidents(&self, panes: &Panes) -> BTreeSet<String> {
        let whole = |start: i64| panes.get(&(start, String::new()));
        let first = panes.keys().map(|(start, _)| *start).min().unwrap_or_default();
        let last = panes.keys().map(|(start, _)| *start).max().unwrap_or_default();
        let mut keys = BTreeSet::new();
        let (mut drifting, mut worse, mut row) = (false, false, 0);
        for end in (first + WINDOW * HOUR..=last).step_by(HOUR as usize) {
            let window: Vec<&Pane> =
                (1..=WINDOW).filter_map(|back| whole(end - back * HOUR)).collect();
            if window.iter().map(|pane| pane.predictions).sum::<u64>() < LEAST_EVENTS {
                continue;
            }
            let over = beyond(self.psi(&window), PSI_LEVEL);
            if over && !drifting {
                keys.insert(self.key("drift", end));
            }
            drifting = over;
            let matched: u64 = window.iter().map(|pane| pane.matched).sum();
            let error: f64 = window.iter().map(|pane| pane.errors[1]).sum();
            let over = beyond(error / matched as f64, MAE_LEVEL);
            row = if over { row + 1 } else { 0 };
            if row == 2 && !worse {
                keys.insert(self.key("worse", end));
            }
            worse = row >= 2;
        }
        keys
    }

    fn psi(&self, window: &[&Pane]) -> f64 {
        let rows = *self.at_or_below.last().unwrap();
        let mut edges: Vec<usize> = (1..10)
            .map(|i| {
                let share = rows * f64::from(i) / 10.0;
                self.at_or_below.iter().position(|below| *below >= share).unwrap()
            })
            .collect();
        edges.dedup();
        let bin = |code: u64| edges.iter().filter(|edge| (2 * **edge + 1) < code as usize).count();
        let mut counts = vec![0.0; edges.len() + 1];
        let mut absent = 0;
        for pane in window {
            absent += pane.fare_missing + pane.fare_null;
            for (code, count) in &pane.codes {
                counts[bin(*code)] += *count as f64;
            }
        }
        let mut reference: Vec<f64> = edges.iter().map(|edge| self.at_or_below[*edge]).collect();
        reference.push(rows);
        for i in (1..reference.len()).rev() {
            reference[i] -= reference[i - 1];
        }
        if absent > 0 {
            counts.push(absent as f64);
            reference.push(0.0);
        }
        let bins = counts.len() as f64;
        let total: f64 = counts.iter().sum();
        let share = |count: f64, all: f64| (count + 0.5) / (all + 0.5 * bins);
        let terms = reference.iter().zip(&counts).map(|(r, c)| {
            let (p, q) = (share(*r, rows), share(*c, total));
            (q - p) * (q / p).ln()
        });
        terms.sum()
    }

    fn key(&self, monitor: &str, end: i64) -> String {
        let end = jiff::Timestamp::from_second(end).unwrap();
        let text = format!("{}\ndemand\nv1\n{monitor}\n{end}", self.name);
        let hash = Sha256::digest(text.as_bytes());
        hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

fn beyond(score: f64, level: f64) -> bool {
    assert!((score / level - 1.0).abs() > MARGIN, "{score} is too near to the level {level}");
    score >= level
}
