//! Estimates from the command line: a reference out of a file, and a replay that needs no outcome.

use std::fmt::Write;

use serde_json::Value;

use crate::rig::daemon::driftd;

const CONFIG: &str = r#"
[kafka]
brokers = ["127.0.0.1:1"]
[models.credit]
task = "binary"
positive = 1
reference = { file = "reference.json" }
[models.credit.predictions]
topic = "p"
id = "id"
time = "at"
prediction = "said"
probability = "p"
[models.credit.outcomes]
topic = "o"
id = "id"
time = "at"
outcome = "y"
within = "2h"
[defaults.monitor]
window = "24h"
detector = { kind = "threshold", critical = { below = 0.5 } }
[monitors.accuracy]
statistic = "accuracy"
[monitors.accuracy-estimate]
statistic = { kind = "accuracy", estimated = true }
[monitors.auc-estimate]
statistic = { kind = "roc_auc", estimated = true }
[monitors.error]
statistic = { kind = "accuracy", estimate_error = true }
detector = { kind = "threshold", critical = { above = 0.1, below = -0.1 } }
"#;

/// Columns of a golden part as CSV, one row a second from midnight on.
fn csv(part: &Value, columns: &[&str]) -> String {
    let mut text = format!("id,at,{}\n", columns.join(","));
    for row in 0..part["p"].as_array().unwrap().len() {
        write!(text, "{row},{}", 1_761_955_200 + row).unwrap();
        columns.iter().for_each(|column| write!(text, ",{}", part[column][row]).unwrap());
        text.push('\n');
    }
    text
}

#[test]
fn a_replay_estimates_what_nannyml_does_and_is_held_to_the_outcomes() {
    let golden = include_str!("../golden/estimates.json");
    let golden: Value = serde_json::from_str(golden).unwrap();
    let case = &golden["cases"][0];
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let run = |arguments: &[&str]| {
        let output = driftd(arguments, folder.path(), &[]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let lines: Vec<Value> = lines.collect();
        (output.status.code(), lines, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    write("driftd.toml", CONFIG);
    write("reference.csv", &csv(&case["reference"], &["p", "said", "y"]));
    write("unknown.csv", &csv(&case["reference"], &["p", "said"]));
    write("predictions.csv", &csv(&case["window"], &["p", "said"]));
    write("outcomes.csv", &csv(&case["window"], &["y"]));

    let build = ["reference", "build", "--model", "credit", "-o", "reference.json"];
    assert_eq!(run(&[&build[..], &["unknown.csv"]].concat()).0, Some(0));
    let (code, problems, _) = run(&["check", "--no-connect"]);
    assert_eq!(code, Some(78));
    let problem = problems.iter().find(|p| p["key"] == "models.credit.reference.file").unwrap();
    assert!(problem["message"].as_str().unwrap().contains("what probabilities are worth"));

    assert_eq!(run(&[&build[..], &["reference.csv"]].concat()).0, Some(0));
    assert_eq!(run(&["check", "--no-connect"]).0, Some(0));
    let replay = ["replay", "--predictions", "predictions.csv"];
    let (code, alone, said) = run(&replay);
    assert_eq!(code, Some(0), "{said}");
    let (_, both, _) = run(&[&replay[..], &["--outcomes", "outcomes.csv"]].concat());
    let score = |lines: &[Value], monitor: &str| {
        let of = |line: &&Value| line["monitor"] == monitor && line["type"] == "score";
        lines.iter().rfind(of).map(|line| line["score"].clone()).unwrap()
    };
    let near = |got: &Value, want: f64| {
        let got = got.as_f64().unwrap();
        assert!((got - want).abs() < 1e-9, "{got} is not {want}");
    };
    let nannyml = |metric: &str| case["nannyml"][metric].as_f64().unwrap();
    let realised = case["realised_accuracy"].as_f64().unwrap();
    for lines in [&alone, &both] {
        near(&score(lines, "accuracy-estimate"), nannyml("accuracy"));
        near(&score(lines, "auc-estimate"), nannyml("roc_auc"));
    }
    assert_eq!(score(&alone, "accuracy"), Value::Null);
    near(&score(&both, "accuracy"), realised);
    near(&score(&both, "error"), realised - nannyml("accuracy"));
}
