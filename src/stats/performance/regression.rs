//! Sums of errors.

use serde::{Deserialize, Serialize};

use super::{Additive, Extra, LogHistogram, combine_extra};
use crate::stats::ExactSum;

/// Sums of errors; error = prediction - outcome.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Regression {
    /// Pairs in the sums.
    pub n: i64,
    /// Sum of errors.
    pub sum_error: ExactSum,
    /// Sum of absolute errors.
    pub sum_abs: ExactSum,
    /// Sum of squared errors.
    pub sum_sq: ExactSum,
    /// Sum of |error| / |outcome| over outcomes other than 0.
    pub sum_share: ExactSum,
    /// Pairs with outcome 0.
    pub zero_outcomes: i64,
    /// Pairs whose error or its square is no finite number; in none of the sums.
    pub not_finite: i64,
    /// Higher powers of the errors, where asked for.
    pub powers: Option<ErrorPowers>,
    /// Moments of the outcomes, where asked for.
    pub outcomes: Option<OutcomeMoments>,
    /// Errors of logarithms, where asked for.
    pub logarithms: Option<LogErrors>,
    /// Errors by sign and size, where asked for.
    pub errors: Option<LogHistogram>,
}

/// Squares of what [`Regression`] sums.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ErrorPowers {
    /// Pairs in the sums.
    pub n: i64,
    /// Sum of error^4.
    pub sum_fourth: ExactSum,
    /// Sum of (error / outcome)^2 over outcomes other than 0.
    pub sum_share_sq: ExactSum,
    /// Sum of the squares of the errors above 0.
    pub sum_over_sq: ExactSum,
}

/// Sum and squares of the outcomes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OutcomeMoments {
    /// Outcomes in the sums.
    pub n: i64,
    /// Sum.
    pub sum: ExactSum,
    /// Sum of squares.
    pub sum_sq: ExactSum,
}

/// Squared errors of ln(1 + x).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LogErrors {
    /// Pairs in the sum: both numbers lie above -1.
    pub n: i64,
    /// Pairs without a logarithm.
    pub undefined: i64,
    /// Sum of (ln(1 + prediction) - ln(1 + outcome))^2.
    pub sum_sq: ExactSum,
    /// Sum of the fourth powers.
    pub sum_fourth: ExactSum,
}

impl Regression {
    pub(super) fn empty(extras: &[Extra]) -> Regression {
        Regression {
            powers: extras.contains(&Extra::Squares).then(ErrorPowers::default),
            outcomes: extras.contains(&Extra::Outcomes).then(OutcomeMoments::default),
            logarithms: extras.contains(&Extra::Logarithms).then(LogErrors::default),
            errors: extras.contains(&Extra::Errors).then(LogHistogram::default),
            ..Regression::default()
        }
    }

    pub(super) fn observe(&mut self, prediction: f64, outcome: f64, sign: i64) {
        let error = prediction - outcome;
        let square = error * error;
        if !square.is_finite() {
            self.not_finite += sign;
            return;
        }
        let signed = sign as f64;
        self.n += sign;
        self.sum_error.add(signed * error);
        self.sum_abs.add(signed * error.abs());
        self.sum_sq.add(signed * square);
        let share = (error / outcome).abs();
        if share.is_finite() {
            self.sum_share.add(signed * share);
        } else {
            self.zero_outcomes += sign;
        }
        if let Some(powers) = &mut self.powers {
            powers.n += sign;
            powers.sum_fourth.add(signed * square * square);
            if share.is_finite() {
                powers.sum_share_sq.add(signed * share * share);
            }
            if error > 0.0 {
                powers.sum_over_sq.add(signed * square);
            }
        }
        if let Some(outcomes) = &mut self.outcomes {
            outcomes.observe(outcome, sign);
        }
        if let Some(logarithms) = &mut self.logarithms {
            logarithms.observe(prediction, outcome, sign);
        }
        if let Some(errors) = &mut self.errors {
            errors.observe(error, sign);
        }
    }
}

impl OutcomeMoments {
    fn observe(&mut self, outcome: f64, sign: i64) {
        let square = outcome * outcome;
        if square.is_finite() {
            self.n += sign;
            self.sum.add(sign as f64 * outcome);
            self.sum_sq.add(sign as f64 * square);
            // What the square was rounded by: the spread of outcomes far from 0 hangs on it.
            self.sum_sq.add(sign as f64 * outcome.mul_add(outcome, -square));
        }
    }

    /// Sum of (outcome - mean outcome)^2, also where that is a small difference of large sums.
    #[must_use]
    pub fn spread(&self) -> f64 {
        let n = self.n as f64;
        let ((sum, sum_rest), (squares, squares_rest)) =
            (self.sum.twofold(), self.sum_sq.twofold());
        let (whole, product) = (n * squares, sum * sum);
        let rests = n.mul_add(squares, -whole) + n * squares_rest
            - sum.mul_add(sum, -product)
            - (2.0 * sum + sum_rest) * sum_rest;
        (whole - product + rests) / n
    }
}

impl LogErrors {
    fn observe(&mut self, prediction: f64, outcome: f64, sign: i64) {
        let square = (prediction.ln_1p() - outcome.ln_1p()).powi(2);
        if square.is_finite() {
            self.n += sign;
            self.sum_sq.add(sign as f64 * square);
            self.sum_fourth.add(sign as f64 * square * square);
        } else {
            self.undefined += sign;
        }
    }
}

impl Additive for Regression {
    fn combine(&mut self, other: &Regression, sign: i64) {
        self.n += sign * other.n;
        self.zero_outcomes += sign * other.zero_outcomes;
        self.not_finite += sign * other.not_finite;
        self.sum_error.combine(&other.sum_error, sign);
        self.sum_abs.combine(&other.sum_abs, sign);
        self.sum_sq.combine(&other.sum_sq, sign);
        self.sum_share.combine(&other.sum_share, sign);
        combine_extra(&mut self.powers, other.powers.as_ref(), sign);
        combine_extra(&mut self.outcomes, other.outcomes.as_ref(), sign);
        combine_extra(&mut self.logarithms, other.logarithms.as_ref(), sign);
        combine_extra(&mut self.errors, other.errors.as_ref(), sign);
    }
}

impl Additive for ErrorPowers {
    fn combine(&mut self, other: &ErrorPowers, sign: i64) {
        self.n += sign * other.n;
        self.sum_fourth.combine(&other.sum_fourth, sign);
        self.sum_share_sq.combine(&other.sum_share_sq, sign);
        self.sum_over_sq.combine(&other.sum_over_sq, sign);
    }
}

impl Additive for OutcomeMoments {
    fn combine(&mut self, other: &OutcomeMoments, sign: i64) {
        self.n += sign * other.n;
        self.sum.combine(&other.sum, sign);
        self.sum_sq.combine(&other.sum_sq, sign);
    }
}

impl Additive for LogErrors {
    fn combine(&mut self, other: &LogErrors, sign: i64) {
        self.n += sign * other.n;
        self.undefined += sign * other.undefined;
        self.sum_sq.combine(&other.sum_sq, sign);
        self.sum_fourth.combine(&other.sum_fourth, sign);
    }
}
