//! The newest records of a topic, read as the daemon would: are the configured paths there, and
//! can the records be used?

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::problem;
use super::topics::topic_key;
use crate::cli::broker::Broker;
use crate::cli::patience;
use crate::config::key::KeyPath;
use crate::config::{Problem, Settings, Severity, TopicReaders, nearest};
use crate::event::Role;
use crate::wire::{ReaderSpec, Reason, Record, TopicDecoder};

/// Records looked at per topic.
const SAMPLE: usize = 100;
/// Share of refused records that is worth a warning, as the built-in monitor's.
const MOST_REFUSED: f64 = 0.05;

/// What one reader makes of a sample.
struct Sample<'a> {
    spec: &'a ReaderSpec,
    decoder: TopicDecoder,
    wanted: usize,
    /// Refused records by reason, with the first one's detail.
    refused: BTreeMap<Reason, (usize, String)>,
}

pub(super) fn check(settings: &Settings, topic: &TopicReaders, broker: &Broker) -> Vec<Problem> {
    let mut samples: Vec<Sample<'_>> =
        topic.readers.iter().map(|spec| Sample::new(spec, topic)).collect();
    let (mut records, mut paths) = (0, BTreeSet::new());
    let read = broker.newest(&topic.topic, SAMPLE, &mut |record| {
        records += 1;
        samples.iter_mut().for_each(|sample| sample.take(record));
        if let Ok(document) = serde_json::from_slice(record.payload.unwrap_or_default()) {
            gather(&document, "", &mut paths);
        }
    });
    let key = topic_key(settings, topic);
    if let Err(why) = read {
        let message = format!("topic {} cannot be read: {why:#}", topic.topic);
        let hint = "check that driftd may read it";
        return vec![problem(settings, Severity::Error, &key, message, hint)];
    }
    if records == 0 {
        let message = format!("topic {} holds no records yet", topic.topic);
        let hint = "nothing could be said about its fields";
        return vec![problem(settings, Severity::Info, &key, message, hint)];
    }
    let samples = samples.into_iter();
    samples.flat_map(|sample| sample.judge(settings, topic, records, &paths)).collect()
}

impl<'a> Sample<'a> {
    fn new(spec: &'a ReaderSpec, topic: &TopicReaders) -> Sample<'a> {
        let decoder = TopicDecoder::new(std::slice::from_ref(spec), &topic.format, &[0; 16]);
        Sample { spec, decoder, wanted: 0, refused: BTreeMap::new() }
    }

    fn take(&mut self, record: &Record<'_>) {
        let decoded = patience::decode(&mut self.decoder, record);
        self.wanted += usize::from(!decoded.unmatched);
        if let Some(bad) = decoded.bad {
            let place = format!("partition {} offset {}", record.partition, record.offset);
            let first = || (0, format!("{place}: {}", bad.detail));
            self.refused.entry(bad.reason).or_insert_with(first).0 += 1;
        }
    }

    fn judge(
        mut self,
        settings: &Settings,
        topic: &TopicReaders,
        records: usize,
        paths: &BTreeSet<String>,
    ) -> Vec<Problem> {
        let model = &settings.plan.models[usize::from(self.spec.model)];
        let table = match self.spec.role {
            Role::Prediction => "predictions",
            Role::Outcome => "outcomes",
        };
        let warn = |key: &[&str], message, hint: &str| {
            problem(settings, Severity::Warning, &KeyPath::of(key), message, hint)
        };
        let at = ["models", model.name.as_str(), table];
        if self.wanted == 0 {
            let message =
                format!("none of the {records} newest records of topic {} is wanted", topic.topic);
            let hint = "look at where, and at the records with `driftd decode`";
            return vec![warn(&at, message, hint)];
        }
        let mut problems = Vec::new();
        let refused: usize = self.refused.values().map(|(n, _)| n).sum();
        let worst = self.refused.iter().max_by_key(|(_, (n, _))| *n);
        if let Some((reason, (n, first))) = worst
            && refused as f64 > MOST_REFUSED * self.wanted as f64
        {
            let message = format!(
                "{refused} of the {} newest records of topic {} are refused, {n} of them {}, \
                 such as {first}",
                self.wanted,
                topic.topic,
                reason.as_str()
            );
            let hint = format!("look at them with `driftd decode --model {}`", model.name);
            problems.push(warn(&at, message, &hint));
        }
        let taken = self.decoder.take();
        let seen: BTreeSet<u16> = taken.seen.into_iter().flat_map(|(_, seen)| seen).collect();
        for (path, place) in self.spec.paths.iter().filter(|(_, place)| !seen.contains(place)) {
            let key = written_at(settings, self.spec, *place);
            let message = format!(
                "path {path} is in none of the {} newest records of topic {}",
                self.wanted, topic.topic
            );
            let hint = hint(&path.to_string(), paths);
            problems.push(problem(settings, Severity::Warning, &key, message, &hint));
        }
        problems
    }
}

/// Where the configuration has a path of a reader, by its place in the model's list of paths.
pub(super) fn written_at(settings: &Settings, spec: &ReaderSpec, place: u16) -> KeyPath {
    let model = &settings.plan.models[usize::from(spec.model)];
    let name = model.paths.get(usize::from(place)).map_or("", |path| path.name.as_str());
    let mut keys = vec!["models", model.name.as_str()];
    // Names of features are those of the state; in the file they stand in a table.
    if name.starts_with("features.") {
        keys.push("predictions");
    }
    match name.split_once('.') {
        Some((table, key)) => keys.extend([table, key]),
        None => keys.push(name),
    }
    KeyPath::of(&keys)
}

/// The nearest path that is there, else one that ends alike.
pub(super) fn hint(wrong: &str, paths: &BTreeSet<String>) -> String {
    let last = |path: &str| path.rsplit(['.', '/']).next().unwrap_or_default().to_lowercase();
    let near = nearest(wrong, paths.iter().map(String::as_str));
    let alike = || paths.iter().map(String::as_str).find(|path| last(path) == last(wrong));
    match near.or_else(alike) {
        Some(path) => format!("did you mean `{path}`?"),
        None => "look at what is there with `driftd decode`".to_owned(),
    }
}

/// Every path of a document that leads to a plain value.
fn gather(document: &Value, at: &str, paths: &mut BTreeSet<String>) {
    let Value::Object(fields) = document else { return };
    for (name, value) in fields {
        let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        match value {
            Value::Object(_) => gather(value, &path, paths),
            _ => {
                paths.insert(path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_the_nearest_path_that_is_there() {
        let document = serde_json::json!({
            "id": 1, "features": { "fare": 2, "city": { "name": "Oslo" } }, "tags": ["a"],
        });
        let mut paths = BTreeSet::new();
        gather(&document, "", &mut paths);
        let listed: Vec<&str> = paths.iter().map(String::as_str).collect();
        assert_eq!(listed, ["features.city.name", "features.fare", "id", "tags"]);
        assert_eq!(hint("features.fair", &paths), "did you mean `features.fare`?");
        assert_eq!(hint("input.data.fare", &paths), "did you mean `features.fare`?");
        assert!(hint("zebra", &paths).contains("driftd decode"));
    }
}
