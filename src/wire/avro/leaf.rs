//! Plain values: what each type of Avro becomes in a cell.

use std::fmt::Write as _;

use apache_avro::Schema;
use apache_avro::schema::{InnerDecimalSchema, UuidSchema};

use super::decimal;
use super::input::{Fault, Input};
use crate::event::Time;
use crate::wire::cell::{Cell, Cells, Text};
use crate::wire::schemas::write_hyphened;

/// A type of plain values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Leaf {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Text,
    /// Bytes that are shown as text: of a fixed number, or with their length.
    Bytes(Option<u32>),
    /// A symbol of this list of symbols.
    Symbol(u32),
    /// A decimal with its scale, in a fixed number of bytes or with its length.
    Decimal(u32, Option<u32>),
    /// A decimal that brings its scale.
    BigDecimal,
    /// A UUID as 16 bytes, alone or with their length.
    Uuid(Option<u32>),
    Date,
    Millis,
    Micros,
    Nanos,
    LocalMillis,
    LocalMicros,
    LocalNanos,
}

impl Leaf {
    /// How a plain value is read; `None`: it is none. Symbols of an enum are added to `symbols`.
    pub fn of(schema: &Schema, symbols: &mut Vec<Vec<Box<str>>>) -> Option<Leaf> {
        let size = |size: usize| u32::try_from(size).ok();
        Some(match schema {
            Schema::Null => Leaf::Null,
            Schema::Boolean => Leaf::Boolean,
            Schema::Int | Schema::TimeMillis => Leaf::Int,
            Schema::Long | Schema::TimeMicros => Leaf::Long,
            Schema::Float => Leaf::Float,
            Schema::Double => Leaf::Double,
            Schema::String | Schema::Uuid(UuidSchema::String) => Leaf::Text,
            Schema::Bytes => Leaf::Bytes(None),
            Schema::Fixed(of) | Schema::Duration(of) => Leaf::Bytes(Some(size(of.size)?)),
            Schema::Enum(of) => {
                symbols.push(of.symbols.iter().map(|symbol| symbol.as_str().into()).collect());
                Leaf::Symbol(symbols.len() as u32 - 1)
            }
            Schema::Decimal(decimal) => {
                let width = match &decimal.inner {
                    InnerDecimalSchema::Bytes => None,
                    InnerDecimalSchema::Fixed(of) => Some(size(of.size)?),
                };
                Leaf::Decimal(size(decimal.scale)?, width)
            }
            Schema::BigDecimal => Leaf::BigDecimal,
            Schema::Uuid(UuidSchema::Fixed(of)) => Leaf::Uuid(Some(size(of.size)?)),
            Schema::Uuid(UuidSchema::Bytes) => Leaf::Uuid(None),
            Schema::Date => Leaf::Date,
            Schema::TimestampMillis => Leaf::Millis,
            Schema::TimestampMicros => Leaf::Micros,
            Schema::TimestampNanos => Leaf::Nanos,
            Schema::LocalTimestampMillis => Leaf::LocalMillis,
            Schema::LocalTimestampMicros => Leaf::LocalMicros,
            Schema::LocalTimestampNanos => Leaf::LocalNanos,
            _ => return None,
        })
    }

    /// Reads one value.
    #[inline]
    pub fn read(
        self,
        input: &mut Input<'_>,
        cells: &mut Cells,
        symbols: &[Vec<Box<str>>],
    ) -> Result<Cell, Fault> {
        Ok(match self {
            Leaf::Null => Cell::Null,
            Leaf::Boolean => match input.array::<1>()? {
                [0] => Cell::Bool(false),
                [1] => Cell::Bool(true),
                _ => return Err(Fault::Bad("a boolean is neither 0 nor 1")),
            },
            Leaf::Int => Cell::Whole(i64::from(input.int()?)),
            Leaf::Long => Cell::Whole(input.long()?),
            Leaf::Float => Cell::Float(f64::from(f32::from_le_bytes(input.array()?))),
            Leaf::Double => Cell::Float(f64::from_le_bytes(input.array()?)),
            Leaf::Text => {
                let length = input.length()?;
                let start = input.at;
                std::str::from_utf8(input.take(length)?).map_err(|_| Fault::NotText)?;
                Cell::Text(Text::of_payload(start, start + length))
            }
            Leaf::Bytes(size) => Cell::Text(cells.keep_bytes(sized(input, size)?)),
            Leaf::Symbol(list) => {
                let symbols = symbols.get(list as usize).map_or(&[][..], Vec::as_slice);
                Cell::Text(cells.keep(&symbols[input.choice(symbols.len())?]))
            }
            Leaf::Decimal(scale, size) => decimal::cell(sized(input, size)?, scale.into(), cells),
            Leaf::BigDecimal => big_decimal(input, cells)?,
            Leaf::Uuid(size) => {
                let bytes = sized(input, size)?;
                Cell::Text(match bytes.try_into() {
                    Ok(uuid) => kept(cells, |out| write_hyphened(uuid, out)),
                    Err(_) => cells.keep_bytes(bytes),
                })
            }
            Leaf::Date => {
                let days = i64::from(input.int()?);
                match civil(days.saturating_mul(86_400_000_000)) {
                    Some(day) => Cell::Text(keep(cells, day.date())),
                    None => Cell::Whole(days),
                }
            }
            Leaf::Millis => Cell::Time(Time(input.long()?.saturating_mul(1000))),
            Leaf::Micros => Cell::Time(Time(input.long()?)),
            // Down, never to the nearest: the last nanosecond of a day belongs to that day.
            Leaf::Nanos => Cell::Time(Time(input.long()?.div_euclid(1000))),
            Leaf::LocalMillis => local(input.long()?.saturating_mul(1000), cells),
            Leaf::LocalMicros => local(input.long()?, cells),
            Leaf::LocalNanos => local(input.long()?.div_euclid(1000), cells),
        })
    }
}

/// Bytes of a fixed number, or as many as their length says.
fn sized<'a>(input: &mut Input<'a>, size: Option<u32>) -> Result<&'a [u8], Fault> {
    let size = match size {
        Some(size) => size as usize,
        None => input.length()?,
    };
    input.take(size)
}

/// A time without a zone stays one: the text that the same time has in JSON.
fn local(micros: i64, cells: &mut Cells) -> Cell {
    match civil(micros) {
        Some(time) => Cell::Text(keep(cells, time)),
        None => Cell::Whole(micros),
    }
}

fn civil(micros: i64) -> Option<jiff::civil::DateTime> {
    let utc = jiff::Timestamp::from_microsecond(micros).ok()?;
    Some(jiff::tz::TimeZone::UTC.to_datetime(utc))
}

fn keep(cells: &mut Cells, shown: impl std::fmt::Display) -> Text {
    kept(cells, |out| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{shown}");
    })
}

fn kept(cells: &mut Cells, write: impl FnOnce(&mut String)) -> Text {
    let text = cells.keep_with(|out| {
        write(out);
        Some(())
    });
    text.unwrap_or(Text::of_payload(0, 0))
}

/// Bytes that hold bytes (the digits) and a long (the scale).
fn big_decimal(input: &mut Input<'_>, cells: &mut Cells) -> Result<Cell, Fault> {
    let length = input.length()?;
    let mut inside = Input { bytes: input.take(length)?, at: 0 };
    let wrong = |_| Fault::Bad("a big decimal does not hold digits and a scale");
    let digits = inside.length().and_then(|length| inside.take(length)).map_err(wrong)?;
    let scale = inside.long().map_err(wrong)?;
    Ok(decimal::cell(digits, scale, cells))
}
