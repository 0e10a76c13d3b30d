//! The brokers answer, have every topic, keep it long enough, and what it holds is what the
//! configuration says.

use rdkafka::metadata::Metadata;

use super::{problem, retention, samples};
use crate::cli::broker::Broker;
use crate::config::key::KeyPath;
use crate::config::{self, Problem, Settings, Severity, TopicReaders};
use crate::event::Role;
use crate::plan::WindowPlan;

pub(super) fn check(settings: &Settings) -> Vec<Problem> {
    let error = |key: &str, message, hint| {
        problem(settings, Severity::Error, &KeyPath::of(&["kafka", key]), message, hint)
    };
    let client = match Broker::new(settings) {
        Ok(client) => client,
        // What is wrong with the properties is told already.
        Err(_) => return Vec::new(),
    };
    let metadata = match client.metadata(None) {
        Ok(metadata) => metadata,
        Err(why) => {
            let hint = "check the address, the network and [kafka.properties]";
            return vec![error("brokers", format!("{why:#}"), hint)];
        }
    };
    let mut problems = Vec::new();
    for topic in &settings.readers {
        if partitions(&metadata, &topic.topic) == 0 {
            let key = topic_key(settings, topic);
            let message = format!("topic {} does not exist, or we may not read it", topic.topic);
            let known = metadata.topics().iter().map(|t| t.name());
            let hint = match config::nearest(&topic.topic, known) {
                Some(name) => format!("did you mean `{name}`?"),
                None => "create it, or correct its name".to_owned(),
            };
            problems.push(problem(settings, Severity::Error, &key, message, &hint));
            continue;
        }
        problems.extend(samples::check(settings, topic, &client));
    }
    if let Some(topic) = &settings.kafka.dead_letter_topic
        && partitions(&metadata, topic) == 0
    {
        let message = format!("topic {topic} does not exist, or we may not see it");
        problems.push(error("dead_letter_topic", message, "create it, or correct its name"));
    }
    problems.extend(count_windows(settings, &metadata));
    problems.extend(retention::shorter_than_the_wait(settings).unwrap_or_default());
    problems
}

/// Partitions of a topic; none where it does not exist.
fn partitions(metadata: &Metadata, topic: &str) -> usize {
    let found = metadata.topics().iter().find(|t| t.name() == topic && t.error().is_none());
    found.map_or(0, |t| t.partitions().len())
}

/// Where the first model that reads a topic names it.
pub(super) fn topic_key(settings: &Settings, topic: &TopicReaders) -> KeyPath {
    let Some(reader) = topic.readers.first() else { return KeyPath::of(&["kafka"]) };
    let table = match reader.role {
        Role::Prediction => "predictions",
        Role::Outcome => "outcomes",
    };
    let model = &settings.plan.models[usize::from(reader.model)].name;
    KeyPath::of(&["models", model, table, "topic"])
}

/// Windows of so many events follow the order of reading, which several partitions do not have.
fn count_windows(settings: &Settings, metadata: &Metadata) -> Vec<Problem> {
    let mut problems = Vec::new();
    for model in &settings.plan.models {
        let read: usize = model.prediction_topics.iter().map(|t| partitions(metadata, t)).sum();
        let counted = |w: &WindowPlan| matches!(w, WindowPlan::Count { .. });
        for monitor in model.monitors.iter().filter(|m| read > 1 && counted(&m.window)) {
            let message = format!(
                "counts events of model {} in the order of reading, and its predictions have \
                 {read} partitions: its windows equal those of an undisturbed run only for topics \
                 of one partition",
                model.name
            );
            let key = KeyPath::of(&["monitors", monitor.name.as_str(), "window"]);
            let hint = "write a length of time, such as window = \"24h\"";
            problems.push(problem(settings, Severity::Warning, &key, message, hint));
        }
    }
    problems
}
