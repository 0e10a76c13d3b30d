//! Windows of so many events: every N-th closes one, in the order of reading.

use super::axis::{Along, Count, along, ordinal};
use super::model::Model;
use super::round::Round;
use super::score::Frame;
use crate::event::{Span, Time};
use crate::plan::WindowPlan;

impl Model {
    /// Judges the windows that close with the next full pane along a line of counts; `None` where
    /// that is not full yet.
    pub(super) fn judge_counted(&mut self, line: Along) -> Option<Vec<Round>> {
        let width = self.axis(line).width;
        let count = self.count_along(line)?;
        let to = Time(count.judged) + width;
        if width == Span(0) || to.0 > count.next {
            return None;
        }
        let plan = self.plan.clone();
        let mut rounds = Vec::new();
        let (mut longest, mut hop) = (Span(0), Span(0));
        for (place, monitor) in plan.monitors.iter().enumerate() {
            let WindowPlan::Count { length, every } = monitor.window else { continue };
            let (length, every) = (ordinal(length), ordinal(every));
            if along(monitor) != line {
                continue;
            }
            (longest, hop) = (longest.max(length), hop.max(every));
            if to.floor_to(every) != to {
                continue;
            }
            let (start, end) = self.count_along(line)?.span(to - length, to);
            let frame =
                Frame { along: line, from: to - length, to, start, end, every, back: Span(0) };
            for group in self.groups_in_order(frame.after()) {
                rounds.push(self.judge_frame(place, monitor, group, frame, None));
            }
        }
        rounds.retain(|round| !round.lines.is_empty());
        // What a window is about to leave behind is needed once more, at its next hop.
        let oldest = to - longest - hop;
        self.drop_panes(line, oldest);
        let count = self.count_along_mut(line)?;
        count.judged = to.0;
        count.forget_before(oldest);
        self.dirty = true;
        Some(rounds)
    }

    fn count_along(&self, line: Along) -> Option<&Count> {
        match line {
            Along::Time => None,
            Along::Events => Some(&self.ledger.events),
            Along::Pairs => Some(&self.ledger.pairs),
        }
    }

    fn count_along_mut(&mut self, line: Along) -> Option<&mut Count> {
        match line {
            Along::Time => None,
            Along::Events => Some(&mut self.ledger.events),
            Along::Pairs => Some(&mut self.ledger.pairs),
        }
    }
}
