//! Pairs by outcome and predicted class.

use std::collections::{BTreeMap, BTreeSet};

use crate::stats::{Binary, Multiclass, Performance};

/// True positives, predicted positives, actual positives of one class.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Class {
    pub hits: i64,
    pub predicted: i64,
    pub actual: i64,
}

impl Class {
    /// The positive class of yes and no.
    pub(super) fn positive(sums: &Binary) -> Class {
        Class {
            hits: sums.true_positive,
            predicted: sums.true_positive + sums.false_positive,
            actual: sums.true_positive + sums.false_negative,
        }
    }
}

/// Pairs with one outcome and one predicted class, both by their place among the classes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub actual: usize,
    pub predicted: usize,
    pub pairs: i64,
}

/// Every class that was predicted or came true, and the cells that hold pairs.
#[derive(Debug)]
pub(super) struct Table {
    pub classes: Vec<Class>,
    pub cells: Vec<Cell>,
}

impl Table {
    /// `None` of numbers.
    pub(super) fn of(sums: &Performance) -> Option<Table> {
        match sums {
            Performance::Binary(sums) => Some(Table::of_binary(sums)),
            Performance::Multiclass(sums) => Some(Table::of_classes(sums)),
            Performance::Regression(_) => None,
        }
    }

    /// Both classes, also where one never came.
    fn of_binary(sums: &Binary) -> Table {
        let cells = [
            (0, 0, sums.true_negative),
            (0, 1, sums.false_positive),
            (1, 0, sums.false_negative),
            (1, 1, sums.true_positive),
        ];
        Table::new(2, cells.into_iter())
    }

    pub(super) fn of_classes(sums: &Multiclass) -> Table {
        let names: BTreeSet<&str> = sums
            .confusion
            .iter()
            .flat_map(|(outcome, row)| row.keys().chain([outcome]))
            .map(String::as_str)
            .collect();
        let places: BTreeMap<&str, usize> = names.into_iter().zip(0..).collect();
        let cells = sums.confusion.iter().flat_map(|(outcome, row)| {
            row.iter().filter_map(|(predicted, &pairs)| {
                let place = |name: &String| places.get(name.as_str()).copied();
                Some((place(outcome)?, place(predicted)?, pairs))
            })
        });
        Table::new(places.len(), cells)
    }

    fn new(classes: usize, cells: impl Iterator<Item = (usize, usize, i64)>) -> Table {
        let mut table = Table { classes: vec![Class::default(); classes], cells: Vec::new() };
        for (actual, predicted, pairs) in cells.filter(|(.., pairs)| *pairs != 0) {
            table.classes[actual].actual += pairs;
            table.classes[predicted].predicted += pairs;
            table.classes[actual].hits += if actual == predicted { pairs } else { 0 };
            table.cells.push(Cell { actual, predicted, pairs });
        }
        table
    }

    /// Pairs in all cells.
    pub(super) fn pairs(&self) -> i64 {
        self.classes.iter().map(|class| class.actual).sum()
    }
}
