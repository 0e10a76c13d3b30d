//! What the threads did, as numbers, pictures and dead letters.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Observer;
use crate::admin::snapshot::{Lag, NotReady, Snapshot, Snapshots};
use crate::clock;
use crate::dead_letter::{DeadLetters, Letter, Sampler};
use crate::engine::{Engine, Status};
use crate::metrics::Metrics;
use crate::source::{Refusals, Shared};
use crate::wire::{Bad, Record};

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
            not_ready.push(NotReady {
                code: "not_assigned".to_owned(),
                message: "no partition is assigned yet".to_owned(),
            });
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
            state_bytes: self.state_bytes,
            reload_ok: before.reload_ok,
        };
        self.snapshots.store(Arc::new(next));
    }
}

/// Refused records that the log shows per reason and minute; all are counted and kept.
const SAMPLES: u32 = 5;
/// How often kept records are written out.
const FLUSH: Duration = Duration::from_secs(1);

/// Counts, samples and keeps every refused record, whichever reader met it.
#[derive(Clone)]
pub(super) struct Keeping {
    metrics: Metrics,
    kept: Arc<Mutex<Kept>>,
}

struct Kept {
    letters: DeadLetters,
    /// Bytes that letters may take; a reload may change it.
    limit: Arc<AtomicU64>,
    sampler: Sampler,
    flushed: Instant,
}

impl Keeping {
    pub(super) fn new(metrics: Metrics, dir: &Path, limit: Arc<AtomicU64>) -> Keeping {
        let letters = DeadLetters::new(dir, limit.load(Ordering::Relaxed));
        let (sampler, flushed) = (Sampler::new(SAMPLES), Instant::now());
        let kept = Kept { letters, limit, sampler, flushed };
        Keeping { metrics, kept: Arc::new(Mutex::new(kept)) }
    }
}

impl Refusals for Keeping {
    fn refused(&mut self, record: &Record<'_>, bad: &Bad) {
        self.metrics.bad(record.topic, bad.reason.as_str(), 1);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(suppressed) = kept.sampler.admit(bad.reason, clock::now()) {
            tracing::warn!(
                topic = record.topic,
                partition = record.partition,
                offset = record.offset,
                reason = bad.reason.as_str(),
                suppressed,
                "record refused: {}",
                bad.detail
            );
        }
        kept.letters.put(&Letter {
            topic: record.topic,
            partition: record.partition,
            offset: record.offset,
            reason: bad.reason,
            detail: &bad.detail,
            timestamp: record.timestamp,
            key: record.key,
            payload: record.payload,
        });
    }

    fn tick(&mut self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.flushed.elapsed() >= FLUSH {
            kept.flushed = Instant::now();
            let limit = kept.limit.load(Ordering::Relaxed);
            kept.letters.limit(limit);
            kept.letters.flush();
        }
    }
}
