//! What one record holds at each wanted place, before anybody says what it should be.

use std::fmt::Write as _;

use crate::event::{Absent, Time};

/// Longest text that is taken as a category or version, in bytes; a longer one is of the wrong
/// type, or one careless producer could fill the memory with words.
pub const LONGEST_WORD: usize = 1024;

/// Whole numbers up to here have exactly one f64.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A piece of the payload, or of the arena of [`Cells`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    start: u32,
    end: u32,
    arena: bool,
}

impl Text {
    /// Bytes `start..end` of the payload.
    #[must_use]
    pub fn of_payload(start: usize, end: usize) -> Text {
        Text { start: start as u32, end: end as u32, arena: false }
    }
}

/// What a record holds at one place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    /// Nothing.
    Missing,
    /// Null.
    Null,
    /// True or false.
    Bool(bool),
    /// A number of a text format, with its spelling.
    Number {
        /// The nearest f64; infinite where the number is beyond its range.
        value: f64,
        /// Written without fraction and exponent.
        whole: bool,
        /// As it was written.
        text: Text,
    },
    /// A whole number of a binary format.
    Whole(i64),
    /// A number of a binary format.
    Float(f64),
    /// A text.
    Text(Text),
    /// A point in time of a format that knows them.
    Time(Time),
    /// A list or an object.
    Nested,
}

/// The cells of one record, filled anew for each; nothing is allocated once it has grown.
#[derive(Debug, Default)]
pub struct Cells {
    cells: Vec<Cell>,
    arena: String,
}

impl Cells {
    /// Room for `slots` places.
    #[must_use]
    pub fn new(slots: usize) -> Cells {
        Cells { cells: vec![Cell::Missing; slots], arena: String::new() }
    }

    /// A record that is null at these places and has nothing else.
    #[must_use]
    pub fn nulls(slots: &[u32]) -> Cells {
        let known = slots.iter().filter(|&&slot| slot != super::NONE);
        let mut cells = Cells::new(known.clone().max().map_or(0, |&last| last as usize + 1));
        known.for_each(|&slot| cells.set(slot, Cell::Null));
        cells
    }

    /// Forgets the record before.
    pub fn clear(&mut self) {
        self.cells.fill(Cell::Missing);
        self.arena.clear();
    }

    /// Forgets the places `slots` only: an object that comes twice is replaced as a whole.
    pub fn forget(&mut self, slots: std::ops::Range<u32>) {
        if let Some(cells) = self.cells.get_mut(slots.start as usize..slots.end as usize) {
            cells.fill(Cell::Missing);
        }
    }

    /// Puts a cell at a place; places that nobody asked for are ignored.
    pub fn set(&mut self, slot: u32, cell: Cell) {
        if let Some(place) = self.cells.get_mut(slot as usize) {
            *place = cell;
        }
    }

    /// Copies a text that does not stand in the payload as it is.
    pub fn keep(&mut self, text: &str) -> Text {
        let start = self.arena.len() as u32;
        self.arena.push_str(text);
        Text { start, end: self.arena.len() as u32, arena: true }
    }

    /// Copies bytes that are meant to be text: as they are, or `0x` and hexadecimal digits.
    pub fn keep_bytes(&mut self, bytes: &[u8]) -> Text {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return self.keep(text);
        }
        let start = self.arena.len() as u32;
        self.arena.push_str("0x");
        for byte in bytes {
            // Writing to a String cannot fail.
            let _ = write!(self.arena, "{byte:02x}");
        }
        Text { start, end: self.arena.len() as u32, arena: true }
    }

    /// Lets `write` append to the arena; `None` where it gives up, and nothing is kept.
    pub fn keep_with(&mut self, write: impl FnOnce(&mut String) -> Option<()>) -> Option<Text> {
        let start = self.arena.len();
        match write(&mut self.arena) {
            Some(()) => {
                Some(Text { start: start as u32, end: self.arena.len() as u32, arena: true })
            }
            None => {
                self.arena.truncate(start);
                None
            }
        }
    }

    /// The record as its readers see it.
    #[must_use]
    pub fn view<'a>(&'a self, payload: &'a [u8]) -> View<'a> {
        View { cells: &self.cells, payload, arena: self.arena.as_bytes() }
    }
}

/// One record, read.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    cells: &'a [Cell],
    payload: &'a [u8],
    arena: &'a [u8],
}

impl<'a> View<'a> {
    /// What stands at a place.
    #[must_use]
    pub fn cell(&self, slot: u32) -> Cell {
        self.cells.get(slot as usize).copied().unwrap_or(Cell::Missing)
    }

    /// The characters of a text.
    #[must_use]
    pub fn text(&self, text: Text) -> &'a str {
        let bytes = if text.arena { self.arena } else { self.payload };
        let piece = bytes.get(text.start as usize..text.end as usize).unwrap_or_default();
        std::str::from_utf8(piece).unwrap_or_default()
    }

    /// A cell as a number. True is 1, false is 0; texts only where `coerce` says so, then also
    /// `nan`, `inf` and the words `true` and `false`. A number beyond f64 is of the wrong type.
    ///
    /// # Errors
    /// Why there is none.
    #[inline]
    pub fn number(&self, slot: u32, coerce: bool) -> Result<f64, Absent> {
        match self.cell(slot) {
            Cell::Number { value, .. } if value.is_finite() => Ok(value),
            other => self.other_number(other, coerce),
        }
    }

    /// What stands there is no ordinary number of a text.
    fn other_number(&self, cell: Cell, coerce: bool) -> Result<f64, Absent> {
        match cell {
            Cell::Float(value) => Ok(value),
            Cell::Whole(value) => Ok(value as f64),
            Cell::Bool(value) => Ok(f64::from(u8::from(value))),
            Cell::Missing => Err(Absent::Missing),
            Cell::Null => Err(Absent::Null),
            Cell::Text(text) if coerce => number_of(self.text(text)).ok_or(Absent::BadType),
            Cell::Text(_) | Cell::Number { .. } | Cell::Time(_) | Cell::Nested => {
                Err(Absent::BadType)
            }
        }
    }

    /// A cell as text, by which ids, categories, versions and filters compare. A number is
    /// spelled by its value: 17, 17.0 and 1.7e1 are all `17`; whole numbers keep every digit.
    ///
    /// # Errors
    /// Why there is none: a list or object has no text.
    pub fn word<'s>(&self, slot: u32, scratch: &'s mut String) -> Result<&'s str, Absent>
    where
        'a: 's,
    {
        scratch.clear();
        match self.cell(slot) {
            Cell::Text(text) => return Ok(self.text(text)),
            Cell::Number { whole: true, text, .. } => {
                return Ok(match self.text(text) {
                    "-0" => "0",
                    digits => digits,
                });
            }
            Cell::Number { value, text, .. } if !value.is_finite() => return Ok(self.text(text)),
            Cell::Number { value, .. } => spell(value, scratch),
            Cell::Float(value) if value.is_nan() => return Err(Absent::Nan),
            Cell::Float(value) => spell(value, scratch),
            Cell::Bool(value) => return Ok(if value { "true" } else { "false" }),
            Cell::Whole(value) => {
                let _ = write!(scratch, "{value}");
            }
            Cell::Time(time) => {
                let _ = write!(scratch, "{time}");
            }
            Cell::Missing => return Err(Absent::Missing),
            Cell::Null => return Err(Absent::Null),
            Cell::Nested => return Err(Absent::BadType),
        }
        Ok(scratch)
    }
}

/// The shortest text that reads back as `value`; whole ones without a point.
fn spell(value: f64, out: &mut String) {
    let _ = if value.fract() == 0.0 && value.abs() < EXACT {
        write!(out, "{}", value as i64)
    } else {
        write!(out, "{value:?}")
    };
}

/// A number out of a text, as CSV and careless producers write it.
pub(crate) fn number_of(text: &str) -> Option<f64> {
    let text = text.trim_ascii();
    match text.parse::<f64>() {
        // 1e999 is a mistake, not infinity; only the word is.
        Ok(value) if value.is_infinite() && text.contains(|c: char| c.is_ascii_digit()) => None,
        Ok(value) => Some(value),
        Err(_) if text.eq_ignore_ascii_case("true") => Some(1.0),
        Err(_) if text.eq_ignore_ascii_case("false") => Some(0.0),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spelled_by_their_value() {
        let spelled = |value| {
            let mut out = String::new();
            spell(value, &mut out);
            out
        };
        assert_eq!(spelled(17.0), "17");
        assert_eq!(spelled(-0.0), "0");
        assert_eq!(spelled(0.1), "0.1");
        assert_eq!(spelled(1e300), "1e300");
        assert_eq!(spelled(f64::INFINITY), "inf");
        assert_eq!(spelled(-2.5), "-2.5");
    }

    #[test]
    fn texts_become_numbers_only_where_they_are_numbers() {
        assert_eq!(number_of(" 3.50 "), Some(3.5));
        assert_eq!(number_of("-inf"), Some(f64::NEG_INFINITY));
        assert!(number_of("NaN").unwrap().is_nan());
        assert_eq!(number_of("True"), Some(1.0));
        for bad in ["", "1e999", "1,5", "0x10", "12abc", "1_000"] {
            assert_eq!(number_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_stay_tellable_apart() {
        let mut cells = Cells::new(2);
        let a = cells.keep_bytes(&[0xff, 0x01]);
        let b = cells.keep_bytes(b"plain");
        let view = cells.view(b"");
        assert_eq!(view.text(a), "0xff01");
        assert_eq!(view.text(b), "plain");
    }

    #[test]
    fn a_view_never_leaves_its_payload() {
        let cells = Cells::new(1);
        let view = cells.view("å".as_bytes());
        assert_eq!(view.text(Text::of_payload(0, 99)), "");
        assert_eq!(view.text(Text::of_payload(1, 2)), "");
        assert_eq!(view.cell(7), Cell::Missing);
    }
}
