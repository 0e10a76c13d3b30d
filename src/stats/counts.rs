//! Counts of one series: the only hot state.

use serde::{Deserialize, Serialize};

/// Rows without a value, by why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Absences {
    /// The field was not there, or had the wrong type.
    pub missing: u64,
    /// The field was null.
    pub null: u64,
    /// The field was NaN.
    pub nan: u64,
}

impl Absences {
    /// All of them.
    #[must_use]
    pub fn total(self) -> u64 {
        self.missing + self.null + self.nan
    }
}

/// Counts of one series in a pane, a window or a reference.
///
/// `cells` has one counter per code (numeric: `2 * points below + equals a point`) or per
/// category with "other" last; it is empty where the series has no reference.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// One counter per code or category.
    pub cells: Vec<u64>,
    /// Rows with a value.
    pub counted: u64,
    /// Rows without one.
    pub absences: Absences,
    /// Those of `absences.missing` that had a value of the wrong type.
    pub type_errors: u64,
}

impl Counts {
    /// Empty counts with this many cells.
    #[must_use]
    pub fn new(cells: usize) -> Counts {
        Counts { cells: vec![0; cells], ..Counts::default() }
    }

    /// All rows, with and without a value.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.counted + self.absences.total()
    }
}

impl Counts {
    /// Adds counts on the same cells.
    pub fn add(&mut self, other: &Counts) {
        for (cell, n) in self.cells.iter_mut().zip(&other.cells) {
            *cell += n;
        }
        self.counted += other.counted;
        self.absences.missing += other.absences.missing;
        self.absences.null += other.absences.null;
        self.absences.nan += other.absences.nan;
        self.type_errors += other.type_errors;
    }

    /// Takes counts on the same cells out again; exact, since they are whole numbers.
    pub fn subtract(&mut self, other: &Counts) {
        for (cell, n) in self.cells.iter_mut().zip(&other.cells) {
            *cell -= n;
        }
        self.counted -= other.counted;
        self.absences.missing -= other.absences.missing;
        self.absences.null -= other.absences.null;
        self.absences.nan -= other.absences.nan;
        self.type_errors -= other.type_errors;
    }
}
