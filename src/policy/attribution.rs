//! What a finding is made of.

use crate::stats::{Bin, Direction, Place, Split};

/// Why a score is as it is; empty where there is nothing to tell.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attribution {
    /// Both distributions, in the order of their values.
    pub bins: Vec<Bin>,
    /// Where the distribution functions are farthest apart.
    pub place: Option<Place>,
    /// What segments add, by dimension.
    pub segments: Vec<BySegment>,
}

/// What the segments of one dimension add.
#[derive(Debug, Clone, PartialEq)]
pub struct BySegment {
    /// The dimension: names joined by commas.
    pub by: String,
    /// The number that is looked at.
    pub of: String,
    /// The values of its segments.
    pub names: Vec<String>,
    /// The number's parts, which are these segments.
    pub made: Made,
}

/// How segments make a number.
#[derive(Debug, Clone, PartialEq)]
pub enum Made {
    /// Its change is a sum over them.
    Split(Split),
    /// It is no sum over them; what it would be without each of them.
    Without(Carried),
}

/// A metric of a window, and what it would be without each part.
#[derive(Debug, Clone, PartialEq)]
pub struct Carried {
    /// Of all parts.
    pub value: f64,
    /// The same in the reference or in the earlier window, where it is known.
    pub before: Option<f64>,
    /// Which way is worse.
    pub worse: Direction,
    /// The best value there is, where there is one.
    pub best: Option<f64>,
    /// The parts.
    pub parts: Vec<Without>,
}

/// A part, and what is left without it.
#[derive(Debug, Clone, PartialEq)]
pub struct Without {
    /// The metric of all others; `None` where they have none, or too little support.
    pub value: Option<f64>,
    /// Its own metric before and now, where there is one.
    pub own: (Option<f64>, Option<f64>),
    /// Share of the reference's pairs, where they are known.
    pub reference_share: Option<f64>,
    /// Share of the window's pairs.
    pub window_share: Option<f64>,
}

impl Carried {
    /// By how much a part makes the whole worse: of a metric that is bad both ways, takes it away from
    /// its best value, or moves it where there is none. Infinite for a part without which there is no
    /// metric, negative for one that makes it better, and least for one that has no pairs now.
    #[must_use]
    pub fn burden(&self, part: &Without) -> f64 {
        if part.window_share.is_none_or(|share| share == 0.0) {
            return f64::NEG_INFINITY;
        }
        let Some(without) = part.value else { return f64::INFINITY };
        match (self.worse, self.best) {
            (Direction::Up, _) => self.value - without,
            (Direction::Down, _) => without - self.value,
            (Direction::None, Some(best)) => (self.value - best).abs() - (without - best).abs(),
            (Direction::None, None) => (self.value - without).abs(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts by name, the heaviest first.
    fn heaviest(worse: Direction, best: Option<f64>) -> Vec<&'static str> {
        let part = |value, share| Without {
            value,
            own: (None, None),
            reference_share: None,
            window_share: share,
        };
        let carried = Carried { value: 0.5, before: None, worse, best, parts: Vec::new() };
        let mut parts = [
            ("gone", part(Some(0.5), Some(0.0))),
            ("low", part(Some(0.4), Some(0.1))),
            ("high", part(Some(0.7), Some(0.1))),
            ("all", part(None, Some(0.8))),
        ];
        parts.sort_by(|a, b| carried.burden(&b.1).total_cmp(&carried.burden(&a.1)));
        parts.map(|(name, _)| name).to_vec()
    }

    #[test]
    fn parts_without_which_the_metric_were_better_come_first() {
        assert_eq!(heaviest(Direction::Up, Some(0.0)), ["all", "low", "high", "gone"]);
        assert_eq!(heaviest(Direction::Down, Some(1.0)), ["all", "high", "low", "gone"]);
        assert_eq!(heaviest(Direction::None, Some(0.0)), ["all", "low", "high", "gone"]);
        assert_eq!(heaviest(Direction::None, None), ["all", "high", "low", "gone"]);
    }
}
