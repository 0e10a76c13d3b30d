//! Real Apache Kafka: topics, records and groups of a cluster, mostly of one node.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rdkafka::producer::{
    BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer,
};
use rdkafka::{ClientContext, Message, Offset, TopicPartitionList};

use super::node::Node;
use super::proxy::Proxy;
use super::wait_until;

/// How a cluster is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Also listen with SASL_SSL: users bob (SCRAM-SHA-512) and alice (PLAIN), password "secret".
    pub sasl: bool,
    /// How many nodes; none is one. Of more, topics have three replicas, two of them in sync.
    pub nodes: usize,
    /// Also listen behind a proxy, one for each node.
    pub proxied: bool,
}

/// A cluster, or the one that `KAFKA_BROKERS` names.
pub struct Kafka {
    brokers: String,
    nodes: Vec<Node>,
}

/// One record to produce.
#[derive(Debug, Clone, Default)]
pub struct Rec {
    pub partition: Option<i32>,
    pub key: Option<Vec<u8>>,
    pub payload: Option<Vec<u8>>,
    /// Milliseconds.
    pub timestamp: Option<i64>,
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Rec {
    pub fn json(value: &serde_json::Value) -> Rec {
        Rec { payload: Some(value.to_string().into_bytes()), ..Rec::default() }
    }

    pub fn bytes(payload: &[u8]) -> Rec {
        Rec { payload: Some(payload.to_vec()), ..Rec::default() }
    }

    pub fn at(mut self, milliseconds: i64) -> Rec {
        self.timestamp = Some(milliseconds);
        self
    }

    pub fn on(mut self, partition: i32) -> Rec {
        self.partition = Some(partition);
        self
    }

    pub fn key(mut self, key: &[u8]) -> Rec {
        self.key = Some(key.to_vec());
        self
    }
}

impl Kafka {
    /// One broker for all tests of this process.
    pub fn shared() -> Arc<Kafka> {
        static SHARED: OnceLock<Arc<Kafka>> = OnceLock::new();
        SHARED
            .get_or_init(|| {
                Arc::new(match std::env::var("KAFKA_BROKERS") {
                    Ok(brokers) => Kafka { brokers, nodes: Vec::new() },
                    Err(_) => Kafka::start(&Options::default()),
                })
            })
            .clone()
    }

    /// A cluster of one's own.
    pub fn start(options: &Options) -> Kafka {
        let nodes = Node::format(options);
        let brokers: Vec<String> = nodes.iter().map(|n| format!("127.0.0.1:{}", n.port)).collect();
        let kafka = Kafka { brokers: brokers.join(","), nodes };
        kafka.restart();
        kafka
    }

    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Addresses of the proxies.
    pub fn proxied(&self) -> String {
        let ports = self.nodes.iter().map(|node| node.proxy.as_ref().expect("a proxy").port);
        ports.map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",")
    }

    /// The proxy of a node.
    pub fn proxy(&self, id: i32) -> &Proxy {
        self.node(id).proxy.as_ref().expect("a proxy")
    }

    /// Address and CA file of the SASL_SSL listener.
    pub fn sasl(&self) -> (String, PathBuf) {
        let node = self.node(1);
        (format!("localhost:{}", node.sasl_port), node.folder.join("ca.pem"))
    }

    fn node(&self, id: i32) -> &Node {
        self.nodes.iter().find(|node| node.id == id).expect("a cluster of one's own")
    }

    /// kill -9, all of them.
    pub fn stop(&self) {
        assert!(!self.nodes.is_empty(), "a cluster of one's own");
        self.nodes.iter().for_each(Node::kill);
    }

    /// Starts again on the same ports and data.
    pub fn restart(&self) {
        self.stop();
        self.nodes.iter().for_each(Node::start);
        self.wait_for_nodes(self.nodes.len());
    }

    /// kill -9.
    pub fn kill(&self, id: i32) {
        self.node(id).kill();
    }

    /// Starts a node again; it takes seconds until it is there.
    pub fn revive(&self, id: i32) {
        self.node(id).start();
    }

    /// Waits until so many nodes serve.
    pub fn wait_for_nodes(&self, number: usize) {
        wait_until("Kafka answers", Duration::from_secs(90), || {
            let consumer: BaseConsumer = self.client().create().ok()?;
            let metadata = consumer.fetch_metadata(None, Duration::from_secs(2)).ok()?;
            (metadata.brokers().len() >= number).then_some(())
        });
    }

    /// Who leads a partition, and who is in sync; -1 and nobody while there is no leader.
    pub fn replicas(&self, topic: &str, partition: i32) -> Option<(i32, Vec<i32>)> {
        let consumer: BaseConsumer = self.client().create().ok()?;
        let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(2)).ok()?;
        let found = metadata.topics().first()?.partitions().iter().find(|p| p.id() == partition)?;
        Some((found.leader(), found.isr().to_vec()))
    }

    /// Waits until a partition is led by one of `leaders`, -1 being nobody; by whom.
    pub fn wait_led(&self, topic: &str, partition: i32, leaders: &[i32]) -> i32 {
        let what = format!("{topic}/{partition} is led by one of {leaders:?}");
        wait_until(&what, Duration::from_secs(60), || {
            let (leader, _) = self.replicas(topic, partition)?;
            leaders.contains(&leader).then_some(leader)
        })
    }

    /// Waits until this many replicas are in sync.
    pub fn wait_in_sync(&self, topic: &str, partition: i32, number: usize) {
        let what = format!("{topic}/{partition} has {number} replicas in sync");
        wait_until(&what, Duration::from_secs(60), || {
            self.replicas(topic, partition).filter(|(_, isr)| isr.len() == number)
        });
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("log_level", "0");
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().unwrap()
    }

    pub fn create_topic(&self, name: &str, partitions: i32) {
        self.create_topic_with(name, partitions, &[]);
    }

    pub fn create_topic_with(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let replicas = TopicReplication::Fixed(self.nodes.len().clamp(1, 3) as i32);
        self.create(name, partitions, replicas, settings);
    }

    /// Creates a topic whose partitions lie where they are told to.
    pub fn create_topic_on(&self, name: &str, nodes: &[&[i32]], settings: &[(&str, &str)]) {
        self.create(name, nodes.len() as i32, TopicReplication::Variable(nodes), settings);
    }

    fn create(
        &self,
        name: &str,
        partitions: i32,
        replicas: TopicReplication<'_>,
        settings: &[(&str, &str)],
    ) {
        let topic = NewTopic::new(name, partitions, replicas);
        let topic = settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
        let admin = self.admin();
        let made = block_on(admin.create_topics(&[topic], &AdminOptions::new())).unwrap();
        made.into_iter().next().unwrap().unwrap_or_else(|(name, error)| panic!("{name}: {error}"));
        wait_until("the topic exists", Duration::from_secs(20), || {
            let consumer: BaseConsumer = self.client().create().ok()?;
            let metadata = consumer.fetch_metadata(Some(name), Duration::from_secs(2)).ok()?;
            let topic = metadata.topics().first()?;
            let led = topic.partitions().iter().all(|p| p.leader() >= 0);
            (topic.partitions().len() == partitions as usize && led).then_some(())
        });
    }

    pub fn delete_topic(&self, name: &str) {
        let admin = self.admin();
        block_on(admin.delete_topics(&[name], &AdminOptions::new())).unwrap();
        wait_until("the topic is gone", Duration::from_secs(20), || {
            let consumer: BaseConsumer = self.client().create().ok()?;
            let metadata = consumer.fetch_metadata(None, Duration::from_secs(2)).ok()?;
            (!metadata.topics().iter().any(|t| t.name() == name)).then_some(())
        });
    }

    pub fn add_partitions(&self, name: &str, total: usize) {
        let admin = self.admin();
        block_on(admin.create_partitions(&[NewPartitions::new(name, total)], &AdminOptions::new()))
            .unwrap();
    }

    /// Drops the records before an offset, as retention does.
    pub fn delete_records(&self, topic: &str, partition: i32, before: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(before)).unwrap();
        let admin = self.admin();
        block_on(admin.delete_records(&list, &AdminOptions::new())).unwrap();
    }

    /// Produces records and waits until the broker has them all.
    pub fn produce(&self, topic: &str, records: &[Rec]) {
        let failures: Arc<Mutex<Vec<String>>> = Arc::default();
        let mut config = self.client();
        config.set("linger.ms", "5").set("message.max.bytes", "8000000");
        if self.nodes.len() > 1 {
            // A batch that a leader took before it died is not taken twice.
            config.set("enable.idempotence", "true");
        }
        let producer: ThreadedProducer<Reports> =
            config.create_with_context(Reports(failures.clone())).unwrap();
        for record in records {
            let mut base = BaseRecord::<[u8], [u8]>::to(topic);
            if let Some(partition) = record.partition {
                base = base.partition(partition);
            }
            if let Some(key) = &record.key {
                base = base.key(key.as_slice());
            }
            if let Some(payload) = &record.payload {
                base = base.payload(payload.as_slice());
            }
            if let Some(timestamp) = record.timestamp {
                base = base.timestamp(timestamp);
            }
            if !record.headers.is_empty() {
                let headers =
                    record.headers.iter().fold(OwnedHeaders::new(), |all, (key, value)| {
                        all.insert(Header { key, value: Some(value) })
                    });
                base = base.headers(headers);
            }
            let mut waiting = Some(base);
            while let Some(record) = waiting.take() {
                match producer.send(record) {
                    Ok(()) => {}
                    Err((
                        KafkaError::MessageProduction(rdkafka::types::RDKafkaErrorCode::QueueFull),
                        back,
                    )) => {
                        std::thread::sleep(Duration::from_millis(5));
                        waiting = Some(back);
                    }
                    Err((error, _)) => panic!("{topic}: {error}"),
                }
            }
        }
        producer.flush(Duration::from_secs(60)).unwrap();
        let failures = failures.lock().unwrap();
        assert!(failures.is_empty(), "not delivered: {failures:?}");
    }

    /// One past the last record of a partition.
    pub fn end(&self, topic: &str, partition: i32) -> i64 {
        let consumer: BaseConsumer = self.client().create().unwrap();
        consumer.fetch_watermarks(topic, partition, Duration::from_secs(10)).unwrap().1
    }

    /// The first records of partition 0.
    pub fn read(&self, topic: &str, records: usize) -> Vec<Rec> {
        let mut config = self.client();
        config.set("group.id", "rig").set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let mut read = Vec::new();
        wait_until("the records are there", Duration::from_secs(30), || {
            if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
                let headers = message.headers().into_iter().flat_map(|all| all.iter());
                read.push(Rec {
                    partition: Some(0),
                    key: message.key().map(<[u8]>::to_vec),
                    payload: message.payload().map(<[u8]>::to_vec),
                    timestamp: message.timestamp().to_millis(),
                    headers: headers
                        .map(|h| (h.key.to_owned(), h.value.unwrap_or_default().to_vec()))
                        .collect(),
                });
            }
            (read.len() == records).then_some(())
        });
        read
    }

    /// Offsets that a partition still has a record at, transactions that were aborted left out.
    pub fn offsets(&self, topic: &str, partition: i32) -> Vec<i64> {
        let mut config = self.client();
        config.set("group.id", "rig").set("enable.partition.eof", "true");
        let consumer: BaseConsumer = config.create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let mut offsets = Vec::new();
        loop {
            match consumer.poll(Duration::from_secs(10)).expect("the broker answers") {
                Ok(message) => offsets.push(message.offset()),
                Err(KafkaError::PartitionEOF(_)) => return offsets,
                Err(error) => panic!("{topic}/{partition}: {error}"),
            }
        }
    }

    /// Writes a record that its transaction takes back.
    pub fn produce_aborted(&self, topic: &str, partition: i32) {
        let mut config = self.client();
        config.set("transactional.id", super::unique("aborted"));
        let producer: BaseProducer = config.create().unwrap();
        producer.init_transactions(Duration::from_secs(20)).unwrap();
        producer.begin_transaction().unwrap();
        let record = BaseRecord::<[u8], [u8]>::to(topic).partition(partition);
        producer.send(record.key(b"aborted").payload(b"{}")).unwrap();
        producer.flush(Duration::from_secs(20)).unwrap();
        producer.abort_transaction(Duration::from_secs(20)).unwrap();
    }

    /// Ids of the group's members.
    pub fn members(&self, group: &str) -> Vec<String> {
        let consumer: BaseConsumer = self.client().create().unwrap();
        let list = consumer.fetch_group_list(Some(group), Duration::from_secs(10)).unwrap();
        let members = list.groups().iter().flat_map(|g| g.members());
        members.map(|member| member.id().to_owned()).collect()
    }

    /// What the group has committed, for lag tools.
    pub fn committed(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        let mut config = self.client();
        config.set("group.id", group);
        let consumer: BaseConsumer = config.create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, partition);
        let found = consumer.committed_offsets(list, Duration::from_secs(10)).ok()?;
        match found.find_partition(topic, partition)?.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }
}

struct Reports(Arc<Mutex<Vec<String>>>);

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            self.0.lock().unwrap().push(format!("{}: {error}", message.topic()));
        }
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
