//! Levels with a clear level and M of N: fixed ones, and such as an unchanged window rarely reaches.

use std::sync::Arc;

use super::calibration::{self, Law, Past, Window};
use super::{Detector, DetectorKind, For, Memory, NoData, Observation, Reading, Severity, promise};
use crate::event::Span;
use crate::stats::{Basis, FrozenBins, OptionDoc, ParamError, Params, Statistic};

mod level;

#[cfg(test)]
mod calibrated_tests;
#[cfg(test)]
mod tests;

use level::{Level, Side};

/// Its entry in the registry.
pub const KIND: DetectorKind = DetectorKind {
    name: "threshold",
    summary: "levels: a score beyond `warning` or `critical` counts, one within `clear` ends it",
    details: "Compares each score with levels that you choose; `for` asks for M of N. A number promises nothing \
        about false alarms, but it is held against the noise floor of the score line, which an \
        unchanged window exceeds once in a hundred (distributions, and recall, precision and f1 of \
        binary models against their value on the reference): a level that was crossed \
        within the floor is `no_data` with the reason `too_little_power`, since chance explains \
        it; all else is judged as always, also a level that the reference itself is beyond. `{ false_alarm_every = \"90d\" }` is a level that an unchanged window is beyond \
        that rarely: a probability of every / 90 days at each evaluation, so that with \
        overlapping windows or `for` alarms are rarer still. With `calibrate` that is learnt \
        from past windows of the series that share no event, at most 1,000, each by how many times \
        its noise floor it scored: the share of them that score as high is exact once there are 90 days / every of them, whatever the law of the \
        events, where unchanged windows could have come in any order. Before, and for rarer levels \
        than 1,000 windows can tell, the score must be beyond the law of independent events, widened by \
        how much windows differ among themselves while there are fewer than 99 (not with a season or \
        `against`, which move the law themselves), and beyond the highest hundredth of the windows \
        so far (of fewer than 99, the highest) by as much as a normal law could ask for; without \
        assumptions only that share is promised then: a hundredth, or one in one more than there are windows. Two windows in a row beyond a level are left out of what is learnt, one alone is not. A change \
        slower than 1,000 windows is learnt as normal: use `e-detector` where that matters. To choose \
        where a size matters by itself (a coverage, a rate, an agreed error), and for \
        statistics of your choice with a stated rarity. Sources: Vovk, Gammerman & Shafer, Algorithmic \
        learning in a random world (2005); Rao & Scott, JASA 76 (1981).",
    options: &[
        OptionDoc {
            name: "warning",
            kind: "level",
            default: "",
            doc: "a number in the statistic's bad direction, { above = x }, { below = x }, both, \
                  { worse_by = \"10%\" } or { worse_by = 0.05 } against the metric on the reference, \
                  or { false_alarm_every = \"90d\" } for a distance between distributions",
        },
        OptionDoc { name: "critical", kind: "level", default: "", doc: "as warning" },
        OptionDoc {
            name: "clear",
            kind: "level",
            default: "one fifth of the way from the lowest level to the statistic's best value; five times as often as a rare one",
            doc: "as warning; a firing series ends when its scores are within it",
        },
        OptionDoc {
            name: "for",
            kind: "text",
            default: "1 of 1",
            doc: "\"M of N\" evaluations, or a length of time: all evaluations that long",
        },
        OptionDoc {
            name: "calibrate",
            kind: "true or false",
            default: "true",
            doc: "whether false_alarm_every is learnt from past windows; else it holds for independent events",
        },
        OptionDoc {
            name: "even_if_noise",
            kind: "true or false",
            default: "false",
            doc: "whether a level is also judged by where an unchanged window of that size may be beyond it",
        },
    ],
    build,
};

/// Bins that windows are compared in among themselves.
const BINS: u32 = 16;

#[derive(Debug)]
struct Threshold {
    warning: Option<Level>,
    critical: Option<Level>,
    clear: Level,
    persistence: For,
    /// The statistic's scores that chance may reach; `None` where its noise floor has no say.
    chance: Option<Side>,
    calibrate: bool,
    /// The best value, where both sides of it are bad.
    middle: Option<f64>,
}

impl Threshold {
    fn levels(&self) -> impl Iterator<Item = &Level> {
        [&self.warning, &self.critical].into_iter().flatten()
    }

    /// The rarest level, where rarity is learnt.
    fn rarest(&self) -> Option<Span> {
        self.levels().chain([&self.clear]).filter_map(|l| l.rare).max().filter(|_| self.calibrate)
    }

    /// A score so that greater is worse.
    fn badness(&self, score: f64) -> f64 {
        self.middle.map_or(score, |middle| (score - middle).abs())
    }

    /// What scores are compared in: the noise floor of their window, where it has one.
    fn unit(&self, seen: &Observation<'_>) -> f64 {
        let floor = seen.floor.map(|floor| self.badness(floor));
        floor.filter(|floor| *floor > 0.0).unwrap_or(1.0)
    }

    fn is_beyond(&self, level: &Level, by: &Judged<'_>) -> Result<bool, NoData> {
        let seen = by.seen;
        let Some(rare) = level.rare else {
            return Ok(level.crossed(seen.score, seen.reference).is_some());
        };
        let level = 1.0 / promise::steps(rare, seen.every);
        let (middle, sides) = self.middle.map_or((0.0, 1.0), |middle| (middle, 2.0));
        let law = seen.noise.zip(seen.floor).map(|(noise, floor)| Law {
            noise: noise.less(middle),
            floor: floor - middle,
            sides,
            dispersion: by.dispersion,
        });
        by.past.exceeds(self.badness(seen.score), self.unit(seen), level, law.as_ref())
    }

    fn judge(&self, by: &Judged<'_>) -> Result<Reading, NoData> {
        let crosses = |level: &Option<Level>| match level {
            Some(level) => self.is_beyond(level, by),
            None => Ok(false),
        };
        let (level, beyond) = if crosses(&self.critical)? {
            (self.critical, Some(Severity::Critical))
        } else if crosses(&self.warning)? {
            (self.warning, Some(Severity::Warning))
        } else {
            (None, None)
        };
        if self.is_noise(level, by.seen) {
            return Err(NoData::TooLittlePower);
        }
        let uncleared = self.is_beyond(&self.clear, by)?;
        Ok(Reading { beyond, uncleared: uncleared || beyond.is_some() })
    }

    /// Whether chance alone explains that a level was crossed: the score is within the noise floor.
    /// A level that the reference itself is beyond asks for something else than no change.
    fn is_noise(&self, crossed: Option<Level>, seen: &Observation<'_>) -> bool {
        let Some(level) = crossed.filter(|level| level.rare.is_none()) else { return false };
        let Some((chance, floor)) = self.chance.zip(seen.floor) else { return false };
        let reference = seen.reference;
        let asks_more = reference.is_some_and(|r| level.crossed(r, reference).is_some());
        !asks_more && chance.reaches(seen.score, floor)
    }
}

/// A window, and what past ones have to say of it.
struct Judged<'a> {
    seen: &'a Observation<'a>,
    past: &'a Past,
    dispersion: f64,
}

impl Detector for Threshold {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn read(&self, seen: &Observation<'_>, memory: &mut Memory) -> Result<Reading, NoData> {
        if self.needs_reference_metric() && seen.reference.is_none() {
            return Err(NoData::NoReference);
        }
        let Some(rarest) = self.rarest() else {
            return self.judge(&Judged { seen, past: &Past::default(), dispersion: 1.0 });
        };
        let pair = seen.pair.ok_or(NoData::NoReference)?;
        let counts = FrozenBins::of(&pair, BINS).window;
        let mut past = Past::recall(memory, pair.profile.id());
        // What moves the law, such as a season, moves the windows as well.
        let dispersion = if seen.law_moves { 1.0 } else { past.dispersion(&counts) };
        let reading = self.judge(&Judged { seen, past: &past, dispersion });
        // One that says nothing is read again when it is restated.
        if let Ok(reading) = reading {
            let beyond = reading.beyond.is_some();
            let score = self.badness(seen.score) / self.unit(seen);
            let window = Window { score, beyond, counts };
            past.take(window, seen.hops, 1.0 / promise::steps(rarest, seen.every));
            past.keep(memory);
        }
        reading
    }

    fn is_sequential(&self) -> bool {
        self.rarest().is_some()
    }

    fn takes_noise(&self) -> bool {
        self.levels().chain([&self.clear]).any(|level| level.rare.is_some())
    }

    fn memory(&self) -> u64 {
        if self.rarest().is_some() { calibration::BYTES } else { 0 }
    }

    fn level(&self, severity: Severity, score: f64, reference: Option<f64>) -> Option<f64> {
        let level = match severity {
            Severity::Warning => self.warning,
            Severity::Critical => self.critical,
        }?;
        level.shown(score, reference)
    }

    fn persistence(&self) -> For {
        self.persistence
    }

    fn needs_reference_metric(&self) -> bool {
        self.levels().chain([&self.clear]).any(Level::is_relative)
    }
}

fn build(params: &mut Params, statistic: &dyn Statistic) -> Result<Arc<dyn Detector>, ParamError> {
    let [warning, critical, clear] = ["warning", "critical", "clear"].map(|key| {
        let level = params.take(key).map(|value| level::parse(key, &value, statistic));
        params.keep(level.transpose()).flatten()
    });
    let [calibrate, even_if_noise] = ["calibrate", "even_if_noise"].map(|key| {
        let flag = params.flag(key);
        params.keep(flag).flatten()
    });
    let levels_read = params.settle();
    let once = For::Evaluations { m: 1, n: 1 };
    let persistence = params.text("for").and_then(|text| text.map_or(Ok(once), |t| parse_for(&t)));
    let persistence = params.keep(persistence).unwrap_or(once);
    levels_read?;
    let lowest = warning.or(critical).ok_or_else(|| {
        ParamError::new("critical", "a threshold needs `warning`, `critical` or both")
    })?;
    // A critical level that is reached before the warning is a slip of the pen.
    if warning.zip(critical).is_some_and(|(w, c)| c.is_nearer_than(&w)) {
        return Err(ParamError::new("critical", "is less far than `warning`; swap the two"));
    }
    params.settle()?;
    let clear = clear.unwrap_or_else(|| lowest.eased(statistic.best()));
    let levels = || [warning, critical, Some(clear)].into_iter().flatten();
    if calibrate.is_some() && levels().all(|level| level.rare.is_none()) {
        return Err(ParamError::new(
            "calibrate",
            "is about levels such as { false_alarm_every = \"90d\" }; there is none",
        ));
    }
    // Faults are counted one by one: one that happened is no noise, however rare it was before.
    let is_estimate = matches!(statistic.basis(), Basis::Distribution | Basis::Performance);
    let sides = Side::of(statistic);
    let chance = sides
        .filter(|chance| is_estimate && levels().all(|level| level.is_of(*chance)))
        .filter(|_| even_if_noise != Some(true));
    let middle = match sides {
        Some(Side::Around(best)) => Some(best),
        _ => None,
    };
    let calibrate = calibrate.unwrap_or(true);
    Ok(Arc::new(Threshold { warning, critical, clear, persistence, chance, calibrate, middle }))
}

fn parse_for(text: &str) -> Result<For, ParamError> {
    if let Some((m, n)) = text.split_once(" of ") {
        let numbers = (m.trim().parse::<usize>(), n.trim().parse::<usize>());
        if let (Ok(m), Ok(n)) = numbers
            && (1..=n).contains(&m)
            && n <= 1000
        {
            return Ok(For::Evaluations { m, n });
        }
        return Err(ParamError::new(
            "for",
            format!("'{text}' is not M of N with 1 <= M <= N <= 1000, such as \"2 of 3\""),
        ));
    }
    match Span::parse(text) {
        Ok(span) if span.0 > 0 => Ok(For::Lasting(span)),
        _ => Err(ParamError::new(
            "for",
            format!("'{text}' is neither \"M of N\" nor a length of time such as \"30m\""),
        )),
    }
}
