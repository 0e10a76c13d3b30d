//! The way from the readers to the engine: a bounded queue for each reader, taken in turn.
//!
//! A reload travels in every queue and is handed out once, when all readers have come to it. Who
//! has is not listened to until then: what it decoded by the new plan waits in its queue, and
//! before long the reader waits behind it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::reader::Feed;
use crate::event::Partition;

/// Why something was not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// There is no room for it now.
    Full(Feed),
    /// Nobody will ever take it.
    Closed,
}

/// The channel.
#[derive(Debug)]
pub struct Channel {
    state: Mutex<State>,
    news: Condvar,
    room: usize,
}

#[derive(Debug, Default)]
struct State {
    queues: Vec<Queue>,
    turn: usize,
    closed: bool,
}

#[derive(Debug, Default)]
struct Queue {
    feeds: VecDeque<Feed>,
    owned: BTreeSet<Partition>,
    counts: BTreeMap<Arc<str>, i32>,
    /// Its reader has passed a reload that others have not.
    ahead: bool,
}

impl Channel {
    /// A channel for so many readers that holds `room` feeds, at least one for each.
    #[must_use]
    pub fn new(readers: usize, room: usize) -> Channel {
        let queues = (0..readers).map(|_| Queue::default()).collect();
        Channel {
            state: Mutex::new(State { queues, ..State::default() }),
            news: Condvar::new(),
            room: (room / readers.max(1)).max(1),
        }
    }

    /// Takes something from a reader, if there is room.
    pub(crate) fn offer(&self, reader: usize, feed: Feed) -> Result<(), Refused> {
        let mut state = self.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        let queue = &mut state.queues[reader].feeds;
        if queue.len() >= self.room {
            return Err(Refused::Full(feed));
        }
        queue.push_back(feed);
        self.news.notify_one();
        Ok(())
    }

    /// The next thing that some reader said; `None` when nobody said anything for so long. What is
    /// owned is what all readers own together.
    pub fn take(&self, patience: Duration) -> Option<Feed> {
        let end = Instant::now() + patience;
        let mut state = self.lock();
        loop {
            if let Some(feed) = state.next() {
                return Some(feed);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let waited = self.news.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes nothing any more.
    pub fn close(&self) {
        self.lock().closed = true;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> Option<Feed> {
        for _ in 0..self.queues.len() {
            self.turn = (self.turn + 1) % self.queues.len();
            let queue = &mut self.queues[self.turn];
            if queue.ahead {
                continue;
            }
            match queue.feeds.pop_front() {
                None => {}
                Some(Feed::Reload(plan)) => {
                    queue.ahead = true;
                    if self.queues.iter().all(|queue| queue.ahead) {
                        self.queues.iter_mut().for_each(|queue| queue.ahead = false);
                        return Some(Feed::Reload(plan));
                    }
                }
                Some(Feed::Owned { partitions, counts }) => {
                    (queue.owned, queue.counts) = (partitions, counts);
                    let queues = || self.queues.iter();
                    return Some(Feed::Owned {
                        partitions: queues().flat_map(|queue| &queue.owned).cloned().collect(),
                        counts: queues().flat_map(|queue| queue.counts.clone()).collect(),
                    });
                }
                Some(feed) => return Some(feed),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Span;
    use crate::plan::{Limits, Plan};
    use crate::source::Revised;

    fn plan(name: &str) -> Revised {
        let plan = Arc::new(Plan {
            name: name.to_owned(),
            config_digest: String::new(),
            models: Vec::new(),
            idle_after: Span(0),
            act_within: Span(0),
            storm: 0,
            public_url: String::new(),
            limits: Limits { segments: 0, categories: 0, versions: 0, join: 0, state: 0 },
        });
        Revised { plan, references: BTreeMap::new(), commit_every: Duration::ZERO }
    }

    fn end(topic: &str, end: i64) -> Feed {
        Feed::End { partition: Partition { topic: topic.into(), number: 0 }, end }
    }

    fn owned(numbers: &[i32], size: i32) -> Feed {
        let partition = |number: &i32| Partition { topic: "t".into(), number: *number };
        Feed::Owned {
            partitions: numbers.iter().map(partition).collect(),
            counts: BTreeMap::from([("t".into(), size)]),
        }
    }

    /// What comes out, in words, until nothing does.
    fn all(channel: &Channel) -> Vec<String> {
        let word = |feed| match feed {
            Feed::End { partition, end } => format!("{}{end}", partition.topic),
            Feed::Reload(revised) => revised.plan.name.clone(),
            Feed::Owned { partitions, .. } => {
                let numbers: Vec<i32> = partitions.iter().map(|p| p.number).collect();
                format!("{numbers:?}")
            }
            other => format!("{other:?}"),
        };
        std::iter::from_fn(|| channel.take(Duration::ZERO)).map(word).collect()
    }

    #[test]
    fn readers_take_turns_and_each_keeps_its_order() {
        let channel = Channel::new(2, 8);
        for i in 0..3 {
            channel.offer(0, end("a", i)).unwrap();
        }
        channel.offer(1, end("b", 0)).unwrap();
        let got = all(&channel);
        assert_eq!(got.len(), 4);
        assert!(got.iter().position(|f| f == "b0").unwrap() < 2, "{got:?}");
        assert_eq!(
            got.iter().filter(|f| f.starts_with('a')).collect::<Vec<_>>(),
            ["a0", "a1", "a2"]
        );
    }

    #[test]
    fn a_reload_waits_for_all_and_what_follows_it_waits_too() {
        let channel = Channel::new(3, 30);
        let offer = |reader, feed| channel.offer(reader, feed).unwrap();
        offer(0, end("a", 1));
        offer(0, Feed::Reload(plan("new")));
        offer(0, end("a", 2));
        offer(0, Feed::Reload(plan("newer")));
        offer(0, end("a", 3));
        offer(1, end("b", 1));
        assert_eq!(all(&channel), ["b1", "a1"]);
        offer(1, Feed::Reload(plan("new")));
        offer(1, end("b", 2));
        offer(2, end("c", 1));
        assert_eq!(all(&channel), ["c1"]);
        offer(2, Feed::Reload(plan("new")));
        let got = all(&channel);
        assert_eq!(got[0], "new");
        assert_eq!(got.len(), 3, "{got:?}");
        offer(1, Feed::Reload(plan("newer")));
        offer(2, Feed::Reload(plan("newer")));
        assert_eq!(all(&channel), ["newer", "a3"]);
    }

    #[test]
    fn what_is_owned_is_what_all_own_together() {
        let channel = Channel::new(2, 8);
        channel.offer(0, owned(&[0, 1], 4)).unwrap();
        assert_eq!(all(&channel), ["[0, 1]"]);
        channel.offer(1, owned(&[2, 3], 4)).unwrap();
        assert_eq!(all(&channel), ["[0, 1, 2, 3]"]);
        channel.offer(0, owned(&[], 4)).unwrap();
        assert_eq!(all(&channel), ["[2, 3]"]);
    }

    #[test]
    fn a_full_queue_is_its_readers_alone_and_a_closed_channel_takes_nothing() {
        let channel = Channel::new(2, 2);
        channel.offer(0, end("a", 0)).unwrap();
        assert!(matches!(channel.offer(0, end("a", 1)), Err(Refused::Full(_))));
        channel.offer(1, end("b", 0)).unwrap();
        channel.close();
        assert!(matches!(channel.offer(1, end("b", 1)), Err(Refused::Closed)));
    }

    #[test]
    fn whoever_waits_is_woken() {
        let channel = Channel::new(1, 2);
        std::thread::scope(|scope| {
            let taken = scope.spawn(|| channel.take(Duration::from_secs(20)));
            std::thread::sleep(Duration::from_millis(50));
            channel.offer(0, end("a", 0)).unwrap();
            assert!(taken.join().unwrap().is_some());
        });
    }
}
