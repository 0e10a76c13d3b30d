//! What is committed: batches shaped like those of the engine, each a function of seed and number
//! alone, so that the store's side and the model's side never have to speak of them.

use driftd::engine::io::{Change, Table};

use crate::kill::random::Random;

/// A join row is removed so many batches after it was written, with all others of its batch.
const LIFE: u64 = 40;
/// Panes that are there at once, and their counts.
const PANES: u64 = 120;
/// Score lines are kept for so many batches.
const KEPT: u64 = 100;

/// Row that every batch writes, with its number.
pub const POSITION: &[u8] = b"rides\x000";

#[derive(Clone, Copy)]
pub struct Script {
    seed: u64,
}

/// How much happened since the commit before.
#[derive(Clone, Copy, PartialEq)]
enum Size {
    /// A receipt, a sweep.
    Small,
    /// A few seconds of records.
    Usual,
    /// As much as memory takes between two commits.
    Large,
}

impl Script {
    pub fn new(seed: u64) -> Script {
        Script { seed }
    }

    /// Whether a batch is one of the few rows that must find room where nothing else does.
    pub fn acknowledges(self, number: u64) -> bool {
        self.size(number) == Size::Small && number.is_multiple_of(2)
    }

    /// The batch of a commit; the first has number 1.
    pub fn batch(self, number: u64) -> Vec<Change> {
        let mut random = self.random(number, 1);
        let mut changes = Vec::new();
        let size = self.size(number);
        // A name that goes and comes back in one batch: the later change holds.
        changes.push(remove(Table::Models, b"demand\0clock".to_vec()));
        changes.push(put(Table::Models, b"demand\0clock".to_vec(), random.bytes(40, 400)));
        for partition in 0..=random.below(3) {
            let key = format!("rides\0{partition}").into_bytes();
            let mut value = number.to_be_bytes().to_vec();
            value.extend(random.bytes(20, 60));
            changes.push(put(Table::Positions, key, value));
        }
        for row in 0..self.rows(number) {
            changes.push(put(Table::Join, self.join_key(number, row), random.bytes(40, 120)));
        }
        self.meet_outcomes(number, &mut random, &mut changes);
        if number > LIFE {
            let expired = number - LIFE;
            let rows = 0..self.rows(expired);
            changes.extend(rows.map(|row| remove(Table::Join, self.join_key(expired, row))));
        }
        let panes = match size {
            Size::Small => 0,
            Size::Usual => 1 + random.below(10),
            Size::Large => 20 + random.below(20),
        };
        for _ in 0..panes {
            let key = format!("demand\0{:05}", random.below(PANES)).into_bytes();
            if random.percent(10) {
                changes.push(remove(Table::Panes, key.clone()));
                changes.push(remove(Table::Counts, key));
                continue;
            }
            changes.push(put(Table::Panes, key.clone(), random.bytes(200, 900)));
            let most = if random.percent(5) { 600_000 } else { 90_000 };
            changes.push(put(Table::Counts, key, random.bytes(2_000, most)));
        }
        changes.push(put(
            Table::Outbox,
            format!("{number:08}").into_bytes(),
            random.bytes(300, 2_000),
        ));
        if let Some(sent) = number.checked_sub(2 + random.below(3)) {
            changes.push(remove(Table::Outbox, format!("{sent:08}").into_bytes()));
        }
        if size != Size::Small {
            let line = |number: u64, line: u64| format!("demand\0{number:08}\0{line}").into_bytes();
            for n in 0..5 {
                changes.push(put(Table::Scores, line(number, n), random.bytes(200, 500)));
            }
            let old = number.saturating_sub(KEPT);
            changes.extend((0..5).map(|n| remove(Table::Scores, line(old, n))));
        }
        changes
    }

    /// Rows of earlier batches are written anew.
    fn meet_outcomes(self, number: u64, random: &mut Random, changes: &mut Vec<Change>) {
        let outcomes = self.rows(number) / 2;
        let oldest = number.saturating_sub(LIFE - 1).max(1);
        for _ in 0..outcomes {
            let of = oldest + random.below(number - oldest + 1);
            let rows = self.rows(of);
            if rows > 0 {
                let key = self.join_key(of, random.below(rows));
                changes.push(put(Table::Join, key, random.bytes(80, 160)));
            }
        }
    }

    /// The number of the batch that a position was written by.
    pub fn number_of(position: &[u8]) -> u64 {
        u64::from_be_bytes(position[..8].try_into().unwrap())
    }

    fn size(self, number: u64) -> Size {
        match self.random(number, 2).below(100) {
            0..55 => Size::Small,
            55..88 => Size::Usual,
            _ => Size::Large,
        }
    }

    /// Join rows that a batch writes.
    fn rows(self, number: u64) -> u64 {
        let mut random = self.random(number, 3);
        match self.size(number) {
            Size::Small => random.below(10),
            Size::Usual => 30 + random.below(200),
            Size::Large => 1_500,
        }
    }

    fn join_key(self, number: u64, row: u64) -> Vec<u8> {
        let mut random = self.random(number, 4 + row);
        let mut key = b"demand\0".to_vec();
        key.extend(random.next().to_be_bytes());
        key.extend(random.next().to_be_bytes());
        key
    }

    fn random(self, number: u64, of: u64) -> Random {
        let mut mixed = self.seed ^ number.rotate_left(32) ^ of;
        // The finaliser of splitmix64: neighbours have nothing in common.
        for factor in [0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB] {
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(factor);
        }
        Random::new(mixed ^ (mixed >> 31))
    }
}

fn put(table: Table, key: Vec<u8>, value: Vec<u8>) -> Change {
    Change { table, key, value: Some(value) }
}

fn remove(table: Table, key: Vec<u8>) -> Change {
    Change { table, key, value: None }
}
