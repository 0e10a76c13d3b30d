//! Messages that wait when the daemon starts.

use std::io::Write;

use super::*;
use crate::engine::Shelf;
use crate::engine::io::Change;
use crate::engine::tests::lived::{lived, lived_plan, revived};
use crate::policy::message::{Delivery, Message, Receipt};

/// Puts a state with waiting messages into a store and goes on with it.
fn resumed(store: &Arc<dyn Store>, folder: TempDir) -> Running {
    let rows: Vec<_> = lived().rows.into_iter().collect();
    let put = |((table, key), value): &((Table, Vec<u8>), Vec<u8>)| Change {
        table: *table,
        key: key.clone(),
        value: Some(value.clone()),
    };
    store.commit(&rows.iter().map(put).collect::<Vec<_>>()).unwrap();
    let shelf: Arc<dyn Shelf> = Arc::new(StoreShelf::new(store.clone()));
    let rows = rows.into_iter().map(|((table, key), value)| (table, key, value)).collect();
    let engine = revived(rows, &shelf);
    Running::with(store.clone(), engine, Arc::new(lived_plan()), folder)
}

/// The two messages that wait in the state of [`resumed`].
fn waiting() -> Vec<Message> {
    let pending = lived().engine.pending_messages();
    pending.into_iter().map(|(message, _)| message).collect()
}

impl Running {
    /// So many messages as they leave.
    fn left(&mut self, messages: usize) -> Vec<Message> {
        let mut left = Vec::new();
        let began = Instant::now();
        while left.len() < messages {
            let ids: Vec<&String> = left.iter().map(|m: &Message| &m.id).collect();
            assert!(began.elapsed() < Duration::from_secs(20), "{ids:?}");
            match self.out.try_recv() {
                Ok(Outgoing::Message(message, _)) => left.push(message),
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        left
    }
}

/// State of a message's row.
fn row_state(store: &dyn Store, id: &str) -> String {
    let row = store.get_many(Table::Outbox, &[id.as_bytes().to_vec()]).unwrap().pop().flatten();
    let row: serde_json::Value = serde_json::from_slice(&row.unwrap()).unwrap();
    row["state"].as_str().unwrap().to_owned()
}

#[test]
fn what_was_accepted_before_the_database_was_lost_is_not_sent_again() {
    let waiting = waiting();
    assert_eq!(waiting.len(), 2, "{waiting:?}");
    let folder = tempfile::tempdir().unwrap();
    let mut sent = Sent::open(folder.path()).unwrap();
    let first_body = Message { data: "{\"first\":true}".into(), ..waiting[1].clone() };
    sent.note(&[waiting[0].clone(), first_body.clone()], Time(0)).unwrap();
    sent.note_delivered(&waiting[0].id, 4).unwrap();
    drop(sent);
    let store: Arc<dyn Store> = Arc::new(Memory::default());
    let mut running = resumed(&store, folder);
    assert_eq!(running.left(1), vec![first_body]);
    let began = Instant::now();
    while row_state(store.as_ref(), &waiting[0].id) != "delivered" {
        assert!(began.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(row_state(store.as_ref(), &waiting[1].id), "pending");
    assert!(running.out.try_recv().is_err(), "and nothing else");
    running.end();
}

#[test]
fn a_full_disk_still_takes_receipts() {
    let disk = SmallDisk::mount();
    let store: Arc<dyn Store> = Arc::new(Embedded::open(&disk.0.path().join("state")).unwrap());
    let folder = tempfile::Builder::new().tempdir_in(disk.0.path()).unwrap();
    let mut running = resumed(&store, folder);
    let waiting = waiting();
    running.left(waiting.len());
    let p = partition("p", 0);
    running.own(&p);
    running.until(|_| running.shared.committed.lock().unwrap().contains_key(&p));
    // To the last byte.
    let mut filler = std::fs::File::create(disk.0.path().join("filler")).unwrap();
    while filler.write_all(&[1; 1 << 16]).is_ok() {}
    drop(filler);
    let position = running.shared.committed.lock().unwrap()[&p];
    let mut log: Vec<Record> = (0..position as u64).map(|m| prediction(m, 0)).collect();
    log.extend((0..30).map(|m| prediction(90_000 + m, 12 * HOUR + m as i64 * MINUTE)));
    let more = slab(&p, &log, position as usize, log.len());
    running.feed.offer(0, Feed::Slab(Box::new(more))).unwrap();
    let full = || running.shared.faults.list().iter().any(|fault| fault.code == "disk_full");
    running.until(|_| full());
    for message in &waiting[..1] {
        let result = Delivery::Delivered { attempts: 1, reply: None };
        running.work.send(Work::Receipt(Receipt { id: message.id.clone(), result })).unwrap();
    }
    let delivered = |m: &Message| row_state(store.as_ref(), &m.id) == "delivered";
    running.until(|_| delivered(&waiting[0]));
    assert!(full(), "and still nothing else is written");
    assert_eq!(running.shared.committed.lock().unwrap()[&p], position);
    assert!(!delivered(&waiting[1]));
    std::fs::remove_file(disk.0.path().join("filler")).unwrap();
    running.until(|_| running.shared.committed.lock().unwrap()[&p] == log.len() as i64);
    assert!(delivered(&waiting[0]));
    running.end();
}

#[test]
fn what_leaves_is_written_down_before() {
    let store: Arc<dyn Store> = Arc::new(Memory::default());
    let folder = tempfile::tempdir().unwrap();
    let mut running = resumed(&store, folder);
    for message in running.left(2) {
        let known = Sent::open(running.folder.path()).unwrap().known(&message);
        assert_eq!(known, crate::store::Known::Sent(Box::new(message)));
    }
    running.end();
}
