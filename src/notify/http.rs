//! One POST with manners: a deadline for all of it, no redirects, a capped reply, and a verdict
//! whether it is worth trying again. No address of the link, no secret in any sentence.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Response, redirect};
use url::{Host, Url};

use super::DeliveryError;
use super::address::{Callable, Checked, Forbidden};
use super::text::{excerpt, without};
use crate::event::Time;

/// Bytes of a reply that are read; the rest is not waited for.
pub const REPLY_BYTES: usize = 64 * 1024;
/// A receiver cannot put us off for longer.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// How long a reply's body may take once its status is known.
const BODY_PATIENCE: Duration = Duration::from_secs(2);

/// The client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot start: {0}; are the system's CA certificates installed?")]
pub struct NoClient(#[source] pub(super) reqwest::Error);

/// A URL that cannot be a receiver. The sentence never holds it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Not a URL.
    #[error("is not a URL; write e.g. https://hooks.example.org/drift")]
    Syntax,
    /// Neither http nor https.
    #[error("begins with '{0}:'; only http and https are spoken")]
    Scheme(String),
    /// A forbidden literal address.
    #[error("{0}")]
    Forbidden(String),
}

/// Where to post to. Shows itself without user info, path and query, which may hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    pub(super) url: Url,
}

impl Target {
    /// Reads a URL; an address in it must be one that may be called.
    ///
    /// # Errors
    /// [`BadUrl`].
    pub fn parse(text: &str, callable: &Callable) -> Result<Target, BadUrl> {
        let url = match Url::parse(text.trim()) {
            Ok(url) => url,
            Err(_) => return Err(of_a_zone(text).unwrap_or(BadUrl::Syntax)),
        };
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadUrl::Scheme(url.scheme().to_owned()));
        }
        let literal = match url.host() {
            Some(Host::Ipv4(v4)) => Some(v4.into()),
            Some(Host::Ipv6(v6)) => Some(v6.into()),
            Some(Host::Domain(_)) => None,
            None => return Err(BadUrl::Syntax),
        };
        if let Some(address) = literal
            && !callable.admits(address)
        {
            return Err(BadUrl::Forbidden(Forbidden(address.to_string()).to_string()));
        }
        Ok(Target { url })
    }

    /// The same with this path where it has none.
    #[must_use]
    pub fn or_path(mut self, path: &str) -> Target {
        if self.url.path() == "/" && self.url.query().is_none() {
            self.url.set_path(path);
        }
        self
    }

    /// What of the URL may be a secret, so that it can be taken out of replies.
    fn private_parts(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if self.url.path().len() > 1 {
            parts.push(self.url.path().to_owned());
        }
        parts.extend(self.url.query().map(str::to_owned));
        parts.extend(self.url.query_pairs().map(|(_, value)| value.into_owned()));
        parts.extend(self.url.password().map(str::to_owned));
        parts.into_iter().filter(|part| part.len() > 1).collect()
    }
}

/// What is wrong with an address with a zone, `[fe80::1%25eth0]`, which is no URL to begin with:
/// only link-local ones have any.
fn of_a_zone(text: &str) -> Option<BadUrl> {
    let (address, _) = text.split_once("://[")?.1.split_once(']')?.0.split_once('%')?;
    let address: std::net::Ipv6Addr = address.parse().ok()?;
    Some(BadUrl::Forbidden(Forbidden(address.to_string()).to_string()))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.url))
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

/// A JSON body for a target.
pub struct Post<'a> {
    /// Where to.
    pub target: &'a Target,
    /// Further headers.
    pub headers: HeaderMap,
    /// The body, as it goes over the wire.
    pub body: Vec<u8>,
    /// Deadline for connecting, sending and the reply's status.
    pub timeout: Duration,
    /// Statuses beside 2xx that mean success.
    pub also_fine: &'a [u16],
    /// What must not appear in any sentence, should the reply repeat it.
    pub hide: Vec<String>,
    /// Our clock, to read a `Retry-After` date by.
    pub now: Time,
}

/// A reply that means success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// The beginning of its body as one line, free of secrets.
    pub text: String,
}

/// The door to the network; cheap to clone.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    callable: Callable,
}

impl Http {
    /// Opens the door to whoever may be called. Proxies are taken from the environment, as is
    /// usual; names are then resolved by the proxy.
    ///
    /// # Errors
    /// [`NoClient`] where TLS has no roots to trust.
    pub fn new(callable: Callable) -> Result<Http, NoClient> {
        let client = settings(&callable).build().map_err(NoClient)?;
        Ok(Http { client, callable })
    }

    /// Who may be called.
    pub(super) fn callable(&self) -> &Callable {
        &self.callable
    }

    /// Makes one attempt.
    ///
    /// # Errors
    /// [`DeliveryError`]: retry after network trouble, 408, 425, 429, 5xx and temporary
    /// redirects; permanent after other redirects and other 4xx.
    pub async fn post(&self, post: Post<'_>) -> Result<Answer, DeliveryError> {
        let target = post.target;
        let request = self
            .client
            .post(target.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .headers(post.headers)
            .body(post.body)
            .timeout(post.timeout + BODY_PATIENCE)
            .build();
        let request = request.map_err(|error| DeliveryError::permanent(network(target, error)))?;
        let mut hide = post.hide;
        hide.extend(target.private_parts());
        // User and password of the URL, as they go over the wire.
        let basic = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        hide.extend(basic.and_then(|value| value.split_once(' ')).map(|(_, pair)| pair.to_owned()));
        let sending = self.client.execute(request);
        let response = match tokio::time::timeout(post.timeout, sending).await {
            Err(_) => {
                let seconds = post.timeout.as_secs_f64();
                return Err(DeliveryError::retry(format!(
                    "{target} did not answer within {seconds} s"
                )));
            }
            Ok(Err(error)) => return Err(DeliveryError::retry(network(target, error))),
            Ok(Ok(response)) => response,
        };
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = beginning(response).await;
        let text = excerpt(&without(&body, hide));
        if (200..300).contains(&status) || post.also_fine.contains(&status) {
            return Ok(Answer { status, text });
        }
        Err(refusal(target, status, &headers, &text, post.now))
    }
}

/// Settings of every client.
pub(crate) fn settings(callable: &Callable) -> ClientBuilder {
    Client::builder()
        .redirect(redirect::Policy::none())
        .dns_resolver(Checked::new(callable.clone()))
        .connect_timeout(Duration::from_secs(10))
        .pool_idle_timeout(Duration::from_secs(60))
        .user_agent(concat!("driftd/", env!("CARGO_PKG_VERSION")))
        .referer(false)
}

/// At most [`REPLY_BYTES`] of the body; a body that breaks off or drips is not waited for, since
/// the status has said what matters.
async fn beginning(mut response: Response) -> String {
    let mut bytes = Vec::new();
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = REPLY_BYTES - bytes.len();
            bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if bytes.len() == REPLY_BYTES {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(BODY_PATIENCE, reading).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(super) fn network(target: &Target, error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut causes = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        source = cause.source();
    }
    format!("{target} cannot be reached: {}", excerpt(&causes.join(": ")))
}

fn refusal(
    target: &Target,
    status: u16,
    headers: &HeaderMap,
    text: &str,
    now: Time,
) -> DeliveryError {
    let said = if text.is_empty() { String::new() } else { format!(": {text}") };
    match status {
        300..=399 => {
            let to = headers
                .get(LOCATION)
                .and_then(|location| location.to_str().ok())
                .and_then(|location| target.url.join(location).ok())
                .map_or_else(|| "nowhere".to_owned(), |url| shown(&url));
            let why = format!(
                "{target} answered {status}, a redirect to {to}; redirects are not followed, \
                 write the final URL"
            );
            // Moved for good is a wrong URL; the others may be gone in a minute.
            if matches!(status, 301 | 308) {
                DeliveryError::permanent(why)
            } else {
                DeliveryError::retry(why)
            }
        }
        408 | 425 | 429 | 500.. => DeliveryError::Retry {
            after: headers
                .get(RETRY_AFTER)
                .and_then(|pause| pause.to_str().ok())
                .and_then(|pause| retry_after(pause, now)),
            why: format!("{target} answered {status}{said}"),
        },
        410 => DeliveryError::permanent(format!(
            "{target} answered 410: this receiver is gone; write another URL{said}"
        )),
        401 | 403 => DeliveryError::permanent(format!(
            "{target} answered {status}: it does not accept our secret or key{said}"
        )),
        _ => DeliveryError::permanent(format!("{target} answered {status}{said}")),
    }
}

/// The pause that a `Retry-After` asks for, in seconds or as an HTTP date; at most
/// [`LONGEST_PAUSE`]. `None`: neither.
#[must_use]
pub fn retry_after(text: &str, now: Time) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit are more than the longest pause.
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST_PAUSE));
    }
    let parser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    let Ok(date) = parser.parse_timestamp(text) else {
        // The last days of the year 9999 are dates, though no time of ours.
        let date = jiff::fmt::strtime::parse("%a, %d %b %Y %H:%M:%S GMT", text).ok()?;
        return date.to_datetime().is_ok().then_some(LONGEST_PAUSE);
    };
    let micros = u64::try_from(date.as_microsecond().saturating_sub(now.0)).unwrap_or(0);
    Some(Duration::from_micros(micros).min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_show_their_origin_only() {
        let parse = |url| Target::parse(url, &Callable::default());
        let target = parse("https://user:canary@Example.org:8443/canary?k=canary").unwrap();
        assert_eq!(
            format!("{target} {target:?}"),
            "https://example.org:8443 https://example.org:8443"
        );
        assert_eq!(parse("http://[::1]/x").unwrap().to_string(), "http://[::1]");
    }

    #[test]
    fn urls_that_cannot_be_receivers_are_refused() {
        let parse = |url| Target::parse(url, &Callable::default());
        assert_eq!(parse("example.org/x"), Err(BadUrl::Syntax));
        assert_eq!(parse("file:///etc/passwd"), Err(BadUrl::Scheme("file".to_owned())));
        // 2852039166 is 169.254.169.254 as one number.
        for url in [
            "http://169.254.169.254/latest",
            "http://2852039166/",
            "http://[fe80::1]/",
            "http://[fe80::1%eth0]/",
            "http://[fe80::1%25eth0]:8080/hook",
        ] {
            assert!(matches!(parse(url), Err(BadUrl::Forbidden(_))), "{url}");
        }
        let callable = Callable::with(vec!["169.254.169.254".parse().unwrap()]);
        assert!(Target::parse("http://169.254.169.254/latest", &callable).is_ok());
    }

    #[test]
    fn pauses_are_read_as_seconds_or_dates_and_capped() {
        let now = Time::parse("2015-10-21T07:27:00Z").unwrap();
        let of = |text: &str| retry_after(text, now);
        assert_eq!(of("120"), Some(Duration::from_secs(120)));
        assert_eq!(of("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(of("Wed, 21 Oct 2015 07:20:00 GMT"), Some(Duration::ZERO));
        assert_eq!(of("Wed, 21 Oct 2035 07:28:00 GMT"), Some(LONGEST_PAUSE));
        assert_eq!(of("99999999999999999999999"), Some(LONGEST_PAUSE));
        assert_eq!(of("Fri, 31 Dec 9999 23:59:59 GMT"), Some(LONGEST_PAUSE));
        assert_eq!(of("Fri, 32 Dec 9999 23:59:59 GMT"), None);
        assert_eq!(of("soon"), None);
        assert_eq!(of("-5"), None);
    }
}
