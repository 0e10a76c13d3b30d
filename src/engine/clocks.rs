//! Own watermarks and the common one.
//!
//! A partition's *own watermark* depends on its log alone and decides what is late. The *common
//! watermark* is the least of them; it decides when to judge, never what is counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Partition, Role, Span, Time};

/// Event time of one model in one partition.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Clock {
    /// Greatest accepted event time; `Time::MIN` before the first.
    pub latest: Time,
    /// Whether the topic carries this model's predictions.
    pub predictions: bool,
    /// Our clock when the last record of this model was read; not stored.
    #[serde(skip)]
    pub read_at: Option<Time>,
}

impl Clock {
    pub(super) fn own_watermark(&self, lateness: Span) -> Time {
        if self.latest == Time::MIN { Time::MIN } else { self.latest - lateness }
    }
}

/// What the common watermark needs to know about one partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// Assigned to us.
    pub owned: bool,
    /// First offset not in the state.
    pub position: i64,
    /// End of the log, where known.
    pub end: Option<i64>,
}

/// All clocks of one model.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Clocks {
    pub by_partition: BTreeMap<Partition, Clock>,
    /// Since when (our clock) every partition is idle, and the watermark at that moment.
    #[serde(skip)]
    idle_since: Option<(Time, Time)>,
}

/// The two common watermarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Watermarks {
    /// Over the partitions of prediction topics.
    pub drift: Time,
    /// Over all partitions.
    pub performance: Time,
}

impl Clocks {
    pub(super) fn clock(&mut self, partition: &Partition, role: Role) -> &mut Clock {
        let clock = self.by_partition.entry(partition.clone()).or_insert(Clock {
            latest: Time::MIN,
            predictions: false,
            read_at: None,
        });
        clock.predictions |= role == Role::Prediction;
        clock
    }

    /// The common watermarks now. `None` while a partition of the model is not ours.
    pub(super) fn watermarks(
        &mut self,
        now: Time,
        lateness: Span,
        idle_after: Span,
        standing: impl Fn(&Partition) -> Standing,
    ) -> Option<Watermarks> {
        let mut least = Watermarks { drift: Time::MAX, performance: Time::MAX };
        let mut greatest = Time::MIN;
        let mut all_idle = true;
        for (partition, clock) in &self.by_partition {
            let standing = standing(partition);
            if !standing.owned {
                return None;
            }
            let own = clock.own_watermark(lateness);
            greatest = greatest.max(own);
            let caught_up = standing.end.is_some_and(|end| end <= standing.position);
            let silent = clock.read_at.is_some_and(|at| now - at >= idle_after);
            if caught_up && silent {
                continue;
            }
            all_idle = false;
            least.performance = least.performance.min(own);
            if clock.predictions {
                least.drift = least.drift.min(own);
            }
        }
        if greatest == Time::MIN {
            return None;
        }
        if !all_idle {
            self.idle_since = None;
            // Where one side is idle as a whole, it holds nothing back.
            least.drift = least.drift.min(greatest);
            return Some(least);
        }
        let (since, base) = *self.idle_since.get_or_insert((now, greatest));
        let base = base.max(greatest);
        let moved = base + Span((now - since).0.max(0));
        Some(Watermarks { drift: moved, performance: moved })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(topic: &str, number: i32) -> Partition {
        Partition { topic: topic.into(), number }
    }

    fn at(clocks: &mut Clocks, now: i64, ends: &[(&str, i64)]) -> Option<Watermarks> {
        clocks.watermarks(Time(now), Span(10), Span(30), |p| Standing {
            owned: p.number >= 0,
            position: 5,
            end: ends.iter().find(|(t, _)| **t == *p.topic).map(|(_, end)| *end),
        })
    }

    fn read(clocks: &mut Clocks, topic: &str, role: Role, latest: i64, read_at: i64) {
        let clock = clocks.clock(&partition(topic, 0), role);
        clock.latest = Time(latest);
        clock.read_at = Some(Time(read_at));
    }

    #[test]
    fn the_slowest_holds_back_and_predictions_alone_rule_drift() {
        let mut clocks = Clocks::default();
        read(&mut clocks, "p", Role::Prediction, 100, 0);
        read(&mut clocks, "o", Role::Outcome, 60, 0);
        let got = at(&mut clocks, 0, &[]).unwrap();
        assert_eq!((got.drift, got.performance), (Time(90), Time(50)));
    }

    #[test]
    fn a_silent_partition_with_lag_is_not_idle() {
        let mut clocks = Clocks::default();
        read(&mut clocks, "p", Role::Prediction, 100, 40);
        read(&mut clocks, "o", Role::Outcome, 60, 0);
        assert_eq!(at(&mut clocks, 40, &[("o", 6)]).unwrap().performance, Time(50));
        assert_eq!(at(&mut clocks, 40, &[("o", 5)]).unwrap().performance, Time(90));
        assert_eq!(at(&mut clocks, 40, &[]).unwrap().performance, Time(50));
    }

    #[test]
    fn when_all_are_idle_the_watermark_moves_with_our_clock() {
        let mut clocks = Clocks::default();
        read(&mut clocks, "p", Role::Prediction, 100, 0);
        assert_eq!(at(&mut clocks, 30, &[("p", 5)]).unwrap().drift, Time(90));
        assert_eq!(at(&mut clocks, 50, &[("p", 5)]).unwrap().drift, Time(110));
    }

    #[test]
    fn an_unowned_partition_stops_all_judging() {
        let mut clocks = Clocks::default();
        read(&mut clocks, "p", Role::Prediction, 100, 0);
        clocks.clock(&partition("p", -1), Role::Prediction);
        assert!(at(&mut clocks, 0, &[]).is_none());
    }
}
