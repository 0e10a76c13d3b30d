//! Signed webhook: Standard Webhooks 1.0.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::http::{Answer, Http, Post, Target};
use super::reach::reach;
use super::signature::{self, SigningKey};
use super::{
    Attempt, BoxFuture, Context, DeliveryError, GIVE_UP, GIVE_UP_OPTION, Notifier, NotifierKind,
    TIMEOUT_OPTION, take_span, unread,
};
use crate::event::{Span, Time};
use crate::policy::message::Message;
use crate::stats::{OptionDoc, ParamError, Params};

pub(super) const URL_OPTION: OptionDoc =
    OptionDoc { name: "url", kind: "text", default: "", doc: "Where to post to; http or https." };
pub(super) const SECRET_OPTION: OptionDoc = OptionDoc {
    name: "secret",
    kind: "text or list of two",
    default: "",
    doc: "Signs every message: env:NAME or file:PATH of whsec_ and base64 of 24 to 64 bytes; a list \
          of two while rotating.",
};

/// The registry's entry.
pub(super) const KIND: NotifierKind = NotifierKind {
    name: "webhook",
    summary: "POSTs signed JSON as Standard Webhooks 1.0 says.",
    options: &[URL_OPTION, SECRET_OPTION, TIMEOUT_OPTION, GIVE_UP_OPTION],
    build,
};

fn build(params: &mut Params, context: &Context) -> Result<Arc<dyn Notifier>, ParamError> {
    let give_up = take_span(params, "give_up", GIVE_UP);
    let give_up = params.keep(give_up).unwrap_or(GIVE_UP);
    let endpoint = Endpoint::take(params, context, "timeout")?;
    Ok(Arc::new(Webhook { give_up, endpoint }))
}

#[derive(Debug)]
struct Webhook {
    endpoint: Endpoint,
    give_up: Span,
}

impl Notifier for Webhook {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn give_up(&self) -> Span {
        self.give_up
    }

    fn reach(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.endpoint.reach())
    }

    fn deliver<'a>(
        &'a self,
        message: &'a Message,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Option<String>, DeliveryError>> {
        Box::pin(async move {
            let answer = self.endpoint.post(message, attempt, &[]).await?;
            Ok(Some(answer.text).filter(|text| !text.is_empty()))
        })
    }
}

/// A URL and the keys that sign what goes there; shared with the trainer of the same kind.
#[derive(Clone)]
pub(crate) struct Endpoint {
    http: Http,
    target: Option<Target>,
    keys: Vec<SigningKey>,
    timeout: Duration,
}

impl Endpoint {
    /// Takes `url`, `secret` and the deadline of one attempt, whose key differs between rooms; an
    /// error that was kept before counts too.
    pub(crate) fn take(
        params: &mut Params,
        context: &Context,
        timeout_key: &str,
    ) -> Result<Endpoint, ParamError> {
        let missing = || ParamError::new("url", "url is missing: where to post to");
        let url = params.text("url").and_then(|url| url.ok_or_else(missing));
        let target = params.keep(url.and_then(|url| context.target(&url))).flatten();
        let keys = keys(params.take("secret"), context);
        let keys = params.keep(keys).unwrap_or_default();
        let timeout = take_span(params, timeout_key, Span::from_secs(15));
        let timeout = params.keep(timeout).unwrap_or_default();
        params.settle()?;
        let timeout = Duration::from_micros(timeout.0.unsigned_abs());
        Ok(Endpoint { http: context.http.clone(), target, keys, timeout })
    }

    /// The keys, to verify callbacks by.
    pub(crate) fn keys(&self) -> &[SigningKey] {
        &self.keys
    }

    /// Connects and sends nothing.
    pub(crate) async fn reach(&self) -> Result<(), String> {
        match &self.target {
            Some(target) => reach(&self.http, target).await,
            None => Ok(()),
        }
    }

    /// Makes one attempt.
    pub(crate) async fn post(
        &self,
        message: &Message,
        attempt: Attempt,
        also_fine: &[u16],
    ) -> Result<Answer, DeliveryError> {
        let target = self.target.as_ref().ok_or_else(|| unread("url"))?;
        if self.keys.is_empty() {
            return Err(unread("secret"));
        }
        let body = body(message)?;
        let seconds = attempt.at.0.div_euclid(1_000_000);
        let mut headers = HeaderMap::new();
        let signed = signature::header(&self.keys, &message.id, seconds, &body);
        for (name, value) in [
            ("webhook-id", message.id.clone()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", signed),
        ] {
            let value = HeaderValue::from_str(&value).map_err(|_| {
                DeliveryError::permanent(format!("{name} cannot be sent as a header"))
            })?;
            headers.insert(name, value);
        }
        self.http
            .post(Post {
                target,
                headers,
                body,
                timeout: self.timeout,
                also_fine,
                hide: callback_token(message),
                now: attempt.at,
            })
            .await
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("target", &self.target).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    timestamp: Time,
    data: &'a RawValue,
}

/// The same bytes for every attempt: everything in them was fixed when the message was written.
fn body(message: &Message) -> Result<Vec<u8>, DeliveryError> {
    let unsound = |error: serde_json::Error| {
        DeliveryError::permanent(format!("the message's data is not JSON: {error}"))
    };
    let data: &RawValue = serde_json::from_str(&message.data).map_err(unsound)?;
    let body = Body { r#type: message.kind.as_str(), timestamp: message.created, data };
    serde_json::to_vec(&body).map_err(unsound)
}

/// The token that a run's callback must bear travels in the data; a reply may repeat it.
fn callback_token(message: &Message) -> Vec<String> {
    if message.run.is_none() {
        return Vec::new();
    }
    let data: Value = serde_json::from_str(&message.data).unwrap_or_default();
    let token = data.pointer("/run/callback/token").and_then(Value::as_str);
    token.map(str::to_owned).into_iter().collect()
}

/// One key, or two while rotating; none where they were not read.
fn keys(value: Option<Value>, context: &Context) -> Result<Vec<SigningKey>, ParamError> {
    let texts = match value {
        Some(Value::Array(list)) => list,
        Some(one) => vec![one],
        None => Vec::new(),
    };
    if texts.is_empty() || texts.len() > 2 {
        return Err(ParamError::new(
            "secret",
            "secret must be one reference, or a list of two while rotating: env:NAME or \
             file:PATH of a text such as: echo \"whsec_$(head -c 32 /dev/urandom | base64)\"",
        ));
    }
    let mut keys = Vec::new();
    for value in &texts {
        let secret = context.secret("secret", value.as_str().unwrap_or_default())?;
        let Some(text) = secret.expose() else { continue };
        let key = SigningKey::parse(text)
            .map_err(|why| ParamError::new("secret", format!("secret {secret} {why}")))?;
        keys.push(key);
    }
    Ok(keys)
}
