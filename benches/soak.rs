//! Whether anything grows: `cargo bench --bench soak -- --minutes 120 --rate 5000`.
//!
//! Starts real Kafka as the tests do and feeds `driftd run` with predictions at a steady rate, in
//! real time, and their outcomes up to two minutes late; some never come. Every ten seconds it looks
//! at the daemon's memory, open files and state directory. Prints a line a minute, and at the end
//! the slope of each over the second half (the first fills windows, joins and caches).

#[path = "measure/disk.rs"]
mod disk;
#[path = "../tests/it/rig/mod.rs"]
mod rig;
#[path = "soak/slope.rs"]
mod slope;
#[path = "soak/traffic.rs"]
mod traffic;

use std::path::Path;
use std::time::{Duration, Instant};

use disk::bytes;
use rig::daemon::{Daemon, export};
use rig::kafka::Kafka;
use slope::slope;
use traffic::Traffic;

const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What is looked at, in MB, files and MB.
#[derive(Debug, Clone, Copy)]
struct Look {
    at: Duration,
    memory: f64,
    files: f64,
    disk: f64,
    lag: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str, default: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(default)
    };
    let (minutes, rate) = (value("--minutes", 120), value("--rate", 5_000));
    let kafka = Kafka::shared();
    let traffic = Traffic::new(&kafka, rate);
    let mut daemon = Daemon::start(&traffic.config, traffic.port, &[]);
    let (began, end) = (Instant::now(), Duration::from_secs(60 * minutes));
    let state = traffic.state();
    let stop = traffic.flow(end);
    let mut looks: Vec<Look> = Vec::new();
    println!("{rate} predictions a second and their outcomes, {minutes} minutes");
    println!("{:>6} {:>10} {:>6} {:>10} {:>8}", "minute", "memory MB", "files", "state MB", "lag");
    while began.elapsed() < end {
        std::thread::sleep(LOOK_EVERY);
        assert!(daemon.running(), "the daemon ended:\n{}", daemon.log().join("\n"));
        let look = look(&daemon, &state, began.elapsed());
        if look.at.as_secs() / 60 > looks.last().map_or(0, |last| last.at.as_secs() / 60) {
            let Look { at, memory, files, disk, lag } = look;
            let minute = at.as_secs() / 60;
            println!("{minute:>6} {memory:>10.1} {files:>6.0} {disk:>10.1} {lag:>8.0}");
        }
        looks.push(look);
    }
    let produced = stop.join().expect("the producer does not panic");
    daemon.wait_caught_up(&traffic.topics(), traffic::PARTITIONS as usize);
    daemon.signal("TERM");
    assert_eq!(daemon.wait_exit(Duration::from_secs(60)).code(), Some(143));
    let read: i64 = export(&state)
        .iter()
        .filter(|line| line["type"] == "position")
        .filter_map(|line| line["offset"].as_i64())
        .sum();
    println!("produced {produced} records, {read} are in the state");
    let half = &looks[looks.len() / 2..];
    for (name, of) in [
        ("memory, MB", (|look: &Look| look.memory) as fn(&Look) -> f64),
        ("open files", |look| look.files),
        ("state, MB", |look| look.disk),
    ] {
        let points: Vec<(f64, f64)> =
            half.iter().map(|look| (look.at.as_secs_f64() / 3600.0, of(look))).collect();
        println!("{name}: {}", slope(&points));
    }
}

fn look(daemon: &Daemon, state: &Path, at: Duration) -> Look {
    let process = format!("/proc/{}", daemon.pid());
    let status = std::fs::read_to_string(format!("{process}/status")).unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = resident.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    let metrics = daemon.get("/metrics").map(|(_, text)| text).unwrap_or_default();
    let lags = metrics.lines().filter(|line| line.starts_with("driftd_consumer_lag_messages{"));
    Look {
        at,
        memory: kilobytes.unwrap_or(f64::NAN) / 1024.0,
        files: std::fs::read_dir(format!("{process}/fd")).map_or(0, Iterator::count) as f64,
        disk: bytes(state) as f64 / 1e6,
        lag: lags.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum(),
    }
}
