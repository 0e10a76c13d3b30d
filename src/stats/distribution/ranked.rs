//! Statistics over ranks: what they share, and what each of them adds.
//!
//! Counts on a grid give the order of all values except inside a gap between two grid points. A
//! whole reference has no value inside a gap, so that nothing is lost: values of the window inside
//! one gap count as distinct. On a compressed reference the order within a gap is open; each
//! statistic says how far that may move it.

use std::fmt::Debug;
use std::ops::{Add, Mul, Sub};

use crate::stats::noise::Noise;
use crate::stats::{
    Chance, Pair, Profile, Sample, Score, Statistic, StatisticKind, Tail, Undefined,
};

/// A cell that holds something, with what lies below it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Place of the cell: even between grid points, odd on one.
    pub code: usize,
    /// Reference values below the cell.
    pub reference_below: u64,
    /// Window values below the cell.
    pub window_below: u64,
    /// Reference values in the cell.
    pub reference: u64,
    /// Window values in the cell.
    pub window: u64,
}

impl Step {
    /// Whether it lies between two grid points, so that the order of its values is open.
    pub fn is_gap(&self) -> bool {
        self.code.is_multiple_of(2)
    }

    /// Whether all its values are equal and more than one.
    pub fn is_tie(&self) -> bool {
        !self.is_gap() && self.reference + self.window > 1
    }
}

/// Whole numbers that hold everything up to m n, on both sides of 0.
pub(super) trait Wide:
    Copy + Ord + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Into<i128>
{
    /// A count of one side: no more than its total, which fits.
    fn of(count: u64) -> Self;

    /// The nearest number.
    fn rounded(self) -> f64;
}

impl Wide for i64 {
    fn of(count: u64) -> i64 {
        count as i64
    }

    fn rounded(self) -> f64 {
        self as f64
    }
}

impl Wide for i128 {
    fn of(count: u64) -> i128 {
        i128::from(count)
    }

    fn rounded(self) -> f64 {
        self as f64
    }
}

/// Both sides in the order of the grid; neither is empty.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ranks<'a> {
    pair: Pair<'a>,
    /// Values of the reference.
    pub m: u64,
    /// Values of the window.
    pub n: u64,
    /// Shares that one value is of the reference, and of the window.
    pub shares: (f64, f64),
    /// 1 / (m n).
    unit: f64,
    /// Whether m n fits into 63 bits.
    pub fits: bool,
}

impl<'a> Ranks<'a> {
    /// `None` for categories, which have no order, and where a side has no values.
    fn of(pair: &Pair<'a>) -> Option<Ranks<'a>> {
        let (m, n) = (pair.reference.counted, pair.window.counted);
        let shares = (1.0 / m as f64, 1.0 / n as f64);
        let unit = 1.0 / (m as f64 * n as f64);
        let fits = m.checked_mul(n).is_some_and(|product| i64::try_from(product).is_ok());
        let ordered = matches!(pair.profile, Profile::Numeric(_)) && m > 0 && n > 0;
        ordered.then_some(Ranks { pair: *pair, m, n, shares, unit, fits })
    }

    /// Values of both sides.
    pub fn total(&self) -> u64 {
        self.m + self.n
    }

    /// Whether no reference value lies in a gap.
    pub fn is_whole(&self) -> bool {
        self.pair.reference.cells.iter().step_by(2).all(|n| *n == 0)
    }

    /// Whether one cell holds all values of both sides.
    pub fn is_one_cell(&self) -> bool {
        self.steps().next().is_some_and(|step| step.reference + step.window == self.total())
    }

    /// Whether all reference values are equal.
    pub fn reference_is_constant(&self) -> bool {
        self.pair.reference.cells.iter().filter(|n| **n > 0).count() <= 1
    }

    /// How many values are equal at most.
    pub fn largest_tie(&self) -> u64 {
        let cells = self.pair.reference.cells.iter().zip(&self.pair.window.cells);
        cells.skip(1).step_by(2).map(|(r, w)| r + w).max().unwrap_or(0)
    }

    /// Ascending grid points.
    pub fn grid(&self) -> &'a [f64] {
        match self.pair.profile {
            Profile::Numeric(profile) => &profile.grid,
            Profile::Category(_) => &[],
        }
    }

    /// Reference and window counts, cell by cell.
    pub fn counts(&self) -> (&'a [u64], &'a [u64]) {
        (&self.pair.reference.cells, &self.pair.window.cells)
    }

    /// The cells that hold something.
    pub fn steps(&self) -> impl Iterator<Item = Step> + 'a {
        let (reference, window) = self.counts();
        let cells = reference.iter().zip(window).enumerate();
        let (mut below_r, mut below_w) = (0, 0);
        let steps = cells.map(move |(code, (&reference, &window))| {
            let (reference_below, window_below) = (below_r, below_w);
            below_r += reference;
            below_w += window;
            Step { code, reference_below, window_below, reference, window }
        });
        steps.filter(|step| step.reference + step.window > 0)
    }

    /// The cells that hold something, each with m n (F_reference - F_window) before it and after.
    #[inline]
    pub fn walk<T: Wide>(&self, mut visit: impl FnMut(Step, T, T)) {
        let (m, n) = (T::of(self.m), T::of(self.n));
        let mut before = T::of(0);
        for step in self.steps() {
            let after = before + (T::of(step.reference) * n - T::of(step.window) * m);
            visit(step, before, after);
            before = after;
        }
    }

    /// The cells that hold something, each with F_reference - F_window before it and after.
    ///
    /// What a visit does for few cells alone belongs in a function that is not inlined: a visit that
    /// is called rather than inlined costs three times as much.
    #[inline]
    pub fn differences(&self, mut visit: impl FnMut(Step, f64, f64)) {
        let unit = self.unit;
        if self.fits {
            self.walk(|step, before: i64, after| {
                visit(step, before.rounded() * unit, after.rounded() * unit);
            });
        } else {
            self.walk(|step, before: i128, after| {
                visit(step, before.rounded() * unit, after.rounded() * unit);
            });
        }
    }
}

/// A value and the bounds that the open order within gaps leaves it; `high` may be infinite.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measure {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// A formula over ranks.
pub(super) trait RankFormula: Debug + Send + Sync + 'static {
    /// The statistic's entry in the registry.
    fn kind(&self) -> &'static StatisticKind;

    /// The statistic; `None` where it has no value.
    fn measure(&self, ranks: &Ranks<'_>) -> Option<Measure>;

    /// Its 99 % point without drift.
    fn floor(&self, _ranks: &Ranks<'_>) -> Option<f64> {
        None
    }

    /// How it scatters around that.
    fn noise(&self, _ranks: &Ranks<'_>) -> Option<Noise> {
        None
    }

    /// Probability of at least `value` without drift, where a law is known.
    fn p_value(&self, _ranks: &Ranks<'_>, _value: f64) -> Option<f64> {
        None
    }

    /// The same, left for later where its sum takes long.
    fn tail(&self, ranks: &Ranks<'_>, value: f64) -> Option<Tail> {
        self.p_value(ranks, value).filter(|p| p.is_finite()).map(Tail::Known)
    }
}

/// A statistic out of a rank formula.
#[derive(Debug)]
pub(super) struct Ranked<F>(pub F);

fn ranks<'a>(sample: &Sample<'a>) -> Option<Ranks<'a>> {
    Ranks::of(sample.pair.as_ref()?)
}

impl<F: RankFormula> Statistic for Ranked<F> {
    fn kind(&self) -> &'static StatisticKind {
        self.0.kind()
    }

    fn support(&self, sample: &Sample<'_>) -> u64 {
        sample.window.map_or(0, |w| w.counted)
    }

    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        if sample.pair.is_none() {
            return Err(Undefined::NoReference);
        }
        let ranks = ranks(sample).ok_or(Undefined::Undefined)?;
        let measure = self.0.measure(&ranks).ok_or(Undefined::Undefined)?;
        let Measure { value, low, high } = measure;
        if !value.is_finite() || !low.is_finite() || high.is_nan() {
            return Err(Undefined::Undefined);
        }
        let open = low < high || !ranks.is_whole();
        Ok(Score { value, support: self.support(sample), interval: open.then_some((low, high)) })
    }

    fn noise_floor(&self, sample: &Sample<'_>) -> Option<f64> {
        self.0.floor(&ranks(sample)?).filter(|floor| floor.is_finite())
    }

    fn noise(&self, sample: &Sample<'_>) -> Option<Noise> {
        self.0.noise(&ranks(sample)?)
    }

    fn p_value(&self, sample: &Sample<'_>) -> Option<f64> {
        let ranks = ranks(sample)?;
        let value = self.0.measure(&ranks)?.value;
        self.0.p_value(&ranks, value).filter(|p| p.is_finite())
    }

    fn tail(&self, sample: &Sample<'_>) -> Option<Tail> {
        let ranks = ranks(sample)?;
        self.0.tail(&ranks, self.0.measure(&ranks)?.value)
    }

    fn chance(&self, sample: &Sample<'_>, score: &Score) -> Chance {
        let Some(ranks) = ranks(sample) else { return Chance::default() };
        Chance {
            floor: self.0.floor(&ranks).filter(|floor| floor.is_finite()),
            tail: self.0.tail(&ranks, score.value),
        }
    }
}
