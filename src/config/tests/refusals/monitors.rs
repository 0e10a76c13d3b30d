//! What is refused of monitors, and of what they make of a model.

use super::*;
use crate::event::Span;

#[test]
fn a_prediction_that_is_made_by_a_threshold_is_no_series() {
    let binary = "task = \"binary\"\npositive = 1\nthreshold = 0.5";
    let with = |watch: &str| {
        judged(binary, "")
            .replace("prediction = \"y\"", "probability = \"p\"")
            .replace("watch = \"features\"", watch)
    };
    one(
        &with("watch = [\"features\", \"prediction\"]"),
        "monitors.drift.watch[1]",
        "`probability`",
    );
    one(&with("watch = [\"predict*\"]"), "monitors.drift.watch[0]", "`threshold`");
    let shared = with("") + "[defaults.monitor]\nwatch = [\"prediction\"]\n";
    one(&shared, "monitors.drift.watch[0]", "`threshold`");
    let settings = Project::new(&with("watch = [\"p*\"]")).settings();
    assert_eq!(settings.plan.models[0].monitors[0].series, ["probability"]);
}

#[test]
fn monitors() {
    let at = "monitors.drift";
    let m = |from: &str, to: &str, key: &str, words: &str| {
        slip(from, to, &format!("{at}.{key}"), words);
    };
    m("statistic = \"psi\"\n", "", "statistic", "psi");
    m("statistic = \"psi\"", "statistic = { bins = 10 }", "statistic.kind", "psi");
    m("statistic = \"psi\"", "statistic = { kind = \"psi\", bin = 10 }", "statistic.bin", "bins");
    m("statistic = \"psi\"", "statistic = { kind = \"psi\", bins = 7 }", "statistic.bins", "480");
    m("window = \"24h\"\n", "", "window", "24h");
    m("window = \"24h\"", "window = \"0s\"", "window", "above 0");
    m("window = \"24h\"", "window = \"24h\"\nevery = \"7h\"", "every", "divide");
    m("window = \"24h\"", "window = \"24h\"\nevery = \"500 events\"", "every", "events");
    m("window = \"24h\"", "window = \"5000 events\"\nevery = \"3000 events\"", "every", "divide");
    m("window = \"24h\"", "window = \"24h\"\nmin_coverage = 80", "min_coverage", "0.8");
    m("window = \"24h\"", "window = \"24h\"\nseason = \"hour_of_week\"", "season", "[models.NAME]");
    m("window = \"24h\"", "window = \"24h\"\nagainst = \"7d\"", "against", "7d ago");
    m("window = \"24h\"", "window = \"24h\"\nagainst = \"12h ago\"", "against", "overlaps");
    m("window = \"24h\"", "window = \"24h\"\nagainst = \"36h ago\"", "against", "multiple");
    m("window = \"24h\"", "window = \"24h\"\nmodels = [\"n\"]", "models[0]", "no model");
    m("window = \"24h\"", "window = \"24h\"\nretrain = true", "retrain", "trainer");
    m("window = \"24h\"", "window = \"24h\"\nby = [\"x\"]", "by[0]", "category");
    m("window = \"24h\"", "window = \"24h\"\nby = [\"town\"]", "by[0]", "no feature");
    m("window = \"24h\"", "window = \"24h\"\nby = [[\"city\", \"city\"]]", "by[0]", "itself");
    m(
        "window = \"24h\"",
        "window = \"24h\"\nnotify = { critical = [\"x\"] }",
        "notify.critical[0]",
        "no notifier",
    );
    m("watch = \"features\"\n", "", "watch", "features");
    m(
        "kind = \"threshold\", critical",
        "kind = \"treshold\", critical",
        "detector.kind",
        "threshold",
    );
    m("critical = 0.25", "critical = 0.25, clera = 0.2", "detector.clera", "clear");
    m("critical = 0.25", "", "detector.critical", "needs");
    m("critical = 0.25", "critical = { over = 1 }", "detector.critical", "above");
    m("critical = 0.25", "critical = 0.25, for = \"3 of 2\"", "detector.for", "M of N");
    m("watch = \"features\"\nstatistic = \"psi\"", "statistic = \"mae\"", "statistic", "outcomes");
}

#[test]
fn contradictions_between_monitors_and_models() {
    let mae = "[monitors.e]\nstatistic = \"mae\"\nwindow = \"24h\"\ndetector = { kind = \"threshold\", critical = 5 }\n";
    let _ = Project::new(&judged(REGRESSION, mae)).settings();
    one(
        &judged(REGRESSION, &format!("{mae}watch = \"features\"\n")),
        "monitors.e.watch",
        "whole model",
    );
    slip("reference = { learn = \"7d\" }\n", "", "monitors.drift.statistic", "reference");
    let worse = mae.replace("critical = 5", "critical = { worse_by = \"10%\" }");
    let none = judged(REGRESSION, &worse).replace("reference = { learn = \"7d\" }\n", "");
    let problems = told(&none);
    assert!(problems.iter().any(|p| p.key == "monitors.e.detector"), "{}", text(&problems));
}

#[test]
fn an_inherited_watch_is_no_matter_to_statistics_of_the_whole_model() {
    let main = judged(
        REGRESSION,
        "[defaults.monitor]\nwatch = \"features\"\n[monitors.e]\nstatistic = \"mae\"\nwindow = \"24h\"\n\
         detector = { kind = \"threshold\", critical = 5 }\n",
    );
    let settings = Project::new(&main).settings();
    assert_eq!(settings.plan.models[0].monitors[1].series, ["model"]);
}

#[test]
fn windows_of_events() {
    let main = SMALL.replace("\"24h\"", "\"100 events\"").replace("0.25", "2.5");
    let monitor = Project::new(&main).settings().plan.models[0].monitors[0].clone();
    assert_eq!((monitor.min_events, monitor.min_support), (100, 50));
    one(
        &main.replace("watch =", "min_events = 200\nwatch ="),
        "monitors.drift.min_events",
        "never",
    );
}

#[test]
fn earlier_windows() {
    let since =
        |table: &str| SMALL.replace("watch =", &format!("against = \"7d ago\"\n{table}watch ="));
    let monitor = Project::new(&since("")).settings().plan.models[0].monitors[0].clone();
    assert_eq!(monitor.against, Some(Span::from_secs(7 * 86_400)));
    let other = |from: &str, to: &str| since("").replace(from, to);
    one(&other("\"psi\"", "\"missing_rate\""), "monitors.drift.against", "worse_by");
    one(&other("\"24h\"", "\"5000 events\""), "monitors.drift.window", "24h");
    let evidence = other("{ kind = \"threshold\", critical = 0.25 }", "\"e-detector\"");
    one(&evidence, "monitors.drift.detector", "false_alarm_every");
    let rare = other("critical = 0.25", "critical = { false_alarm_every = \"90d\" }");
    assert!(Project::new(&rare).load().is_ok());
    one(&rare.replace("7d ago", "24h ago"), "monitors.drift.against", "2d ago");
}

#[test]
fn seasons() {
    let model = |table: &str| SMALL.replace("[models.m]\n", &format!("[models.m]\n{table}\n"));
    let week = "season = \"hour_of_week\"\ntimezone = \"Europe/Oslo\"";
    let plan = Project::new(&model(week)).settings().plan.models.remove(0);
    assert_eq!(plan.season.as_ref().unwrap().to_string(), "hour_of_week in Europe/Oslo");
    assert!(plan.monitors[0].seasonal);
    let out = model(week).replace("watch =", "season = \"none\"\nwatch =");
    assert!(!Project::new(&out).load().unwrap().0.plan.models[0].monitors[0].seasonal);
    one(&model("season = \"hour_of_week\""), "models.m.timezone", "Europe/Oslo");
    one(&model("season = \"weekly\"\ntimezone = \"UTC\""), "models.m.season", "hour_of_week");
    let olso = week.replace("Oslo", "Olso");
    one(&model(&olso), "models.m.timezone", "IANA");
    let events = model(week).replace("\"24h\"", "\"5000 events\"");
    one(&events, "monitors.drift.window", "season = \"none\"");
    let warned = |main: &str| Project::new(main).load().unwrap().1;
    assert!(warned(&model(week)).is_empty());
    let nobody = warned(&out);
    assert_eq!(nobody[0].key, "models.m.season", "{}", text(&nobody));
    let short = warned(&model(week).replace("\"7d\"", "\"3d\""));
    assert_eq!(short[0].key, "models.m.reference.learn", "{}", text(&short));
    let idle = warned(&model("timezone = \"Europe/Oslo\""));
    assert_eq!(idle[0].key, "models.m.timezone", "{}", text(&idle));
}

#[test]
fn panes_of_a_season_lie_in_one_hour() {
    let main = SMALL.replace(
        "[models.m]\n",
        "[models.m]\nseason = \"hour_of_day\"\ntimezone = \"Asia/Kolkata\"\n",
    );
    for (window, width) in [("24h", "1h"), ("90m", "30m"), ("1h", "1h")] {
        let main = main.replace("\"24h\"", &format!("{window:?}"));
        let model = Project::new(&main).settings().plan.models.remove(0);
        assert_eq!(model.pane_width().to_string(), width, "{window}");
    }
}

#[test]
fn estimates_without_outcomes() {
    const BINARY: &str = "task = \"binary\"\npositive = 1\nthreshold = 0.5";
    let monitor = |statistic: &str, window: &str| {
        format!(
            "[monitors.e]\nstatistic = {{ {statistic} }}\nwindow = \"{window}\"\n\
             detector = {{ kind = \"threshold\", critical = {{ below = 0.5 }} }}\n"
        )
    };
    let with = |statistic: &str| {
        judged(BINARY, &monitor(statistic, "24h"))
            .replace("prediction = \"y\"", "probability = \"p\"")
    };
    let accuracy = "kind = \"accuracy\", estimated = true";
    let plan = Project::new(&with(accuracy)).settings().plan;
    let monitor_plan = &plan.models[0].monitors[1];
    assert_eq!(
        (monitor_plan.statistic.name(), monitor_plan.by_outcomes()),
        ("accuracy_estimate", false)
    );
    assert_eq!(monitor_plan.counted().collect::<Vec<_>>(), ["classified"]);
    let error = "kind = \"accuracy\", estimate_error = true";
    assert!(Project::new(&with(error)).settings().plan.models[0].monitors[1].by_outcomes());

    let at = "monitors.e.statistic";
    let key = |key: &str| format!("{at}.{key}");
    one(&with("kind = \"brier\", estimated = true"), &key("estimated"), "these have: accuracy");
    one(&with("kind = \"accuracy\", estimated = 1"), &key("estimated"), "neither true nor false");
    let both = format!("{accuracy}, estimate_error = true");
    one(&with(&both), &key("estimate_error"), "write one of them");
    one(&with("kind = \"accuracy\", estimate = true"), &key("estimate"), "estimated");
    let bare = with(accuracy).replace("probability = \"p\"", "prediction = \"y\"");
    one(&bare.replace("threshold = 0.5", ""), at, "[models.m.predictions]");
    let unsaid = with(accuracy).replace("threshold = 0.5", "");
    one(&unsaid, at, "predicted class");
    let ranks = with("kind = \"roc_auc\", estimated = true").replace("threshold = 0.5", "");
    let _ = Project::new(&ranks).settings();
    let several = judged("task = \"multiclass\"", &monitor(accuracy, "24h"));
    one(&several, at, "accuracy_estimate is for binary");
    one(
        &with(error).replace(
            "window = \"24h\"\ndetector = { kind = \"threshold\", critical = { b",
            "window = \"900 events\"\ndetector = { kind = \"threshold\", critical = { b",
        ),
        "monitors.e.window",
        "a stretch of time",
    );
    let number = with(error).replace("{ below = 0.5 }", "0.5");
    one(&number, "monitors.e.detector.critical", "write { above = 0.5 } or { below = 0.5 }");
    let outcomes = with(accuracy);
    let (main, rest) = outcomes.split_once("[models.m.outcomes]").unwrap();
    let rest = rest.find("[monitors").map_or("", |from| &rest[from..]);
    one(&format!("{main}{rest}"), at, "from outcomes");
}

#[test]
fn expected_losses() {
    let monitor = |statistic: &str| {
        format!(
            "[monitors.e]\nstatistic = {{ kind = \"{statistic}\", estimated = true }}\nwindow = \"24h\"\n\
             detector = {{ kind = \"threshold\", critical = 5 }}\n"
        )
    };
    let with = |loss: &str, statistic: &str| {
        let prediction = format!("prediction = \"y\"\nexpected_loss = {loss}");
        judged(REGRESSION, &monitor(statistic)).replace("prediction = \"y\"", &prediction)
    };
    let squared = "{ path = \"l\", of = \"mse\" }";
    for (loss, statistic) in [("\"l\"", "mae"), (squared, "rmse"), (squared, "mse")] {
        let plan = Project::new(&with(loss, statistic)).settings().plan;
        let monitor = &plan.models[0].monitors[1];
        assert_eq!((monitor.expects(), monitor.by_outcomes()), (Some("expected_loss"), false));
    }
    let at = "monitors.e.statistic";
    one(&with("\"l\"", "rmse"), at, "of = \"mse\"");
    one(&judged(REGRESSION, &monitor("mae")), at, "expected_loss = { path");
    one(&with("\"l\"", "mape"), &format!("{at}.estimated"), "these have");
    let other = with("\"l\"", "mae").replace(REGRESSION, "task = \"multiclass\"");
    let problems = told(&other);
    let at = "models.m.predictions.expected_loss";
    assert!(problems.iter().any(|p| p.key == at), "{}", text(&problems));
}
