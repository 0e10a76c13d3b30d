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
use crate::wire::SCHEMA_ID;

/// How long the last letters may take when driftd ends.
const FAREWELL: Duration = Duration::from_secs(3);

/// The topic.
pub struct DeadLetterTopic {
    producer: ThreadedProducer<Receipts>,
    topic: String,
}

/// What did not arrive.
#[derive(Default)]
struct Receipts {
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

    /// Queues a letter: key, payload and the name of its schema as they were, what is wrong in
    /// headers.
    pub fn put(&self, letter: &Letter<'_>) {
        let (partition, offset) = (letter.partition.to_string(), letter.offset.to_string());
        let headers = [
            ("driftd.topic", letter.topic),
            ("driftd.partition", &partition),
            ("driftd.offset", &offset),
            ("driftd.reason", letter.reason.as_str()),
            ("driftd.detail", letter.detail),
        ];
        let headers = headers.into_iter().fold(OwnedHeaders::new(), |all, (key, value)| {
            all.insert(Header { key, value: Some(value) })
        });
        let headers = match letter.schema_id {
            Some(id) => headers.insert(Header { key: SCHEMA_ID, value: Some(id) }),
            None => headers,
        };
        let mut record = BaseRecord::<[u8], [u8]>::to(&self.topic).headers(headers);
        (record.key, record.payload) = (letter.key, letter.payload);
        if let Err((error, _)) = self.producer.send(record) {
            self.producer.context().lose(&error);
        }
    }

    /// Letters that did not arrive since the start.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.producer.context().lost.load(Ordering::Relaxed)
    }

    /// Why the last one did not.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        let error = &self.producer.context().last_error;
        error.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
