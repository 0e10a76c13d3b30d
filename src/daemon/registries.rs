//! Schema registries as the settings have them, and who hears of their troubles.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::config::{Property, RegistrySettings, Settings};
use crate::event::Span;
use crate::metrics::Metrics;
use crate::registry::{Registries, RegistrySpec, StartError, Unwatched, Watch};
use crate::source::Shared;
use crate::store::Store;

/// Fault of a registry that does not hand out what is waited for.
const FAULT: &str = "registry";

/// What the registries' room is told; only the registries that some topic asks.
///
/// # Errors
/// A file that cannot be read.
pub fn registry_specs(settings: &Settings) -> Result<Vec<RegistrySpec>, StartError> {
    let asked = |name: &String| {
        let registries = settings.readers.iter().filter_map(|topic| topic.format.format.registry());
        registries.into_iter().any(|(registry, _)| registry == name)
    };
    let specs = settings.registries.iter().filter(|(name, _)| asked(name));
    specs.map(|(name, registry)| spec(name, registry)).collect()
}

fn spec(name: &str, registry: &RegistrySettings) -> Result<RegistrySpec, StartError> {
    let plain = |property: &Property| match property {
        Property::Plain(text) => text.clone(),
        Property::Secret(secret) => secret.expose().unwrap_or_default().to_owned(),
    };
    let headers = registry.headers.iter();
    let mut headers: Vec<(String, String)> =
        headers.map(|(name, value)| (name.clone(), plain(value))).collect();
    if let Some((user, password)) = &registry.basic {
        let pair = format!("{}:{}", plain(user), password.expose().unwrap_or_default());
        headers
            .push(("authorization".to_owned(), format!("Basic {}", BASE64_STANDARD.encode(pair))));
    }
    if let Some(token) = &registry.token {
        let token = token.expose().unwrap_or_default();
        headers.push(("authorization".to_owned(), format!("Bearer {token}")));
    }
    let ca = registry.ca.as_ref().map(|path| {
        std::fs::read(path).map_err(|error| {
            let why = format!("ca {} cannot be read: {error}", path.display());
            StartError::Settings(name.to_owned(), why)
        })
    });
    let certificate = registry.certificate.as_ref().and_then(|secret| secret.expose());
    Ok(RegistrySpec {
        name: name.to_owned(),
        url: registry.url.clone(),
        headers,
        ca: ca.transpose()?,
        certificate: certificate.map(|pem| pem.as_bytes().to_vec()),
        timeout: duration(registry.timeout),
        patience: duration(registry.patience),
        book: Arc::clone(&registry.book),
    })
}

fn duration(span: Span) -> Duration {
    Duration::from_micros(span.0.max(0) as u64)
}

/// The daemon's registries: what they learn is kept, what troubles them is told.
///
/// # Errors
/// [`StartError`].
pub(super) fn start(
    settings: &Settings,
    store: Arc<dyn Store>,
    telling: Telling,
) -> Result<Registries, StartError> {
    let specs = registry_specs(settings)?;
    // Whoever asked before asks no more.
    telling.shared.faults.keep_only(FAULT, &[]);
    Registries::start(specs, Some(store), Arc::new(telling))
}

/// Registries for a command that ends soon: nothing is kept, and patience is short.
///
/// # Errors
/// [`StartError`].
pub fn registries_for_a_look(settings: &Settings) -> Result<Registries, StartError> {
    let mut specs = registry_specs(settings)?;
    for spec in &mut specs {
        spec.patience = spec.patience.min(spec.timeout);
    }
    Registries::start(specs, None, Arc::new(Unwatched))
}

/// Tells `/readyz` and the metrics.
#[derive(Clone)]
pub(super) struct Telling {
    pub metrics: Metrics,
    pub shared: Arc<Shared>,
}

impl Watch for Telling {
    fn asked(&self, registry: &str, result: &'static str) {
        self.metrics.registry_asked(registry, result);
    }

    fn trouble(&self, registry: &str, trouble: Option<String>) {
        match trouble {
            Some(sentence) => self.shared.faults.raise(FAULT, registry, sentence),
            None => self.shared.faults.clear(FAULT, registry),
        }
    }
}
