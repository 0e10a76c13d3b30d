//! Places at which a test ends or slows the process, to see what survives.
//!
//! `DRIFTD_FAILPOINTS="commit.durable=kill@3,send.replied=sleep:500@1"`: the third time that a
//! commit is durable the process dies as by kill -9 (`kill:200`: a fifth of a second later), and
//! the first reply of a receiver is looked at half a second later. Only builds with debug assertions know of it; elsewhere
//! [`Failpoint::reach`] is nothing.

/// A step that may be the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failpoint {
    /// The state is read, nothing runs yet.
    Restored,
    /// Partitions were assigned to a reader.
    Assigned,
    /// Partitions were taken from a reader.
    Revoked,
    /// A slab is in the state, not yet on disk.
    SlabTaken,
    /// A commit is put together, nothing is written.
    CommitBegins,
    /// A commit with rows of messages is about to be written: the last moment before it is durable.
    CommitDecides,
    /// A commit is on disk, nobody has been told.
    CommitDurable,
    /// Messages were handed to the dispatcher, the API's questions not answered.
    CommitReleased,
    /// Expired join entries are about to be removed.
    SweepBegins,
    /// The group has been told its offsets.
    GroupTold,
    /// A request is about to leave.
    SendBegins,
    /// A receiver has replied, nobody has been told.
    SendReplied,
    /// An acknowledgement is in the state, not yet on disk.
    Acknowledged,
    /// The last commit of a stop is about to be made.
    Stopping,
}

impl Failpoint {
    /// All of them.
    pub const ALL: [Failpoint; 14] = [
        Failpoint::Restored,
        Failpoint::Assigned,
        Failpoint::Revoked,
        Failpoint::SlabTaken,
        Failpoint::CommitBegins,
        Failpoint::CommitDecides,
        Failpoint::CommitDurable,
        Failpoint::CommitReleased,
        Failpoint::SweepBegins,
        Failpoint::GroupTold,
        Failpoint::SendBegins,
        Failpoint::SendReplied,
        Failpoint::Acknowledged,
        Failpoint::Stopping,
    ];

    /// Its name in `DRIFTD_FAILPOINTS`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Failpoint::Restored => "start.restored",
            Failpoint::Assigned => "rebalance.assigned",
            Failpoint::Revoked => "rebalance.revoked",
            Failpoint::SlabTaken => "slab.taken",
            Failpoint::CommitBegins => "commit.begins",
            Failpoint::CommitDecides => "commit.decides",
            Failpoint::CommitDurable => "commit.durable",
            Failpoint::CommitReleased => "commit.released",
            Failpoint::SweepBegins => "sweep.begins",
            Failpoint::GroupTold => "group.told",
            Failpoint::SendBegins => "send.begins",
            Failpoint::SendReplied => "send.replied",
            Failpoint::Acknowledged => "send.acknowledged",
            Failpoint::Stopping => "stop.begins",
        }
    }

    /// The process is here; does what the environment asks for.
    #[inline]
    pub fn reach(self) {
        #[cfg(debug_assertions)]
        armed::reach(self);
    }
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::Failpoint;

    const VARIABLE: &str = "DRIFTD_FAILPOINTS";

    #[derive(Debug, PartialEq, Eq)]
    pub(super) enum Action {
        Kill { after: Duration },
        Sleep(Duration),
    }

    /// What to do at which reach of which point.
    #[derive(Debug, PartialEq, Eq)]
    pub(super) struct Order {
        pub point: Failpoint,
        pub action: Action,
        pub at: u32,
    }

    pub(super) fn reach(point: Failpoint) {
        static ORDERS: OnceLock<Vec<(Order, AtomicU32)>> = OnceLock::new();
        let orders = ORDERS.get_or_init(|| {
            let text = std::env::var(VARIABLE).unwrap_or_default();
            match parse(&text) {
                Ok(orders) => orders.into_iter().map(|order| (order, AtomicU32::new(0))).collect(),
                Err(why) => {
                    eprintln!("{VARIABLE}: {why}");
                    std::process::exit(2)
                }
            }
        });
        for (order, reached) in orders.iter().filter(|(order, _)| order.point == point) {
            if reached.fetch_add(1, Ordering::Relaxed) + 1 == order.at {
                match order.action {
                    Action::Kill { after } => {
                        std::thread::sleep(after);
                        std::process::abort()
                    }
                    Action::Sleep(time) => std::thread::sleep(time),
                }
            }
        }
    }

    pub(super) fn parse(text: &str) -> Result<Vec<Order>, String> {
        text.split(',').filter(|part| !part.is_empty()).map(order).collect()
    }

    fn order(text: &str) -> Result<Order, String> {
        let what = || format!("'{text}' is not NAME=kill[:MILLISECONDS]@N or NAME=sleep:...@N");
        let (name, rest) = text.split_once('=').ok_or_else(what)?;
        let (action, at) = rest.split_once('@').ok_or_else(what)?;
        let point = Failpoint::ALL.into_iter().find(|point| point.name() == name);
        let point = point.ok_or_else(|| format!("there is no failpoint '{name}'"))?;
        let (action, time) = action.split_once(':').unwrap_or((action, "0"));
        let time = Duration::from_millis(time.parse().map_err(|_| what())?);
        let action = match action {
            "kill" => Action::Kill { after: time },
            "sleep" => Action::Sleep(time),
            _ => return Err(what()),
        };
        Ok(Order { point, action, at: at.parse().map_err(|_| what())? })
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::Failpoint;
    use super::armed::{Action, Order, parse};
    use std::time::Duration;

    #[test]
    fn orders_are_read_and_slips_are_told() {
        let read = parse("commit.durable=kill:20@3,send.replied=sleep:500@1").unwrap();
        let sleep = Action::Sleep(Duration::from_millis(500));
        let kill = Action::Kill { after: Duration::from_millis(20) };
        let expected = [
            Order { point: Failpoint::CommitDurable, action: kill, at: 3 },
            Order { point: Failpoint::SendReplied, action: sleep, at: 1 },
        ];
        assert_eq!(read, expected);
        assert_eq!(parse("").unwrap(), []);
        for slip in
            ["commit.durable", "commit.durable=kill", "nowhere=kill@1", "send.begins=jump@1"]
        {
            assert!(parse(slip).is_err(), "{slip}");
        }
    }
}
