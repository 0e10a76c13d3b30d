//! A stored position moved on by hand: past a batch that the client can never unpack.

use super::Position;
use super::io::{Change, Table};
use super::rows::{StateError, read, row, text_key};
use crate::event::Partition;

/// A position that was moved on, not yet written.
#[derive(Debug)]
pub struct PassedBy {
    /// Where it was.
    pub from: i64,
    /// The row to commit.
    pub change: Change,
}

/// Moves the position of a partition on to `to`, given the row that holds it; what lies between
/// counts as lost. `None` where the row is of another partition.
///
/// # Errors
/// The row cannot be read.
pub fn pass_by(
    value: &[u8],
    partition: &Partition,
    to: i64,
) -> Result<Option<PassedBy>, StateError> {
    let (of, position): (Partition, Position) = read(Table::Positions, value)?;
    if of != *partition {
        return Ok(None);
    }
    let from = position.offset;
    let lost = position.lost.saturating_add((to - from).max(0));
    // The record before the new position is unknown: the next one taken is the anchor again.
    let moved = Position { offset: to.max(from), anchor: None, lost };
    let key = text_key(&[&of.topic, &of.number.to_string()]);
    Ok(Some(PassedBy { from, change: row(Table::Positions, key, Some(&(of, moved))) }))
}
