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

/// What the registries' room is told of one.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn spec(name: &str, registry: &RegistrySettings) -> Result<RegistrySpec, StartError> {
    let plain = |property: &Property| match property {
        Property::Plain(text) => text.clone(),
        Property::Secret(secret) => secret.expose().unwrap_or_default().to_owned(),
    };
    let headers = registry.headers.iter();
    let mut headers: Vec<(String, String)> =
        headers.map(|(name, value)| (name.clone(), plain(value))).collect();
    // Commands that read no secret ask as nobody.
    let mut authorize = |value| headers.push(("authorization".to_owned(), value));
    if let Some((user, password)) = &registry.basic
        && let Some(password) = password.expose()
    {
        let pair = BASE64_STANDARD.encode(format!("{}:{password}", plain(user)));
        authorize(format!("Basic {pair}"));
    }
    if let Some(token) = registry.token.as_ref().and_then(|token| token.expose()) {
        authorize(format!("Bearer {token}"));
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
        callable: registry.callable.clone(),
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

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use crate::config::{Mode, Sources, load};
    use crate::daemon::Asking;

    const MAIN: &str = r#"
        [kafka]
        brokers = ["127.0.0.1:9092"]
        [registries.main]
        url = "URL"
        KEYS
        [models.m]
        [models.m.predictions]
        topic = "p"
        format = { kind = "avro", registry = "main" }
        features = { x = "x" }
    "#;

    /// What a registry with these keys hears when the latest schema is asked for.
    fn heard(keys: &str, mode: Mode) -> Vec<String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/api", listener.local_addr().unwrap());
        let hearing = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let body = r#"{"schema":"{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}"}"#;
            let length = body.len();
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
            head
        });
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("driftd.toml");
        std::fs::write(&file, MAIN.replace("URL", &url).replace("KEYS", keys)).unwrap();
        let env = [("PASSWORD", "pass:word"), ("TOKEN", "canary")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let (file, overrides) = (Some(file), Vec::new());
        let sources = Sources { file, env, overrides, mode, only: None };
        load(&sources, &Asking::default()).unwrap_or_else(|problems| panic!("{problems:?}"));
        hearing.join().unwrap()
    }

    #[test]
    fn registries_hear_who_we_are() {
        let basic = "username = \"driftd\"\npassword = \"env:PASSWORD\"";
        let token = "token = \"env:TOKEN\"\nheaders = { x-tenant = \"ml\" }";
        let heard_by_all = |keys| heard(keys, Mode::ReadTopics);
        let authorized =
            |heard: &[String]| heard.iter().any(|line| line.starts_with("authorization"));
        for keys in [basic, token] {
            assert!(!authorized(&heard(keys, Mode::Replay)), "a replay over files reads no secret");
        }
        let basic = heard_by_all(basic);
        assert_eq!(basic[0], "GET /api/subjects/p-value/versions/latest HTTP/1.1");
        // base64 of driftd:pass:word
        let want = "authorization: Basic ZHJpZnRkOnBhc3M6d29yZA==".to_owned();
        assert!(basic.contains(&want), "{basic:?}");
        let bearer = heard_by_all(token);
        assert!(bearer.contains(&"authorization: Bearer canary".to_owned()), "{bearer:?}");
        assert!(bearer.contains(&"x-tenant: ml".to_owned()), "{bearer:?}");
        let nobody = heard_by_all("");
        assert!(!authorized(&nobody), "{nobody:?}");
    }
}
