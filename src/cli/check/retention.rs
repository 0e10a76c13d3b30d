//! Topics are kept for at least as long as predictions wait for their outcomes.

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;

use super::problem;
use crate::cli::broker::{self, PATIENCE};
use crate::config::key::KeyPath;
use crate::config::{Problem, Settings, Severity};
use crate::event::Span;
use crate::plan::ModelPlan;

/// A topic that is kept for less than predictions wait cannot be read again after a loss, and a
/// daemon that was down for long misses what it waited for. `None`: the brokers do not tell.
pub(in crate::cli) fn shorter_than_the_wait(settings: &Settings) -> Option<Vec<Problem>> {
    let mut problems = Vec::new();
    for resource in described(settings)? {
        let rdkafka::admin::OwnedResourceSpecifier::Topic(topic) = &resource.specifier else {
            continue;
        };
        let Some(kept) = kept_for(&resource) else { continue };
        for model in settings.plan.models.iter().filter(|m| reads(m, topic) && kept < m.within()) {
            let message = format!(
                "topic {topic} is kept for {} only, and predictions wait {} for their outcomes",
                kept,
                model.within()
            );
            let key = KeyPath::of(&["models", model.name.as_str(), "outcomes", "within"]);
            let hint = "raise retention.ms of the topic, or lower within";
            problems.push(problem(settings, Severity::Warning, &key, message, hint));
        }
    }
    Some(problems)
}

fn reads(model: &ModelPlan, topic: &str) -> bool {
    model.topics().iter().any(|(name, _)| **name == *topic)
}

fn described(settings: &Settings) -> Option<Vec<ConfigResource>> {
    let admin: AdminClient<DefaultClientContext> = broker::client(settings).create().ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let names: Vec<ResourceSpecifier<'_>> =
        settings.readers.iter().map(|t| ResourceSpecifier::Topic(&t.topic)).collect();
    let options = AdminOptions::new().request_timeout(Some(PATIENCE));
    let answers = runtime.block_on(admin.describe_configs(&names, &options)).ok()?;
    Some(answers.into_iter().flatten().collect())
}

/// How long a topic keeps its records; `None`: for ever, or it is not said.
fn kept_for(topic: &ConfigResource) -> Option<Span> {
    let value = |name: &str| topic.get(name)?.value.as_deref();
    if !value("cleanup.policy")?.contains("delete") {
        return None;
    }
    let milliseconds: i64 = value("retention.ms")?.parse().ok()?;
    (milliseconds >= 0).then(|| Span(milliseconds.saturating_mul(1000)))
}
