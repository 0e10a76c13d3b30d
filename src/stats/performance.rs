//! Sums over pairs of prediction and outcome. All are signed and exact, so that pairs can be
//! taken back and slices merge in any order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ExactSum, Task};

/// Probabilities are kept this far from 0 and 1 in the log loss.
const CLIP: f64 = 1e-15;

/// One pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Observation<'a> {
    /// Two numbers.
    Regression {
        /// What was said.
        prediction: f64,
        /// What was.
        outcome: f64,
    },
    /// A yes or no.
    Binary {
        /// Whether the positive class was predicted, where a class was.
        predicted: Option<bool>,
        /// Probability of the positive class, where there is one.
        probability: Option<f64>,
        /// Whether it was the positive class.
        outcome: bool,
    },
    /// One class of several.
    Multiclass {
        /// Predicted class, where one was.
        predicted: Option<&'a str>,
        /// Probability that was given to what came true.
        probability_of_outcome: Option<f64>,
        /// Sum over the classes of (probability - truth)^2.
        brier: Option<f64>,
        /// What came true.
        outcome: &'a str,
    },
}

/// Sums of one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Performance {
    /// Of numbers.
    Regression(Regression),
    /// Of yes and no.
    Binary(Binary),
    /// Of classes.
    Multiclass(Multiclass),
}

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
}

/// Confusion of the positive class, and losses of its probability.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Binary {
    /// Predicted and true.
    pub true_positive: i64,
    /// Predicted but not true.
    pub false_positive: i64,
    /// Neither.
    pub true_negative: i64,
    /// True but not predicted.
    pub false_negative: i64,
    /// Losses.
    pub losses: Losses,
}

/// Confusion of classes, and losses of their probabilities.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Multiclass {
    /// Outcome -> prediction -> pairs.
    pub confusion: BTreeMap<String, BTreeMap<String, i64>>,
    /// Losses.
    pub losses: Losses,
}

/// Losses of probabilities.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Losses {
    /// Pairs with a probability.
    pub n: i64,
    /// Sum of -ln(probability of what came true), clipped at 1e-15.
    pub sum_log: ExactSum,
    /// Sum of squared errors of the probabilities.
    pub sum_brier: ExactSum,
}

impl Performance {
    /// No pair yet.
    #[must_use]
    pub fn empty(task: Task) -> Performance {
        match task {
            Task::Regression => Performance::Regression(Regression::default()),
            Task::Binary => Performance::Binary(Binary::default()),
            Task::Multiclass => Performance::Multiclass(Multiclass::default()),
        }
    }

    /// Adds a pair (`sign` 1) or takes it back (-1). A pair of another task is ignored.
    pub fn observe(&mut self, pair: &Observation<'_>, sign: i64) {
        match (self, pair) {
            (Performance::Regression(sums), Observation::Regression { prediction, outcome }) => {
                sums.observe(*prediction, *outcome, sign);
            }
            (
                Performance::Binary(sums),
                Observation::Binary { predicted, probability, outcome },
            ) => sums.observe(*predicted, *probability, *outcome, sign),
            (
                Performance::Multiclass(sums),
                Observation::Multiclass { predicted, probability_of_outcome, brier, outcome },
            ) => sums.observe(*predicted, *probability_of_outcome, *brier, outcome, sign),
            _ => {}
        }
    }

    /// Adds other sums of the same task.
    pub fn merge(&mut self, other: &Performance) {
        self.combine(other, 1);
    }

    /// Takes other sums of the same task out again.
    pub fn subtract(&mut self, other: &Performance) {
        self.combine(other, -1);
    }

    fn combine(&mut self, other: &Performance, sign: i64) {
        match (self, other) {
            (Performance::Regression(a), Performance::Regression(b)) => a.combine(b, sign),
            (Performance::Binary(a), Performance::Binary(b)) => a.combine(b, sign),
            (Performance::Multiclass(a), Performance::Multiclass(b)) => a.combine(b, sign),
            _ => {}
        }
    }

    /// Pairs counted.
    #[must_use]
    pub fn n(&self) -> i64 {
        match self {
            Performance::Regression(r) => r.n,
            Performance::Binary(b) => b.n().max(b.losses.n),
            Performance::Multiclass(m) => m.n().max(m.losses.n),
        }
    }

    /// The sums by name, as state lines show them.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Performance::Regression(r) => json!({
                "n": r.n,
                "sum_error": r.sum_error.value(),
                "sum_abs": r.sum_abs.value(),
                "sum_sq": r.sum_sq.value(),
                "sum_share": r.sum_share.value(),
                "zero_outcomes": r.zero_outcomes,
                "not_finite": r.not_finite,
            }),
            Performance::Binary(b) => json!({
                "n": self.n(),
                "tp": b.true_positive,
                "fp": b.false_positive,
                "tn": b.true_negative,
                "fn": b.false_negative,
                "probabilities": b.losses.n,
                "sum_log_loss": b.losses.sum_log.value(),
                "sum_brier": b.losses.sum_brier.value(),
            }),
            Performance::Multiclass(m) => json!({
                "n": self.n(),
                "confusion": m.confusion,
                "probabilities": m.losses.n,
                "sum_log_loss": m.losses.sum_log.value(),
                "sum_brier": m.losses.sum_brier.value(),
            }),
        }
    }
}

impl Regression {
    fn observe(&mut self, prediction: f64, outcome: f64, sign: i64) {
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
    }

    fn combine(&mut self, other: &Regression, sign: i64) {
        self.n += sign * other.n;
        self.zero_outcomes += sign * other.zero_outcomes;
        self.not_finite += sign * other.not_finite;
        combine(&mut self.sum_error, &other.sum_error, sign);
        combine(&mut self.sum_abs, &other.sum_abs, sign);
        combine(&mut self.sum_sq, &other.sum_sq, sign);
        combine(&mut self.sum_share, &other.sum_share, sign);
    }
}

impl Binary {
    /// Pairs with a predicted class.
    #[must_use]
    pub fn n(&self) -> i64 {
        self.true_positive + self.false_positive + self.true_negative + self.false_negative
    }

    fn observe(
        &mut self,
        predicted: Option<bool>,
        probability: Option<f64>,
        outcome: bool,
        sign: i64,
    ) {
        let cell = match (predicted, outcome) {
            (Some(true), true) => Some(&mut self.true_positive),
            (Some(true), false) => Some(&mut self.false_positive),
            (Some(false), false) => Some(&mut self.true_negative),
            (Some(false), true) => Some(&mut self.false_negative),
            (None, _) => None,
        };
        if let Some(cell) = cell {
            *cell += sign;
        }
        if let Some(p) = probability {
            let truth = if outcome { 1.0 } else { 0.0 };
            let given = if outcome { p } else { 1.0 - p };
            self.losses.observe(Some(given), Some((p - truth) * (p - truth)), sign);
        }
    }

    fn combine(&mut self, other: &Binary, sign: i64) {
        self.true_positive += sign * other.true_positive;
        self.false_positive += sign * other.false_positive;
        self.true_negative += sign * other.true_negative;
        self.false_negative += sign * other.false_negative;
        self.losses.combine(&other.losses, sign);
    }
}

impl Multiclass {
    /// Pairs with a predicted class.
    #[must_use]
    pub fn n(&self) -> i64 {
        self.confusion.values().flat_map(BTreeMap::values).sum()
    }

    fn observe(
        &mut self,
        predicted: Option<&str>,
        probability: Option<f64>,
        brier: Option<f64>,
        outcome: &str,
        sign: i64,
    ) {
        if let Some(predicted) = predicted {
            self.bump(outcome, predicted, sign);
        }
        self.losses.observe(probability, brier, sign);
    }

    fn bump(&mut self, outcome: &str, predicted: &str, by: i64) {
        if !self.confusion.contains_key(outcome) {
            self.confusion.insert(outcome.to_owned(), BTreeMap::new());
        }
        let Some(row) = self.confusion.get_mut(outcome) else { return };
        match row.get_mut(predicted) {
            Some(n) => *n += by,
            None => {
                row.insert(predicted.to_owned(), by);
            }
        }
        row.retain(|_, n| *n != 0);
        if row.is_empty() {
            self.confusion.remove(outcome);
        }
    }

    fn combine(&mut self, other: &Multiclass, sign: i64) {
        for (outcome, row) in &other.confusion {
            for (predicted, n) in row {
                self.bump(outcome, predicted, sign * n);
            }
        }
        self.losses.combine(&other.losses, sign);
    }
}

impl Losses {
    fn observe(&mut self, given: Option<f64>, brier: Option<f64>, sign: i64) {
        let (Some(given), Some(brier)) = (given, brier) else { return };
        if !given.is_finite() || !brier.is_finite() {
            return;
        }
        self.n += sign;
        self.sum_log.add(-(sign as f64) * given.clamp(CLIP, 1.0 - CLIP).ln());
        self.sum_brier.add(sign as f64 * brier);
    }

    fn combine(&mut self, other: &Losses, sign: i64) {
        self.n += sign * other.n;
        combine(&mut self.sum_log, &other.sum_log, sign);
        combine(&mut self.sum_brier, &other.sum_brier, sign);
    }
}

fn combine(into: &mut ExactSum, other: &ExactSum, sign: i64) {
    if sign > 0 {
        into.merge(other);
    } else {
        into.subtract(other);
    }
}
