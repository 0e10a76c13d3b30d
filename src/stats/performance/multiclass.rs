//! Sums of classes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::losses::clipped;
use super::{Additive, Extra, Losses, ScoreGrid, combine_extra};

/// Confusion of classes, and losses of their probabilities.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Multiclass {
    /// Outcome -> prediction -> pairs.
    pub confusion: BTreeMap<String, BTreeMap<String, i64>>,
    /// Losses.
    pub losses: Losses,
    /// By class: counts of that class against the rest by its probability, where asked for.
    pub scores: Option<BTreeMap<String, ScoreGrid>>,
}

impl Multiclass {
    pub(super) fn empty(extras: &[Extra]) -> Multiclass {
        Multiclass {
            losses: Losses::empty(extras),
            scores: extras.contains(&Extra::Scores).then(BTreeMap::new),
            ..Multiclass::default()
        }
    }

    /// Pairs with a predicted class.
    #[must_use]
    pub fn n(&self) -> i64 {
        self.confusion.values().flat_map(BTreeMap::values).sum()
    }

    pub(super) fn observe(
        &mut self,
        predicted: Option<&str>,
        classes: &[String],
        probabilities: &[f64],
        outcome: &str,
        sign: i64,
    ) {
        if let Some(predicted) = predicted {
            self.bump(outcome, predicted, sign);
        }
        let complete = probabilities.len() == classes.len()
            && probabilities.iter().all(|p| (p * p).is_finite());
        let place = classes.iter().position(|class| class == outcome).filter(|_| complete);
        let Some(place) = place else { return };
        let errors = probabilities.iter().enumerate().map(|(i, p)| {
            let truth = if i == place { 1.0 } else { 0.0 };
            (p - truth) * (p - truth)
        });
        self.losses.observe(clipped(probabilities[place]), errors.sum(), sign);
        if let Some(scores) = &mut self.scores {
            for (i, (class, p)) in classes.iter().zip(probabilities).enumerate() {
                let grid = match scores.get_mut(class) {
                    Some(grid) => grid,
                    None => scores.entry(class.clone()).or_default(),
                };
                grid.observe(*p, i == place, sign);
            }
        }
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
}

impl Additive for Multiclass {
    fn combine(&mut self, other: &Multiclass, sign: i64) {
        for (outcome, row) in &other.confusion {
            for (predicted, n) in row {
                self.bump(outcome, predicted, sign * n);
            }
        }
        self.losses.combine(&other.losses, sign);
        combine_extra(&mut self.scores, other.scores.as_ref(), sign);
    }
}

impl Additive for BTreeMap<String, ScoreGrid> {
    fn combine(&mut self, other: &BTreeMap<String, ScoreGrid>, sign: i64) {
        for (class, grid) in other {
            match self.get_mut(class) {
                Some(own) => own.combine(grid, sign),
                None => self.entry(class.clone()).or_default().combine(grid, sign),
            }
        }
    }
}
