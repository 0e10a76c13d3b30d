//! Dead letters whose schema came too late, on their way back.

use std::time::Duration;

use serde_json::Value;

use crate::company::{Company, Hour};
use crate::rides::*;
use crate::rig::daemon::{Daemon, driftd, export};
use crate::rig::kafka::{Kafka, Rec};
use crate::rig::receiver::Receiver;
use crate::rig::registry::Registry;

const LONG: Duration = Duration::from_secs(120);
/// Fewer than the state remembers, and many more than a prediction may be late.
const HOURS: i64 = 9;

/// Runs `driftd dead-letters ...`; its exit code and what it says.
fn letters(company: &Company, arguments: &[&str]) -> (Option<i32>, String, String) {
    let arguments = [&["dead-letters"][..], arguments].concat();
    let output = driftd(&arguments, &company.folder, &company.env());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn letters_of_a_registry_go_back_and_count_once_at_their_own_time() {
    let (kafka, receiver, registry) = (Kafka::shared(), Receiver::start(), Registry::start());
    let again = crate::rig::unique("again");
    let other = crate::rig::unique("other");
    kafka.create_topic(&again, 2);
    kafka.create_topic(&other, 1);
    let company = Company::found(&kafka, &receiver, 2);
    let subject = format!("{}-value", company.predictions);
    let options = "patience = \"1s\"\ntimeout = \"500ms\"";
    speak_avro(&company, &registry.url(), options);
    let text = std::fs::read_to_string(&company.config).unwrap();
    let one_topic = format!("topic = \"{}\"\nformat = {{ kind = \"avro\",", company.predictions);
    let both = format!(
        "topic = [\"{}\", \"{again}\"]\nformat = {{ kind = \"avro\", subject = \"{subject}\",",
        company.predictions
    );
    // A header and the record's timestamp are read too: they must come back with the letter.
    let headed = text
        .replace(&one_topic, &both)
        .replace("version = \"model.version\"", "version = \"kafka.headers.version\"");
    assert_ne!(text, headed);
    std::fs::write(&company.config, headed).unwrap();
    let one = registry.register(&subject, "AVRO", &first_version());
    let wider = format!(
        r#"{{"name":"tip","type":"double","default":0}},{{"name":"fare","type":"double"}},{CITY}"#
    );
    let two = registry.register(&subject, "AVRO", &prediction(&wider));
    let produce = |number: i64, newer: bool| {
        let (p, _) = company.hour(Hour { number, shift: 0.0, error: 0.0 }, 2);
        let records = p.iter().map(|record| {
            let id = if newer { two } else { one };
            let tip = if newer { 0.5f64.to_le_bytes().to_vec() } else { Vec::new() };
            let record =
                avro_prediction(id, record, &|json| [tip.clone(), features(json)].concat());
            let headers = vec![("version".to_owned(), b"v7".to_vec())];
            Rec { headers, key: Some(b"\xffkey".to_vec()), ..record }
        });
        kafka.produce(&company.predictions, &records.collect::<Vec<_>>());
    };
    produce(0, false);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    let read = |daemon: &Daemon, topic: &str, records: i64| {
        daemon.wait_until("all is read", LONG, || {
            (consumed(daemon, topic)? == records as f64).then_some(())
        });
    };
    read(&daemon, &company.predictions, 60);

    // Two hours of a new schema while nobody knows it, and then many of the old one.
    registry.stop();
    produce(1, true);
    produce(2, true);
    (3..HOURS).for_each(|number| produce(number, false));
    read(&daemon, &company.predictions, HOURS * 60);
    let listed = || letters(&company, &["list"]).1;
    daemon.wait_until("letters are written", LONG, || {
        (listed().lines().count() == 120).then_some(())
    });
    let (code, listed, _) = letters(&company, &["list"]);
    let lines: Vec<Value> = listed.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!((code, lines.len()), (Some(0), 120), "{listed}");
    assert!(lines.iter().all(|l| l["reason"] == "registry_unreachable" && l["whole"] == true));

    // Refused again as long as the registry is away: those letters can be sent in their turn.
    let (_, sent, said) = letters(&company, &["send", "--to", &again]);
    assert!(sent.contains("\"sent\":120"), "{sent}{said}");
    daemon.wait_until("they are refused again", LONG, || {
        (letters(&company, &["list"]).1.lines().count() == 240).then_some(())
    });
    read(&daemon, &again, 120);
    daemon.signal("TERM");
    daemon.wait_exit(LONG);
    registry.restart();
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_ready(LONG);
    let (_, sent, said) = letters(&company, &["send", "--to", &again]);
    assert!(sent.contains("\"sent\":120") && sent.contains("\"there_before\":120"), "{sent}{said}");
    read(&daemon, &again, 120);
    // Once is once.
    let (code, sent, said) = letters(&company, &["send", "--to", &again]);
    assert!(sent.contains("\"sent\":0") && sent.contains("\"there_before\":240"), "{sent}{said}");
    assert_eq!(code, Some(0));

    for (to, words) in [
        (company.predictions.as_str(), "they would be late"),
        (other.as_str(), "models.demand.predictions"),
        ("not-there", "models.demand.predictions"),
    ] {
        let (code, _, said) = letters(&company, &["send", "--to", to]);
        assert!(code == Some(1) && said.contains(words), "{to}: {said}");
    }
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    let state = export(&company.state());
    let panes: Vec<&Value> =
        state.iter().filter(|l| l["type"] == "pane" && l["segment"].is_null()).collect();
    let count = |field: &str| panes.iter().map(|l| l[field].as_u64().unwrap()).sum::<u64>();
    assert_eq!(
        (count("predictions"), count("late"), count("duplicates")),
        (HOURS as u64 * 60, 0, 0)
    );
    for pane in panes {
        assert_eq!((&pane["predictions"], &pane["version"]), (&60.into(), &"v7".into()), "{pane}");
    }
}
