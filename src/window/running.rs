//! A sliding sum of panes for one series: the new pane is added, the old one subtracted.

use std::sync::Arc;

use crate::event::{Span, Time};
use crate::stats::Counts;

/// The sum of the panes in `[from, to)`.
#[derive(Debug, Clone)]
pub struct Running {
    from: Time,
    to: Time,
    sum: Arc<Counts>,
}

impl Running {
    /// An empty sum that has not been anywhere yet.
    #[must_use]
    pub fn new(cells: usize) -> Running {
        Running { from: Time::MIN, to: Time::MIN, sum: Arc::new(Counts::new(cells)) }
    }

    /// Moves the window to `[from, to)` and returns its sum. `pane(start, sum, sign)` adds
    /// (`true`) or subtracts the pane that begins at `start`. The sum is copied only where somebody
    /// still holds the one before.
    pub fn slide(
        &mut self,
        from: Time,
        to: Time,
        width: Span,
        mut pane: impl FnMut(Time, &mut Counts, bool),
    ) -> Arc<Counts> {
        let overlaps = self.from <= from && from < self.to && self.to <= to;
        if !overlaps {
            self.sum = Arc::new(Counts::new(self.sum.cells.len()));
            (self.from, self.to) = (from, from);
        }
        if self.to < to || self.from < from {
            let sum = Arc::make_mut(&mut self.sum);
            while self.to < to {
                pane(self.to, sum, true);
                self.to = self.to + width;
            }
            while self.from < from {
                pane(self.from, sum, false);
                self.from = self.from + width;
            }
        }
        Arc::clone(&self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slide_equals_a_fresh_sum() {
        let width = Span(10);
        let pane = |start: Time, sum: &mut Counts, add: bool| {
            let n = (start.0 as u64) + 1;
            if add {
                sum.cells[0] += n;
                sum.counted += n;
            } else {
                sum.cells[0] -= n;
                sum.counted -= n;
            }
        };
        let mut running = Running::new(1);
        for (from, to) in [(0, 30), (10, 40), (20, 50), (200, 230), (20, 50), (30, 60)] {
            let got = running.slide(Time(from), Time(to), width, pane);
            let want: i64 = (from..to).step_by(10).map(|s| s + 1).sum();
            assert_eq!(got.cells[0], want as u64, "{from}..{to}");
            assert_eq!(got.counted, want as u64);
        }
    }
}
