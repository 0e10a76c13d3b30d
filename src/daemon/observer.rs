//! What the engine did, as numbers and pictures.

use std::sync::Arc;
use std::time::Duration;

use super::Observer;
use crate::admin::snapshot::{Lag, NotReady, Snapshot, Snapshots};
use crate::engine::{Engine, Status};
use crate::metrics::Metrics;
use crate::source::Shared;

/// Draws pictures and counts.
pub(super) struct Watching {
    metrics: Metrics,
    snapshots: Snapshots,
    shared: Arc<Shared>,
    state_bytes: u64,
}

impl Watching {
    pub(super) fn new(metrics: Metrics, snapshots: Snapshots, shared: Arc<Shared>) -> Watching {
        Watching { metrics, snapshots, shared, state_bytes: 0 }
    }
}

impl Observer for Watching {
    fn took(&mut self, topic: &str, records: u64) {
        self.metrics.consumed(topic, records);
    }

    fn late(&mut self, model: &str, predictions: u64) {
        self.metrics.late(model, predictions);
    }

    fn committed(&mut self, took: Duration, bytes: u64) {
        self.metrics.commit(took);
        self.state_bytes = bytes;
    }

    fn picture(&mut self, engine: &Engine, status: Status) {
        let mut not_ready: Vec<NotReady> = self
            .shared
            .faults
            .list()
            .into_iter()
            .map(|fault| NotReady { code: fault.code, message: fault.message })
            .collect();
        if !engine.owns_anything() && not_ready.is_empty() {
            not_ready.push(NotReady::unassigned());
        }
        let lag = engine
            .lags()
            .into_iter()
            .map(|(p, messages)| Lag { topic: p.topic, partition: p.number, messages })
            .collect();
        let before = self.snapshots.load();
        let next = Snapshot {
            name: engine.name().to_owned(),
            config_digest: engine.config_digest().to_owned(),
            not_ready,
            status,
            lag,
            held: self.shared.held(),
            waiting: self.shared.waiting(),
            state_bytes: self.state_bytes,
            reload_ok: before.reload_ok,
        };
        self.snapshots.store(Arc::new(next));
    }
}
