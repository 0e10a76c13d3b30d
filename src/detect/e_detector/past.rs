//! What the last steps looked like, as a law to bet on.

use super::super::Memory;
use super::super::evidence::Evidence;
use super::super::together::Holds;
use super::{DECAYS, KIND, PRIOR, State};

/// Layout of a state that is kept with its expectation.
pub(super) const IN_SEASON: u8 = 11;

/// A state with its expectation.
pub(super) type InSeasonState = (State, [Vec<f64>; 3]);

impl Holds for InSeasonState {
    fn evidence(&mut self) -> &mut Evidence {
        &mut self.0.evidence
    }
}

/// What was to be expected of the steps that the histories hold.
#[derive(Debug)]
pub(super) enum Past {
    /// All steps had one law: the reference's.
    Even,
    /// Each step had the law of its hour: the decayed counts that those laws expect.
    InSeason([Vec<f64>; 3]),
}

impl Past {
    /// A series' state and past. One that is judged in a season shares nothing with one that is not.
    pub(super) fn recall(memory: &Memory, in_season: bool) -> (State, Past) {
        if in_season {
            let (state, expected) = memory.recall(KIND.name, IN_SEASON);
            return (state, Past::InSeason(expected));
        }
        (memory.recall(KIND.name, State::LAYOUT), Past::Even)
    }

    /// Keeps both.
    pub(super) fn keep(&self, memory: &mut Memory, state: &State) {
        match self {
            Past::Even => memory.keep(KIND.name, State::LAYOUT, state),
            Past::InSeason(expected) => memory.keep(KIND.name, IN_SEASON, &(state, expected)),
        }
    }

    /// Nothing seen yet, on so many bins.
    pub(super) fn empty(&self, bins: usize) -> Past {
        match self {
            Past::Even => Past::Even,
            Past::InSeason(_) => Past::InSeason([(); 3].map(|()| vec![0.0; bins])),
        }
    }

    /// The law of the next step if things stay as one history has them, where the reference has
    /// these shares now: in a season, each bin as far above or below its share as it was above or
    /// below what the hours so far let expect.
    pub(super) fn law(&self, history: usize, counts: &[f64], shares: &[f64]) -> Vec<f64> {
        match self {
            Past::Even => {
                let total: f64 = counts.iter().sum::<f64>() + PRIOR;
                counts.iter().zip(shares).map(|(n, p)| (n + PRIOR * p) / total).collect()
            }
            Past::InSeason(expected) => {
                let bins = counts.iter().zip(&expected[history]).zip(shares);
                let raw: Vec<f64> =
                    bins.map(|((n, e), p)| p * (n + PRIOR * p) / (e + PRIOR * p)).collect();
                let total: f64 = raw.iter().sum();
                raw.iter().map(|law| law / total).collect()
            }
        }
    }

    /// Takes a step in that had these shares to expect.
    pub(super) fn remember(&mut self, counts: &[u64], shares: &[f64]) {
        let Past::InSeason(expected) = self else { return };
        let rows = counts.iter().sum::<u64>() as f64;
        for (kept, decay) in expected.iter_mut().zip(DECAYS) {
            for (kept, share) in kept.iter_mut().zip(shares) {
                *kept = decay * *kept + rows * share;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_of_one_law_bets_as_none_does() {
        let shares = [0.5, 0.3, 0.2];
        let mut past = Past::InSeason([(); 3].map(|()| vec![0.0; 3]));
        let mut history = [0.0; 3];
        for step in [[5u64, 3, 2], [1, 0, 9], [0, 7, 1]] {
            past.remember(&step, &shares);
            for (kept, n) in history.iter_mut().zip(step) {
                *kept = DECAYS[1] * *kept + n as f64;
            }
        }
        let even = Past::Even.law(1, &history, &shares);
        for (got, want) in past.law(1, &history, &shares).iter().zip(&even) {
            assert!((got - want).abs() < 1e-12, "{got} is not {want}");
        }
    }

    #[test]
    fn what_the_hours_let_expect_is_no_news_in_another_hour() {
        let (night, day) = ([0.8, 0.2], [0.1, 0.9]);
        let mut past = Past::InSeason([(); 3].map(|()| vec![0.0; 2]));
        past.remember(&[800, 200], &night);
        let law = past.law(2, &[800.0, 200.0], &day);
        assert!((law[0] - 0.1).abs() < 1e-12, "{law:?}");
        // Twice as many as expected of the first bin stay about twice as many.
        past.remember(&[0, 0], &night);
        let law = past.law(0, &[1600.0 * DECAYS[0], 200.0 * DECAYS[0]], &day);
        assert!((law[0] / law[1] / (2.0 / 9.0) - 1.0).abs() < 0.02, "{law:?}");
    }
}
