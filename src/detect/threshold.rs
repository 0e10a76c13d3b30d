//! Fixed levels with a clear level and M of N.

use std::sync::Arc;

use serde_json::Value;

use super::{Detector, DetectorKind, For, Memory, NoData, Observation, Reading, Severity};
use crate::event::Span;
use crate::stats::{Direction, OptionDoc, ParamError, Params, Statistic};

/// Its entry in the registry.
pub const KIND: DetectorKind = DetectorKind {
    name: "threshold",
    summary: "fixed levels: a score beyond `warning` or `critical` counts, one within `clear` ends it",
    details: "Compares each score with levels that you choose; `for` asks for M of N. It promises nothing \
        about false alarms: a level below the noise floor of the score line alarms on noise. To choose \
        where a size matters by itself (a coverage, a rate, an agreed error).",
    options: &[
        OptionDoc {
            name: "warning",
            kind: "level",
            default: "",
            doc: "a number in the statistic's bad direction, { above = x }, { below = x }, both, \
                  { worse_by = \"10%\" } or { worse_by = 0.05 } against the metric on the reference",
        },
        OptionDoc { name: "critical", kind: "level", default: "", doc: "as warning" },
        OptionDoc {
            name: "clear",
            kind: "level",
            default: "one fifth of the way from the lowest level to the statistic's best value",
            doc: "as warning; a firing series ends when its scores are within it",
        },
        OptionDoc {
            name: "for",
            kind: "text",
            default: "1 of 1",
            doc: "\"M of N\" evaluations, or a length of time: all evaluations that long",
        },
    ],
    build,
};

/// Bounds of which crossing either is bad.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Level {
    above: Option<f64>,
    below: Option<f64>,
    worse_by: Option<Worse>,
}

/// A bound relative to the metric on the reference.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Worse {
    amount: f64,
    relative: bool,
    up: bool,
}

impl Level {
    /// The bounds as numbers; `None` where a relative one lacks its reference.
    fn bounds(&self, reference: Option<f64>) -> Option<(Option<f64>, Option<f64>)> {
        let Some(worse) = self.worse_by else { return Some((self.above, self.below)) };
        let reference = reference?;
        let step = if worse.relative { reference.abs() * worse.amount } else { worse.amount };
        Some(if worse.up { (Some(reference + step), None) } else { (None, Some(reference - step)) })
    }

    /// The bound that a score lies beyond.
    fn crossed(&self, score: f64, reference: Option<f64>) -> Option<f64> {
        let (above, below) = self.bounds(reference)?;
        above.filter(|b| score > *b).or(below.filter(|b| score < *b))
    }

    /// One fifth of the way towards `best`; the level itself without one.
    fn eased(&self, best: Option<f64>) -> Level {
        let ease = |bound: f64| best.map_or(bound, |best| bound + (best - bound) / 5.0);
        Level {
            above: self.above.map(ease),
            below: self.below.map(ease),
            worse_by: self.worse_by.map(|w| Worse { amount: w.amount * 0.8, ..w }),
        }
    }
}

#[derive(Debug)]
struct Threshold {
    warning: Option<Level>,
    critical: Option<Level>,
    clear: Level,
    persistence: For,
}

impl Detector for Threshold {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn read(&self, seen: &Observation<'_>, _memory: &mut Memory) -> Result<Reading, NoData> {
        let (score, reference) = (seen.score, seen.reference);
        if self.needs_reference_metric() && reference.is_none() {
            return Err(NoData::NoReference);
        }
        let crosses = |level: &Option<Level>| {
            level.as_ref().is_some_and(|l| l.crossed(score, reference).is_some())
        };
        let beyond = if crosses(&self.critical) {
            Some(Severity::Critical)
        } else if crosses(&self.warning) {
            Some(Severity::Warning)
        } else {
            None
        };
        let uncleared = self.clear.crossed(score, reference).is_some();
        Ok(Reading { beyond, uncleared: uncleared || beyond.is_some() })
    }

    fn level(&self, severity: Severity, score: f64, reference: Option<f64>) -> Option<f64> {
        let level = match severity {
            Severity::Warning => self.warning,
            Severity::Critical => self.critical,
        }?;
        level.crossed(score, reference).or_else(|| {
            let (above, below) = level.bounds(reference)?;
            above.or(below)
        })
    }

    fn persistence(&self) -> For {
        self.persistence
    }

    fn needs_reference_metric(&self) -> bool {
        [self.warning, self.critical, Some(self.clear)]
            .into_iter()
            .flatten()
            .any(|l| l.worse_by.is_some())
    }
}

fn build(params: &mut Params, statistic: &dyn Statistic) -> Result<Arc<dyn Detector>, ParamError> {
    let [warning, critical, clear] = ["warning", "critical", "clear"].map(|key| {
        let level = params.take(key).map(|value| parse_level(key, &value, statistic));
        params.keep(level.transpose()).flatten()
    });
    let levels_read = params.settle();
    let once = For::Evaluations { m: 1, n: 1 };
    let persistence = params.text("for").and_then(|text| text.map_or(Ok(once), |t| parse_for(&t)));
    let persistence = params.keep(persistence).unwrap_or(once);
    levels_read?;
    let lowest = warning.or(critical).ok_or_else(|| {
        ParamError::new("critical", "a threshold needs `warning`, `critical` or both")
    })?;
    if let (Some(warning), Some(critical)) = (&warning, &critical) {
        refuse_disorder(warning, critical)?;
    }
    params.settle()?;
    let clear = clear.unwrap_or_else(|| lowest.eased(statistic.best()));
    Ok(Arc::new(Threshold { warning, critical, clear, persistence }))
}

/// A critical level that is reached before the warning is a slip of the pen.
fn refuse_disorder(warning: &Level, critical: &Level) -> Result<(), ParamError> {
    let above = matches!((warning.above, critical.above), (Some(w), Some(c)) if c < w);
    let below = matches!((warning.below, critical.below), (Some(w), Some(c)) if c > w);
    let worse = matches!(
        (warning.worse_by, critical.worse_by),
        (Some(w), Some(c)) if w.relative == c.relative && c.amount < w.amount
    );
    if above || below || worse {
        return Err(ParamError::new("critical", "is less far than `warning`; swap the two"));
    }
    Ok(())
}

fn parse_level(key: &str, value: &Value, statistic: &dyn Statistic) -> Result<Level, ParamError> {
    let bad = |message: String| ParamError::new(key, message);
    if let Some(bound) = value.as_f64().filter(|x| x.is_finite()) {
        return match statistic.direction() {
            Direction::Up => Ok(Level { above: Some(bound), ..Level::default() }),
            Direction::Down => Ok(Level { below: Some(bound), ..Level::default() }),
            Direction::None => Err(bad(format!(
                "{} is bad in no fixed direction; write {{ above = {bound} }} or {{ below = {bound} }}",
                statistic.name()
            ))),
        };
    }
    let Some(table) = value.as_object() else {
        return Err(bad(format!(
            "{value} is not a level; write a number, {{ above = x }}, {{ below = x }} or {{ worse_by = \"10%\" }}"
        )));
    };
    let mut level = Level::default();
    for (name, value) in table {
        match name.as_str() {
            "above" => level.above = Some(finite(key, value)?),
            "below" => level.below = Some(finite(key, value)?),
            "worse_by" => level.worse_by = Some(parse_worse(key, value, statistic)?),
            other => {
                return Err(bad(format!(
                    "`{other}` is not part of a level; known are above, below, worse_by"
                )));
            }
        }
    }
    if level.worse_by.is_some() && table.len() > 1 {
        return Err(bad("`worse_by` stands alone".to_owned()));
    }
    if table.is_empty() {
        return Err(bad("an empty level; write { above = x } or { below = x }".to_owned()));
    }
    Ok(level)
}

fn finite(key: &str, value: &Value) -> Result<f64, ParamError> {
    value
        .as_f64()
        .filter(|x| x.is_finite())
        .ok_or_else(|| ParamError::new(key, format!("{value} is not a number")))
}

fn parse_worse(key: &str, value: &Value, statistic: &dyn Statistic) -> Result<Worse, ParamError> {
    let up = match statistic.direction() {
        Direction::Up => true,
        Direction::Down => false,
        Direction::None => {
            return Err(ParamError::new(
                key,
                format!("{} has no worse direction; use above or below", statistic.name()),
            ));
        }
    };
    let (amount, relative) = match value {
        Value::String(text) => {
            let percent = text.strip_suffix('%').and_then(|t| t.trim().parse::<f64>().ok());
            (percent.map(|p| p / 100.0), true)
        }
        other => (other.as_f64(), false),
    };
    match amount.filter(|a| a.is_finite() && *a > 0.0) {
        Some(amount) => Ok(Worse { amount, relative, up }),
        None => Err(ParamError::new(
            key,
            format!("worse_by = {value} is neither a share such as \"10%\" nor a number above 0"),
        )),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::STATISTICS;
    use serde_json::json;

    fn detector(statistic: &str, options: Value) -> Result<Arc<dyn Detector>, ParamError> {
        let kind = STATISTICS.iter().find(|k| k.name == statistic).unwrap();
        let statistic = (kind.build)(&mut Params::default()).unwrap();
        let Value::Object(table) = options else { unreachable!() };
        build(&mut Params::new(table), statistic.as_ref())
    }

    fn read(
        statistic: &str,
        options: Value,
        score: f64,
        reference: Option<f64>,
    ) -> (Option<Severity>, bool) {
        let seen = Observation { reference, ..Observation::of(score) };
        let detector = detector(statistic, options).unwrap();
        let reading = detector.read(&seen, &mut Memory::default()).unwrap();
        (reading.beyond, reading.uncleared)
    }

    #[test]
    fn a_number_means_the_bad_direction_and_clear_is_a_fifth_back() {
        let psi = json!({"warning": 0.1, "critical": 0.25});
        assert_eq!(read("psi", psi.clone(), 0.26, None), (Some(Severity::Critical), true));
        assert_eq!(read("psi", psi.clone(), 0.11, None), (Some(Severity::Warning), true));
        assert_eq!(read("psi", psi.clone(), 0.09, None), (None, true));
        assert_eq!(read("psi", psi, 0.079, None), (None, false));
        let coverage = json!({"critical": {"below": 0.5}});
        assert_eq!(read("outcome_coverage", coverage.clone(), 0.59, None), (None, true));
        assert_eq!(read("outcome_coverage", coverage, 0.61, None), (None, false));
    }

    #[test]
    fn worse_by_is_measured_from_the_reference() {
        let mae = json!({"warning": {"worse_by": "10%"}, "critical": {"worse_by": "25%"}});
        assert_eq!(read("mae", mae.clone(), 2.3, Some(2.0)), (Some(Severity::Warning), true));
        assert_eq!(read("mae", mae.clone(), 2.17, Some(2.0)), (None, true));
        assert_eq!(read("mae", mae.clone(), 2.15, Some(2.0)), (None, false));
        let mae = detector("mae", mae).unwrap();
        let alone = mae.read(&Observation::of(2.0), &mut Memory::default());
        assert_eq!(alone, Err(NoData::NoReference));
        let accuracy = json!({"critical": {"worse_by": 0.05}});
        assert_eq!(read("accuracy", accuracy, 0.84, Some(0.9)), (Some(Severity::Critical), true));
    }

    #[test]
    fn slips_are_refused_with_a_sentence() {
        for (options, part) in [
            (json!({}), "needs `warning`"),
            (json!({"warning": 0.3, "critical": 0.1}), "swap"),
            (json!({"critical": "much"}), "not a level"),
            (json!({"critical": {"over": 1}}), "known are"),
            (json!({"critical": 0.1, "for": "3 of 2"}), "M of N"),
            (json!({"critical": 0.1, "for": "soon"}), "length of time"),
        ] {
            let error = detector("psi", options).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let error = detector("mean_error", json!({"critical": 1.0})).unwrap_err().to_string();
        assert!(error.contains("above"), "{error}");
    }
}
