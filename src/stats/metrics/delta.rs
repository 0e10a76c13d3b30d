//! Normal intervals of functions of a confusion matrix: the delta method.
//!
//! The cells of n pairs are multinomial. With shares x and a metric's derivatives g by them, its
//! variance is (sum of x g^2 - (sum of x g)^2) / n: Bishop, Fienberg & Holland, Discrete
//! Multivariate Analysis, 1975, section 14.6.
//!
//! Shares and derivatives are those of a table in which every class has one pair more on either
//! side, half of it right and half of it wrong with any of the others: the half that Haldane and
//! Anscombe add to each cell of a table of two. Without it three right pairs of a rare class, or
//! three hundred of all, would count as a class that is never mistaken, and add no variance.

use super::interval::Z;
use super::table::{Class, Table};

/// A metric's derivatives by the shares of a class's cells: by the cell of its right pairs, and by
/// all with this outcome and with this prediction.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slopes {
    pub right: f64,
    pub actual: f64,
    pub predicted: f64,
}

/// Classes with what is added. Twice their counts, to be whole: no metric asks for the scale.
pub(super) fn softened(table: &Table) -> Vec<Class> {
    let soften = |class: &Class| Class {
        hits: 2 * class.hits + 1,
        predicted: 2 * (class.predicted + 1),
        actual: 2 * (class.actual + 1),
    };
    table.classes.iter().map(soften).collect()
}

/// The interval of a value between the least and 1; `slopes` by class, at the softened table.
/// `None` with a class alone: nothing could be mistaken for it.
pub(super) fn interval(
    table: &Table,
    slopes: &[Slopes],
    value: f64,
    least: f64,
) -> Option<(f64, f64)> {
    if slopes.len() < 2 {
        return None;
    }
    let others = (slopes.len() - 1) as f64;
    let (sum, squares) = slopes.iter().fold((0.0, 0.0), |(sum, squares), slope| {
        (sum + slope.predicted, squares + slope.predicted * slope.predicted)
    });
    let pairs = (table.pairs() + slopes.len() as i64) as f64;
    // Mean and mean square over the table of the derivatives less `middle`.
    let moments = |middle: f64| {
        let (mut first, mut second) = (0.0, 0.0);
        for cell in &table.cells {
            let (row, column) = (slopes[cell.actual], slopes[cell.predicted]);
            let right = if cell.actual == cell.predicted { row.right } else { 0.0 };
            let slope = right + row.actual + column.predicted - middle;
            first += cell.pairs as f64 * slope;
            second += cell.pairs as f64 * slope * slope;
        }
        for Slopes { right, actual, predicted } in slopes {
            let row = actual - middle;
            let hit = row + right + predicted;
            let column = (sum - predicted) / others;
            let square = (squares - predicted * predicted) / others;
            first += (hit + row + column) / 2.0;
            second += (hit * hit + row * row + 2.0 * row * column + square) / 2.0;
        }
        (first / pairs, second / pairs)
    };
    let (middle, _) = moments(0.0);
    let half = Z * (moments(middle).1 / pairs).sqrt();
    half.is_finite().then(|| ((value - half).max(least), (value + half).min(1.0)))
}
