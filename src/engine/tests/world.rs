//! A small company: one model, topics with partitions, and a shell that commits and crashes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use crate::detect::DETECTORS;
use crate::engine::io::{Change, Effects, Fetched, Input, Table, VersionKey};
use crate::engine::{Engine, Export, Shelf, counts_of};
use crate::event::{Anchor, Batch, Numbers, Partition, Role, Slab, Span, Time, Values, Words};
use crate::lines::{IncidentLine, ScoreLine};
use crate::plan::{
    FeaturePlan, Limits, ModelPlan, MonitorPlan, NotifyPlan, OutcomePlan, OutcomeRepeats, Plan,
    PredictionRepeats, ReferencePlan, SeriesKind, WindowPlan,
};
use crate::reference::Reference;
use crate::stats::{
    Absences, CategoryProfile, Dtype, NumericProfile, Params, Profile, STATISTICS, Task,
};
use crate::window::SeriesCounts;

pub const MINUTE: i64 = 60_000_000;
pub const HOUR: i64 = 60 * MINUTE;

/// One record of a log.
#[derive(Debug, Clone)]
pub enum Record {
    Prediction {
        id: u64,
        time: i64,
        version: &'static str,
        fare: f64,
        city: &'static str,
        said: f64,
    },
    Outcome {
        id: u64,
        time: i64,
        was: Option<f64>,
    },
    /// Nothing in it for this model.
    Nothing,
}

pub fn partition(topic: &str, number: i32) -> Partition {
    Partition { topic: topic.into(), number }
}

pub fn monitor(
    name: &str,
    series: &[&str],
    statistic: &str,
    detector: serde_json::Value,
) -> MonitorPlan {
    let kind = STATISTICS.iter().find(|k| k.name == statistic).unwrap();
    let statistic = (kind.build)(&mut Params::default()).unwrap();
    let serde_json::Value::Object(options) = detector else { unreachable!() };
    let detector = (DETECTORS[0].build)(&mut Params::new(options), statistic.as_ref()).unwrap();
    MonitorPlan {
        name: name.into(),
        was: None,
        series: series.iter().map(|s| (*s).to_owned()).collect(),
        statistic,
        window: WindowPlan::Time { length: Span(2 * HOUR), every: Span(HOUR) },
        by: vec![0],
        seasonal: false,
        against: None,
        min_events: 5,
        min_support: 3,
        min_coverage: 0.0,
        detector,
        cooldown: Span(2 * HOUR),
        notify: NotifyPlan { warning: vec!["chat".into()], critical: vec!["oncall".into()] },
        retrain: false,
    }
}

pub fn plan() -> Plan {
    let numeric = SeriesKind::Numeric(Dtype::F64);
    let drift = monitor("drift", &["features.fare"], "psi", serde_json::json!({"critical": 0.5}));
    let worse = monitor("worse", &["model"], "mae", serde_json::json!({"critical": 3.0}));
    Plan {
        name: "test".into(),
        config_digest: "d".into(),
        models: vec![ModelPlan {
            name: "demand".into(),
            was: None,
            task: Some(Task::Regression),
            lateness: Span(5 * MINUTE),
            prediction_topics: vec!["p".into()],
            versioned: true,
            features: vec![
                FeaturePlan { name: "city".into(), kind: SeriesKind::Category },
                FeaturePlan { name: "fare".into(), kind: numeric },
            ],
            prediction: Some(numeric),
            probabilities: Vec::new(),
            expected_loss: None,
            outcomes: Some(OutcomePlan {
                topics: vec!["o".into()],
                within: Span(3 * HOUR),
                due: Span(2 * HOUR),
                repeats: OutcomeRepeats::Last,
                assume: None,
            }),
            repeats: PredictionRepeats::First,
            positive: Vec::new(),
            threshold: None,
            reference: ReferencePlan { file: true, per_version: false, learn: None },
            season: None,
            dimensions: vec![vec!["city".into()]],
            monitors: vec![drift, worse],
            retrain: None,
            notify: NotifyPlan::default(),
            paths: Vec::new(),
        }],
        idle_after: Span(30_000_000),
        act_within: Span(365 * 24 * HOUR),
        storm: 20,
        public_url: "http://localhost".into(),
        limits: Limits {
            segments: 100,
            categories: 1000,
            versions: 4,
            join: 1 << 30,
            state: 1 << 31,
        },
    }
}

/// Fares 0..100, one each; both cities.
pub fn reference() -> Arc<Reference> {
    let grid: Vec<f64> = (0..100).map(f64::from).collect();
    let fare = NumericProfile {
        id: "fare-1".into(),
        dtype: Dtype::F64,
        rows: 1000,
        absences: Absences::default(),
        at_or_below: (1..=100).map(|i| i * 10).collect(),
        below: (0..100).map(|i| i * 10).collect(),
        grid,
    };
    let city = CategoryProfile {
        id: "city-1".into(),
        rows: 1000,
        absences: Absences::default(),
        categories: vec![("Bergen".into(), 500), ("Oslo".into(), 500)],
    };
    let mut reference =
        Reference { id: "ref-1".into(), model: "demand".into(), ..Reference::default() };
    reference.series.insert("features.fare".into(), Arc::new(Profile::Numeric(fare)));
    reference.series.insert("features.city".into(), Arc::new(Profile::Category(city)));
    Arc::new(reference)
}

fn batch(records: &[(i64, &Record)], role: Role) -> Option<Batch> {
    let mut batch = Batch { words: vec![Words::default()], ..Batch::default() };
    let mut fare = Numbers::default();
    let (mut said, mut was) = (Numbers::default(), Numbers::default());
    for (offset, record) in records {
        let (id, time) = match (record, role) {
            (
                Record::Prediction { id, time, version, fare: f, city, said: s },
                Role::Prediction,
            ) => {
                batch.versions.push(version);
                fare.push(*f);
                batch.words[0].push(city);
                said.push(*s);
                (*id, *time)
            }
            (Record::Outcome { id, time, was: w }, Role::Outcome) => {
                match w {
                    Some(w) => was.push(*w),
                    None => was.push_absent(crate::event::Absent::Null),
                }
                (*id, *time)
            }
            _ => continue,
        };
        batch.offsets.push(*offset);
        batch.times.push(Time(time));
        batch.logged.push(Time(time));
        batch.ids.push(u128::from(id));
    }
    if batch.times.is_empty() {
        return None;
    }
    match role {
        Role::Prediction => {
            batch.numbers = vec![fare];
            batch.prediction = Some(Values::Numbers(said));
        }
        Role::Outcome => {
            batch.words.clear();
            batch.outcome = Some(Values::Numbers(was));
        }
    }
    Some(batch)
}

/// The records of `log[from..to]` as a slab.
pub fn slab(partition: &Partition, log: &[Record], from: usize, to: usize) -> Slab {
    let records: Vec<(i64, &Record)> = (from..to).map(|i| (i as i64, &log[i])).collect();
    let role = if &*partition.topic == "p" { Role::Prediction } else { Role::Outcome };
    Slab {
        partition: partition.clone(),
        from: from as i64,
        to: to as i64,
        ordered: true,
        read_at: Time(0),
        anchor: (to > 0).then(|| Anchor {
            offset: to as i64 - 1,
            timestamp: Time(0),
            hash: to as u64,
        }),
        batches: batch(&records, role).map(|b| (0, role, b)).into_iter().collect(),
        refused: Vec::new(),
        seen: Vec::new(),
    }
}

pub type Rows = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// Counts as the last commit left them.
#[derive(Debug, Default)]
pub struct Counts(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Shelf for Counts {
    fn counts(&self, key: &[u8]) -> SeriesCounts {
        self.0.lock().unwrap().get(key).map(|row| counts_of(row).unwrap()).unwrap_or_default()
    }
}

/// An engine with its shell: a store of rows, and what left the house.
pub struct House {
    pub plan: Arc<Plan>,
    pub engine: Engine,
    pub rows: Rows,
    counts: Arc<Counts>,
    pub lines: Vec<ScoreLine>,
    /// Messages by id, as they left after a commit.
    pub sent: BTreeMap<String, String>,
    waiting: Vec<(String, String)>,
    /// Whether versions have reference files.
    pub files: bool,
    pub notices: Vec<String>,
}

impl House {
    pub fn new(plan: Plan) -> House {
        let plan = Arc::new(plan);
        let counts = Arc::<Counts>::default();
        let mut engine = Engine::new(plan.clone(), [7; 32]);
        engine.set_clock(Time(0));
        engine.shelve_on(&(counts.clone() as Arc<dyn Shelf>));
        House {
            engine,
            counts,
            plan,
            rows: Rows::new(),
            lines: Vec::new(),
            sent: BTreeMap::new(),
            waiting: Vec::new(),
            files: true,
            notices: Vec::new(),
        }
    }

    pub fn own(&mut self, partitions: &[Partition]) {
        let mut counts: BTreeMap<Arc<str>, i32> = BTreeMap::new();
        for p in partitions {
            *counts.entry(p.topic.clone()).or_default() += 1;
        }
        let partitions: BTreeSet<Partition> = partitions.iter().cloned().collect();
        self.step(Input::Owned { partitions, counts });
    }

    pub fn step(&mut self, input: Input) -> Effects {
        let effects = self.engine.step(input);
        self.lines.extend(effects.lines.iter().cloned());
        self.notices.extend(effects.notices.iter().map(|n| n.message.clone()));
        let posted = effects.messages.iter();
        self.waiting
            .extend(posted.map(|m| (m.id.clone(), format!("{} {}", m.kind.as_str(), m.key))));
        effects
    }

    pub fn feed(&mut self, slab: Slab) -> Effects {
        let wants = self.engine.wants(&slab);
        let entries = wants
            .entries
            .iter()
            .filter_map(|key| {
                let row = self.rows.get(&(Table::Join, self.engine.join_key(*key)))?;
                Some((*key, postcard::from_bytes(row).unwrap()))
            })
            .collect();
        let found = |v: &VersionKey| (v.clone(), self.files.then(reference));
        let references = wants.versions.iter().map(found).collect();
        self.step(Input::Slab(Box::new(slab), Fetched { entries, references }))
    }

    pub fn commit(&mut self) {
        for Change { table, key, value } in self.engine.changes() {
            if table == Table::Counts {
                let mut counts = self.counts.0.lock().unwrap();
                match value.clone() {
                    Some(value) => counts.insert(key.clone(), value),
                    None => counts.remove(&key),
                };
            }
            match value {
                Some(value) => self.rows.insert((table, key), value),
                None => self.rows.remove(&(table, key)),
            };
        }
        self.sent.extend(self.waiting.drain(..));
    }

    fn shelf(&self) -> Arc<dyn Shelf> {
        self.counts.clone()
    }

    /// kill -9: what was not committed is gone.
    pub fn crash(&mut self) {
        self.waiting.clear();
        let rows = self.rows.iter().map(|((t, k), v)| (*t, k.clone(), v.clone()));
        let files = self.files;
        let resolve = move |_: &str, _: Option<&str>| files.then(reference);
        let now = self.engine.now.max(Time(0));
        let (engine, _) =
            Engine::restore(self.plan.clone(), [7; 32], now, rows, &resolve, &self.shelf())
                .unwrap();
        self.engine = engine;
        let stored = self.rows.iter().filter(|((table, _), _)| *table == Table::Scores);
        for (_, line) in stored {
            self.engine.recall(serde_json::from_slice(line).unwrap());
        }
        for (message, _) in self.engine.pending_messages() {
            self.sent
                .insert(message.id.clone(), format!("{} {}", message.kind.as_str(), message.key));
        }
    }

    /// A changed configuration: the state goes out as rows and comes back in.
    pub fn replan(&mut self, plan: Plan) {
        self.commit();
        self.plan = Arc::new(plan);
        let empty = Engine::new(self.plan.clone(), [0; 32]);
        let engine = std::mem::replace(&mut self.engine, empty);
        let resolve = |_: &str, _: Option<&str>| Some(reference());
        let (mut engine, _) = engine.reload(self.plan.clone(), &resolve, &self.shelf()).unwrap();
        let inherited: Vec<String> = engine.inherited().map(str::to_owned).collect();
        for name in inherited {
            let mine = |key: &[u8]| key.strip_prefix(name.as_bytes()).is_some_and(|k| k[0] == 0);
            let lines = self.rows.keys().filter(|(t, key)| *t == Table::Scores && mine(key));
            engine.forget_rows(Table::Scores, lines.map(|(_, key)| key.clone()));
        }
        self.engine = engine;
    }

    /// Stored panes of so many events.
    pub fn counted_panes(&self) -> usize {
        self.rows.keys().filter(|(table, _)| *table == Table::Counted).count()
    }

    pub fn position(&self, partition: &Partition) -> usize {
        self.engine.positions().get(partition).map_or(0, |p| p.offset as usize)
    }

    /// State lines without what depends on when it was asked.
    pub fn export(&self) -> Vec<serde_json::Value> {
        let mut export = Export::new(None);
        for table in crate::engine::EXPORTED {
            for ((t, key), value) in &self.rows {
                if *t == table {
                    export.take(table, key, value).unwrap();
                }
            }
        }
        export.lines().into_iter().filter(|l| l["type"] != "outbox").collect()
    }

    pub fn incidents(&self) -> Vec<IncidentLine> {
        self.engine.status().incidents.into_iter().map(|i| i.line).collect()
    }

    /// Judgements without the order of arrival: drift and performance are judged apart.
    pub fn verdicts(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            self.lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
        lines.sort();
        lines.dedup();
        lines
    }
}
