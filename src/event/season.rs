//! The rhythm of the day and of the week: which slot an hour lies in.

use jiff::tz::TimeZone;

use super::{Span, Time};

const HOUR: Span = Span::from_secs(3600);
const DAY: Span = Span::from_secs(86_400);
const HOURS: u16 = 24;

/// Number of a slot, from 0 to [`Rhythm::slots`] - 1.
pub type Slot = u16;

/// What repeats itself.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Rhythm {
    /// The day: 24 slots, the first begins at midnight.
    HourOfDay,
    /// The week: 168 slots, the first begins at midnight before Monday.
    HourOfWeek,
}

impl Rhythm {
    /// How many slots there are.
    #[must_use]
    pub fn slots(self) -> Slot {
        match self {
            Rhythm::HourOfDay => HOURS,
            Rhythm::HourOfWeek => 7 * HOURS,
        }
    }

    /// Its name in the configuration, in reference files and in score lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Rhythm::HourOfDay => "hour_of_day",
            Rhythm::HourOfWeek => "hour_of_week",
        }
    }

    /// The rhythm of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Rhythm> {
        [Rhythm::HourOfDay, Rhythm::HourOfWeek].into_iter().find(|rhythm| rhythm.name() == name)
    }

    /// The hour of the day that a slot begins with, by the clock of its zone.
    #[must_use]
    pub fn hour_of_day(slot: Slot) -> Slot {
        slot % HOURS
    }
}

/// A name that the database of time zones does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no time zone, such as Europe/Oslo or UTC")]
pub struct BadZone(pub String);

/// A rhythm by the clocks of one place.
#[derive(Debug, Clone)]
pub struct Season {
    rhythm: Rhythm,
    zone: String,
    clock: TimeZone,
}

impl Season {
    /// The rhythm by the clocks of a zone, named as in the IANA database; that lies in the binary.
    ///
    /// # Errors
    /// There is no such zone.
    pub fn new(rhythm: Rhythm, zone: &str) -> Result<Season, BadZone> {
        let clock = TimeZone::get(zone).map_err(|_| BadZone(zone.to_owned()))?;
        Ok(Season { rhythm, zone: zone.to_owned(), clock })
    }

    /// What repeats itself.
    #[must_use]
    pub fn rhythm(&self) -> Rhythm {
        self.rhythm
    }

    /// Name of the zone.
    #[must_use]
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// The slot of an instant. Slots are whole hours of UTC, named by the local hour that they
    /// begin in: a pane of an hour or a part of it lies in exactly one, whatever the zone, and where
    /// clocks are half an hour off the slots run from half past to half past. The hour that is
    /// repeated in autumn is the same slot twice; the one that is left out in spring has no events.
    #[must_use]
    pub fn slot(&self, time: Time) -> Slot {
        let hour = time.floor_to(HOUR);
        // Times that no calendar holds are taken as UTC.
        let offset = jiff::Timestamp::from_microsecond(hour.0)
            .map_or(0, |at| self.clock.to_offset(at).seconds());
        let local = hour + Span::from_secs(i64::from(offset));
        let hour = ((local - local.floor_to(DAY)).0 / HOUR.0) as Slot;
        match self.rhythm {
            Rhythm::HourOfDay => hour,
            Rhythm::HourOfWeek => {
                // 1970 began on a Thursday.
                let day = (local.0.div_euclid(DAY.0) + 3).rem_euclid(7) as Slot;
                day * HOURS + hour
            }
        }
    }
}

impl PartialEq for Season {
    fn eq(&self, other: &Season) -> bool {
        (self.rhythm, &self.zone) == (other.rhythm, &other.zone)
    }
}

impl Eq for Season {}

/// `hour_of_week in Europe/Oslo`.
impl std::fmt::Display for Season {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {}", self.rhythm.name(), self.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(rhythm: Rhythm, zone: &str, time: &str) -> Slot {
        Season::new(rhythm, zone).unwrap().slot(Time::parse(time).unwrap())
    }

    #[test]
    fn slots_follow_the_clocks_of_the_zone() {
        let oslo = |time| slot(Rhythm::HourOfWeek, "Europe/Oslo", time);
        // 2026-11-02 is a Monday; Oslo is an hour ahead in winter, two in summer.
        assert_eq!(oslo("2026-11-01T23:00:00Z"), 0);
        assert_eq!(oslo("2026-11-02T07:59:59Z"), 8);
        assert_eq!(oslo("2026-11-08T22:59:59Z"), 167);
        assert_eq!(oslo("2026-07-06T06:00:00Z"), 8);
        assert_eq!(slot(Rhythm::HourOfDay, "Europe/Oslo", "2026-11-08T22:59:59Z"), 23);
        assert_eq!(slot(Rhythm::HourOfWeek, "UTC", "1969-12-31T23:59:59Z"), 2 * 24 + 23);
    }

    #[test]
    fn the_hour_that_clocks_repeat_is_one_slot_and_the_one_they_leave_out_is_none() {
        let hours = |day: &str, hours: i64| -> Vec<Slot> {
            let season = Season::new(Rhythm::HourOfDay, "Europe/Oslo").unwrap();
            let midnight = Time::parse(day).unwrap();
            (0..hours).map(|h| season.slot(midnight + Span::from_secs(h * 3600 + 1800))).collect()
        };
        assert_eq!(hours("2026-10-25T00:00:00+02:00", 5), [0, 1, 2, 2, 3]);
        assert_eq!(hours("2026-03-29T00:00:00+01:00", 4), [0, 1, 3, 4]);
    }

    #[test]
    fn a_pane_of_an_hour_lies_in_one_slot_also_where_clocks_are_half_an_hour_off() {
        for zone in ["Asia/Kolkata", "Australia/Lord_Howe", "Asia/Kathmandu"] {
            let season = Season::new(Rhythm::HourOfWeek, zone).unwrap();
            let start = Time::parse("2026-04-04T00:00:00Z").unwrap();
            for hour in 0..48 {
                let pane = start + Span(hour * HOUR.0);
                let within = [0, 1, HOUR.0 / 2, HOUR.0 - 1].map(|at| season.slot(pane + Span(at)));
                assert_eq!(within, [within[0]; 4], "{zone} {pane}");
            }
        }
        // 05:30 in Kolkata.
        assert_eq!(slot(Rhythm::HourOfDay, "Asia/Kolkata", "2026-11-02T00:45:00Z"), 5);
    }

    #[test]
    fn zones_are_those_of_the_database_in_the_binary() {
        let error = Season::new(Rhythm::HourOfDay, "Europe/Olso").unwrap_err();
        assert_eq!(error.to_string(), "'Europe/Olso' is no time zone, such as Europe/Oslo or UTC");
        assert!(Season::new(Rhythm::HourOfDay, "America/Argentina/Ushuaia").is_ok());
        assert_eq!(Rhythm::named("hour_of_week"), Some(Rhythm::HourOfWeek));
        assert_eq!(Rhythm::named("7d"), None);
    }
}
