//! Dead letters to a topic as well, for tools that read topics: best effort, bounded, off the
//! readers' way. The file keeps them anyway.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};

use super::Letter;
use super::kept::KeptLetter;
use crate::wire::Headers;

pub(super) const TOPIC: &str = "driftd.topic";
const PARTITION: &str = "driftd.partition";
const OFFSET: &str = "driftd.offset";

/// How long the last letters may take when driftd ends.
const FAREWELL: Duration = Duration::from_secs(3);

/// The topic.
pub struct DeadLetterTopic {
    producer: ThreadedProducer<Receipts>,
    topic: String,
}

/// Where a refused record stood, as headers say it.
pub(super) struct Origin<'a> {
    pub topic: &'a str,
    pub partition: i32,
    pub offset: i64,
}

impl<'a> Origin<'a> {
    pub fn of(letter: &'a KeptLetter) -> Origin<'a> {
        Origin { topic: &letter.topic, partition: letter.partition, offset: letter.offset }
    }

    /// These headers, without what ours said of an earlier sending, and then ours.
    pub fn after<'h>(
        &self,
        headers: impl Iterator<Item = (&'h str, Option<&'h [u8]>)>,
    ) -> OwnedHeaders {
        let theirs = headers.filter(|(name, _)| !name.starts_with("driftd."));
        let all =
            theirs.fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value }));
        let (partition, offset) = (self.partition.to_string(), self.offset.to_string());
        [(TOPIC, self.topic), (PARTITION, &partition), (OFFSET, &offset)]
            .into_iter()
            .fold(all, |all, (key, value)| all.insert(Header { key, value: Some(value) }))
    }
}

/// Where the refused record stood that this record was made of: its topic, partition and offset.
#[must_use]
pub fn origin(headers: &dyn Headers) -> Option<(String, i32, i64)> {
    let text = |name| std::str::from_utf8(headers.find(name)?).ok();
    Some((text(TOPIC)?.to_owned(), text(PARTITION)?.parse().ok()?, text(OFFSET)?.parse().ok()?))
}

/// What did not arrive.
#[derive(Default)]
pub(super) struct Receipts {
    lost: AtomicU64,
    last_error: Mutex<Option<String>>,
}

impl DeadLetterTopic {
    /// Produces to `topic` on these brokers. `properties` are the user's; those that only a
    /// consumer has mean nothing here.
    ///
    /// # Errors
    /// A property that librdkafka does not take.
    pub fn new(
        brokers: &str,
        properties: &[(String, String)],
        topic: &str,
    ) -> Result<DeadLetterTopic, KafkaError> {
        let mut config = ClientConfig::new();
        // A flood waits in no more memory than this; what does not fit is lost, and counted.
        config.set("queue.buffering.max.messages", "10000");
        config.set("queue.buffering.max.kbytes", "16384");
        config.set("message.timeout.ms", "60000");
        config.set("linger.ms", "100");
        // The broker decides what is too large: what was read from it should fit again.
        config.set("message.max.bytes", "10000000");
        for (key, value) in properties {
            config.set(key, value);
        }
        config.set("bootstrap.servers", brokers);
        let producer = config.create_with_context(Receipts::default())?;
        Ok(DeadLetterTopic { producer, topic: topic.to_owned() })
    }

    /// Queues a letter: key, payload and headers as they were, what is wrong in further headers.
    pub fn put(&self, letter: &Letter<'_>) {
        let mut headers = Vec::new();
        letter.headers.each(&mut |name, value| headers.push((name, value)));
        let timestamp = letter.timestamp.map(|time| time.to_string());
        let origin =
            Origin { topic: letter.topic, partition: letter.partition, offset: letter.offset };
        let told = [
            ("driftd.reason", Some(letter.reason.as_str())),
            ("driftd.detail", Some(letter.detail)),
            ("driftd.timestamp", timestamp.as_deref()),
        ];
        let told = told.into_iter().filter(|(_, value)| value.is_some());
        let headers = told.fold(origin.after(headers.into_iter()), |all, (key, value)| {
            all.insert(Header { key, value })
        });
        let mut record = BaseRecord::<[u8], [u8]>::to(&self.topic).headers(headers);
        (record.key, record.payload) = (letter.key, letter.payload);
        if let Err((error, _)) = self.producer.send(record) {
            self.producer.context().lose(&error);
        }
    }

    /// Letters that did not arrive since the start.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.producer.context().lost().0
    }

    /// Why the last one did not.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.producer.context().lost().1
    }
}

impl Drop for DeadLetterTopic {
    fn drop(&mut self) {
        if let Err(error) = self.producer.flush(FAREWELL) {
            tracing::debug!("the last dead letters may not have arrived: {error}");
        }
    }
}

impl Receipts {
    /// How many, and why the last one did not.
    pub fn lost(&self) -> (u64, Option<String>) {
        let last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        (self.lost.load(Ordering::Relaxed), last.clone())
    }

    fn lose(&self, error: &KafkaError) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        let mut last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(error.to_string());
    }
}

impl ClientContext for Receipts {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", "dead letters: {error}: {reason}");
    }

    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(target: "librdkafka", facility, "dead letters: {message}");
    }
}

impl ProducerContext for Receipts {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.lose(error);
        }
    }
}
