//! Sums over stretches of panes, kept so that a long window costs little more than a short one.
//!
//! Sums over pairs are exact: how they are put together changes nothing, and a block of panes that
//! nothing touches any more need not be summed again.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::model::{PaneKey, VersionIx};
use super::segments::SegmentIx;
use crate::event::{Span, Time};
use crate::stats::Performance;
use crate::window::{Matches, Pane};

/// Panes in a block, and blocks in the next larger one.
const WIDE: i64 = 8;
/// The largest blocks hold `WIDE` to this power.
const LEVELS: u32 = 3;

/// What windows of performance read of panes; of matches only what is settled.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Stretch {
    pub predictions: u64,
    pub matched: u64,
    pub matches: Matches,
    /// Predictions whose outcome is assumed once their wait is over.
    pub assumed: u64,
    /// What these count.
    pub as_assumed: Option<Performance>,
}

impl Stretch {
    fn take(&mut self, pane: &Pane) {
        self.predictions += pane.predictions;
        self.matched += pane.settled.matched.max(0) as u64;
        self.matches.merge(&pane.settled);
        self.assumed += pane.assumed(&pane.settled);
        self.assume(pane.assumed_performance(&pane.settled).as_ref());
    }

    fn merge(&mut self, other: &Stretch) {
        self.predictions += other.predictions;
        self.matched += other.matched;
        self.matches.merge(&other.matches);
        self.assumed += other.assumed;
        self.assume(other.as_assumed.as_ref());
    }

    fn assume(&mut self, other: Option<&Performance>) {
        match (&mut self.as_assumed, other) {
            (Some(sums), Some(other)) => sums.merge(other),
            (slot, Some(other)) => *slot = Some(other.clone()),
            (_, None) => {}
        }
    }
}

/// Level and number of a block, version and segment.
type Place = (u32, i64, VersionIx, SegmentIx);

/// Blocks that were summed.
#[derive(Debug)]
pub(super) struct Blocks {
    /// Those that hold no pane are kept as empty.
    sums: HashMap<Place, Option<Box<Stretch>>>,
    /// No pane from here on lies in one of them: windows do not reach to where most events fall.
    until: Time,
}

/// Panes along a line, and how wide they are.
#[derive(Clone, Copy)]
pub(super) struct Panes<'a> {
    pub by_key: &'a BTreeMap<PaneKey, Pane>,
    pub width: Span,
}

impl Default for Blocks {
    fn default() -> Blocks {
        Blocks { sums: HashMap::new(), until: Time::MIN }
    }
}

impl Blocks {
    /// Forgets the blocks of a pane that may have changed.
    pub(super) fn touch(&mut self, key: PaneKey, width: Span) {
        if key.start >= self.until {
            return;
        }
        let mut number = key.start.0.div_euclid(width.0);
        for level in 1..=LEVELS {
            number = number.div_euclid(WIDE);
            self.sums.remove(&(level, number, key.version, key.segment));
        }
    }

    /// Forgets the blocks that end by `start`, those that hold no pane included.
    pub(super) fn forget_before(&mut self, start: Time, width: Span) {
        let first = start.0.div_euclid(width.0);
        self.sums.retain(|(level, number, ..), _| (number + 1) * WIDE.pow(*level) > first);
    }

    /// The sum over the panes of a version and segment that begin within `[from, to)`, both
    /// multiples of the width.
    pub(super) fn sum(
        &mut self,
        panes: Panes<'_>,
        (from, to): (Time, Time),
        version: VersionIx,
        segment: SegmentIx,
    ) -> Stretch {
        let mut sum = Stretch::default();
        let number = |at: Time| at.0.div_euclid(panes.width.0);
        let (mut at, end) = (number(from), number(to));
        while at < end {
            let fits = |level: &u32| at % WIDE.pow(*level) == 0 && at + WIDE.pow(*level) <= end;
            let level = (1..=LEVELS).rev().find(fits).unwrap_or(0);
            let wide = WIDE.pow(level);
            let place = (level, at.div_euclid(wide), version, segment);
            self.add(panes, place, &mut sum);
            at += wide;
        }
        sum
    }

    /// Adds a block, or at level 0 a pane.
    fn add(&mut self, panes: Panes<'_>, place: Place, to: &mut Stretch) {
        let (level, number, version, segment) = place;
        if level == 0 {
            let start = Time(number.saturating_mul(panes.width.0));
            if let Some(pane) = panes.by_key.get(&PaneKey { start, version, segment }) {
                to.take(pane);
            }
            return;
        }
        if !self.sums.contains_key(&place) {
            let mut sum = Stretch::default();
            for inner in number * WIDE..(number + 1) * WIDE {
                self.add(panes, (level - 1, inner, version, segment), &mut sum);
            }
            let sum = (sum != Stretch::default()).then(|| Box::new(sum));
            self.sums.insert(place, sum);
            let end = (number + 1) * WIDE.pow(level);
            self.until = self.until.max(Time(end.saturating_mul(panes.width.0)));
        }
        if let Some(Some(sum)) = self.sums.get(&place) {
            to.merge(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::{Observation, Task};

    const WIDTH: Span = Span(10);

    fn key(number: i64) -> PaneKey {
        PaneKey { start: Time(number * WIDTH.0), version: 1, segment: 2 }
    }

    /// A pane with a prediction and, now and then, its outcome.
    fn change(pane: &mut Pane, error: f64) {
        pane.predictions += 1;
        pane.answerable += 1;
        let pair = Observation::Regression { prediction: error, outcome: 0.0 };
        if let Some(assumed) = &mut pane.as_assumed {
            assumed.observe(&pair, 1);
        }
        if error > 0.0 {
            pane.settled.matched += 1;
            pane.settled.delays.observe(error, 1);
            let sums = [&mut pane.settled.performance, &mut pane.settled.as_assumed];
            sums.into_iter().flatten().for_each(|sums| sums.observe(&pair, 1));
        }
    }

    proptest! {
        #[test]
        fn blocks_equal_one_pass_over_the_panes(
            steps in prop::collection::vec((-40i64..600, -1e9..1e9, 0i64..640), 1..60),
        ) {
            let mut panes = BTreeMap::new();
            let mut blocks = Blocks::default();
            let empty = Performance::empty(Task::Regression, &[]);
            for (number, error, length) in steps {
                let pane = panes.entry(key(number));
                change(pane.or_insert_with(|| Pane::empty(Some(empty.clone()), true)), error);
                blocks.touch(key(number), WIDTH);
                let (from, to) = (key(number - length / 2).start, key(number + length).start);
                let mut want = Stretch::default();
                let range = key(number - length / 2)..key(number + length);
                panes.range(range).for_each(|(_, pane)| want.take(pane));
                let panes = Panes { by_key: &panes, width: WIDTH };
                prop_assert_eq!(blocks.sum(panes, (from, to), 1, 2), want);
                prop_assert_eq!(blocks.sum(panes, (from, to), 1, 3), Stretch::default());
            }
        }
    }

    #[test]
    fn a_week_is_put_together_from_few_parts() {
        let empty = Performance::empty(Task::Regression, &[]);
        let panes: BTreeMap<PaneKey, Pane> = (0..2_016)
            .map(|number| (key(number), Pane::empty(Some(empty.clone()), false)))
            .collect();
        let mut blocks = Blocks::default();
        let panes = Panes { by_key: &panes, width: WIDTH };
        blocks.sum(panes, (key(3).start, key(2_011).start), 1, 2);
        // The largest with all below them from 512 to 1,536, smaller ones on both sides.
        let known = 2 * (1 + 8 + 64) + 14 * (1 + 8) + 10;
        assert_eq!(blocks.sums.len(), known);
        blocks.touch(key(700), WIDTH);
        assert_eq!(blocks.sums.len(), known - 3);
    }
}
