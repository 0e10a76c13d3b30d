//! A model with a season, from its reference to its score lines, held against values that Python
//! worked out row by row (tests/golden/season.py).

use std::path::Path;

use serde_json::Value;

use crate::rig::daemon::driftd;
use crate::rig::folder;

const MODEL: &str = r#"
[kafka]
brokers = "127.0.0.1:1"
[models.m]
season = "hour_of_week"
timezone = "Europe/Oslo"
reference = { file = "reference.json" }
[models.m.predictions]
topic = "p"
time = "at"
features = { x = "x" }
[defaults.monitor]
watch = "features"
window = "6h"
every = "3h"
min_events = 1
min_support = 1
detector = { kind = "threshold", critical = 9 }
[monitors.psi]
statistic = "psi"
[monitors.ks]
statistic = "ks"
"#;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder with the configuration and both files, and the reference built of one of them.
fn founded(name: &str, config: &str) -> std::path::PathBuf {
    let folder = folder(name);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/season");
    for file in ["reference.csv", "window.csv"] {
        std::fs::copy(golden.join(file), folder.join(file)).unwrap();
    }
    std::fs::write(folder.join("driftd.toml"), config).unwrap();
    let build = ["reference", "build", "--model", "m", "reference.csv", "-o", "reference.json"];
    let built = driftd(&build, &folder, &[]);
    assert!(built.status.success(), "{}", text(&built.stderr));
    if config.contains("\nseason") {
        assert!(text(&built.stderr).contains("of the 168 slots"), "{}", text(&built.stderr));
    }
    folder
}

fn scores(folder: &Path) -> Vec<Value> {
    let replayed = driftd(&["replay", "--predictions", "window.csv"], folder, &[]);
    assert!(replayed.status.success(), "{}", text(&replayed.stderr));
    let lines = text(&replayed.stdout);
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["type"] == "score").collect()
}

#[test]
fn lines_of_a_season_equal_those_of_an_independent_script() {
    let golden = include_str!("../golden/season/lines.json");
    let golden: Vec<Value> = serde_json::from_str(golden).unwrap();
    let lines = scores(&founded("season", MODEL));
    for want in &golden {
        for statistic in ["psi", "ks"] {
            let line = lines
                .iter()
                .find(|l| l["statistic"] == statistic && l["window"]["end"] == want["end"])
                .unwrap_or_else(|| panic!("no line for {want}"));
            assert_eq!(line["window"]["events"], want["events"], "{line}");
            assert_eq!(line["reference_events"], want["reference_events"], "{line}");
            assert_eq!(line["season"]["name"], "hour_of_week");
            assert_eq!(line["season"]["slots"], want["slots"], "{line}");
            let near = |got: &Value, want: &Value| {
                let (got, want) = (got.as_f64().unwrap(), want.as_f64().unwrap());
                assert!((got - want).abs() <= 1e-9 * want.abs().max(1.0), "{got} is not {want}");
            };
            near(&line["score"], &want[statistic]);
            near(&line["season"]["hour_of_day"], &want["hour_of_day"]);
            near(&line["season"]["pooled"], &want["pooled"]);
        }
    }
}

#[test]
fn a_reference_without_slots_is_a_problem_and_a_reason() {
    let without = MODEL.replace("season =", "#").replace("timezone =", "#");
    let folder = founded("season-without", &without);
    assert!(scores(&folder).iter().any(|line| line["score"].is_f64() && line["season"].is_null()));
    let check = || driftd(&["check", "--no-connect", "--format", "table"], &folder, &[]);
    assert!(text(&check().stdout).contains("daily rhythm"), "windows of six hours");
    let meant = without.replace("min_support", "season = \"none\"\nmin_support");
    std::fs::write(folder.join("driftd.toml"), meant).unwrap();
    assert!(!text(&check().stdout).contains("daily rhythm"));
    std::fs::write(folder.join("driftd.toml"), MODEL).unwrap();
    let checked = check();
    assert_eq!(checked.status.code(), Some(78), "{}", text(&checked.stdout));
    let told = text(&checked.stdout);
    assert!(!told.contains("daily rhythm"), "{told}");
    assert!(told.contains("not counted by the hours of hour_of_week in Europe/Oslo"), "{told}");
    let replayed = driftd(&["replay", "--predictions", "window.csv"], &folder, &[]);
    let said = text(&replayed.stderr);
    assert!(said.contains("no_slots"), "{said}");
    let lines = text(&replayed.stdout);
    assert!(lines.contains("\"reason\":\"no_slots\""), "{lines}");
    assert!(!lines.contains("\"verdict\":\"ok\""), "{lines}");
}
