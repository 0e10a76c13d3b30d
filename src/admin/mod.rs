//! The HTTP face: JSON for scripts, a page for people, numbers for Prometheus.
//!
//! Reads one picture that is replaced as a whole, and the store's score lines; changes nothing by
//! itself: what people ask for goes through [`Control`] to whoever owns it. [`routes::ROUTES`] is
//! the list of everything that can be asked; router and OpenAPI text are made out of it.

mod actions;
mod answer;
mod asked;
mod guard;
mod html;
mod incident_page;
mod index_page;
mod listener;
mod lists;
mod openapi;
mod probes;
mod routes;
pub mod snapshot;

pub use actions::Replays;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use tokio::net::TcpListener;

use crate::clock::{BoxFuture, Clock};
use crate::metrics::Exporter;
use crate::notify::signature::SigningKey;
use crate::outbox::TestFailed;
use crate::policy::message::{Command, Reply};
use crate::secret::Secret;
use crate::store::Store;
use listener::Bounds;
use snapshot::Snapshots;

/// Largest request body.
const BODY_BYTES: usize = 64 * 1024;

/// Nobody answered a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("driftd is stopping, or its state cannot be written just now; try again")]
pub struct Unavailable;

/// Those who can change something.
pub trait Control: Send + Sync {
    /// Hands a command to the engine; answered once its effect is durable.
    fn command(&self, command: Command) -> BoxFuture<'_, Result<Reply, Unavailable>>;

    /// Reads the configuration again; what needs a restart, or the problems as text.
    fn reload(&self) -> BoxFuture<'_, Result<Vec<String>, String>>;

    /// Sends a marked test message to a notifier, once.
    fn notify_test(&self, name: String) -> BoxFuture<'_, Result<Option<String>, TestFailed>>;

    /// Opens the write routes; `None`: they are off.
    fn token(&self) -> Option<Secret>;

    /// The token that a run's callback must bear; nobody can guess it.
    fn callback_token(&self, run: &str) -> String;

    /// Keys that may sign the callbacks of a model's runs instead; `None`: of any model.
    fn callback_keys(&self, model: Option<&str>) -> Vec<SigningKey>;
}

/// What the handlers share.
pub struct App {
    /// The picture.
    pub snapshots: Snapshots,
    /// Score lines.
    pub store: Arc<dyn Store>,
    /// Numbers.
    pub exporter: Exporter,
    /// Who can change something.
    pub control: Arc<dyn Control>,
    /// Our clock.
    pub clock: Arc<dyn Clock>,
    /// Signed callbacks of the last minutes; empty at the start.
    pub replays: Replays,
}

/// Everything that can be asked.
pub fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for route in routes::ROUTES {
        let handler = (route.handler)();
        let handler = match route.access {
            routes::Access::Token => {
                handler.route_layer(middleware::from_fn_with_state(Arc::clone(&app), guard::bearer))
            }
            routes::Access::Open | routes::Access::Run => handler,
        };
        router = router.route(route.path, handler);
    }
    router
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(middleware::from_fn(guard::manners))
        .with_state(app)
}

/// Answers until the returned future is dropped.
pub async fn serve(listener: TcpListener, app: Arc<App>) {
    match listener::serve(listener, router(app), Bounds::default()).await {}
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
pub(crate) mod tests;
