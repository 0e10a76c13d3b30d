//! Evidence against the reference, counted step by step.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::calibration::LEARNING;
use super::dispersion::{Dispersion, Hour};
use super::evidence::{Evidence, Levels};
use super::promise::{
    FALSE_ALARM_EVERY, FALSE_WARNING_EVERY, Promise, TOGETHER, UNLUCKY_REFERENCES,
};
use super::together::{self, Holds};
use super::waves::{self, Waves};
use super::{Detector, DetectorKind, Member, Memory, NoData, Observation, Reading};
use crate::event::Span;
use crate::stats::{Basis, FrozenBins, OptionDoc, Pair, ParamError, Params, Statistic};

mod bets;
mod past;
mod projection;

#[cfg(test)]
mod tests;

use bets::Tables;
use past::{IN_SEASON, InSeasonState, Past};
use projection::ln_ratios;

/// Its entry in the registry.
pub const KIND: DetectorKind = DetectorKind {
    name: "e-detector",
    summary: "evidence against the reference with a stated mean time between false alarms; for drift",
    details: "Bets, at every step, on where the series may have moved (shifts of 0.1 to 0.8 standard deviations, \
        a narrower or wider spread, a burst of missing or new values, and what the last steps looked \
        like) at prices that are fair for every law near the reference. Near means: no farther than \
        the sampling error of the reference explains, and `tolerance`. As long as the series stays \
        near, the evidence reaches its level every `false_alarm_every` at the earliest, on average, \
        however often it is looked at; the promise holds for 99 of 100 references, or lists of them. It is one promise for all series and \
        segments of the monitor together: a list of them is named when their evidence carries it \
        (e-d-BH), so that one of J needs J times the evidence, and a change in all of them no more \
        than one alone; that costs the logarithm of J in time. It looks at the \
        events that came since the last evaluation, not at the whole window again. Real events come \
        in bursts and in days that resemble themselves, so that steps differ by more than \
        independent events would: with `calibrate` every count is divided by the overdispersion of the \
        steps so far (each against those before it, in a season against its own hour, moved as \
        those before it were from theirs; Rao & Scott, JASA 76, 1981), as if there were so many \
        fewer events. It is learnt from the second step on, the first is only looked \
        at; from 24 steps on, what comes while there is evidence is left out of it. Days and weeks \
        move their hours together, so that stretches of 2, 4, 8 ... 256 steps have an \
        overdispersion of their own, learnt likewise and known once four have passed: the greatest of all \
        lengths counts, none for more than twice the one below. Waves that are longer than a \
        quarter of what has passed, or than 256 steps, are not known; a change too small to be \
        seen soon is partly taken for one. Sees changes of \
        level, spread, shape, categories and missing values; does not see changes smaller than the \
        reference can support. A daily rhythm is normal where the model has a `season`, and an alarm then lasts \
        until a day has passed without evidence, since a change of some hours comes back the day \
        after; else let `every` cover it. The reference's rows count as independent of each other: many rows of few users \
        promise too much. Of its categories, where one has fewer than 64 rows, half of the rows say which names there \
        are, the other half how frequent they are; names that are rarer than half of an even share of `bins` stand in groups, \
        and one of them that grows is seen by its group alone. To choose for \
        features, predictions and probabilities. Sources: Shin, Ramdas & Rinaldo, E-detectors (2023); \
        Grünwald, de Heide & Koolen, Safe testing (2024).",
    options: &[
        FALSE_ALARM_EVERY,
        FALSE_WARNING_EVERY,
        TOGETHER,
        OptionDoc {
            name: "tolerance",
            kind: "number",
            default: "0.02",
            doc: "changes well below this PSI are none (of one close to it, the reference's sampling error decides); 0 sees everything that the reference can support",
        },
        OptionDoc {
            name: "bins",
            kind: "whole number",
            default: "16",
            doc: "bins at quantiles of the reference; categories of half an even share count alone, rarer ones in groups; a divisor of 480",
        },
        OptionDoc {
            name: "calibrate",
            kind: "true or false",
            default: "true",
            doc: "whether events weigh less where steps differ by more than independent events would",
        },
    ],
    build,
};

/// How much of the steps before each history keeps from one step to the next.
const DECAYS: [f64; 3] = [0.5, 0.9, 0.99];
/// Bytes of a bin in all but the waves: its count in the reference, three histories and what they
/// let expect, and the dispersion of steps.
const BYTES_PER_BIN: u64 = 10 + 6 * 8 + 26;
/// Counts of the reference that are mixed into a history.
const PRIOR: f64 = 8.0;

#[derive(Debug)]
struct EDetector {
    promise: Promise,
    /// Half the tolerated PSI: PSI is a divergence to and fro, the ball's radius one way.
    tolerance: f64,
    bins: u32,
    calibrate: bool,
}

/// What it keeps from step to step.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    /// Counts of the reference that everything below belongs to.
    reference: Vec<u64>,
    /// Decayed counts of the steps so far.
    histories: [Vec<f64>; 3],
    evidence: Evidence,
    dispersion: Dispersion,
    waves: Waves,
}

impl Holds for State {
    fn evidence(&mut self) -> &mut Evidence {
        &mut self.evidence
    }
}

impl State {
    const LAYOUT: u8 = 10;

    fn empty(reference: &[u64]) -> State {
        State {
            reference: reference.to_vec(),
            histories: [(); 3].map(|()| vec![0.0; reference.len()]),
            evidence: Evidence::default(),
            dispersion: Dispersion::default(),
            waves: Waves::default(),
        }
    }

    /// ln e-values of a step, one per bet; so many events count for one.
    fn bets(
        &self,
        tables: &Tables,
        past: &Past,
        counts: &[u64],
        dispersion: f64,
    ) -> Vec<Option<f64>> {
        let value = |table: &Vec<f64>| -> f64 {
            let sum: f64 = table.iter().zip(counts).map(|(ratio, n)| ratio * *n as f64).sum();
            sum / dispersion
        };
        let fixed = tables.tables.iter().map(|table| table.as_ref().map(value));
        let histories = self.histories.iter().enumerate().map(|(i, history)| {
            let law = past.law(i, history, &tables.shares);
            ln_ratios(&tables.shares, &law, tables.radius).as_ref().map(value)
        });
        fixed.chain(histories).collect()
    }

    /// How many events count for one in a step, which is learnt from unless there is evidence. `None`
    /// for the first.
    fn dispersion_of(
        &mut self,
        counts: &[u64],
        hour: Option<&Hour<'_>>,
        levels: Levels,
    ) -> Option<f64> {
        if self.dispersion.windows() >= LEARNING as u32 && self.evidence.holds(levels) {
            let step = self.dispersion.including(counts, hour)?;
            return Some(self.waves.greatest(step));
        }
        let step = self.dispersion.take(counts, hour).map(|step| self.waves.greatest(step));
        self.waves.take(counts, hour);
        step
    }

    fn remember(&mut self, counts: &[u64]) {
        for (history, decay) in self.histories.iter_mut().zip(DECAYS) {
            for (kept, n) in history.iter_mut().zip(counts) {
                *kept = decay * *kept + *n as f64;
            }
        }
    }
}

impl EDetector {
    /// The ball that holds the law of the reference's source, but for unlucky references (Wilks: 2 m
    /// times the divergence is about chi-square), widened by the tolerance. Of the `among` references
    /// of a list, and the laws of a season, none may be unlucky.
    fn radius(&self, rows: u64, bins: usize, among: usize) -> f64 {
        let freedom = bins.saturating_sub(1).max(1) as f64;
        let quantile = ChiSquared::new(freedom).map_or(f64::INFINITY, |law| {
            law.inverse_cdf(1.0 - UNLUCKY_REFERENCES / among.max(1) as f64)
        });
        quantile / (2.0 * rows.max(1) as f64) + self.tolerance
    }

    fn tables(&self, bins: &FrozenBins, memory: &mut Memory, among: usize) -> Arc<Tables> {
        memory.computed(
            |tables: &Tables| tables.reference == bins.reference && tables.among == among,
            || {
                let rows = bins.reference.iter().sum();
                let radius = self.radius(rows, bins.reference.len(), among);
                Tables::new(&bins.reference, bins.ordered, radius, among)
            },
        )
    }
}

impl Detector for EDetector {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn read(&self, seen: &Observation<'_>, memory: &mut Memory) -> Result<Reading, NoData> {
        let pair = seen.step.pair.as_ref().ok_or(NoData::NoReference)?;
        let bins = FrozenBins::of(pair, self.bins);
        let levels = self.promise.levels(seen.every);
        let (mut state, mut past) = Past::recall(memory, seen.step.season.is_some());
        // Evidence belongs to the whole reference; of a season it goes on from slot to slot.
        let whole = match &seen.step.season {
            Some(season) => {
                FrozenBins::of(&Pair { reference: season.whole, ..*pair }, self.bins).reference
            }
            None => bins.reference.clone(),
        };
        if state.reference != whole {
            (state, past) = (State::empty(&whole), past.empty(whole.len()));
        }
        if bins.window.iter().any(|n| *n > 0) && bins.window.len() == whole.len() {
            let among = self.promise.among(seen);
            let laws = seen.step.season.map_or(1, |season| season.laws as usize);
            let tables = self.tables(&bins, memory, among.saturating_mul(laws));
            let rows = bins.reference.iter().sum::<u64>() as f64;
            let hour = seen.step.season.map(|_| Hour { shares: &tables.shares, rows });
            let dispersion = match self.calibrate {
                true => state.dispersion_of(&bins.window, hour.as_ref(), levels),
                false => Some(1.0),
            };
            if let Some(dispersion) = dispersion {
                let bets = state.bets(&tables, &past, &bins.window, dispersion);
                state.evidence.take(&bets, levels, among);
            }
            state.remember(&bins.window);
            past.remember(&bins.window, &tables.shares);
        }
        let reading = self.promise.read(&mut state.evidence, seen);
        past.keep(memory, &state);
        Ok(reading)
    }

    fn is_sequential(&self) -> bool {
        true
    }

    fn is_joint(&self) -> bool {
        self.promise.is_joint()
    }

    fn name_list(&self, members: &mut [Member<'_>], of: usize, every: Span) {
        let levels = self.promise.levels(every);
        if members.iter().any(|member| member.memory.holds(KIND.name, IN_SEASON)) {
            together::name::<InSeasonState>(KIND.name, IN_SEASON, members, of, levels);
        } else {
            together::name::<State>(KIND.name, State::LAYOUT, members, of, levels);
        }
    }

    fn takes_steps(&self) -> bool {
        true
    }

    fn memory(&self) -> u64 {
        let waves = if self.calibrate { waves::BYTES_PER_BIN } else { 0 };
        // Numbers have a bin more, for rows without a value.
        u64::from(self.bins + 1) * (BYTES_PER_BIN + waves) + 1024
    }
}

fn build(params: &mut Params, statistic: &dyn Statistic) -> Result<Arc<dyn Detector>, ParamError> {
    if statistic.basis() != Basis::Distribution {
        return Err(ParamError::new(
            "kind",
            format!(
                "an e-detector compares distributions, and {} is none; use \"risk\" or \"threshold\"",
                statistic.name()
            ),
        ));
    }
    let promise = Promise::take(params)?;
    let tolerance = params.number("tolerance")?.unwrap_or(0.02);
    if tolerance < 0.0 {
        return Err(ParamError::new("tolerance", "is a PSI and cannot be negative"));
    }
    let bins = params.whole("bins")?.unwrap_or(16);
    if bins < 2 || 480 % bins != 0 {
        return Err(ParamError::new("bins", format!("{bins} does not divide 480")));
    }
    let calibrate = params.flag("calibrate")?.unwrap_or(true);
    let (tolerance, bins) = (tolerance / 2.0, bins as u32);
    Ok(Arc::new(EDetector { promise, tolerance, bins, calibrate }))
}
