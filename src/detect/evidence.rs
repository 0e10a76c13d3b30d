//! Evidence for a change, gathered by several bets side by side.
//!
//! Each bet multiplies its stake by an e-value per step: a factor whose mean is at most 1 as long
//! as nothing has changed, whatever was seen before. One more unit is staked at every step, in case
//! the change begins there, so that the stakes R of an unchanged series have a mean of at most the
//! number of steps, and a level A is reached after A steps on average at the earliest: the
//! e-detector of Shin, Ramdas & Rinaldo, E-detectors, New England Journal of Statistics in Data
//! Science 2 (2023), in the form of Shiryaev and Roberts.

use serde::{Deserialize, Serialize};

use super::{Reading, Severity};

/// Stakes of the bets, and whether they have reached their level.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Evidence {
    /// ln R of each bet; minus infinity for nothing.
    stakes: Vec<f64>,
    fired: bool,
    /// Steps in a row in which it has not held.
    quiet: u32,
}

/// How far a held stake lies beyond what fires: sums of logarithms are off by less, and must not
/// keep it below.
const ROUNDING: f64 = 1e-9;

/// What the evidence must reach: steps between false alarms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Levels {
    pub critical: f64,
    pub warning: Option<f64>,
}

impl Levels {
    /// Of one among so many that share the promise, when it is beyond its level alone.
    pub(super) fn alone(self, among: usize) -> Levels {
        let times = |level: f64| level * among.max(1) as f64;
        Levels { critical: times(self.critical), warning: self.warning.map(times) }
    }
}

impl Evidence {
    /// Takes the logarithms of one step's e-values; `None` is a bet that cannot win and gives its
    /// stake up. Stakes are held at what fires alone (`among` so many that share the promise), so
    /// that a change that has ended is forgotten as fast as it was found.
    pub(super) fn take(&mut self, bets: &[Option<f64>], levels: Levels, among: usize) {
        self.stakes.resize(bets.len(), f64::NEG_INFINITY);
        let fires = levels.critical.ln() + (bets.len() as f64).ln() + (among.max(1) as f64).ln();
        let most = fires + ROUNDING;
        for (stake, bet) in self.stakes.iter_mut().zip(bets) {
            *stake = match bet {
                Some(bet) => (ln_1_plus_exp(*stake) + bet).min(most),
                None => f64::NEG_INFINITY,
            };
        }
    }

    /// ln of the mean stake.
    pub(super) fn ln_mean(&self) -> f64 {
        let greatest = self.stakes.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if greatest == f64::NEG_INFINITY {
            return greatest;
        }
        let sum: f64 = self.stakes.iter().map(|stake| (stake - greatest).exp()).sum();
        greatest + (sum / self.stakes.len() as f64).ln()
    }

    /// Where the evidence stands by itself; after an alarm that has cleared it begins anew.
    pub(super) fn read(&mut self, levels: Levels, patience: u32) -> Reading {
        let now = self.ln_mean();
        let reaches = |level: f64| now >= level.ln();
        let beyond = if reaches(levels.critical) {
            Some(Severity::Critical)
        } else if levels.warning.is_some_and(reaches) {
            Some(Severity::Warning)
        } else {
            None
        };
        let uncleared = self.is_uncleared(levels, patience);
        if beyond.is_some() {
            self.fired = true;
        } else if !uncleared {
            self.begin_anew();
        }
        Reading { beyond, uncleared }
    }

    /// Whether an alarm goes on, asked once a step: until it has not held for so many steps.
    pub(super) fn is_uncleared(&mut self, levels: Levels, patience: u32) -> bool {
        let holds = self.holds(levels);
        self.quiet = if holds { 0 } else { self.quiet.saturating_add(1) };
        holds || self.fired && self.quiet < patience
    }

    /// Whether it is at four fifths of the lowest level, on the scale of its logarithm, or beyond.
    pub(super) fn holds(&self, levels: Levels) -> bool {
        let lowest = levels.warning.unwrap_or(levels.critical).min(levels.critical);
        self.ln_mean() >= 0.8 * lowest.ln()
    }

    /// Forgets an alarm that has cleared, with all evidence; whether there was one.
    pub(super) fn begin_anew(&mut self) -> bool {
        let fired = self.fired;
        if fired {
            *self = Evidence::default();
        }
        fired
    }

    /// Notes an alarm; whether that is news.
    pub(super) fn fire(&mut self) -> bool {
        !std::mem::replace(&mut self.fired, true)
    }
}

/// ln(1 + exp(x)).
fn ln_1_plus_exp(x: f64) -> f64 {
    if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVELS: Levels = Levels { critical: 100.0, warning: Some(10.0) };

    fn readings(bets: &[f64]) -> Vec<(Option<Severity>, bool)> {
        let mut evidence = Evidence::default();
        bets.iter()
            .map(|bet| {
                evidence.take(&[Some(bet.ln())], LEVELS, 1);
                let reading = evidence.read(LEVELS, 1);
                (reading.beyond, reading.uncleared)
            })
            .collect()
    }

    #[test]
    fn stakes_follow_the_recursion() {
        let mut evidence = Evidence::default();
        let mut want = [0.0f64, 0.0];
        for (a, b) in [(2.0, 0.5), (3.0, 0.1), (0.2, 4.0)] {
            evidence.take(&[Some(f64::ln(a)), Some(f64::ln(b))], LEVELS, 1);
            want = [(want[0] + 1.0) * a, (want[1] + 1.0) * b];
            let mean = (want[0] + want[1]) / 2.0;
            assert!((evidence.ln_mean().exp() - mean).abs() < 1e-12 * mean);
        }
        evidence.take(&[None, None], LEVELS, 1);
        assert_eq!(evidence.ln_mean(), f64::NEG_INFINITY);
    }

    #[test]
    fn it_warns_fires_holds_and_clears() {
        let (warning, critical) = (Some(Severity::Warning), Some(Severity::Critical));
        let got = readings(&[2.0, 5.0, 10.0, 10.0, 0.5, 0.2, 0.4, 1.0, 2.0]);
        // R: 2, 15, 160 -> 100 (held), 100, 50.5, 10.3, 4.5 (cleared: 0), 1, 4
        let want = [
            (None, false),
            (warning, true),
            (critical, true),
            (critical, true),
            (warning, true),
            (warning, true),
            (None, false),
            (None, false),
            (None, false),
        ];
        assert_eq!(got, want);
    }

    #[test]
    fn an_alarm_lasts_as_long_as_patience_and_what_never_fired_has_none() {
        let mut evidence = Evidence::default();
        let mut uncleared = |bet: f64| {
            evidence.take(&[Some(bet.ln())], LEVELS, 1);
            evidence.read(LEVELS, 3).uncleared
        };
        assert!(!uncleared(0.1), "it never fired");
        let calm = [0.01, 0.01, 200.0, 0.01, 0.01, 0.01, 0.01];
        assert!(uncleared(200.0));
        assert_eq!(calm.map(&mut uncleared), [true, true, true, true, true, false, false]);
    }

    #[test]
    fn nothing_overflows() {
        let mut evidence = Evidence::default();
        for bet in [1e300, -1e300, 1e308, 0.0] {
            evidence.take(&[Some(bet)], LEVELS, 1);
            assert!(!evidence.ln_mean().is_nan());
            assert!(evidence.ln_mean() <= 100f64.ln() + ROUNDING);
        }
    }

    #[test]
    fn one_bet_that_wins_everything_fires() {
        for (bets, steps, among) in [(5, 2160.0, 1), (5, 720.0, 1), (3, 2160.0, 20), (16, 90.0, 7)]
        {
            let mut evidence = Evidence::default();
            let levels = Levels { critical: steps, warning: None };
            let mut step = vec![Some(-1e3); bets];
            step[0] = Some(1e3);
            evidence.take(&step, levels, among);
            let reading = evidence.read(levels.alone(among), 1);
            assert_eq!(reading.beyond, Some(Severity::Critical), "{bets} {steps} {among}");
        }
    }
}
