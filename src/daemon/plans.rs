//! What the rooms of the shell are told, out of the settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{OnRecreated, Property, Settings, StartFrom};
use crate::plan::ModelPlan;
use crate::source::{self, SourceSpec, TopicPlan, TopicPlans};
use crate::store::Identity;

/// What is read from every topic. `key` keys the hash of ids.
#[must_use]
pub fn topic_plans(settings: &Settings, key: [u8; 16]) -> TopicPlans {
    let plan = |topic: &crate::config::TopicReaders| {
        let models = topic.readers.iter().map(|r| &settings.plan.models[usize::from(r.model)]);
        let plan = TopicPlan {
            readers: topic.readers.clone(),
            format: topic.format.clone(),
            key,
            pane: models.map(ModelPlan::pane_width).max().unwrap_or_default(),
        };
        (topic.topic.clone(), Arc::new(plan))
    };
    settings.readers.iter().map(plan).collect()
}

/// Reference files by model.
#[must_use]
pub fn reference_files(settings: &Settings) -> BTreeMap<String, String> {
    let models = settings.plan.models.iter().zip(&settings.references);
    models.filter_map(|(model, r)| Some((model.name.clone(), r.file.clone()?))).collect()
}

/// What the reader needs to know.
#[must_use]
pub fn source_spec(settings: &Settings, identity: &Identity) -> SourceSpec {
    spec(settings, identity.id.clone(), id_key(identity))
}

/// What a replay over topics needs to know: nothing is kept, so nothing needs a key of its own.
#[must_use]
pub fn range_spec(settings: &Settings) -> SourceSpec {
    spec(settings, "driftd-replay".to_owned(), [0; 16])
}

fn spec(settings: &Settings, client_id: String, key: [u8; 16]) -> SourceSpec {
    let kafka = &settings.kafka;
    SourceSpec {
        brokers: kafka.brokers.join(","),
        group: kafka.group.clone(),
        instance: kafka.instance,
        client_id,
        properties: properties(&kafka.properties),
        start_from: match kafka.start_from {
            StartFrom::Earliest => source::StartFrom::Earliest,
            StartFrom::Latest => source::StartFrom::Latest,
            StartFrom::At(time) => source::StartFrom::At(time),
            StartFrom::Before(span) => source::StartFrom::Ago(span),
        },
        on_recreated: match kafka.on_recreated {
            OnRecreated::Stop => source::OnRecreated::Stop,
            OnRecreated::Reset => source::OnRecreated::Reset,
        },
        topics: topic_plans(settings, key),
    }
}

/// Properties for librdkafka, secrets in clear.
#[must_use]
pub fn properties(properties: &[(String, Property)]) -> Vec<(String, String)> {
    let value = |property: &Property| match property {
        Property::Plain(text) => text.clone(),
        Property::Secret(secret) => secret.expose().unwrap_or_default().to_owned(),
    };
    properties.iter().map(|(key, property)| (key.clone(), value(property))).collect()
}

/// Keys the hash of ids for as long as the state directory lives.
#[must_use]
pub fn id_key(identity: &Identity) -> [u8; 16] {
    std::array::from_fn(|i| identity.secret[i])
}
