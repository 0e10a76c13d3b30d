//! A changed configuration: validated, then applied; or the old one stays.

use std::sync::{Arc, Mutex, PoisonError};

use super::plans::{id_key, topic_plans};
use super::receivers;
use crate::admin::snapshot::Snapshots;
use crate::config::Settings;
use crate::outbox::Handle;
use crate::source::Shared;
use crate::store::Identity;

/// Reads the configuration again: settings, or the problems as text.
pub type Loader = Arc<dyn Fn() -> Result<Settings, String> + Send + Sync>;

/// Applies changed configurations; cheap to clone.
#[derive(Clone)]
pub struct Reloader {
    load: Loader,
    shared: Arc<Shared>,
    dispatcher: Handle,
    snapshots: Snapshots,
    fixed: Arc<Fixed>,
    one_at_a_time: Arc<Mutex<()>>,
}

/// What needs a restart.
struct Fixed {
    kafka: String,
    state_dir: std::path::PathBuf,
    listen: String,
    key: [u8; 16],
}

impl Fixed {
    fn of(settings: &Settings, identity: &Identity) -> Fixed {
        Fixed {
            kafka: format!("{:?}", settings.kafka),
            state_dir: settings.state.dir.clone(),
            listen: settings.http.listen.clone(),
            key: id_key(identity),
        }
    }

    /// Keys of the new settings that only a restart brings in force.
    fn differing(&self, settings: &Settings) -> Vec<&'static str> {
        let mut keys = Vec::new();
        if self.kafka != format!("{:?}", settings.kafka) {
            keys.push("kafka");
        }
        if self.state_dir != settings.state.dir {
            keys.push("state.dir");
        }
        if self.listen != settings.http.listen {
            keys.push("http.listen");
        }
        keys
    }
}

impl Reloader {
    /// A reloader for a daemon that runs with these settings.
    #[must_use]
    pub fn new(
        load: Loader,
        shared: Arc<Shared>,
        dispatcher: Handle,
        snapshots: Snapshots,
        settings: &Settings,
        identity: &Identity,
    ) -> Reloader {
        let fixed = Arc::new(Fixed::of(settings, identity));
        let one_at_a_time = Arc::default();
        Reloader { load, shared, dispatcher, snapshots, fixed, one_at_a_time }
    }

    /// Reads the configuration and applies it; says what needs a restart.
    ///
    /// # Errors
    /// The problems as text; nothing was changed.
    pub async fn reload(&self) -> Result<Vec<String>, String> {
        let this = self.clone();
        let result = tokio::task::spawn_blocking(move || this.apply()).await;
        let result = result.unwrap_or_else(|_| Err("the reload failed inside driftd".to_owned()));
        let before = self.snapshots.load();
        let next =
            crate::admin::snapshot::Snapshot { reload_ok: result.is_ok(), ..(**before).clone() };
        self.snapshots.store(Arc::new(next));
        result
    }

    fn apply(&self) -> Result<Vec<String>, String> {
        let _one = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = (self.load)()?;
        let receivers = receivers(&settings)?;
        let topics = topic_plans(&settings, self.fixed.key);
        let restart = self.fixed.differing(&settings);
        let plan = Arc::new(settings.plan);
        self.dispatcher.receivers(receivers);
        *self.shared.reload.lock().unwrap_or_else(PoisonError::into_inner) = Some((topics, plan));
        for key in &restart {
            tracing::warn!("a change of {key} takes effect after a restart only");
        }
        Ok(restart.into_iter().map(str::to_owned).collect())
    }
}
