//! The table `registries`, and what formats are supplied with out of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::kafka::is_web_address;
use super::secrets::absolute;
use super::{Site, located};
use crate::config::Mode;
use crate::config::key::KeyPath;
use crate::config::problem::{Report, suggest};
use crate::config::raw::{Raw, RawRegistry};
use crate::config::settings::{Property, RegistrySettings, TopicReaders};
use crate::event::Span;
use crate::notify::Callable;
use crate::secret::{Secret, Secrets, is_reference};
use crate::wire::{SchemaBook, Supplies};

/// Texts that may name a secret, each with its place.
pub fn texts(raw: &RawRegistry, at: &KeyPath) -> Vec<(KeyPath, String)> {
    let plain = [
        ("username", &raw.username),
        ("password", &raw.password),
        ("token", &raw.token),
        ("certificate", &raw.certificate),
    ];
    let plain = plain.into_iter().filter_map(|(key, text)| Some((at.key(key), text.clone()?)));
    let headers = at.key("headers");
    plain.chain(raw.headers.iter().map(|(name, text)| (headers.key(name), text.clone()))).collect()
}

/// The table `registries`.
pub fn registries(
    raw: &Raw,
    site: &Site<'_>,
    (secrets, callable): (&Secrets, &Callable),
    report: &mut Report,
) -> BTreeMap<String, RegistrySettings> {
    let at = KeyPath::of(&["registries"]);
    let build = |(name, raw): (&String, &RawRegistry)| {
        let at = at.key(name);
        let built = registry(raw, &at, (site, secrets), report);
        (name.clone(), RegistrySettings { callable: callable.clone(), ..built })
    };
    raw.registries.iter().map(build).collect()
}

fn registry(
    raw: &RawRegistry,
    at: &KeyPath,
    (site, secrets): (&Site<'_>, &Secrets),
    report: &mut Report,
) -> RegistrySettings {
    if !is_web_address(&raw.url) {
        let message = if raw.url.is_empty() {
            "is missing".to_owned()
        } else {
            "is not a web address".to_owned()
        };
        report.error(&at.key("url"), message, "write url = \"http://HOST:8081\"");
    } else if url::Url::parse(&raw.url)
        .is_ok_and(|u| !u.username().is_empty() || u.query().is_some())
    {
        let hint = "credentials belong in username and password; the address ends with its path";
        report.error(&at.key("url"), "must hold neither credentials nor a query", hint);
    }
    for (key, span, most) in [("timeout", raw.timeout.0, 60), ("patience", raw.patience.0, 86_400)]
    {
        if span <= Span(0) || span > Span::from_secs(most) {
            let most = Span::from_secs(most);
            report.error(&at.key(key), format!("must be above 0 and at most {most}"), "");
        }
    }
    let mut secret = |key: &str, text: &Option<String>| {
        let (text, path) = (text.as_ref()?, at.key(key));
        if !is_reference(text) {
            report.error(
                &path,
                "a secret must not be written here",
                "write env:NAME or file:PATH and keep the secret there",
            );
            return None;
        }
        Some(named(text, &path, (site, secrets), report))
    };
    let password = secret("password", &raw.password);
    let token = secret("token", &raw.token);
    let certificate = secret("certificate", &raw.certificate);
    if raw.username.is_some() != raw.password.is_some() {
        report.error(at, "username and password belong together", "write both, or neither");
    }
    if raw.username.is_some() && raw.token.is_some() {
        report.error(at, "has a password and a token", "keep one of them");
    }
    let ca = raw.ca.as_ref().map(|file| {
        let path = located(file, &at.key("ca"), site, report);
        if !path.is_file() {
            let message = format!("there is no file {}", path.display());
            report.error(&at.key("ca"), message, "it holds certificates in PEM");
        }
        path
    });
    let mut value = |text: &String, path: &KeyPath| match is_reference(text) {
        true => Property::Secret(named(text, path, (site, secrets), report)),
        false => Property::Plain(text.clone()),
    };
    let username = raw.username.as_ref().map(|text| value(text, &at.key("username")));
    let headers = raw.headers.iter();
    let headers: Vec<(String, Property)> = headers
        .map(|(name, text)| (name.clone(), value(text, &at.key("headers").key(name))))
        .collect();
    for (name, value) in &headers {
        let secret = ["authorization", "cookie", "x-api-key"];
        if secret.contains(&name.to_ascii_lowercase().as_str())
            && matches!(value, Property::Plain(_))
        {
            report.error(
                &at.key("headers").key(name),
                "a secret must not be written here",
                "write env:NAME or file:PATH and keep the secret there",
            );
        }
        if reqwest::header::HeaderName::try_from(name.as_str()).is_err() {
            report.error(&at.key("headers").key(name), "is no name of a header", "");
        }
    }
    RegistrySettings {
        url: raw.url.trim_end_matches('/').to_owned(),
        basic: username.zip(password),
        token,
        ca,
        certificate,
        headers,
        timeout: raw.timeout.0,
        patience: raw.patience.0,
        callable: Callable::default(),
        book: Arc::new(SchemaBook::default()),
    }
}

fn named(
    text: &str,
    path: &KeyPath,
    (site, secrets): (&Site<'_>, &Secrets),
    report: &mut Report,
) -> Secret {
    let reference = absolute(text, path, site, report);
    secrets.get(&reference).unwrap_or_else(|_| Secret::new(&reference, None))
}

/// A registry that no topic asks is a slip, most likely.
pub fn unasked(
    registries: &BTreeMap<String, RegistrySettings>,
    readers: &[TopicReaders],
    site: &Site<'_>,
    report: &mut Report,
) {
    let asked = |name: &str| {
        let mut formats = readers.iter().filter_map(|topic| topic.format.format.registry());
        formats.any(|(registry, _)| registry == name)
    };
    // A reference is built for one model alone.
    if matches!(site.mode, Mode::ReferenceBuild) || report.failed() {
        return;
    }
    for name in registries.keys().filter(|name| !asked(name)) {
        let hint = format!("write format = {{ kind = \"avro\", registry = \"{name}\" }}");
        report.warn(&KeyPath::of(&["registries", name]), "is asked by no topic", hint);
    }
}

/// What stands around a format.
pub struct Around<'a> {
    /// The registries as they were written.
    pub raw: &'a Raw,
    /// As they were built.
    pub registries: &'a BTreeMap<String, RegistrySettings>,
    /// Relative paths begin here.
    pub folder: PathBuf,
}

impl Supplies for Around<'_> {
    fn registry(&self, name: &str) -> Result<Arc<SchemaBook>, String> {
        match self.registries.get(name) {
            Some(registry) => Ok(Arc::clone(&registry.book)),
            None => {
                let known = self.raw.registries.keys().map(String::as_str);
                let hint = suggest(name, known)
                    .unwrap_or_else(|| format!("add a table [registries.{name}]"));
                Err(format!("there is no registry '{name}'; {hint}"))
            }
        }
    }

    fn text(&self, file: &str) -> Result<String, String> {
        let path = self.folder.join(file);
        std::fs::read_to_string(&path).map_err(|error| format!("{} ({error})", path.display()))
    }
}
