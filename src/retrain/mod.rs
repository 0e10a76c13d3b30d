//! What retrains: one file per kind of trainer and an entry in [`TRAINERS`].
//!
//! A trainer starts a run, once, whatever happens to the reply: `start` may be called again for
//! the same message and must then find that the run is already there. Whether it is done is heard
//! by callback, or asked with `poll` where the target cannot call us. When to ask for a run, and
//! how many, is the policy's business.

mod webhook;

use std::fmt::Debug;
use std::sync::Arc;

use crate::event::Span;
use crate::lines::RunLine;
use crate::notify::GIVE_UP;
use crate::notify::signature::SigningKey;
pub use crate::notify::{Attempt, BoxFuture, Context, DeliveryError};
use crate::policy::message::{Message, RunReport};
use crate::stats::{OptionDoc, ParamError, Params};

/// A run as its target knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Started {
    /// The target's own name for it, where it gives one.
    pub external_id: Option<String>,
    /// Where to look.
    pub url: Option<String>,
    /// What the target answered.
    pub reply: Option<String>,
}

/// What a target says about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Where it stands.
    pub state: RunReport,
    /// The version that it produced.
    pub version: Option<String>,
    /// Anything else, above all why it failed.
    pub message: Option<String>,
}

/// Something that retrains, with its options filled in.
pub trait Trainer: Debug + Send + Sync {
    /// Name of its kind in the configuration.
    fn kind(&self) -> &'static str;

    /// How long after a request was written attempts to start it go on.
    fn give_up(&self) -> Span {
        GIVE_UP
    }

    /// Connects to its target, and sends nothing. Why that fails, as a sentence.
    fn reach(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Starts the run that the message asks for; one attempt. A run that is there already is
    /// success: an earlier attempt may have lost its reply.
    fn start<'a>(
        &'a self,
        message: &'a Message,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Started, DeliveryError>>;

    /// Looks for a run by our id, for targets that would start a second one when asked twice.
    fn find<'a>(&'a self, _run: &'a str) -> BoxFuture<'a, Result<Option<Started>, DeliveryError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Asks how a run is going; `None`: this target calls back instead.
    fn poll<'a>(
        &'a self,
        _run: &'a RunLine,
    ) -> BoxFuture<'a, Result<Option<Progress>, DeliveryError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Keys that may sign its callbacks.
    fn callback_keys(&self) -> &[SigningKey] {
        &[]
    }
}

/// A trainer, or the option that is wrong.
pub type Built = Result<Arc<dyn Trainer>, ParamError>;

/// A trainer's entry in the registry.
#[derive(Debug)]
pub struct TrainerKind {
    /// Name in the configuration.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Options beside `kind` and those of the run (`timeout`, `budget`, `deployed_share`), which
    /// are the plan's.
    pub options: &'static [OptionDoc],
    /// Builds it from its options, in which secrets stand as references.
    pub build: fn(&mut Params, &Context) -> Built,
}

/// Every trainer.
pub const TRAINERS: &[&TrainerKind] = &[&webhook::KIND];

#[cfg(test)]
mod tests;
