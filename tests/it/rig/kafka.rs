//! Real Apache Kafka: one combined KRaft node, jars through Maven, gone with the test process.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientContext, Message, Offset, TopicPartitionList};

use super::{folder, free_port, target, tied, wait_until};

const VERSION: &str = "4.3.0";

/// How a broker is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Also listen with SASL_SSL: users bob (SCRAM-SHA-512) and alice (PLAIN), password "secret".
    pub sasl: bool,
}

/// A broker, or the one that `KAFKA_BROKERS` names.
pub struct Kafka {
    brokers: String,
    node: Option<Node>,
}

struct Node {
    folder: PathBuf,
    process: Mutex<Option<Child>>,
    sasl_port: u16,
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
                    Ok(brokers) => Kafka { brokers, node: None },
                    Err(_) => Kafka::start(&Options::default()),
                })
            })
            .clone()
    }

    /// A broker of one's own.
    pub fn start(options: &Options) -> Kafka {
        let lib = jars();
        let folder = folder("kafka");
        let (port, controller, sasl_port) = (free_port(), free_port(), free_port());
        if options.sasl {
            key_store(&folder);
        }
        let properties = properties(&folder, port, controller, sasl_port, options);
        std::fs::write(folder.join("server.properties"), properties).unwrap();
        std::fs::write(folder.join("log4j2.xml"), LOG4J).unwrap();
        format_storage(&lib, &folder, options);
        let kafka = Kafka {
            brokers: format!("127.0.0.1:{port}"),
            node: Some(Node { folder, process: Mutex::new(None), sasl_port }),
        };
        kafka.restart();
        kafka
    }

    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Address and CA file of the SASL_SSL listener.
    pub fn sasl(&self) -> (String, PathBuf) {
        let node = self.node.as_ref().expect("a broker of one's own");
        (format!("localhost:{}", node.sasl_port), node.folder.join("ca.pem"))
    }

    /// kill -9.
    pub fn stop(&self) {
        let node = self.node.as_ref().expect("a broker of one's own");
        if let Some(mut watchdog) = node.process.lock().unwrap().take() {
            drop(watchdog.stdin.take());
            let _ = watchdog.wait();
        }
    }

    /// Starts again on the same ports and data.
    pub fn restart(&self) {
        self.stop();
        let node = self.node.as_ref().expect("a broker of one's own");
        let server = format!(
            "java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
             -Dlog4j2.configurationFile=file:{folder}/log4j2.xml -cp '{lib}/*' \
             kafka.Kafka {folder}/server.properties",
            folder = node.folder.display(),
            lib = jars().display(),
        );
        let child = tied(&server, &node.folder.join("out.log"));
        *node.process.lock().unwrap() = Some(child);
        wait_until("Kafka answers", Duration::from_secs(60), || {
            let consumer: BaseConsumer = self.client().create().ok()?;
            consumer
                .fetch_metadata(None, Duration::from_secs(2))
                .ok()
                .filter(|m| !m.brokers().is_empty())
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
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
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
                        rdkafka::error::KafkaError::MessageProduction(
                            rdkafka::types::RDKafkaErrorCode::QueueFull,
                        ),
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

impl Drop for Kafka {
    fn drop(&mut self) {
        if self.node.is_some() {
            self.stop();
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

/// The jars, fetched once; several test processes may want them at the same time.
fn jars() -> PathBuf {
    static LIB: OnceLock<PathBuf> = OnceLock::new();
    LIB.get_or_init(|| {
        for tool in ["java", "mvn"] {
            let there = Command::new(tool).arg("-version").output().is_ok_and(|o| o.status.success());
            assert!(there, "these tests start real Kafka: install Java 17 (or newer) and Maven 3.8 (or newer), or set KAFKA_BROKERS");
        }
        let home = target().join("kafka").join(VERSION);
        std::fs::create_dir_all(&home).unwrap();
        let lock = File::create(home.join("lock")).unwrap();
        lock.lock().unwrap();
        let lib = home.join("lib");
        if !lib.is_dir() {
            let part = home.join("lib.part");
            let _ = std::fs::remove_dir_all(&part);
            let pom = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/rig/pom.xml");
            let status = Command::new("mvn")
                .args(["-q", "-B", "-f"])
                .arg(&pom)
                .arg("dependency:copy-dependencies")
                .arg(format!("-DoutputDirectory={}", part.display()))
                .status()
                .unwrap();
            assert!(status.success(), "Maven could not fetch Kafka's jars");
            std::fs::rename(&part, &lib).unwrap();
        }
        lib
    })
    .clone()
}

fn properties(folder: &Path, port: u16, controller: u16, sasl: u16, options: &Options) -> String {
    let data = folder.join("data");
    let mut text = format!(
        "process.roles=broker,controller\nnode.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL\n\
         log.dirs={}\noffsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n\
         transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
         share.coordinator.state.topic.replication.factor=1\nshare.coordinator.state.topic.min.isr=1\n\
         group.initial.rebalance.delay.ms=0\nauto.create.topics.enable=false\n\
         message.max.bytes=8000000\n",
        data.display()
    );
    let mut listeners = format!("PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}");
    if options.sasl {
        listeners.push_str(&format!(",SASL_SSL://localhost:{sasl}"));
        text.push_str(&format!(
            "ssl.keystore.location={}\nssl.keystore.password=changeit\nssl.keystore.type=PKCS12\n\
             sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN\n\
             listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
             listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_alice=\"secret\";\n",
            folder.join("key.p12").display()
        ));
    }
    text.push_str(&format!("listeners={listeners}\n"));
    text
}

fn format_storage(lib: &Path, folder: &Path, options: &Options) {
    let mut command = Command::new("java");
    command
        .arg("-cp")
        .arg(format!("{}/*", lib.display()))
        .args(["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c"])
        .arg(folder.join("server.properties"));
    if options.sasl {
        command.args(["--add-scram", "SCRAM-SHA-512=[name=bob,password=secret]"]);
    }
    run(&mut command);
}

/// A self-signed certificate for localhost, as key store for Kafka and PEM for clients.
fn key_store(folder: &Path) {
    let store = folder.join("key.p12");
    run(Command::new("keytool")
        .args(["-genkeypair", "-alias", "kafka", "-keyalg", "EC", "-dname", "CN=localhost"])
        .args(["-ext", "SAN=dns:localhost,ip:127.0.0.1", "-validity", "30"])
        .args(["-storetype", "PKCS12", "-storepass", "changeit", "-keystore"])
        .arg(&store));
    run(Command::new("keytool")
        .args(["-exportcert", "-rfc", "-alias", "kafka", "-storepass", "changeit", "-keystore"])
        .arg(&store)
        .arg("-file")
        .arg(folder.join("ca.pem")));
}

fn run(command: &mut Command) {
    let output = command.output().expect("the tool can be started");
    if !output.status.success() {
        let _ = std::io::stderr().write_all(&output.stdout);
        let _ = std::io::stderr().write_all(&output.stderr);
        panic!("{command:?} failed");
    }
}

const LOG4J: &str = r#"<Configuration status="error">
  <Appenders><Console name="out"><PatternLayout pattern="%d %p %c: %m%n"/></Console></Appenders>
  <Loggers><Root level="warn"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"#;
