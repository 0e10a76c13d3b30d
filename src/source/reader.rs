//! A reader thread: poll, decode, slabs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::channel::{Channel, Refused};
use super::client;
use super::context::Context;
use super::session::Session;
use super::{Member, Refusals, Revised, Shared, SourceSpec, TopicPlans};
use crate::event::{Partition, Slab};

/// How long the client may take to leave its group when the process ends.
const PARTING: Duration = Duration::from_secs(5);

/// How long one poll waits for a record.
pub(super) const POLL: Duration = Duration::from_millis(50);

/// What the reader tells the engine thread.
#[derive(Debug)]
pub enum Feed {
    /// Records.
    Slab(Box<Slab>),
    /// Partitions that are ours now, and how many each topic has.
    Owned {
        /// Ours.
        partitions: BTreeSet<Partition>,
        /// Partitions per topic.
        counts: BTreeMap<Arc<str>, i32>,
    },
    /// One past the last record of a partition.
    End {
        /// Which.
        partition: Partition,
        /// The end.
        end: i64,
    },
    /// Records that are gone.
    Lost {
        /// Which.
        partition: Partition,
        /// First one.
        from: i64,
        /// One past the last one.
        to: i64,
    },
    /// Slabs from here on are decoded by a changed configuration.
    Reload(Revised),
    /// A partition without a position begins here, or a recreated one begins again.
    Begin {
        /// Which.
        partition: Partition,
        /// Its first offset.
        offset: i64,
        /// Whether it was recreated: what was read of it before was another log.
        again: bool,
    },
}

/// Why the reader cannot work at all.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A property that librdkafka does not take.
    #[error("kafka.properties: {0}")]
    Properties(KafkaError),
    /// The subscription failed.
    #[error("the topics cannot be subscribed to: {0}")]
    Subscribe(KafkaError),
}

/// The reader.
pub struct Reader {
    pub(super) spec: SourceSpec,
    pub(super) shared: Arc<Shared>,
    channel: Arc<Channel>,
    /// Place among the readers of this daemon, from 0.
    number: usize,
    pub(super) refusals: Box<dyn Refusals>,
}

/// How a session with the broker ended.
pub(super) enum Ended {
    Stopped,
    Again,
}

impl Reader {
    /// The reader of this number; what it reads goes into the channel.
    #[must_use]
    pub fn new(
        spec: SourceSpec,
        shared: Arc<Shared>,
        channel: Arc<Channel>,
        number: usize,
        refusals: Box<dyn Refusals>,
    ) -> Reader {
        Reader { spec, shared, channel, number, refusals }
    }

    /// Reads until told to stop.
    ///
    /// # Errors
    /// Only what no retry can mend: properties that librdkafka refuses.
    pub fn run(mut self) -> Result<(), SourceError> {
        let mut pause = Duration::from_secs(1);
        loop {
            let began = Instant::now();
            if let Ended::Stopped = self.session()? {
                return Ok(());
            }
            if began.elapsed() > Duration::from_secs(60) {
                pause = Duration::from_secs(1);
            }
            self.sleep(pause);
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    pub(super) fn stopping(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }

    pub(super) fn offer(&self, feed: Feed) -> Result<(), Refused> {
        self.channel.offer(self.number, feed)
    }

    /// This reader's part of what is shared.
    pub(super) fn member(&self) -> &Member {
        &self.shared.members[self.number]
    }

    /// The next changed configuration that it has not passed yet.
    pub(super) fn next_reload(&self) -> Option<(TopicPlans, Revised)> {
        self.member().reloads.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Between two sessions nothing is decoded by the old plan: changed configurations are passed
    /// on at once, since all readers wait for the last one.
    fn pass_reloads(&mut self) {
        while let Some((topics, plan)) = self.next_reload() {
            self.spec.topics = topics;
            let mut feed = Feed::Reload(plan);
            while let Err(Refused::Full(back)) = self.offer(feed) {
                if self.stopping() {
                    return;
                }
                feed = back;
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    fn sleep(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end && !self.stopping() {
            self.pass_reloads();
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Name of this daemon in the group; its first reader's.
    fn daemon_name(&self) -> String {
        format!("{}-{}", self.spec.group, self.spec.instance)
    }

    /// Name of this reader in the group.
    fn name(&self) -> String {
        match self.number {
            0 => self.daemon_name(),
            number => format!("{}-w{number}", self.daemon_name()),
        }
    }

    fn session(&mut self) -> Result<Ended, SourceError> {
        let context = Context::new(&self.spec, self.shared.clone());
        let consumer: BaseConsumer<Context> = client::member(&self.spec, &self.name())
            .create_with_context(context)
            .map_err(SourceError::Properties)?;
        if !self.wait_for_our_place(&consumer) {
            return Ok(Ended::Stopped);
        }
        let topics: Vec<&str> = self.spec.topics.keys().map(String::as_str).collect();
        consumer.subscribe(&topics).map_err(SourceError::Subscribe)?;
        let ended = Session::new(self, &consumer).read();
        match ended {
            Ended::Stopped => part(consumer),
            Ended::Again => consumer.unsubscribe(),
        }
        Ok(ended)
    }

    /// Classic groups fence the older member of the same name, so look before joining whether a
    /// living one comes from another state directory: under the name of any of our readers, which
    /// all begin with that of the first.
    fn wait_for_our_place(&mut self, consumer: &BaseConsumer<Context>) -> bool {
        let prefix = format!("{}-", self.daemon_name());
        while !self.stopping() {
            let other = match consumer.fetch_group_list(Some(&self.spec.group), POLL * 100) {
                Ok(list) => list
                    .groups()
                    .iter()
                    .flat_map(|g| g.members())
                    .find(|m| m.id().starts_with(&prefix) && m.client_id() != self.spec.client_id)
                    .map(|m| format!("{} ({})", m.client_host(), m.client_id())),
                // A broker that cannot list groups (an embedded one) has no other driftd either.
                Err(error) if unsupported(&error) => None,
                Err(error) => {
                    let text = format!("no broker of {} answers ({error})", self.spec.brokers);
                    self.shared.faults.raise("brokers_unreachable", "", text);
                    self.serve(consumer);
                    continue;
                }
            };
            self.shared.faults.clear("brokers_unreachable", "");
            self.shared.faults.clear("authentication_failed", "");
            let Some(who) = other else {
                self.shared.faults.clear("instance_taken", "");
                return true;
            };
            self.shared.faults.raise(
                "instance_taken",
                "",
                format!(
                    "another driftd at {who} is member {} of group {}; give this one another \
                     kafka.instance or group, or stop the other",
                    self.daemon_name(),
                    self.spec.group
                ),
            );
            self.sleep(Duration::from_secs(3));
        }
        false
    }

    /// Lets callbacks run while there is nothing to read.
    fn serve(&mut self, consumer: &BaseConsumer<Context>) {
        let end = Instant::now() + Duration::from_secs(1);
        while Instant::now() < end && !self.stopping() {
            self.pass_reloads();
            let _ = consumer.poll(POLL);
        }
    }
}

fn unsupported(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    matches!(
        code,
        Some(RDKafkaErrorCode::UnsupportedFeature | RDKafkaErrorCode::UnsupportedVersion)
    )
}

/// Leaves the group for good. The client waits for what is on its way to a coordinator, which may
/// never answer; a process that ends leaves it behind.
fn part(consumer: BaseConsumer<Context>) {
    let (gone, told) = std::sync::mpsc::channel();
    let leave = move || {
        consumer.unsubscribe();
        drop(consumer);
        let _ = gone.send(());
    };
    // Without a thread the client is gone at once.
    if std::thread::Builder::new().name("parting".to_owned()).spawn(leave).is_ok() {
        let _ = told.recv_timeout(PARTING);
    }
}
