//! What may leave: written down first, and never what was accepted before.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::Outgoing;
use crate::clock;
use crate::policy::message::{Delivery, Message, Receipt};
use crate::source::Shared;
use crate::store::{Known, Sent};

/// Fault of a file of sent messages that cannot be written.
const NOT_WRITTEN_DOWN: &str = "sent_not_writable";

/// The way from durable rows to the dispatcher.
pub struct Sending {
    sent: Sent,
    out: UnboundedSender<Outgoing>,
    shared: Arc<Shared>,
}

impl Sending {
    /// A way out; faults are shown by `shared`.
    pub fn new(sent: Sent, out: UnboundedSender<Outgoing>, shared: Arc<Shared>) -> Sending {
        Sending { sent, out, shared }
    }

    /// Sends what is durable. Returns receipts of messages that were settled once, before the
    /// database was lost or an older one put in its place.
    pub fn send(&mut self, outgoing: Vec<Outgoing>) -> Vec<Receipt> {
        let (mut orders, mut unknown, mut receipts) = (Vec::new(), Vec::new(), Vec::new());
        for order in outgoing {
            let Outgoing::Message(message, attempts) = order else {
                orders.push(order);
                continue;
            };
            match self.sent.known(&message) {
                Known::Nothing => {
                    unknown.push(message.clone());
                    orders.push(Outgoing::Message(message, attempts));
                }
                // Whatever it would say now: one message has one body.
                Known::Sent(first) => orders.push(Outgoing::Message(*first, attempts)),
                Known::Over => {
                    let error = "the receiver has heard of the incident's end since".to_owned();
                    let result = Delivery::Dead { attempts, error };
                    receipts.push(Receipt { id: message.id, result });
                }
                Known::Delivered(attempts) => {
                    tracing::info!(
                        id = message.id,
                        to = message.to,
                        "message was delivered before"
                    );
                    let result = Delivery::Delivered { attempts, reply: None };
                    receipts.push(Receipt { id: message.id, result });
                }
            }
        }
        self.write_down(|sent| sent.note(&unknown, clock::now()));
        for order in orders {
            // The dispatcher outlives this thread; if it is gone, the rows wait for the restart.
            let _ = self.out.send(order);
        }
        receipts
    }

    /// Writes down that a message was accepted.
    pub fn accepted(&mut self, id: &str, attempts: u32) {
        self.write_down(|sent| sent.note_delivered(id, attempts));
    }

    /// Sends nothing more; the file remains.
    pub fn end(self) -> Sent {
        self.sent
    }

    /// Forgets what is old.
    pub fn tidy(&mut self) {
        self.write_down(|sent| sent.tidy(clock::now()));
    }

    /// A page matters more than the risk that it comes twice.
    fn write_down(&mut self, write: impl FnOnce(&mut Sent) -> std::io::Result<()>) {
        match write(&mut self.sent) {
            Ok(()) => self.shared.faults.clear(NOT_WRITTEN_DOWN, ""),
            Err(error) => {
                let message = format!(
                    "sent messages cannot be written down: {error}; they go out all the same, and \
                     may go out again if the state is lost"
                );
                self.shared.faults.raise(NOT_WRITTEN_DOWN, "", message);
            }
        }
    }
}

/// Messages as orders, each with the attempts made before.
pub fn orders(messages: impl IntoIterator<Item = (Message, u32)>) -> Vec<Outgoing> {
    let order = |(message, attempts)| Outgoing::Message(message, attempts);
    messages.into_iter().map(order).collect()
}
