//! Messages that leave, what becomes of them, and what people ask for.

use serde::{Deserialize, Serialize};

use crate::detect::Severity;
use crate::event::{Span, Time};
use crate::lines::{RunLine, Segment, SilenceLine};

/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MessageKind {
    /// An incident began.
    #[serde(rename = "incident.firing")]
    Firing,
    /// It got worse or wider.
    #[serde(rename = "incident.updated")]
    Updated,
    /// It is over.
    #[serde(rename = "incident.resolved")]
    Resolved,
    /// A model should be retrained.
    #[serde(rename = "retraining.requested")]
    Retraining,
    /// Somebody tries the way.
    #[serde(rename = "test")]
    Test,
}

impl MessageKind {
    /// The `type` of the message's body.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            MessageKind::Firing => "incident.firing",
            MessageKind::Updated => "incident.updated",
            MessageKind::Resolved => "incident.resolved",
            MessageKind::Retraining => "retraining.requested",
            MessageKind::Test => "test",
        }
    }
}

/// One message to one receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Identity of the message: the same for all its attempts (`webhook-id`).
    pub id: String,
    /// The incident's key.
    pub key: String,
    /// Notifier or trainer.
    pub to: String,
    /// Whether `to` is a trainer.
    pub to_trainer: bool,
    /// What it says.
    pub kind: MessageKind,
    /// How bad.
    pub severity: Severity,
    /// Our clock when it was written; the body's `timestamp`.
    pub created: Time,
    /// The body's `data` as JSON text, fixed when the message was written.
    pub data: String,
    /// The retraining run that it asks for.
    pub run: Option<String>,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The message's id.
    pub id: String,
    /// The result.
    pub result: Delivery,
}

/// The result of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Accepted.
    Delivered {
        /// Attempts it took.
        attempts: u32,
        /// What the receiver answered.
        reply: Option<String>,
    },
    /// Not accepted yet; it will be tried again.
    Retrying {
        /// Attempts so far.
        attempts: u32,
        /// Why the last one failed.
        error: String,
    },
    /// Given up.
    Dead {
        /// Attempts made.
        attempts: u32,
        /// Why.
        error: String,
    },
}

/// What people and pipelines ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Be quiet about something for a while.
    Silence {
        /// Model.
        model: String,
        /// One monitor, or all.
        monitor: Option<String>,
        /// One segment, or all.
        segment: Segment,
        /// First instant of event time; now if absent.
        from: Option<Time>,
        /// For how long.
        length: Span,
        /// Why.
        comment: String,
    },
    /// End a silence.
    ExpireSilence {
        /// Which.
        id: String,
    },
    /// Retrain by hand.
    Retrain {
        /// Model.
        model: String,
        /// Why.
        reason: String,
    },
    /// A pipeline reports.
    Callback {
        /// Run.
        run: String,
        /// What it says.
        state: RunReport,
        /// The version that it produced.
        version: Option<String>,
        /// Where to look.
        url: Option<String>,
        /// Anything else.
        message: Option<String>,
    },
}

/// What a pipeline may report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunReport {
    /// It works.
    Running,
    /// It is done.
    Succeeded,
    /// It is not.
    Failed,
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The silence that was made or ended.
    Silence(SilenceLine),
    /// The run that was asked for or changed.
    Run(RunLine),
    /// Done, with nothing to show.
    Done,
    /// There is no such thing; the sentence says which.
    NotFound(String),
    /// It cannot be done; the sentence says why.
    Refused(String),
}
