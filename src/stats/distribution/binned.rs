//! Statistics over bins: what they share, and what each of them adds.

use std::fmt::Debug;
use std::sync::Arc;

use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::binning::{Binning, Bins, Edges, HALF, Origin};
use crate::stats::noise::{Change, Noise};
use crate::stats::{
    Chance, OptionDoc, ParamError, Params, Sample, Score, Statistic, StatisticKind, Tail, Undefined,
};

/// Options of every binned statistic.
pub(super) const OPTIONS: &[OptionDoc] = &[BINS, EDGES];

/// Option `bins`.
pub(super) const BINS: OptionDoc = OptionDoc {
    name: "bins",
    kind: "whole number",
    default: "10",
    doc: "bins at quantiles of the reference; a divisor of 480",
};

/// Option `edges`.
pub(super) const EDGES: OptionDoc = OptionDoc {
    name: "edges",
    kind: "list of numbers",
    default: "",
    doc: "fixed edges instead of quantiles, ascending",
};

/// Option `smoothing`.
pub(super) const SMOOTHING: OptionDoc = OptionDoc {
    name: "smoothing",
    kind: "number",
    default: "0.5",
    doc: "added to every bin's count on both sides",
};

/// A formula over two tables of counts on the same bins; neither is empty.
pub(super) trait Formula: Debug + Send + Sync + 'static {
    /// The statistic's entry in the registry.
    fn kind(&self) -> &'static StatisticKind;

    /// The statistic.
    fn value(&self, tables: &Tables) -> f64;

    /// What it adds to every bin's count before it takes logarithms.
    fn smoothing(&self) -> f64 {
        HALF
    }

    /// Its 99 % point without drift.
    fn floor(&self, tables: &Tables) -> Option<f64>;

    /// How it scatters around that.
    fn noise(&self, tables: &Tables) -> Noise;

    /// Probability of at least `value` without drift, where a law is known.
    fn p_value(&self, _tables: &Tables, _value: f64) -> Option<f64> {
        None
    }
}

/// Counts per bin of both sides, and their totals.
#[derive(Debug)]
pub(super) struct Tables {
    bins: Bins,
    /// Rows of the reference.
    pub m: f64,
    /// Rows of the window.
    pub n: f64,
}

impl Tables {
    /// `None` where a side has no rows.
    fn of(sample: &Sample<'_>, edges: &Edges) -> Option<Tables> {
        let bins = Bins::of(sample.pair.as_ref()?, edges);
        let (m, n): (u64, u64) = (bins.reference.iter().sum(), bins.window.iter().sum());
        (m > 0 && n > 0).then_some(Tables { bins, m: m as f64, n: n as f64 })
    }

    /// How many bins there are.
    pub fn len(&self) -> usize {
        self.bins.reference.len()
    }

    /// Reference and window counts, bin by bin.
    pub fn counts(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.bins.reference.iter().zip(&self.bins.window).map(|(r, c)| (*r as f64, *c as f64))
    }

    /// Reference and window shares, bin by bin.
    pub fn shares(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.counts().map(|(r, c)| (r / self.m, c / self.n))
    }

    /// Shares with `smoothing` added to every count.
    pub fn smoothed(&self, smoothing: f64) -> impl Iterator<Item = (f64, f64)> + '_ {
        let smoothed = self.smoothing(smoothing);
        self.counts().map(move |(r, c)| smoothed(r, c))
    }

    /// From counts of one bin to its smoothed shares.
    pub fn smoothing(&self, smoothing: f64) -> impl Fn(f64, f64) -> (f64, f64) {
        let more = smoothing * self.len() as f64;
        let (m, n) = (self.m + more, self.n + more);
        move |r, c| ((r + smoothing) / m, (c + smoothing) / n)
    }

    /// Why each bin is one.
    pub fn origins(&self) -> &[Origin] {
        self.bins.origins()
    }

    /// Variance of the difference of two shares is this times p (1 - p).
    pub fn spread(&self) -> f64 {
        1.0 / self.m + 1.0 / self.n
    }

    /// Bins that hold anything, less one: the degrees of freedom of a contingency table.
    fn freedom(&self) -> usize {
        self.counts().filter(|(r, c)| r + c > 0.0).count().saturating_sub(1)
    }

    /// The noise of a score that is `unit` times a chi-square variable without drift.
    pub fn squares(&self, unit: f64) -> Noise {
        let change = Change::Squares(self.freedom().max(1) as f64);
        Noise { origin: 0.0, unit, squared: true, change, most: f64::INFINITY }
    }

    /// The noise of the root of such a score, a distance of at most 1.
    pub fn root_of_squares(&self, unit: f64) -> Noise {
        Noise { unit: unit.sqrt(), squared: false, most: 1.0, ..self.squares(unit) }
    }

    /// The p-value of a contingency statistic.
    pub fn contingency_p(&self, value: f64) -> Option<f64> {
        match self.freedom() {
            0 => Some(1.0),
            freedom => law(freedom).map(|law| law.sf(value)),
        }
    }
}

fn law(freedom: usize) -> Option<ChiSquared> {
    ChiSquared::new(freedom as f64).ok()
}

/// A binned statistic with its edges.
#[derive(Debug)]
struct Binned<F> {
    edges: Edges,
    formula: F,
}

/// Builds a statistic out of its formula and the options of binning.
pub(super) fn build(
    formula: impl Formula,
    params: &mut Params,
) -> Result<Arc<dyn Statistic>, ParamError> {
    Ok(Arc::new(Binned { edges: Edges::from_params(params)?, formula }))
}

/// Option `smoothing`, for formulas with logarithms of shares.
pub(super) fn smoothing(params: &mut Params) -> Result<f64, ParamError> {
    match params.number("smoothing")?.unwrap_or(HALF) {
        smoothing if smoothing > 0.0 => Ok(smoothing),
        _ => {
            let message = "must be above 0, or an empty bin has no logarithm";
            Err(ParamError::new("smoothing", message))
        }
    }
}

impl<F: Formula> Statistic for Binned<F> {
    fn kind(&self) -> &'static StatisticKind {
        self.formula.kind()
    }

    fn edges(&self) -> &[f64] {
        self.edges.fixed()
    }

    fn binning(&self) -> Option<Binning> {
        Some(Binning { edges: self.edges.clone(), smoothing: self.formula.smoothing() })
    }

    fn support(&self, sample: &Sample<'_>) -> u64 {
        sample.window.map_or(0, |w| w.rows())
    }

    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        if !sample.pair.is_some_and(|pair| self.edges.divide(pair.profile)) {
            return Err(Undefined::NoReference);
        }
        let tables = Tables::of(sample, &self.edges).ok_or(Undefined::Undefined)?;
        let value = self.formula.value(&tables);
        if !value.is_finite() {
            return Err(Undefined::Undefined);
        }
        Ok(Score { value, support: self.support(sample), interval: None })
    }

    fn noise_floor(&self, sample: &Sample<'_>) -> Option<f64> {
        let tables = Tables::of(sample, &self.edges)?;
        self.formula.floor(&tables).filter(|floor| floor.is_finite())
    }

    fn noise(&self, sample: &Sample<'_>) -> Option<Noise> {
        Some(self.formula.noise(&Tables::of(sample, &self.edges)?))
    }

    fn p_value(&self, sample: &Sample<'_>) -> Option<f64> {
        let tables = Tables::of(sample, &self.edges)?;
        self.formula.p_value(&tables, self.formula.value(&tables))
    }

    fn chance(&self, sample: &Sample<'_>, score: &Score) -> Chance {
        let Some(tables) = Tables::of(sample, &self.edges) else { return Chance::default() };
        Chance {
            floor: self.formula.floor(&tables).filter(|floor| floor.is_finite()),
            tail: self.formula.p_value(&tables, score.value).map(Tail::Known),
        }
    }
}
