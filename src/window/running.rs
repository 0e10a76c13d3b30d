//! Sliding sums of panes: the new pane is added, the old one subtracted.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::SeriesCounts;
use crate::event::{Slot, Span, Time};
use crate::stats::Counts;

/// The sums of the panes in `[from, to)`: their predictions, and the counts of every series that
/// windows of this length look at. One walk over the panes serves all series.
#[derive(Debug, Clone)]
pub struct Running {
    from: Time,
    to: Time,
    predictions: u64,
    /// Predictions by slot of the season, where there is one.
    slots: BTreeMap<Slot, u64>,
    series: BTreeMap<Arc<str>, Sum>,
}

/// The sum of one series, of counts that were made with one reference.
#[derive(Debug, Clone)]
struct Sum {
    reference: Arc<str>,
    /// Copied only where somebody still holds the sum of the window before.
    counts: Arc<Counts>,
}

/// Whether a pane comes into the window or leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    /// It comes in.
    Enters,
    /// It leaves.
    Leaves,
}

impl Running {
    /// Empty sums that have not been anywhere yet; per series its name, the id of the reference
    /// whose counts it takes, and how many cells that has.
    #[must_use]
    pub fn new(series: impl IntoIterator<Item = (Arc<str>, Arc<str>, usize)>) -> Running {
        let empty = |(name, reference, cells)| {
            (name, Sum { reference, counts: Arc::new(Counts::new(cells)) })
        };
        Running {
            from: Time::MIN,
            to: Time::MIN,
            predictions: 0,
            slots: BTreeMap::new(),
            series: series.into_iter().map(empty).collect(),
        }
    }

    /// Where the window begins.
    #[must_use]
    pub fn from(&self) -> Time {
        self.from
    }

    /// Predictions in the window.
    #[must_use]
    pub fn predictions(&self) -> u64 {
        self.predictions
    }

    /// Predictions in the window by slot of the season.
    #[must_use]
    pub fn slots(&self) -> &BTreeMap<Slot, u64> {
        &self.slots
    }

    /// The sum of a series; `None` for one that it does not hold.
    #[must_use]
    pub fn counts(&self, series: &str) -> Option<Arc<Counts>> {
        self.series.get(series).map(|sum| sum.counts.clone())
    }

    /// Moves the window to `[from, to)`. `pane(start, passing, sums)` has the sums
    /// [take](Running::pass) the pane that begins at `start`.
    pub fn slide(
        &mut self,
        from: Time,
        to: Time,
        width: Span,
        mut pane: impl FnMut(Time, Passing, &mut Running),
    ) {
        let overlaps = self.from <= from && from < self.to && self.to <= to;
        if !overlaps {
            self.clear();
            (self.from, self.to) = (from, from);
        }
        while self.to < to {
            pane(self.to, Passing::Enters, self);
            self.to = self.to + width;
        }
        while self.from < from {
            pane(self.from, Passing::Leaves, self);
            self.from = self.from + width;
        }
    }

    /// A pane with so many predictions and these counts enters or leaves.
    pub fn pass(&mut self, passing: Passing, predictions: u64, counts: &SeriesCounts) {
        match passing {
            Passing::Enters => self.predictions += predictions,
            Passing::Leaves => self.predictions -= predictions,
        }
        for (name, sum) in &mut self.series {
            let Some(counts) = counts.get(name).filter(|c| c.reference == sum.reference) else {
                continue;
            };
            match passing {
                Passing::Enters => counts.add_to(Arc::make_mut(&mut sum.counts)),
                Passing::Leaves => counts.take_from(Arc::make_mut(&mut sum.counts)),
            }
        }
    }

    /// The slot that so many predictions of an entering or leaving pane lie in.
    pub fn pass_slot(&mut self, passing: Passing, slot: Slot, predictions: u64) {
        let sum = self.slots.entry(slot).or_default();
        match passing {
            Passing::Enters => *sum += predictions,
            Passing::Leaves => *sum -= predictions,
        }
        if *sum == 0 {
            self.slots.remove(&slot);
        }
    }

    fn clear(&mut self) {
        self.predictions = 0;
        self.slots.clear();
        for sum in self.series.values_mut() {
            sum.counts = Arc::new(Counts::new(sum.counts.cells.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::PaneCounts;

    #[test]
    fn a_slide_equals_a_fresh_sum() {
        let width = Span(10);
        let counts = |start: Time, reference: &str| {
            let mut counts = PaneCounts::new(reference.into(), 2);
            counts.count_all(&vec![1; start.0 as usize + 1]);
            counts
        };
        let pane = |start: Time, passing: Passing, sums: &mut Running| {
            let series = [("fare", "f"), ("of another reference", "x")];
            let series = series.map(|(name, id)| (Arc::from(name), counts(start, id))).into();
            sums.pass(passing, 2, &series);
        };
        let wanted = ["fare", "of another reference", "never counted"];
        let mut running = Running::new(wanted.map(|name| (name.into(), "f".into(), 2)));
        for (from, to) in [(0, 30), (10, 40), (20, 50), (200, 230), (20, 50), (30, 60)] {
            running.slide(Time(from), Time(to), width, pane);
            let want: i64 = (from..to).step_by(10).map(|start| start + 1).sum();
            let sum = running.counts("fare").unwrap();
            assert_eq!((sum.cells[1], sum.counted), (want as u64, want as u64), "{from}..{to}");
            assert_eq!(running.predictions(), 6);
            assert_eq!(running.counts("of another reference").unwrap().counted, 0);
            assert_eq!(running.counts("never counted").unwrap().counted, 0);
        }
        assert!(running.counts("not watched").is_none());
    }
}
