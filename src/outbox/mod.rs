//! Delivery: messages that are durable go out, in order per incident and receiver, until they are
//! accepted or given up.
//!
//! Holds no state that matters: the rows are the engine's, and after a restart it hands over what
//! is still pending. Knows nothing of what a message says. A receiver that is down delays nobody
//! else: every receiver has places of its own.

mod dispatcher;
mod lanes;
mod receivers;

pub use dispatcher::{Dispatcher, Handle, TestFailed, marked_test};
pub use receivers::{Receiver, Receivers};

#[cfg(test)]
mod tests;
