//! Several files: inclusion, ownership, sharing.

use super::*;

const MAIN: &str = r#"
include = ["models/*.toml"]
[kafka]
brokers = ["a:1"]
[defaults.model]
lateness = "2m"
reference = { learn = "7d" }
[defaults.monitor]
window = "24h"
every = "1h"
detector = { kind = "threshold", critical = 0.25 }
[models.main.predictions]
topic = "main"
features = { x = "x" }
[monitors.all]
models = ["*", "!other"]
watch = "features"
statistic = "psi"
[monitors.own]
watch = "features"
statistic = "psi"
"#;

const OTHER: &str = r#"
[defaults.model]
lateness = "3m"
[defaults.monitor]
every = "24h"
[models.other.predictions]
topic = "other"
features = { x = "x" }
[models.third]
lateness = "4m"
reference = { file = "third.json" }
[models.third.predictions]
topic = "third"
features = { x = "x" }
[monitors.theirs]
watch = "features"
statistic = "psi"
"#;

fn project() -> Project {
    Project::new(MAIN).with("models/other.toml", OTHER).with("models/third.json", "{}")
}

#[test]
fn monitors_watch_the_models_of_their_own_file_unless_they_say_otherwise() {
    let settings = project().settings();
    let of = |name: &str| -> Vec<&str> {
        let model = settings.plan.models.iter().find(|m| m.name == name).unwrap();
        model.monitors.iter().map(|m| m.name.as_str()).collect()
    };
    assert_eq!(of("main"), ["all", "own"]);
    assert_eq!(of("other"), ["theirs"]);
    assert_eq!(of("third"), ["all", "theirs"]);
}

#[test]
fn the_nearest_defaults_win_and_paths_are_relative_to_their_file() {
    let project = project();
    let settings = project.settings();
    let lateness: Vec<String> =
        settings.plan.models.iter().map(|m| m.lateness.to_string()).collect();
    assert_eq!(lateness, ["2m", "3m", "4m"]);
    let every: Vec<String> = settings
        .plan
        .models
        .iter()
        .flat_map(|m| &m.monitors)
        .map(|m| format!("{}:{:?}", m.name, m.window))
        .collect();
    assert!(every[0].contains("every: Span(3600000000)"), "{every:?}");
    assert!(every[2].contains("every: Span(86400000000)"), "{every:?}");
    let third = settings.references[2].file.clone().unwrap();
    assert_eq!(Path::new(&third), project.folder.path().join("models/third.json"));
    assert_eq!(settings.references[2].learn, settings.references[0].learn);
}

#[test]
fn a_table_in_two_files_is_refused_with_both_places() {
    let problems = Project::new(MAIN)
        .with("models/a.toml", "[kafka]\ngroup = \"x\"\n[models.main]\nlateness = \"1m\"\n")
        .with("models/b.toml", "include = [\"c.toml\"]\n[models.other.predictions]\ntopic = \"n\"\nfeatures = { x = \"x\" }\n")
        .problems();
    let text = text(&problems);
    assert!(text.contains("a.toml:1: error: kafka: also stands in"), "{text}");
    assert!(text.contains("a.toml:3: error: models.main: also stands in"), "{text}");
    assert!(text.contains("b.toml:1: error: include: an included file includes none"), "{text}");
    assert_eq!(problems.len(), 3, "{text}");
}

#[test]
fn a_slip_in_shared_values_is_told_once_at_its_own_place() {
    let problems = project()
        .with(
            "models/slip.toml",
            "[defaults.monitor]\nevry = \"1h\"\n[defaults.model]\nlateness = 5\n",
        )
        .problems();
    let text = text(&problems);
    assert!(text.contains("slip.toml:2: error: defaults.monitor.evry: unknown key"), "{text}");
    assert!(text.contains("slip.toml:4: error: defaults.model.lateness:"), "{text}");
    assert_eq!(problems.len(), 2, "{text}");
}

#[test]
fn an_absent_included_file_is_a_problem_and_an_empty_glob_is_none() {
    let problems = Project::new(&format!("include = [\"none.toml\"]\n{SMALL}")).problems();
    assert!(text(&problems).contains("none.toml"), "{}", text(&problems));
    let _ = Project::new(&format!("include = [\"none/*.toml\"]\n{SMALL}")).settings();
}

#[test]
fn the_main_file_may_match_its_own_glob() {
    let _ = Project::new(&format!("include = [\"*.toml\"]\n{SMALL}")).settings();
}

#[test]
fn an_absent_included_file_is_placed_where_it_is_named() {
    let project = Project::new(&format!("include = [\n\"*.conf\",\n\"sub/none.toml\"]\n{SMALL}"));
    let problems = project.problems();
    assert_eq!(problems.len(), 1, "{}", text(&problems));
    assert_eq!((problems[0].key.as_str(), problems[0].line), ("include[1]", Some(3)));
    assert!(problems[0].message.contains("sub/none.toml"));
}

#[test]
fn the_name_of_a_folder_is_no_glob() {
    let folder = TempDir::new().unwrap();
    let odd = folder.path().join("a[1]*");
    std::fs::create_dir(&odd).unwrap();
    std::fs::write(odd.join("driftd.toml"), format!("include = [\"m-*.toml\"]\n{SMALL}")).unwrap();
    let model = "[models.more.predictions]\ntopic = \"q\"\nfeatures = { x = \"x\" }\n";
    std::fs::write(odd.join("m-1.toml"), model).unwrap();
    let file = Some(odd.join("driftd.toml"));
    let sources =
        Sources { file, env: Vec::new(), overrides: Vec::new(), mode: Mode::Check, only: None };
    assert_eq!(load(&sources, &Script::default()).unwrap().0.plan.models.len(), 2);
}

#[test]
fn variables_win_over_the_defaults_of_an_included_file() {
    let project = project().env("DRIFTD__DEFAULTS__MODEL__LATENESS", "7m");
    let models = project.settings().plan.models;
    let lateness: Vec<String> = models.iter().map(|m| m.lateness.to_string()).collect();
    assert_eq!(lateness, ["7m", "7m", "4m"]);
}

#[test]
fn a_shared_probability_is_no_class() {
    let main = r#"
[kafka]
brokers = ["a:1"]
[defaults.model.predictions]
probability = "p"
[models.m]
task = "multiclass"
[models.m.predictions]
topic = "m"
probability = { bus = "p.bus", car = "p.car" }
"#;
    let settings = Project::new(main).settings();
    assert_eq!(settings.plan.models[0].probabilities, ["bus", "car"]);
}

#[test]
fn a_reference_needs_the_tables_of_its_model_and_no_others() {
    let main = r#"
nam = "x"
[defaults.model]
notify = { critical = ["gone"] }
retrain = "gone"
[models.m.predictions]
topic = "p"
features = { x = "x" }
[models.broken]
task = "regresion"
[monitors.drift]
models = ["m"]
watch = "features"
statistic = "psi"
window = "24h"
detector = { kind = "threshold", critical = 0.25 }
retrain = true
notify = { critical = ["gone"] }
[monitors.other]
models = ["broken"]
statistic = "psy"
[models.broken]
"#;
    let project = Project::new(main);
    let read = |only: &str| {
        let sources = Sources {
            file: Some(project.main()),
            env: Vec::new(),
            overrides: Vec::new(),
            mode: Mode::ReferenceBuild,
            only: Some(only.to_owned()),
        };
        load(&sources, &Script::default())
    };
    let (settings, warnings) = read("m").unwrap_or_else(|p| panic!("{}", text(&p)));
    assert!(warnings.is_empty(), "{}", text(&warnings));
    let names: Vec<&str> = settings.plan.models.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["m"]);
    assert_eq!(settings.plan.models[0].monitors.len(), 1);
    let own = read("broken").unwrap_err();
    assert!(own.iter().any(|p| p.key == "models.broken.task"), "{}", text(&own));
    assert!(own.iter().all(|p| !p.key.contains("drift")), "{}", text(&own));
}
