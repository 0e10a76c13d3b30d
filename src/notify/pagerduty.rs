//! PagerDuty Events v2: one alert per incident, by its key.
//!
//! Source: PagerDuty/developer-docs, docs/events-API-v2.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::{Map, Value, json};

use super::http::{Http, Post, Target};
use super::reach::reach;
use super::summary::{summary, word};
use super::{
    Attempt, BoxFuture, Context, DeliveryError, GIVE_UP, GIVE_UP_OPTION, Notifier, NotifierKind,
    TIMEOUT_OPTION, take_span, unread,
};
use crate::event::Span;
use crate::lines::Severity;
use crate::policy::message::{Message, MessageKind};
use crate::secret::Secret;
use crate::stats::{OptionDoc, ParamError, Params};

/// The public address; Europe's is https://events.eu.pagerduty.com/v2/enqueue.
const PUBLIC: &str = "https://events.pagerduty.com/v2/enqueue";

/// The registry's entry.
pub(super) const KIND: NotifierKind = NotifierKind {
    name: "pagerduty",
    summary: "Triggers and resolves alerts by PagerDuty's Events v2.",
    options: &[
        OptionDoc {
            name: "routing_key",
            kind: "text",
            default: "",
            doc: "The integration key of an Events v2 integration: env:NAME or file:PATH.",
        },
        OptionDoc {
            name: "url",
            kind: "text",
            default: PUBLIC,
            doc: "For the EU region, proxies and tests.",
        },
        TIMEOUT_OPTION,
        GIVE_UP_OPTION,
    ],
    build,
};

fn build(params: &mut Params, context: &Context) -> Result<Arc<dyn Notifier>, ParamError> {
    let give_up = take_span(params, "give_up", GIVE_UP);
    let give_up = params.keep(give_up).unwrap_or(GIVE_UP);
    let timeout = take_span(params, "timeout", Span::from_secs(15));
    let timeout = params.keep(timeout).unwrap_or_default();
    let url = params.text("url").map(|url| url.unwrap_or_else(|| PUBLIC.to_owned()));
    let target = params.keep(url.and_then(|url| context.target(&url))).flatten();
    let target = target.map(|target| target.or_path("/v2/enqueue"));
    let routing_key = params.text("routing_key")?.ok_or_else(|| {
        let sentence = "routing_key is missing: write env:NAME or file:PATH of the integration key";
        ParamError::new("routing_key", sentence)
    })?;
    let routing_key = context.secret("routing_key", &routing_key)?;
    if routing_key.expose().is_some_and(|key| key.trim().is_empty()) {
        return Err(ParamError::new("routing_key", format!("routing_key {routing_key} is empty")));
    }
    params.settle()?;
    Ok(Arc::new(PagerDuty {
        http: context.http.clone(),
        target,
        routing_key,
        timeout: Duration::from_micros(timeout.0.unsigned_abs()),
        give_up,
    }))
}

struct PagerDuty {
    http: Http,
    target: Option<Target>,
    routing_key: Secret,
    timeout: Duration,
    give_up: Span,
}

impl fmt::Debug for PagerDuty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PagerDuty").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Notifier for PagerDuty {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn give_up(&self) -> Span {
        self.give_up
    }

    fn reach(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            match &self.target {
                Some(target) => reach(&self.http, target).await,
                None => Ok(()),
            }
        })
    }

    fn deliver<'a>(
        &'a self,
        message: &'a Message,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Option<String>, DeliveryError>> {
        Box::pin(async move {
            let target = self.target.as_ref().ok_or_else(|| unread("url"))?;
            let key = self.routing_key.expose().ok_or_else(|| unread("routing_key"))?.trim();
            let event = event(message, key)?;
            let body = serde_json::to_vec(&event)
                .map_err(|error| DeliveryError::permanent(error.to_string()))?;
            let answer = self
                .http
                .post(Post {
                    target,
                    headers: HeaderMap::new(),
                    body,
                    timeout: self.timeout,
                    also_fine: &[],
                    hide: vec![key.to_owned()],
                    now: attempt.at,
                })
                .await?;
            Ok(Some(answer.text).filter(|text| !text.is_empty()))
        })
    }
}

fn event(message: &Message, routing_key: &str) -> Result<Value, DeliveryError> {
    let data: Value = serde_json::from_str(&message.data).map_err(|error| {
        DeliveryError::permanent(format!("the message's data is not JSON: {error}"))
    })?;
    if message.kind == MessageKind::Resolved {
        return Ok(json!({
            "routing_key": routing_key,
            "event_action": "resolve",
            "dedup_key": message.key,
        }));
    }
    let mut event = json!({
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": message.key,
        "client": "driftd",
        "payload": {
            "summary": summary(message, &data),
            "source": source(&data),
            "severity": severity(message),
            "timestamp": message.created,
            "component": word(&data["incident"]["model"]),
            "class": word(&data["findings"][0]["statistic"]),
            "custom_details": details(&data),
        },
    });
    let link = data["incident"]["url"].as_str().unwrap_or("");
    if let (true, Value::Object(fields)) = (link.starts_with("http"), &mut event) {
        fields.insert("links".into(), json!([{ "href": link, "text": "Incident in driftd" }]));
        fields.insert("client_url".into(), json!(link));
    }
    Ok(event)
}

/// Required and never empty.
fn source(data: &Value) -> String {
    match word(&data["name"]) {
        name if name.is_empty() => "driftd".to_owned(),
        name => name,
    }
}

fn severity(message: &Message) -> &'static str {
    match (message.kind, message.severity) {
        (MessageKind::Test, _) => "info",
        (_, Severity::Warning) => "warning",
        (_, Severity::Critical) => "critical",
    }
}

/// The evidence without the distributions, which no pager shows.
fn details(data: &Value) -> Value {
    let mut details = Map::new();
    let findings: Vec<Value> = data["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .cloned()
        .map(|mut finding| {
            if let Value::Object(fields) = &mut finding {
                fields.remove("reference_bins");
                fields.remove("current_bins");
            }
            finding
        })
        .collect();
    details.insert("findings".into(), Value::Array(findings));
    if let Some(Value::Array(mut parts)) = data.get("attribution").cloned() {
        parts.iter_mut().filter_map(Value::as_object_mut).for_each(|part| {
            part.remove("bins");
        });
        details.insert("attribution".into(), Value::Array(parts));
    }
    for key in
        ["findings_total", "ranking", "window", "outcome_coverage", "reference", "driftd_version"]
    {
        if let Some(value) = data.get(key).filter(|value| !value.is_null()) {
            details.insert(key.into(), value.clone());
        }
    }
    Value::Object(details)
}
