//! What the store costs under join traffic, alone: `cargo bench --bench store`.
//!
//! Commits one after the other, each of so many predictions that begin to wait, as many that meet
//! their outcome (looked up, written anew), and as many that waited too long (removed). Prints times
//! of commits and look-ups, rotations of journals and merging of tables included, the disk as it
//! goes, and how long a store of that size takes to open: what was not written out is read from
//! journals then, as after kill -9.
//!
//! Options after `--`: `--rows N` per commit, `--commits N`, `--life N` commits that a row waits.

#[path = "measure/disk.rs"]
mod disk;
#[path = "store/traffic.rs"]
mod traffic;

use std::path::Path;
use std::time::Instant;

use driftd::engine::io::{Change, Table};
use driftd::store::{Embedded, Store};
use traffic::{Batch, Report, Traffic};

fn main() {
    let traffic = Traffic::of_arguments();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-store");
    let _ = std::fs::remove_dir_all(&folder);
    let store = Embedded::open(&folder).expect("a new folder can be made");
    let mut report = Report::default();
    for number in 0..traffic.commits {
        let sought = traffic.sought(number);
        let began = Instant::now();
        let found = store.get_many(Table::Join, &sought).expect("a store that is whole");
        report.looked_up(began.elapsed(), found.iter().flatten().count());
        let batch = changes(traffic.batch(number));
        let began = Instant::now();
        store.commit(&batch).expect("the disk has room");
        report.committed(began.elapsed());
        report.goes_on(number, &traffic, disk::bytes(&folder));
    }
    // The library's background ends with it; what was not written out stays in journals.
    store.close();
    let began = Instant::now();
    let store = Embedded::open(&folder).expect("it was closed in order");
    let opened = began.elapsed();
    let mut rows = 0;
    let began = Instant::now();
    store
        .walk(Table::Join, &[], &mut |_, _| {
            rows += 1;
            true
        })
        .expect("a store that is whole");
    report.at_the_end(opened, rows, began.elapsed());
    let _ = std::fs::remove_dir_all(&folder);
}

fn changes(batch: Batch) -> Vec<Change> {
    let join = |(key, value)| Change { table: Table::Join, key, value };
    let position = |(key, value)| Change { table: Table::Positions, key, value: Some(value) };
    batch.join.into_iter().map(join).chain([position(batch.position)]).collect()
}
