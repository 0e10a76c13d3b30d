//! What a score is compared with.

use serde_json::Value;

use crate::detect::promise;
use crate::event::Span;
use crate::stats::{Direction, ParamError, Statistic};

/// Bounds of which crossing either is bad, or how rare a score must be.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Level {
    above: Option<f64>,
    below: Option<f64>,
    worse_by: Option<Worse>,
    /// Time between unchanged windows that are beyond it.
    pub rare: Option<Span>,
}

/// A bound relative to the metric on the reference.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Worse {
    amount: f64,
    relative: bool,
    up: bool,
}

/// Scores that an unchanged window may have by chance: those on the good side of the noise floor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Side {
    /// Greater is worse.
    Up,
    /// Smaller is worse.
    Down,
    /// Either is, from this best value on.
    Around(f64),
}

impl Side {
    pub(super) fn of(statistic: &dyn Statistic) -> Option<Side> {
        match statistic.direction() {
            Direction::Up => Some(Side::Up),
            Direction::Down => Some(Side::Down),
            Direction::None => statistic.best().map(Side::Around),
        }
    }

    /// Whether chance reaches a score.
    pub(super) fn reaches(self, score: f64, floor: f64) -> bool {
        match self {
            Side::Up => score <= floor,
            Side::Down => score >= floor,
            Side::Around(best) => (score - best).abs() <= (floor - best).abs(),
        }
    }
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
    pub(super) fn crossed(&self, score: f64, reference: Option<f64>) -> Option<f64> {
        let (above, below) = self.bounds(reference)?;
        above.filter(|b| score > *b).or(below.filter(|b| score < *b))
    }

    /// The bound to show for a score.
    pub(super) fn shown(&self, score: f64, reference: Option<f64>) -> Option<f64> {
        self.crossed(score, reference).or_else(|| {
            let (above, below) = self.bounds(reference)?;
            above.or(below)
        })
    }

    pub(super) fn is_relative(&self) -> bool {
        self.worse_by.is_some()
    }

    /// Whether it says nothing but which scores are too bad: only of that can a noise floor speak.
    pub(super) fn is_of(&self, chance: Side) -> bool {
        match chance {
            Side::Up => self.below.is_none(),
            Side::Down => self.above.is_none(),
            Side::Around(_) => true,
        }
    }

    /// One fifth of the way towards `best`, the level itself without one; a rarity five times as often.
    pub(super) fn eased(&self, best: Option<f64>) -> Level {
        let ease = |bound: f64| best.map_or(bound, |best| bound + (best - bound) / 5.0);
        Level {
            above: self.above.map(ease),
            below: self.below.map(ease),
            worse_by: self.worse_by.map(|w| Worse { amount: w.amount * 0.8, ..w }),
            rare: self.rare.map(|span| Span(span.0 / 5)),
        }
    }

    /// Whether it is reached before `warning`.
    pub(super) fn is_nearer_than(&self, warning: &Level) -> bool {
        let above = matches!((warning.above, self.above), (Some(w), Some(c)) if c < w);
        let below = matches!((warning.below, self.below), (Some(w), Some(c)) if c > w);
        let worse = matches!(
            (warning.worse_by, self.worse_by),
            (Some(w), Some(c)) if w.relative == c.relative && c.amount < w.amount
        );
        let rare = matches!((warning.rare, self.rare), (Some(w), Some(c)) if c < w);
        above || below || worse || rare
    }
}

pub(super) fn parse(
    key: &str,
    value: &Value,
    statistic: &dyn Statistic,
) -> Result<Level, ParamError> {
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
            "{value} is not a level; write a number, {{ above = x }}, {{ below = x }}, \
             {{ worse_by = \"10%\" }} or {{ false_alarm_every = \"90d\" }}"
        )));
    };
    let mut level = Level::default();
    for (name, value) in table {
        match name.as_str() {
            "above" => level.above = Some(finite(key, value)?),
            "below" => level.below = Some(finite(key, value)?),
            "worse_by" => level.worse_by = Some(parse_worse(key, value, statistic)?),
            "false_alarm_every" => level.rare = Some(parse_rare(key, value, statistic)?),
            other => {
                return Err(bad(format!(
                    "`{other}` is not part of a level; known are above, below, worse_by, false_alarm_every"
                )));
            }
        }
    }
    for (name, alone) in
        [("worse_by", level.worse_by.is_some()), ("false_alarm_every", level.rare.is_some())]
    {
        if alone && table.len() > 1 {
            return Err(bad(format!("`{name}` stands alone")));
        }
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

/// Only where the law of an unchanged window's score is known.
fn parse_rare(key: &str, value: &Value, statistic: &dyn Statistic) -> Result<Span, ParamError> {
    if statistic.basis() != crate::stats::Basis::Distribution || !statistic.kind().floor {
        return Err(ParamError::new(
            key,
            format!(
                "false_alarm_every needs a distance whose law without drift is known, and {} has none; \
                 write a number, or use the detector \"risk\" for performance",
                statistic.name()
            ),
        ));
    }
    promise::parse_span(key, value.as_str().unwrap_or_default())
}
