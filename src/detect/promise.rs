//! The mean time between false alarms that a detector promises.

use super::evidence::Levels;
use crate::event::Span;
use crate::stats::{OptionDoc, ParamError, Params};

/// How rare a false alarm is, in event time of one series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Promise {
    critical: Span,
    warning: Option<Span>,
}

/// `false_alarm_every`.
pub(super) const FALSE_ALARM_EVERY: OptionDoc = OptionDoc {
    name: "false_alarm_every",
    kind: "length of time",
    default: "90d",
    doc: "mean time between false alarms of one series and segment; the longer, the later a change is seen",
};

/// `false_warning_every`.
pub(super) const FALSE_WARNING_EVERY: OptionDoc = OptionDoc {
    name: "false_warning_every",
    kind: "length of time",
    default: "",
    doc: "as false_alarm_every, for a warning before it; without it there is none",
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
        Ok(Promise { critical, warning })
    }

    /// The promise in steps of this length; at least 2, below which every step would alarm.
    pub(super) fn levels(self, every: Span) -> Levels {
        let steps = |span: Span| (span.0 as f64 / every.0.max(1) as f64).max(2.0);
        Levels { critical: steps(self.critical), warning: self.warning.map(steps) }
    }
}

fn span(params: &mut Params, key: &str) -> Result<Option<Span>, ParamError> {
    let Some(text) = params.text(key)? else { return Ok(None) };
    match Span::parse(&text) {
        Ok(span) if span.0 > 0 => Ok(Some(span)),
        _ => Err(ParamError::new(
            key,
            format!("'{text}' is not a length of time; write for example \"90d\""),
        )),
    }
}
