//! The frozen reference of one series: the grid that rules its codes, and its counts.

use std::hint::select_unpredictable;

use serde::{Deserialize, Serialize};

use super::{Absences, Counts, SeriesKind};

/// Width that values are rounded to before they are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// Values as they come.
    #[default]
    F64,
    /// Values of a single-precision producer: both sides are rounded to f32.
    F32,
}

impl Dtype {
    /// A value as a column of this width holds it.
    #[must_use]
    pub fn round(self, value: f64) -> f64 {
        match self {
            Dtype::F64 => value,
            Dtype::F32 => f64::from(value as f32),
        }
    }
}

/// A reference, numeric or of categories.
#[derive(Debug, Clone, PartialEq)]
pub enum Profile {
    /// Numbers on a grid.
    Numeric(NumericProfile),
    /// Named values.
    Category(CategoryProfile),
}

/// A numeric reference: grid points with F(v) and F(v-) as counts.
#[derive(Debug, Clone, PartialEq)]
pub struct NumericProfile {
    /// Content hash of everything that is judged by.
    pub id: String,
    /// Rounding of values.
    pub dtype: Dtype,
    /// All rows, with and without a value.
    pub rows: u64,
    /// Rows without a value.
    pub absences: Absences,
    /// Ascending grid points.
    pub grid: Vec<f64>,
    /// Reference values `<= grid[i]`.
    pub at_or_below: Vec<u64>,
    /// Reference values `< grid[i]`.
    pub below: Vec<u64>,
}

/// A reference of named values, sorted by name.
#[derive(Debug, Clone, PartialEq)]
pub struct CategoryProfile {
    /// Content hash of everything that is judged by.
    pub id: String,
    /// All rows, with and without a value.
    pub rows: u64,
    /// Rows without a value.
    pub absences: Absences,
    /// Names, ascending, and their counts.
    pub categories: Vec<(String, u64)>,
}

impl Profile {
    /// Content hash.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Profile::Numeric(p) => &p.id,
            Profile::Category(p) => &p.id,
        }
    }

    /// The type of what it was made of.
    #[must_use]
    pub fn kind(&self) -> SeriesKind {
        match self {
            Profile::Numeric(p) => SeriesKind::Numeric(p.dtype),
            Profile::Category(_) => SeriesKind::Category,
        }
    }

    /// All rows of the reference.
    #[must_use]
    pub fn rows(&self) -> u64 {
        match self {
            Profile::Numeric(p) => p.rows,
            Profile::Category(p) => p.rows,
        }
    }

    /// How many cells counts on this profile have: 2k+1 codes, or the categories and "other".
    #[must_use]
    pub fn cells(&self) -> usize {
        match self {
            Profile::Numeric(p) => 2 * p.grid.len() + 1,
            Profile::Category(p) => p.categories.len() + 1,
        }
    }
}

impl Profile {
    /// The reference's own counts on its cells.
    #[must_use]
    pub fn whole(&self) -> Counts {
        match self {
            Profile::Numeric(p) => p.whole(),
            Profile::Category(p) => {
                let mut cells: Vec<u64> = p.categories.iter().map(|(_, n)| *n).collect();
                cells.push(0);
                let counted = cells.iter().sum();
                Counts { cells, counted, absences: p.absences, type_errors: 0 }
            }
        }
    }
}

impl NumericProfile {
    /// Whether a value is a grid point, so that counts tell what lies on either side of it.
    #[must_use]
    pub fn divides_at(&self, value: f64) -> bool {
        let value = self.dtype.round(value) + 0.0;
        self.grid.binary_search_by(|point| point.total_cmp(&value)).is_ok()
    }

    /// Whether the grid holds every distinct value of the reference, so that rank statistics are
    /// exact.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole().cells.iter().step_by(2).all(|n| *n == 0)
    }

    fn whole(&self) -> Counts {
        let counted = self.rows - self.absences.total();
        let mut cells = Vec::with_capacity(2 * self.grid.len() + 1);
        let mut before = 0;
        for (below, at_or_below) in self.below.iter().zip(&self.at_or_below) {
            cells.push(below - before);
            cells.push(at_or_below - below);
            before = *at_or_below;
        }
        cells.push(counted - before);
        Counts { cells, counted, absences: self.absences, type_errors: 0 }
    }

    /// The code of one value: `2 * (points below) + (equals a point)`.
    #[must_use]
    pub fn code(&self, value: f64) -> u32 {
        let value = self.dtype.round(value);
        let below = self.grid.partition_point(|point| *point < value);
        let equal = self.grid.get(below).is_some_and(|point| *point == value);
        2 * below as u32 + u32::from(equal)
    }

    /// The codes of many values; NaN becomes `u32::MAX`. Eight searches run in lock step, so that
    /// none waits for its own loads.
    pub fn code_all(&self, values: &[f64], codes: &mut Vec<u32>) {
        codes.reserve(values.len());
        let mut chunks = values.chunks_exact(LANES);
        for chunk in &mut chunks {
            let lanes: [f64; LANES] = std::array::from_fn(|i| self.dtype.round(chunk[i]));
            codes.extend_from_slice(&self.lock_step(lanes));
        }
        codes.extend(
            chunks.remainder().iter().map(
                |&value| {
                    if value.is_nan() { u32::MAX } else { self.code(value) }
                },
            ),
        );
    }

    /// Which half a search goes on in is never predictable: it is chosen without a branch.
    fn lock_step(&self, lanes: [f64; LANES]) -> [u32; LANES] {
        let grid = self.grid.as_slice();
        let mut base = [0usize; LANES];
        let mut size = grid.len();
        while size > 1 {
            let half = size / 2;
            for (base, lane) in base.iter_mut().zip(&lanes) {
                let middle = *base + half;
                *base = select_unpredictable(grid[middle - 1] < *lane, middle, *base);
            }
            size -= half;
        }
        let Some(last) = grid.len().checked_sub(1) else {
            return lanes.map(|lane| if lane.is_nan() { u32::MAX } else { 0 });
        };
        std::array::from_fn(|i| {
            let below = base[i] + usize::from(grid[base[i]] < lanes[i]);
            // Past the last point stands nothing that could be equal, nor is the last one.
            let equal = grid[below.min(last)] == lanes[i];
            let code = 2 * below as u32 + u32::from(equal);
            select_unpredictable(lanes[i].is_nan(), u32::MAX, code)
        })
    }
}

/// Searches in lock step: enough to hide the latency of a load, few enough for registers.
const LANES: usize = 8;

impl CategoryProfile {
    /// The cell of a name; unknown names share the last one.
    #[must_use]
    pub fn cell(&self, name: &str) -> usize {
        self.categories
            .binary_search_by(|(known, _)| known.as_str().cmp(name))
            .unwrap_or(self.categories.len())
    }
}
