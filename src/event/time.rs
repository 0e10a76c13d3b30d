//! Event time and spans, in microseconds.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in event time: microseconds since 1970-01-01T00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

/// A length of time in microseconds; never negative in a plan.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Span(pub i64);

/// A text that is not an RFC 3339 time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a time in RFC 3339, such as 2026-11-01T00:00:00Z")]
pub struct BadTime(pub String);

/// A text that is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a length of time; write for example 30s, 90m, 24h or 7d")]
pub struct BadSpan(pub String);

impl Time {
    /// Before every event.
    pub const MIN: Time = Time(i64::MIN);
    /// After every event.
    pub const MAX: Time = Time(i64::MAX);

    /// The greatest multiple of `step` since 1970 that is not after this time.
    #[must_use]
    pub fn floor_to(self, step: Span) -> Time {
        Time(self.0.saturating_sub(self.0.rem_euclid(step.0)))
    }

    /// The smallest multiple of `step` since 1970 that is not before this time.
    #[must_use]
    pub fn ceil_to(self, step: Span) -> Time {
        let floor = self.floor_to(step);
        if floor == self { self } else { floor + step }
    }

    /// Reads RFC 3339.
    ///
    /// # Errors
    /// A text without a zone, or that is no time at all.
    pub fn parse(text: &str) -> Result<Time, BadTime> {
        text.parse::<jiff::Timestamp>()
            .map(|t| Time(t.as_microsecond()))
            .map_err(|_| BadTime(text.to_owned()))
    }
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Time {
    type Output = Time;
    fn sub(self, span: Span) -> Time {
        Time(self.0.saturating_sub(span.0))
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl Sub for Time {
    type Output = Span;
    fn sub(self, other: Time) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(t) => write!(f, "{t}"),
            Err(_) if self.0 < 0 => f.write_str("-infinity"),
            Err(_) => f.write_str("infinity"),
        }
    }
}

/// RFC 3339 for people, microseconds for the store.
impl Serialize for Time {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() { s.collect_str(self) } else { s.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Time, D::Error> {
        if d.is_human_readable() {
            let text = String::deserialize(d)?;
            Time::parse(&text).map_err(serde::de::Error::custom)
        } else {
            i64::deserialize(d).map(Time)
        }
    }
}

impl Span {
    /// Seconds as a float.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// A span of whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Span {
        Span(seconds * 1_000_000)
    }

    /// Reads `30s`, `90m`, `1h 30m`, `7d`; units ms, s, m, h, d, w; whole numbers, not negative.
    ///
    /// # Errors
    /// Any other text; the message says what to write.
    pub fn parse(text: &str) -> Result<Span, BadSpan> {
        let bad = || BadSpan(text.to_owned());
        let mut total = 0i64;
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(bad());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
            let number: i64 = rest[..digits].parse().map_err(|_| bad())?;
            let tail = rest[digits..].trim_start();
            let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
            let unit = match &tail[..letters] {
                "ms" => 1_000,
                "s" => 1_000_000,
                "m" | "min" => 60_000_000,
                "h" => 3_600_000_000,
                "d" => 86_400_000_000,
                "w" => 604_800_000_000,
                _ => return Err(bad()),
            };
            let part = number.checked_mul(unit).ok_or_else(bad)?;
            total = total.checked_add(part).ok_or_else(bad)?;
            rest = tail[letters..].trim_start();
        }
        Ok(Span(total))
    }

    /// Greatest common divisor; zero is neutral.
    #[must_use]
    pub fn gcd(self, other: Span) -> Span {
        let (mut a, mut b) = (self.0, other.0);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        Span(a)
    }
}

/// The largest unit that divides the span: `90s`, `2h`, `7d`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(i64, &str); 6] = [
            (86_400_000_000, "d"),
            (3_600_000_000, "h"),
            (60_000_000, "m"),
            (1_000_000, "s"),
            (1_000, "ms"),
            (1, "us"),
        ];
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let (unit, name) = UNITS.into_iter().find(|(u, _)| self.0 % u == 0).unwrap_or((1, "us"));
        write!(f, "{}{name}", self.0 / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_and_ceils_on_multiples_since_1970_also_before_it() {
        let hour = Span::from_secs(3600);
        assert_eq!(Time(1).floor_to(hour), Time(0));
        assert_eq!(Time(1).ceil_to(hour), Time(0) + hour);
        assert_eq!(Time(-1).floor_to(hour), Time(0) - hour);
        assert_eq!(Time(0).ceil_to(hour), Time(0));
    }

    #[test]
    fn prints_and_reads_rfc3339() {
        let t = Time::parse("2026-11-01T02:00:00+02:00").unwrap();
        assert_eq!(t.to_string(), "2026-11-01T00:00:00Z");
        assert!(Time::parse("2026-11-01T00:00:00").is_err());
    }

    #[test]
    fn spans_are_read_with_their_units() {
        assert_eq!(Span::parse("1h 30m"), Ok(Span::from_secs(5400)));
        assert_eq!(Span::parse("7d"), Ok(Span::from_secs(7 * 86_400)));
        assert_eq!(Span::parse("500ms"), Ok(Span(500_000)));
        for bad in ["", "5", "h", "-1h", "1.5h", "3 fortnights", "99999999999999w"] {
            assert!(Span::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_print_in_their_largest_unit() {
        assert_eq!(Span::from_secs(86_400).to_string(), "1d");
        assert_eq!(Span::from_secs(5400).to_string(), "90m");
        assert_eq!(Span::from_secs(5400).gcd(Span::from_secs(3600)), Span::from_secs(1800));
    }
}
