//! A line in driftd's own log; always there, accepts everything.

use std::sync::Arc;

use serde_json::Value;

use super::summary::{summary, word};
use super::{Attempt, BoxFuture, Context, DeliveryError, Notifier, NotifierKind};
use crate::lines::Severity;
use crate::policy::message::{Message, MessageKind};
use crate::stats::{ParamError, Params};

/// The registry's entry.
pub(super) const KIND: NotifierKind = NotifierKind {
    name: "log",
    summary: "Writes a line to driftd's own log.",
    options: &[],
    build,
};

fn build(_: &mut Params, _: &Context) -> Result<Arc<dyn Notifier>, ParamError> {
    Ok(Arc::new(Log))
}

#[derive(Debug)]
struct Log;

impl Notifier for Log {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn deliver<'a>(
        &'a self,
        message: &'a Message,
        _: Attempt,
    ) -> BoxFuture<'a, Result<Option<String>, DeliveryError>> {
        let data: Value = serde_json::from_str(&message.data).unwrap_or_default();
        let incident = &data["incident"];
        let (model, monitor) = (word(&incident["model"]), word(&incident["monitor"]));
        let text = summary(message, &data);
        let (kind, incident) = (message.kind.as_str(), message.key.as_str());
        let severity = match message.severity {
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        };
        if matches!(message.kind, MessageKind::Resolved | MessageKind::Test) {
            tracing::info!(kind, severity, incident, model, monitor, "{text}");
        } else {
            tracing::warn!(kind, severity, incident, model, monitor, "{text}");
        }
        Box::pin(std::future::ready(Ok(None)))
    }
}
