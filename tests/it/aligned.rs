//! Aligned reading on real Kafka: a partition that is months ahead waits, and not for ever.

use std::time::Duration;

use serde_json::json;

use crate::company::{Company, HOUR};
use crate::rig::daemon::Daemon;
use crate::rig::kafka::{Kafka, Rec};
use crate::rig::receiver::Receiver;

const LONG: Duration = Duration::from_secs(120);

fn ride(partition: i32, id: i64, at: i64) -> Rec {
    Rec::json(&json!({
        "request_id": format!("{partition}-{id}"),
        "at": at,
        "model": { "version": "v1" },
        "features": { "fare": id % 100, "city": "Oslo" },
        "output": { "demand": 10.0 },
    }))
    .on(partition)
}

fn number(metrics: &str, name: &str) -> Option<f64> {
    metrics.lines().find(|l| l.starts_with(name))?.rsplit(' ').next()?.parse().ok()
}

#[test]
fn a_partition_that_runs_far_ahead_is_read_to_its_end() {
    let kafka = Kafka::shared();
    let company = Company::found(&kafka, &Receiver::start(), 2);
    // Small fetches, so that no single one brings a whole partition.
    let config = std::fs::read_to_string(&company.config).unwrap();
    let small = "properties = { \"fetch.message.max.bytes\" = \"20000\", \"queued.min.messages\" = \"100\" }";
    let config = config.replace("start_from", &format!("{small}\nstart_from"));
    std::fs::write(&company.config, config).unwrap();
    // Partition 0 spans 83 days with a ride every two minutes; the second one, ten hours.
    let begin = company.start - 100 * 24 * HOUR;
    let sparse: Vec<Rec> = (0..60_000).map(|i| ride(0, i, begin + i * 120)).collect();
    let dense: Vec<Rec> = (0..120_000).map(|i| ride(1, i, begin + i * 3 / 10)).collect();
    kafka.produce(&company.predictions, &sparse);
    kafka.produce(&company.predictions, &dense);
    let daemon = Daemon::start(&company.config, company.port, &company.env());
    daemon.wait_caught_up(&[&company.predictions], 2);
    daemon.wait_until("nobody is held", LONG, || {
        let metrics = daemon.get("/metrics")?.1;
        (number(&metrics, "driftd_partitions_held")? == 0.0).then_some(())
    });
    let consumed = format!("driftd_events_consumed_total{{topic=\"{}\"}}", company.predictions);
    assert_eq!(number(&daemon.get("/metrics").unwrap().1, &consumed), Some(180_000.0));
}
