//! What the API may ask of the daemon.

use std::collections::BTreeMap;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Reloader, Work};
use crate::admin::{Control, Unavailable};
use crate::clock::{BoxFuture, Clock};
use crate::engine::callback_token;
use crate::notify::signature::SigningKey;
use crate::outbox::{Handle, TestFailed, marked_test};
use crate::policy::message::{Command, Reply};

/// How long a command may wait for its commit.
const PATIENCE: Duration = Duration::from_secs(10);

/// Passes what people ask for on to whoever owns it.
pub(super) struct Desk {
    pub work: Mutex<Sender<Work>>,
    pub dispatcher: Handle,
    pub reloader: Reloader,
    pub clock: Arc<dyn Clock>,
    pub name: String,
    pub secret: [u8; 32],
    /// Keys that may sign callbacks, by model.
    pub keys: BTreeMap<String, Vec<SigningKey>>,
}

impl Control for Desk {
    fn command(&self, command: Command) -> BoxFuture<'_, Result<Reply, Unavailable>> {
        let (answer, answered) = oneshot::channel();
        let sent = self
            .work
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .send(Work::Command(command, answer));
        Box::pin(async move {
            sent.map_err(|_| Unavailable)?;
            match tokio::time::timeout(PATIENCE, answered).await {
                Ok(Ok(reply)) => Ok(reply),
                _ => Err(Unavailable),
            }
        })
    }

    fn reload(&self) -> BoxFuture<'_, Result<Vec<String>, String>> {
        Box::pin(self.reloader.reload())
    }

    fn notify_test(&self, name: String) -> BoxFuture<'_, Result<Option<String>, TestFailed>> {
        let message = marked_test(&self.name, &name, self.clock.as_ref());
        Box::pin(self.dispatcher.test(message))
    }

    fn callback_token(&self, run: &str) -> String {
        callback_token(&self.secret, run)
    }

    fn callback_keys(&self, model: Option<&str>) -> Vec<SigningKey> {
        match model {
            Some(model) => self.keys.get(model).cloned().unwrap_or_default(),
            None => self.keys.values().flatten().cloned().collect(),
        }
    }
}
