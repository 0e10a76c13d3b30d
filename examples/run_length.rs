//! How often the e-detector alarms on a series that never changes, and how soon on one that does.
//!
//!     cargo run --release --no-default-features --example run_length
//!
//! Streams are standard normal, 200 events an hour; each run draws its own reference. Runs end at
//! twenty times the stated time, which can only lower the measured mean. Everything is simulated
//! from fixed seeds.

use std::sync::Arc;

use driftd::detect::{DETECTORS, Detector, Memory, Observation, Severity, Step};
use driftd::event::Span;
use driftd::stats::{Absences, Counts, Dtype, NumericProfile, Pair, Params, Profile, STATISTICS};
use serde_json::{Value, json};

const EVENTS: usize = 200;
const CELLS: usize = 480;

#[path = "../tests/simulated/random.rs"]
mod random;
use random::Random;

fn cell(value: f64) -> usize {
    ((value + 4.0) / 8.0 * CELLS as f64).clamp(0.0, (CELLS - 1) as f64) as usize
}

struct Stream {
    profile: Profile,
    whole: Counts,
    detector: Arc<dyn Detector>,
    memory: Memory,
    random: Random,
}

impl Stream {
    fn new(rows: usize, seed: u64, options: &Value) -> Stream {
        let mut random = Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
        let mut per_cell = vec![0u64; CELLS];
        for _ in 0..rows {
            per_cell[cell(random.normal())] += 1;
        }
        let (mut at_or_below, mut below, mut total) = (Vec::new(), Vec::new(), 0);
        for n in per_cell {
            below.push(total);
            total += n;
            at_or_below.push(total);
        }
        let profile = Profile::Numeric(NumericProfile {
            id: String::new(),
            dtype: Dtype::F64,
            rows: total,
            absences: Absences::default(),
            grid: (0..CELLS).map(|c| c as f64).collect(),
            at_or_below,
            below,
        });
        let statistic = STATISTICS.iter().find(|k| k.name == "psi").expect("psi is registered");
        let statistic = (statistic.build)(&mut Params::default()).expect("psi has defaults");
        let kind = DETECTORS.iter().find(|k| k.name == "e-detector").expect("it is registered");
        let mut params = Params::new(options.as_object().expect("a table").clone());
        let detector = (kind.build)(&mut params, statistic.as_ref()).expect("good options");
        Stream { whole: profile.whole(), profile, detector, memory: Memory::default(), random }
    }

    fn alarms(&mut self, shift: f64) -> bool {
        let mut counts = Counts::new(2 * CELLS + 1);
        for _ in 0..EVENTS {
            counts.cells[2 * cell(self.random.normal() + shift) + 1] += 1;
        }
        counts.counted = EVENTS as u64;
        let pair = Pair { profile: &self.profile, reference: &self.whole, window: &counts };
        let seen = Observation {
            every: Span::from_secs(3600),
            step: Step { pair: Some(pair), ..Step::default() },
            ..Observation::of(0.0)
        };
        let reading = self.detector.read(&seen, &mut self.memory).expect("there is a reference");
        reading.beyond == Some(Severity::Critical)
    }

    fn first_alarm(&mut self, shift: f64, most: usize) -> Option<usize> {
        (1..=most).find(|_| self.alarms(shift))
    }
}

fn false_alarms() {
    println!("Hours between false alarms of a series that never changes (tolerance 0)");
    println!(
        "{:>10} {:>8} {:>12} {:>8} {:>8}",
        "reference", "stated", "measured", "alarms", "runs"
    );
    for rows in [300, 1_000, 10_000, 100_000] {
        for stated in [24usize, 100, 1_000] {
            let runs = if stated == 1_000 { 20 } else { 100 };
            let (mut hours, mut alarms) = (0, 0);
            for seed in 0..runs {
                let options = json!({"false_alarm_every": format!("{stated}h"), "tolerance": 0.0});
                let most = 20 * stated;
                let alarm = Stream::new(rows, seed, &options).first_alarm(0.0, most);
                hours += alarm.unwrap_or(most);
                alarms += usize::from(alarm.is_some());
            }
            let measured =
                hours.checked_div(alarms).map_or(format!("> {hours}"), |mean| mean.to_string());
            println!("{rows:>10} {stated:>8} {measured:>12} {alarms:>8} {runs:>8}");
        }
    }
}

fn delays() {
    println!("\nMedian hours until a shift is seen, after 100 unchanged hours (stated: 90d)");
    println!("{:>10} {:>10} shift in standard deviations", "reference", "tolerance");
    let shifts = [0.05, 0.1, 0.2, 0.3, 0.5, 1.0];
    println!("{:>10} {:>10} {}", "", "", shifts.map(|s| format!("{s:>7}")).concat());
    for rows in [1_000, 10_000, 1_000_000] {
        for tolerance in [0.0, 0.02] {
            let row = shifts.map(|shift| {
                let mut delays: Vec<usize> = (0..15)
                    .map(|seed| {
                        let options = json!({"tolerance": tolerance});
                        let mut stream = Stream::new(rows, 1_000 + seed, &options);
                        for _ in 0..100 {
                            stream.alarms(0.0);
                        }
                        stream.first_alarm(shift, 1_000).unwrap_or(usize::MAX)
                    })
                    .collect();
                delays.sort_unstable();
                match delays[delays.len() / 2] {
                    usize::MAX => format!("{:>7}", "never"),
                    median => format!("{median:>7}"),
                }
            });
            println!("{rows:>10} {tolerance:>10} {}", row.concat());
        }
    }
}

fn cost() {
    let mut stream = Stream::new(10_000, 1, &json!({}));
    let mut counts = Counts::new(2 * CELLS + 1);
    for _ in 0..EVENTS {
        counts.cells[2 * cell(stream.random.normal()) + 1] += 1;
    }
    counts.counted = EVENTS as u64;
    let pair = Pair { profile: &stream.profile, reference: &stream.whole, window: &counts };
    let step = Step { pair: Some(pair), ..Step::default() };
    let seen = Observation { every: Span::from_secs(3600), step, ..Observation::of(0.0) };
    let rounds = 20_000;
    let begin = std::time::Instant::now();
    for _ in 0..rounds {
        stream.detector.read(&seen, &mut stream.memory).expect("there is a reference");
    }
    let each = begin.elapsed().as_secs_f64() / f64::from(rounds);
    println!("\n{:.2} us per step and series", each * 1e6);
}

fn main() {
    cost();
    false_alarms();
    delays();
}
