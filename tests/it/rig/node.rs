//! One server of Apache Kafka: broker and KRaft controller in one process, jars through Maven, gone
//! with the test process.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, OnceLock};

use super::kafka::Options;
use super::proxy::Proxy;
use super::{folder, free_port, target, tied};

const VERSION: &str = "4.3.0";

/// The node; its data outlive its process.
pub struct Node {
    pub id: i32,
    pub folder: PathBuf,
    pub port: u16,
    pub sasl_port: u16,
    controller: u16,
    /// What driftd may be sent through.
    pub proxy: Option<Proxy>,
    process: Mutex<Option<Child>>,
}

impl Node {
    /// Nodes of one cluster, formatted and not started.
    pub fn format(options: &Options) -> Vec<Node> {
        let number = options.nodes.max(1);
        let nodes: Vec<Node> = (1..=number).map(|id| Node::new(id as i32, options)).collect();
        let voters: Vec<String> =
            nodes.iter().map(|n| format!("{}@127.0.0.1:{}", n.id, n.controller)).collect();
        let formats: Vec<Child> =
            nodes.iter().map(|node| node.format_storage(&voters.join(","), options)).collect();
        for format in formats {
            assert!(format.wait_with_output().unwrap().status.success(), "no storage");
        }
        nodes
    }

    fn new(id: i32, options: &Options) -> Node {
        let inner = free_port();
        Node {
            id,
            folder: folder("kafka"),
            port: free_port(),
            sasl_port: free_port(),
            controller: free_port(),
            proxy: options.proxied.then(|| Proxy::to(inner)),
            process: Mutex::new(None),
        }
    }

    /// Starts it, if it does not run.
    pub fn start(&self) {
        let mut process = self.process.lock().unwrap();
        if process.is_some() {
            return;
        }
        let server = format!(
            "java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
             -Dlog4j2.configurationFile=file:{folder}/log4j2.xml -cp '{lib}/*' \
             kafka.Kafka {folder}/server.properties",
            folder = self.folder.display(),
            lib = jars().display(),
        );
        *process = Some(tied(&server, &self.folder.join("out.log")));
    }

    /// kill -9.
    pub fn kill(&self) {
        if let Some(mut watchdog) = self.process.lock().unwrap().take() {
            drop(watchdog.stdin.take());
            let _ = watchdog.wait();
        }
    }

    fn format_storage(&self, voters: &str, options: &Options) -> Child {
        if options.sasl {
            key_store(&self.folder);
        }
        std::fs::write(self.folder.join("log4j2.xml"), LOG4J).unwrap();
        let config = self.folder.join("server.properties");
        std::fs::write(&config, self.properties(voters, options)).unwrap();
        let mut command = Command::new("java");
        command
            .arg("-cp")
            .arg(format!("{}/*", jars().display()))
            .args(["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c"])
            .arg(config)
            .stdout(File::create(self.folder.join("format.log")).unwrap());
        if options.sasl {
            command.args(["--add-scram", "SCRAM-SHA-512=[name=bob,password=secret]"]);
        }
        command.spawn().expect("java can be started")
    }

    fn properties(&self, voters: &str, options: &Options) -> String {
        let replicas = options.nodes.clamp(1, 3);
        let mut text = format!(
            "process.roles=broker,controller\nnode.id={id}\n\
             controller.quorum.voters={voters}\n\
             controller.listener.names=CONTROLLER\ninter.broker.listener.name=PLAINTEXT\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,SASL_SSL:SASL_SSL\n\
             log.dirs={data}\noffsets.topic.replication.factor={replicas}\noffsets.topic.num.partitions=1\n\
             transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
             share.coordinator.state.topic.replication.factor=1\nshare.coordinator.state.topic.min.isr=1\n\
             group.initial.rebalance.delay.ms=0\nauto.create.topics.enable=false\n\
             message.max.bytes=8000000\nlog.cleaner.backoff.ms=300\n",
            id = self.id,
            data = self.folder.join("data").display()
        );
        if options.nodes > 1 {
            // A dead one is known to be within seconds.
            text.push_str(
                "min.insync.replicas=2\nbroker.session.timeout.ms=3000\n\
                 broker.heartbeat.interval.ms=500\n",
            );
        }
        let open = format!("PLAINTEXT://127.0.0.1:{}", self.port);
        let (mut listeners, mut advertised) = (open.clone(), open);
        listeners.push_str(&format!(",CONTROLLER://127.0.0.1:{}", self.controller));
        if let Some(proxy) = &self.proxy {
            listeners.push_str(&format!(",PROXIED://127.0.0.1:{}", proxy.goal));
            advertised.push_str(&format!(",PROXIED://127.0.0.1:{}", proxy.port));
        }
        if options.sasl {
            let sasl = format!(",SASL_SSL://localhost:{}", self.sasl_port);
            listeners.push_str(&sasl);
            advertised.push_str(&sasl);
            text.push_str(&format!(
                "ssl.keystore.location={}\nssl.keystore.password=changeit\nssl.keystore.type=PKCS12\n\
                 sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN\n\
                 listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
                 listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_alice=\"secret\";\n",
                self.folder.join("key.p12").display()
            ));
        }
        text.push_str(&format!("listeners={listeners}\nadvertised.listeners={advertised}\n"));
        text
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
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
