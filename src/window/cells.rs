//! Counters of one series in one pane: a list of codes while there are few, one counter per code
//! once there are many.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event::Absent;
use crate::stats::{Absences, Counts};

/// Counts of one series in one pane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaneCounts {
    /// Id of the reference whose grid made the codes; empty without a reference. Counts of
    /// different ids never merge.
    pub reference: std::sync::Arc<str>,
    cells: Cells,
    /// Rows with a value.
    pub counted: u64,
    /// Rows without one.
    pub absences: Absences,
    /// Those missing because of a wrong type.
    pub type_errors: u64,
}

/// A code list costs 4 bytes per event, counters 4 bytes per code.
#[derive(Debug, Clone, PartialEq)]
enum Cells {
    List { codes: Vec<u32>, len: usize },
    Dense(Counters),
}

/// A counter per code.
#[derive(Debug, Clone, Default, PartialEq)]
struct Counters {
    low: Vec<u32>,
    /// A code for each time that its counter passed 2^32.
    carries: Vec<u32>,
}

/// What a carry stands for.
const CARRY: u64 = 1 << 32;

impl Counters {
    fn new(len: usize) -> Counters {
        Counters { low: vec![0; len], carries: Vec::new() }
    }

    #[inline]
    fn bump(&mut self, code: u32) {
        if let Some(low) = self.low.get_mut(code as usize) {
            *low = low.wrapping_add(1);
            if *low == 0 {
                self.carries.push(code);
            }
        }
    }

    fn add(&mut self, code: u32, n: u64) {
        if let Some(low) = self.low.get_mut(code as usize) {
            let sum = u64::from(*low) + n;
            *low = sum as u32;
            self.carries.extend((0..sum / CARRY).map(|_| code));
        }
    }

    /// Each code above 0, ascending.
    fn pairs(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let carried = |code: u32| self.carries.iter().filter(|c| **c == code).count() as u64;
        let all = (0u32..).zip(&self.low);
        all.map(move |(code, low)| (code, u64::from(*low) + carried(code) * CARRY))
            .filter(|pair| pair.1 > 0)
    }
}

impl PaneCounts {
    /// Empty counts for a grid with this many cells (0 without a reference).
    #[must_use]
    pub fn new(reference: std::sync::Arc<str>, cells: usize) -> PaneCounts {
        PaneCounts {
            reference,
            cells: Cells::List { codes: Vec::new(), len: cells },
            counted: 0,
            absences: Absences::default(),
            type_errors: 0,
        }
    }

    /// Counts a value by its code; without a reference any code will do.
    pub fn count(&mut self, code: u32) {
        self.counted += 1;
        match &mut self.cells {
            Cells::Dense(cells) => cells.bump(code),
            Cells::List { len: 0, .. } => {}
            Cells::List { codes, len } => {
                codes.push(code);
                if codes.len() >= *len {
                    self.cells = densify(codes, *len);
                }
            }
        }
    }

    /// Counts many values at once.
    pub fn count_all(&mut self, codes: &[u32]) {
        if let Cells::Dense(cells) = &mut self.cells {
            self.counted += codes.len() as u64;
            for &code in codes {
                cells.bump(code);
            }
        } else {
            for &code in codes {
                self.count(code);
            }
        }
    }

    /// Counts a row without a value.
    pub fn count_absent(&mut self, why: Absent) {
        match why {
            Absent::Missing => self.absences.missing += 1,
            Absent::Null => self.absences.null += 1,
            Absent::Nan => self.absences.nan += 1,
            Absent::BadType => {
                self.absences.missing += 1;
                self.type_errors += 1;
            }
        }
    }

    /// Adds the counts of another pane, made with the same reference.
    pub fn absorb(&mut self, other: &PaneCounts) {
        let counted = self.counted + other.counted;
        for (code, n) in other.pairs() {
            match &mut self.cells {
                Cells::Dense(cells) => cells.add(code, n),
                Cells::List { .. } => (0..n).for_each(|_| self.count(code)),
            }
        }
        self.counted = counted;
        self.absences.missing += other.absences.missing;
        self.absences.null += other.absences.null;
        self.absences.nan += other.absences.nan;
        self.type_errors += other.type_errors;
    }

    /// Adds these counts to a window's.
    pub fn add_to(&self, window: &mut Counts) {
        self.visit(|code, n| window.cells[code] += n);
        window.counted += self.counted;
        window.absences.missing += self.absences.missing;
        window.absences.null += self.absences.null;
        window.absences.nan += self.absences.nan;
        window.type_errors += self.type_errors;
    }

    /// Takes these counts out of a window's again; exact, since they are whole numbers.
    pub fn take_from(&self, window: &mut Counts) {
        self.visit(|code, n| window.cells[code] -= n);
        window.counted -= self.counted;
        window.absences.missing -= self.absences.missing;
        window.absences.null -= self.absences.null;
        window.absences.nan -= self.absences.nan;
        window.type_errors -= self.type_errors;
    }

    /// `(code, count)` pairs with count > 0, ascending.
    #[must_use]
    pub fn pairs(&self) -> Vec<(u32, u64)> {
        self.cells.pairs()
    }

    /// How many cells the grid has.
    #[must_use]
    pub fn cells(&self) -> usize {
        match &self.cells {
            Cells::Dense(cells) => cells.low.len(),
            Cells::List { len, .. } => *len,
        }
    }

    fn visit(&self, mut each: impl FnMut(usize, u64)) {
        match &self.cells {
            Cells::Dense(cells) => {
                for (code, &n) in cells.low.iter().enumerate() {
                    each(code, u64::from(n));
                }
                cells.carries.iter().for_each(|&code| each(code as usize, CARRY));
            }
            Cells::List { codes, .. } => codes.iter().for_each(|&code| each(code as usize, 1)),
        }
    }
}

impl Cells {
    fn pairs(&self) -> Vec<(u32, u64)> {
        match self {
            Cells::Dense(cells) => cells.pairs().collect(),
            Cells::List { codes, .. } => {
                let mut sorted = codes.clone();
                sorted.sort_unstable();
                sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64)).collect()
            }
        }
    }
}

fn densify(codes: &[u32], len: usize) -> Cells {
    let mut cells = Counters::new(len);
    for &code in codes {
        cells.bump(code);
    }
    Cells::Dense(cells)
}

/// Stored as `(gap, count)` pairs: varints of the encoder make them small.
#[derive(Serialize, Deserialize)]
struct Stored {
    len: u32,
    pairs: Vec<(u32, u64)>,
}

impl Serialize for Cells {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let len = match self {
            Cells::Dense(cells) => cells.low.len() as u32,
            Cells::List { len, .. } => *len as u32,
        };
        let mut pairs = self.pairs();
        let mut before = 0;
        for (code, _) in &mut pairs {
            (*code, before) = (*code - before, *code);
        }
        Stored { len, pairs }.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Cells {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Cells, D::Error> {
        use serde::de::Error;
        const MOST_CELLS: u32 = 1 << 24;
        const MOST_CARRIES: u64 = 1 << 16;
        let Stored { len, mut pairs } = Stored::deserialize(d)?;
        if len > MOST_CELLS {
            return Err(D::Error::custom("more cells than any grid has"));
        }
        let mut code = 0u32;
        for (gap, _) in &mut pairs {
            code = code
                .checked_add(*gap)
                .filter(|c| *c < len)
                .ok_or_else(|| D::Error::custom("a code lies outside of its grid"))?;
            *gap = code;
        }
        let total = pairs.iter().map(|p| p.1).fold(0, u64::saturating_add);
        if total / CARRY > MOST_CARRIES {
            return Err(D::Error::custom("more values than any pane has"));
        }
        if total < u64::from(len) {
            let codes =
                pairs.iter().flat_map(|&(code, n)| std::iter::repeat_n(code, n as usize)).collect();
            return Ok(Cells::List { codes, len: len as usize });
        }
        let mut cells = Counters::new(len as usize);
        for (code, n) in pairs {
            cells.add(code, n);
        }
        Ok(Cells::Dense(cells))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(codes: &[u32]) -> PaneCounts {
        let mut counts = PaneCounts::new("r".into(), 9);
        counts.count_all(codes);
        counts
    }

    #[test]
    fn lists_and_counters_say_the_same() {
        let few = counted(&[3, 8, 3]);
        assert_eq!(few.pairs(), [(3, 2), (8, 1)]);
        let many = counted(&[3, 8, 3, 0, 0, 0, 0, 0, 0, 0, 3]);
        assert!(matches!(many.cells, Cells::Dense(_)));
        assert_eq!(many.pairs(), [(0, 7), (3, 3), (8, 1)]);
    }

    #[test]
    fn adding_and_taking_away_is_identity() {
        let (a, mut b) = (counted(&[1, 2, 2]), counted(&[0; 40]));
        b.count_absent(Absent::BadType);
        let mut window = Counts::new(9);
        a.add_to(&mut window);
        let before = window.clone();
        b.add_to(&mut window);
        assert_eq!(window.type_errors, 1);
        b.take_from(&mut window);
        assert_eq!(window, before);
    }

    #[test]
    fn survives_the_store() {
        for codes in [&[][..], &[8, 0, 3], &[1; 30]] {
            let counts = counted(codes);
            let bytes = postcard::to_stdvec(&counts).unwrap();
            let back: PaneCounts = postcard::from_bytes(&bytes).unwrap();
            assert_eq!(back.pairs(), counts.pairs());
            assert_eq!(back.counted, counts.counted);
        }
    }

    #[test]
    fn a_pane_counts_beyond_32_bits() {
        let mut many = counted(&[3; 20]);
        let Cells::Dense(cells) = &mut many.cells else { panic!("a list") };
        cells.low[3] = u32::MAX - 1;
        many.counted = u64::from(u32::MAX) - 1;
        many.count_all(&[3, 3, 3]);
        let n = (1 << 32) + 1;
        assert_eq!((many.counted, many.pairs()), (n, vec![(3, n)]));

        let bytes = postcard::to_stdvec(&many).unwrap();
        let mut back: PaneCounts = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(back.pairs(), many.pairs());
        back.absorb(&many);
        assert_eq!(back.pairs(), [(3, 2 * n)]);
        let mut window = Counts::new(9);
        back.add_to(&mut window);
        assert_eq!((window.cells[3], window.counted), (2 * n, 2 * n));
        back.take_from(&mut window);
        assert_eq!(window, Counts::new(9));
    }

    #[test]
    fn a_code_outside_of_the_grid_is_refused_when_read() {
        let bad = Stored { len: 3, pairs: vec![(2, 1), (1, 1)] };
        let bytes = postcard::to_stdvec(&bad).unwrap();
        assert!(postcard::from_bytes::<Cells>(&bytes).is_err());
    }

    #[test]
    fn without_a_reference_only_rows_are_counted() {
        let mut counts = PaneCounts::new("".into(), 0);
        counts.count_all(&[0, 0, 0]);
        assert_eq!((counts.counted, counts.pairs().len()), (3, 0));
    }
}
