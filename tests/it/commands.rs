//! The commands that need no daemon, as an operator runs them.

use std::path::Path;

use crate::company::Company;
use crate::rig::daemon::driftd;
use crate::rig::folder;
use crate::rig::kafka::{Kafka, Rec};
use crate::rig::receiver::Receiver;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_example_of_the_documentation_is_accepted() {
    let folder = folder("example");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/driftd.toml");
    std::fs::copy(fixture, folder.join("driftd.toml")).unwrap();
    std::fs::create_dir_all(folder.join("reference")).unwrap();
    let mut csv =
        String::from("distance_km,fare,hour,temperature,city,vehicle,demand,actual_demand\n");
    for i in 0..2000 {
        let city = if i % 2 == 0 { "Oslo" } else { "Bergen" };
        csv.push_str(&format!("{},{},{},{},{city},van,10,11\n", i % 30, i % 97, i % 24, i % 15));
    }
    std::fs::write(folder.join("train.csv"), csv).unwrap();
    let built = driftd(
        &["reference", "build", "--model", "demand", "train.csv", "-o", "reference/demand.json"],
        &folder,
        &[],
    );
    assert!(built.status.success(), "{}", text(&built.stderr));
    let checked = driftd(&["check", "--no-connect", "--format", "table"], &folder, &[]);
    let told = text(&checked.stdout);
    assert_eq!(checked.status.code(), Some(0), "{told}\n{}", text(&checked.stderr));
    assert!(told.contains("0 errors"), "{told}");
    let shown = driftd(&["reference", "inspect", "reference/demand.json"], &folder, &[]);
    assert!(text(&shown.stdout).contains("features.fare"));
}

#[test]
fn all_problems_are_told_at_once_and_the_exit_code_says_configuration() {
    let folder = folder("broken");
    let broken = "[kafka]\nbrokers = \"127.0.0.1:1\"\ngroop = \"x\"\n\
                  [models.m.predictions]\ntopic = 7\n[monitors.a]\nstatistic = \"psy\"\n";
    std::fs::write(folder.join("driftd.toml"), broken).unwrap();
    let output = driftd(&["check", "--no-connect", "--format", "json"], &folder, &[]);
    assert_eq!(output.status.code(), Some(78));
    let problems: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let lines: Vec<u64> = problems.iter().filter_map(|p| p["line"].as_u64()).collect();
    assert!(problems.len() >= 3, "{problems:?}");
    assert!(lines.contains(&3) && lines.contains(&5), "{problems:?}");
}

/// A reference with 20 positives of 1,000, of which 16 are found; names and numbers without drift.
#[test]
fn levels_within_the_noise_are_told_whichever_way_is_worse() {
    let folder = folder("noise");
    let mut csv = String::from("fare,said,fraud,expected,was\n");
    for i in 0..1000 {
        let (fraud, said) = (i % 50 == 0, i % 50 == 0 && i % 250 != 0);
        csv.push_str(&format!("{},{said},{fraud},{},{}\n", i % 97, i % 7, i % 11));
    }
    std::fs::write(folder.join("train.csv"), csv).unwrap();
    let config = r#"
[kafka]
brokers = ["127.0.0.1:1"]

[models.m]
task = "binary"
positive = "true"
reference = { file = "m.json" }
[models.m.predictions]
topic = "p"
id = "id"
time = "at"
prediction = "said"
features = { fare = "fare" }
[models.m.outcomes]
topic = "o"
id = "id"
outcome = "fraud"

[models.n]
task = "regression"
reference = { file = "n.json" }
[models.n.predictions]
topic = "q"
id = "id"
time = "at"
prediction = "expected"
[models.n.outcomes]
topic = "o"
id = "id"
outcome = "was"

[monitors.missed]
models = ["m"]
statistic = "recall"
window = "24h"
min_support = 20
detector = { kind = "threshold", critical = 0.75 }

[monitors.many]
models = ["m"]
statistic = "recall"
window = "24h"
min_support = 2000
detector = { kind = "threshold", critical = 0.4 }

[monitors.greater]
models = ["m"]
watch = ["features.fare"]
statistic = "mann_whitney"
window = "24h"
min_events = 100
detector = { kind = "threshold", critical = { below = 0.49, above = 0.7 } }

[monitors.errors]
models = ["n"]
statistic = "error_ks"
window = "24h"
detector = { kind = "threshold", critical = 0.2 }
"#;
    std::fs::write(folder.join("driftd.toml"), config).unwrap();
    let build = |model: &str| {
        let file = format!("{model}.json");
        let arguments = ["reference", "build", "--model", model, "train.csv", "-o", &file];
        let built = driftd(&arguments, &folder, &[]);
        assert!(built.status.success(), "{}", text(&built.stderr));
    };
    let check = |model: &str| -> Vec<String> {
        let output = driftd(&["check", "--no-connect", "--format", "json"], &folder, &[]);
        let lines = text(&output.stdout);
        let problems = lines.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
        let told = problems.map(|p| format!("{} {} {}", p["severity"], p["key"], p["message"]));
        told.filter(|told| told.contains(model)).collect()
    };
    build("m");
    build("n");
    let noise = check("within");
    assert_eq!(noise.len(), 2, "{noise:#?}");
    assert!(noise.iter().all(|told| told.starts_with("\"warning\"")), "{noise:#?}");
    let about = |words: &str| noise.iter().any(|told| told.contains(words));
    assert!(about("missed") && about("the level 0.7500 of recall") && about("with 20 of them"));
    assert!(about("greater") && about("the level 0.49 of mann_whitney"), "{noise:#?}");

    assert!(check("keeps no errors").is_empty());
    let without = std::fs::read_to_string(folder.join("driftd.toml")).unwrap();
    let without = without.replace("statistic = \"error_ks\"", "statistic = \"mae\"");
    std::fs::write(folder.join("driftd.toml"), without).unwrap();
    build("n");
    std::fs::write(folder.join("driftd.toml"), config).unwrap();
    let errors = check("keeps no errors");
    assert!(matches!(&errors[..], [told] if told.starts_with("\"error\"")), "{errors:#?}");
}

/// Twelve hours whose fares grow after the eighth; the reference is learnt from two hours.
#[test]
fn a_replay_learns_a_reference_and_judges_by_it_what_follows() {
    let folder = folder("learns");
    let mut csv = String::from("id,at,fare,y\n");
    for i in 0..12 * 600 {
        let (hour, seconds) = (i / 600, i * 6 + 3);
        let fare = i * 37 % 101 + if hour >= 8 { 60 } else { 0 };
        csv.push_str(&format!("r{i},{},{fare},1\n", 1_767_225_600 + seconds));
    }
    std::fs::write(folder.join("rows.csv"), csv).unwrap();
    let config = r#"
[kafka]
brokers = ["127.0.0.1:1"]

[models.m]
task = "regression"
reference = { learn = "2h" }
[models.m.predictions]
topic = "p"
id = "id"
time = "at"
prediction = "y"
features = { fare = "fare" }

[monitors.drift]
watch = ["features"]
statistic = "psi"
window = "1h"
season = "none"
min_events = 100
detector = { kind = "threshold", critical = 0.5 }
"#;
    std::fs::write(folder.join("driftd.toml"), config).unwrap();
    let output = driftd(&["replay", "--predictions", "rows.csv", "--format", "json"], &folder, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let lines = text(&output.stdout);
    let lines = lines.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
    let (scores, others): (Vec<_>, Vec<_>) = lines.partition(|line| line["type"] == "score");
    let told: Vec<(i64, String)> = scores
        .iter()
        .map(|line| {
            let end: jiff::Timestamp = line["window"]["end"].as_str().unwrap().parse().unwrap();
            let said = line["reason"].as_str().or(line["verdict"].as_str()).unwrap();
            ((end.as_second() - 1_767_225_600) / 3600, said.to_owned())
        })
        .collect();
    // The first event comes three seconds after the first hour has begun, which is not whole.
    let want = |hour: i64| match hour {
        2 | 3 => "no_reference",
        4..=8 => "ok",
        _ => "critical",
    };
    let want: Vec<_> = (2..=12).map(|hour| (hour, want(hour).to_owned())).collect();
    assert_eq!(told, want);
    let incidents: Vec<_> = others.iter().filter(|line| line["type"] == "incident").collect();
    assert!(matches!(&incidents[..], [one] if one["monitor"] == "drift"), "{incidents:#?}");
}

#[test]
fn decode_shows_fields_and_refusals_of_a_real_topic() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    let company = Company::found(&kafka, &receiver, 1);
    let good =
        br#"{"request_id":"r1","at":1767225600,"features":{"fare":"12"},"output":{"demand":3}}"#;
    kafka.produce(&company.predictions, &[Rec::bytes(good), Rec::bytes(b"{oops")]);
    kafka.produce(&company.outcomes, &[Rec::bytes(b"\xff")]);
    let output = driftd(&["decode", "--model", "demand"], &company.folder, &company.env());
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(shown.contains("features.fare") && shown.contains("bad_json"), "{shown}");
}

#[test]
fn replay_over_files_finds_the_shift_and_says_so_by_its_exit_code() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    let company = Company::found(&kafka, &receiver, 1);
    let mut csv = String::from("request_id,at,version,demand,fare,city\n");
    for i in 0..3000i64 {
        let shift = if i >= 2000 { 80 } else { 0 };
        let at = company.start + i * 60;
        csv.push_str(&format!("r{i},{at},v1,10,{},Oslo\n", (i * 37) % 100 + shift));
    }
    std::fs::write(company.folder.join("predictions.csv"), csv).unwrap();
    let replay = |extra: &[&str]| {
        let mut arguments = vec!["replay", "--predictions", "predictions.csv"];
        arguments.extend(extra);
        driftd(&arguments, &company.folder, &[])
    };
    let output = replay(&[]);
    let lines = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let summary = lines.lines().last().unwrap();
    assert!(
        summary.contains("\"type\":\"summary\"") && summary.contains("\"events\":3000"),
        "{summary}"
    );
    assert!(lines.contains("\"type\":\"incident\""), "{summary}");
    assert_eq!(replay(&["--fail-on", "critical"]).status.code(), Some(10));
}

/// A model without outcomes of its own topic: the event carries prediction and outcome.
#[test]
fn an_event_that_carries_its_outcome_needs_no_id() {
    let folder = folder("inside");
    let config = "[kafka]\nbrokers = [\"127.0.0.1:1\"]\ngroup = \"g\"\n\
        [models.m]\ntask = \"regression\"\n\
        [models.m.predictions]\ntopic = \"p\"\ntime = \"at\"\nprediction = \"said\"\noutcome = \"was\"\n\
        [monitors.worse]\nstatistic = \"mae\"\nwindow = \"1h\"\nmin_events = 10\n\
        detector = { kind = \"threshold\", critical = 100 }\n";
    std::fs::write(folder.join("driftd.toml"), config).unwrap();
    let mut csv = String::from("at,said,was\n");
    for i in 0..300 {
        csv.push_str(&format!("{},10,{}\n", 1_700_000_000 + i * 60, 11 + i % 3));
    }
    std::fs::write(folder.join("events.csv"), csv).unwrap();
    let output =
        driftd(&["replay", "--predictions", "events.csv", "--format", "json"], &folder, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let lines: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let scored: Vec<&serde_json::Value> = lines.iter().filter(|l| l["score"].is_number()).collect();
    assert_eq!(scored.len(), 4, "{lines:?}");
    assert!(scored.iter().all(|l| l["score"] == 2.0 && l["coverage"] == 1.0), "{scored:?}");
}

/// Several files are one log: a later row of equal time corrects, and a file may serve twice.
#[test]
fn the_files_of_a_replay_are_read_in_the_order_given() {
    let folder = folder("files");
    let config = "[kafka]\nbrokers = [\"127.0.0.1:1\"]\ngroup = \"g\"\n\
        [models.m]\ntask = \"regression\"\n\
        [models.m.predictions]\ntopic = \"p\"\nid = \"id\"\ntime = \"at\"\nprediction = \"said\"\n\
        [models.m.outcomes]\ntopic = \"o\"\nid = \"id\"\ntime = \"at\"\noutcome = \"was\"\n\
        [monitors.worse]\nstatistic = \"mae\"\nwindow = \"1h\"\nmin_events = 10\nmin_support = 10\n\
        detector = { kind = \"threshold\", critical = 100 }\n";
    std::fs::write(folder.join("driftd.toml"), config).unwrap();
    let rows = |was: i64| {
        let row = |i: i64| format!("{i},{},10,{was}\n", 1_700_000_000 + i * 60);
        String::from("id,at,said,was\n") + &(0..180).map(row).collect::<String>()
    };
    std::fs::write(folder.join("first.csv"), rows(11)).unwrap();
    std::fs::write(folder.join("second.csv"), rows(15)).unwrap();
    let arguments =
        ["replay", "--predictions", "first.csv", "--outcomes", "first.csv", "second.csv"];
    let output = driftd(&[&arguments[..], &["--format", "json"]].concat(), &folder, &[]);
    let lines: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let scored: Vec<&serde_json::Value> = lines.iter().filter(|l| l["score"].is_number()).collect();
    assert!(!scored.is_empty(), "{lines:?}\n{}", text(&output.stderr));
    assert!(scored.iter().all(|l| l["score"] == 5.0), "{scored:?}");
}

const LOCAL: &str = "[kafka]\nbrokers = [\"127.0.0.1:1\"]\n[models.m]\n\
     reference = { file = \"r.json\" }\n[models.m.predictions]\ntopic = \"p\"\n\
     features = { x = \"x\" }\n";

#[test]
fn what_is_wrong_is_told_apart_from_what_is_unreachable() {
    let folder = folder("codes");
    let check = |arguments: &[&str], added: &str| {
        std::fs::write(folder.join("driftd.toml"), format!("{LOCAL}{added}")).unwrap();
        let output = driftd(arguments, &folder, &[]);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let refused = "[kafka.properties]\nfetch.min.bites = 1\nsecurity.protocol = \"x\"\n";
    std::fs::write(folder.join("r.json"), "{}").unwrap();
    let (code, out, _) = check(&["check", "--format", "json"], "");
    assert_eq!(code, Some(78), "{out}");
    let problems: Vec<serde_json::Value> =
        out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let at = |key: &str| problems.iter().find(|p| p["key"] == key).map(|p| p["line"].clone());
    assert_eq!(at("models.m.reference.file"), Some(4.into()), "{out}");
    assert_eq!(at("kafka.brokers"), Some(2.into()), "{out}");
    for arguments in [&["check", "--no-connect"][..], &["run"], &["check"]] {
        let (code, out, told) = check(arguments, refused);
        assert_eq!(code, Some(78), "{arguments:?}: {out}{told}");
        assert!((out + &told).contains("fetch.min.bites"), "{arguments:?}");
    }
    let csv = "x\n1\n2\n";
    std::fs::write(folder.join("train.csv"), csv).unwrap();
    let build = ["reference", "build", "--model", "m", "train.csv", "-o", "r.json"];
    assert_eq!(check(&build, refused).0, Some(0));
    let (code, out, told) = check(&["check", "--format", "json"], "");
    assert_eq!(code, Some(1), "{out}");
    assert!(told.contains("limits.memory"), "{told}");
    assert!(!check(&["check", "--no-connect", "--format", "json"], "").2.is_empty());
}

#[test]
fn odd_environments_are_no_reason_to_fail() {
    use std::os::unix::ffi::OsStrExt;
    let folder = folder("odd");
    std::fs::write(
        folder.join("driftd.toml"),
        LOCAL.replace("file = \"r.json\"", "learn = \"7d\""),
    )
    .unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_driftd"))
        .args(["check", "--no-connect"])
        .current_dir(&folder)
        .env("DRIFTD_CONFIG", "")
        .env("ODD", std::ffi::OsStr::from_bytes(b"\xff"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown = driftd(&["show-config", "--model", "zebra"], &folder, &[]);
    assert_eq!(shown.status.code(), Some(1));
    assert!(text(&shown.stderr).contains("known are m"), "{}", text(&shown.stderr));
}
