//! Replay over files gives the numbers that independent implementations compute from the same rows:
//! `tests/golden/replay` holds the rows, the scripts, and what they found.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use driftd::stats::{STATISTICS, Task};
use serde_json::Value;

use crate::rig::daemon::driftd;
use crate::rig::folder;

/// Each model with its task, its live rows, and whether it has a reference.
const MODELS: [(&str, Option<Task>, &str, bool); 6] = [
    ("trips", Some(Task::Regression), "live.csv", true),
    ("errors", Some(Task::Regression), "live.csv", true),
    ("coarse", Some(Task::Binary), "live.csv", false),
    ("fine", Some(Task::Binary), "live.csv", false),
    ("kinds", Some(Task::Multiclass), "live.csv", false),
    ("lines", None, "live.jsonl", true),
];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/replay").join(name)
}

fn vectors() -> Vec<Value> {
    serde_json::from_str(&std::fs::read_to_string(golden("vectors.json")).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

/// A monitor's model and statistic.
fn monitor(vector: &Value) -> (String, String) {
    (text(vector, "model").to_owned(), vector["statistic"].to_string())
}

/// The models' file, with a monitor for every model and statistic of the vectors; and their names.
fn configuration(vectors: &[Value]) -> (String, BTreeMap<(String, String), String>) {
    let mut config = std::fs::read_to_string(golden("driftd.toml")).unwrap();
    let mut watched: BTreeMap<_, (Value, BTreeSet<&str>)> = BTreeMap::new();
    for vector in vectors {
        let entry = watched.entry(monitor(vector)).or_default();
        entry.0 = vector["statistic"].clone();
        entry.1.insert(text(vector, "series"));
    }
    let mut names = BTreeMap::new();
    for (number, ((model, key), (statistic, series))) in watched.into_iter().enumerate() {
        let options = statistic.as_object().unwrap().iter();
        let options: Vec<String> = options.map(|(key, value)| format!("{key} = {value}")).collect();
        let watch = match series.contains("model") {
            true => String::new(),
            false => format!("watch = {series:?}\n").replace('{', "[").replace('}', "]"),
        };
        write!(
            config,
            "\n[monitors.m{number}]\nmodels = [\"{model}\"]\nstatistic = {{ {} }}\n{watch}window = \"1h\"\n\
             min_events = 1\nmin_support = 1\n\
             detector = {{ kind = \"threshold\", critical = {{ above = 1e9 }} }}\n",
            options.join(", ")
        )
        .unwrap();
        names.insert((model, key), format!("m{number}"));
    }
    (config, names)
}

/// Score lines by monitor, series and window end; of revisions the last.
fn replayed(folder: &Path) -> BTreeMap<(String, String, i64), Value> {
    let run = |arguments: &[&str]| {
        let output = driftd(&[arguments, &["--format", "json"]].concat(), folder, &[]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    };
    let (rows, outcomes) = (golden("reference.csv"), golden("outcomes.csv"));
    for (model, ..) in MODELS.iter().filter(|(.., has_reference)| *has_reference) {
        let file = format!("{model}.json");
        run(&["reference", "build", "--model", model, rows.to_str().unwrap(), "-o", &file]);
    }
    let mut lines = BTreeMap::new();
    for (model, task, live, _) in MODELS {
        let live = golden(live);
        let mut arguments =
            vec!["replay", "--model", model, "--predictions", live.to_str().unwrap()];
        if task.is_some() {
            arguments.extend(["--outcomes", outcomes.to_str().unwrap()]);
        }
        for line in run(&arguments).lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            if line["type"] == "score" {
                let end: jiff::Timestamp = text(&line["window"], "end").parse().unwrap();
                let (monitor, series) = (text(&line, "monitor"), text(&line, "series"));
                lines.insert((monitor.to_owned(), series.to_owned(), end.as_second()), line);
            }
        }
    }
    lines
}

fn is_near(got: f64, want: f64, tolerance: f64) -> bool {
    (got - want).abs() <= tolerance * want.abs().max(1e-12)
}

/// Whether the printed interval holds the value; an open end is null.
fn holds(interval: &Value, value: f64) -> bool {
    let room = 1e-9 * value.abs();
    let end = |i: usize| interval[i].as_f64();
    interval.is_array()
        && end(0).is_some_and(|low| low <= value + room)
        && end(1).is_none_or(|high| value <= high + room)
}

/// What is wrong with a line.
fn faults(vector: &Value, line: &Value) -> Vec<&'static str> {
    let want = vector["score"].as_f64().unwrap();
    let Some(got) = line["score"].as_f64() else { return vec!["no score"] };
    let interval = &line["interval"];
    let mut faults = Vec::new();
    let mut demand = |is_right: bool, fault| {
        if !is_right {
            faults.push(fault);
        }
    };
    match &vector["error"] {
        Value::Number(error) => {
            let is_within = (got - want).abs() <= error.as_f64().unwrap() + 1e-12;
            demand(is_within && holds(interval, want), "score beyond its error");
        }
        Value::String(_) if interval.is_array() => {
            demand(holds(interval, want), "the interval does not hold the truth");
        }
        _ => demand(is_near(got, want, 1e-9), "score"),
    }
    let width = |interval: &Value| Some(interval[1].as_f64()? - interval[0].as_f64()?);
    if line["statistic"] == "ks" {
        demand(width(interval).is_none_or(|width| width <= 1.0 / 480.0), "wider than stated");
    }
    demand(line["window"]["support"] == vector["support"], "support");
    if let Some(ends) = vector["interval"].as_array() {
        let same = |i: usize| {
            interval[i].as_f64().is_some_and(|got| is_near(got, ends[i].as_f64().unwrap(), 1e-9))
        };
        demand(same(0) && same(1), "interval");
    }
    if let (Some(got), Some(want)) = (line["p_value"].as_f64(), vector["p_value"].as_f64()) {
        // scipy ends the series of some laws at terms of 1e-7.
        demand(is_near(got, want, 1e-6) || (got - want).abs() < 1e-6, "p_value");
    }
    faults
}

#[test]
fn replay_gives_the_numbers_of_independent_scripts() {
    let vectors = vectors();
    let folder = folder("recomputed");
    let (config, names) = configuration(&vectors);
    std::fs::write(folder.join("driftd.toml"), config).unwrap();
    let lines = replayed(&folder);
    let (mut wrong, mut laws) = (Vec::new(), BTreeMap::<&str, u32>::new());
    for vector in &vectors {
        let series = text(vector, "series").to_owned();
        let end = vector["end"].as_i64().unwrap();
        let line = lines.get(&(names[&monitor(vector)].clone(), series, end));
        let Some(line) = line else {
            wrong.push(format!("no line for {vector}"));
            continue;
        };
        let faults = faults(vector, line);
        if !faults.is_empty() {
            wrong.push(format!("{faults:?}: {vector}\n  {line}"));
        }
        if line["p_value"].is_number() && vector["p_value"].is_number() {
            *laws.entry(text(&vector["statistic"], "kind")).or_default() += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
    // None is printed of cramer_von_mises, since the values of these rows repeat.
    let tested = ["anderson_darling", "chi_square", "g_test", "ks", "mann_whitney"];
    assert!(tested.iter().all(|kind| laws.get(kind) >= Some(&2)), "p-values compared: {laws:?}");
}

#[test]
fn every_statistic_has_an_independent_value_for_each_of_its_tasks() {
    let task = |model: &str| MODELS.iter().find(|(name, ..)| *name == model).unwrap().1;
    let vectors = vectors();
    let held: HashSet<(&str, Option<Task>)> = vectors
        .iter()
        .map(|vector| (text(&vector["statistic"], "kind"), task(text(vector, "model"))))
        .collect();
    for kind in STATISTICS {
        let is_held = match kind.tasks {
            [] => held.iter().any(|(name, _)| *name == kind.name),
            tasks => tasks.iter().all(|task| held.contains(&(kind.name, Some(*task)))),
        };
        assert!(is_held, "tests/golden/replay computes no {} for {:?}", kind.name, kind.tasks);
    }
    assert!(vectors.len() > 400, "{}", vectors.len());
}
