//! Runs the lanes: one task decides, attempts run beside it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::lanes::{After, Lanes, pause};
use super::receivers::Receivers;
use crate::clock::Clock;
use crate::failpoint::Failpoint;
use crate::metrics::{Metrics, Outcome};
use crate::notify::{Attempt, DeliveryError, test_message};
use crate::policy::message::{Delivery, Message, Receipt};

/// How long attempts under way may take when the daemon stops.
const FAREWELL: Duration = Duration::from_secs(5);

enum Order {
    /// A message and the attempts made before.
    Send(Message, u32),
    Cancel(String),
    Receivers(Receivers),
    Test(Message, oneshot::Sender<Result<Option<String>, TestFailed>>),
}

/// Why a test message did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TestFailed {
    /// Nobody of that name.
    #[error("there is no notifier '{0}'")]
    Unknown(String),
    /// One attempt was made.
    #[error("{0}")]
    NotAccepted(String),
    /// The daemon is going.
    #[error("driftd is stopping")]
    Stopping,
}

/// Gives orders to the dispatcher; cheap to clone. When the last one is gone the dispatcher ends.
#[derive(Debug, Clone)]
pub struct Handle {
    orders: mpsc::UnboundedSender<Order>,
}

impl Handle {
    /// Sends a message whose row is durable, after so many attempts of an earlier process: tried at
    /// once, since a restart may have been the cure; numbers and pauses go on from there. What
    /// becomes of it arrives as receipts.
    pub fn send(&self, message: Message, attempts: u32) {
        self.order(Order::Send(message, attempts));
    }

    /// Forgets a message that a later one replaced. One that is being tried just now may still
    /// arrive; it is not tried again.
    pub fn cancel(&self, id: String) {
        self.order(Order::Cancel(id));
    }

    /// The receivers after a reload; what waits is tried again at once.
    pub fn receivers(&self, receivers: Receivers) {
        self.order(Order::Receivers(receivers));
    }

    /// Makes one attempt to deliver a test message, past all lanes. `installation` is the name in
    /// every page, `id` makes the message unique.
    ///
    /// # Errors
    /// [`TestFailed`].
    pub async fn test(&self, message: Message) -> Result<Option<String>, TestFailed> {
        let (answer, answered) = oneshot::channel();
        self.order(Order::Test(message, answer));
        answered.await.unwrap_or(Err(TestFailed::Stopping))
    }

    fn order(&self, order: Order) {
        // A dispatcher that has ended delivers nothing more; the rows stay pending.
        let _ = self.orders.send(order);
    }
}

impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Order::Send(..) => "Send",
            Order::Cancel(_) => "Cancel",
            Order::Receivers(_) => "Receivers",
            Order::Test(..) => "Test",
        })
    }
}

/// The task's belongings.
#[derive(Debug)]
pub struct Dispatcher {
    orders: mpsc::UnboundedReceiver<Order>,
    receipts: mpsc::UnboundedSender<Receipt>,
    receivers: Receivers,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    lanes: Lanes,
    attempts: JoinSet<Attempted>,
}

/// The end of an attempt.
#[derive(Debug)]
struct Attempted {
    message: Message,
    number: u32,
    result: Result<Option<String>, DeliveryError>,
}

impl Dispatcher {
    /// A dispatcher and its handle; [`Dispatcher::run`] does the work.
    #[must_use]
    pub fn new(
        receivers: Receivers,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        receipts: mpsc::UnboundedSender<Receipt>,
    ) -> (Dispatcher, Handle) {
        let (sender, orders) = mpsc::unbounded_channel();
        let dispatcher = Dispatcher {
            orders,
            receipts,
            receivers,
            clock,
            metrics,
            lanes: Lanes::default(),
            attempts: JoinSet::new(),
        };
        (dispatcher, Handle { orders: sender })
    }

    /// Works until the last handle is gone, and a few seconds longer for attempts under way.
    pub async fn run(mut self) {
        loop {
            self.start();
            // Without a lane to wait for, some far time: any order or attempt ends the wait.
            let until = self.lanes.next().unwrap_or(self.clock.monotonic() + FAREWELL * 1_000);
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => self.obey(order),
                    None => break,
                },
                Some(ended) = self.attempts.join_next() => {
                    if let Ok(attempted) = ended {
                        self.settle(attempted);
                    }
                }
                () = self.clock.sleep_until(until) => {}
            }
        }
        let farewell = self.clock.sleep_until(self.clock.monotonic() + FAREWELL);
        tokio::pin!(farewell);
        loop {
            tokio::select! {
                ended = self.attempts.join_next() => match ended {
                    Some(Ok(attempted)) => self.settle(attempted),
                    Some(Err(_)) => {}
                    None => return,
                },
                () = &mut farewell => return,
            }
        }
    }

    fn obey(&mut self, order: Order) {
        let now = self.clock.monotonic();
        match order {
            Order::Send(message, attempts) => self.lanes.push(message, attempts, now),
            Order::Cancel(id) => {
                self.lanes.cancel(&id, now);
            }
            Order::Receivers(receivers) => {
                self.receivers = receivers;
                self.lanes.hurry(now);
            }
            Order::Test(message, answer) => self.test(message, answer),
        }
    }

    fn start(&mut self) {
        for (message, number) in self.lanes.start(self.clock.monotonic()) {
            let receiver = self.receivers.of(&message);
            let attempt = Attempt { number, at: self.clock.now() };
            self.attempts.spawn(async move {
                Failpoint::SendBegins.reach();
                let result = match receiver {
                    // A reload may bring it back, and until then the row is visible.
                    None => Err(DeliveryError::retry(unknown(&message))),
                    // An attempt in a task of its own: a notifier that panics costs one attempt.
                    Some(receiver) => {
                        let tried = message.clone();
                        let attempt =
                            tokio::spawn(async move { receiver.deliver(&tried, attempt).await });
                        attempt.await.unwrap_or_else(|_| {
                            Err(DeliveryError::retry("the notifier failed inside driftd"))
                        })
                    }
                };
                Failpoint::SendReplied.reach();
                Attempted { message, number, result }
            });
        }
    }

    fn settle(&mut self, attempted: Attempted) {
        let Attempted { message, number, result } = attempted;
        let now = self.clock.monotonic();
        let (outcome, result) = match result {
            Ok(reply) => {
                self.lanes.drop_first(&message.id, now);
                (Outcome::Delivered, Delivery::Delivered { attempts: number, reply })
            }
            Err(DeliveryError::Permanent { why }) => {
                if self.lanes.drop_first(&message.id, now) {
                    return;
                }
                (Outcome::Dead, Delivery::Dead { attempts: number, error: why })
            }
            Err(DeliveryError::Retry { after, why }) => {
                let age = self.clock.now() - message.created;
                let give_up = self.receivers.give_up(&message);
                if age >= give_up {
                    if self.lanes.drop_first(&message.id, now) {
                        return;
                    }
                    let error = format!("given up after {give_up}: {why}");
                    (Outcome::Dead, Delivery::Dead { attempts: number, error })
                } else {
                    // The last attempt is made when its time is up, however long the receiver
                    // wants to be left alone: until then it may still be accepted.
                    let left =
                        Duration::from_micros(give_up.0.saturating_sub(age.0).unsigned_abs());
                    let pause = pause(number, after, rand::random()).min(left);
                    if self.lanes.failed(&message.id, pause, now) == After::Forgotten {
                        return;
                    }
                    (Outcome::Retrying, Delivery::Retrying { attempts: number, error: why })
                }
            }
        };
        self.metrics.message(&message.to, outcome);
        report(&message, &result);
        // An engine that is gone needs no receipt: the row is pending and will be tried again.
        let _ = self.receipts.send(Receipt { id: message.id, result });
    }

    fn test(
        &mut self,
        message: Message,
        answer: oneshot::Sender<Result<Option<String>, TestFailed>>,
    ) {
        let receiver = self.receivers.of(&message);
        let attempt = Attempt { number: 1, at: self.clock.now() };
        tokio::spawn(async move {
            let result = match receiver {
                None => Err(TestFailed::Unknown(message.to.clone())),
                Some(receiver) => receiver
                    .deliver(&message, attempt)
                    .await
                    .map_err(|why| TestFailed::NotAccepted(why.to_string())),
            };
            // Who asked may have gone.
            let _ = answer.send(result);
        });
    }
}

fn unknown(message: &Message) -> String {
    let kind = if message.to_trainer { "trainer" } else { "notifier" };
    format!("there is no {kind} '{}' any more; add it and reload, or let it expire", message.to)
}

/// The first failure, and every end, are worth a line; what lies between is in the API.
fn report(message: &Message, result: &Delivery) {
    let (id, to, incident) = (message.id.as_str(), message.to.as_str(), message.key.as_str());
    match result {
        Delivery::Delivered { attempts, .. } => {
            tracing::info!(id, to, incident, attempts, "message delivered");
        }
        Delivery::Retrying { attempts: 1, error } => {
            tracing::warn!(id, to, incident, "message not accepted yet: {error}");
        }
        Delivery::Retrying { attempts, error } => {
            tracing::debug!(id, to, incident, attempts, "message not accepted yet: {error}");
        }
        Delivery::Dead { attempts, error } => {
            tracing::error!(id, to, incident, attempts, "message not delivered: {error}");
        }
    }
}

/// A marked test message for [`Handle::test`].
#[must_use]
pub fn marked_test(installation: &str, to: &str, clock: &dyn Clock) -> Message {
    let id = format!("{:016x}", rand::random::<u64>());
    test_message(installation, to, &id, clock.now())
}
