//! Metrics of performance: statistics of pairs of prediction and outcome.
//!
//! A member is a formula in a file of its own; what all share is said once, in `metric`.

pub(super) mod accuracy;
mod average;
pub(super) mod average_precision;
pub(super) mod brier;
pub(super) mod business_value;
pub(super) mod calibration_slope;
mod delta;
pub(super) mod ece;
pub(super) mod error_ks;
pub(super) mod error_quantile;
pub(super) mod f1;
pub(super) mod gini;
mod interval;
pub(super) mod log_loss;
pub(super) mod mae;
pub(super) mod mape;
pub(super) mod mcc;
pub(super) mod mean_error;
mod metric;
pub(super) mod mse;
pub(super) mod msle;
pub(super) mod pinball;
pub(super) mod precision;
pub(super) mod r2;
pub(super) mod recall;
pub(super) mod rmse;
pub(super) mod roc_auc;
pub(super) mod specificity;
mod table;

pub(super) use interval::Z;
