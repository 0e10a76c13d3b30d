//! The ways in which a life of the daemon ends.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use driftd::failpoint::Failpoint;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::company::Company;
use crate::kill::platter::Platter;
use crate::kill::random::Random;
use crate::rig::daemon::Daemon;
use crate::rig::kafka::Kafka;
use crate::world::PARTITIONS;

/// Longest time in which a failpoint is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longest time that SIGTERM may take, with a margin for a busy machine.
const FAREWELL: Duration = Duration::from_secs(30);
/// So often the broker is killed, a life goes on until all is read, and an older state is put back.
const BROKER_EVERY: u32 = 40;
const REST_EVERY: u32 = 12;
const COPY_EVERY: u32 = 25;
/// Kills between the copy and its return.
const COPY_AGE: u32 = 15;

pub struct Ends {
    kafka: Arc<Kafka>,
    config: PathBuf,
    state: PathBuf,
    copy: PathBuf,
    port: u16,
    group: String,
    topics: [String; 2],
    env: Vec<(&'static str, &'static str)>,
    platter: Platter,
    random: Random,
    counts: BTreeMap<String, u32>,
}

impl Ends {
    pub fn new(kafka: Arc<Kafka>, company: &Company, random: Random) -> Ends {
        Ends {
            kafka,
            config: company.config.clone(),
            state: company.state(),
            copy: company.folder.join("older"),
            port: company.port,
            group: company.group.clone(),
            topics: [company.predictions.clone(), company.outcomes.clone()],
            env: company.env().to_vec(),
            platter: Platter::new(&company.folder.join("platter"), &company.state()),
            random,
            counts: BTreeMap::new(),
        }
    }

    /// One life and its end; how it came.
    pub fn one(&mut self, number: u32) -> String {
        let how = if number.is_multiple_of(BROKER_EVERY) {
            self.with_the_broker()
        } else if number.is_multiple_of(REST_EVERY) {
            self.when_all_is_read()
        } else {
            match self.random.below(100) {
                0..50 => self.at_a_step(),
                50..65 => self.at_a_time(),
                65..80 => self.without_power(),
                80..90 => self.beside_a_stranger(),
                _ => self.by_a_signal(),
            }
        };
        *self.counts.entry(how.clone()).or_default() += 1;
        how
    }

    /// Puts a copy of the database back that is some kills old, now and then, as a backup is put
    /// back; what was sent meanwhile is known by the newer file beside it. Whether it did.
    pub fn put_back_older_state(&self, number: u32) -> bool {
        let copy = |from: &PathBuf, to: &PathBuf| {
            let _ = std::fs::remove_dir_all(to);
            let status = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
            assert!(status.success());
        };
        match number % COPY_EVERY {
            at if at == COPY_EVERY - COPY_AGE - 1 => copy(&self.state.join("db"), &self.copy),
            at if at == COPY_EVERY - 1 => {
                copy(&self.copy, &self.state.join("db"));
                return true;
            }
            _ => {}
        }
        false
    }

    pub fn figures(&self) -> String {
        let counts: Vec<String> =
            self.counts.iter().map(|(how, count)| format!("{count} x {how}")).collect();
        counts.join(", ")
    }

    fn start(&self, failpoints: &str) -> Daemon {
        let mut env = self.env.clone();
        env.push(("DRIFTD_FAILPOINTS", failpoints));
        Daemon::start(&self.config, self.port, &env)
    }

    fn pause(&mut self, most: u64) {
        std::thread::sleep(Duration::from_millis(100 + self.random.below(most)));
    }

    fn at_a_step(&mut self) -> String {
        let steps = Failpoint::ALL.len() as u64 - 1;
        // The commit that decides is the one that must not be overtaken by what it sends.
        let point = match self.random.percent(30) {
            true => Failpoint::CommitDecides,
            false => Failpoint::ALL[self.random.below(steps) as usize],
        };
        assert_ne!(point, Failpoint::Stopping, "it is reached by a signal only");
        let often = match point {
            Failpoint::Restored | Failpoint::Assigned | Failpoint::Revoked => 1,
            // The first one may only hold what receivers have said.
            Failpoint::CommitDecides => 2,
            Failpoint::SlabTaken => 40,
            Failpoint::SendBegins | Failpoint::SendReplied | Failpoint::Acknowledged => 3,
            _ => 8,
        };
        let at = 1 + self.random.below(often);
        let after = self.random.below(300);
        let mut daemon = self.start(&format!("{}=kill:{after}@{at}", point.name()));
        let end = Instant::now() + PATIENCE;
        while daemon.running() {
            if Instant::now() > end {
                daemon.kill9();
                return "kill -9".to_owned();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        point.name().to_owned()
    }

    fn at_a_time(&mut self) -> String {
        let mut daemon = self.start("");
        self.pause(2500);
        daemon.kill9();
        "kill -9".to_owned()
    }

    fn without_power(&mut self) -> String {
        self.platter.begin();
        let kept = self.platter.env();
        let mut env = self.env.clone();
        env.extend(kept.iter().map(|(name, value)| (*name, value.as_str())));
        let mut daemon = Daemon::start(&self.config, self.port, &env);
        self.pause(3500);
        daemon.kill9();
        self.platter.cut();
        "power cut".to_owned()
    }

    fn by_a_signal(&mut self) -> String {
        let dies = self.random.percent(50);
        let mut daemon = self.start(if dies { "stop.begins=kill@1" } else { "" });
        // Not before it listens to signals.
        std::thread::sleep(Duration::from_millis(700));
        self.pause(1500);
        daemon.signal("TERM");
        let code = daemon.wait_exit(FAREWELL).code();
        if dies { Failpoint::Stopping.name().to_owned() } else { format!("SIGTERM {code:?}") }
    }

    fn beside_a_stranger(&mut self) -> String {
        let mut daemon = self.start("");
        let stranger: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.kafka.brokers())
            .set("group.id", &self.group)
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", "6000")
            .set("log_level", "0")
            .create()
            .unwrap();
        stranger.subscribe(&[self.topics[0].as_str(), self.topics[1].as_str()]).unwrap();
        let end = Instant::now() + Duration::from_millis(500 + self.random.below(2000));
        while Instant::now() < end {
            let _ = stranger.poll(Duration::from_millis(100));
        }
        if self.random.percent(50) {
            drop(stranger);
            self.pause(1500);
        }
        daemon.kill9();
        "kill -9 beside a stranger".to_owned()
    }

    /// Short lives alone would fall behind for ever on a busy machine.
    fn when_all_is_read(&mut self) -> String {
        let mut daemon = self.start("");
        daemon.wait_caught_up(&[&self.topics[0], &self.topics[1]], PARTITIONS);
        daemon.kill9();
        "kill -9 with all read".to_owned()
    }

    fn with_the_broker(&mut self) -> String {
        let mut daemon = self.start("");
        self.pause(1000);
        self.kafka.restart();
        self.pause(1500);
        daemon.kill9();
        "kill -9 after the broker's".to_owned()
    }
}
