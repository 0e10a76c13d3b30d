//! `driftd demo`: the festival story on an embedded Kafka, in one process.
//!
//! Real daemon, real configuration, real HTTP receivers; only the cluster is librdkafka's mock. A
//! week of rides passes in about a minute: a daily rush hour that must not alarm, outcomes half a
//! day late, a festival that shifts one zone, a page, a retraining, a new version, a closed loop.

mod city;
mod receiver;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use super::{FAILURE, OK, settings};
use crate::config::Mode;
use crate::daemon::{self, Loader};
use crate::event::{Span, Time};
use city::{City, HOUR, Ride};
use receiver::{Receiver, Seen};

#[derive(Debug, Args)]
pub(super) struct DemoArguments {
    /// Keep API and producer running after the story.
    #[arg(long)]
    stay: bool,
}

/// Hours of the story; its event time ends at now.
const HOURS: i64 = 7 * 24;
/// The festival begins here and does not end: the old model stays wrong.
const FESTIVAL: i64 = 4 * 24 + 18;
/// Wall time per hour of event time.
const PACE: Duration = Duration::from_millis(280);
/// After the last hour: for what is still on its way.
const PATIENCE: Duration = Duration::from_secs(40);

pub(super) fn run(arguments: &DemoArguments) -> anyhow::Result<ExitCode> {
    let folder = tempfile_folder()?;
    let cluster = MockCluster::new(1).context("the embedded cluster cannot start")?;
    for topic in ["demand.predictions", "demand.outcomes"] {
        cluster.create_topic(topic, 2, 1).context("the embedded cluster has no topic")?;
    }
    let brokers = cluster.bootstrap_servers();
    let start = (crate::clock::now() - Span(HOURS * HOUR)).floor_to(Span(HOUR));
    let city = City::new(start, FESTIVAL);
    let retrained = Arc::new(AtomicBool::new(false));
    let receiver = Receiver::start(folder.clone(), retrained.clone())?;
    let listen = format!("127.0.0.1:{}", free_port()?);
    write_files(&folder, &brokers, &receiver, &listen, &city)?;
    println!(
        "a ride-sharing company, one week in a minute; everything lies in {}",
        folder.display()
    );
    println!("watch it: http://{listen}/\n");

    let (stop, stopped) = tokio::sync::oneshot::channel();
    let running = start_daemon(&folder.join("driftd.toml"), stopped)?;
    // A signal ends the daemon, which listens for it; the story ends with the daemon.
    let ended = || running.is_finished();
    let producer = produce_week(&brokers, &city, &retrained, &receiver, start, &ended)?;
    let told = wait_for_the_end(&receiver, &listen, &ended);
    if !ended() {
        summary(&receiver, &listen, told);
    }
    if arguments.stay && !ended() {
        println!("\nstaying; end it with Ctrl-C");
        stay(&producer, &city, &retrained, &ended);
    }
    let by_itself = ended();
    let _ = stop.send(());
    let code = running.join().unwrap_or(ExitCode::from(FAILURE));
    Ok(match by_itself {
        true => code,
        false => ExitCode::from(if told { OK } else { FAILURE }),
    })
}

fn start_daemon(
    config: &Path,
    stopped: tokio::sync::oneshot::Receiver<()>,
) -> anyhow::Result<std::thread::JoinHandle<ExitCode>> {
    let settings = settings(config, Mode::Run)?
        .map_err(|_| anyhow::anyhow!("the demo's configuration is refused"))?;
    let load: Loader = Arc::new(|| Err("the demo's configuration does not change".to_owned()));
    Ok(std::thread::spawn(move || {
        daemon::run(settings, load, Some(stopped)).unwrap_or_else(|error| {
            eprintln!("the daemon ended: {error:#}");
            ExitCode::from(FAILURE)
        })
    }))
}

type Hose = ThreadedProducer<DefaultProducerContext>;

fn produce_week(
    brokers: &str,
    city: &City,
    retrained: &AtomicBool,
    receiver: &Receiver,
    start: Time,
    ended: &dyn Fn() -> bool,
) -> anyhow::Result<Hose> {
    let producer: Hose = ClientConfig::new().set("bootstrap.servers", brokers).create()?;
    let mut switched = false;
    for hour in (0..HOURS).take_while(|_| !ended()) {
        let began = Instant::now();
        let new = retrained.load(Ordering::Relaxed);
        if new && !switched {
            switched = true;
            receiver.tell(start + Span(hour * HOUR), "version v13 goes live");
        }
        if hour == FESTIVAL {
            receiver.tell(start + Span(hour * HOUR), "a festival begins in the old town");
        }
        receiver.set_now(start + Span(hour * HOUR));
        send_hour(&producer, city, hour, new)?;
        std::thread::sleep(PACE.saturating_sub(began.elapsed()));
    }
    producer.flush(Duration::from_secs(10))?;
    Ok(producer)
}

fn send_hour(producer: &Hose, city: &City, hour: i64, new: bool) -> anyhow::Result<()> {
    for ride in city.rides(hour, new) {
        send(producer, "demand.predictions", ride.prediction(), &ride)?;
    }
    for ride in city.outcomes_of(hour) {
        send(producer, "demand.outcomes", ride.outcome(), &ride)?;
    }
    Ok(())
}

fn send(producer: &Hose, topic: &str, payload: String, ride: &Ride) -> anyhow::Result<()> {
    let mut record =
        BaseRecord::<(), _>::to(topic).payload(&payload).partition((ride.id % 2) as i32);
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((error, back)) => {
                let full = rdkafka::types::RDKafkaErrorCode::QueueFull;
                ensure!(error.rdkafka_error_code() == Some(full), "{topic}: {error}");
                std::thread::sleep(Duration::from_millis(5));
                record = back;
            }
        }
    }
}

/// True once the loop is closed: paged, retrained, resolved.
fn wait_for_the_end(receiver: &Receiver, listen: &str, ended: &dyn Fn() -> bool) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end && !ended() {
        let seen = receiver.seen();
        if seen.pages > 0 && seen.retrainings == 1 && seen.resolved > 0 && closed(listen) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    false
}

/// Whether the daemon says that its retraining run is closed.
fn closed(listen: &str) -> bool {
    use std::io::{Read, Write};
    let ask = || -> std::io::Result<String> {
        let mut stream = std::net::TcpStream::connect(listen)?;
        write!(stream, "GET /api/v1/runs HTTP/1.0\r\nHost: {listen}\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    ask().is_ok_and(|text| text.contains("\"state\":\"closed\""))
}

fn summary(receiver: &Receiver, listen: &str, told: bool) {
    let Seen { pages, retrainings, resolved, unsigned } = receiver.seen();
    println!("\nwhat happened");
    println!("  {pages} incidents paged on-call, each once; {resolved} resolved");
    println!("  {retrainings} retraining asked for; {unsigned} messages with a bad signature");
    if !told {
        println!("  the loop was NOT closed: look at http://{listen}/api/v1/status");
    }
    println!("look further (with --stay)");
    for path in ["incidents", "runs", "scores?model=demand&monitor=worse", "status"] {
        println!("  curl -s 'http://{listen}/api/v1/{path}'");
    }
}

/// The story goes on at our pace: what happens is sent when it happens.
fn stay(producer: &Hose, city: &City, retrained: &AtomicBool, ended: &dyn Fn() -> bool) {
    for hour in HOURS.. {
        let predictions = city.rides(hour, retrained.load(Ordering::Relaxed)).into_iter();
        let predictions = predictions.map(|r| (r.at, "demand.predictions", r.prediction(), r));
        let outcomes = city.outcomes_of(hour).into_iter();
        let outcomes = outcomes.map(|r| (r.known_at(), "demand.outcomes", r.outcome(), r));
        let mut records: Vec<_> = predictions.chain(outcomes).collect();
        records.sort_by_key(|(at, ..)| *at);
        for (at, topic, payload, ride) in records {
            while crate::clock::now() < at {
                if ended() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(200));
            }
            if send(producer, topic, payload, &ride).is_err() {
                return;
            }
        }
    }
}

fn write_files(
    folder: &Path,
    brokers: &str,
    receiver: &Receiver,
    listen: &str,
    city: &City,
) -> anyhow::Result<()> {
    let config = include_str!("demo/driftd.toml")
        .replace("@BROKERS@", brokers)
        .replace("@LISTEN@", listen)
        .replace("@RECEIVER@", &receiver.url());
    std::fs::write(folder.join("driftd.toml"), config)?;
    std::fs::write(folder.join("secret"), receiver::SECRET)?;
    std::fs::write(folder.join("routing-key"), "0123456789abcdef0123456789abcdef")?;
    city::write_reference(folder, "v12", &city.training(false))
}

fn tempfile_folder() -> anyhow::Result<std::path::PathBuf> {
    let folder = std::env::temp_dir().join(format!("driftd-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
