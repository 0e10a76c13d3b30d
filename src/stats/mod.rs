//! Statistics: pure mathematics over summaries. Imports nothing else of driftd.
//!
//! A *summary* ([`Counts`], [`Performance`], [`Delays`]) is what a pane keeps of its events and
//! what panes merge into windows; a [`Statistic`] is a function of summaries. Adding one is a new
//! file and an entry in [`STATISTICS`].

mod counts;
mod delays;
mod distribution;
mod estimate;
mod exact_sum;
mod law;
mod metrics;
mod noise;
mod params;
mod performance;
mod profile;
mod quality;
mod rank;
mod split;
mod statistic;
mod tail;
mod volume;

#[cfg(test)]
mod tests;

pub use counts::{Absences, Counts};
pub use delays::Delays;
pub use distribution::{Bin, Binning, FrozenBins, Place, bins, split_psi};
pub use estimate::{
    Calibrator, Confusion, ESTIMATE_OPTIONS, Expectation, Expected, ExpectedCell, ExpectedLosses,
    Loss, build as statistic, expectation_of,
};
pub use exact_sum::ExactSum;
pub use noise::Noise;
pub use params::{OptionDoc, ParamError, Params};
pub use performance::{
    Binary, Calibration, CalibrationBin, ErrorPowers, Extra, LogErrors, LogHistogram, LossSquares,
    Losses, Multiclass, Observation, OutcomeMoments, Performance, Regression, ScoreCell, ScoreGrid,
};
pub use profile::{CategoryProfile, Dtype, NumericProfile, Profile};
pub use split::{Part, Sides, Split, Tally, Terms};
pub use statistic::{
    Baseline, Basis, Chance, Direction, Pair, Sample, Score, SeriesKind, Statistic, StatisticKind,
    Task, Undefined,
};
pub use tail::Tail;

/// Every statistic.
pub const STATISTICS: &[&StatisticKind] = &[
    &distribution::psi::KIND,
    &distribution::kl::KIND,
    &distribution::jensen_shannon::KIND,
    &distribution::hellinger::KIND,
    &distribution::total_variation::KIND,
    &distribution::l_infinity::KIND,
    &distribution::chi_square::KIND,
    &distribution::g_test::KIND,
    &distribution::ks::KIND,
    &distribution::kuiper::KIND,
    &distribution::mann_whitney::KIND,
    &distribution::cramer_von_mises::KIND,
    &distribution::anderson_darling::KIND,
    &distribution::wasserstein::KIND,
    &quality::rate::MISSING_RATE,
    &quality::rate::NULL_RATE,
    &quality::rate::NAN_RATE,
    &quality::rate::TYPE_ERROR_RATE,
    &quality::rate::NEW_CATEGORY_RATE,
    &quality::rate::OUT_OF_RANGE_RATE,
    &quality::constant_feature::KIND,
    &quality::new_spike::KIND,
    &metrics::accuracy::KIND,
    &metrics::precision::KIND,
    &metrics::recall::KIND,
    &metrics::specificity::KIND,
    &metrics::f1::KIND,
    &metrics::mcc::KIND,
    &metrics::business_value::KIND,
    &metrics::roc_auc::KIND,
    &metrics::gini::KIND,
    &metrics::average_precision::KIND,
    &metrics::log_loss::KIND,
    &metrics::brier::KIND,
    &metrics::ece::KIND,
    &metrics::calibration_slope::KIND,
    &metrics::mae::KIND,
    &metrics::mse::KIND,
    &metrics::rmse::KIND,
    &metrics::mean_error::KIND,
    &metrics::mape::KIND,
    &metrics::msle::KIND,
    &metrics::r2::KIND,
    &metrics::pinball::KIND,
    &metrics::error_quantile::KIND,
    &metrics::error_ks::KIND,
    &volume::OUTCOME_COVERAGE,
    &volume::OUTCOME_DELAY,
    &volume::EVENT_RATE,
];
