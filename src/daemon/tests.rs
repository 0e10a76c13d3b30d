//! The engine thread, with a store in memory and an observer that writes down what it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;
use crate::engine::io::{Effects, Table};
use crate::engine::tests::world::{HOUR, MINUTE, Record, partition, plan, slab};
use crate::engine::{Engine, Status};
use crate::event::{Partition, Span, Time};
use crate::lines::Segment;
use crate::plan::Plan;
use crate::policy::message::{Command, Reply};
use crate::source::{Feed, Revised};
use crate::store::{Memory, StoreError, rows};

mod sending;

/// What the thread told.
#[derive(Debug, Default)]
struct Told {
    consumed: BTreeMap<String, u64>,
    late: BTreeMap<String, u64>,
    pictures: usize,
    status: Status,
}

struct Listener(Arc<Mutex<Told>>);

impl Observer for Listener {
    fn took(&mut self, topic: &str, records: u64) {
        *self.0.lock().unwrap().consumed.entry(topic.to_owned()).or_default() += records;
    }

    fn late(&mut self, model: &str, predictions: u64) {
        *self.0.lock().unwrap().late.entry(model.to_owned()).or_default() += predictions;
    }

    fn committed(&mut self, _: Duration, _: u64) {}

    fn picture(&mut self, _: &Engine, status: Status) {
        let mut told = self.0.lock().unwrap();
        told.pictures += 1;
        told.status = status;
    }
}

/// A running engine thread.
struct Running {
    told: Arc<Mutex<Told>>,
    feed: Arc<Channel>,
    work: Sender<Work>,
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    /// What left.
    out: UnboundedReceiver<Outgoing>,
    thread: JoinHandle<Result<Left, StoreError>>,
    folder: TempDir,
}

impl Running {
    fn on(store: Arc<dyn Store>) -> Running {
        let plan = Arc::new(plan());
        let engine = Engine::new(plan.clone(), [7; 32]);
        Running::with(store, engine, plan, tempfile::tempdir().unwrap())
    }

    /// In a folder of its own, which may hold what was sent before.
    fn with(store: Arc<dyn Store>, engine: Engine, plan: Arc<Plan>, folder: TempDir) -> Running {
        let told = Arc::new(Mutex::new(Told::default()));
        let feed = Arc::new(Channel::new(1, SLABS));
        let (work, inbox) = channel();
        let (outward, out) = tokio::sync::mpsc::unbounded_channel();
        let (shared, stop) = (Arc::new(Shared::default()), Arc::new(AtomicBool::new(false)));
        let sent = Sent::open(folder.path()).unwrap();
        let thread = EngineThread {
            engine,
            plan,
            shelf: Arc::new(StoreShelf::new(store.clone())),
            store,
            shared: shared.clone(),
            references: References::default(),
            feed: feed.clone(),
            group: "driftd".into(),
            work: inbox,
            start: Effects::default(),
            sending: Sending::new(sent, outward, shared.clone()),
            observer: Box::new(Listener(told.clone())),
            commit_every: Duration::from_millis(100),
            stop: stop.clone(),
            sweep: Sweep::default(),
        };
        let thread = std::thread::spawn(move || thread.run());
        Running { told, feed, work, shared, stop, out, thread, folder }
    }

    fn until(&self, what: impl Fn(&Told) -> bool) {
        let began = Instant::now();
        while !what(&self.told.lock().unwrap()) {
            assert!(began.elapsed() < Duration::from_secs(20), "{:?}", self.told.lock().unwrap());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn own(&self, p: &Partition) {
        let counts = [(p.topic.clone(), 1)].into();
        let partitions = BTreeSet::from([p.clone()]);
        self.feed.offer(0, Feed::Owned { partitions, counts }).unwrap();
    }

    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap().unwrap();
    }
}

fn prediction(id: u64, time: i64) -> Record {
    Record::Prediction { id, time, version: "v1", fare: 1.0, city: "Oslo", said: 1.0 }
}

#[test]
fn records_count_once_and_late_ones_are_told_as_they_come() {
    let running = Running::on(Arc::new(Memory::default()));
    let p = partition("p", 0);
    running.own(&p);
    // The first late record comes with the model's very first slab.
    let mut log: Vec<Record> = (0..120).map(|m| prediction(m, m as i64 * MINUTE)).collect();
    log.push(prediction(900, 30 * MINUTE));
    log.extend((0..60).map(|m| prediction(1000 + m, 2 * HOUR + m as i64 * MINUTE)));
    log.push(prediction(901, 30 * MINUTE));
    let feed =
        |from, to| running.feed.offer(0, Feed::Slab(Box::new(slab(&p, &log, from, to)))).unwrap();
    feed(0, 121);
    feed(0, 121);
    feed(150, 160);
    feed(100, log.len());
    running.until(|told| told.consumed.get("p") == Some(&(log.len() as u64)));
    assert_eq!(running.told.lock().unwrap().late["demand"], 2);
    running.end();
}

#[test]
fn either_limit_on_disk_leaves_new_ids_no_room() {
    for (join, state) in [(0, u64::MAX), (u64::MAX, 0), (u64::MAX, u64::MAX)] {
        let mut plan = plan();
        (plan.limits.join, plan.limits.state) = (join, state);
        let plan = Arc::new(plan);
        let engine = Engine::new(plan.clone(), [7; 32]);
        let store = Arc::new(Memory::default());
        let running = Running::with(store, engine, plan, tempfile::tempdir().unwrap());
        let p = partition("p", 0);
        running.own(&p);
        let log: Vec<Record> = (0..20).map(|m| prediction(m, m as i64 * MINUTE)).collect();
        let feed = |from, to| {
            running.feed.offer(0, Feed::Slab(Box::new(slab(&p, &log, from, to)))).unwrap();
            running.until(|told| told.consumed.get("p") == Some(&(to as u64)));
            running
                .until(|_| running.shared.committed.lock().unwrap().get(&p) == Some(&(to as i64)));
        };
        feed(0, 10);
        feed(10, 20);
        let unjoined = if join.min(state) == 0 { 10 } else { 0 };
        running.until(|told| told.status.models.first().is_some_and(|m| m.unjoined == unjoined));
        running.end();
    }
}

#[test]
fn who_has_its_answer_reads_what_it_wrote() {
    let running = Running::on(Arc::new(Memory::default()));
    running.until(|told| told.pictures == 1);
    let (answer, answered) = oneshot::channel();
    let command = Command::Silence {
        model: "demand".into(),
        monitor: None,
        segment: Segment::default(),
        from: Some(Time(0)),
        length: Span(HOUR),
        comment: "festival".into(),
    };
    running.work.send(Work::Command(command, answer)).unwrap();
    let reply = answered.blocking_recv().unwrap();
    assert!(matches!(reply, Reply::Silence(_)), "{reply:?}");
    assert_eq!(running.told.lock().unwrap().status.silences.len(), 1);
    running.end();
}

/// A small file system of its own, as long as it lives.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> SmallDisk {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"]).arg(folder.path());
        let mounted = mount.output().expect("there is a program `mount`");
        assert!(mounted.status.success(), "this test needs to mount a tmpfs: {mounted:?}");
        SmallDisk(folder)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[test]
fn a_reload_that_waits_for_room_ends_with_a_stop() {
    let disk = SmallDisk::mount();
    let store = Arc::new(Embedded::open(&disk.0.path().join("state")).unwrap());
    let running = Running::on(store);
    std::fs::write(disk.0.path().join("filler"), vec![1u8; 40 << 20]).unwrap();
    running.own(&partition("p", 0));
    let revised = Revised {
        plan: Arc::new(plan()),
        references: BTreeMap::new(),
        commit_every: Duration::from_millis(100),
    };
    running.feed.offer(0, Feed::Reload(revised)).unwrap();
    running.until(|_| running.shared.faults.list().iter().any(|fault| fault.code == "disk_full"));
    running.stop.store(true, Ordering::Relaxed);
    running.until(|_| running.thread.is_finished());
    running.end();
}

#[test]
fn a_full_disk_is_a_fault_that_ends_when_there_is_room_again() {
    let disk = SmallDisk::mount();
    let store = Arc::new(Embedded::open(&disk.0.path().join("state")).unwrap());
    let running = Running::on(store.clone());
    let p = partition("p", 0);
    running.own(&p);
    let log: Vec<Record> = (0..60).map(|m| prediction(m, m as i64 * MINUTE)).collect();
    let feed =
        |from, to| running.feed.offer(0, Feed::Slab(Box::new(slab(&p, &log, from, to)))).unwrap();
    let consumed = |records| move |told: &Told| told.consumed.get("p") == Some(&records);
    let codes = || {
        let faults = running.shared.faults.list();
        faults.into_iter().map(|fault| fault.code).collect::<Vec<_>>()
    };
    feed(0, 20);
    running.until(consumed(20));
    running.until(|_| running.shared.committed.lock().unwrap().get(&p) == Some(&20));
    let filler = disk.0.path().join("filler");
    std::fs::write(&filler, vec![1u8; 40 << 20]).unwrap();
    feed(20, 40);
    running.until(|_| codes() == ["disk_full"]);
    // Whether the second slab was taken before the disk was found full is chance.
    let taken = running.told.lock().unwrap().consumed["p"];
    feed(40, 60);
    std::thread::sleep(Duration::from_secs(2));
    assert!(taken < 60);
    assert_eq!(running.told.lock().unwrap().consumed["p"], taken, "no slab is taken meanwhile");
    std::fs::remove_file(&filler).unwrap();
    running.until(consumed(60));
    running.until(|_| codes().is_empty());
    running.end();
    assert_eq!(rows(store.as_ref(), Table::Positions).unwrap().len(), 1);
}
