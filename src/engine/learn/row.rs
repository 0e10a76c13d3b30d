//! One prediction that a reference may be learnt from, and many of them as a batch again.

use serde::{Deserialize, Serialize};

use crate::event::{Absent, Batch, Numbers, Time, Values, Words};

/// Identity and rank of a row: the hash of its id (or of its place), then partition and offset.
/// Rows are kept by lowest rank, which no reading order changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(in crate::engine) struct Rank {
    pub hash: u128,
    pub partition: u64,
    pub offset: i64,
}

impl Rank {
    /// The rank of a row; without an id, its place is hashed (splitmix64).
    pub(in crate::engine) fn of(id: Option<u128>, partition: u64, offset: i64) -> Rank {
        let hash = id.unwrap_or_else(|| {
            let mixed = mix(partition ^ mix(offset as u64));
            (u128::from(mixed) << 64) | u128::from(mix(mixed))
        });
        Rank { hash, partition, offset }
    }
}

fn mix(seed: u64) -> u64 {
    let x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A value, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) enum Cell {
    Number(f64),
    Word(String),
    Missing,
    Null,
    Nan,
    BadType,
}

impl From<Absent> for Cell {
    fn from(why: Absent) -> Cell {
        match why {
            Absent::Missing => Cell::Missing,
            Absent::Null => Cell::Null,
            Absent::Nan => Cell::Nan,
            Absent::BadType => Cell::BadType,
        }
    }
}

impl Cell {
    fn absent(&self) -> Absent {
        match self {
            Cell::Null => Absent::Null,
            Cell::Nan => Absent::Nan,
            Cell::BadType => Absent::BadType,
            Cell::Missing | Cell::Number(_) | Cell::Word(_) => Absent::Missing,
        }
    }

    fn of_numbers(column: &Numbers, row: usize) -> Cell {
        column.get(row).map_or_else(Cell::from, Cell::Number)
    }

    fn of_words(column: &Words, row: usize) -> Cell {
        column.get(row).map_or_else(Cell::from, |word| Cell::Word(word.to_owned()))
    }

    fn push_number(&self, column: &mut Numbers) {
        match self {
            Cell::Number(value) => column.push(*value),
            other => column.push_absent(other.absent()),
        }
    }

    fn push_word(&self, column: &mut Words) {
        match self {
            Cell::Word(word) => column.push(word),
            other => column.push_absent(other.absent()),
        }
    }

    fn push(&self, values: &mut Values) {
        match values {
            Values::Numbers(column) => self.push_number(column),
            Values::Words(column) => self.push_word(column),
        }
    }
}

/// One prediction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) struct Row {
    /// Event time.
    pub time: Time,
    numbers: Vec<Cell>,
    words: Vec<Cell>,
    prediction: Option<Cell>,
    probabilities: Vec<Cell>,
    /// The outcome that counts for it, once known.
    pub outcome: Cell,
}

impl Row {
    /// A row of a batch.
    pub(in crate::engine) fn of(batch: &Batch, row: usize) -> Row {
        Row {
            time: batch.times[row],
            numbers: batch.numbers.iter().map(|c| Cell::of_numbers(c, row)).collect(),
            words: batch.words.iter().map(|c| Cell::of_words(c, row)).collect(),
            prediction: batch.prediction.as_ref().map(|values| match values {
                Values::Numbers(column) => Cell::of_numbers(column, row),
                Values::Words(column) => Cell::of_words(column, row),
            }),
            probabilities: batch.probabilities.iter().map(|c| Cell::of_numbers(c, row)).collect(),
            outcome: Cell::Missing,
        }
    }
}

impl Row {
    /// The row with the assumed outcome, where it has none.
    pub(super) fn assuming(&self, assumed: &Option<Cell>) -> Row {
        match assumed {
            Some(assumed) if self.outcome == Cell::Missing => {
                Row { outcome: assumed.clone(), ..self.clone() }
            }
            _ => self.clone(),
        }
    }
}

/// Rows as columns; `empty` holds the empty columns of prediction and outcome.
pub(super) fn batch<'a>(rows: impl Iterator<Item = &'a Row>, empty: Batch) -> Batch {
    let mut batch = empty;
    for row in rows {
        if batch.times.is_empty() {
            batch.numbers = vec![Numbers::default(); row.numbers.len()];
            batch.words = vec![Words::default(); row.words.len()];
            batch.probabilities = vec![Numbers::default(); row.probabilities.len()];
            // A threshold makes predictions that no event carries.
            batch.prediction = batch.prediction.filter(|_| row.prediction.is_some());
        }
        batch.times.push(row.time);
        row.numbers.iter().zip(&mut batch.numbers).for_each(|(cell, c)| cell.push_number(c));
        row.words.iter().zip(&mut batch.words).for_each(|(cell, c)| cell.push_word(c));
        let probabilities = row.probabilities.iter().zip(&mut batch.probabilities);
        probabilities.for_each(|(cell, column)| cell.push_number(column));
        if let Some(values) = &mut batch.prediction {
            row.prediction.as_ref().unwrap_or(&Cell::Missing).push(values);
        }
        if let Some(values) = &mut batch.outcome {
            row.outcome.push(values);
        }
    }
    batch
}
