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
    /// The parts.
    pub parts: Vec<Without>,
}

/// A part, and what is left without it.
#[derive(Debug, Clone, PartialEq)]
pub struct Without {
    /// The metric of all others; `None` where they have none.
    pub value: Option<f64>,
    /// Its own metric before and now, where there is one.
    pub own: (Option<f64>, Option<f64>),
    /// Share of the reference's pairs, where they are known.
    pub reference_share: Option<f64>,
    /// Share of the window's pairs.
    pub window_share: Option<f64>,
}

impl Carried {
    /// By how much a part makes the whole worse; of a metric that is bad both ways, by how much it
    /// moves it. Negative where it makes it better, and least where nobody can say.
    #[must_use]
    pub fn burden(&self, part: &Without) -> f64 {
        let Some(without) = part.value else { return f64::NEG_INFINITY };
        let adds = self.value - without;
        match self.worse {
            Direction::Up => adds,
            Direction::Down => -adds,
            Direction::None => adds.abs(),
        }
    }
}
