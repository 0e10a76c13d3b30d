//! Matches become sums of panes.

use super::axis::Along;
use super::count::outcome_code;
use super::learn::outcome_cell;
use super::model::{Model, PaneKey};
use super::segments::{Segments, WHOLE};
use crate::event::Time;
use crate::join::{Answer, Delta, Known, PredictionRepeats, Rules, Truth, Waiting};
use crate::stats::{Observation, Performance, Profile, Task};
use crate::window::{Extent, Matches, Pane};

/// The changes of one arrival, collected while its entry is borrowed.
#[derive(Debug)]
pub(super) struct Sums {
    /// Hash of the id that all of them are about.
    id: u128,
    changes: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Match { prediction: Waiting, outcome: Known, arrival: Time, sign: i64 },
    Met(Waiting, Known, i64),
    Duplicate(Waiting),
    LateOutcome(i64),
}

impl Sums {
    pub(super) fn of(id: u128) -> Sums {
        Sums { id, changes: Vec::new() }
    }

    pub(super) fn take(&mut self, delta: Delta<'_>) {
        self.changes.push(match delta {
            Delta::Match { prediction, outcome, arrival, sign } => {
                Change::Match { prediction: prediction.clone(), outcome: *outcome, arrival, sign }
            }
            Delta::Met(prediction, outcome, sign) => {
                Change::Met(prediction.clone(), *outcome, sign)
            }
            Delta::Duplicate(first) => Change::Duplicate(first.clone()),
            Delta::LateOutcome(n) => Change::LateOutcome(n),
        });
    }
}

/// A prediction and the outcome that counts for it after an arrival.
struct FreshPair<'a> {
    prediction: &'a Waiting,
    outcome: &'a Known,
    arrival: Time,
    /// Matches made minus matches taken back: above zero where there was none before.
    net: i64,
}

impl Sums {
    /// Predictions that had no outcome before this arrival and have one now.
    fn fresh_pairs(&self) -> impl Iterator<Item = FreshPair<'_>> {
        let mut pairs: Vec<FreshPair<'_>> = Vec::new();
        for change in &self.changes {
            let Change::Match { prediction, outcome, arrival, sign } = change else { continue };
            let (arrival, net) = (*arrival, *sign);
            match pairs.iter_mut().find(|pair| pair.prediction == prediction) {
                Some(pair) => {
                    pair.net += net;
                    if net > 0 {
                        (pair.outcome, pair.arrival) = (outcome, arrival);
                    }
                }
                None => pairs.push(FreshPair { prediction, outcome, arrival, net }),
            }
        }
        pairs.into_iter().filter(|pair| pair.net > 0)
    }
}

impl Model {
    /// The join's rules.
    pub(super) fn rules(&self) -> Rules {
        self.ledger.rules()
    }

    /// Adds the changes of one arrival to the panes of the predictions concerned.
    pub(super) fn apply(&mut self, sums: Sums) {
        if self.pairs.used() {
            self.count_pairs(&sums);
        }
        for change in sums.changes {
            match change {
                Change::LateOutcome(n) => {
                    self.ledger.late_outcomes = self.ledger.late_outcomes.saturating_add_signed(n);
                    self.dirty = true;
                }
                Change::Duplicate(first) => {
                    self.each_pane(&first, |pane| pane.duplicates += 1);
                    if self.plan.repeats == PredictionRepeats::Last {
                        self.expect_answer_again(&first);
                    }
                }
                Change::Met(prediction, outcome, sign) => {
                    self.each_pane(&prediction, |pane| {
                        pane.outcomes = pane.outcomes.saturating_add_signed(sign);
                    });
                    let key = self.whole_key(&prediction);
                    let extents = &mut self.time.pane(key).outcome_extents;
                    Extent::widen(extents, outcome.partition, outcome.offset);
                }
                Change::Match { prediction, outcome, arrival, sign } => {
                    if let Some(learner) = self.learning.by_version.get_mut(&prediction.version) {
                        let truth = if sign > 0 { outcome.truth } else { Truth::Withdrawn };
                        let cell = outcome_cell(&self.ledger.lexicon, truth);
                        learner.learn_outcome(sums.id, prediction.time, &cell);
                    }
                    self.match_pair(&prediction, &outcome, arrival, sign);
                }
            }
        }
    }

    /// Takes every prediction that has an outcome now and had none before along the line of
    /// pairs; what an arrival corrects was taken then.
    fn count_pairs(&mut self, sums: &Sums) {
        for fresh in sums.fresh_pairs() {
            let (prediction, outcome) = (fresh.prediction, fresh.outcome);
            let at = self.ledger.pairs.take(fresh.arrival, self.pairs.width);
            self.dirty = true;
            if let Some(group) = self.versions.get(&prediction.version).map(|v| v.group) {
                self.note_start(group, Along::Pairs, &"model".into(), "", at);
            }
            let pair = self.pair(prediction, outcome, 1);
            let (start, version) = (self.pairs.start_of(at), prediction.version);
            let whole = PaneKey { start, version, segment: WHOLE };
            let extents = &mut self.pairs.pane(whole).outcome_extents;
            Extent::widen(extents, outcome.partition, outcome.offset);
            let living = prediction.segments.iter().filter(|s| self.segments.lives(**s));
            for segment in living.copied().chain([WHOLE]) {
                let pane = self.pairs.pane(PaneKey { segment, ..whole });
                pane.predictions += 1;
                pane.settled.merge(&pair);
            }
        }
    }

    fn match_pair(&mut self, prediction: &Waiting, outcome: &Known, arrival: Time, sign: i64) {
        let hop = arrival.floor_to(self.time.width);
        let sums = self.pair(prediction, outcome, sign);
        let empty = Matches::empty(self.plan.performance(), self.plan_assumes());
        for key in keys_of(prediction, self.whole_key(prediction), &self.segments) {
            self.time.arriving(key, hop, &empty).merge(&sums);
        }
    }

    /// What one pair adds.
    fn pair(&self, prediction: &Waiting, outcome: &Known, sign: i64) -> Matches {
        let mut sums = Matches::empty(self.plan.performance(), self.plan_assumes());
        sums.matched = sign;
        sums.delays.observe((outcome.time - prediction.time).seconds().max(0.0), sign);
        if let Some(code) = self.outcome_code(prediction, outcome.truth) {
            sums.outcomes.insert(code, sign);
        }
        if let Some(performance) = &mut sums.performance {
            self.observe(prediction, outcome.truth, sign, performance);
        }
        if let (Some(assumed), Some(truth)) = (&mut sums.as_assumed, self.assumed_truth()) {
            self.observe(prediction, truth, sign, assumed);
        }
        sums
    }

    /// A prediction that can match: what it would count under the assumed outcome.
    pub(super) fn expect_answer(&mut self, prediction: &Waiting) {
        self.expect(prediction, 1);
    }

    fn expect_answer_again(&mut self, set_aside: &Waiting) {
        self.expect(set_aside, -1);
    }

    fn expect(&mut self, prediction: &Waiting, sign: i64) {
        if prediction.answer == Answer::None {
            return;
        }
        let mut sums = None;
        if let (Some(truth), Some(mut assumed)) = (self.assumed_truth(), self.plan.performance()) {
            self.observe(prediction, truth, sign, &mut assumed);
            sums = Some(assumed);
        }
        self.each_pane(prediction, |pane| {
            pane.answerable = pane.answerable.saturating_add_signed(sign);
            if let (Some(total), Some(sums)) = (&mut pane.as_assumed, &sums) {
                total.merge(sums);
            }
        });
    }

    /// Shows a pair to a performance summary.
    fn observe(&self, prediction: &Waiting, truth: Truth, sign: i64, into: &mut Performance) {
        match (self.plan.task, &prediction.answer, truth) {
            (Some(Task::Regression), Answer::Number(said), Truth::Number(was)) => {
                into.observe(&Observation::Regression { prediction: *said, outcome: was }, sign);
            }
            (Some(Task::Binary), Answer::Class { class, probabilities }, Truth::Class(was)) => {
                let probability = probabilities.first().copied().filter(|p| !p.is_nan());
                let by_threshold =
                    || self.plan.threshold.zip(probability).map(|(threshold, p)| p >= threshold);
                let observation = Observation::Binary {
                    predicted: class.map(|c| self.positive.contains(&c)).or_else(by_threshold),
                    probability,
                    outcome: self.positive.contains(&was),
                };
                into.observe(&observation, sign);
            }
            (Some(Task::Multiclass), Answer::Class { class, probabilities }, Truth::Class(was)) => {
                let name = self.ledger.lexicon.name(was);
                let observation = Observation::Multiclass {
                    predicted: class.map(|c| self.ledger.lexicon.name(c).as_ref()),
                    classes: &self.plan.probabilities,
                    probabilities,
                    outcome: name,
                };
                into.observe(&observation, sign);
            }
            _ => {}
        }
    }

    pub(super) fn assumed_truth(&self) -> Option<Truth> {
        let text = self.plan.outcomes.as_ref()?.assume.as_ref()?;
        match self.plan.task? {
            Task::Regression => text.parse().ok().map(Truth::Number),
            // Numbered when the plan was taken, so that matching needs no change of the lexicon.
            Task::Binary | Task::Multiclass => self.ledger.lexicon.find(text).map(Truth::Class),
        }
    }

    fn plan_assumes(&self) -> bool {
        self.plan.outcomes.as_ref().is_some_and(|o| o.assume.is_some())
    }

    fn outcome_code(&self, prediction: &Waiting, truth: Truth) -> Option<u32> {
        let profile = self.outcome_profile(prediction.version)?;
        match truth {
            Truth::Number(value) => outcome_code(profile, Some(value), None),
            Truth::Class(class) => {
                outcome_code(profile, None, Some(self.ledger.lexicon.name(class)))
            }
            Truth::Withdrawn => None,
        }
    }

    fn outcome_profile(&self, version: u32) -> Option<&Profile> {
        let mut watched = self.time.series.iter().chain(&self.pairs.series);
        if !watched.any(|s| &*s.name == "outcome") {
            return None;
        }
        let reference = self.versions.get(&version)?.reference.as_ref()?;
        reference.series.get("outcome").map(|p| p.as_ref())
    }

    fn whole_key(&self, prediction: &Waiting) -> PaneKey {
        PaneKey {
            start: prediction.time.floor_to(self.time.width),
            version: prediction.version,
            segment: WHOLE,
        }
    }

    fn each_pane(&mut self, prediction: &Waiting, mut each: impl FnMut(&mut Pane)) {
        for key in keys_of(prediction, self.whole_key(prediction), &self.segments) {
            each(self.time.pane(key));
        }
    }
}

/// The panes of a prediction: the whole's, and those of its segments.
fn keys_of<'a>(
    prediction: &'a Waiting,
    whole: PaneKey,
    segments: &'a Segments,
) -> impl Iterator<Item = PaneKey> + 'a {
    let living = prediction.segments.iter().copied().filter(|segment| segments.lives(*segment));
    std::iter::once(WHOLE).chain(living).map(move |segment| PaneKey { segment, ..whole })
}
