//! Which refused records the log shows.

use std::collections::BTreeMap;

use crate::event::{Span, Time};
use crate::wire::Reason;

/// Lets a few refused records per reason and minute into the log, and counts the others.
#[derive(Debug)]
pub struct Sampler {
    most: u32,
    minutes: BTreeMap<Reason, Minute>,
}

#[derive(Debug)]
struct Minute {
    since: Time,
    passed: u32,
    suppressed: u64,
}

const MINUTE: Span = Span::from_secs(60);

impl Sampler {
    /// At most `most` records per reason and minute.
    #[must_use]
    pub fn new(most: u32) -> Sampler {
        Sampler { most, minutes: BTreeMap::new() }
    }

    /// Whether to log a record that was refused at `now` of our clock: if so, how many of this
    /// reason went unlogged since the last one that was.
    pub fn admit(&mut self, reason: Reason, now: Time) -> Option<u64> {
        let fresh = Minute { since: now, passed: 0, suppressed: 0 };
        let minute = self.minutes.entry(reason).or_insert(fresh);
        // A clock that was set back begins a new minute too.
        if now < minute.since || now - minute.since >= MINUTE {
            minute.since = now;
            minute.passed = 0;
        }
        if minute.passed < self.most {
            minute.passed += 1;
            return Some(std::mem::take(&mut minute.suppressed));
        }
        minute.suppressed += 1;
        None
    }

    /// Reasons whose minute is over with records unlogged, and how many: a flood that has ended
    /// is told of too. Each is told once.
    pub fn overdue(&mut self, now: Time) -> Vec<(Reason, u64)> {
        let over = self.minutes.iter_mut().filter(|(_, minute)| now - minute.since >= MINUTE);
        over.map(|(reason, minute)| (*reason, std::mem::take(&mut minute.suppressed)))
            .filter(|(_, suppressed)| *suppressed > 0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_a_minute_are_logged_and_the_others_counted() {
        let mut sampler = Sampler::new(2);
        let at = |seconds| Time(0) + Span::from_secs(seconds);
        assert_eq!(sampler.admit(Reason::BadJson, at(0)), Some(0));
        assert_eq!(sampler.admit(Reason::BadJson, at(1)), Some(0));
        assert_eq!(sampler.admit(Reason::BadJson, at(2)), None);
        assert_eq!(sampler.admit(Reason::Future, at(2)), Some(0));
        assert_eq!(sampler.admit(Reason::BadJson, at(59)), None);
        assert!(sampler.overdue(at(59)).is_empty());
        assert_eq!(sampler.admit(Reason::BadJson, at(60)), Some(2));
        assert_eq!(sampler.admit(Reason::BadJson, at(61)), Some(0));
        assert_eq!(sampler.admit(Reason::BadJson, at(62)), None);
        assert_eq!(sampler.overdue(at(120)), [(Reason::BadJson, 1)]);
        assert!(sampler.overdue(at(121)).is_empty());
        // A clock that was set back does not silence for hours.
        assert_eq!(sampler.admit(Reason::BadJson, at(-7_200)), Some(0));
    }
}
