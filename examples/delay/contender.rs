//! Who competes. All but the e-detector have a threshold to calibrate.

use std::collections::VecDeque;
use std::sync::Arc;

use driftd::detect::{DETECTORS, Detector, Memory, Observation, Severity, Step};
use driftd::event::Span;
use driftd::stats::{Counts, Pair, Params, STATISTICS, Sample, Statistic};
use serde_json::{Value, json};

use crate::scene::Reference;

/// Panes of the sliding test.
const DAY: usize = 24;

/// Takes pane after pane.
pub trait Contender {
    fn alarms(&mut self, pane: &[f64]) -> bool;
}

/// How a contender is made.
pub struct Kind {
    pub name: &'static str,
    /// Least and greatest threshold to try, and whether the greater alarms less; `None` where nothing
    /// is calibrated.
    pub thresholds: Option<(f64, f64, bool)>,
    pub build: fn(&Reference, f64) -> Box<dyn Contender>,
}

/// In the order of the page.
pub const KINDS: [Kind; 5] = [
    Kind {
        name: "e-detector",
        thresholds: None,
        build: |reference, _| Box::new(Evidence::new(reference, json!({}))),
    },
    Kind {
        name: "e-detector, tolerance 0",
        thresholds: None,
        build: |reference, _| Box::new(Evidence::new(reference, json!({ "tolerance": 0 }))),
    },
    Kind {
        name: "KS of the last 24 h",
        thresholds: Some((0.01, 0.1, true)),
        build: |reference, distance| Box::new(Sliding::new(reference, distance)),
    },
    Kind {
        name: "ADWIN",
        thresholds: Some((1e-6, 0.999, false)),
        build: |reference, delta| {
            Box::new(Events::new(reference, "adwin", &json!({ "delta": delta })))
        },
    },
    Kind {
        name: "Page-Hinkley",
        thresholds: Some((20.0, 2_000.0, true)),
        build: |reference, threshold| {
            Box::new(Events::new(reference, "page-hinkley", &json!({ "threshold": threshold })))
        },
    },
];

fn statistic(name: &str) -> Arc<dyn Statistic> {
    let kind = STATISTICS.iter().find(|kind| kind.name == name).expect("it is registered");
    (kind.build)(&mut Params::default()).expect("defaults are fine")
}

fn detector(name: &str, of: &str, options: &Value) -> Arc<dyn Detector> {
    let kind = DETECTORS.iter().find(|kind| kind.name == name).expect("it is registered");
    let mut params = Params::new(options.as_object().expect("a table").clone());
    (kind.build)(&mut params, statistic(of).as_ref()).expect("good options")
}

struct Evidence {
    detector: Arc<dyn Detector>,
    memory: Memory,
    reference: Reference,
    whole: Counts,
}

impl Evidence {
    fn new(reference: &Reference, options: Value) -> Evidence {
        Evidence {
            detector: detector("e-detector", "psi", &options),
            memory: Memory::default(),
            whole: reference.profile.whole(),
            reference: reference.clone(),
        }
    }
}

impl Contender for Evidence {
    fn alarms(&mut self, pane: &[f64]) -> bool {
        let profile = &self.reference.profile;
        let counts = self.reference.count(profile, pane);
        let pair = Pair { profile, reference: &self.whole, window: &counts };
        let step = Step { pair: Some(pair), ..Step::default() };
        let seen = Observation { every: Span::from_secs(3600), step, ..Observation::of(0.0) };
        let reading = self.detector.read(&seen, &mut self.memory).expect("there is a reference");
        reading.beyond == Some(Severity::Critical)
    }
}

/// The distance of the last day from the reference, looked at every hour.
struct Sliding {
    ks: Arc<dyn Statistic>,
    reference: Reference,
    whole: Counts,
    panes: VecDeque<Counts>,
    window: Counts,
    threshold: f64,
}

impl Sliding {
    fn new(reference: &Reference, threshold: f64) -> Sliding {
        Sliding {
            ks: statistic("ks"),
            whole: reference.ordered.whole(),
            window: Counts::new(reference.ordered.cells()),
            panes: VecDeque::new(),
            reference: reference.clone(),
            threshold,
        }
    }
}

impl Contender for Sliding {
    fn alarms(&mut self, pane: &[f64]) -> bool {
        let profile = &self.reference.ordered;
        let counts = self.reference.count(profile, pane);
        self.window.add(&counts);
        self.panes.push_back(counts);
        if self.panes.len() <= DAY {
            return false;
        }
        if let Some(oldest) = self.panes.pop_front() {
            self.window.subtract(&oldest);
        }
        let pair = Pair { profile, reference: &self.whole, window: &self.window };
        let sample = Sample { window: Some(&self.window), pair: Some(pair), ..Sample::default() };
        self.ks.score(&sample).is_ok_and(|score| score.value > self.threshold)
    }
}

/// A detector of River's that takes event after event, in standard deviations of the reference.
struct Events {
    detector: Arc<dyn Detector>,
    memory: Memory,
    mean: f64,
    deviation: f64,
}

impl Events {
    fn new(reference: &Reference, name: &str, options: &Value) -> Events {
        Events {
            detector: detector(name, "mean_error", options),
            memory: Memory::default(),
            mean: reference.mean,
            deviation: reference.deviation,
        }
    }
}

impl Contender for Events {
    fn alarms(&mut self, pane: &[f64]) -> bool {
        pane.iter().any(|value| {
            let seen = Observation::of((value - self.mean) / self.deviation);
            let reading = self.detector.read(&seen, &mut self.memory);
            reading.is_ok_and(|reading| reading.beyond.is_some())
        })
    }
}
