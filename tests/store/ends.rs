//! The ways in which a process that commits ends.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use driftd::store::Embedded;

use crate::kill::platter::Platter;
use crate::kill::random::Random;
use crate::life::Life;
use crate::model::Model;
use crate::script::Script;
use crate::traces::{Traces, journals};

/// Longest time in which a rotation of journals is waited for.
const PATIENCE: Duration = Duration::from_secs(15);
/// A store is made anew, and a rotation waited for, so often at least.
const BIRTH_EVERY: u32 = 20;
const ROTATION_EVERY: u32 = 14;

/// A store, and what must be in it.
pub struct Ends {
    seed: u64,
    folder: PathBuf,
    state: PathBuf,
    model: Model,
    platter: Platter,
    random: Random,
    /// The last commit that somebody was told of.
    acknowledged: u64,
    /// How long the store took to open, lately.
    opening: Duration,
    /// A copy, and the last commit that was acknowledged before it was begun.
    copy: Option<(PathBuf, u64)>,
    counts: BTreeMap<&'static str, u32>,
    /// Commits that nobody had been told of and that were there all the same.
    unheard: u32,
    copies: u32,
    pub traces: Traces,
}

impl Ends {
    pub fn new(seed: u64, folder: &Path) -> Ends {
        let state = folder.join("state");
        Ends {
            seed,
            folder: folder.to_owned(),
            platter: Platter::new(&folder.join("platter"), &state),
            state,
            model: Model::new(Script::new(seed)),
            random: Random::new(seed),
            acknowledged: 0,
            opening: Duration::from_millis(50),
            copy: None,
            counts: BTreeMap::new(),
            unheard: 0,
            copies: 0,
            traces: Traces::default(),
        }
    }

    /// One life and its end, and what is left.
    pub fn one(&mut self, number: u32) {
        let how = match self.random.below(100) {
            _ if number.is_multiple_of(BIRTH_EVERY) => self.while_the_store_is_made(),
            _ if number.is_multiple_of(ROTATION_EVERY) => self.when_journals_rotate(),
            0..45 => self.while_it_commits(),
            45..65 => self.while_it_opens(),
            65..82 => self.when_the_power_goes(),
            82..87 => self.when_journals_rotate(),
            _ => self.while_a_backup_is_made(),
        };
        *self.counts.entry(how).or_default() += 1;
        self.every_row_is_of_the_last_commit(how);
        self.traces.look(&self.state);
    }

    pub fn figures(&self) -> String {
        format!(
            "{} commits, {} of them there before anybody was told; {} copies; {}",
            self.acknowledged, self.unheard, self.copies, self.traces
        )
    }

    pub fn kinds(&self) -> String {
        let counts: Vec<String> =
            self.counts.iter().map(|(how, count)| format!("{count} x {how}")).collect();
        counts.join(", ")
    }

    /// Whether kills met commits on their way.
    pub fn met_commits(&self) -> bool {
        self.unheard > 0
    }

    fn start(&self, env: &[(&str, String)]) -> Life {
        Life::committing(&self.state, self.seed, &self.log(), env)
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Waits until it is open.
    fn open(&mut self, life: &mut Life) {
        let began = Instant::now();
        life.listen(1);
        self.opening = began.elapsed();
    }

    fn kill(&mut self, life: Life) {
        let last = life.kill().unwrap_or_else(|why| {
            let log = std::fs::read_to_string(self.log()).unwrap_or_default();
            panic!("{why}\n{log}")
        });
        if let Some(last) = last {
            assert!(last >= self.acknowledged, "{last} after {}", self.acknowledged);
            self.acknowledged = last;
        }
    }

    fn sleep(&mut self, most: Duration) {
        let micros = self.random.below(most.as_micros() as u64 + 1);
        std::thread::sleep(Duration::from_micros(micros));
    }

    fn while_it_commits(&mut self) -> &'static str {
        let mut life = self.start(&[]);
        self.open(&mut life);
        let commits = self.random.below(24);
        life.listen(commits);
        self.sleep(Duration::from_millis(12));
        self.kill(life);
        "while it commits"
    }

    /// Half of them right after a life that ended while it committed, so that what is interrupted
    /// is a recovery.
    fn while_it_opens(&mut self) -> &'static str {
        let recovering = self.random.percent(50);
        if recovering {
            self.while_it_commits();
        }
        let life = self.start(&[]);
        self.sleep(self.opening + self.opening / 4);
        self.kill(life);
        if recovering { "while it recovers" } else { "while it opens" }
    }

    fn when_the_power_goes(&mut self) -> &'static str {
        self.platter.begin();
        let mut life = self.start(&self.platter.env());
        match self.random.below(100) {
            0..25 => self.sleep(self.opening + self.opening / 4),
            25..35 => self.wait_for_a_rotation(),
            _ => {
                life.listen(1 + self.random.below(12));
                self.sleep(Duration::from_millis(25));
            }
        }
        self.kill(life);
        if self.random.percent(50) {
            self.platter.cut();
            "power cut"
        } else {
            self.platter.tear(&mut self.random);
            "power cut within a write"
        }
    }

    fn when_journals_rotate(&mut self) -> &'static str {
        let mut life = self.start(&[]);
        self.open(&mut life);
        self.wait_for_a_rotation();
        if self.random.percent(30) {
            life.go_on(3);
        }
        self.kill(life);
        "when journals rotate"
    }

    /// Tables are written out, merged, and old journals removed right after a rotation.
    fn wait_for_a_rotation(&mut self) {
        let (before, end) = (journals(&self.state), Instant::now() + PATIENCE);
        while journals(&self.state) <= before && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.sleep(Duration::from_millis(300));
    }

    fn while_a_backup_is_made(&mut self) -> &'static str {
        let to = self.folder.join("copy");
        let mut life = self.start(&[]);
        self.open(&mut life);
        life.listen(self.random.below(6));
        let least = life.last().unwrap_or(self.acknowledged);
        let copying = Life::copying(&self.state, &to, &self.folder.join("copy.log"));
        if self.random.percent(40) {
            self.sleep(Duration::from_millis(150));
            if copying.kill().is_ok() {
                self.kill(life);
                let _ = std::fs::remove_dir_all(&to);
                self.grow_old();
                return "a backup while it is made";
            }
        } else {
            if self.random.percent(50) {
                self.sleep(Duration::from_millis(200));
                self.kill(life);
                assert!(copying.wait(), "the backup failed");
            } else {
                assert!(copying.wait(), "the backup failed");
                self.kill(life);
            }
            self.copy = Some((to, least));
            return "while a backup is made";
        }
        self.kill(life);
        self.copy = Some((to, least));
        "while a backup is made"
    }

    /// What a killed backup left is removed once it is a day old.
    fn grow_old(&self) {
        let then = SystemTime::now() - Duration::from_secs(2 * 86_400);
        for entry in std::fs::read_dir(&self.state).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name().to_string_lossy().starts_with(".backup-") {
                std::fs::File::open(entry.path()).unwrap().set_modified(then).unwrap();
            }
        }
    }

    /// A directory of its own, in which nothing is yet.
    fn while_the_store_is_made(&mut self) -> &'static str {
        let mut newborn = Ends::new(self.random.next() >> 1, &self.folder.join("newborn"));
        std::fs::create_dir_all(&newborn.folder).unwrap();
        let power = self.random.percent(50);
        let env = newborn.platter.env();
        if power {
            newborn.platter.begin();
        }
        let life = newborn.start(if power { &env } else { &[] });
        self.sleep(Duration::from_millis(120));
        newborn.kill(life);
        if power {
            newborn.platter.cut();
        }
        newborn.every_row_is_of_the_last_commit("while the store is made");
        std::fs::remove_dir_all(&newborn.folder).unwrap();
        "while the store is made"
    }

    /// The state is that of the last commit that was acknowledged, or of the one after it.
    fn every_row_is_of_the_last_commit(&mut self, how: &str) {
        let heard = self.acknowledged;
        let failed = |error| panic!("after {how} at commit {heard}: {error}");
        // Opened first: the model goes on only.
        let store = Embedded::open(&self.state).unwrap_or_else(failed);
        if let Some((copy, least)) = self.copy.take() {
            let copied = Embedded::look(&copy).unwrap_or_else(failed);
            self.model.hold(&copied, least..=heard + 1);
            self.copies += 1;
            copied.close();
            std::fs::remove_dir_all(&copy).unwrap();
        }
        let found = self.model.hold(&store, heard..=heard + 1);
        assert_eq!(store.commits(), found, "after {how}");
        self.unheard += (found - heard) as u32;
        self.acknowledged = found;
        store.close();
    }
}
