//! Whole configurations: what is accepted, what is refused and how that is told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::plan::NamedPath;
use crate::wire::{Refusal, Written};

mod effective;
mod followed;
mod generated;
mod many_files;
mod refusals;
mod secrets;

/// A folder with files in it, and an environment.
pub struct Project {
    pub folder: TempDir,
    pub env: Vec<(String, String)>,
    pub mode: Mode,
    pub subjects: Script,
}

/// What registries and the state answer; of any other subject, that its records have no fields.
#[derive(Default)]
pub struct Script {
    pub latest: BTreeMap<String, Result<Written, Refusal>>,
    pub kept: BTreeMap<String, Written>,
    /// Where the state is, if that matters.
    pub state: Option<PathBuf>,
}

impl Subjects for Script {
    fn latest(&self, _: &str, _: &RegistrySettings, subject: &str) -> Result<Written, Refusal> {
        let empty = || Ok(avro(r#"{"type":"record","name":"Empty","fields":[]}"#));
        self.latest.get(subject).cloned().unwrap_or_else(empty)
    }

    fn kept(&self, state: &Path, topic: &str) -> Result<Option<Written>, String> {
        let there = self.state.as_ref().is_none_or(|there| there == state);
        Ok(self.kept.get(topic).filter(|_| there).cloned())
    }
}

pub fn avro(text: &str) -> Written {
    Written { language: "AVRO".to_owned(), text: text.to_owned(), references: Vec::new() }
}

impl Project {
    pub fn new(main: &str) -> Project {
        let project = Project {
            folder: TempDir::new().unwrap(),
            env: vec![("SECRET".to_owned(), signing_secret())],
            mode: Mode::Check,
            subjects: Script::default(),
        };
        project.with("driftd.toml", main)
    }

    pub fn with(self, name: &str, text: &str) -> Project {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Project {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn mode(mut self, mode: Mode) -> Project {
        self.mode = mode;
        self
    }

    pub fn main(&self) -> PathBuf {
        self.folder.path().join("driftd.toml")
    }

    pub fn load(&self) -> Result<(Settings, Vec<Problem>), Vec<Problem>> {
        let sources = Sources {
            file: Some(self.main()),
            env: self.env.clone(),
            overrides: Vec::new(),
            mode: self.mode,
            only: None,
        };
        load(&sources, &self.subjects)
    }

    /// Loads what must be accepted without a warning.
    pub fn settings(&self) -> Settings {
        let (settings, warnings) = self.load().unwrap_or_else(|p| panic!("{}", text(&p)));
        assert!(warnings.is_empty(), "{}", text(&warnings));
        settings
    }

    /// Problems, errors or warnings, of what is or is not accepted.
    pub fn problems(&self) -> Vec<Problem> {
        match self.load() {
            Ok((_, warnings)) => warnings,
            Err(problems) => problems,
        }
    }
}

pub fn signing_secret() -> String {
    "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned()
}

pub fn text(problems: &[Problem]) -> String {
    problems.iter().map(|p| format!("{p}\n")).collect()
}

/// The example that every user starts from.
pub fn fixture() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/driftd.toml");
    std::fs::read_to_string(path).unwrap()
}

pub fn example() -> Project {
    Project::new(&fixture())
        .with("reference/demand.json", "{}")
        .env("WEBHOOK_SECRET", &signing_secret())
        .env("PAGERDUTY_ROUTING_KEY", "0123456789abcdef0123456789abcdef")
}

/// The smallest configuration, with room for more of each table.
pub const SMALL: &str = r#"
[kafka]
brokers = ["127.0.0.1:9092"]
[models.m]
reference = { learn = "7d" }
[models.m.predictions]
topic = "p"
features = { x = "x", city = { path = "city", type = "category" } }
[monitors.drift]
watch = "features"
statistic = "psi"
window = "24h"
detector = { kind = "threshold", critical = 0.25 }
"#;

#[test]
fn the_example_is_accepted_as_it_stands() {
    let project = example();
    let settings = project.settings();
    let model = &settings.plan.models[0];
    assert_eq!(settings.plan.name, "rides-prod");
    assert_eq!(model.monitors.len(), 4);
    let drift = model.monitors.iter().find(|m| m.name == "feature-drift").unwrap();
    assert_eq!(
        drift.series,
        ["features.city", "features.distance_km", "features.fare", "features.vehicle"]
    );
    assert_eq!(drift.notify.critical, ["ml-events"]);
    assert!(drift.notify.warning.is_empty());
    let worse = model.monitors.iter().find(|m| m.name == "worse").unwrap();
    assert_eq!(worse.series, ["model"]);
    assert_eq!(worse.by, [0]);
    assert!(worse.retrain && worse.detector.needs_reference_metric());
    assert_eq!(worse.notify, model.notify);
    let retrain = model.retrain.as_ref().unwrap();
    assert_eq!((retrain.budget, retrain.deployed_share), (1, 0.5));
    let outcomes = model.outcomes.as_ref().unwrap();
    assert_eq!(outcomes.due.to_string(), "12h");
    assert_eq!(outcomes.within.to_string(), "2d");
    assert_eq!(model.pane_width().to_string(), "1h");
    let folder = project.folder.path();
    assert_eq!(settings.state.dir, folder.join("state"));
    assert_eq!(
        settings.references[0].file.as_deref(),
        folder.join("reference/demand.json").to_str()
    );
    let topics: Vec<&str> = settings.readers.iter().map(|r| r.topic.as_str()).collect();
    assert_eq!(topics, ["demand.outcomes", "demand.predictions"]);
    let reader = &settings.readers[1].readers[0];
    assert_eq!((reader.numbers.len(), reader.words.len()), (3, 3));
    assert!(reader.keeps_ids && reader.version.is_some() && reader.outcome.is_none());
}

#[test]
fn every_mode_accepts_the_example() {
    for mode in [Mode::Run, Mode::CheckNoConnect, Mode::Replay, Mode::ReferenceBuild] {
        let _ = example().mode(mode).settings();
    }
}

#[test]
fn names_of_seen_paths_stand_where_readers_report_them() {
    let settings = example().settings();
    let names = &settings.plan.models[0].paths;
    for reader in settings.readers.iter().flat_map(|t| &t.readers) {
        for (path, place) in &reader.paths {
            let NamedPath { name, path: text } = &names[usize::from(*place)];
            assert_eq!(path.as_str(), text);
            if let Some(feature) = name.strip_prefix("features.") {
                assert_eq!(path.as_str(), format!("features.{feature}"));
            }
        }
    }
    assert!(names.iter().any(|n| n.name == "features.fare"));
    assert!(names.iter().any(|n| n.name == "outcomes.outcome" && n.path == "actual_demand"));
}

#[test]
fn defaults_are_those_of_the_face() {
    let settings = Project::new(SMALL).settings();
    let plan = &settings.plan;
    assert_eq!(plan.name, "driftd");
    assert_eq!(plan.act_within.to_string(), "6h");
    assert_eq!(plan.storm, 20);
    assert_eq!(plan.idle_after.to_string(), "30s");
    assert_eq!(plan.public_url, "http://127.0.0.1:7438");
    assert_eq!(plan.limits.segments, 100);
    assert_eq!(plan.limits.categories, 1000);
    assert_eq!(plan.limits.versions, 4);
    assert_eq!(settings.limits.memory, 1_000_000_000);
    assert_eq!(settings.limits.dead_letters, 256_000_000);
    assert_eq!(settings.state.commit_every.to_string(), "5s");
    assert_eq!(settings.kafka.start_from, StartFrom::Earliest);
    let monitor = &plan.models[0].monitors[0];
    assert_eq!((monitor.min_events, monitor.min_support), (500, 50));
    assert_eq!(monitor.cooldown.to_string(), "1h");
    assert_eq!(
        monitor.window,
        crate::plan::WindowPlan::Time {
            length: crate::event::Span::from_secs(86_400),
            every: crate::event::Span::from_secs(86_400)
        }
    );
    let model = &plan.models[0];
    assert!(model.outcomes.is_none() && model.task.is_none());
    assert_eq!(settings.readers[0].readers[0].max_ahead.to_string(), "5m");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let sources = Sources {
        file: None,
        env: vec![("DRIFTD_CONFIG".to_owned(), "/nowhere/driftd.toml".to_owned())],
        overrides: Vec::new(),
        mode: Mode::Run,
        only: None,
    };
    let problems = load(&sources, &Script::default()).unwrap_err();
    assert_eq!(problems[0].file.as_deref(), Some("/nowhere/driftd.toml"));
    let none = Sources { env: Vec::new(), ..sources };
    assert_eq!(none.main(), Path::new("driftd.toml"));
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let project = Project::new(SMALL).env("DRIFTD__HTTP__LISTEN", "0.0.0.0:1");
    let of = |overrides: Vec<(String, Value)>| {
        let sources = Sources {
            file: Some(project.main()),
            env: project.env.clone(),
            overrides,
            mode: Mode::Run,
            only: None,
        };
        load(&sources, &Script::default()).unwrap().0.http.listen
    };
    assert_eq!(of(Vec::new()), "0.0.0.0:1");
    assert_eq!(of(vec![("http.listen".to_owned(), json!("0.0.0.0:2"))]), "0.0.0.0:2");
}
