//! Configured paths against schemas: those of files, and the latest ones of registries.

use std::collections::BTreeSet;

use super::problem;
use super::samples::{hint, written_at};
use crate::config::{Problem, Settings, Severity, TopicReaders};
use crate::daemon::registry_specs;
use crate::plan::SeriesKind;
use crate::registry::latest;
use crate::wire::{Outline, Path, Place, ReaderSpec, Reason, outline};

/// Schemas in files; the latest ones of registries are asked for themselves.
pub(super) fn files(settings: &Settings) -> Vec<Problem> {
    let own = settings.readers.iter().filter(|t| !settings.schemas.contains_key(&t.topic));
    let outlined = own.filter_map(|topic| Some((topic, topic.format.format.outline()?)));
    outlined.flat_map(|(topic, outline)| judge(settings, topic, "its schema", &*outline)).collect()
}

/// The latest schemas of registries.
pub(super) fn registries(settings: &Settings) -> Vec<Problem> {
    let specs = match registry_specs(settings) {
        Ok(specs) => specs,
        Err(error) => return vec![unreachable(settings, "registries", error.to_string())],
    };
    let mut problems = Vec::new();
    for topic in &settings.readers {
        let Some((name, subject)) = topic.format.format.registry() else { continue };
        let Some(spec) = specs.iter().find(|spec| spec.name == name) else { continue };
        let subject = subject.map_or_else(|| format!("{}-value", topic.topic), str::to_owned);
        let written = match latest(spec, &subject) {
            Ok(written) => written,
            Err(trouble) if trouble.reason == Reason::UnknownSchema => {
                let key = super::topics::topic_key(settings, topic);
                let message = format!("registry {name} has no schema of subject {subject} yet");
                let hint = "write format = { ..., subject = \"NAME\" } where it has another name";
                problems.push(problem(settings, Severity::Warning, &key, message, hint));
                continue;
            }
            Err(trouble) => {
                problems.push(unreachable(settings, name, trouble.detail));
                continue;
            }
        };
        match outline(&written) {
            Ok(outline) => {
                let about = format!("the latest schema of subject {subject}");
                problems.extend(judge(settings, topic, &about, &*outline));
            }
            Err(refusal) => {
                let key = super::topics::topic_key(settings, topic);
                let message = format!("subject {subject} of registry {name}: {}", refusal.detail);
                let hint = "the topic's records are read by its schema";
                problems.push(problem(settings, Severity::Error, &key, message, hint));
            }
        }
    }
    problems
}

fn unreachable(settings: &Settings, name: &str, message: String) -> Problem {
    let key = crate::config::key::KeyPath::of(&["registries", name]);
    let hint = "check its url, credentials and ca, and the network between";
    problem(settings, Severity::Error, &key, message, hint)
}

/// Paths that a schema lacks, and features that it says are something else.
fn judge(
    settings: &Settings,
    topic: &TopicReaders,
    about: &str,
    outline: &dyn Outline,
) -> Vec<Problem> {
    let paths: BTreeSet<String> = outline.paths().into_iter().collect();
    let mut problems = Vec::new();
    for spec in &topic.readers {
        for (path, place) in &spec.paths {
            let Place::Payload(steps) = path.place() else { continue };
            let key = written_at(settings, spec, *place);
            let mut warn = |message: String, hint: &str| {
                problems.push(problem(settings, Severity::Warning, &key, message, hint));
            };
            match outline.find(steps) {
                None => {
                    let message = format!("path {path} is not in {about} (topic {})", topic.topic);
                    warn(message, &hint(&path.to_string(), &paths));
                }
                Some(field) if !field.plain => {
                    let message = format!("path {path} is no plain value: {}", field.kind);
                    warn(message, "name one of the values inside it");
                }
                Some(field) => {
                    if field.series == Some(SeriesKind::Category) && is_number(spec, path) {
                        let message =
                            format!("path {path} is read as a number, and is {}", field.kind);
                        warn(message, "write type = \"category\", or coerce = true");
                    }
                }
            }
        }
    }
    problems
}

/// Whether a feature is read as a number without any help.
fn is_number(spec: &ReaderSpec, path: &Path) -> bool {
    spec.numbers.iter().any(|field| field.path == *path && !field.coerce)
}
