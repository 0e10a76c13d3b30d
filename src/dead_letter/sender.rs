//! Dead letters on their way back: each becomes a record again, in a topic that a model reads.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};

use super::kept::KeptLetter;
use super::topic::{Origin, Receipts};

/// How long the brokers may take to acknowledge the last records.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why letters did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// A property that librdkafka does not take, or a record that it does not.
    #[error("dead letters cannot be sent: {0}")]
    Kafka(#[from] KafkaError),
    /// Some were refused, or not acknowledged.
    #[error(
        "{lost} dead letters did not arrive: {why}; send again, what has arrived is passed over"
    )]
    Lost {
        /// How many.
        lost: u64,
        /// What the last one failed of.
        why: String,
    },
}

/// Sends letters to one topic.
pub struct Sender {
    producer: ThreadedProducer<Receipts>,
    topic: String,
}

impl Sender {
    /// A sender; nothing is sent yet.
    ///
    /// # Errors
    /// A property that librdkafka does not take.
    pub fn new(mut config: ClientConfig, topic: &str) -> Result<Sender, SendError> {
        config.set("enable.idempotence", "true");
        config.set("message.max.bytes", "10000000");
        let producer = config.create_with_context(Receipts::default())?;
        Ok(Sender { producer, topic: topic.to_owned() })
    }

    /// Queues a record as it was: key, payload, headers and timestamp; where it stood is said in
    /// further headers.
    ///
    /// # Errors
    /// librdkafka does not take it.
    pub fn send(&self, letter: &KeptLetter, partition: i32) -> Result<(), SendError> {
        let origin = Origin::of(letter);
        let mut record = BaseRecord::<[u8], [u8]>::to(&self.topic)
            .partition(partition)
            .headers(origin.after(letter.headers()));
        (record.key, record.payload) = (letter.key.as_deref(), letter.payload.as_deref());
        record.timestamp = letter.timestamp.map(|time| time.0.div_euclid(1000));
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }

    /// Waits until all have arrived.
    ///
    /// # Errors
    /// Some have not.
    pub fn finish(self) -> Result<(), SendError> {
        self.producer.flush(PATIENCE)?;
        match self.producer.context().lost() {
            (0, _) => Ok(()),
            (lost, why) => Err(SendError::Lost { lost, why: why.unwrap_or_default() }),
        }
    }
}
