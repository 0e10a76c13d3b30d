//! What API, page and metrics show: one picture, replaced as a whole. Pure data.

use std::sync::Arc;

use arc_swap::ArcSwap;
use serde::Serialize;

use crate::engine::Status;
use crate::event::Time;
use crate::lines::RowState;

/// The current picture; readers never wait for the engine.
pub type Snapshots = Arc<ArcSwap<Snapshot>>;

/// A picture of the daemon.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Name of this installation.
    pub name: String,
    /// Digest of the effective configuration.
    pub config_digest: String,
    /// Why it is not ready; empty: it is.
    pub not_ready: Vec<NotReady>,
    /// What the engine holds.
    pub status: Status,
    /// Records that are not in the state yet, per partition.
    pub lag: Vec<Lag>,
    /// Partitions that wait because they are ahead of others.
    pub held: usize,
    /// Partitions that wait for a schema.
    pub waiting: usize,
    /// Bytes of the state on disk.
    pub state_bytes: u64,
    /// Whether the last reload, or else the start, took its configuration.
    pub reload_ok: bool,
}

/// A reason not to be ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotReady {
    /// A fixed word such as `disk_full`.
    pub code: String,
    /// A sentence for the operator.
    pub message: String,
}

impl NotReady {
    /// Nothing is read yet; holds from the first picture on.
    #[must_use]
    pub fn unassigned() -> NotReady {
        NotReady {
            code: "not_assigned".to_owned(),
            message: "no partition is assigned yet".to_owned(),
        }
    }
}

/// How far the state is behind a partition's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition.
    pub partition: i32,
    /// Records.
    pub messages: i64,
}

impl Snapshot {
    /// Wraps the first picture.
    #[must_use]
    pub fn shared(self) -> Snapshots {
        Arc::new(ArcSwap::from_pointee(self))
    }

    /// Messages that nobody has accepted yet, and when the oldest was written.
    #[must_use]
    pub fn pending(&self) -> (usize, Option<Time>) {
        let pending = self.status.outbox.iter().filter(|row| row.state == RowState::Pending);
        (pending.clone().count(), pending.map(|row| row.created).min())
    }
}
