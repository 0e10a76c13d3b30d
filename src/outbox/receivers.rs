//! Who can be sent to, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::Span;
use crate::notify::{Attempt, DeliveryError, GIVE_UP, Notifier};
use crate::policy::message::Message;
use crate::retrain::Trainer;

/// Somebody who takes messages.
#[derive(Debug, Clone)]
pub enum Receiver {
    /// Told of incidents.
    Notifier(Arc<dyn Notifier>),
    /// Asked for runs.
    Trainer(Arc<dyn Trainer>),
}

impl Receiver {
    /// Makes one attempt; what was answered, where that is worth keeping.
    ///
    /// # Errors
    /// [`DeliveryError`].
    pub async fn deliver(
        &self,
        message: &Message,
        attempt: Attempt,
    ) -> Result<Option<String>, DeliveryError> {
        match self {
            Receiver::Notifier(notifier) => notifier.deliver(message, attempt).await,
            Receiver::Trainer(trainer) => {
                let started = trainer.start(message, attempt).await?;
                Ok(started.url.or(started.reply).or(started.external_id))
            }
        }
    }

    fn give_up(&self) -> Span {
        match self {
            Receiver::Notifier(notifier) => notifier.give_up(),
            Receiver::Trainer(trainer) => trainer.give_up(),
        }
    }
}

/// All of them; notifiers and trainers may share a name.
#[derive(Debug, Clone, Default)]
pub struct Receivers {
    /// Told of incidents.
    pub notifiers: BTreeMap<String, Arc<dyn Notifier>>,
    /// Asked for runs.
    pub trainers: BTreeMap<String, Arc<dyn Trainer>>,
}

impl Receivers {
    /// The receiver of a message.
    #[must_use]
    pub fn of(&self, message: &Message) -> Option<Receiver> {
        if message.to_trainer {
            self.trainers.get(&message.to).cloned().map(Receiver::Trainer)
        } else {
            self.notifiers.get(&message.to).cloned().map(Receiver::Notifier)
        }
    }

    /// How long after it was written a message is tried.
    pub(super) fn give_up(&self, message: &Message) -> Span {
        self.of(message).map_or(GIVE_UP, |receiver| receiver.give_up())
    }
}
