//! `driftd check` against a real Kafka: what it samples, what it reaches, what it warns of.

use serde_json::Value;

use crate::company::{Company, Hour};
use crate::rig::daemon::driftd;
use crate::rig::free_port;
use crate::rig::kafka::{Kafka, Rec};
use crate::rig::receiver::Receiver;

/// Exit code and problems.
fn check(company: &Company, more: &[&str]) -> (Option<i32>, Vec<Value>) {
    let arguments = [&["check", "--format", "json"], more].concat();
    let output = driftd(&arguments, &company.folder, &company.env());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let problems = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output.status.code(), problems)
}

fn rewrite(company: &Company, from: &str, to: &str) {
    let text = std::fs::read_to_string(&company.config).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(&company.config, text.replacen(from, to, 1)).unwrap();
}

fn about<'a>(problems: &'a [Value], key: &str) -> &'a Value {
    let found = problems.iter().find(|p| p["key"] == key);
    found.unwrap_or_else(|| panic!("nothing about {key} in {problems:#?}"))
}

fn says(problem: &Value, words: &str) {
    let text = format!("{} {}", problem["message"], problem["hint"]);
    assert!(text.contains(words), "no '{words}' in {problem:#}");
}

#[test]
fn what_fits_the_topics_and_is_reached_has_no_problem() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    let company = Company::found(&kafka, &receiver, 2);
    let (p, o) = company.hour(Hour { number: 0, shift: 0.0, error: 0.0 }, 2);
    kafka.produce(&company.predictions, &p);
    assert_eq!(receiver.requests("/").len(), 0);
    rewrite(&company, "season = \"none\"\n", "");
    let (code, all) = check(&company, &["--deny-warnings"]);
    let short = about(&all, "monitors.drift.window");
    assert_eq!((code, &short["severity"]), (Some(78), &"warning".into()));
    says(short, "24h");
    rewrite(&company, "every = \"1h\"\n", "every = \"1h\"\nseason = \"none\"\n");
    let (code, problems) = check(&company, &["--deny-warnings"]);
    let outcomes = about(&problems, "models.demand.outcomes.topic");
    assert_eq!((code, problems.len(), &outcomes["severity"]), (Some(0), 1, &"info".into()));
    says(outcomes, "holds no records");
    kafka.produce(&company.outcomes, &o);
    assert_eq!(check(&company, &["--deny-warnings"]), (Some(0), Vec::new()));
    for path in ["/pager", "/events", "/retrain"] {
        assert!(receiver.requests(path).is_empty(), "nothing is sent");
    }
}

#[test]
fn slips_that_only_the_topic_shows_are_warnings() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 2);
    kafka.delete_topic(&company.outcomes);
    kafka.create_topic_with(&company.outcomes, 2, &[("retention.ms", "3600000")]);
    let (p, o) = company.hour(Hour { number: 0, shift: 0.0, error: 0.0 }, 2);
    kafka.produce(&company.predictions, &p);
    kafka.produce(&company.outcomes, &o);
    let poison: Vec<Rec> = (0..10).map(|i| Rec::bytes(b"{oops").on(i % 2)).collect();
    kafka.produce(&company.outcomes, &poison);
    rewrite(&company, "fare = \"features.fare\"", "fare = \"features.fair\"");
    rewrite(
        &company,
        "window = \"6h\"\nevery = \"1h\"\nseason = \"none\"\n",
        "window = \"600 events\"\n",
    );
    let (_, problems) = check(&company, &[]);
    let path = about(&problems, "models.demand.predictions.features.fare");
    assert_eq!(path["severity"], "warning");
    assert!(path["line"].as_u64().is_some() && path["file"].is_string(), "{path}");
    says(path, "features.fair");
    says(path, "did you mean `features.fare`?");
    let refused = about(&problems, "models.demand.outcomes");
    says(refused, "10 of the 70 newest records");
    says(refused, "bad_json");
    says(about(&problems, "models.demand.outcomes.within"), "kept for 1h");
    let windows: Vec<&Value> =
        problems.iter().filter(|p| p["key"] == "monitors.drift.window").collect();
    let told = windows.iter().any(|p| p["message"].as_str().unwrap().contains("one partition"));
    assert!(told, "{problems:#?}");
    let hours = "window = \"6h\"\nevery = \"1h\"\nseason = \"none\"";
    rewrite(&company, "window = \"600 events\"", hours);
    let (code, problems) = check(&company, &[]);
    assert_eq!((code, problems.len()), (Some(0), 3), "{problems:#?}");
    assert_eq!(check(&company, &["--deny-warnings"]).0, Some(78));
    assert_eq!(check(&company, &["--no-connect"]), (Some(0), Vec::new()));
}

#[test]
fn endpoints_that_do_not_answer_are_unreachable() {
    let kafka = Kafka::shared();
    let receiver = Receiver::start();
    let company = Company::found(&kafka, &receiver, 1);
    let nobody = format!("http://127.0.0.1:{}/canary-path", free_port());
    rewrite(&company, &receiver.url("/pager"), &nobody);
    rewrite(&company, &receiver.url("/retrain"), &nobody);
    let (code, problems) = check(&company, &[]);
    assert_eq!(code, Some(1), "{problems:#?}");
    for key in ["notifiers.oncall", "trainers.pipeline"] {
        assert_eq!(about(&problems, key)["severity"], "error");
        says(about(&problems, key), "refused");
    }
    let told = format!("{problems:?}");
    assert!(!told.contains("notifiers.events") && !told.contains("canary-path"), "{told}");
    rewrite(&company, "start_from", "dead_letter_topic = \"not-there\"\nstart_from");
    let (_, problems) = check(&company, &[]);
    says(about(&problems, "kafka.dead_letter_topic"), "does not exist");
}
