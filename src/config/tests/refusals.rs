//! Every refusal: one small slip, one problem at its key, with a hint that helps.

use super::*;

mod monitors;
mod registries;

/// Outcomes for the small configuration.
const OUTCOMES: &str = r#"
[models.m.outcomes]
topic = "o"
id = "id"
time = "at"
outcome = "y"
"#;

fn told(main: &str) -> Vec<Problem> {
    Project::new(main).problems()
}

/// Exactly one problem, at this key, with these words in message or hint.
fn one(main: &str, key: &str, words: &str) {
    let problems = told(main);
    let all = text(&problems);
    assert_eq!(problems.len(), 1, "expected one problem at {key}:\n{all}\n{main}");
    assert_eq!(problems[0].key, key, "{all}");
    assert!(all.contains(words), "no '{words}' in:\n{all}");
}

/// The small configuration with one text replaced.
fn slip(from: &str, to: &str, key: &str, words: &str) {
    assert!(SMALL.contains(from), "{from}");
    one(&SMALL.replace(from, to), key, words);
}

/// The small configuration with something added.
fn more(added: &str, key: &str, words: &str) {
    one(&format!("{SMALL}{added}"), key, words);
}

/// A regression with outcomes; `prediction` and `id` stand in the predictions.
fn judged(table: &str, outcomes: &str) -> String {
    let main = SMALL
        .replace("[models.m]\n", &format!("[models.m]\n{table}\n"))
        .replace("topic = \"p\"\n", "topic = \"p\"\nid = \"id\"\nprediction = \"y\"\n");
    format!("{main}{OUTCOMES}{outcomes}")
}

const REGRESSION: &str = "task = \"regression\"";

#[test]
fn a_broken_file_lists_everything_at_once() {
    let main = r#"nam = "x"
[kafka]
brokers = "a:1"
start_from = "first"
idle_after = 30
[kafka.properties]
enable.auto.commit = true
"sasl.password" = "hunter2"
[models.demand]
task = "regresion"
within = "48h"
notify = { critical = ["oncal"] }
[models.demand.predictions]
topic = "p"
features = { x = "x[]", city = { path = "city", type = "categorie" } }
[monitors.drift]
watch = ["features.y"]
statistic = "pssi"
window = "24h"
every = "7h"
min_event = 10
[notifiers.oncall]
kind = "log"
"#;
    let project = Project::new(main);
    let file = project.main().display().to_string();
    let list: String = project
        .problems()
        .iter()
        .map(|p| {
            let hint = p.hint.as_deref().unwrap_or("-");
            assert_eq!(p.file.as_deref(), Some(file.as_str()));
            format!("{} | {} | {} | {hint}\n", p.line.unwrap_or(0), p.key, p.message)
        })
        .collect();
    let expected = r#"1 | nam | unknown key | did you mean `name`?
4 | kafka.start_from | 'first' is no place to start | write earliest, latest, a length of time back such as -24h, or a time in RFC 3339
5 | kafka.idle_after | '30' is not a length of time; write for example 30s, 90m, 24h or 7d | -
7 | kafka.properties."enable.auto.commit" | offsets live in the commit with the counts; stored apart, events are lost or counted twice | remove it
8 | kafka.properties."sasl.password" | a secret must not be written here | write env:NAME or file:PATH and keep the secret there
10 | models.demand.task | 'regresion' is not known here | did you mean `regression`?
11 | models.demand.within | unknown key | `within` belongs to models.NAME.outcomes
12 | models.demand.notify.critical[0] | there is no notifier 'oncal' | did you mean `oncall`?
15 | models.demand.predictions.features.city.type | 'categorie' is not known here | did you mean `category`?
15 | models.demand.predictions.features.x | 'x[]': [] is reserved for events that hold many rows, which driftd does not read yet; publish one event per row | -
16 | monitors.drift.detector | is missing | write detector = { kind = "threshold", critical = 0.25 }
18 | monitors.drift.statistic | 'pssi' is not known here | did you mean `psi`?
20 | monitors.drift.every | 7h does not divide the window of 24h | windows begin at multiples of `every`
21 | monitors.drift.min_event | unknown key | did you mean `min_events`?
"#;
    assert_eq!(list, expected, "\n{list}");
}

#[test]
fn a_list_is_no_table() {
    for (list, key) in [
        ("notify = []", "models.m.notify"),
        ("predictions = []", "models.m.predictions"),
        ("reference = [\"r.json\"]", "models.m.reference"),
    ] {
        let main = SMALL
            .replace("reference = { learn = \"7d\" }", list)
            .replace("[models.m.predictions]", "[models.n]\n[models.n.predictions]");
        let problems = told(&main);
        let of = |p: &&Problem| p.key == key && p.message == "must be a table, not a list";
        assert_eq!(problems.iter().filter(of).count(), 1, "{key}: {}", text(&problems));
    }
    for key in ["models", "monitors", "notifiers", "state", "http", "defaults"] {
        let rest: String = match key {
            "models" => SMALL.split("[models.m]").next().unwrap().to_owned(),
            "monitors" => SMALL.split("[monitors.drift]").next().unwrap().to_owned(),
            _ => SMALL.to_owned(),
        };
        one(&format!("{key} = []\n{rest}"), key, "must be a table");
    }
}

#[test]
fn torn_toml_is_told_by_line_and_nothing_else() {
    let problems = told("name = \"x\"\n[kafka\nbrokers = 1\n");
    assert!(problems.iter().all(|p| p.line.is_some() && p.key.is_empty()), "{}", text(&problems));
    more("[monitors.drift]\nevery = \"1h\"\n", "monitors.drift", "duplicate key");
}

#[test]
fn names() {
    more(
        "[trainers.\"a b\"]\nkind = \"webhook\"\nurl = \"http://h/x\"\nsecret = \"env:SECRET\"\n",
        "trainers.\"a b\"",
        "letters, digits",
    );
    more(
        "[models.m.notify]\ncritical = [\"a-b\"]\n[notifiers]\na-b = \"log\"\nA_B = \"log\"\n",
        "notifiers.a-b",
        "only in case",
    );
    slip(
        "features = { x",
        "features = { \"user.x\" = \"u\", x",
        "models.m.predictions.features.\"user.x\"",
        "not a name",
    );
    slip("[models.m]\n", "[models.m]\nwas = \"m\"\n", "models.m.was", "still exists");
    one(&format!("name = \"\"\n{SMALL}"), "name", "one line");
}

#[test]
fn kafka() {
    slip("brokers = [\"127.0.0.1:9092\"]", "", "kafka.brokers", "host:9092");
    slip(
        "brokers = [\"127.0.0.1:9092\"]",
        "brokers = [\"a:1,b:2\"]",
        "kafka.brokers[0]",
        "one per element",
    );
    slip("[models.m]", "workers = 0\n[models.m]", "kafka.workers", "1 to 64");
    slip("[models.m]", "act_within = \"soon\"\n[models.m]", "kafka.act_within", "24h");
    slip("[models.m]", "on_recreated = \"delete\"\n[models.m]", "kafka.on_recreated", "reset");
    for (property, words) in [
        ("group.id = \"x\"", "kafka.group"),
        ("\"bootstrap.servers\" = \"x\"", "kafka.brokers"),
        ("auto.offset.reset = \"latest\"", "start_from"),
        ("enable.auto.offset.store = true", "remove it"),
        ("isolation.level = \"read_uncommitted\"", "aborted"),
        ("check.crcs = false", "broken record"),
        ("group.instance.id = \"x\"", "kafka.instance"),
        ("client.id = \"x\"", "remove it"),
        ("enable.partition.eof = true", "remove it"),
    ] {
        let name = property.split(" =").next().unwrap().trim_matches('"');
        let key = format!("kafka.properties.\"{name}\"");
        more(&format!("[kafka.properties]\n{property}\n"), &key, words);
    }
    more(
        "[kafka.properties]\ngroup.protocol = \"consumer\"\nsession.timeout.ms = 6000\n",
        "kafka.properties.\"session.timeout.ms\"",
        "broker",
    );
    let _ =
        Project::new(&format!("{SMALL}[kafka.properties]\nsession.timeout.ms = 6000\n")).settings();
}

#[test]
fn a_replay_needs_no_brokers() {
    let main = SMALL.replace("brokers = [\"127.0.0.1:9092\"]", "");
    let _ = Project::new(&main).mode(Mode::Replay).settings();
}

#[test]
fn state_and_http() {
    more("[state]\ncommit_every = \"50ms\"\n", "state.commit_every", "100ms");
    more("[http]\nlisten = \"7438\"\n", "http.listen", "127.0.0.1:7438");
    more("[http]\npublic_url = \"driftd\"\n", "http.public_url", "web address");
    for wrong in ["host", "169.254.0.0/33"] {
        let table = format!("[outgoing]\nlink_local = [\"{wrong}\"]\n");
        more(&table, "outgoing.link_local[0]", "169.254.10.0/24");
    }
    more("[limits]\nversions = 0\n", "limits.versions", "at least 1");
    more("[limits]\nmemory = \"1 elephant\"\n", "limits.memory", "256MB");
    more("[limits]\nstate = \"1GB\"\n", "limits.state", "limits.join");
}

#[test]
fn an_api_that_others_reach_without_a_token_is_warned_of() {
    for (listen, token, warned) in [
        ("0.0.0.0:7438", "", true),
        ("[::]:7438", "", true),
        ("10.1.2.3:7438", "", true),
        ("driftd.example.com:7438", "", true),
        ("0.0.0.0:7438", "token = \"env:TOKEN\"", false),
        ("127.0.0.1:7438", "", false),
        ("[::1]:7438", "", false),
        ("localhost:7438", "", false),
    ] {
        let main = format!("{SMALL}\n[http]\nlisten = \"{listen}\"\n{token}\n");
        let project = Project::new(&main).env("TOKEN", "t").mode(Mode::CheckNoConnect);
        let problems = project.problems();
        let about: Vec<_> = problems.iter().filter(|p| p.key == "http.listen").collect();
        assert_eq!(about.len(), usize::from(warned), "{listen}: {}", text(&problems));
        assert!(about.iter().all(|p| p.severity == Severity::Warning), "{}", text(&problems));
        let replayed = Project::new(&main).mode(Mode::Replay).problems();
        assert!(replayed.is_empty(), "a replay listens to nobody: {}", text(&replayed));
    }
}

#[test]
fn metadata_services_are_no_receivers_unless_named() {
    let with = |url: &str, named: &str| {
        let main = format!(
            "{SMALL}\n[outgoing]\nlink_local = [{named}]\n[models.m.notify]\ncritical = [\"p\"]\n\
             [notifiers]\np = {{ kind = \"pagerduty\", routing_key = \"env:KEY\", url = \"{url}\" }}\n"
        );
        Project::new(&main).env("KEY", "k").mode(Mode::CheckNoConnect).problems()
    };
    let refused = with("http://169.254.169.254/x", "");
    assert_eq!(refused.len(), 1, "{}", text(&refused));
    assert_eq!(refused[0].key, "notifiers.p.url");
    assert!(text(&refused).contains("outgoing.link_local"), "{}", text(&refused));
    let named = with("http://169.254.169.254/x", "\"169.254.169.0/24\"");
    assert!(named.is_empty(), "{}", text(&named));
}

#[test]
fn models() {
    slip("topic = \"p\"\n", "", "models.m.predictions.topic", "topic = ");
    slip("topic = \"p\"", "topic = \"p/q\"", "models.m.predictions.topic", "Kafka topic");
    slip("topic = \"p\"", "topic = \"p\"\nformat = \"jsn\"", "models.m.predictions.format", "json");
    slip(
        "topic = \"p\"",
        "topic = \"p\"\nformat = { kind = \"json\", deep = 1 }",
        "models.m.predictions.format.deep",
        "no option of json",
    );
    slip(
        "x = \"x\"",
        "x = { path = \"x\", type = \"text\" }",
        "models.m.predictions.features.x.type",
        "not built yet",
    );
    slip(
        "x = \"x\"",
        "x = { path = \"x\", type = \"vector\" }",
        "models.m.predictions.features.x.type",
        "not built yet",
    );
    slip(
        "type = \"category\"",
        "type = \"category\", dtype = \"f32\"",
        "models.m.predictions.features.city.dtype",
        "numeric",
    );
    slip(
        "topic = \"p\"",
        "topic = \"p\"\nid = \"kafka.offset\"",
        "models.m.predictions.id",
        "kafka.key",
    );
    slip(
        "topic = \"p\"",
        "topic = \"p\"\ntime = { path = \"at\", zone = \"Oslo\" }",
        "models.m.predictions.time.zone",
        "Europe/Oslo",
    );
    slip(
        "topic = \"p\"",
        "topic = \"p\"\nwhere = { path = \"t\" }",
        "models.m.predictions.where",
        "exactly one",
    );
    slip(
        "topic = \"p\"",
        "topic = \"p\"\nwhere = { path = \"t\", equals = 1, exists = true }",
        "models.m.predictions.where",
        "exactly one",
    );
    slip("learn = \"7d\"", "file = \"none.json\"", "models.m.reference.file", "reference build");
    slip("{ learn = \"7d\" }", "{}", "models.m.reference", "learn");
    slip("learn = \"7d\"", "file = \"m-{version}.json\"", "models.m.reference.file", "version");
    more(
        "[models.empty]\nreference = { learn = \"7d\" }\n",
        "models.empty.predictions",
        "[models.empty.predictions]",
    );
    more("[models.m.notify]\nwarning = [\"x\"]\n", "models.m.notify.warning[0]", "[notifiers.x]");
    slip("[models.m]\n", "[models.m]\nretrain = \"t\"\n", "models.m.retrain", "[trainers.t]");
}

#[test]
fn outcomes() {
    let _ = Project::new(&judged(REGRESSION, "")).settings();
    one(&judged(REGRESSION, "due = \"48h\"\n"), "models.m.outcomes.due", "within");
    one(&judged(REGRESSION, "within = \"0s\"\n"), "models.m.outcomes.within", "above 0");
    one(&judged(REGRESSION, "assume = \"none\"\n"), "models.m.outcomes.assume", "number");
    one(
        &judged(REGRESSION, "").replace("id = \"id\"\nprediction", "prediction"),
        "models.m.predictions.id",
        "id = ",
    );
    one(
        &judged(REGRESSION, "")
            .replace("id = \"id\"\nprediction", "id = [\"a\", \"b\"]\nprediction"),
        "models.m.outcomes.id",
        "2",
    );
    one(
        &judged(REGRESSION, "").replace("outcome = \"y\"", ""),
        "models.m.outcomes.outcome",
        "path",
    );
    one(&judged("", ""), "models.m.task", "regression");
    one(
        &judged(REGRESSION, "").replace("prediction = \"y\"\n", ""),
        "models.m.predictions.prediction",
        "compared",
    );
    one(
        &judged(REGRESSION, "")
            .replace("prediction = \"y\"\n", "prediction = \"y\"\noutcome = \"z\"\n"),
        "models.m.outcomes",
        "already",
    );
}

#[test]
fn outcomes_inside_predictions_wait_for_nothing() {
    let main = SMALL
        .replace("[models.m]\n", "[models.m]\ntask = \"regression\"\n")
        .replace("topic = \"p\"\n", "topic = \"p\"\nprediction = \"y\"\noutcome = \"z\"\n");
    let settings = Project::new(&main).settings();
    let model = &settings.plan.models[0];
    assert!(model.outcomes.as_ref().unwrap().topics.is_empty());
    assert!(!settings.readers[0].readers[0].keeps_ids);
}

#[test]
fn classes() {
    let binary = "task = \"binary\"\npositive = [\"fraud\", 1]";
    let settings = Project::new(&judged(binary, "")).settings();
    assert_eq!(settings.plan.models[0].positive, ["fraud", "1"]);
    one(&judged("task = \"binary\"", ""), "models.m.positive", "positive = ");
    one(&judged("task = \"regression\"\npositive = 1", ""), "models.m.positive", "binary");
    one(&judged(&format!("{binary}\nthreshold = 0.5"), ""), "models.m.threshold", "probability");
    let with = |table: &str, probability: &str| {
        judged(table, "").replace("prediction = \"y\"", &format!("probability = {probability}"))
    };
    let made = Project::new(&with(&format!("{binary}\nthreshold = 0.5"), "\"p\"")).settings();
    assert_eq!(made.plan.models[0].prediction, Some(crate::plan::SeriesKind::Category));
    one(
        &with(&format!("{binary}\nthreshold = 5"), "\"p\""),
        "models.m.threshold",
        "between 0 and 1",
    );
    one(&with(binary, "{ legit = \"p.l\" }"), "models.m.predictions.probability", "fraud");
    one(&with("task = \"multiclass\"", "\"p\""), "models.m.predictions.probability", "table");
    let many =
        Project::new(&with("task = \"multiclass\"", "{ b = \"p.b\", a = \"p.a\" }")).settings();
    assert_eq!(many.plan.models[0].probabilities, ["a", "b"]);
    let paths: Vec<String> =
        many.readers[1].readers[0].probabilities.iter().map(ToString::to_string).collect();
    assert_eq!(paths, ["p.a", "p.b"]);
}

/// The keys of all problems, in their order.
fn keys(main: &str) -> Vec<String> {
    told(main).into_iter().map(|p| p.key).collect()
}

#[test]
fn all_that_is_wrong_with_options_is_told_at_once() {
    let hook = "[notifiers]\nw = { kind = \"webhook\", ulr = \"http://h\", timout = \"1s\", \
                give_up = \"x\" }\n[models.m.notify]\ncritical = [\"w\"]\n";
    let w = "notifiers.w";
    let mut found = keys(&format!("{SMALL}{hook}"));
    found.sort();
    let want = ["give_up", "secret", "timout", "ulr", "url"].map(|key| format!("{w}.{key}"));
    assert_eq!(found, want);
    let levels =
        "warning = \"much\", critical = { over = 1 }, clear = \"x\", for = \"soon\", fro = 1";
    let mut found = keys(&SMALL.replace("critical = 0.25", levels));
    found.sort();
    let want = ["clear", "critical", "for", "fro", "warning"];
    assert_eq!(found, want.map(|key| format!("monitors.drift.detector.{key}")));
}

#[test]
fn one_topic_has_one_format() {
    // The only format has no options yet, so that two cannot differ but by an unknown one.
    let main = judged(REGRESSION, "").replace("topic = \"o\"", "topic = \"p\"");
    let settings = Project::new(&main).settings();
    assert_eq!(settings.readers.len(), 1);
    assert_eq!(settings.readers[0].readers.len(), 2);
}

#[test]
fn warnings() {
    let warned = |main: &str, key: &str, words: &str| {
        let (_, warnings) = Project::new(main).load().unwrap_or_else(|p| panic!("{}", text(&p)));
        let all = text(&warnings);
        assert!(warnings.iter().any(|w| w.key == key), "{key}: {all}");
        assert!(all.contains(words), "{all}");
    };
    let short = SMALL.replace("\"7d\"", "\"1h\"");
    warned(&short, "models.m.reference.learn", "longest window");
    let noisy = SMALL.replace("window =", "min_events = 50\nwindow =");
    warned(&noisy, "monitors.drift.min_events", "by chance");
    let idle = SMALL.replace("\"features\"", "[\"features\", \"!features.y\"]");
    warned(&idle, "monitors.drift.watch[1]", "matches no");
    let deaf = format!("{SMALL}[notifiers]\nlog = \"log\"\n");
    warned(&deaf, "monitors.drift", "nobody is told");
}

#[test]
fn doors() {
    more(
        "[models.m.notify]\ncritical = [\"p\"]\n[notifiers]\np = \"pager\"\n",
        "notifiers.p",
        "pagerduty",
    );
    let hook = "[models.m.notify]\ncritical = [\"w\"]\n[notifiers.w]\nkind = \"webhook\"\n";
    more(&format!("{hook}secret = \"env:SECRET\"\n"), "notifiers.w.url", "missing");
    more(&format!("{hook}url = \"http://h/x\"\n"), "notifiers.w.secret", "");
    more(
        &format!("{hook}url = \"http://h/x\"\nsecret = \"env:SECRET\"\ntimout = \"1s\"\n"),
        "notifiers.w.timout",
        "timeout",
    );
    more(&format!("{hook}url = \"h/x\"\nsecret = \"env:SECRET\"\n"), "notifiers.w.url", "");
    more(
        &format!("{hook}url = \"http://h/x\"\nsecret = \"env:SECRET\"\ngive_up = \"never\"\n"),
        "notifiers.w.give_up",
        "length of time",
    );
    let trainer =
        "[trainers.t]\nkind = \"webhook\"\nurl = \"http://h/x\"\nsecret = \"env:SECRET\"\n";
    let _ = Project::new(&format!("{SMALL}{trainer}budget = \"3 per day\"\n")).settings();
    more(&format!("{trainer}budget = \"3 per hour\"\n"), "trainers.t.budget", "1 per day");
    more(&format!("{trainer}timeout = \"never\"\n"), "trainers.t.timeout", "6h");
    more(&format!("{trainer}deployed_share = 2\n"), "trainers.t.deployed_share", "0.5");
    more(&format!("{trainer}budgt = \"3 per day\"\n"), "trainers.t.budgt", "budget");
}

#[test]
fn a_wrong_variable_is_named() {
    let problems = Project::new(SMALL).env("DRIFTD__KAFKA__GRUOP", "x").problems();
    assert_eq!(problems[0].file.as_deref(), Some("env DRIFTD__KAFKA__GRUOP"));
    assert_eq!(problems[0].key, "kafka.gruop");
    assert!(problems[0].hint.as_ref().unwrap().contains("group"));
}

#[test]
fn dead_letters_need_a_topic_that_nobody_reads() {
    let with =
        |topic: &str| format!("brokers = [\"127.0.0.1:9092\"]\ndead_letter_topic = \"{topic}\"");
    let brokers = "brokers = [\"127.0.0.1:9092\"]";
    slip(brokers, &with("p"), "kafka.dead_letter_topic", "is read by a model");
    slip(brokers, &with("a b"), "kafka.dead_letter_topic", "no name of a topic");
    let main = SMALL.replace(brokers, &with("driftd.dead"));
    let settings = Project::new(&main).settings();
    assert_eq!(settings.kafka.dead_letter_topic.as_deref(), Some("driftd.dead"));
}
