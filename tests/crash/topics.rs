//! The two topics as they are, read to their ends by a client of our own.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use crate::rig::kafka::Kafka;

/// A record as it lies in the log.
pub struct Record {
    pub offset: i64,
    pub payload: Option<Vec<u8>>,
}

/// Reads some topics again and again, each time on from where it was.
pub struct Topics {
    consumer: BaseConsumer,
    partitions: BTreeMap<(String, i32), i64>,
}

impl Topics {
    pub fn new(kafka: &Kafka, topics: &[&str], partitions: usize) -> Topics {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", kafka.brokers())
            .set("group.id", "oracle")
            .set("enable.auto.commit", "false")
            .set("log_level", "0");
        let consumer: BaseConsumer = config.create().unwrap();
        let mut places = BTreeMap::new();
        let mut list = TopicPartitionList::new();
        for topic in topics {
            for partition in 0..partitions as i32 {
                list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
                places.insert(((*topic).to_owned(), partition), 0);
            }
        }
        consumer.assign(&list).unwrap();
        Topics { consumer, partitions: places }
    }

    /// Hands out every record up to these offsets that was not handed out before.
    pub fn read_to(
        &mut self,
        ends: &BTreeMap<(String, i32), i64>,
        mut take: impl FnMut(&str, i32, Record),
    ) {
        let end = std::time::Instant::now() + Duration::from_secs(120);
        while ends.iter().any(|(place, end)| self.partitions[place] < *end) {
            assert!(std::time::Instant::now() < end, "the oracle cannot read the topics");
            let Some(Ok(message)) = self.consumer.poll(Duration::from_millis(100)) else {
                continue;
            };
            let place = (message.topic().to_owned(), message.partition());
            let payload = message.payload().map(<[u8]>::to_vec);
            take(&place.0, place.1, Record { offset: message.offset(), payload });
            self.partitions.insert(place, message.offset() + 1);
        }
    }
}
