//! Rides without end: a festival now and then, outcomes late, early, twice, never; some poison.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::company::{Company, HOUR};
use crate::kill::random::Random;
use crate::rig::kafka::{Kafka, Rec};
use crate::rig::receiver::{Answer, Receiver};

pub const PARTITIONS: usize = 3;
/// Event time of one step, in seconds.
const STEP: i64 = 600;
/// Rides in one step.
const RIDES: i64 = 30;
/// Fares of a festival go up by this much: beyond all that the reference saw.
const FESTIVAL: f64 = 1000.0;
/// Error of the model during a festival.
const FESTIVAL_ERROR: f64 = 12.0;
/// From one festival to the next, in hours,
const FESTIVAL_EVERY: i64 = 16;
/// and those of them in which it takes place.
const FESTIVAL_HOURS: std::ops::Range<i64> = 8..12;

pub struct World {
    random: Random,
    predictions: String,
    outcomes: String,
    start: i64,
    step: i64,
    /// Rides begun.
    rides: i64,
    /// What will be written, by the step at which it is.
    coming: BTreeMap<i64, Writing>,
}

/// Records of one step.
#[derive(Default)]
struct Writing {
    predictions: Vec<Rec>,
    outcomes: Vec<Rec>,
}

/// The company of this test: monitors whose scores lie far from every level.
pub fn found(kafka: &Kafka, receiver: &Receiver, kills: u32) -> Company {
    let mut company = Company::found(kafka, receiver, PARTITIONS as i32);
    // A kill takes a second or two, in which an hour or two of event time pass.
    company.start -= (i64::from(kills) / 6 + 10) * 86_400;
    adapt(&company.config);
    company
}

/// Changes a configuration of the company into that of this test.
pub fn adapt(config: &Path) {
    let mut text = std::fs::read_to_string(config).unwrap();
    for (from, to) in [
        ("watch = [\"features.fare\"]", "watch = [\"features\"]"),
        ("warning = 0.5, critical = 1.0", "warning = 0.38, critical = 0.9"),
        ("min_coverage = 0.8", "min_coverage = 0.93"),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    std::fs::write(config, text).unwrap();
}

/// One answer in five is a failure, one in ten takes its time.
pub fn moody_answers(random: &mut Random, kills: u32) -> Vec<Answer> {
    let answer = |_| {
        let status = match random.below(10) {
            0 => 500,
            1 => 503,
            _ => 202,
        };
        let mut answer = Answer::status(status);
        if random.percent(10) {
            answer.delay = Duration::from_millis(random.below(400));
        }
        answer
    };
    (0..kills * 4).map(answer).collect()
}

impl World {
    pub fn new(company: &Company, seed: u64) -> World {
        World {
            random: Random::new(seed),
            predictions: company.predictions.clone(),
            outcomes: company.outcomes.clone(),
            start: company.start,
            step: 0,
            rides: 0,
            coming: BTreeMap::new(),
        }
    }

    /// Produces the next ten minutes.
    pub fn go_on(&mut self, kafka: &Kafka) {
        let hour = (self.step * STEP / HOUR) % FESTIVAL_EVERY;
        for _ in 0..RIDES {
            self.ride(FESTIVAL_HOURS.contains(&hour));
        }
        let writing = self.coming.remove(&self.step).unwrap_or_default();
        kafka.produce(&self.predictions, &writing.predictions);
        kafka.produce(&self.outcomes, &writing.outcomes);
        self.step += 1;
    }

    /// Produces until every festival is over and forgotten.
    pub fn calm_down(mut self, kafka: &Kafka) {
        // A whole turn, and on to the last hour before the next festival.
        let hours = |hours: i64| hours * HOUR / STEP;
        let least = self.step + hours(FESTIVAL_EVERY);
        while self.step < least || self.step % hours(FESTIVAL_EVERY) != hours(7) {
            self.go_on(kafka);
        }
    }

    fn ride(&mut self, festival: bool) {
        let id = self.rides;
        self.rides += 1;
        let at = self.start + self.step * STEP + id % RIDES * STEP / RIDES;
        let partition = (id % PARTITIONS as i64) as i32;
        // One ride in twenty is told of ten minutes late: its outcome may come before it.
        let step = self.step + i64::from(self.random.percent(5));
        let record = Rec::json(&self.prediction(id, at, festival)).on(partition);
        // Rare enough for the share of bad records never to be an incident of its own.
        let poison = (id % 97 == 96).then(|| self.poison().on(partition));
        let again = self.random.percent(2).then(|| record.clone());
        let predictions = &mut self.coming.entry(step).or_default().predictions;
        predictions.push(record);
        predictions.extend(poison);
        predictions.extend(again);
        self.outcomes_of(id, at, partition);
    }

    fn prediction(&mut self, id: i64, at: i64, festival: bool) -> Value {
        let fare = self.random.below(200) as f64 / 2.0 + if festival { FESTIVAL } else { 0.0 };
        let fare = match self.random.below(400) {
            0 => Value::Null,
            1 => json!("twelve"),
            _ => json!(fare),
        };
        let city = match self.random.below(100) {
            0 => json!("Atlantis"),
            n if n % 2 == 0 => json!("Oslo"),
            _ => json!("Bergen"),
        };
        let error = if festival { FESTIVAL_ERROR } else { 0.0 };
        // One ride in fifty is told of long after: its pane has closed.
        let at = if self.random.percent(2) { at - 3 * HOUR } else { at };
        let mut features = json!({ "city": city });
        if self.random.below(200) > 0 {
            features["fare"] = fare;
        }
        json!({
            "request_id": format!("r{id}"),
            "at": at,
            "model": { "version": "v1" },
            "features": features,
            "output": { "demand": 10.0 + error + self.random.below(100) as f64 / 100.0 },
        })
    }

    fn poison(&mut self) -> Rec {
        match self.random.below(4) {
            0 => Rec::bytes(b"{\"request_id\": \"x\", "),
            1 => Rec::bytes(b"\xff\xfe"),
            2 => Rec::bytes(br#"{"request_id": "z", "at": 1}"#),
            _ => Rec { key: Some(b"k".to_vec()), ..Rec::default() },
        }
    }

    /// Most outcomes come within the hour; some twice, some too late, some never.
    fn outcomes_of(&mut self, id: i64, at: i64, partition: i32) {
        let minutes = match self.random.below(100) {
            0 | 1 => return,
            2 => 9 * 60,
            _ => self.random.below(50) as i64,
        };
        self.outcome(id, at, minutes, minutes, partition);
        if self.random.percent(3) {
            // A correction; now and then one that is older than what it comes after.
            let older = self.random.percent(30);
            let correction = if older { minutes - 5 } else { minutes + 20 };
            self.outcome(id, at, correction, minutes + 30, partition);
        }
    }

    /// An outcome of so many minutes after the prediction, written when `written` have passed.
    fn outcome(&mut self, id: i64, at: i64, minutes: i64, written: i64, partition: i32) {
        let record = json!({
            "request_id": format!("r{id}"),
            "at": at + minutes * 60,
            "actual": 10.0 + self.random.below(100) as f64 / 100.0,
        });
        let step = self.step + written / (STEP / 60);
        let outcomes = &mut self.coming.entry(step).or_default().outcomes;
        outcomes.push(Rec::json(&record).on(partition));
    }
}
