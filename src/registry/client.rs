//! Questions to a registry, by the API of Confluent's.

use std::collections::BTreeSet;
use std::error::Error as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Identity};
use serde::Deserialize;
use url::Url;

use super::RegistrySpec;
use crate::notify::http::{Target, settings};
use crate::notify::text::{excerpt, without};
use crate::wire::{Reason, Refusal, SchemaId, Written};

/// Longest answer that is read, in bytes.
const MOST_BYTES: usize = 1 << 20;
/// Most schemas that one refers to, through all that they refer to.
const MOST_REFERENCES: usize = 64;

/// Why a registry did not answer a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The fixed word for records that could not be read because of it.
    pub reason: Reason,
    /// A sentence; holds no credentials.
    pub detail: String,
}

impl Trouble {
    fn new(reason: Reason, detail: impl Into<String>) -> Trouble {
        Trouble { reason, detail: detail.into() }
    }

    pub(super) fn unusable(why: String) -> Trouble {
        Trouble::new(Reason::RegistryUnreachable, why)
    }

    /// As the refusal of a record.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        Refusal { reason: self.reason, detail: self.detail.clone() }
    }
}

/// A client of one registry; cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: Url,
    /// What must not appear in any sentence, should an answer repeat it.
    hide: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    schema: String,
    schema_type: Option<String>,
    #[serde(default)]
    references: Vec<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    subject: String,
    version: i64,
}

#[derive(Deserialize)]
struct Refused {
    error_code: i64,
    #[serde(default)]
    message: String,
}

impl Client {
    /// A client; nothing is asked yet.
    ///
    /// # Errors
    /// A sentence: an address, header or certificate that cannot be used.
    pub fn new(spec: &RegistrySpec) -> Result<Client, String> {
        // Addresses where clouds keep their credentials are called by nobody.
        Target::parse(&spec.url, &spec.callable).map_err(|error| format!("url {error}"))?;
        let url = Url::parse(&spec.url).map_err(|_| "url is not a web address".to_owned())?;
        let mut headers = HeaderMap::new();
        let accept = "application/vnd.schemaregistry.v1+json, application/json";
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        for (name, value) in &spec.headers {
            let bad = || format!("the value of the header {name} cannot be sent");
            let key = HeaderName::try_from(name.as_str())
                .map_err(|_| format!("{name} is no name of a header"))?;
            let mut value = HeaderValue::try_from(value.as_str()).map_err(|_| bad())?;
            value.set_sensitive(true);
            headers.insert(key, value);
        }
        let mut builder = settings(&spec.callable).default_headers(headers).timeout(spec.timeout);
        if let Some(ca) = &spec.ca {
            let certificates = Certificate::from_pem_bundle(ca)
                .ok()
                .filter(|certificates| !certificates.is_empty())
                .ok_or("ca holds no certificates in PEM")?;
            builder = builder.tls_certs_merge(certificates);
        }
        if let Some(certificate) = &spec.certificate {
            let identity = Identity::from_pem(certificate).map_err(|_| {
                "certificate does not hold a certificate and its key in PEM".to_owned()
            })?;
            builder = builder.identity(identity);
        }
        let http = builder.build().map_err(|error| causes(error).join(": "))?;
        Ok(Client { http, url, hide: spec.headers.iter().flat_map(credentials).collect() })
    }

    /// The schema of an id, with everything it refers to.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn schema(&self, id: SchemaId) -> Result<Written, Trouble> {
        let answer = match id {
            SchemaId::Number(number) => self.ask(&["schemas", "ids", &number.to_string()]).await,
            SchemaId::Guid(_) => self.ask(&["schemas", "guids", &id.to_string()]).await,
        };
        self.whole(answer?).await
    }

    /// The latest schema of a subject.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn latest(&self, subject: &str) -> Result<Written, Trouble> {
        let answer = self.ask(&["subjects", subject, "versions", "latest"]).await?;
        self.whole(answer).await
    }

    /// Fetches what a schema refers to: depth first, so that each stands before its users.
    async fn whole(&self, answer: Answer) -> Result<Written, Trouble> {
        let language = answer.schema_type.unwrap_or_else(|| "AVRO".to_owned());
        let mut written = Written { language, text: answer.schema, references: Vec::new() };
        let mut seen = BTreeSet::new();
        /// What is still to do: look at a reference, or write down one whose own are written.
        enum Todo {
            Look(Reference),
            Write(String),
        }
        let mut todo: Vec<Todo> = answer.references.into_iter().rev().map(Todo::Look).collect();
        while let Some(next) = todo.pop() {
            let reference = match next {
                Todo::Look(reference) => reference,
                Todo::Write(text) => {
                    written.references.push(text);
                    continue;
                }
            };
            if !seen.insert((reference.subject.clone(), reference.version)) {
                continue;
            }
            if seen.len() > MOST_REFERENCES {
                let detail = format!("the schema refers to more than {MOST_REFERENCES} others");
                return Err(Trouble::new(Reason::BadSchema, detail));
            }
            let version = reference.version.to_string();
            let answer = self.ask(&["subjects", &reference.subject, "versions", &version]).await?;
            todo.push(Todo::Write(answer.schema));
            todo.extend(answer.references.into_iter().rev().map(Todo::Look));
        }
        Ok(written)
    }

    async fn ask(&self, path: &[&str]) -> Result<Answer, Trouble> {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let about = path.join("/");
        let response = self.http.get(url).send().await.map_err(|error| self.network(error))?;
        let status = response.status().as_u16();
        let body = self.body(response).await?;
        let nonsense = |what: &str| {
            let detail = format!(
                "{self} answers {status} to {about} with {what}; is its url that of a registry's \
                 API?"
            );
            Err(Trouble::new(Reason::RegistryNonsense, detail))
        };
        let said = || {
            let refused = serde_json::from_slice::<Refused>(&body).ok();
            let said =
                refused.map(|refused| format!("{} ({})", refused.message, refused.error_code));
            said.map(|said| excerpt(&without(&said, self.hide.clone())))
        };
        let told = |reason| {
            let said = said().map(|said| format!(": {said}")).unwrap_or_default();
            Err(Trouble::new(reason, format!("{self} answers {status} to {about}{said}")))
        };
        match status {
            200 => match serde_json::from_slice(&body) {
                Ok(answer) => Ok(answer),
                Err(_) => nonsense("what is no schema"),
            },
            401 | 403 => told(Reason::RegistryDenied),
            404 if said().is_some() => told(Reason::UnknownSchema),
            404 => nonsense("a page of its own"),
            300..=399 => nonsense("a redirect"),
            _ => told(Reason::RegistryFailed),
        }
    }

    async fn body(&self, mut response: reqwest::Response) -> Result<Vec<u8>, Trouble> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.network(error))? {
            if bytes.len() + chunk.len() > MOST_BYTES {
                let detail = format!("{self} answers with more than {MOST_BYTES} bytes");
                return Err(Trouble::new(Reason::RegistryNonsense, detail));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn network(&self, error: reqwest::Error) -> Trouble {
        let timeout = error.is_timeout();
        let causes = causes(error);
        let text = causes.join(": ");
        let untrusted = causes.iter().any(|cause| {
            let cause = cause.to_lowercase();
            cause.contains("certificate") || cause.contains("tls") || cause.contains("handshake")
        });
        match (timeout, untrusted) {
            (_, true) => Trouble::new(
                Reason::RegistryTls,
                format!("{self} cannot be trusted: {text}; name its authority in ca"),
            ),
            (true, _) => Trouble::new(
                Reason::RegistryTimeout,
                format!("{self} does not answer in time: {text}"),
            ),
            _ => Trouble::new(
                Reason::RegistryUnreachable,
                format!("{self} cannot be reached: {text}"),
            ),
        }
    }
}

/// A header's value, and what of it is the credential.
fn credentials((_, value): &(String, String)) -> Vec<String> {
    let mut parts = vec![value.clone()];
    if let Some((scheme, credential)) = value.split_once(' ') {
        parts.push(credential.to_owned());
        let pair = BASE64_STANDARD.decode(credential).ok().filter(|_| scheme == "Basic");
        let pair = pair.and_then(|bytes| String::from_utf8(bytes).ok());
        parts
            .extend(pair.iter().filter_map(|p| p.split_once(':')).map(|(_, word)| word.to_owned()));
        parts.extend(pair);
    }
    parts
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({self})")
    }
}

/// Scheme, host and port: a path may be somebody's secret.
impl std::fmt::Display for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = self.url.host_str().unwrap_or("?");
        write!(f, "{}://{host}", self.url.scheme())?;
        self.url.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

fn causes(error: reqwest::Error) -> Vec<String> {
    let error = error.without_url();
    let mut causes = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        let text: String = cause.to_string().chars().take(200).collect();
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        source = cause.source();
    }
    causes
}
