//! What becomes of refused records: counted, sampled into the log, kept in a file, and where
//! configured in a topic.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;
use crate::dead_letter::{DeadLetterTopic, DeadLetters, Letter, Sampler};
use crate::metrics::Metrics;
use crate::source::{Refusals, Shared};
use crate::wire::{Bad, Record};

/// Refused records that the log shows per reason and minute; all are counted and kept.
const SAMPLES: u32 = 5;
/// How often kept records are written out.
const FLUSH: Duration = Duration::from_secs(1);
/// How often the log tells of records that could not be kept.
const TELL: Duration = Duration::from_secs(60);

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
    topic: Option<DeadLetterTopic>,
    /// Knows which records will not be read again.
    shared: Arc<Shared>,
    sampler: Sampler,
    flushed: Instant,
    file_losses: Losses,
    topic_losses: Losses,
}

impl Keeping {
    pub(super) fn new(
        metrics: Metrics,
        letters: DeadLetters,
        limit: Arc<AtomicU64>,
        topic: Option<DeadLetterTopic>,
        shared: Arc<Shared>,
    ) -> Keeping {
        metrics.letters_lost("file", 0);
        if topic.is_some() {
            metrics.letters_lost("topic", 0);
        }
        let kept = Kept {
            letters,
            limit,
            topic,
            shared,
            sampler: Sampler::new(SAMPLES),
            flushed: Instant::now(),
            file_losses: Losses::of("file"),
            topic_losses: Losses::of("topic"),
        };
        Keeping { metrics, kept: Arc::new(Mutex::new(kept)) }
    }
}

impl Kept {
    fn write(&mut self) {
        let committed = self.shared.committed.lock().unwrap_or_else(PoisonError::into_inner);
        self.letters.flush_committed(&committed.clone());
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.write();
        self.letters.forget();
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
        let letter = Letter {
            topic: record.topic,
            partition: record.partition,
            offset: record.offset,
            reason: bad.reason,
            detail: &bad.detail,
            timestamp: record.timestamp,
            key: record.key,
            payload: record.payload,
            headers: record.headers,
        };
        kept.letters.put(&letter);
        if let Some(topic) = &kept.topic {
            topic.put(&letter);
        }
    }

    fn unmatched(&mut self, topic: &str, records: u64) {
        self.metrics.unmatched(topic, records);
    }

    fn tick(&mut self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.flushed.elapsed() < FLUSH {
            return;
        }
        kept.flushed = Instant::now();
        let limit = kept.limit.load(Ordering::Relaxed);
        kept.letters.limit(limit);
        let kept = &mut *kept;
        kept.write();
        let why = kept.letters.last_error().map(str::to_owned);
        kept.file_losses.note(&self.metrics, kept.letters.lost(), why);
        if let Some(topic) = &kept.topic {
            kept.topic_losses.note(&self.metrics, topic.lost(), topic.last_error());
        }
    }
}

/// Letters that could not be kept somewhere: all are counted, the log hears of them now and then.
struct Losses {
    at: &'static str,
    counted: u64,
    told: u64,
    told_at: Option<Instant>,
}

impl Losses {
    fn of(at: &'static str) -> Losses {
        Losses { at, counted: 0, told: 0, told_at: None }
    }

    fn note(&mut self, metrics: &Metrics, lost: u64, why: Option<String>) {
        metrics.letters_lost(self.at, lost - self.counted);
        self.counted = lost;
        if lost > self.told && self.told_at.is_none_or(|at| at.elapsed() >= TELL) {
            tracing::warn!(
                lost = lost - self.told,
                "dead letters could not be kept in the {}: {}",
                self.at,
                why.unwrap_or_default()
            );
            (self.told, self.told_at) = (lost, Some(Instant::now()));
        }
    }
}
