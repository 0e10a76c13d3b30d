//! What holds, and where it was written.

use super::*;

fn origin(shown: &[Shown], key: &str) -> String {
    let found = shown.iter().find(|s| s.key == key);
    found.unwrap_or_else(|| panic!("no {key}")).origin.clone()
}

#[test]
fn every_value_tells_where_it_was_written() {
    let project = example().env("DRIFTD__KAFKA__GROUP", "other");
    let settings = project.settings();
    let shown = show_config(&settings, None).unwrap();
    let at = |key: &str| origin(&shown, key);
    let file = project.main();
    assert_eq!(at("kafka.group"), "env DRIFTD__KAFKA__GROUP");
    assert_eq!(at("kafka.brokers"), format!("{}:6", file.display()));
    assert_eq!(at("kafka.idle_after"), "default");
    assert_eq!(at("monitors.feature-drift.statistic.kind"), format!("{}:56", file.display()));
    assert_eq!(
        at("models.demand.predictions.features.fare.path"),
        format!("{}:39", file.display())
    );
    let key = shown.iter().find(|s| s.key == "notifiers.oncall.routing_key").unwrap();
    assert_eq!(key.value, json!("env:PAGERDUTY_ROUTING_KEY"));
    assert!(key.to_string().contains("driftd.toml:"));
}

#[test]
fn one_model_shows_its_tables_and_those_of_its_monitors() {
    let settings = example().settings();
    let shown = show_config(&settings, Some("demand")).unwrap();
    assert!(
        shown.iter().all(|s| s.key.starts_with("models.demand") || s.key.starts_with("monitors."))
    );
    assert!(shown.iter().any(|s| s.key == "monitors.worse.min_coverage"));
    let unknown = show_config(&settings, Some("demnd")).unwrap_err().to_string();
    assert_eq!(unknown, "there is no model 'demnd'; did you mean `demand`?");
}

#[test]
fn the_digest_follows_the_values_not_how_they_are_written() {
    let digest = |project: Project| project.settings().plan.config_digest;
    let plain = digest(Project::new(SMALL));
    let written = SMALL.replace("statistic = \"psi\"", "statistic = { kind = \"psi\" }  # same");
    assert_eq!(plain, digest(Project::new(&written)));
    assert_eq!(
        plain,
        digest(Project::new(SMALL).env("DRIFTD__MONITORS__DRIFT__MIN_EVENTS", "500"))
    );
    assert_ne!(
        plain,
        digest(Project::new(SMALL).env("DRIFTD__MONITORS__DRIFT__MIN_EVENTS", "600"))
    );
}

#[test]
fn sharing_and_environment_keep_their_origin() {
    let main = SMALL.replace("window = \"24h\"\n", "")
        + "[defaults.monitor]\nwindow = \"48h\"\n[models.m2.predictions]\ntopic = \"q\"\nfeatures = { x = \"x\" }\n[models.m2.reference]\nlearn = \"9d\"\n";
    let project = Project::new(&main).env("DRIFTD__DEFAULTS__MONITOR__COOLDOWN", "2h");
    let settings = project.settings();
    let shown = show_config(&settings, None).unwrap();
    assert_eq!(
        origin(&shown, "monitors.drift.cooldown"),
        "env DRIFTD__DEFAULTS__MONITOR__COOLDOWN"
    );
    let line = main.lines().position(|l| l == "window = \"48h\"").unwrap() + 1;
    assert!(origin(&shown, "monitors.drift.window").ends_with(&format!("driftd.toml:{line}")));
    assert_eq!(settings.plan.models.len(), 2);
}

#[test]
fn the_bound_grows_with_versions_series_segments_and_window_lengths() {
    let bound = |main: &str| Project::new(main).settings().plan.memory_bound();
    // One numeric feature (2 * 1000 + 1 codes) and one category feature (1001 cells), each with
    // three absences; 4 versions, 3 open panes and 1 sum.
    let plain = 4 * 4 * 4 * (2004 + 1004);
    assert_eq!(bound(SMALL), plain);
    let by = SMALL.replace("window =", "by = [\"city\"]\nwindow =");
    assert_eq!(bound(&by), plain * 102);
    let two = format!(
        "{SMALL}[monitors.more]\nwatch = \"features\"\nstatistic = \"psi\"\nwindow = \"48h\"\n\
         detector = {{ kind = \"threshold\", critical = 0.25 }}\n"
    );
    assert_eq!(bound(&two), plain / 4 * 5);
}

#[test]
fn more_memory_than_allowed_is_refused() {
    let problems = Project::new(&format!("{SMALL}[limits]\nmemory = \"100kB\"\n")).problems();
    assert_eq!(problems[0].key, "limits.memory");
    assert_eq!(problems[0].line, Some(15));
}

#[test]
fn a_variable_moves_no_table_out_of_its_file() {
    let main = format!("{SMALL}[state]\ndir = \"s\"\n");
    let project = Project::new(&main).env("DRIFTD__STATE__COMMIT_EVERY", "1s");
    assert_eq!(project.settings().state.dir, project.folder.path().join("s"));
    let project = Project::new(SMALL).env("DRIFTD__STATE__COMMIT_EVERY", "1s");
    assert_eq!(project.settings().state.dir, project.folder.path().join("state"));
    let project = Project::new(SMALL)
        .with("sub.toml", "[state]\ncommit_every = \"1s\"\n")
        .env("DRIFTD__INCLUDE", "sub.toml");
    let problems = project.problems();
    assert_eq!(problems.len(), 1, "{}", text(&problems));
    assert_eq!(problems[0].file.as_deref(), Some("env DRIFTD__INCLUDE"));
    assert!(problems[0].hint.as_ref().unwrap().contains("main file"));
}

#[test]
fn what_a_table_lacks_is_placed_in_its_file_whatever_variables_add() {
    let main = SMALL.replace("topic = \"p\"\n", "");
    let project = Project::new(&main).env("DRIFTD__MODELS__M__PREDICTIONS__VERSION", "v");
    let problems = project.problems();
    assert_eq!(problems[0].key, "models.m.predictions.topic");
    assert_eq!(problems[0].line, Some(6), "{}", text(&problems));
}

#[test]
fn what_a_url_may_hide_is_not_shown() {
    let shown = |url: &str| {
        let main = format!(
            "{SMALL}\n[models.m.notify]\ncritical = [\"w\"]\n[notifiers]\n\
             w = {{ kind = \"webhook\", url = \"{url}\", secret = \"env:HOOK\" }}\n"
        );
        let settings = Project::new(&main).mode(Mode::Replay).settings();
        let all = show_config(&settings, None).unwrap();
        all.into_iter().find(|s| s.key == "notifiers.w.url").unwrap().value
    };
    assert_eq!(
        shown("https://user:canary@h.example:8443/x?t=canary#a"),
        "https://***@h.example:8443/x?***#a"
    );
    assert_eq!(shown("https://h.example/x?canary"), "https://h.example/x?***");
    assert_eq!(shown("http://canary@h.example"), "http://***@h.example/");
    for plain in ["http://h.example/x", "http://h.example", "env:URL"] {
        assert_eq!(shown(plain), plain);
    }
}
