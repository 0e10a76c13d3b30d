//! Prediction meets outcome: what waits under one id, and what each arrival changes.
//!
//! Pure rules over one [`Entry`]; where entries live is the shell's business, what a match adds to
//! a pane is the engine's. Every rule depends on event times, arrivals and offsets only, so the
//! sums come out equal whatever order the partitions were read in.

mod timeline;

use serde::{Deserialize, Serialize};

use crate::event::{Span, Time};
use timeline::timeline;

/// Most predictions, and most outcome records, kept under one id; further ones replace the oldest,
/// so that an id that everybody uses stays cheap.
const MOST_RECORDS: usize = 256;

/// What a second prediction of one id means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PredictionRepeats {
    /// The first counts, later ones are duplicates.
    First,
    /// The last counts.
    Last,
    /// Each counts and meets the same outcome.
    All,
}

/// What a second outcome of one id means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutcomeRepeats {
    /// A correction: the old value is taken back. Order by outcome time, then offset.
    Last,
    /// The first counts.
    First,
}

/// What a prediction said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// No prediction value: its features count, it cannot match.
    None,
    /// A number (regression).
    Number(f64),
    /// A class and the probabilities that came with it (classification).
    Class {
        /// Predicted class, as a number of the model's lexicon.
        class: Option<u32>,
        /// Probabilities in the order of the plan; NaN where absent.
        probabilities: Vec<f64>,
    },
}

/// What came true.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Truth {
    /// The outcome was taken back.
    Withdrawn,
    /// A number (regression).
    Number(f64),
    /// A class, as a number of the model's lexicon.
    Class(u32),
}

/// A prediction under an id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// Version, as a number of the model's lexicon; 0 where none is configured.
    pub version: u32,
    /// Event time.
    pub time: Time,
    /// Event time, or its partition's own watermark where that was ahead.
    pub arrival: Time,
    /// What it said.
    pub answer: Answer,
    /// Its segments, as numbers of the model's segment list.
    pub segments: Vec<u32>,
}

/// An outcome record under an id.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// Event time.
    pub time: Time,
    /// Event time, or its partition's own watermark where that was ahead. A withdrawal's is the
    /// own watermark alone, since its time is not one of events: [`Time::MIN`] where it came first.
    pub arrival: Time,
    /// Partition, as a number of the model's lexicon.
    pub partition: u32,
    /// Rank of the partition by its name, where time and offset tie; the number will not do, since
    /// it depends on which partition was read first.
    pub rank: u64,
    /// Offset.
    pub offset: i64,
    /// What it said.
    pub truth: Truth,
}

/// Everything under one id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Predictions: one per version, or all repeats.
    pub predictions: Vec<Waiting>,
    /// Outcome records in the order of reading.
    pub outcomes: Vec<Known>,
}

/// The model's rules.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How long a prediction waits.
    pub within: Span,
    /// Meaning of a second prediction.
    pub predictions: PredictionRepeats,
    /// Meaning of a second outcome.
    pub outcomes: OutcomeRepeats,
}

/// One change that an arrival makes to the sums.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Delta<'a> {
    /// A match begins to count (`sign` 1) or is taken back (-1) at `arrival`.
    Match {
        /// The prediction, whose pane it counts in.
        prediction: &'a Waiting,
        /// The outcome.
        outcome: &'a Known,
        /// When, in event time.
        arrival: Time,
        /// 1 or -1.
        sign: i64,
    },
    /// An outcome record met a prediction in time (1), or the prediction was set aside (-1).
    Met(&'a Waiting, &'a Known, i64),
    /// A prediction was set aside; counted in the pane of the first one.
    Duplicate(&'a Waiting),
    /// An outcome came after the wait of its prediction was over (1); or it did, and now met
    /// another one in time (-1).
    LateOutcome(i64),
}

impl Known {
    /// From when on the record's memory runs.
    fn kept_from(&self) -> Time {
        if self.arrival == Time::MIN { self.time } else { self.arrival }
    }
}

impl Entry {
    /// Files a prediction. False when the `repeats` rule sets the new one aside: it must not be
    /// counted.
    pub fn predict(
        &mut self,
        prediction: Waiting,
        rules: Rules,
        mut each: impl FnMut(Delta<'_>),
    ) -> bool {
        // An id may be used again once the wait of its last use is over; the old use stays, since
        // an outcome that is read later may still belong to it.
        let repeated = self.predictions.iter().position(|p| {
            p.version == prediction.version && p.time + rules.within >= prediction.arrival
        });
        if let Some(place) = repeated {
            match rules.predictions {
                PredictionRepeats::First => {
                    each(Delta::Duplicate(&self.predictions[place]));
                    return false;
                }
                PredictionRepeats::Last => {
                    let first = self.predictions.remove(place);
                    each(Delta::Duplicate(&first));
                    for outcome in self.outcomes.iter().filter(|o| meets(&first, o, rules)) {
                        each(Delta::Met(&first, outcome, -1));
                    }
                    self.emit(&first, rules, -1, &mut each);
                }
                PredictionRepeats::All => {}
            }
        }
        let late_before = self.late_outcomes(rules);
        for outcome in self.outcomes.iter().filter(|o| meets(&prediction, o, rules)) {
            each(Delta::Met(&prediction, outcome, 1));
        }
        self.emit(&prediction, rules, 1, &mut each);
        if self.predictions.len() >= MOST_RECORDS {
            self.predictions.remove(0);
        }
        self.predictions.push(prediction);
        let more = self.late_outcomes(rules) - late_before;
        if more != 0 {
            each(Delta::LateOutcome(more));
        }
        true
    }

    /// Files an outcome record.
    pub fn learn(&mut self, outcome: Known, rules: Rules, mut each: impl FnMut(Delta<'_>)) {
        for prediction in &self.predictions {
            self.emit(prediction, rules, -1, &mut each);
        }
        if self.outcomes.len() >= MOST_RECORDS {
            self.forget_oldest();
        }
        self.outcomes.push(outcome);
        for prediction in self.predictions.iter().filter(|p| meets(p, &outcome, rules)) {
            each(Delta::Met(prediction, &outcome, 1));
        }
        if self.is_late(&outcome, rules) {
            each(Delta::LateOutcome(1));
        }
        for prediction in &self.predictions {
            self.emit(prediction, rules, 1, &mut each);
        }
    }

    /// Whether nothing under this id can matter any more at this watermark.
    #[must_use]
    pub fn expired(&self, watermark: Time, within: Span) -> bool {
        let end = watermark - memory(within);
        self.predictions.iter().all(|p| p.time < end)
            && self.outcomes.iter().all(|o| o.kept_from() < end)
    }

    /// Predictions that still wait: answerable, without a match, their time not over.
    #[must_use]
    pub fn pending_predictions(&self, watermark: Time, rules: Rules) -> usize {
        let waits = |p: &&Waiting| {
            p.answer != Answer::None
                && p.time + rules.within >= watermark
                && timeline(p, &self.outcomes, rules).iter().map(|step| step.sign).sum::<i64>() == 0
        };
        self.predictions.iter().filter(waits).count()
    }

    /// Outcomes that still wait for a prediction.
    #[must_use]
    pub fn pending_outcomes(&self, watermark: Time, rules: Rules) -> usize {
        if !self.predictions.is_empty() {
            return 0;
        }
        let waits = |o: &&Known| o.truth != Truth::Withdrawn && o.time + rules.within >= watermark;
        self.outcomes.iter().filter(waits).count()
    }

    /// Outcomes that met nothing in time, and came after the wait of some prediction.
    fn late_outcomes(&self, rules: Rules) -> i64 {
        self.outcomes.iter().filter(|o| self.is_late(o, rules)).count() as i64
    }

    fn is_late(&self, outcome: &Known, rules: Rules) -> bool {
        self.predictions.iter().any(|p| comes_late(p, outcome, rules))
            && !self.predictions.iter().any(|p| meets(p, outcome, rules))
    }

    fn emit(
        &self,
        prediction: &Waiting,
        rules: Rules,
        sign: i64,
        each: &mut impl FnMut(Delta<'_>),
    ) {
        for step in timeline(prediction, &self.outcomes, rules) {
            let (outcome, arrival) = (step.outcome, step.arrival);
            each(Delta::Match { prediction, outcome, arrival, sign: sign * step.sign });
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = (0..self.outcomes.len())
            .min_by_key(|&i| (self.outcomes[i].time, self.outcomes[i].offset));
        if let Some(place) = oldest {
            self.outcomes.remove(place);
        }
    }
}

/// Whether an outcome record reaches a prediction in time, in either order.
fn meets(p: &Waiting, o: &Known, rules: Rules) -> bool {
    p.answer != Answer::None
        && o.truth != Truth::Withdrawn
        && o.arrival <= p.time + rules.within
        && p.arrival <= o.time + rules.within
}

/// Whether an outcome record came after the wait of a prediction that is still remembered.
fn comes_late(p: &Waiting, o: &Known, rules: Rules) -> bool {
    p.answer != Answer::None
        && o.truth != Truth::Withdrawn
        && o.arrival > p.time + rules.within
        && remembers(p, o, rules)
}

/// How long what lies under an id is remembered: longer than the wait, so that a late outcome is
/// known to be late and a withdrawal finds what it withdraws.
fn memory(within: Span) -> Span {
    within + within
}

/// Whether each is read while the other is remembered, whatever has been swept away by then.
fn remembers(p: &Waiting, o: &Known, rules: Rules) -> bool {
    let memory = memory(rules.within);
    o.arrival <= p.time + memory && p.arrival <= o.kept_from() + memory
}

#[cfg(test)]
mod tests;
