//! What librdkafka refuses of `kafka.properties` is told as every other fault of a configuration.

use crate::config::key::KeyPath;
use crate::config::{Problem, Property, Settings, Severity};
use crate::daemon::properties;
use crate::source::refused_properties;

/// One problem for every property that librdkafka does not take.
pub(super) fn refused(settings: &Settings) -> Vec<Problem> {
    let written = &settings.kafka.properties;
    let secret = |name: &str| {
        let of = |(key, property): &(String, Property)| {
            key == name && matches!(property, Property::Secret(_))
        };
        written.iter().any(of)
    };
    let unread = |property: &Property| match property {
        Property::Plain(_) => false,
        Property::Secret(secret) => secret.expose().is_none(),
    };
    let (readable, rest): (Vec<_>, Vec<_>) =
        written.iter().cloned().partition(|(_, property)| !unread(property));
    let at = KeyPath::of(&["kafka", "properties"]);
    let hint = "see librdkafka's CONFIGURATION.md for its properties and their values";
    refused_properties(&properties(&readable), rest.is_empty())
        .into_iter()
        .map(|refused| {
            let (path, message) = match refused.name {
                Some(name) if secret(&name) => {
                    (at.key(&name), "librdkafka does not take what its secret holds".to_owned())
                }
                Some(name) => (at.key(&name), format!("librdkafka refuses it: {}", refused.why)),
                None => (at.clone(), format!("librdkafka refuses them together: {}", refused.why)),
            };
            Problem::at(&settings.effective.index, Severity::Error, &path, message, hint)
        })
        .collect()
}
