//! The tables `kafka`, `state`, `http` and `limits`.

use super::properties::{SECRET, refusal};
use super::secrets::absolute;
use super::{Site, located};
use crate::config::Mode;
use crate::config::key::KeyPath;
use crate::config::problem::Report;
use crate::config::raw::Raw;
use crate::config::settings::{
    HttpSettings, KafkaSettings, LimitSettings, Property, StartFrom, StateSettings, TopicReaders,
};
use crate::event::Span;
use crate::plan::{Limits, ModelPlan, Plan};
use crate::secret::{Secret, Secrets, is_reference};

/// The table `kafka`.
pub fn kafka(raw: &Raw, site: &Site<'_>, secrets: &Secrets, report: &mut Report) -> KafkaSettings {
    let at = KeyPath::of(&["kafka"]);
    let raw = &raw.kafka;
    let brokers = at.key("brokers");
    let reads = !matches!(site.mode, Mode::Replay | Mode::ReferenceBuild);
    if reads && raw.brokers.0.is_empty() {
        report.error(&brokers, "is missing", "write brokers = [\"host:9092\"]");
    }
    for (i, broker) in raw.brokers.0.iter().enumerate() {
        if broker.trim().is_empty() || broker.contains([',', ' ']) {
            report.error(&brokers.item(i), "is not one host:port", "a list has one per element");
        }
    }
    if raw.group.trim().is_empty() || raw.group.chars().any(char::is_control) {
        report.error(&at.key("group"), "must not be empty", "write group = \"driftd\"");
    }
    let start_from = StartFrom::parse(&raw.start_from).unwrap_or_else(|| {
        report.error(
            &at.key("start_from"),
            format!("'{}' is no place to start", raw.start_from),
            "write earliest, latest, a length of time back such as -24h, or a time in RFC 3339",
        );
        StartFrom::Earliest
    });
    if raw.workers == 0 || raw.workers > 64 {
        report.error(&at.key("workers"), "must be 1 to 64", "");
    }
    if raw.idle_after.0 < Span::from_secs(1) {
        report.error(&at.key("idle_after"), "must be at least 1s", "the default is 30s");
    }
    KafkaSettings {
        brokers: raw.brokers.0.clone(),
        group: raw.group.clone(),
        start_from,
        act_within: raw.act_within.0,
        properties: properties(raw, site, secrets, report),
        on_recreated: raw.on_recreated,
        idle_after: raw.idle_after.0,
        instance: raw.instance,
        workers: raw.workers as usize,
        dead_letter_topic: raw.dead_letter_topic.clone(),
    }
}

fn properties(
    raw: &crate::config::raw::RawKafka,
    site: &Site<'_>,
    secrets: &Secrets,
    report: &mut Report,
) -> Vec<(String, Property)> {
    let at = KeyPath::of(&["kafka", "properties"]);
    let protocol = raw.properties.get("group.protocol").map(|v| v.0.to_ascii_lowercase());
    let consumer = protocol.as_deref() == Some("consumer");
    let mut built = Vec::new();
    for (name, value) in &raw.properties {
        let path = at.key(name);
        if let Some((why, hint)) = refusal(name, &value.0, consumer) {
            report.error(&path, why, hint);
        }
        if is_reference(&value.0) {
            let reference = absolute(&value.0, &path, site, report);
            let secret = secrets.get(&reference).unwrap_or_else(|_| Secret::new(&reference, None));
            built.push((name.clone(), Property::Secret(secret)));
            continue;
        }
        if SECRET.contains(&name.as_str()) {
            report.error(
                &path,
                "a secret must not be written here",
                "write env:NAME or file:PATH and keep the secret there",
            );
            continue;
        }
        built.push((name.clone(), Property::Plain(value.0.clone())));
    }
    built
}

/// Dead letters must go somewhere that is not read: a letter would be refused and written again.
pub fn dead_letters(kafka: &KafkaSettings, readers: &[TopicReaders], report: &mut Report) {
    let Some(topic) = &kafka.dead_letter_topic else { return };
    let at = KeyPath::of(&["kafka", "dead_letter_topic"]);
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if topic.is_empty() || topic.len() > 249 || !topic.chars().all(sound) {
        report.error(
            &at,
            format!("'{topic}' is no name of a topic"),
            "up to 249 letters, digits, dots, hyphens and underscores",
        );
    }
    if readers.iter().any(|reader| reader.topic == *topic) {
        report.error(&at, format!("topic {topic} is read by a model"), "name one of its own");
    }
}

/// The table `state`.
pub fn state(raw: &Raw, site: &Site<'_>, report: &mut Report) -> StateSettings {
    let at = KeyPath::of(&["state"]);
    if raw.state.commit_every.0 < Span(100_000) {
        report.error(&at.key("commit_every"), "must be at least 100ms", "the default is 5s");
    }
    let dir = at.key("dir");
    if raw.state.dir.trim().is_empty() {
        report.error(&dir, "must not be empty", "write dir = \"state\"");
    }
    StateSettings {
        dir: located(&raw.state.dir, &dir, site, report),
        commit_every: raw.state.commit_every.0,
    }
}

/// The table `http`.
pub fn http(raw: &Raw, site: &Site<'_>, secrets: &Secrets, report: &mut Report) -> HttpSettings {
    let at = KeyPath::of(&["http"]);
    let listen = raw.http.listen.trim().to_owned();
    let port = listen.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    if port.and_then(|(_, port)| port.parse::<u16>().ok()).is_none() {
        report.error(
            &at.key("listen"),
            format!("'{listen}' is not an address and port"),
            "write listen = \"127.0.0.1:7438\"",
        );
    }
    let looks_only = matches!(site.mode, Mode::Replay | Mode::ReadTopics | Mode::ReferenceBuild);
    if let Some((host, _)) = port
        && !is_loopback(host)
        && raw.http.token.is_none()
        && !looks_only
    {
        let message = format!("'{listen}' can be reached from other machines, without a token");
        let hint = "set http.token = \"env:DRIFTD_TOKEN\"; reads need none, so let only those you \
                    trust reach the port; or listen on 127.0.0.1";
        report.warn(&at.key("listen"), message, hint);
    }
    let public_url = raw.http.public_url.clone().unwrap_or_else(|| format!("http://{listen}"));
    let public_url = public_url.trim_end_matches('/').to_owned();
    if raw.http.public_url.is_some() && !is_web_address(&public_url) {
        report.error(
            &at.key("public_url"),
            format!("'{public_url}' is not a web address"),
            "write public_url = \"https://driftd.example.com\"",
        );
    }
    let path = at.key("token");
    let token = raw.http.token.as_ref().and_then(|text| {
        let reference = absolute(text, &path, site, report);
        secrets
            .get(&reference)
            .map_err(|error| report.error(&path, error.to_string(), "token = \"env:DRIFTD_TOKEN\""))
            .ok()
    });
    HttpSettings { listen, public_url, token }
}

/// Whether a host is this machine alone.
fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a text is an address of http or https with a host.
pub fn is_web_address(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|u| matches!(u.scheme(), "http" | "https") && u.has_host())
}

/// Caps that doors obey.
pub fn limits(raw: &Raw) -> LimitSettings {
    LimitSettings { memory: raw.limits.memory.0, dead_letters: raw.limits.dead_letters.0 }
}

/// The plan around its models.
pub fn plan(
    raw: &Raw,
    config_digest: String,
    models: Vec<ModelPlan>,
    kafka: &KafkaSettings,
    http: &HttpSettings,
) -> Plan {
    Plan {
        name: raw.name.clone().unwrap_or_else(|| kafka.group.clone()),
        config_digest,
        models,
        idle_after: kafka.idle_after,
        act_within: kafka.act_within,
        storm: raw.limits.storm,
        public_url: http.public_url.clone(),
        limits: Limits {
            segments: raw.limits.segments as usize,
            categories: raw.limits.categories as usize,
            versions: raw.limits.versions as usize,
            join: raw.limits.join.0,
            state: raw.limits.state_bytes(),
        },
    }
}
