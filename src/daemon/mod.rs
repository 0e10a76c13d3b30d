//! Wiring: opens the state, starts the threads and tasks, stops them in reverse order.
//!
//! The only room that knows all others. What it starts: the reader threads (`source`), the engine
//! thread, the dispatcher (`outbox`), the API (`admin`), and the signals that end it all.

mod control;
mod engine_thread;
mod keeping;
mod left;
mod observer;
mod plans;
mod receivers;
mod references;
mod registries;
mod reload;
mod restore;
mod sending;
mod shelf;
mod subjects;
mod sweep;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwap;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

pub use engine_thread::{EngineThread, Observer, Outgoing, Work};
pub use left::Left;
pub use plans::{properties, range_spec, reference_files, topic_plans};
pub use receivers::receivers;
pub use references::{References, kinds, misfits, read as read_reference};
pub use registries::{registries_for_a_look, registry_specs};
pub use reload::{Loader, Reloader};
pub use subjects::Asking;

use crate::admin::snapshot::{NotReady, Snapshot};
use crate::admin::{self, App, Replays};
use crate::clock::{Clock, SystemClock};
use crate::config::Settings;
use crate::dead_letter::{DeadLetterTopic, DeadLetters};
use crate::failpoint::Failpoint;
use crate::metrics::{Exporter, Metrics};
use crate::outbox::Dispatcher;
use crate::registry::keep_described;
use crate::source::{Channel, Reader, Shared};
use crate::store::{Embedded, Sent, Store};
use control::{Desk, Doorkeeper};
use keeping::Keeping;
use observer::Watching;
use registries::Telling;
use reload::Within;
use restore::restore;
use sending::Sending;
use shelf::StoreShelf;
use sweep::Sweep;

/// Slabs on their way from readers to engine; each holds about a megabyte at most.
const SLABS: usize = 32;
/// Longest that a stop may take before it is forced.
const FAREWELL: Duration = Duration::from_secs(20);
/// Runs the daemon until a signal (or `stop`) ends it; the exit code says which.
///
/// # Errors
/// What keeps it from starting, or what makes its state unusable.
pub fn run(
    settings: Settings,
    load: Loader,
    stop: Option<oneshot::Receiver<()>>,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the runtime cannot start")?;
    let code = runtime.block_on(serve(settings, load, stop))?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(code)
}

async fn serve(
    settings: Settings,
    load: Loader,
    stop: Option<oneshot::Receiver<()>>,
) -> anyhow::Result<ExitCode> {
    let mut stopped = std::pin::pin!(async move {
        match stop {
            Some(stop) => {
                let _ = stop.await;
            }
            None => std::future::pending().await,
        }
    });
    let mut signals = Signals::new()?;
    let store = Arc::new(Embedded::open(&settings.state.dir)?);
    keep_described(&settings.state.dir, &settings.schemas).map_err(anyhow::Error::msg)?;
    let identity = store.identity().clone();
    let plan = Arc::new(settings.plan.clone());
    let references = References::new(reference_files(&settings), &plan);
    let shelf = Arc::new(StoreShelf::new(store.clone()));
    let sent = Sent::open(&settings.state.dir)?;
    let (mut engine, start) =
        restore(&plan, &identity.secret, store.as_ref(), &references, &shelf)?;
    engine.set_clock(crate::clock::now());
    Failpoint::Restored.reach();

    let clock: Arc<dyn Clock> = SystemClock::new();
    let metrics = Metrics::default();
    let snapshots = Snapshot {
        name: plan.name.clone(),
        config_digest: plan.config_digest.clone(),
        not_ready: vec![NotReady::unassigned()],
        reload_ok: true,
        ..Snapshot::default()
    }
    .shared();
    let shared = Arc::new(Shared::new(settings.kafka.workers));
    *shared.positions.lock().unwrap_or_else(PoisonError::into_inner) = engine.positions().clone();
    let (work, inbox) = channel();
    let (receipts, mut received) = tokio::sync::mpsc::unbounded_channel();
    let all = receivers(&settings).map_err(anyhow::Error::msg)?;
    let doorkeeper = Arc::new(ArcSwap::from_pointee(Doorkeeper::new(&settings, &all)));
    prepare(&metrics, &settings);
    let (dispatcher, handle) = Dispatcher::new(all, clock.clone(), metrics.clone(), receipts);
    let dispatching = tokio::spawn(dispatcher.run());
    let to_engine = work.clone();
    let receiving = tokio::spawn(async move {
        while let Some(receipt) = received.recv().await {
            let _ = to_engine.send(Work::Receipt(receipt));
        }
    });

    let stop = Arc::new(AtomicBool::new(false));
    let (out, mut outgoing) = tokio::sync::mpsc::unbounded_channel();
    let to_dispatcher = handle.clone();
    let forwarding = tokio::spawn(async move {
        while let Some(order) = outgoing.recv().await {
            match order {
                Outgoing::Message(message, attempts) => to_dispatcher.send(message, attempts),
                Outgoing::Cancel(id) => to_dispatcher.cancel(id),
            }
        }
    });
    let telling = Telling { metrics: metrics.clone(), shared: shared.clone() };
    let registries = registries::start(&settings, store.clone(), telling.clone())?;
    let feed = Arc::new(Channel::new(settings.kafka.workers, SLABS));
    let spec = plans::source_spec(&settings, &identity);
    let dead_letters = Arc::new(AtomicU64::new(settings.limits.dead_letters));
    let letters = DeadLetters::new(&settings.state.dir, settings.limits.dead_letters);
    let topic = settings.kafka.dead_letter_topic.as_ref();
    let topic = topic.map(|topic| DeadLetterTopic::new(&spec.brokers, &spec.properties, topic));
    let topic = topic.transpose().context("kafka.properties")?;
    let refusals =
        Keeping::new(metrics.clone(), letters, dead_letters.clone(), topic, shared.clone());
    let reader = |number| {
        let refusals = Box::new(refusals.clone());
        read(Reader::new(spec.clone(), shared.clone(), feed.clone(), number, refusals), number)
    };
    let reading: Vec<JoinHandle<()>> =
        (0..settings.kafka.workers).map(reader).collect::<anyhow::Result<_>>()?;
    let watching = Watching::new(metrics.clone(), snapshots.clone(), shared.clone());
    let engine_thread = EngineThread {
        engine,
        plan,
        store: store.clone() as Arc<dyn Store>,
        shelf,
        shared: shared.clone(),
        references,
        feed: feed.clone(),
        group: settings.kafka.group.clone(),
        work: inbox,
        start,
        sending: Sending::new(sent, out, shared.clone()),
        observer: Box::new(watching),
        commit_every: reload::commit_every(&settings),
        stop: stop.clone(),
        sweep: Sweep::default(),
    };
    let deciding = decide(engine_thread)?;

    let exporter = Exporter::new(&metrics, snapshots.clone(), clock.clone());
    let within = Within {
        shared: shared.clone(),
        dispatcher: handle.clone(),
        snapshots: snapshots.clone(),
        doorkeeper: doorkeeper.clone(),
        dead_letters,
        store: store.clone(),
        telling,
        registries: Arc::new(Mutex::new(registries)),
    };
    let reloader = Reloader::new(load, within, &settings, &identity);
    let desk = Desk {
        work: Mutex::new(work),
        dispatcher: handle.clone(),
        reloader: reloader.clone(),
        clock: clock.clone(),
        snapshots: snapshots.clone(),
        secret: identity.secret,
        doorkeeper,
    };
    let app = App {
        snapshots,
        store,
        exporter,
        control: Arc::new(desk),
        clock,
        replays: Replays::default(),
    };
    let api = listen(&settings.http.listen, Arc::new(app)).await?;
    tracing::info!(listen = settings.http.listen, "driftd is up");

    let ending = tokio::select! {
        code = wait(&mut signals, &reloader, &deciding, &reading) => code,
        () = &mut stopped => 0,
    };
    tracing::info!("stopping");
    tokio::spawn(async move {
        // A second signal, or a stop that takes too long, ends at once: as safe as kill -9.
        tokio::select! {
            code = signals.ending.next() => std::process::exit(i32::from(code)),
            () = tokio::time::sleep(FAREWELL) => std::process::exit(1),
        }
    });
    api.abort();
    shared.stop.store(true, Ordering::Relaxed);
    stop.store(true, Ordering::Relaxed);
    let decided = tokio::task::spawn_blocking(move || deciding.join());
    let committed = decided.await.context("the engine thread is gone")?;
    drop(handle);
    drop(reloader);
    let _ = forwarding.await;
    if tokio::time::timeout(Duration::from_secs(6), dispatching).await.is_ok() {
        let _ = receiving.await;
    }
    let _ = tokio::task::spawn_blocking(move || {
        for reader in reading {
            let _ = reader.join();
        }
    })
    .await;
    match committed {
        Ok(left) => left?.write_down(),
        Err(_) => {
            anyhow::bail!("the engine thread ended with a panic; the state is as last committed")
        }
    }
    Ok(ExitCode::from(ending))
}

fn prepare(metrics: &Metrics, settings: &Settings) {
    metrics.prepare(
        settings.readers.iter().map(|t| t.topic.as_str()),
        settings.plan.models.iter().map(|m| m.name.as_str()),
        settings.notifiers.keys().chain(settings.trainers.keys()).map(String::as_str),
    );
}

type Deciding = JoinHandle<Result<Left, crate::store::StoreError>>;

fn decide(engine: EngineThread) -> anyhow::Result<Deciding> {
    std::thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || engine.run())
        .context("the engine thread cannot start")
}

fn read(reader: Reader, number: usize) -> anyhow::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(format!("reader-{number}"))
        .spawn(move || {
            if let Err(error) = reader.run() {
                tracing::error!("{error}");
            }
        })
        .context("a reader thread cannot start")
}

/// Waits until something ends the daemon.
async fn wait(
    signals: &mut Signals,
    reloader: &Reloader,
    deciding: &Deciding,
    reading: &[JoinHandle<()>],
) -> u8 {
    let mut look = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            code = signals.ending.next() => return code,
            _ = signals.hangup.recv() => {
                if let Err(problems) = reloader.reload().await {
                    tracing::error!("the changed configuration is refused, the old one stays: {problems}");
                }
            }
            _ = look.tick() => {
                if deciding.is_finished() || reading.iter().any(JoinHandle::is_finished) {
                    return 1;
                }
            }
        }
    }
}

/// The signals that mean something.
struct Signals {
    ending: Ending,
    hangup: Signal,
}

/// Those that end the process.
struct Ending {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Signals> {
        let listen = |kind| signal(kind).context("signals cannot be listened to");
        let ending = Ending {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        };
        Ok(Signals { ending, hangup: listen(SignalKind::hangup())? })
    }
}

impl Ending {
    /// The exit code of the next signal that ends the process.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.terminate.recv() => 143,
            _ = self.interrupt.recv() => 130,
        }
    }
}

/// Opens the API; it answers until its task is aborted.
async fn listen(listen: &str, app: Arc<App>) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("http.listen = \"{listen}\" cannot be listened on"))?;
    Ok(tokio::spawn(admin::serve(listener, app)))
}

#[cfg(test)]
mod tests;
