//! A changed configuration: validated, then applied; or the old one stays.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::control::Doorkeeper;
use super::plans::{id_key, reference_files, topic_plans};
use super::receivers;
use super::registries::{self, Telling};
use crate::admin::snapshot::{Snapshot, Snapshots};
use crate::config::{KafkaSettings, Settings};
use crate::outbox::Handle;
use crate::plan::Plan;
use crate::registry::{Registries, keep_described};
use crate::source::{Revised, Shared};
use crate::store::{Identity, Store};

/// Reads the configuration again: settings, or the problems as text.
pub type Loader = Arc<dyn Fn() -> Result<Settings, String> + Send + Sync>;

/// Applies changed configurations; cheap to clone.
#[derive(Clone)]
pub struct Reloader {
    load: Loader,
    within: Within,
    fixed: Arc<Fixed>,
    one_at_a_time: Arc<Mutex<()>>,
}

/// What a reload reaches.
#[derive(Clone)]
pub(super) struct Within {
    pub shared: Arc<Shared>,
    pub dispatcher: Handle,
    pub snapshots: Snapshots,
    pub doorkeeper: Arc<ArcSwap<Doorkeeper>>,
    /// Bytes that dead letters may take.
    pub dead_letters: Arc<AtomicU64>,
    /// What registries learn is kept here.
    pub store: Arc<dyn Store>,
    /// Who hears of them.
    pub telling: Telling,
    /// Those that are asked now.
    pub registries: Arc<Mutex<Registries>>,
}

/// What needs a restart.
struct Fixed {
    kafka: KafkaSettings,
    state_dir: PathBuf,
    listen: String,
    key: [u8; 16],
}

impl Fixed {
    fn of(settings: &Settings, identity: &Identity) -> Fixed {
        Fixed {
            kafka: settings.kafka.clone(),
            state_dir: settings.state.dir.clone(),
            listen: settings.http.listen.clone(),
            key: id_key(identity),
        }
    }

    /// Keys of the new settings that only a restart brings in force.
    fn differing(&self, settings: &Settings) -> Vec<&'static str> {
        let mut keys = Vec::new();
        if self.kafka != settings.kafka {
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

    /// The new plan, with what follows from fixed keys as it was.
    fn held(&self, settings: &Settings) -> Plan {
        let mut plan = settings.plan.clone();
        plan.idle_after = self.kafka.idle_after;
        plan.act_within = self.kafka.act_within;
        if plan.name == settings.kafka.group {
            plan.name.clone_from(&self.kafka.group);
        }
        if plan.public_url == format!("http://{}", settings.http.listen) {
            plan.public_url = format!("http://{}", self.listen);
        }
        plan
    }
}

impl Reloader {
    /// A reloader for a daemon that runs with these settings.
    #[must_use]
    pub(super) fn new(
        load: Loader,
        within: Within,
        settings: &Settings,
        identity: &Identity,
    ) -> Reloader {
        let fixed = Arc::new(Fixed::of(settings, identity));
        Reloader { load, within, fixed, one_at_a_time: Arc::default() }
    }

    /// Reads the configuration and applies it; says what needs a restart.
    ///
    /// # Errors
    /// The problems as text; nothing was changed.
    pub async fn reload(&self) -> Result<Vec<String>, String> {
        let this = self.clone();
        let result = tokio::task::spawn_blocking(move || this.apply()).await;
        let result = result.unwrap_or_else(|_| Err("the reload failed inside driftd".to_owned()));
        let before = self.within.snapshots.load();
        let next = Snapshot { reload_ok: result.is_ok(), ..(**before).clone() };
        self.within.snapshots.store(Arc::new(next));
        result
    }

    fn apply(&self) -> Result<Vec<String>, String> {
        let _one = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = (self.load)()?;
        let receivers = receivers(&settings)?;
        let (store, telling) = (self.within.store.clone(), self.within.telling.clone());
        let registries =
            registries::start(&settings, store, telling).map_err(|error| error.to_string())?;
        keep_described(&self.fixed.state_dir, &settings.schemas)?;
        let topics = topic_plans(&settings, self.fixed.key);
        let revised = Revised {
            plan: Arc::new(self.fixed.held(&settings)),
            references: reference_files(&settings),
            commit_every: commit_every(&settings),
        };
        self.within.doorkeeper.store(Arc::new(Doorkeeper::new(&settings, &receivers)));
        self.within.dispatcher.receivers(receivers);
        self.within.dead_letters.store(settings.limits.dead_letters, Ordering::Relaxed);
        self.within.shared.reload(&topics, &revised);
        *self.within.registries.lock().unwrap_or_else(PoisonError::into_inner) = registries;
        let restart = self.fixed.differing(&settings);
        for key in &restart {
            tracing::warn!("a change of {key} takes effect after a restart only");
        }
        Ok(restart.into_iter().map(str::to_owned).collect())
    }
}

/// Longest time between two commits.
pub(super) fn commit_every(settings: &Settings) -> Duration {
    Duration::from_micros(settings.state.commit_every.0.max(0) as u64)
}
