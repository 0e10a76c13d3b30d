//! An engine with one model of numeric features, fed with slabs as the reader makes them.

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use driftd::detect::DETECTORS;
use driftd::engine::Engine;
use driftd::engine::io::{Fetched, Input};
use driftd::event::{Batch, Numbers, Partition, Role, Slab, Span, Time, Values};
use driftd::plan::{
    FeaturePlan, Limits, ModelPlan, MonitorPlan, NotifyPlan, OutcomePlan, OutcomeRepeats, Plan,
    PredictionRepeats, ReferencePlan, SeriesKind, WindowPlan,
};
use driftd::reference::Reference;
use driftd::stats::{Absences, Dtype, NumericProfile, Params, Profile, STATISTICS, Task};

use crate::measure::Random;

const POINTS: u64 = 1_000;

/// A reference of 1,000 distinct values, 20 rows each.
pub fn grid() -> NumericProfile {
    NumericProfile {
        id: "grid".into(),
        dtype: Dtype::F64,
        rows: 20 * POINTS,
        absences: Absences::default(),
        grid: (0..POINTS).map(|point| point as f64).collect(),
        at_or_below: (1..=POINTS).map(|point| 20 * point).collect(),
        below: (0..POINTS).map(|point| 20 * point).collect(),
    }
}

/// What the monitors of the model watch.
#[derive(Debug, Clone, Copy)]
pub enum Watched {
    /// psi and ks of so many features.
    Features(usize),
    /// mae and rmse of predictions that carry their outcome.
    Errors,
}

/// The engine and its only partition.
pub struct House {
    engine: Engine,
    partition: Partition,
    watched: Watched,
    hop: Span,
    reference: Arc<Reference>,
    offset: i64,
    /// Event time up to which everything has been fed.
    now: Time,
    random: Random,
    /// What the engine has taken.
    spent: Duration,
}

impl House {
    /// A model that is judged by windows of `window`, every `hop`.
    pub fn new(watched: Watched, window: Span, hop: Span) -> House {
        let names: Vec<String> = (0..watched.features()).map(|i| format!("f{i:04}")).collect();
        let profile = Arc::new(Profile::Numeric(grid()));
        let reference = Reference {
            id: "reference".into(),
            model: "demand".into(),
            series: names.iter().map(|n| (format!("features.{n}"), profile.clone())).collect(),
            ..Reference::default()
        };
        let partition = Partition { topic: "predictions".into(), number: 0 };
        let mut engine = Engine::new(Arc::new(plan(watched, &names, window, hop)), [7; 32]);
        engine.step(Input::Owned {
            partitions: BTreeSet::from([partition.clone()]),
            counts: BTreeMap::from([(partition.topic.clone(), 1)]),
        });
        House {
            engine,
            partition,
            watched,
            hop,
            reference: Arc::new(reference),
            offset: 0,
            now: Time(0),
            random: Random(42),
            spent: Duration::ZERO,
        }
    }

    /// Feeds whole hops until `span` of event time has passed.
    pub fn feed_until(&mut self, span: Span, events: usize) {
        while self.now < Time(0) + span {
            self.feed(1, events);
        }
    }

    /// Feeds so many hops with so many events each, with a commit after each hop; returns the
    /// seconds that the engine took for it.
    pub fn feed(&mut self, hops: i32, events: usize) -> f64 {
        let before = self.spent;
        for _ in 0..hops {
            self.take(self.now, events);
            self.now = self.now + self.hop;
            let start = Instant::now();
            black_box(self.engine.changes());
            self.spent += start.elapsed();
        }
        (self.spent - before).as_secs_f64()
    }

    /// Feeds a hop, whose first event passes the end of the one before; returns how many lines the
    /// judgement of that boundary gave, and the seconds that the engine took.
    pub fn judge_next_hop(&mut self, events: usize) -> (usize, f64) {
        let before = self.spent;
        let lines = self.take(self.now, events);
        self.now = self.now + self.hop;
        (lines, (self.spent - before).as_secs_f64())
    }

    fn take(&mut self, start: Time, events: usize) -> usize {
        let slab = self.slab(start, events);
        let wants = self.engine.wants(&slab);
        let reference = Some(self.reference.clone());
        let references = wants.versions.into_iter().map(|v| (v, reference.clone())).collect();
        let fetched = Fetched { entries: Vec::new(), references };
        let slab = Box::new(slab);
        let start = Instant::now();
        let effects = self.engine.step(Input::Slab(slab, fetched));
        self.spent += start.elapsed();
        effects.lines.len()
    }

    fn slab(&mut self, start: Time, events: usize) -> Slab {
        let from = self.offset;
        self.offset += events as i64;
        let apart = self.hop.0 / events as i64;
        let times: Vec<Time> = (0..events as i64).map(|i| start + Span(i * apart)).collect();
        let random = &mut self.random;
        let mut column = || {
            let mut column = Numbers::default();
            (0..events).for_each(|_| column.push(random.below(POINTS) as f64));
            column
        };
        let errors = matches!(self.watched, Watched::Errors);
        let batch = Batch {
            prediction: errors.then(|| Values::Numbers(column())),
            outcome: errors.then(|| Values::Numbers(column())),
            offsets: (from..self.offset).collect(),
            logged: times.clone(),
            times,
            numbers: (0..self.watched.features()).map(|_| column()).collect(),
            ..Batch::default()
        };
        Slab {
            partition: self.partition.clone(),
            from,
            to: self.offset,
            ordered: true,
            read_at: Time(0),
            anchor: None,
            batches: vec![(0, Role::Prediction, batch)],
            refused: Vec::new(),
            seen: Vec::new(),
        }
    }
}

impl Watched {
    fn features(self) -> usize {
        match self {
            Watched::Features(features) => features,
            Watched::Errors => 0,
        }
    }
}

fn plan(watched: Watched, features: &[String], length: Span, every: Span) -> Plan {
    let errors = matches!(watched, Watched::Errors);
    let series: Vec<String> = match watched {
        Watched::Features(_) => features.iter().map(|name| format!("features.{name}")).collect(),
        Watched::Errors => vec!["model".into()],
    };
    let monitor = |(statistic, critical): (&str, f64)| {
        let kind = STATISTICS.iter().find(|kind| kind.name == statistic).expect("known");
        let statistic = (kind.build)(&mut Params::default()).expect("defaults are fine");
        let options = serde_json::Map::from_iter([("critical".to_owned(), critical.into())]);
        let threshold = DETECTORS.iter().find(|kind| kind.name == "threshold").expect("known");
        let detector = (threshold.build)(&mut Params::new(options), statistic.as_ref());
        MonitorPlan {
            name: statistic.name().into(),
            was: None,
            series: series.clone(),
            statistic,
            window: WindowPlan::Time { length, every },
            by: Vec::new(),
            seasonal: false,
            against: None,
            min_events: 1,
            min_support: 1,
            min_coverage: 0.0,
            detector: detector.expect("a level"),
            cooldown: Span(0),
            notify: NotifyPlan::default(),
            retrain: false,
        }
    };
    let monitors = match watched {
        Watched::Features(_) => [("ks", 0.9), ("psi", 5.0)],
        Watched::Errors => [("mae", 1e6), ("rmse", 1e6)],
    };
    let outcomes = OutcomePlan {
        topics: Vec::new(),
        within: every,
        due: every,
        repeats: OutcomeRepeats::Last,
        assume: None,
    };
    let numeric = SeriesKind::Numeric(Dtype::F64);
    let feature = |name: &String| FeaturePlan { name: name.clone(), kind: numeric };
    Plan {
        name: "bench".into(),
        config_digest: String::new(),
        models: vec![ModelPlan {
            name: "demand".into(),
            was: None,
            task: errors.then_some(Task::Regression),
            lateness: Span(0),
            prediction_topics: vec!["predictions".into()],
            versioned: false,
            features: features.iter().map(feature).collect(),
            prediction: errors.then_some(numeric),
            probabilities: Vec::new(),
            expected_loss: None,
            outcomes: errors.then_some(outcomes),
            repeats: PredictionRepeats::Last,
            positive: Vec::new(),
            threshold: None,
            reference: ReferencePlan { file: true, per_version: false, learn: None },
            season: None,
            dimensions: Vec::new(),
            monitors: monitors.map(monitor).into(),
            retrain: None,
            notify: NotifyPlan::default(),
            paths: Vec::new(),
        }],
        idle_after: Span::from_secs(30),
        act_within: Span::from_secs(3_600),
        storm: 20,
        public_url: String::new(),
        limits: Limits {
            segments: 100,
            categories: 1_000,
            versions: 4,
            join: 1 << 30,
            state: 1 << 40,
        },
    }
}
