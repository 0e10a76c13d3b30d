//! Sums over bins without drift: both sides are draws from one source, so that any share-out of the
//! rows of a bin is as likely as its number of ways (the permutation law). Bins that the reference
//! itself cut, and names that it never saw, follow the beta-binomial law of its counts instead.

use super::binned::Tables;
use super::binning::Origin;
use crate::stats::law::{self, Discrete};

/// Rows of the thinner side that a bin must expect before it counts as dense in a sum.
const DENSE: f64 = 12.0;
/// Bins of fewer rows than this are computed once for each number of rows.
const REMEMBERED: usize = 64;

/// What a dense bin adds, by its difference of shares d, whose standard deviation is e.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// This factor times (d / e)^2, and less by the bin's share, since shares sum to 1.
    Square(f64),
    /// |d|.
    Absolute,
}

/// Moments of what one bin adds.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    mean: f64,
    variance: f64,
    third: f64,
    /// Covariance with the bin's count in standard deviations, and what is left of the spread.
    along: f64,
    across: f64,
}

impl Moments {
    /// Of a term over the outcomes of a bin's window count.
    fn of(outcomes: &[(f64, f64)], term: impl Fn(f64) -> f64) -> Moments {
        let (mut mean, mut count) = (0.0, 0.0);
        let values: Vec<(f64, f64, f64)> =
            outcomes.iter().map(|&(c, weight)| (c, term(c), weight)).collect();
        for (c, value, weight) in &values {
            mean += weight * value;
            count += weight * c;
        }
        let (mut variance, mut third, mut with, mut spread) = (0.0, 0.0, 0.0, 0.0);
        for (c, value, weight) in &values {
            let (d, away) = (value - mean, c - count);
            variance += weight * d * d;
            third += weight * d * d * d;
            with += weight * d * away;
            spread += weight * away * away;
        }
        let along = if spread > 0.0 { with / spread.sqrt() } else { 0.0 };
        let across = (variance - along * along).max(0.0).sqrt();
        Moments { mean, variance, third, along, across }
    }

    fn dense(part: Part, share: f64, spread: f64) -> Moments {
        let free = 1.0 - share;
        let (mean, deviation, skewness) = match part {
            Part::Square(factor) => (factor * free, factor * free * 2f64.sqrt(), 8f64.sqrt()),
            Part::Absolute => {
                let error = (share * free * spread).sqrt();
                (error * 0.797_884_560_8, error * 0.602_810_274_9, 0.995_271_746_4)
            }
        };
        Moments {
            mean,
            variance: deviation * deviation,
            third: skewness * deviation.powi(3),
            along: 0.0,
            across: deviation,
        }
    }
}

/// How the rows of one bin may fall to the window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fall {
    /// The bin's share of the source, as far as both sides tell.
    pub share: f64,
    reference: u64,
    both: u64,
    origin: Origin,
    m: u64,
    n: u64,
}

impl Fall {
    /// Whether the thinner side expects so many rows that the law is nearly normal.
    pub(super) fn expects(self, enough: f64) -> bool {
        let (m, n) = (self.m as f64, self.n as f64);
        // What the bin lacks to being all rows must be spread as well.
        let expected = self.share * (1.0 - self.share) * m.min(n);
        match self.origin {
            Origin::New(_) => false,
            Origin::Free | Origin::Named => expected >= enough,
            // Here the reference's count is given, and the window's spreads the more.
            Origin::Cut | Origin::CutAbove => {
                expected >= enough && self.reference as f64 >= 4.0 * enough
            }
        }
    }

    /// The law of the window's count.
    pub(super) fn law(self) -> Discrete {
        let parted = || Discrete::hypergeometric(self.m + self.n, self.both, self.n);
        match self.origin {
            Origin::Free => parted(),
            // The reference named the bin, so that one row at least is its own.
            Origin::Named => parted().below(self.both.max(1)),
            Origin::Cut => self.cut(self.reference as f64),
            Origin::CutAbove => self.cut(self.reference as f64 + 1.0),
            Origin::New(unseen) => {
                let (a, b) = unseen.beta(0.5);
                Discrete::beta_binomial(self.n, a, b)
            }
        }
    }

    fn cut(self, a: f64) -> Discrete {
        Discrete::beta_binomial(self.n, a, (self.m as f64 + 1.0 - a).max(0.5))
    }

    /// Reference rows where the window has `count`.
    pub(super) fn reference(self, count: f64) -> f64 {
        match self.origin {
            Origin::New(_) | Origin::Cut | Origin::CutAbove => self.reference as f64,
            Origin::Free | Origin::Named => self.both as f64 - count,
        }
    }
}

impl Tables {
    /// Every bin's [`Fall`].
    pub(super) fn falls(&self) -> impl Iterator<Item = Fall> + '_ {
        let (m, n) = (self.m as u64, self.n as u64);
        self.counts().zip(self.origins()).map(move |((r, c), &origin)| {
            let share = match origin {
                Origin::Cut | Origin::CutAbove => r / self.m,
                _ => (r + c) / (self.m + self.n),
            };
            Fall { share, reference: r as u64, both: (r + c) as u64, origin, m, n }
        })
    }

    /// The 99 % point of the sum of `term(reference count, window count)` over all bins. `None`
    /// where the sum cannot vary.
    pub(super) fn sum_99(&self, part: Part, term: impl Fn(f64, f64) -> f64) -> Option<f64> {
        let mut known: Vec<Option<Moments>> = Vec::new();
        let mut moments = |fall: Fall| {
            let compute = || {
                let outcomes: Vec<(f64, f64)> = fall.law().outcomes().collect();
                Moments::of(&outcomes, |c| term(fall.reference(c), c))
            };
            let place = fall.both as usize;
            if fall.origin != Origin::Free || place >= REMEMBERED {
                return compute();
            }
            known.resize(REMEMBERED, None);
            *known[place].get_or_insert_with(compute)
        };
        let (mut mean, mut own, mut third) = (0.0, 0.0, 0.0);
        // Pairs of bins: correlation -w_i w_j of their counts, its square of what bends.
        let (mut along, mut along_own, mut across, mut across_own) = (0.0, 0.0, 0.0, 0.0);
        for fall in self.falls() {
            let share = fall.share;
            let bin = if fall.expects(DENSE) {
                Moments::dense(part, share, self.spread())
            } else {
                moments(fall)
            };
            mean += bin.mean;
            own += bin.variance;
            third += bin.third;
            let odds = if share < 1.0 { share / (1.0 - share) } else { 0.0 };
            along += bin.along * odds.sqrt();
            along_own += bin.along * bin.along * odds;
            across += bin.across * odds;
            across_own += (bin.across * odds).powi(2);
        }
        if own <= 0.0 {
            return None;
        }
        let pairs = across * across - across_own - (along * along - along_own);
        let variance = (own + pairs).max(0.1 * own);
        Some(law::point_99(mean, variance, third * (variance / own).powi(2)))
    }
}
