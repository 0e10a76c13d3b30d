//! Schema registries: fetches the schemas that readers want, remembers them for ever, and says
//! when it cannot.
//!
//! A reader asks its [`SchemaBook`] and never waits. A thread of our own looks what is wanted,
//! asks the registry once per id, writes what it learns to the state and then into the book: no
//! record is counted whose schema is not durable, and a restart needs no registry.

mod client;
mod described;
mod keeper;
mod kept;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub use client::{Client, Trouble};
pub use described::{DESCRIBED, keep_described, read_described};

use crate::notify::Callable;
use crate::store::{Store, StoreError};
use crate::wire::{SchemaBook, Written};
use keeper::Keeper;

/// A registry.
#[derive(Debug, Clone)]
pub struct RegistrySpec {
    /// Its name in the configuration.
    pub name: String,
    /// Its address, without a slash at the end.
    pub url: String,
    /// Headers of every request, those that hold credentials included.
    pub headers: Vec<(String, String)>,
    /// Further authorities to trust, in PEM.
    pub ca: Option<Vec<u8>>,
    /// Our certificate and its key, in PEM.
    pub certificate: Option<Vec<u8>>,
    /// Longest time of one request.
    pub timeout: Duration,
    /// How long records wait for a schema.
    pub patience: Duration,
    /// Who may be called.
    pub callable: Callable,
    /// Where its schemas are looked up.
    pub book: Arc<SchemaBook>,
}

/// Told of what the registries do.
pub trait Watch: Send + Sync {
    /// A request ended so: `ok`, or the word of a reason.
    fn asked(&self, registry: &str, result: &'static str);

    /// What keeps a registry's schemas from coming, in a sentence; `None`: nothing any more.
    fn trouble(&self, registry: &str, trouble: Option<String>);
}

/// Nobody listens.
pub struct Unwatched;

impl Watch for Unwatched {
    fn asked(&self, _: &str, _: &'static str) {}
    fn trouble(&self, _: &str, _: Option<String>) {}
}

/// Why registries cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its settings cannot be used.
    #[error("registries.{0}: {1}")]
    Settings(String, String),
    /// What is remembered of it cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No thread.
    #[error("the registries' thread cannot start: {0}")]
    Thread(#[from] std::io::Error),
}

/// The registries of a configuration, asked in the background until this is dropped.
pub struct Registries {
    _stop: tokio::sync::watch::Sender<()>,
}

impl Registries {
    /// Reads what the state remembers, and begins to ask for what is wanted beyond. Without a
    /// store nothing is remembered.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(
        specs: Vec<RegistrySpec>,
        store: Option<Arc<dyn Store>>,
        watch: Arc<dyn Watch>,
    ) -> Result<Registries, StartError> {
        let (stop, stopped) = tokio::sync::watch::channel(());
        let mut keepers = Vec::new();
        for spec in specs {
            let client =
                Client::new(&spec).map_err(|why| StartError::Settings(spec.name.clone(), why))?;
            if let Some(store) = &store {
                for (id, written) in kept::read(store.as_ref(), &spec.url)? {
                    spec.book.put(id, Ok(Arc::new(written)));
                }
            }
            keepers.push(Keeper::new(spec, client, store.clone(), watch.clone()));
        }
        if !keepers.is_empty() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            std::thread::Builder::new().name("registries".to_owned()).spawn(move || {
                runtime.block_on(run(keepers, stopped));
            })?;
        }
        Ok(Registries { _stop: stop })
    }
}

/// Runs all keepers until the other end is gone.
async fn run(keepers: Vec<Keeper>, mut stopped: tokio::sync::watch::Receiver<()>) {
    let mut tasks = tokio::task::JoinSet::new();
    for keeper in keepers {
        tasks.spawn(keeper.run());
    }
    let _ = stopped.changed().await;
    tasks.abort_all();
}

/// The latest schema of a subject, asked at once.
///
/// # Errors
/// [`Trouble`].
pub fn latest(spec: &RegistrySpec, subject: &str) -> Result<Written, Trouble> {
    let client = Client::new(spec).map_err(Trouble::unusable)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Trouble::unusable(error.to_string()))?;
    runtime.block_on(client.latest(subject))
}
