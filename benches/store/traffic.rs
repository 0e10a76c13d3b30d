//! Join traffic as rows, and what it cost. Knows nothing of a store.

use std::time::Duration;

/// A row, or a key that is removed.
pub type Write = (Vec<u8>, Option<Vec<u8>>);

/// One commit.
pub struct Batch {
    pub join: Vec<Write>,
    pub position: (Vec<u8>, Vec<u8>),
}

/// Predictions come, meet their outcome half a life later, and go.
pub struct Traffic {
    /// Predictions per commit.
    pub rows: u64,
    pub commits: u64,
    /// Commits that a row waits.
    pub life: u64,
}

impl Traffic {
    pub fn of_arguments() -> Traffic {
        let arguments: Vec<String> = std::env::args().collect();
        let value = |name: &str, default: u64| {
            let at = arguments.iter().position(|argument| argument == name);
            at.and_then(|at| arguments.get(at + 1))
                .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}: a number")))
        };
        Traffic {
            rows: value("--rows", 25_000),
            commits: value("--commits", 720),
            life: value("--life", 120),
        }
    }

    /// Sorted keys of the predictions that outcomes look for, and of as many that come now, for
    /// which nothing is there yet.
    pub fn sought(&self, number: u64) -> Vec<Vec<u8>> {
        let of = |number: u64| (0..self.rows).map(move |row| key(number, row));
        let met = number.checked_sub(self.life / 2);
        let mut keys: Vec<Vec<u8>> = met.into_iter().flat_map(of).chain(of(number)).collect();
        keys.sort();
        keys
    }

    pub fn batch(&self, number: u64) -> Batch {
        let write = |of: u64, bytes: u64| {
            (0..self.rows).map(move |row| (key(of, row), Some(value(of, row, bytes))))
        };
        let mut join: Vec<Write> = write(number, 60).collect();
        join.extend(number.checked_sub(self.life / 2).into_iter().flat_map(|of| write(of, 100)));
        let gone = number.checked_sub(self.life);
        join.extend(
            gone.into_iter().flat_map(|of| (0..self.rows).map(move |r| (key(of, r), None))),
        );
        // As rows of a sorted overlay come.
        join.sort_by(|a, b| a.0.cmp(&b.0));
        Batch { join, position: (b"rides\x000".to_vec(), number.to_be_bytes().to_vec()) }
    }
}

/// A model's name and a hash.
fn key(number: u64, row: u64) -> Vec<u8> {
    let mut key = b"demand\0".to_vec();
    let first = mixed(number << 32 | row);
    key.extend(first.to_be_bytes());
    key.extend(mixed(first).to_be_bytes());
    key
}

/// Half numbers like each other, half noise.
fn value(number: u64, row: u64, bytes: u64) -> Vec<u8> {
    let noise = mixed(number << 32 | row);
    let word = |word: u64| if word.is_multiple_of(2) { number } else { mixed(noise + word) };
    let words = (0..bytes / 8 + 1).flat_map(|n| word(n).to_le_bytes());
    words.take(bytes as usize).collect()
}

/// The finaliser of splitmix64.
fn mixed(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    for factor in [0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB] {
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(factor);
    }
    mixed ^ (mixed >> 31)
}

/// What was measured.
#[derive(Default)]
pub struct Report {
    commits: Vec<Duration>,
    lookups: Vec<Duration>,
    found: usize,
    disk: Vec<u64>,
}

impl Report {
    pub fn looked_up(&mut self, took: Duration, found: usize) {
        self.lookups.push(took);
        self.found += found;
    }

    pub fn committed(&mut self, took: Duration) {
        self.commits.push(took);
    }

    pub fn goes_on(&mut self, number: u64, traffic: &Traffic, disk: u64) {
        if number == 0 {
            let Traffic { rows, commits, life } = traffic;
            println!("{commits} commits of {rows} predictions that wait {life} commits");
        }
        self.disk.push(disk);
        if (number + 1).is_multiple_of(traffic.life) {
            let turn = &self.disk[self.disk.len() - traffic.life as usize..];
            let (least, most) = (turn.iter().min(), turn.iter().max());
            let megabytes = |bytes: Option<&u64>| bytes.map_or(0, |bytes| bytes / 1_000_000);
            let (least, most) = (megabytes(least), megabytes(most));
            println!("{:>6} commits: {least} to {most} MB on disk", number + 1);
        }
    }

    pub fn at_the_end(mut self, opened: Duration, rows: u64, walked: Duration) {
        println!("{:10} {:>9} {:>9} {:>9}", "ms", "p50", "p99", "max");
        for (name, times) in [("commit", &mut self.commits), ("look-ups", &mut self.lookups)] {
            times.sort();
            let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
            println!("{name:10} {:>9.1} {:>9.1} {:>9.1}", at(50), at(99), at(100));
        }
        println!("{} rows found; {rows} rows left, read in {walked:.1?}", self.found);
        println!("opened in {opened:.2?}");
    }
}
