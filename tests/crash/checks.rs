//! What must hold after every kill, and at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::company::{Company, SECRET};
use crate::oracle::{Ends, Oracle, Pane, Panes};
use crate::rig::daemon::{Daemon, export};
use crate::rig::kafka::Kafka;
use crate::rig::receiver::{Receiver, Request};
use crate::topics::Topics;
use crate::world::PARTITIONS;

const PATHS: [&str; 3] = ["/pager", "/events", "/retrain"];
/// A pane is kept until the watermark has passed its end by the window and the wait.
const KEPT: i64 = (6 + 4) * 3600;

pub struct Checks {
    state: PathBuf,
    predictions: String,
    outcomes: String,
    topics: Topics,
    oracle: Oracle,
    receiver: Receiver,
    /// Requests looked at so far, by path.
    looked: BTreeMap<&'static str, usize>,
    /// Bodies by message.
    bodies: BTreeMap<String, Vec<u8>>,
    restores: u32,
    panes: u64,
    messages: u64,
}

impl Checks {
    pub fn new(kafka: &Kafka, company: &Company, receiver: &Receiver) -> Checks {
        let topics = [company.predictions.as_str(), company.outcomes.as_str()];
        Checks {
            state: company.state(),
            predictions: company.predictions.clone(),
            outcomes: company.outcomes.clone(),
            topics: Topics::new(kafka, &topics, PARTITIONS),
            oracle: Oracle::new(&company.predictions, &company.folder.join("demand.json")),
            receiver: receiver.clone(),
            looked: BTreeMap::new(),
            bodies: BTreeMap::new(),
            restores: 0,
            panes: 0,
            messages: 0,
        }
    }

    pub fn figures(&self) -> String {
        format!("{} panes equal, {} requests accounted for", self.panes, self.messages)
    }

    /// The counts are those of the topics up to the positions, and nothing left before its cause
    /// was on disk.
    pub fn after_kill(&mut self, number: u32, how: &str) {
        let about = format!("after kill {number} ({how})");
        // A power cut may come before anything is on disk.
        let there = self.state.join("db").exists();
        let lines = if there { export(&self.state) } else { Vec::new() };
        self.nothing_left_early(&lines, &about);
        self.counts_are_those_of_the_topics(&lines, &about);
    }

    pub fn after_restore(&mut self) {
        self.restores += 1;
    }

    fn nothing_left_early(&mut self, lines: &[Value], about: &str) {
        let texts = |kind: &str, key: &str| -> BTreeSet<String> {
            let lines = lines.iter().filter(|line| line["type"] == kind);
            lines.map(|line| line[key].as_str().unwrap().to_owned()).collect()
        };
        let (messages, incidents) = (texts("outbox", "id"), texts("incident", "key"));
        for path in PATHS {
            let requests = self.receiver.requests(path);
            let looked = self.looked.insert(path, requests.len()).unwrap_or(0);
            for request in &requests[looked..] {
                self.messages += 1;
                let key = incident(path, request);
                assert!(incidents.contains(&key), "{about}: {path} heard of {key}: {lines:#?}");
                if path == "/pager" {
                    continue;
                }
                request.verify(SECRET);
                let id = request.header("webhook-id").to_owned();
                assert!(messages.contains(&id), "{about}: {path} got {id}, which has no row");
                let body = self.bodies.entry(id.clone());
                let body = body.or_insert_with(|| request.body.clone());
                assert_eq!(*body, request.body, "{about}: {id} has two bodies");
            }
        }
        let got: BTreeSet<String> = PATHS[1..]
            .iter()
            .flat_map(|path| self.receiver.requests(path))
            .map(|request| request.header("webhook-id").to_owned())
            .collect();
        for line in lines.iter().filter(|l| l["type"] == "outbox" && l["state"] == "delivered") {
            let id = line["id"].as_str().unwrap();
            assert!(line["to"] == "oncall" || got.contains(id), "{about}: nobody got {line}");
        }
    }

    fn counts_are_those_of_the_topics(&mut self, lines: &[Value], about: &str) -> Panes {
        let ends = self.ends(lines);
        let oracle = &mut self.oracle;
        self.topics
            .read_to(&ends, |topic, partition, record| oracle.take(topic, partition, record));
        let kept: BTreeMap<(i64, String), &Value> = lines
            .iter()
            .filter(|line| line["type"] == "pane")
            .map(|line| ((seconds(&line["start"]), city(line)), line))
            .collect();
        let from = kept.keys().map(|(start, _)| *start).min().unwrap_or(i64::MAX);
        let expected = self.oracle.panes(&ends, &self.outcomes, from);
        let must = self.oracle.latest() - KEPT;
        for (place, pane) in &expected {
            match kept.get(place) {
                Some(line) => {
                    self.panes += 1;
                    assert_same(pane, line, &format!("{about}, ends {ends:?}"));
                }
                None => assert!(
                    place.0 + 3600 <= must || *pane == Pane::default(),
                    "{about}: the pane {place:?} is missing: {pane:?}"
                ),
            }
        }
        for (place, line) in kept {
            assert!(expected.contains_key(&place) || line["predictions"] == 0, "{about}: {line}");
        }
        expected
    }

    /// How far the state has got; what it does not name has not been begun.
    fn ends(&self, lines: &[Value]) -> Ends {
        let all = (0..PARTITIONS as i32).flat_map(|partition| {
            [&self.predictions, &self.outcomes].map(|topic| ((topic.clone(), partition), 0))
        });
        let mut ends: Ends = all.collect();
        for line in lines.iter().filter(|line| line["type"] == "position") {
            let topic = line["topic"].as_str().unwrap().to_owned();
            let place = (topic, line["partition"].as_i64().unwrap() as i32);
            ends.insert(place, line["offset"].as_i64().unwrap());
        }
        ends
    }

    /// Waits until no message is pending.
    pub fn wait_delivered(&self, daemon: &Daemon) {
        daemon.wait_until("all messages are delivered", Duration::from_secs(180), || {
            let metrics = daemon.get("/metrics")?.1;
            let mut lines = metrics.lines();
            let pending = lines.find_map(|line| line.strip_prefix("driftd_outbox_pending "))?;
            (pending.parse::<f64>() == Ok(0.0)).then_some(())
        });
    }

    /// The same as an undisturbed daemon and as the topics say; every incident once, with one key.
    pub fn at_the_end(&mut self, undisturbed: &Path, quiet: &Receiver) {
        let lines = export(&self.state);
        self.nothing_left_early(&lines, "at the end");
        self.counts_are_those_of_the_topics(&lines, "at the end");
        let other = export(undisturbed);
        let counts = |lines: &[Value]| -> BTreeSet<String> {
            let kinds = ["pane", "position", "join"];
            let lines = lines.iter().filter(|l| kinds.contains(&l["type"].as_str().unwrap()));
            lines.map(ToString::to_string).collect()
        };
        let (ours, theirs) = (counts(&lines), counts(&other));
        let differing: Vec<&String> = ours.symmetric_difference(&theirs).collect();
        assert!(differing.is_empty(), "not as an undisturbed daemon: {differing:#?}");

        let ends = self.ends(&lines);
        let panes = self.oracle.panes(&ends, &self.outcomes, i64::MIN);
        let expected = self.oracle.incidents(&panes);
        assert!(!expected.is_empty(), "the run was too short for a festival");
        for (who, receiver) in [("this daemon", &self.receiver), ("an undisturbed one", quiet)] {
            let told: BTreeSet<String> = ["/events", "/pager"]
                .iter()
                .flat_map(|path| receiver.requests(path).into_iter().map(|r| incident(path, &r)))
                .collect();
            assert_eq!(told, expected, "incidents of {who} and of the topics");
        }
        for line in lines.iter().filter(|line| line["type"] == "incident") {
            assert!(expected.contains(line["key"].as_str().unwrap()), "{line}");
            assert_eq!(line["state"], "resolved", "{line}");
        }
        for line in lines.iter().filter(|line| line["type"] == "outbox") {
            let state = line["state"].as_str().unwrap();
            // An older database may bring up a page that was sent in vain, after the end is known.
            let over = state == "dead" && self.restores > 0;
            assert!(over || ["delivered", "superseded"].contains(&state), "{line}");
        }
        let runs: BTreeSet<String> = self
            .receiver
            .requests("/retrain")
            .iter()
            .map(|request| request.header("webhook-id").to_owned())
            .collect();
        assert_eq!(runs.len(), 1, "one run is in flight all the time");
        self.pages_are_in_order();
        println!("crash: {} incidents, {} of predictions read", expected.len(), self.predictions);
    }

    /// Whatever was repeated: first triggers, then resolves.
    fn pages_are_in_order(&self) {
        let mut last: BTreeMap<String, String> = BTreeMap::new();
        for request in self.receiver.requests("/pager") {
            let action = request.json()["event_action"].as_str().unwrap().to_owned();
            let before = last.insert(incident("/pager", &request), action.clone());
            assert!(before.as_deref() != Some("resolve") || action == "resolve", "{request:?}");
        }
    }
}

/// The incident that a request is about.
fn incident(path: &str, request: &Request) -> String {
    let body = request.json();
    let key = if path == "/pager" { &body["dedup_key"] } else { &body["data"]["incident"]["key"] };
    key.as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
}

fn seconds(time: &Value) -> i64 {
    time.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second()
}

fn city(line: &Value) -> String {
    line["segment"]["city"].as_str().unwrap_or_default().to_owned()
}

fn assert_same(pane: &Pane, line: &Value, about: &str) {
    let whole = line["segment"].is_null();
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let of = |key: &str| number(&line[key]);
    let mut read = Pane {
        predictions: of("predictions"),
        outcomes: of("outcomes"),
        matched: of("matched"),
        duplicates: pane.duplicates,
        late: pane.late,
        errors: pane.errors,
        ..Pane::default()
    };
    for (i, key) in ["sum_error", "sum_abs", "sum_sq"].iter().enumerate() {
        let sum = line["performance"][key].as_f64().unwrap_or(0.0);
        let near = (sum - pane.errors[i]).abs() <= 1e-9 * pane.errors[2].abs().max(1.0);
        assert!(near, "{about}: {key} is {} by the topics: {line}", pane.errors[i]);
    }
    assert_eq!(number(&line["performance"]["n"]), pane.matched, "{about}: {line}");
    if whole {
        (read.duplicates, read.late) = (of("duplicates"), of("late"));
        let fare = &line["features"]["fare"];
        read.fare_counted = number(&fare["count"]);
        read.fare_missing = number(&fare["missing"]);
        read.fare_null = number(&fare["null"]);
        read.fare_wrong = number(&fare["type_errors"]);
        let codes = fare["codes"].as_array().into_iter().flatten();
        read.codes = codes.map(|pair| (number(&pair[0]), number(&pair[1]))).collect();
        let city = &line["features"]["city"];
        let known = city["categories"].as_object().into_iter().flatten();
        read.cities = known.map(|(name, n)| (name.clone(), number(n))).collect();
        if number(&city["other"]) > 0 {
            read.cities.insert("Atlantis".to_owned(), number(&city["other"]));
        }
    }
    assert_eq!(read, *pane, "{about}: {line}");
}
