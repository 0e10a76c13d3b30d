//! Partitions that stand still although they hold more: the client cannot unpack what comes next,
//! or a transaction that nobody ends lies before it. The client itself only tries again, for ever.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::context::End;
use crate::event::Partition;

/// A partition that nobody paused and that does not move for so long has stalled.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where partitions stand that hold more, and since when.
#[derive(Debug, Default)]
pub(super) struct Stalls {
    standing: BTreeMap<Partition, (i64, Instant)>,
}

impl Stalls {
    /// Notes where the reading of a partition is. A sentence when it has stalled.
    pub(super) fn note(
        &mut self,
        partition: &Partition,
        to: i64,
        end: End,
        now: Instant,
    ) -> Option<String> {
        if to >= end.high {
            self.forget(partition);
            return None;
        }
        let standing = self.standing.entry(partition.clone()).or_insert((to, now));
        if standing.0 != to {
            *standing = (to, now);
        }
        let waited = now.duration_since(standing.1);
        (waited >= PATIENCE).then(|| self.sentence(partition, to, end))
    }

    /// It is paused, moves, or is no longer ours.
    pub(super) fn forget(&mut self, partition: &Partition) {
        self.standing.remove(partition);
    }

    fn sentence(&self, partition: &Partition, to: i64, end: End) -> String {
        let Partition { topic, number } = partition;
        if end.stable <= to {
            return format!(
                "{topic}/{number} stands at offset {to} of {}: an open transaction of a producer \
                 holds it back; end that transaction (kafka-transactions.sh --abort)",
                end.high
            );
        }
        format!(
            "{topic}/{number} stands at offset {to} of {}: nothing comes. If the brokers are well, \
             the batch there is too large once unpacked: raise receive.message.max.bytes under \
             [kafka.properties], or stop driftd and pass it by with driftd state skip",
            end.high
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_holds_more_and_does_not_move_has_stalled() {
        let partition = Partition { topic: "rides".into(), number: 3 };
        let end = |high, stable| End { high, stable, handed_out: None, connected: Duration::ZERO };
        let began = Instant::now();
        let mut stalls = Stalls::default();
        let mut after = |seconds, to, end| {
            stalls.note(&partition, to, end, began + Duration::from_secs(seconds))
        };
        assert_eq!(after(0, 10, end(20, 20)), None);
        assert_eq!(after(59, 10, end(30, 30)), None);
        let told = after(60, 10, end(30, 30)).unwrap();
        assert!(told.contains("rides/3") && told.contains("receive.message.max.bytes"), "{told}");
        assert!(after(61, 10, end(30, 10)).unwrap().contains("transaction"));
        assert_eq!(after(62, 11, end(30, 30)), None, "it moved");
        assert_eq!(after(200, 30, end(30, 30)), None, "it holds no more");
        assert_eq!(after(300, 30, end(31, 31)), None, "a new record is no stall");
        assert!(after(360, 30, end(31, 31)).is_some());
    }
}
