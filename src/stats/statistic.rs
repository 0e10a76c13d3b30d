//! What a statistic is: a formula over summaries, and its entry in the registry.

use std::fmt::{self, Debug};
use std::sync::Arc;

use super::Tail;
use super::{
    Binning, Calibrator, Counts, Delays, Dtype, Expectation, ExpectedLosses, Extra, LogHistogram,
    Noise, OptionDoc, ParamError, Params, Performance, Profile,
};

/// What a statistic is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// Counts of a series against the counts of its reference.
    Distribution,
    /// Counts of a series alone, or against bounds of the reference.
    Quality,
    /// The number of predictions.
    Volume,
    /// Pairs of prediction and outcome.
    Performance,
    /// Predictions by calibrated probability and class; outcomes play no part.
    Estimate,
    /// How many predictions have an outcome.
    Coverage,
    /// How long outcomes took.
    Delay,
}

impl Basis {
    /// Whether outcomes change the score, so that it is judged when they are due.
    #[must_use]
    pub fn needs_outcomes(self) -> bool {
        matches!(self, Basis::Performance | Basis::Coverage | Basis::Delay)
    }

    /// Whether it is computed per series (`watch`), not for the model as a whole.
    #[must_use]
    pub fn per_series(self) -> bool {
        matches!(self, Basis::Distribution | Basis::Quality)
    }
}

/// Which scores are worse than others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Greater is worse (an error, a distance).
    Up,
    /// Smaller is worse (an accuracy).
    Down,
    /// Neither; levels must say `above` or `below`.
    None,
}

/// What a model predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// A number.
    Regression,
    /// One of two classes.
    Binary,
    /// One of several classes.
    Multiclass,
}

/// The type of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SeriesKind {
    /// Numbers, rounded to the dtype.
    Numeric(Dtype),
    /// Words.
    Category,
}

/// `category`, `numeric (f32)`.
impl fmt::Display for SeriesKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SeriesKind::Category => "category",
            SeriesKind::Numeric(Dtype::F32) => "numeric (f32)",
            SeriesKind::Numeric(Dtype::F64) => "numeric (f64)",
        })
    }
}

/// Counts of a window beside those of the reference, on one grid.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// The frozen whole reference: names of cells, edges, bounds.
    pub profile: &'a Profile,
    /// Reference counts to compare with: the whole's, or the segment's part.
    pub reference: &'a Counts,
    /// Counts of the window.
    pub window: &'a Counts,
}

/// Everything a statistic may look at for one series or model, segment and window.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample<'a> {
    /// Predictions in the window.
    pub events: u64,
    /// Length of the window in seconds.
    pub seconds: f64,
    /// Counts of the series; of estimates those by code of the probability and predicted class:
    /// 2 x code + (1 if positive). `None` for other statistics of the whole model.
    pub window: Option<&'a Counts>,
    /// The series beside its reference; `None` where there is none.
    pub pair: Option<Pair<'a>>,
    /// What the codes of the probability stand for; `None` where the reference does not say.
    pub calibrator: Option<&'a Calibrator>,
    /// Losses that the window's events expect.
    pub losses: Option<&'a ExpectedLosses>,
    /// Sums over matched pairs.
    pub performance: Option<&'a Performance>,
    /// Predictions whose outcome is known.
    pub matched: u64,
    /// Predictions whose outcome is assumed.
    pub assumed: u64,
    /// How long the matched outcomes took.
    pub delays: Option<&'a Delays>,
    /// The same metric on the reference.
    pub baseline: Option<Baseline>,
    /// Errors of a regression on the reference, where it keeps them.
    pub reference_errors: Option<&'a LogHistogram>,
}

/// A metric on the reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baseline {
    /// Its value.
    pub value: f64,
    /// Pairs of the reference.
    pub pairs: u64,
    /// Those of them that the metric is of (its denominator), where the reference says.
    pub own: Option<u64>,
}

/// A computed score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The statistic's number; always finite.
    pub value: f64,
    /// Events that it was computed from: with a value, matched, or the metric's denominator.
    pub support: u64,
    /// Where the truth lies: a rigorous interval where the value is a bound, a 95 % interval where
    /// it is an estimate from a sample of pairs; `None` when exact. The upper end is infinite where
    /// counts bound nothing above.
    pub interval: Option<(f64, f64)>,
}

/// What a score means without drift.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Chance {
    /// As [`Statistic::noise_floor`].
    pub floor: Option<f64>,
    /// As [`Statistic::tail`].
    pub tail: Option<Tail>,
}

/// Why there is no score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Undefined {
    /// The series has no reference (or the segment no part in it).
    #[error("no_reference")]
    NoReference,
    /// The formula has no value here: an empty side, a zero denominator.
    #[error("undefined")]
    Undefined,
}

/// A formula over summaries, with its options filled in.
pub trait Statistic: Debug + Send + Sync {
    /// Its entry in the registry.
    fn kind(&self) -> &'static StatisticKind;

    /// Name in score lines: of estimates and their errors another one than the metric's.
    fn name(&self) -> &str {
        self.kind().name
    }

    /// Its name with the options that change its value: under it references keep metrics.
    fn label(&self) -> String {
        self.name().to_owned()
    }

    /// What it is computed from.
    fn basis(&self) -> Basis {
        self.kind().basis
    }

    /// Tasks it makes sense for; empty: any, also a model without one.
    fn tasks(&self) -> &'static [Task] {
        self.kind().tasks
    }

    /// Which way is worse.
    fn direction(&self) -> Direction {
        self.kind().direction
    }

    /// The best value there is, where there is one: 0 for a distance, 1 for an accuracy.
    fn best(&self) -> Option<f64> {
        self.kind().best
    }

    /// Least and greatest value of one event, where the score is the mean of them over its support;
    /// infinite without a bound. `None` where it is no mean.
    fn mean_of(&self) -> Option<(f64, f64)> {
        self.kind().mean_of
    }

    /// Edges that must be points of every grid this statistic reads; empty for most.
    fn edges(&self) -> &[f64] {
        &[]
    }

    /// The bins it looks at, where it looks at bins.
    fn binning(&self) -> Option<Binning> {
        None
    }

    /// What it follows from, where it is an estimate or the error of one.
    fn estimates(&self) -> Option<Expectation> {
        None
    }

    /// Whether it reads the errors that a reference keeps.
    fn compares_errors(&self) -> bool {
        false
    }

    /// Events the score would be computed from, also where it is undefined: with a value, matched, or
    /// the metric's denominator.
    fn support(&self, sample: &Sample<'_>) -> u64;

    /// The score, or why there is none. Never a NaN, never an infinity.
    ///
    /// # Errors
    /// See [`Undefined`].
    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined>;

    /// What an estimate of it without outcomes follows from; `None` where there is none.
    fn expects(&self) -> Option<Expectation> {
        None
    }

    /// The same metric if the outcomes are what was expected, with its band.
    ///
    /// # Errors
    /// See [`Undefined`]; always where the metric has no estimate.
    fn expectation(&self, _sample: &Sample<'_>) -> Result<Score, Undefined> {
        Err(Undefined::Undefined)
    }

    /// What a reference keeps under its label: of an estimate the metric itself.
    ///
    /// # Errors
    /// See [`Undefined`].
    fn on_reference(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        self.score(sample)
    }

    /// The score that an undrifted window of this size, judged against this reference, exceeds
    /// with probability 1 %, or falls below where smaller is worse; `None` where that has no meaning.
    fn noise_floor(&self, _sample: &Sample<'_>) -> Option<f64> {
        None
    }

    /// How the score scatters around its noise floor; `None` where no law is known.
    fn noise(&self, _sample: &Sample<'_>) -> Option<Noise> {
        None
    }

    /// The smallest change that a window of this size shows: the score that the sources themselves
    /// must have, without noise, for the window's to lie beyond its noise floor `floor` with
    /// probability 90 %. `None` where no change is so large, or nothing is known.
    fn visible(&self, sample: &Sample<'_>, floor: f64) -> Option<f64> {
        self.noise(sample)?.visible(floor)
    }

    /// Probability of a score at least this large without drift.
    fn p_value(&self, _sample: &Sample<'_>) -> Option<f64> {
        None
    }

    /// The same, left to whoever reads the line where its sum takes long.
    fn tail(&self, sample: &Sample<'_>) -> Option<Tail> {
        self.p_value(sample).map(Tail::Known)
    }

    /// Noise floor and tail of this sample's score, with what they share worked out once.
    fn chance(&self, sample: &Sample<'_>, _score: &Score) -> Chance {
        Chance { floor: self.noise_floor(sample), tail: self.tail(sample) }
    }
}

/// A statistic's entry in the registry: what there is to say about it before it is computed.
#[derive(Debug)]
pub struct StatisticKind {
    /// Name in the configuration.
    pub name: &'static str,
    /// One sentence: what it is, its range, which way is worse.
    pub summary: &'static str,
    /// The formula with its conventions, for the page of statistics.
    pub definition: &'static str,
    /// What it sees and what it does not see, as a sentence or two, for the page of statistics.
    pub sees: &'static str,
    /// Range of its values, as "0 to 1".
    pub range: &'static str,
    /// Where the formula and its law were published.
    pub source: &'static str,
    /// What it is computed from.
    pub basis: Basis,
    /// Tasks it makes sense for; empty: any, also a model without one.
    pub tasks: &'static [Task],
    /// Sums over pairs that it reads beyond the ordinary ones of its tasks.
    pub extras: &'static [Extra],
    /// Which way is worse.
    pub direction: Direction,
    /// The best value there is, where there is one.
    pub best: Option<f64>,
    /// Least and greatest value of one event, where it is a mean over events.
    pub mean_of: Option<(f64, f64)>,
    /// Whether it has a noise floor.
    pub floor: bool,
    /// Options beside `kind`.
    pub options: &'static [OptionDoc],
    /// Builds it from its options; see [`super::statistic`] for those that all share.
    pub build: fn(&mut Params) -> Result<Arc<dyn Statistic>, ParamError>,
}
