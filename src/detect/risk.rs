//! Evidence that losses have grown.

use std::sync::Arc;

use super::evidence::Evidence;
use super::promise::{
    FALSE_ALARM_EVERY, FALSE_WARNING_EVERY, Promise, TOGETHER, UNLUCKY_REFERENCES,
};
use super::together::{self, Holds};
use super::{Detector, DetectorKind, Member, NoData, Observation, Reading, Sequential};
use crate::event::Span;
use crate::stats::{Direction, OptionDoc, ParamError, Params, Score, Statistic};

/// Its entry in the registry.
pub const KIND: DetectorKind = DetectorKind {
    name: "risk",
    summary: "evidence that losses have grown, with a stated mean time between false alarms; for performance",
    details: "Bets, at every step, that the mean loss exceeds what the reference allows: its own loss, what the \
        size of the reference leaves open, and `tolerance`. As long as it does not, the evidence \
        reaches its level every `false_alarm_every` at the earliest, on average, for any dependence \
        between events in which each event's expected loss, given the past, stays within that \
        bound; for 99 of 100 references, and for all segments of the monitor together. Works for statistics that are the mean of bounded losses: accuracy, \
        brier, missing_rate and the other rates; mae, mse, mape, msle, pinball and log_loss with `bound`, \
        a loss that no event exceeds: the promise does not hold for one that does, and a single far \
        one alarms. Sees \
        deterioration only, and in each step by itself: let `every` cover a day where some hours are \
        always worse. To choose for performance. Sources: Podkopaev & Ramdas, Tracking the \
        risk of a deployed model (ICLR 2022); Waudby-Smith & Ramdas, Estimating means of bounded \
        random variables by betting, JRSS B 86 (2024); Shin, Ramdas & Rinaldo, E-detectors (2023).",
    options: &[
        FALSE_ALARM_EVERY,
        FALSE_WARNING_EVERY,
        TOGETHER,
        OptionDoc {
            name: "tolerance",
            kind: "text or number",
            default: "10%",
            doc: "growth of the loss that does not matter: a share of the loss on the reference, or a number in the statistic's unit",
        },
        OptionDoc {
            name: "baseline",
            kind: "number",
            default: "the metric on the reference",
            doc: "the statistic's value that is good enough, taken as exact",
        },
        OptionDoc {
            name: "bound",
            kind: "number",
            default: "",
            doc: "a loss that no event exceeds; needed by mae, mse, mape, msle, pinball and log_loss, and 1 for a binary brier",
        },
    ],
    build,
};

/// How far the bets go: by what they multiply the odds of the tolerated loss, so that rare losses are
/// bet on as finely as frequent ones.
const BETS: [f64; 8] = [1.05, 1.1, 1.2, 1.4, 1.9, 3.0, 6.0, 20.0];

/// Growth that does not matter.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Tolerance {
    /// Of the loss on the reference.
    Share(f64),
    /// In the statistic's unit.
    Amount(f64),
}

#[derive(Debug)]
struct Risk {
    promise: Promise,
    tolerance: Tolerance,
    baseline: Option<f64>,
    /// The statistic's value of an event that could not be better, and the way to the worst.
    best: f64,
    span: f64,
}

impl Risk {
    /// A value of the statistic as a loss between 0 and 1.
    fn loss(&self, value: f64) -> f64 {
        ((value - self.best) / self.span).clamp(0.0, 1.0)
    }

    /// The mean loss up to which nothing is wrong.
    fn tolerated(&self, seen: &Observation<'_>) -> Result<f64, NoData> {
        let (loss, certain) = match (self.baseline, seen.reference) {
            (Some(baseline), _) => (self.loss(baseline), self.loss(baseline)),
            (None, Some(metric)) if seen.reference_support > 0 => {
                let loss = self.loss(metric);
                let unlucky = UNLUCKY_REFERENCES / self.promise.among(seen).max(1) as f64;
                (loss, upper_bound(loss, seen.reference_support as f64, unlucky))
            }
            _ => return Err(NoData::NoReference),
        };
        let tolerance = match self.tolerance {
            Tolerance::Share(share) => share * loss,
            Tolerance::Amount(amount) => amount / self.span.abs(),
        };
        Ok(certain + tolerance)
    }
}

/// The mean that `n` losses between 0 and 1 with this average have at most, but for a share of
/// unlucky references: where n times the divergence of two coins reaches the logarithm of the odds
/// (Hoeffding 1963, theorem 1).
fn upper_bound(average: f64, n: f64, unlucky: f64) -> f64 {
    let most = (1.0 / unlucky).ln() / n;
    let (mut low, mut high) = (average, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if divergence(average, middle) < most {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// Divergence of two coins.
fn divergence(p: f64, q: f64) -> f64 {
    let term = |p: f64, q: f64| if p > 0.0 { p * (p / q).ln() } else { 0.0 };
    term(p, q) + term(1.0 - p, 1.0 - q)
}

/// ln e-values of a step of `n` losses with this average, one per bet. Each event's factor is
/// 1 + l (loss - tolerated); between the losses 0 and 1 its logarithm lies above the straight line
/// through both ends, so that the line, which needs the sum alone, claims no more.
fn bets(tolerated: f64, average: f64, n: f64) -> [Option<f64>; BETS.len()] {
    let odds = tolerated / (1.0 - tolerated);
    BETS.map(|times| {
        let bet = odds * times / (1.0 + odds * times);
        let (lost, kept) = ((bet / tolerated).ln(), ((1.0 - bet) / (1.0 - tolerated)).ln());
        Some(n * (average * lost + (1.0 - average) * kept))
    })
}

impl Holds for Evidence {
    fn evidence(&mut self) -> &mut Evidence {
        self
    }
}

impl Sequential for Risk {
    type State = Evidence;
    const NAME: &'static str = KIND.name;
    const LAYOUT: u8 = 2;

    fn take(&self, evidence: &mut Evidence, seen: &Observation<'_>) -> Result<Reading, NoData> {
        let tolerated = self.tolerated(seen)?;
        if tolerated >= 1.0 {
            // Not even the greatest loss is too much.
            return Err(NoData::Undefined);
        }
        // A tolerated loss of nothing at all would make the first loss certain evidence.
        let tolerated = tolerated.max(1e-12);
        let levels = self.promise.levels(seen.every);
        if let Some(Score { value, support, .. }) = seen.step.score {
            let bets = bets(tolerated, self.loss(value), support as f64);
            evidence.take(&bets, levels, self.promise.among(seen));
        }
        Ok(self.promise.read(evidence, seen))
    }

    fn is_joint(&self) -> bool {
        self.promise.is_joint()
    }

    fn name_list(&self, members: &mut [Member<'_>], of: usize, every: Span) {
        let levels = self.promise.levels(every);
        together::name::<Evidence>(Self::NAME, Self::LAYOUT, members, of, levels);
    }

    fn takes_steps(&self) -> bool {
        true
    }

    fn needs_reference_metric(&self) -> bool {
        self.baseline.is_none()
    }
}

fn build(params: &mut Params, statistic: &dyn Statistic) -> Result<Arc<dyn Detector>, ParamError> {
    let promise = Promise::take(params)?;
    let tolerance = tolerance(params)?;
    let baseline = params.number("baseline")?;
    let bound = params.number("bound")?;
    let (best, span) = losses(statistic, bound)?;
    Ok(Arc::new(Risk { promise, tolerance, baseline, best, span }))
}

/// The best value of one event, and the signed way to the worst.
fn losses(statistic: &dyn Statistic, bound: Option<f64>) -> Result<(f64, f64), ParamError> {
    let name = statistic.name();
    let Some((least, greatest)) = statistic.mean_of() else {
        return Err(ParamError::new(
            "kind",
            format!(
                "risk follows the mean of bounded losses, and {name} is none; use \"threshold\""
            ),
        ));
    };
    if statistic.direction() == Direction::Down {
        return match bound {
            None => Ok((greatest, least - greatest)),
            Some(_) => Err(ParamError::new("bound", format!("{name} has its own; remove it"))),
        };
    }
    match bound.unwrap_or(greatest) - least {
        span if span.is_finite() && span > 0.0 => Ok((least, span)),
        _ => Err(ParamError::new(
            "bound",
            format!(
                "{name} has no greatest loss; write the one that no event exceeds, above {least}"
            ),
        )),
    }
}

fn tolerance(params: &mut Params) -> Result<Tolerance, ParamError> {
    const KEY: &str = "tolerance";
    let Some(value) = params.take(KEY) else { return Ok(Tolerance::Share(0.1)) };
    let share = value.as_str().and_then(|text| text.strip_suffix('%')?.trim().parse::<f64>().ok());
    let tolerance = match (share, value.as_f64()) {
        (Some(percent), _) if percent >= 0.0 && percent.is_finite() => {
            Some(Tolerance::Share(percent / 100.0))
        }
        (_, Some(amount)) if amount >= 0.0 && amount.is_finite() => Some(Tolerance::Amount(amount)),
        _ => None,
    };
    tolerance.ok_or_else(|| {
        ParamError::new(
            KEY,
            format!("{value} is neither a share such as \"10%\" nor a number from 0"),
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::build;
    use super::*;
    use crate::detect::{Memory, Severity, Step};
    use crate::event::Span;

    fn seen(score: f64, n: u64, reference: f64, rows: u64) -> Observation<'static> {
        let step = Score { value: score, support: n, interval: None };
        Observation {
            reference: Some(reference),
            reference_support: rows,
            every: Span::from_secs(3600),
            step: Step { score: Some(step), ..Step::default() },
            ..Observation::of(score)
        }
    }

    /// Numbers in [0, 1) that are the same in every run.
    fn random(seed: &mut u64) -> f64 {
        *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Share of `n` answers that are right where each is with this probability.
    fn accuracy(seed: &mut u64, n: u64, right: f64) -> f64 {
        (0..n).filter(|_| random(seed) < right).count() as f64 / n as f64
    }

    /// Hours until the first alarm at this accuracy; `most` where there is none.
    fn delay(options: &Value, rows: u64, right: f64, seed: u64, most: usize) -> usize {
        let detector = build("risk", "accuracy", options).unwrap();
        let (mut seed, mut memory) = (seed, Memory::default());
        let reference = accuracy(&mut seed, rows, 0.9);
        (1..=most)
            .find(|_| {
                let score = accuracy(&mut seed, 100, right);
                let reading = detector.read(&seen(score, 100, reference, rows), &mut memory);
                reading.unwrap().beyond == Some(Severity::Critical)
            })
            .unwrap_or(most)
    }

    #[test]
    fn false_alarms_are_as_rare_as_stated() {
        for rows in [200, 2_000, 100_000] {
            for stated in [20, 100] {
                let options = json!({"false_alarm_every": format!("{stated}h"), "tolerance": 0});
                let runs = 30;
                let total: usize =
                    (0..runs).map(|seed| delay(&options, rows, 0.9, seed, 10 * stated)).sum();
                let mean = total as f64 / runs as f64;
                assert!(mean >= stated as f64, "{rows} rows, stated {stated}, measured {mean}");
            }
        }
    }

    /// A small reference must not make a detector of its own luck: by Markov's inequality at most
    /// a quarter of all runs may alarm within a quarter of the stated time.
    #[test]
    fn few_references_alarm_early() {
        let options = json!({"false_alarm_every": "400h", "tolerance": 0});
        let early = (0..60).filter(|seed| delay(&options, 200, 0.9, *seed, 100) < 100).count();
        assert!(early <= 15, "{early} of 60");
    }

    /// Losses that sit exactly at the tolerated level reach the level about as often as stated.
    #[test]
    fn the_promise_is_not_kept_by_never_speaking() {
        let options = json!({"false_alarm_every": "20h", "tolerance": 0, "baseline": 0.9});
        let runs = 60;
        let total: usize = (0..runs).map(|seed| delay(&options, 1, 0.9, seed, 2_000)).sum();
        let mean = total as f64 / runs as f64;
        assert!((20.0..200.0).contains(&mean), "{mean}");
    }

    /// Losses of a four-hundredth of the bound that double, and a class of one in 500 that is missed.
    #[test]
    fn rare_losses_are_seen_however_far_the_bound() {
        let wide = json!({"bound": 1000});
        for (statistic, options, reference, worse, n) in
            [("mae", &wide, 2.4, 4.8, 20_000), ("accuracy", &json!({}), 0.99905, 0.9975, 2_000)]
        {
            let detector = build("risk", statistic, options).unwrap();
            let alarm = |score: f64, hours: usize| {
                let mut memory = Memory::default();
                let mut read = || detector.read(&seen(score, n, reference, 50_000), &mut memory);
                (1..=hours).find(|_| read().unwrap().beyond == Some(Severity::Critical))
            };
            assert!(alarm(worse, 60).is_some(), "{statistic}");
            assert_eq!(alarm(reference, 500), None, "{statistic}");
        }
    }

    #[test]
    fn growth_is_seen_soon_and_improvement_never() {
        let none = json!({});
        assert!(delay(&none, 10_000, 0.8, 1, 50) <= 4);
        assert!(delay(&none, 10_000, 0.85, 2, 100) <= 30);
        assert_eq!(delay(&none, 10_000, 0.95, 3, 500), 500);
        let tolerant = json!({"tolerance": 0.1});
        assert_eq!(delay(&tolerant, 10_000, 0.82, 4, 500), 500);
    }

    /// 4 errors among 100: 100 kl(0.04, u) = ln 100 at u = 0.128354 (scipy's brentq).
    #[test]
    fn the_reference_is_allowed_its_sampling_error() {
        assert!((upper_bound(0.04, 100.0, 0.01) - 0.128_354_375).abs() < 1e-9);
        // No error at all: 1 - 0.01^(1/n).
        assert!((upper_bound(0.0, 50.0, 0.01) - (1.0 - 0.01f64.powf(0.02))).abs() < 1e-9);
        assert!((upper_bound(1.0, 50.0, 0.01) - 1.0).abs() < 1e-12);
    }

    /// The mean of the e-value under a coin at the tolerated loss is 1: sum over the binomial law.
    #[test]
    fn a_bet_is_fair_at_the_tolerated_loss() {
        let (n, tolerated) = (12u32, 0.3f64);
        let mut mean = [0.0; BETS.len()];
        let mut choose = 1.0;
        for k in 0..=n {
            let p = choose * tolerated.powi(k as i32) * (1.0 - tolerated).powi((n - k) as i32);
            let values = bets(tolerated, f64::from(k) / f64::from(n), f64::from(n));
            for (mean, value) in mean.iter_mut().zip(values) {
                *mean += p * value.unwrap().exp();
            }
            choose = choose * f64::from(n - k) / f64::from(k + 1);
        }
        assert!(mean.iter().all(|m| (m - 1.0).abs() < 1e-9), "{mean:?}");
    }

    #[test]
    fn what_it_cannot_follow_is_refused() {
        for (statistic, options, part) in [
            ("f1", json!({}), "mean of bounded losses"),
            ("psi", json!({}), "mean of bounded losses"),
            ("mae", json!({}), "no greatest loss"),
            ("accuracy", json!({"bound": 2}), "remove it"),
            ("accuracy", json!({"tolerance": "much"}), "neither a share"),
            ("accuracy", json!({"false_alarm_every": "often"}), "length of time"),
            ("accuracy", json!({"false_warning_every": "100d"}), "shorter"),
        ] {
            let error = build("risk", statistic, &options).unwrap_err().to_string();
            assert!(error.contains(part), "{statistic}: {error}");
        }
        let mae = build("risk", "mae", &json!({"bound": 50})).unwrap();
        let alone = mae.read(&Observation::of(3.0), &mut Memory::default());
        assert_eq!(alone, Err(NoData::NoReference));
        assert!(mae.read(&seen(3.0, 100, 2.0, 500), &mut Memory::default()).is_ok());
    }
}
