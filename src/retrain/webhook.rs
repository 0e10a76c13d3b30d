//! Signed webhook as a trainer: the request is a message like any other, with a callback in it.

use std::sync::Arc;

use super::{Attempt, BoxFuture, Context, DeliveryError, GIVE_UP, Started, Trainer, TrainerKind};
use crate::event::Span;
use crate::notify::signature::SigningKey;
use crate::notify::{Endpoint, GIVE_UP_OPTION, take_span};
use crate::policy::message::Message;
use crate::stats::{OptionDoc, ParamError, Params};

/// The registry's entry.
pub(super) const KIND: TrainerKind = TrainerKind {
    name: "webhook",
    summary: "POSTs a signed retraining request with the slice of data and a callback.",
    options: &[
        OptionDoc {
            name: "url",
            kind: "text",
            default: "",
            doc: "Where to post to; http or https.",
        },
        OptionDoc {
            name: "secret",
            kind: "text or list of two",
            default: "",
            doc: "Signs requests, and callbacks that bear no token: env:NAME or file:PATH of whsec_ \
                  and base64 of 24 to 64 bytes; a list of two while rotating.",
        },
        OptionDoc {
            name: "request_timeout",
            kind: "text",
            default: "15s",
            doc: "How long one attempt to start a run may take.",
        },
        GIVE_UP_OPTION,
    ],
    build,
};

fn build(params: &mut Params, context: &Context) -> Result<Arc<dyn Trainer>, ParamError> {
    let give_up = take_span(params, "give_up", GIVE_UP);
    let give_up = params.keep(give_up).unwrap_or(GIVE_UP);
    let endpoint = Endpoint::take(params, context, "request_timeout")?;
    Ok(Arc::new(Webhook { give_up, endpoint }))
}

#[derive(Debug)]
struct Webhook {
    endpoint: Endpoint,
    give_up: Span,
}

impl Trainer for Webhook {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn give_up(&self) -> Span {
        self.give_up
    }

    fn reach(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.endpoint.reach())
    }

    fn start<'a>(
        &'a self,
        message: &'a Message,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Started, DeliveryError>> {
        Box::pin(async move {
            // 409: an earlier attempt started it and its reply was lost.
            let answer = self.endpoint.post(message, attempt, &[409]).await?;
            let reply = Some(answer.text).filter(|text| !text.is_empty());
            Ok(Started { reply, ..Started::default() })
        })
    }

    fn callback_keys(&self) -> &[SigningKey] {
        self.endpoint.keys()
    }
}
