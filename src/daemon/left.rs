//! What comes after the last commit: replies of receivers to messages that were on their way.

use std::sync::mpsc::Receiver;

use super::engine_thread::Work;
use crate::policy::message::{Delivery, Receipt};
use crate::store::Sent;

/// What outlives the thread: replies that come after the last commit.
pub struct Left {
    sent: Sent,
    work: Receiver<Work>,
}

impl Left {
    /// What an engine thread leaves: the file, and what it has not looked at.
    #[must_use]
    pub fn new(sent: Sent, work: Receiver<Work>) -> Left {
        Left { sent, work }
    }

    /// Writes down which messages were accepted; the next start files their rows by it.
    pub fn write_down(mut self) {
        for work in self.work.try_iter() {
            let Work::Receipt(Receipt { id, result }) = work else { continue };
            let Delivery::Delivered { attempts, .. } = result else { continue };
            if let Err(error) = self.sent.note_delivered(&id, attempts) {
                tracing::warn!("message {id} was accepted and may be sent again: {error}");
            }
        }
    }
}
