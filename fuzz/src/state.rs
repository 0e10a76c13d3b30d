//! Rows of the store as they are read at start and by the export: a byte for the table, two for
//! the key's length, the key, three for the value's length, the value; and so on.

use std::sync::{Arc, OnceLock};

use driftd::config::{Mode, Sources, load};
use driftd::engine::io::{Input, Table};
use driftd::engine::{EXPORTED, Engine, Export, Shelf, counts_of};
use driftd::event::Time;
use driftd::plan::Plan;
use driftd::window::SeriesCounts;

type Row = (Table, Vec<u8>, Vec<u8>);

pub fn run(bytes: &[u8]) {
    let rows = rows(bytes);
    let mut export = Export::new(None);
    let mut sound = true;
    for table in EXPORTED {
        for (_, key, value) in rows.iter().filter(|(of, ..)| *of == table) {
            sound &= export.take(table, key, value).is_ok();
        }
    }
    if sound {
        let _ = export.lines();
    }
    for (table, _, value) in &rows {
        if *table == Table::Counts {
            let _ = counts_of(value);
        }
    }
    let shelf: Arc<dyn Shelf> = Arc::new(Bare);
    let restored =
        Engine::restore(plan(), [7; 32], Time(1_767_225_600_000_000), rows, &|_, _| None, &shelf);
    let Ok((mut engine, _)) = restored else { return };
    engine.set_clock(Time(1_767_225_600_000_000));
    let _ = (engine.status(), engine.pending_messages());
    engine.step(Input::Tick(Time(1_767_225_601_000_000)));
    engine.changes();
}

/// The rows that some bytes hold, as far as they go.
pub fn rows(mut bytes: &[u8]) -> Vec<Row> {
    let mut rows = Vec::new();
    while let Some((&table, rest)) = bytes.split_first() {
        let table = Table::ALL[usize::from(table) % Table::ALL.len()];
        let Some((key, rest)) = sized(rest, 2) else { break };
        let Some((value, rest)) = sized(rest, 3) else { break };
        rows.push((table, key.to_vec(), value.to_vec()));
        bytes = rest;
    }
    rows
}

/// Some bytes whose length stands before them, and what follows.
fn sized(bytes: &[u8], digits: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(digits)?;
    let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    Some(rest.split_at(length.min(rest.len())))
}

/// Every count has left for nowhere.
#[derive(Debug)]
struct Bare;

impl Shelf for Bare {
    fn counts(&self, _: &[u8]) -> SeriesCounts {
        SeriesCounts::new()
    }
}

const CONFIG: &str = r#"
[kafka]
brokers = ["127.0.0.1:9092"]
[models.demand]
task = "regression"
notify = { critical = ["log"] }
reference = { learn = "7d" }
[models.demand.predictions]
topic = "p"
id = "id"
time = "at"
version = "v"
prediction = "said"
[models.demand.predictions.features]
fare = "fare"
city = { path = "city", type = "category" }
[models.demand.outcomes]
topic = "o"
id = "id"
time = "at"
outcome = "was"
[monitors.drift]
watch = ["features"]
statistic = "psi"
window = "6h"
every = "1h"
detector = { kind = "threshold", critical = 1 }
[monitors.worse]
statistic = "mae"
window = "500 events"
by = ["city"]
detector = { kind = "risk", bound = 50 }
[notifiers]
log = "log"
"#;

fn plan() -> Arc<Plan> {
    static PLAN: OnceLock<Arc<Plan>> = OnceLock::new();
    PLAN.get_or_init(|| {
        let folder = tempfile::tempdir().expect("there is room for a file");
        let file = folder.path().join("driftd.toml");
        std::fs::write(&file, CONFIG).expect("there is room for a file");
        let (file, mode) = (Some(file), Mode::Replay);
        let sources = Sources { file, env: Vec::new(), overrides: Vec::new(), mode, only: None };
        let (settings, _) = load(&sources, &super::config::Nobody)
            .unwrap_or_else(|problems| panic!("{problems:?}"));
        Arc::new(settings.plan)
    })
    .clone()
}
