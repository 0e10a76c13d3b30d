//! What a stored value of a Parquet column means.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use parquet::schema::types::ColumnDescriptor;

use crate::event::Time;
use crate::wire::{Cell, Text};

/// How the stored values of a column are meant.
#[derive(Debug, Clone)]
pub(super) enum Meaning {
    /// As they are stored; bytes are text.
    Plain,
    /// Whole numbers without a sign.
    Unsigned,
    /// Unscaled decimals: divide by ten to this power.
    Decimal(i32),
    /// Days since 1970.
    Date(TimeZone),
    /// Time since 1970, in units of `nanos`; of the clock in `zone`.
    Time {
        /// Nanoseconds per unit.
        nanos: i64,
        /// UTC where the column says so.
        zone: TimeZone,
    },
    /// Sixteen bytes that are written with hyphens.
    Uuid,
    /// Half-precision floats.
    Half,
}

impl Meaning {
    /// Of a column; `zone` is that of times which do not say theirs.
    pub(super) fn of(column: &ColumnDescriptor, zone: &TimeZone) -> Meaning {
        let time = |nanos, utc| Meaning::Time {
            nanos,
            zone: if utc { TimeZone::UTC } else { zone.clone() },
        };
        match column.logical_type_ref() {
            Some(LogicalType::Timestamp(stamp)) => {
                let nanos = match stamp.unit {
                    TimeUnit::MILLIS => 1_000_000,
                    TimeUnit::MICROS => 1_000,
                    TimeUnit::NANOS => 1,
                };
                return time(nanos, stamp.is_adjusted_to_u_t_c);
            }
            Some(LogicalType::Uuid) => return Meaning::Uuid,
            Some(LogicalType::Float16) => return Meaning::Half,
            Some(LogicalType::Decimal(decimal)) => return Meaning::Decimal(decimal.scale),
            _ => {}
        }
        match column.converted_type() {
            ConvertedType::TIMESTAMP_MILLIS => time(1_000_000, true),
            ConvertedType::TIMESTAMP_MICROS => time(1_000, true),
            ConvertedType::DATE => Meaning::Date(zone.clone()),
            ConvertedType::DECIMAL => Meaning::Decimal(column.type_scale()),
            ConvertedType::UINT_8
            | ConvertedType::UINT_16
            | ConvertedType::UINT_32
            | ConvertedType::UINT_64 => Meaning::Unsigned,
            _ => Meaning::Plain,
        }
    }
}

/// A stored value that becomes a cell; texts go to `texts`.
pub(super) trait Convert {
    fn cell(&self, meaning: &Meaning, texts: &mut Vec<u8>) -> Cell;
}

impl Convert for bool {
    fn cell(&self, _: &Meaning, _: &mut Vec<u8>) -> Cell {
        Cell::Bool(*self)
    }
}

impl Convert for i32 {
    fn cell(&self, meaning: &Meaning, texts: &mut Vec<u8>) -> Cell {
        match meaning {
            Meaning::Unsigned => Cell::Whole(i64::from(self.cast_unsigned())),
            Meaning::Date(zone) => local(i64::from(*self) * 86_400_000_000, zone),
            _ => i64::from(*self).cell(meaning, texts),
        }
    }
}

impl Convert for i64 {
    fn cell(&self, meaning: &Meaning, texts: &mut Vec<u8>) -> Cell {
        match meaning {
            Meaning::Decimal(scale) => decimal(i128::from(*self), *scale, texts),
            Meaning::Time { nanos: 1, zone } => local(self.div_euclid(1_000), zone),
            Meaning::Time { nanos, zone } => local(self.saturating_mul(nanos / 1_000), zone),
            // Beyond i64 the digits are kept as a spelled number.
            Meaning::Unsigned if *self < 0 => decimal(i128::from(self.cast_unsigned()), 0, texts),
            _ => Cell::Whole(*self),
        }
    }
}

impl Convert for Int96 {
    fn cell(&self, _: &Meaning, _: &mut Vec<u8>) -> Cell {
        Cell::Time(Time(self.to_micros()))
    }
}

impl Convert for f32 {
    fn cell(&self, _: &Meaning, _: &mut Vec<u8>) -> Cell {
        Cell::Float(f64::from(*self))
    }
}

impl Convert for f64 {
    fn cell(&self, _: &Meaning, _: &mut Vec<u8>) -> Cell {
        Cell::Float(*self)
    }
}

impl Convert for ByteArray {
    fn cell(&self, meaning: &Meaning, texts: &mut Vec<u8>) -> Cell {
        of_bytes(self.data(), meaning, texts)
    }
}

impl Convert for FixedLenByteArray {
    fn cell(&self, meaning: &Meaning, texts: &mut Vec<u8>) -> Cell {
        of_bytes(self.data(), meaning, texts)
    }
}

fn of_bytes(bytes: &[u8], meaning: &Meaning, texts: &mut Vec<u8>) -> Cell {
    match meaning {
        Meaning::Decimal(scale) if (1..=16).contains(&bytes.len()) => {
            // Big-endian two's complement of any length.
            let sign = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
            let unscaled = bytes.iter().fold(sign, |value, &b| value << 8 | i128::from(b));
            decimal(unscaled, *scale, texts)
        }
        Meaning::Half if bytes.len() == 2 => {
            Cell::Float(half(u16::from_le_bytes([bytes[0], bytes[1]])))
        }
        Meaning::Uuid if bytes.len() == 16 => {
            let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
            let parts = [&hex[..4], &hex[4..6], &hex[6..8], &hex[8..10], &hex[10..]];
            text(parts.map(|part| part.concat()).join("-").as_bytes(), texts)
        }
        Meaning::Decimal(_) | Meaning::Half | Meaning::Uuid => Cell::Nested,
        _ if std::str::from_utf8(bytes).is_ok() => text(bytes, texts),
        _ => {
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            text(format!("0x{hex}").as_bytes(), texts)
        }
    }
}

fn text(bytes: &[u8], texts: &mut Vec<u8>) -> Cell {
    Cell::Text(kept(bytes, texts))
}

fn kept(bytes: &[u8], texts: &mut Vec<u8>) -> Text {
    let start = texts.len();
    texts.extend_from_slice(bytes);
    Text::of_payload(start, texts.len())
}

/// A decimal as a number of a text format: it keeps every digit, and rounds to f64 once.
fn decimal(unscaled: i128, scale: i32, texts: &mut Vec<u8>) -> Cell {
    let spelled = if scale == 0 { unscaled.to_string() } else { format!("{unscaled}e{}", -scale) };
    let value = spelled.parse().unwrap_or(f64::INFINITY);
    Cell::Number { value, whole: scale == 0, text: kept(spelled.as_bytes(), texts) }
}

/// A point on the clock of `zone`, in microseconds.
fn local(micros: i64, zone: &TimeZone) -> Cell {
    if *zone == TimeZone::UTC {
        return Cell::Time(Time(micros));
    }
    let time = Timestamp::from_microsecond(micros)
        .and_then(|clock| zone.to_timestamp(TimeZone::UTC.to_datetime(clock)));
    time.map_or(Cell::Nested, |time| Cell::Time(Time(time.as_microsecond())))
}

/// IEEE 754 binary16.
fn half(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3ff);
    let size = match bits >> 10 & 0x1f {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1024.0 + fraction) * 2f64.powi(i32::from(exponent) - 25),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_widened_exactly() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65_504.0),
            (0x0400, 6.103_515_625e-5),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x3555, 0.333_251_953_125),
            (0xfc00, f64::NEG_INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:04x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn decimals_of_any_length_keep_their_sign_and_digits() {
        let mut texts = Vec::new();
        for (bytes, scale, want) in [
            (&[0xff_u8][..], 2, -0.01),
            (&[0x00, 0xff], 2, 2.55),
            (&[0x80, 0, 0, 0], 0, -2_147_483_648.0),
        ] {
            let cell = of_bytes(bytes, &Meaning::Decimal(scale), &mut texts);
            let Cell::Number { value, .. } = cell else { panic!("{cell:?}") };
            assert_eq!(value, want);
        }
    }

    #[test]
    fn clocks_without_a_zone_take_the_configured_one() {
        let oslo = crate::wire::zone("Europe/Oslo").unwrap();
        let noon = Time::parse("2026-07-01T12:00:00Z").unwrap();
        let want = Time::parse("2026-07-01T10:00:00Z").unwrap();
        assert_eq!(local(noon.0, &oslo), Cell::Time(want));
        assert_eq!(local(noon.0, &TimeZone::UTC), Cell::Time(noon));
    }
}
