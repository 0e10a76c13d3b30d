//! When an event happened: its time field becomes microseconds, or a reason.

use std::fmt::Write as _;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::cell::{Cell, View};
use super::reason::{Reason, Refusal, excerpt};
use crate::event::{Span, Time};

/// Age beyond which a time is a mistake: five years.
const OLDEST: Span = Span::from_secs(5 * 365 * 86_400 + 86_400);

/// A time zone of the IANA database, by its name.
///
/// # Errors
/// A sentence, for a name that is not in it.
pub fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| {
        format!("'{name}' is not a time zone; write a name such as Europe/Oslo, or UTC")
    })
}

/// What a time is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Our clock; `None` where ages do not matter (old data out of a file).
    pub now: Option<Time>,
    /// The record's timestamp.
    pub logged: Option<Time>,
    /// How far ahead of both a time may be.
    pub max_ahead: Span,
}

impl Bounds {
    /// Refuses a time that is too old, or ahead of everything known.
    pub fn check(&self, time: Time) -> Result<Time, Refusal> {
        let Some(now) = self.now else { return Ok(time) };
        if time < now - OLDEST {
            let detail = format!("{time} is more than five years ago");
            return Err(Refusal::new(Reason::AbsurdTime, detail));
        }
        let latest = self.logged.map_or(now, |logged| logged.max(now)) + self.max_ahead;
        if time > latest {
            let ahead = self.max_ahead;
            let detail = format!("{time} is more than {ahead} ahead of its record and of now");
            return Err(Refusal::new(Reason::Future, detail));
        }
        Ok(time)
    }
}

/// The time in a slot. Numbers are s, ms, us or ns by their size; texts are RFC 3339, numbers too
/// where `coerce` says so; a text without a zone needs `zone`.
pub(crate) fn read(
    view: &View<'_>,
    slot: u32,
    zone: Option<&TimeZone>,
    coerce: bool,
) -> Result<Time, Refusal> {
    let bad = |what: &str| Refusal::new(Reason::BadTime, what);
    match view.cell(slot) {
        Cell::Time(time) => Ok(time),
        Cell::Whole(value) => Ok(of_whole(value)),
        Cell::Number { value, whole, text } => {
            match if whole { view.text(text).parse().ok() } else { None } {
                Some(value) => Ok(of_whole(value)),
                None => of_float(value).ok_or_else(|| bad("the number is too large for a time")),
            }
        }
        Cell::Float(value) => of_float(value).ok_or_else(|| bad("the number is no time")),
        Cell::Text(text) => {
            let text = view.text(text);
            let number = if coerce { of_digits(text) } else { None };
            number.map_or_else(|| of_text(text, zone), Ok)
        }
        Cell::Missing => Err(Refusal::new(Reason::MissingTime, "the field is not there")),
        Cell::Null => Err(Refusal::new(Reason::MissingTime, "the field is null")),
        Cell::Bool(_) => Err(bad("true and false are no times")),
        Cell::Nested => Err(bad("a list or object is no time")),
    }
}

/// Microseconds per unit, told by size: below 1e11 s, below 1e14 ms, below 1e17 us, else ns.
fn of_whole(value: i64) -> Time {
    Time(match value {
        _ if value < 100_000_000_000 => value.saturating_mul(1_000_000),
        _ if value < 100_000_000_000_000 => value * 1_000,
        _ if value < 100_000_000_000_000_000 => value,
        // Down, never to the nearest: the last nanosecond of a day belongs to that day.
        _ => value.div_euclid(1_000),
    })
}

fn of_float(value: f64) -> Option<Time> {
    let micros = match value {
        _ if value < 1e11 => value * 1e6,
        _ if value < 1e14 => value * 1e3,
        _ if value < 1e17 => value,
        _ => value / 1e3,
    };
    // The cast would turn NaN into 0 and clip what is out of range.
    (micros.abs() < 9e18).then(|| Time(micros.round() as i64))
}

fn of_digits(text: &str) -> Option<Time> {
    match text.parse() {
        Ok(value) => Some(of_whole(value)),
        Err(_) => of_float(text.parse().ok()?),
    }
}

fn of_text(text: &str, zone: Option<&TimeZone>) -> Result<Time, Refusal> {
    if let Some(time) = plain(text.as_bytes()) {
        return Ok(time);
    }
    if let Ok(time) = Time::parse(text) {
        return Ok(time);
    }
    let bad = |detail| Err(Refusal::new(Reason::BadTime, detail));
    let Ok(local) = text.parse::<DateTime>() else {
        return bad(format!("'{}' is not a time in RFC 3339", excerpt(text)));
    };
    let Some(zone) = zone else {
        return bad(format!(
            "'{}' has no zone; send one, or configure time = {{ path, zone }}",
            excerpt(text)
        ));
    };
    match zone.to_timestamp(local) {
        Ok(time) => Ok(Time(time.as_microsecond())),
        Err(error) => {
            let mut detail = format!("'{}': ", excerpt(text));
            let _ = write!(detail, "{error}");
            bad(detail)
        }
    }
}

/// The usual spelling, `2026-11-01T00:00:00.123Z` or with an offset, without the generality (and
/// the time) of a full parser; `None` sends everything else there.
fn plain(text: &[u8]) -> Option<Time> {
    let head = text.first_chunk::<19>()?;
    let number = |at: usize, length: usize| {
        head.get(at..at + length)?.iter().try_fold(0i64, |value, digit| {
            digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0'))
        })
    };
    if [head[4], head[7], head[13], head[16]] != *b"--::" || !matches!(head[10], b'T' | b' ') {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    let in_range = year > 0
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !in_range {
        return None;
    }
    let mut rest = text.get(19..)?;
    let mut micros = 0;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
        let (digits, after) = fraction.split_at_checked(length)?;
        if !(1..=9).contains(&length) {
            return None;
        }
        let mut unit = 100_000;
        for digit in digits {
            micros += i64::from(digit - b'0') * unit;
            unit /= 10;
        }
        rest = after;
    }
    let offset = match rest {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), h1 @ b'0'..=b'1', h2 @ b'0'..=b'9', b':', m1 @ b'0'..=b'5', m2]
            if m2.is_ascii_digit() =>
        {
            let digit = |b: &u8| i64::from(b - b'0');
            let size = (digit(h1) * 10 + digit(h2)) * 60 + digit(m1) * 10 + digit(m2);
            if *sign == b'-' { -size } else { size }
        }
        _ => return None,
    };
    let minutes = (days_before(year, month, day) * 24 + hour) * 60 + minute - offset;
    Some(Time((minutes * 60 + second) * 1_000_000 + micros))
}

fn days_of(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms").
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
#[path = "time_tests.rs"]
mod tests;
