//! Records that are a burden by their size.

use std::process::Command;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::company::Company;
use crate::rig::daemon::{Daemon, driftd, export};
use crate::rig::kafka::Kafka;
use crate::rig::receiver::Receiver;

const LONG: Duration = Duration::from_secs(120);

/// One record of so many zeros, as a few kilobytes of zstd.
fn zeros(kafka: &Kafka, topic: &str, megabytes: usize) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", kafka.brokers())
        .set("compression.type", "zstd")
        .set("message.max.bytes", "200000000")
        .create()
        .unwrap();
    let payload = vec![b'0'; megabytes << 20];
    producer.send(BaseRecord::<[u8], [u8]>::to(topic).partition(0).payload(&payload)).unwrap();
    producer.flush(LONG).unwrap();
}

/// The other cure: the batch is passed by, and counts as lost.
fn passed_by_in_a_copy(company: &Company) {
    let copy = company.folder.join("copy");
    let status = Command::new("cp").arg("-a").arg(company.state()).arg(&copy).status().unwrap();
    assert!(status.success());
    let skip = |to: &str| {
        let place = ["--dir", "copy", "--topic", &company.predictions, "--partition", "0"];
        let arguments = [&["state", "skip"], &place[..], &["--to", to]].concat();
        driftd(&arguments, &company.folder, &[])
    };
    assert_eq!(skip("61").status.code(), Some(1), "it stands there already");
    assert!(skip("62").status.success());
    let text = std::fs::read_to_string(&company.config).unwrap();
    let config = company.folder.join("copy.toml");
    std::fs::write(&config, text.replace("dir = \"state\"", "dir = \"copy\"")).unwrap();
    let mut daemon = Daemon::start(&config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    let lines = export(&copy);
    let lost = lines.iter().filter_map(|line| line["lost"].as_i64()).sum::<i64>();
    let offsets = lines.iter().filter(|line| line["topic"] == company.predictions.as_str());
    let offsets: i64 = offsets.filter_map(|line| line["offset"].as_i64()).sum();
    assert_eq!((lost, offsets), (1, 182));
}

#[test]
fn a_batch_that_inflates_beyond_the_clients_limit_is_named_and_a_larger_limit_reads_on() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 2);
    company.produce_hour(&kafka, 0);
    zeros(&kafka, &company.predictions, 30);
    company.produce_hour(&kafka, 1);
    zeros(&kafka, &company.predictions, 90);
    company.produce_hour(&kafka, 2);
    let mut daemon = Daemon::start(&company.config, company.port, &company.env());
    let told = daemon.wait_until("it says where it stands", LONG, || {
        let (status, body) = daemon.get("/readyz")?;
        (status == 503 && body.contains("partition_stalled")).then_some(body)
    });
    assert!(
        told.contains(&format!("{}/0 stands at offset 61 of 92", company.predictions)),
        "{told}"
    );
    // The other partition goes on meanwhile; the 30 MB were refused and passed by.
    assert_eq!(daemon.consumed(&company.predictions), Some(151));

    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(LONG).code(), Some(143));
    passed_by_in_a_copy(&company);
    let text = std::fs::read_to_string(&company.config).unwrap();
    let limit = "[kafka.properties]\n\"receive.message.max.bytes\" = \"1000000000\"\n";
    std::fs::write(&company.config, format!("{text}\n{limit}")).unwrap();
    let daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions, &company.outcomes], 2);
    daemon.wait_ready(LONG);
}
