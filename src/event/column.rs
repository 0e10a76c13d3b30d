//! Columns of a batch: numbers, and words kept once per column.

use hashbrown::HashTable;

/// Why a row has no value in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Absent {
    /// The field is not in the event.
    Missing,
    /// The field is null.
    Null,
    /// The field is a number but not one: NaN.
    Nan,
    /// The field has another type than declared; counts as missing.
    BadType,
}

/// A column of numbers. `values[row]` is NaN exactly for the rows listed in `absent`.
#[derive(Debug, Default, Clone)]
pub struct Numbers {
    /// One value per row; -0.0 is stored as 0.0, f32 features are already rounded.
    pub values: Vec<f64>,
    /// Rows without a value, ascending, and why.
    pub absent: Vec<(u32, Absent)>,
}

impl Numbers {
    /// Appends a value; a NaN is filed as [`Absent::Nan`].
    pub fn push(&mut self, value: f64) {
        if value.is_nan() {
            self.push_absent(Absent::Nan);
        } else {
            // Adding zero turns -0.0 into 0.0, so that equal values are equal bits.
            self.values.push(value + 0.0);
        }
    }

    /// Appends a row without a value.
    pub fn push_absent(&mut self, why: Absent) {
        self.absent.push((self.values.len() as u32, why));
        self.values.push(f64::NAN);
    }

    /// The value of a row, or why there is none.
    pub fn get(&self, row: usize) -> Result<f64, Absent> {
        let value = self.values[row];
        if !value.is_nan() {
            return Ok(value);
        }
        match self.absent.binary_search_by_key(&(row as u32), |(r, _)| *r) {
            Ok(i) => Err(self.absent[i].1),
            Err(_) => Err(Absent::Nan),
        }
    }

    /// Keeps these rows, ascending, and drops the others.
    pub fn keep(&mut self, rows: &[u32]) {
        let mut kept = Numbers::default();
        for &row in rows {
            match self.get(row as usize) {
                Ok(value) => kept.push(value),
                Err(why) => kept.push_absent(why),
            }
        }
        *self = kept;
    }
}

/// Distinct words in the order of their first appearance, in one allocation.
#[derive(Debug, Default, Clone)]
pub struct WordList {
    text: String,
    ends: Vec<u32>,
    index: HashTable<u32>,
    hasher: hashbrown::DefaultHashBuilder,
}

impl WordList {
    /// The place of a word, added if it is new.
    pub fn intern(&mut self, word: &str) -> u32 {
        use std::hash::BuildHasher;
        let Self { text, ends, index, hasher } = self;
        let hash = hasher.hash_one(word);
        let found = index.find(hash, |&i| word_at(text, ends, i) == word).copied();
        if let Some(place) = found {
            return place;
        }
        let place = ends.len() as u32;
        text.push_str(word);
        ends.push(text.len() as u32);
        index.insert_unique(hash, place, |&i| hasher.hash_one(word_at(text, ends, i)));
        place
    }

    /// The word at a place.
    ///
    /// # Panics
    /// If `place` was not returned by [`WordList::intern`] of this list.
    #[must_use]
    pub fn word(&self, place: u32) -> &str {
        word_at(&self.text, &self.ends, place)
    }

    /// How many distinct words there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All words in order of place.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len() as u32).map(|i| self.word(i))
    }
}

fn word_at<'a>(text: &'a str, ends: &[u32], place: u32) -> &'a str {
    let i = place as usize;
    let start = if i == 0 { 0 } else { ends[i - 1] as usize };
    &text[start..ends[i] as usize]
}

/// A column of words. `places[row]` is a place in `list`, or one of the `ABSENT` marks.
#[derive(Debug, Default, Clone)]
pub struct Words {
    /// The distinct words of the column.
    pub list: WordList,
    /// One place per row.
    pub places: Vec<u32>,
}

const MISSING: u32 = u32::MAX;
const NULL: u32 = u32::MAX - 1;
const NAN: u32 = u32::MAX - 2;
const BAD_TYPE: u32 = u32::MAX - 3;

impl Words {
    /// Appends a word.
    pub fn push(&mut self, word: &str) {
        let place = self.list.intern(word);
        self.places.push(place);
    }

    /// Appends a row without a value.
    pub fn push_absent(&mut self, why: Absent) {
        self.places.push(match why {
            Absent::Missing => MISSING,
            Absent::Null => NULL,
            Absent::Nan => NAN,
            Absent::BadType => BAD_TYPE,
        });
    }

    /// The place of a row's word in `list`, or why there is none.
    pub fn place(&self, row: usize) -> Result<u32, Absent> {
        match self.places[row] {
            MISSING => Err(Absent::Missing),
            NULL => Err(Absent::Null),
            NAN => Err(Absent::Nan),
            BAD_TYPE => Err(Absent::BadType),
            place => Ok(place),
        }
    }

    /// The word of a row, or why there is none.
    pub fn get(&self, row: usize) -> Result<&str, Absent> {
        self.place(row).map(|place| self.list.word(place))
    }

    /// Keeps these rows, ascending, and drops the others with their words.
    pub fn keep(&mut self, rows: &[u32]) {
        let mut kept = Words::default();
        for &row in rows {
            match self.get(row as usize) {
                Ok(word) => kept.push(word),
                Err(why) => kept.push_absent(why),
            }
        }
        *self = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_file_nan_and_unsign_zero() {
        let mut column = Numbers::default();
        column.push(-0.0);
        column.push(f64::NAN);
        column.push_absent(Absent::Null);
        column.push(f64::INFINITY);
        assert!(column.get(0).unwrap().is_sign_positive());
        assert_eq!(column.get(1), Err(Absent::Nan));
        assert_eq!(column.get(2), Err(Absent::Null));
        assert_eq!(column.get(3), Ok(f64::INFINITY));
        column.keep(&[1, 3]);
        assert_eq!((column.get(0), column.get(1)), (Err(Absent::Nan), Ok(f64::INFINITY)));
        assert_eq!(column.values.len(), 2);
    }

    #[test]
    fn words_are_kept_once() {
        let mut column = Words::default();
        for word in ["Oslo", "", "Bergen", "Oslo", ""] {
            column.push(word);
        }
        column.push_absent(Absent::BadType);
        assert_eq!(column.list.len(), 3);
        assert_eq!(column.places[..5], [0, 1, 2, 0, 1]);
        assert_eq!(column.get(2), Ok("Bergen"));
        assert_eq!(column.get(5), Err(Absent::BadType));
        column.keep(&[2, 5]);
        assert_eq!((column.get(0), column.get(1)), (Ok("Bergen"), Err(Absent::BadType)));
        assert_eq!(column.list.iter().collect::<Vec<_>>(), ["Bergen"]);
    }
}
