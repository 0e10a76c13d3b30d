//! `where`: which events of a topic a reader wants.

use super::cell::{Cell, View};
use super::path::Path;

/// Which events a reader wants; the others are no fault of anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The field that decides.
    pub path: Path,
    /// What it must be.
    pub test: Test,
}

/// What the field must be. Values compare as text, so 17 equals "17"; a field that is missing,
/// null, a list or an object equals nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// This text.
    Equals(String),
    /// One of these texts.
    In(Vec<String>),
    /// In the event (true; null counts as being there), or not in it (false).
    Exists(bool),
}

impl Test {
    /// Whether what stands in `slot` passes.
    pub(crate) fn passes(&self, view: &View<'_>, slot: u32, scratch: &mut String) -> bool {
        match self {
            Test::Exists(wanted) => (view.cell(slot) != Cell::Missing) == *wanted,
            Test::Equals(text) => view.word(slot, scratch) == Ok(text.as_str()),
            Test::In(list) => {
                view.word(slot, scratch).is_ok_and(|word| list.iter().any(|text| text == word))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::cell::Cells;

    fn passes(test: &Test, cell: Cell) -> bool {
        let mut cells = Cells::new(1);
        cells.set(0, cell);
        test.passes(&cells.view(b"17"), 0, &mut String::new())
    }

    #[test]
    fn values_compare_as_text() {
        let equals = Test::Equals("17".into());
        let text = crate::wire::cell::Text::of_payload(0, 2);
        assert!(passes(&equals, Cell::Whole(17)));
        assert!(passes(&equals, Cell::Float(17.0)));
        assert!(passes(&equals, Cell::Text(text)));
        assert!(!passes(&equals, Cell::Null));
        assert!(!passes(&equals, Cell::Missing));
        assert!(!passes(&equals, Cell::Nested));
        assert!(passes(&Test::In(vec!["x".into(), "true".into()]), Cell::Bool(true)));
        assert!(!passes(&Test::In(vec![]), Cell::Bool(true)));
    }

    #[test]
    fn null_is_there_and_missing_is_not() {
        for (cell, there) in [(Cell::Null, true), (Cell::Nested, true), (Cell::Missing, false)] {
            assert_eq!(passes(&Test::Exists(true), cell), there);
            assert_eq!(passes(&Test::Exists(false), cell), !there);
        }
    }
}
