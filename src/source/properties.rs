//! Whether librdkafka takes the properties of a configuration; asked without a broker.

use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;

/// What librdkafka refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedProperty {
    /// Its name; `None`: the properties contradict each other, or what they name is not there.
    pub name: Option<String>,
    /// librdkafka's own words; they may repeat the value.
    pub why: String,
}

/// Every property that librdkafka does not take. Where all have their `values`, also what it says
/// of them together; else a secret that was not read would be refused for what it is not.
#[must_use]
pub fn refused_properties(properties: &[(String, String)], values: bool) -> Vec<RefusedProperty> {
    let alone = |(name, value): &(String, String)| match ClientConfig::new()
        .set(name, value)
        .create_native_config()
    {
        Err(KafkaError::ClientConfig(_, why, ..)) => {
            Some(RefusedProperty { name: Some(name.clone()), why })
        }
        _ => None,
    };
    let refused: Vec<RefusedProperty> = properties.iter().filter_map(alone).collect();
    if !values || !refused.is_empty() {
        return refused;
    }
    let mut all = ClientConfig::new();
    all.set("group.id", "driftd").set("log_level", "0");
    for (name, value) in properties {
        all.set(name, value);
    }
    match all.create::<BaseConsumer>() {
        Ok(_) => Vec::new(),
        Err(error) => vec![RefusedProperty { name: None, why: error.to_string() }],
    }
}
