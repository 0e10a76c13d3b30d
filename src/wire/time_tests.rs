use proptest::prelude::*;

use super::*;
use crate::wire::cell::Cells;

fn of(cell: Cell, zone_name: Option<&str>, coerce: bool) -> Result<Time, Refusal> {
    let mut cells = Cells::new(1);
    cells.set(0, cell);
    let zone = zone_name.map(|name| zone(name).unwrap());
    read(&cells.view(b""), 0, zone.as_ref(), coerce)
}

fn text(text: &str, zone_name: Option<&str>) -> Result<Time, Refusal> {
    let mut cells = Cells::new(1);
    let kept = cells.keep(text);
    cells.set(0, Cell::Text(kept));
    let zone = zone_name.map(|name| zone(name).unwrap());
    read(&cells.view(b""), 0, zone.as_ref(), false)
}

#[test]
fn a_number_tells_its_unit_by_its_size() {
    for (value, micros) in [
        (0, 0),
        (1_730_419_200, 1_730_419_200_000_000),
        (99_999_999_999, 99_999_999_999_000_000),
        (100_000_000_000, 100_000_000_000_000),
        (1_730_419_200_123, 1_730_419_200_123_000),
        (100_000_000_000_000, 100_000_000_000_000),
        (1_730_419_200_123_456, 1_730_419_200_123_456),
        (100_000_000_000_000_000, 100_000_000_000_000),
        (1_730_419_200_123_456_789, 1_730_419_200_123_456),
        (-5, -5_000_000),
    ] {
        assert_eq!(of(Cell::Whole(value), None, false), Ok(Time(micros)), "{value}");
    }
    assert_eq!(of_float(1_730_419_200.25), Some(Time(1_730_419_200_250_000)));
    assert_eq!(of_float(1_730_419_200_123.5), Some(Time(1_730_419_200_123_500)));
    for bad in [f64::NAN, f64::INFINITY, -1e300, 1e300] {
        assert_eq!(of_float(bad), None, "{bad}");
    }
}

#[test]
fn texts_are_rfc_3339() {
    let want = Time(1_793_491_200_000_000);
    for good in [
        "2026-11-01T00:00:00Z",
        "2026-11-01 00:00:00Z",
        "2026-11-01T02:00:00+02:00",
        "2026-10-31T18:30:00.000-05:30",
        "2026-11-01t00:00:00z",
    ] {
        assert_eq!(text(good, None), Ok(want), "{good}");
    }
    assert_eq!(text("2026-11-01T00:00:00.1234569Z", None), Ok(Time(want.0 + 123_456)));
    for bad in ["2026-11-01T00:00:00", "2026-11-01", "yesterday", "", "1793491200"] {
        assert_eq!(text(bad, None).unwrap_err().reason, Reason::BadTime, "{bad}");
    }
    let said = text("2026-11-01T00:00:00", None).unwrap_err().detail;
    assert!(said.contains("zone"), "{said}");
}

#[test]
fn a_configured_zone_serves_texts_without_one_and_only_them() {
    let oslo = Some("Europe/Oslo");
    let winter = Time::parse("2026-11-01T11:00:00Z").unwrap();
    let summer = Time::parse("2026-07-01T10:00:00Z").unwrap();
    assert_eq!(text("2026-11-01T12:00:00", oslo), Ok(winter));
    assert_eq!(text("2026-07-01 12:00:00", oslo), Ok(summer));
    assert_eq!(text("2026-07-01T10:00:00Z", oslo), Ok(summer));
    assert!(zone("Europe/Olso").unwrap_err().contains("Europe/Olso"));
}

#[test]
fn what_is_no_time_says_why() {
    for (cell, reason) in [
        (Cell::Missing, Reason::MissingTime),
        (Cell::Null, Reason::MissingTime),
        (Cell::Bool(true), Reason::BadTime),
        (Cell::Nested, Reason::BadTime),
        (Cell::Float(f64::NAN), Reason::BadTime),
    ] {
        assert_eq!(of(cell, None, false).unwrap_err().reason, reason, "{cell:?}");
    }
}

#[test]
fn digits_in_a_text_are_a_number_only_on_request() {
    assert_eq!(of_digits("1730419200"), Some(Time(1_730_419_200_000_000)));
    assert_eq!(of_digits("1730419200.5"), Some(Time(1_730_419_200_500_000)));
    assert_eq!(of_digits("2026-11-01"), None);
}

#[test]
fn bounds_are_the_record_and_now() {
    let now = Time::parse("2026-11-01T00:00:00Z").unwrap();
    let minute = Span::from_secs(60);
    let bounds = |logged| Bounds { now: Some(now), logged, max_ahead: minute };
    let reason = |b: Bounds, t| b.check(t).map_err(|r| r.reason);
    assert_eq!(reason(bounds(None), now + minute), Ok(now + minute));
    let beyond = now + minute + Span(1);
    assert_eq!(reason(bounds(None), beyond), Err(Reason::Future));
    // A record stamped later than our clock vouches for its event, an older one does not.
    assert_eq!(reason(bounds(Some(now + Span(1))), beyond), Ok(beyond));
    assert_eq!(reason(bounds(Some(now - minute)), beyond), Err(Reason::Future));
    let year = Span::from_secs(366 * 86_400);
    let old = now - year - year - year - year - year - year;
    assert_eq!(reason(bounds(Some(old)), old), Err(Reason::AbsurdTime));
    assert_eq!(reason(Bounds { now: None, ..bounds(None) }, old), Ok(old));
    let four = now - year - year - year - year;
    assert_eq!(reason(bounds(None), four), Ok(four));
}

proptest! {
    /// The short way agrees with the full parser wherever it gives an answer at all.
    #[test]
    fn the_plain_spelling_reads_as_the_full_parser_does(
        year in 0u32..2200, month in 0u32..14, day in 0u32..33, hour in 0u32..25,
        minute in 0u32..61, second in 0u32..61, fraction in "(\\.[0-9]{0,10})?",
        zone in "(Z|[+-][0-2][0-9]:[0-6][0-9]|)", between in "[T ]",
    ) {
        let text = format!(
            "{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}{fraction}{zone}"
        );
        if let Some(time) = plain(text.as_bytes()) {
            let full: jiff::Timestamp = text.parse().unwrap();
            let floor = full.as_nanosecond().div_euclid(1_000) as i64;
            prop_assert_eq!(time.0, floor, "{}", text);
        } else {
            // Left to the full parser: odd zones, leap seconds, no or ten digits of a fraction.
            let usual = zone == "Z" && fraction.is_empty() && (1..29).contains(&day)
                && (1..13).contains(&month) && hour < 24 && minute < 60 && second < 60;
            prop_assert!(!usual || year == 0, "{}", text);
        }
    }

    #[test]
    fn no_text_breaks_it(text in "\\PC{0,40}") {
        let mut cells = Cells::new(1);
        let kept = cells.keep(&text);
        cells.set(0, Cell::Text(kept));
        let _ = read(&cells.view(b""), 0, Some(&TimeZone::UTC), true);
    }
}
