//! What the API may ask of the daemon.

use std::collections::BTreeMap;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::oneshot;

use super::{Reloader, Work};
use crate::admin::snapshot::Snapshots;
use crate::admin::{Control, Unavailable};
use crate::clock::{BoxFuture, Clock};
use crate::config::Settings;
use crate::engine::callback_token;
use crate::notify::signature::SigningKey;
use crate::outbox::{Handle, Receivers, TestFailed, marked_test};
use crate::plan::ModelPlan;
use crate::policy::message::{Command, Reply};
use crate::secret::Secret;

/// How long a command may wait for its commit.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who is let in from outside; replaced as a whole by a reload.
#[derive(Debug)]
pub(super) struct Doorkeeper {
    /// Opens the write routes.
    token: Option<Secret>,
    /// Keys that may sign callbacks, by model: those of its trainer.
    keys: BTreeMap<String, Vec<SigningKey>>,
}

impl Doorkeeper {
    pub(super) fn new(settings: &Settings, all: &Receivers) -> Doorkeeper {
        let keys = |model: &ModelPlan| {
            let trainer = all.trainers.get(&model.retrain.as_ref()?.trainer)?;
            Some((model.name.clone(), trainer.callback_keys().to_vec()))
        };
        Doorkeeper {
            token: settings.http.token.clone(),
            keys: settings.plan.models.iter().filter_map(keys).collect(),
        }
    }
}

/// Passes what people ask for on to whoever owns it.
pub(super) struct Desk {
    pub work: Mutex<Sender<Work>>,
    pub dispatcher: Handle,
    pub reloader: Reloader,
    pub clock: Arc<dyn Clock>,
    pub snapshots: Snapshots,
    pub secret: [u8; 32],
    pub doorkeeper: Arc<ArcSwap<Doorkeeper>>,
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
        let message = marked_test(&self.snapshots.load().name, &name, self.clock.as_ref());
        Box::pin(self.dispatcher.test(message))
    }

    fn token(&self) -> Option<Secret> {
        self.doorkeeper.load().token.clone()
    }

    fn callback_token(&self, run: &str) -> String {
        callback_token(&self.secret, run)
    }

    fn callback_keys(&self, model: Option<&str>) -> Vec<SigningKey> {
        let keys = &self.doorkeeper.load().keys;
        match model {
            Some(model) => keys.get(model).cloned().unwrap_or_default(),
            None => keys.values().flatten().cloned().collect(),
        }
    }
}
