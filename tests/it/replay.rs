//! Replay over a stretch of real topics: the lines that files of the same rows give.

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use serde_json::Value;

use crate::company::{Company, HOUR, Hour};
use crate::rig::daemon::driftd;
use crate::rig::kafka::{Kafka, Rec};
use crate::rig::receiver::Receiver;

/// Records whose Kafka timestamp is their event time, as a live topic has them.
fn stamped(records: Vec<Rec>) -> Vec<Rec> {
    let at = |record: &Rec| {
        let payload: Value = serde_json::from_slice(record.payload.as_ref().unwrap()).unwrap();
        payload["at"].as_i64().unwrap() * 1000
    };
    records
        .into_iter()
        .map(|r| {
            let at = at(&r);
            r.at(at)
        })
        .collect()
}

fn two_days(company: &Company) -> (Vec<Rec>, Vec<Rec>) {
    let (mut predictions, mut outcomes) = (Vec::new(), Vec::new());
    for number in 0..48 {
        let shift = if (24..34).contains(&number) { 60.0 } else { 0.0 };
        let (p, o) = company.hour(Hour { number, shift, error: shift / 8.0 }, 2);
        predictions.extend(p);
        outcomes.extend(o);
    }
    (stamped(predictions), stamped(outcomes))
}

fn write(company: &Company, name: &str, records: &[Rec], wanted: impl Fn(i64) -> bool) {
    let mut text = String::new();
    for record in records {
        let payload = String::from_utf8(record.payload.clone().unwrap()).unwrap();
        let value: Value = serde_json::from_str(&payload).unwrap();
        if wanted(value["at"].as_i64().unwrap()) {
            text.push_str(&payload);
            text.push('\n');
        }
    }
    std::fs::write(company.folder.join(name), text).unwrap();
}

fn rfc3339(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}

/// Score and incident lines, and the summary's exit code.
fn lines(output: &std::process::Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["type"] != "summary").collect()
}

#[test]
fn a_stretch_of_topics_gives_the_lines_of_its_rows() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 2);
    let (predictions, outcomes) = two_days(&company);
    kafka.produce(&company.predictions, &predictions);
    kafka.produce(&company.outcomes, &outcomes);
    let (from, to) = (company.start + 12 * HOUR, company.start + 40 * HOUR + HOUR / 2);
    write(&company, "p.jsonl", &predictions, |at| (from..to).contains(&at));
    write(&company, "o.jsonl", &outcomes, |_| true);
    let files = driftd(
        &["replay", "--predictions", "p.jsonl", "--outcomes", "o.jsonl"],
        &company.folder,
        &[],
    );
    assert_eq!(files.status.code(), Some(0), "{}", String::from_utf8_lossy(&files.stderr));
    let range = ["--from", &rfc3339(from), "--to", &rfc3339(to)];
    let replay = |more: &[&str]| {
        let arguments = [&["replay"], &range[..], more].concat();
        driftd(&arguments, &company.folder, &[])
    };
    let topics = replay(&["--fail-on", "critical"]);
    assert_eq!(topics.status.code(), Some(10), "{}", String::from_utf8_lossy(&topics.stderr));
    let (of_topics, of_files) = (lines(&topics), lines(&files));
    assert!(of_files.iter().any(|l| l["type"] == "incident" && l["suppressed"].is_null()));
    assert!(of_files.iter().any(|l| l["statistic"] == "mae" && l["verdict"] == "critical"));
    assert_eq!(of_topics.len(), of_files.len());
    for (topic, file) in of_topics.iter().zip(&of_files) {
        assert_eq!(topic, file);
    }
    // The whole time reaches from before the topic to now.
    let all = driftd(&["replay", "--from", "-30d", "--to", "-1m"], &company.folder, &[]);
    assert!(lines(&all).len() > of_topics.len());
    let unknown = replay(&["--model", "nobody"]);
    assert_eq!(unknown.status.code(), Some(1));
    let nothing = driftd(&["replay", "--from", "-40d", "--to", "-30d"], &company.folder, &[]);
    assert_eq!(nothing.status.code(), Some(1), "nothing was judged");
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", kafka.brokers()).create().unwrap();
    let groups = consumer.fetch_group_list(None, std::time::Duration::from_secs(10)).unwrap();
    let joined = groups.groups().iter().any(|g| g.name().starts_with(&company.group));
    assert!(!joined, "no group is joined");
}

#[test]
fn a_missing_topic_an_unreachable_broker_and_odd_times_are_sentences() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 1);
    let replay = |arguments: &[&str], env: &[(&str, &str)]| {
        let output = driftd(&[&["replay"], arguments].concat(), &company.folder, env);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let range = ["--from", "-2d", "--to", "-1d"];
    kafka.delete_topic(&company.outcomes);
    let (code, said) = replay(&range, &[]);
    assert_eq!(code, Some(1));
    assert!(said.contains(&company.outcomes) && said.contains("does not exist"), "{said}");
    let (code, said) = replay(&range, &[("DRIFTD__KAFKA__BROKERS", "127.0.0.1:1")]);
    assert_eq!(code, Some(1));
    assert!(said.contains("127.0.0.1:1") && said.contains("no broker"), "{said}");
    let (code, _) = replay(&["--from", "-2d", "--to", "-1d", "--predictions", "p.jsonl"], &[]);
    assert_eq!(code, Some(2));
    let (code, _) = replay(&["--from", "-2d"], &[]);
    assert_eq!(code, Some(2));
    let (code, said) = replay(&["--from", "-1d", "--to", "-2d"], &[]);
    assert_eq!(code, Some(2));
    assert!(said.contains("not before"), "{said}");
    let (code, said) = replay(&["--from", "yesterday", "--to", "-2d"], &[]);
    assert_eq!(code, Some(2));
    assert!(said.contains("RFC 3339"), "{said}");
}
