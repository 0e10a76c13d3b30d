//! One window as a detector sees it.

use crate::event::Span;
use crate::stats::{Counts, Noise, Pair, Score};

/// A scored window.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// The statistic's score of the window; finite.
    pub score: f64,
    /// The same metric on the reference, where there is one.
    pub reference: Option<f64>,
    /// Pairs that the metric on the reference was computed from; 0 where there is none.
    pub reference_support: u64,
    /// Event time between this window's end and that of the window before.
    pub every: Span,
    /// How many series and segments share the detector's promise, this one among them.
    pub among: usize,
    /// The score that an unchanged window of this size passes with probability 1 %, where one is
    /// known.
    pub floor: Option<f64>,
    /// How scores scatter around that; only filled where the detector takes noise.
    pub noise: Option<Noise>,
    /// Windows from this one on to the first that shares no event with it; at least 1.
    pub hops: i64,
    /// Whether it is compared with another law than the windows before: that of its hour, or of an
    /// earlier window.
    pub law_moves: bool,
    /// The window's counts beside those of the reference.
    pub pair: Option<Pair<'a>>,
    /// What came since the window before; only filled where the detector takes steps.
    pub step: Step<'a>,
}

/// The newest part of a window: steps of successive windows share no event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Step<'a> {
    /// The statistic's score of this part alone.
    pub score: Option<Score>,
    /// Its counts beside those of the reference.
    pub pair: Option<Pair<'a>>,
    /// Where the reference of `pair` follows a season.
    pub season: Option<InSeason<'a>>,
}

/// A reference that changes with the hour.
#[derive(Debug, Clone, Copy)]
pub struct InSeason<'a> {
    /// Counts of all hours: what the evidence of a series belongs to.
    pub whole: &'a Counts,
    /// How many laws there are, one per slot.
    pub laws: u32,
}

impl Observation<'_> {
    /// A score with nothing to compare it with.
    #[must_use]
    pub fn of(score: f64) -> Observation<'static> {
        Observation {
            score,
            reference: None,
            reference_support: 0,
            every: Span(0),
            among: 1,
            floor: None,
            noise: None,
            hops: 1,
            law_moves: false,
            pair: None,
            step: Step::default(),
        }
    }
}
