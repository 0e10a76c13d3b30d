//! The mean time between false alarms that a detector promises.

use super::evidence::{Evidence, Levels};
use super::{Observation, Reading};
use crate::event::Span;
use crate::stats::{OptionDoc, ParamError, Params};

/// How rare a false alarm is, in event time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Promise {
    critical: Span,
    warning: Option<Span>,
    /// Of all series and segments of a monitor together, not of each.
    together: bool,
}

/// `false_alarm_every`.
pub(super) const FALSE_ALARM_EVERY: OptionDoc = OptionDoc {
    name: "false_alarm_every",
    kind: "length of time",
    default: "90d",
    doc: "mean time between false alarms of the monitor; the longer, the later a change is seen",
};

/// `false_warning_every`.
pub(super) const FALSE_WARNING_EVERY: OptionDoc = OptionDoc {
    name: "false_warning_every",
    kind: "length of time",
    default: "",
    doc: "as false_alarm_every, for a warning before it; without it there is none",
};

/// `together`.
pub(super) const TOGETHER: OptionDoc = OptionDoc {
    name: "together",
    kind: "true or false",
    default: "true",
    doc: "the times above hold for all series and segments of the monitor together; false: for each of them, so that a hundred of them alarm a hundred times as often",
};

/// Share of references for which the promise may fail.
pub(super) const UNLUCKY_REFERENCES: f64 = 0.01;

const DEFAULT: Span = Span::from_secs(90 * 86_400);

impl Promise {
    pub(super) fn take(params: &mut Params) -> Result<Promise, ParamError> {
        let critical = span(params, FALSE_ALARM_EVERY.name)?.unwrap_or(DEFAULT);
        let warning = span(params, FALSE_WARNING_EVERY.name)?;
        if warning.is_some_and(|warning| warning > critical) {
            return Err(ParamError::new(
                FALSE_WARNING_EVERY.name,
                "a false warning cannot be rarer than a false alarm; make it shorter",
            ));
        }
        let together = params.flag(TOGETHER.name)?.unwrap_or(true);
        Ok(Promise { critical, warning, together })
    }

    /// Whether series and segments share it.
    pub(super) fn is_joint(self) -> bool {
        self.together
    }

    /// So many series and segments share it with the one that is seen, that one among them.
    pub(super) fn among(self, seen: &Observation<'_>) -> usize {
        if self.together { seen.among } else { 1 }
    }

    /// What the evidence of one series says; where others share the promise, the level that it needs
    /// depends on theirs, and only the list can say that it is reached.
    pub(super) fn read(self, evidence: &mut Evidence, seen: &Observation<'_>) -> Reading {
        let (levels, patience) = (self.levels(seen.every), patience(seen));
        match self.among(seen) {
            0 | 1 => evidence.read(levels, patience),
            among => {
                let uncleared = evidence.is_uncleared(levels.alone(among), patience);
                Reading { beyond: None, uncleared }
            }
        }
    }

    /// The promise in steps of this length; at least 2, below which every step would alarm.
    pub(super) fn levels(self, every: Span) -> Levels {
        let steps = |span| steps(span, every);
        Levels { critical: steps(self.critical), warning: self.warning.map(steps) }
    }
}

/// Steps without evidence that end an alarm: in a season a day of them, since a change of some hours
/// comes back the day after and is the same one.
fn patience(seen: &Observation<'_>) -> u32 {
    const DAY: Span = Span::from_secs(86_400);
    if seen.step.season.is_none() {
        return 1;
    }
    u32::try_from(DAY.0 / seen.every.0.max(1)).unwrap_or(u32::MAX).max(1)
}

/// Steps of this length in a span; at least 2.
pub(super) fn steps(span: Span, every: Span) -> f64 {
    (span.0 as f64 / every.0.max(1) as f64).max(2.0)
}

fn span(params: &mut Params, key: &str) -> Result<Option<Span>, ParamError> {
    params.text(key)?.map(|text| parse_span(key, &text)).transpose()
}

/// A length of time above 0.
pub(super) fn parse_span(key: &str, text: &str) -> Result<Span, ParamError> {
    match Span::parse(text) {
        Ok(span) if span.0 > 0 => Ok(span),
        _ => Err(ParamError::new(
            key,
            format!("'{text}' is not a length of time; write for example \"90d\""),
        )),
    }
}
