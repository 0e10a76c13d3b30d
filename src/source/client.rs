//! Settings of librdkafka: what the user wrote, between our defaults and what driftd needs.

use rdkafka::config::ClientConfig;

use super::SourceSpec;

/// A member of the group; offsets are the state's own business.
pub(super) fn member(spec: &SourceSpec, name: &str) -> ClientConfig {
    let mut config = defaults();
    let modern = spec.properties.iter().any(|(k, v)| k == "group.protocol" && v == "consumer");
    if !modern {
        config.set("partition.assignment.strategy", "cooperative-sticky");
    }
    for (key, value) in &spec.properties {
        config.set(key, value);
    }
    fixed(&mut config, spec);
    config.set("group.id", &spec.group);
    config.set("group.instance.id", name);
    config.set("auto.offset.reset", "error");
    config
}

/// A consumer that assigns itself and joins nobody.
pub(super) fn loner(spec: &SourceSpec) -> ClientConfig {
    let mut config = defaults();
    for (key, value) in spec.properties.iter().filter(|(key, _)| !key.starts_with("group.")) {
        config.set(key, value);
    }
    fixed(&mut config, spec);
    // librdkafka hands out records only where there is a group to name.
    config.set("group.id", format!("{}-replay", spec.group));
    config.set("auto.offset.reset", "earliest");
    config
}

fn defaults() -> ClientConfig {
    let mut config = ClientConfig::new();
    // A consumer slower than a bare poll starves on the default back-off of one second.
    config.set("fetch.queue.backoff.ms", "10");
    config.set("queued.min.messages", "10000");
    config.set("queued.max.messages.kbytes", "32768");
    config.set("check.crcs", "true");
    // New topics and partitions are noticed within seconds, not within five minutes.
    config.set("topic.metadata.refresh.interval.ms", "5000");
    config
}

fn fixed(config: &mut ClientConfig, spec: &SourceSpec) {
    config.set("bootstrap.servers", &spec.brokers);
    config.set("client.id", &spec.client_id);
    config.set("enable.auto.commit", "false");
    config.set("enable.auto.offset.store", "false");
    config.set("statistics.interval.ms", "1000");
}
