//! Levels by rarity: how often an unchanged window of this very series scores so high.
//!
//! A window's rank among H earlier ones that share no event with it is a p-value, (1 + number of
//! earlier scores at least as high) / (H + 1), whatever the law of the scores is and however
//! events depend on each other inside a window: all that is asked is that unchanged windows could
//! as well have come in any other order (split conformal prediction: Vovk, Gammerman & Shafer,
//! Algorithmic learning in a random world, 2005). It is at most `level` with a probability of at most
//! `level`, and can be that small once H >= 1 / level - 1.
//!
//! Before there are so many, and for levels that are rarer than the kept history can tell, the
//! score must pass two bounds. One is the law of independent events at that level; with fewer than 99
//! windows it is widened by their overdispersion ([`super::dispersion`]). The other begins at the score that
//! the history exceeds with a known probability p, one in a hundred or as rare as it can tell: whatever the
//! correlations of nearly normal counts, the quantiles of a norm of them grow from p to `level` by
//! at most the factor 1 + (z(level) - z(p)) / z(p / 2), with z the normal quantile, which one
//! direction alone nearly reaches (Ehrhard 1983, and that the norm is at least its widest
//! direction). Without any assumption only p is promised then.
//!
//! Two windows or more in a row beyond the level are an incident and leave no trace in the history;
//! one alone is chance and stays. The first 24 windows all stay: before them an incident cannot be
//! told from the habits of the series. A change that is slower than the history is taken as normal.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use super::dispersion::Dispersion;
use super::{Memory, NoData};
use crate::stats::Noise;

/// Windows that are taken whatever they say.
pub(super) const LEARNING: usize = 24;
/// Scores kept, as far as levels need them.
const LEAST: usize = 100;
const MOST: usize = 1000;
/// From here on quantiles of the history are extrapolated.
const KNOWN: f64 = 0.01;

/// Bytes of a history that is full.
pub(super) const BYTES: u64 = 8 * MOST as u64 + 512;

const OWNER: &str = "calibration";
const LAYOUT: u8 = 3;

/// A window as the history takes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Window {
    /// Greater is worse; as a multiple of what chance explains, so that windows of many events and of
    /// few are alike.
    pub score: f64,
    /// Whether it was beyond a level.
    pub beyond: bool,
    /// Its counts per bin.
    pub counts: Vec<u64>,
}

/// The law of an unchanged window's score.
#[derive(Debug, Clone, Copy)]
pub(super) struct Law {
    pub noise: Noise,
    pub floor: f64,
    /// How many sides of the law the score's greatness stands for: 1 or 2.
    pub sides: f64,
    pub dispersion: f64,
}

/// By how much the norm at a probability of `level` is greater than at `known`, at most.
fn growth(known: f64, level: f64) -> f64 {
    let normal = Normal::standard();
    let z = |p: f64| -normal.inverse_cdf(p);
    1.0 + (z(level) - z(known)).max(0.0) / z(known / 2.0)
}

/// Past windows of one series that share no event.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Past {
    /// Id of the reference that they were scored against.
    reference: String,
    scores: VecDeque<f64>,
    dispersion: Dispersion,
    /// The newest one, until the next that shares no event with it; and whether the one before it
    /// was beyond.
    waiting: Option<Window>,
    before: bool,
    /// Evaluations since the waiting one.
    age: i64,
}

impl Past {
    /// What was kept of windows against this reference.
    pub(super) fn recall(memory: &Memory, reference: &str) -> Past {
        let past: Past = memory.recall(OWNER, LAYOUT);
        if past.reference == reference {
            return past;
        }
        Past { reference: reference.to_owned(), ..Past::default() }
    }

    pub(super) fn keep(&self, memory: &mut Memory) {
        memory.keep(OWNER, LAYOUT, self);
    }

    /// How much more windows scatter than independent events would, this one among them.
    pub(super) fn dispersion(&self, counts: &[u64]) -> f64 {
        self.dispersion.including(counts, None).unwrap_or(1.0)
    }

    /// The conformal p-value of a score.
    pub(super) fn rank(&self, score: f64) -> f64 {
        let as_high = self.scores.iter().filter(|past| **past >= score).count();
        (1 + as_high) as f64 / (1 + self.scores.len()) as f64
    }

    /// Whether an unchanged window scores so high with a probability of at most `level`; the history is
    /// in multiples of `unit`.
    ///
    /// # Errors
    /// [`NoData::TooLittlePower`] where there is no law and the history is too short.
    pub(super) fn exceeds(
        &self,
        score: f64,
        unit: f64,
        level: f64,
        law: Option<&Law>,
    ) -> Result<bool, NoData> {
        if 1.0 / (1 + self.scores.len()) as f64 <= level {
            return Ok(self.rank(score / unit) <= level);
        }
        let law = law.ok_or(NoData::TooLittlePower)?;
        let dispersion = if self.scores.len() + 1 < LEAST { law.dispersion } else { 1.0 };
        let bound = law.noise.point(law.floor, level / law.sides, dispersion);
        Ok(score > bound
            && self.known().is_none_or(|(quantile, known)| {
                score > law.noise.stretched(quantile * unit, growth(known, level))
            }))
    }

    /// The score that an unchanged window exceeds with a probability that the history can tell, and
    /// that probability.
    fn known(&self) -> Option<(f64, f64)> {
        let all = self.scores.len() + 1;
        let place = ((KNOWN * all as f64 + 1e-9) as usize).max(1);
        let mut scores: Vec<f64> = self.scores.iter().copied().collect();
        let at = scores.len().checked_sub(place)?;
        let (_, quantile, _) = scores.select_nth_unstable_by(at, f64::total_cmp);
        Some((*quantile, place as f64 / all as f64))
    }

    /// Takes a window in; `hops` windows on is the first that shares no event with it. At most as many
    /// scores are kept as levels of this rarity need.
    pub(super) fn take(&mut self, window: Window, hops: i64, rarest: f64) {
        self.age += 1;
        let Some(last) = self.waiting.take_if(|_| self.age >= hops) else {
            if self.waiting.is_none() {
                self.wait(window, false);
            }
            return;
        };
        let lasting = last.beyond && (self.before || window.beyond);
        if !lasting || self.scores.len() < LEARNING {
            let most = ((1.0 / rarest).ceil() as usize).clamp(LEAST, MOST);
            while self.scores.len() >= most {
                self.scores.pop_front();
            }
            self.scores.push_back(last.score);
            self.dispersion.take(&last.counts, None);
        }
        self.wait(window, last.beyond);
    }

    fn wait(&mut self, window: Window, before: bool) {
        (self.waiting, self.before, self.age) = (Some(window), before, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::calibration;

    fn window(score: f64, beyond: bool) -> Window {
        Window { score, beyond, counts: vec![1, 1] }
    }

    fn numbers(value: &serde_json::Value) -> Vec<f64> {
        serde_json::from_value(value.clone()).unwrap()
    }

    #[test]
    fn ranks_equal_the_golden_ones() {
        let golden = &calibration()["conformal"];
        let mut past = Past::default();
        for (score, want) in numbers(&golden["scores"]).into_iter().zip(numbers(&golden["p"])) {
            // The window before waits until this one has come.
            if let Some(last) = past.waiting.take() {
                past.scores.push_back(last.score);
            }
            assert!((past.rank(score) - want).abs() < 1e-12);
            past.wait(window(score, false), false);
        }
    }

    /// Exchangeable scores, ties among them: P(p <= a) <= a for every a.
    #[test]
    fn ranks_are_superuniform() {
        let mut state = 1u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f64 / (1u64 << 24) as f64
        };
        for (history, levels) in [(19, 20.0), (99, 40.0), (300, 1e9)] {
            let rounds = 4_000;
            let mut below = [0u32; 3];
            let at = [0.05, 0.1, 0.3];
            for _ in 0..rounds {
                // A common scale makes the scores of a round dependent, but exchangeable.
                let scale = 1.0 + 9.0 * uniform();
                let mut score = || (scale * uniform() * levels).floor();
                let past =
                    Past { scores: (0..history).map(|_| score()).collect(), ..Past::default() };
                let rank = past.rank(score());
                below.iter_mut().zip(at).for_each(|(n, a)| *n += u32::from(rank <= a));
            }
            for (n, a) in below.iter().zip(at) {
                let share = f64::from(*n) / f64::from(rounds);
                let error = 3.5 * (a * (1.0 - a) / f64::from(rounds)).sqrt();
                assert!(share <= a + error, "{share} at {a} of {history}");
                assert!(levels < 100.0 || share >= a - 1.0 / 20.0 - error, "{share} at {a}");
            }
        }
    }

    #[test]
    fn quantiles_grow_no_faster_than_one_direction_does() {
        for case in calibration()["tails"].as_array().unwrap() {
            let of = |key: &str| case[key].as_f64().unwrap();
            let factor = growth(of("known"), of("level"));
            assert!((factor / of("factor") - 1.0).abs() < 1e-9, "{case}: {factor}");
            assert!(factor >= of("one_direction") && factor < 1.35 * of("one_direction"), "{case}");
        }
    }

    #[test]
    fn the_history_tells_its_hundredth_or_as_much_as_it_can() {
        let past = |n: i32| Past { scores: (0..n).map(f64::from).collect(), ..Past::default() };
        assert_eq!(past(0).known(), None);
        assert_eq!(past(9).known(), Some((8.0, 0.1)));
        assert_eq!(past(99).known(), Some((98.0, 0.01)));
        assert_eq!(past(999).known(), Some((989.0, 0.01)));
    }

    #[test]
    fn a_lone_crossing_stays_and_a_row_of_them_leaves_no_trace() {
        let mut past = Past::default();
        (0..=LEARNING).for_each(|_| past.take(window(0.0, false), 1, 0.01));
        assert_eq!(past.scores.len(), LEARNING);
        for score in [1.0, 0.0, 2.0, 3.0, 4.0, 0.0, 0.0] {
            past.take(window(score, score > 0.0), 1, 0.001);
        }
        let kept: Vec<f64> = past.scores.iter().copied().filter(|s| *s > 0.0).collect();
        assert_eq!(kept, [1.0]);
    }

    #[test]
    fn windows_that_overlap_are_kept_once() {
        let mut past = Past::default();
        (0..100).for_each(|i| past.take(window(f64::from(i), false), 24, 0.01));
        assert_eq!(past.scores, [0.0, 24.0, 48.0, 72.0]);
    }

    #[test]
    fn the_history_is_as_long_as_levels_need_and_bounded() {
        for (rarest, most) in [(0.5, 100), (1.0 / 365.0, 365), (1e-6, 1000)] {
            let mut past = Past::default();
            (0..1_200).for_each(|i| past.take(window(f64::from(i), false), 1, rarest));
            assert_eq!(past.scores.len(), most);
            assert_eq!(past.scores.back(), Some(&1198.0));
        }
    }

    #[test]
    fn another_reference_and_another_owner_begin_anew() {
        let mut memory = Memory::default();
        let mut past = Past::recall(&memory, "a");
        (0..5).for_each(|i| past.take(window(f64::from(i), false), 1, 0.1));
        past.keep(&mut memory);
        assert_eq!(Past::recall(&memory, "a").scores.len(), 4);
        assert_eq!(Past::recall(&memory, "b").scores.len(), 0);
        memory.keep("e-detector", 1, &1u8);
        assert_eq!(Past::recall(&memory, "a").scores.len(), 0);
    }
}
