//! Who is told: one file per kind of receiver and an entry in [`NOTIFIERS`].
//!
//! A notifier makes one attempt and says what came of it; when to try again is the outbox's
//! business. Stays narrow: knows a message, never an incident's state or the configuration's files.

mod address;
pub mod http;
mod log;
mod pagerduty;
mod reach;
pub mod signature;
pub(crate) mod summary;
pub(crate) mod text;
mod webhook;
pub(crate) mod why;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

pub use crate::clock::BoxFuture;
use crate::event::{Span, Time};
use crate::lines::Severity;
use crate::policy::message::{Message, MessageKind};
use crate::secret::{Secret, Secrets, is_reference};
use crate::stats::{OptionDoc, ParamError, Params};
use http::{Http, Target};

pub use address::{BadNetwork, Callable, Network};
pub(crate) use webhook::Endpoint;

/// One attempt to deliver.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// Counts from 1 since the process started.
    pub number: u32,
    /// Our clock.
    pub at: Time,
}

/// Why a message was not accepted. Sentences are free of secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// It may be accepted later.
    #[error("{why}")]
    Retry {
        /// Not before this much time has passed, as the receiver asked.
        after: Option<Duration>,
        /// What happened.
        why: String,
    },
    /// It will never be accepted as it is.
    #[error("{why}")]
    Permanent {
        /// What happened.
        why: String,
    },
}

impl DeliveryError {
    pub(crate) fn retry(why: impl Into<String>) -> DeliveryError {
        DeliveryError::Retry { after: None, why: why.into() }
    }

    pub(crate) fn permanent(why: impl Into<String>) -> DeliveryError {
        DeliveryError::Permanent { why: why.into() }
    }
}

/// A receiver of messages with its options filled in.
pub trait Notifier: Debug + Send + Sync {
    /// Name of its kind in the configuration.
    fn kind(&self) -> &'static str;

    /// How long after a message was written attempts go on.
    fn give_up(&self) -> Span {
        GIVE_UP
    }

    /// Connects to where it delivers to, and sends nothing. Why that fails, as a sentence.
    fn reach(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Makes one attempt; all attempts of a message carry the same id and the same body bytes.
    /// What the receiver answered, where that is worth keeping.
    fn deliver<'a>(
        &'a self,
        message: &'a Message,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Option<String>, DeliveryError>>;
}

/// What builders share.
#[derive(Debug, Clone)]
pub struct Context {
    /// The door to the network.
    pub http: Http,
    /// Values of the references in options. One that was not read (`check --no-connect`) builds a
    /// receiver that refuses to deliver.
    pub secrets: Secrets,
}

impl Context {
    /// The secret that an option refers to.
    pub(crate) fn secret(&self, key: &str, reference: &str) -> Result<Secret, ParamError> {
        self.secrets.get(reference).map_err(|why| ParamError::new(key, format!("{key} {why}")))
    }

    /// The URL of an option, written as it is or as a reference; `None`: not read.
    pub(crate) fn target(&self, written: &str) -> Result<Option<Target>, ParamError> {
        let read = if is_reference(written) {
            self.secret("url", written)?.expose().map(str::to_owned)
        } else {
            Some(written.to_owned())
        };
        let parse = |url: String| {
            Target::parse(&url, self.http.callable())
                .map_err(|why| ParamError::new("url", format!("url {why}")))
        };
        read.map(parse).transpose()
    }
}

/// The sentence of a receiver whose secret was not read.
pub(crate) fn unread(key: &str) -> DeliveryError {
    DeliveryError::retry(format!("the secret that {key} names was not read"))
}

/// A notifier, or the option that is wrong.
pub type Built = Result<Arc<dyn Notifier>, ParamError>;

/// A notifier's entry in the registry.
#[derive(Debug)]
pub struct NotifierKind {
    /// Name in the configuration.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Options beside `kind`.
    pub options: &'static [OptionDoc],
    /// Builds it from its options, in which secrets stand as references.
    pub build: fn(&mut Params, &Context) -> Built,
}

/// Every notifier.
pub const NOTIFIERS: &[&NotifierKind] = &[&webhook::KIND, &pagerduty::KIND, &log::KIND];

/// Default of `give_up`.
pub const GIVE_UP: Span = Span::from_secs(24 * 3600);

/// The options that every notifier over HTTP has.
const TIMEOUT_OPTION: OptionDoc = OptionDoc {
    name: "timeout",
    kind: "text",
    default: "15s",
    doc: "How long one attempt may take, reply included.",
};
pub(crate) const GIVE_UP_OPTION: OptionDoc = OptionDoc {
    name: "give_up",
    kind: "text",
    default: "24h",
    doc: "Attempts go on for so long after the message was written; then it is dead.",
};

/// Takes a length of time that is longer than nothing.
pub(crate) fn take_span(params: &mut Params, key: &str, default: Span) -> Result<Span, ParamError> {
    let Some(text) = params.text(key)? else { return Ok(default) };
    match Span::parse(&text) {
        Ok(span) if span.0 > 0 => Ok(span),
        Ok(_) => Err(ParamError::new(key, format!("'{text}' is no time at all; write e.g. 15s"))),
        Err(error) => Err(ParamError::new(key, error.to_string())),
    }
}

/// A message that says that it is a test, for `driftd notify test`. `id` makes it unique.
#[must_use]
pub fn test_message(installation: &str, to: &str, id: &str, now: Time) -> Message {
    let data = serde_json::json!({
        "name": installation,
        "text": format!("Test message of driftd to '{to}'. Nothing is wrong."),
        "driftd_version": env!("CARGO_PKG_VERSION"),
    });
    Message {
        id: format!("msg_test_{id}"),
        key: format!("driftd-test-{id}"),
        to: to.to_owned(),
        to_trainer: false,
        kind: MessageKind::Test,
        severity: Severity::Warning,
        created: now,
        data: data.to_string(),
        run: None,
    }
}

#[cfg(test)]
pub(crate) mod tests;
