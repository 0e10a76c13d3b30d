//! From each released format of the rows to the next one.
//!
//! A step knows the bytes of its two formats and nothing of the engine, which moves on. It is one
//! commit together with the new format's number.

use super::{FORMAT, Store, StoreError};
use crate::engine::io::{Change, Table};

/// Makes the rows of the next format out of those of this one.
struct Step {
    from: u32,
    changes: fn(&dyn Store) -> Result<Vec<Change>, StoreError>,
}

/// One entry per step, ascending, up to [`FORMAT`].
const STEPS: &[Step] = &[Step { from: 2, changes: names_of_models }];

/// Whether there is a way from this format to ours.
pub(super) fn leads_from(format: u32) -> bool {
    format < FORMAT && STEPS.first().is_some_and(|first| first.from <= format)
}

/// The rows that change on the way from this format to the next one.
pub(super) fn step(store: &dyn Store, from: u32) -> Result<Vec<Change>, StoreError> {
    match STEPS.iter().find(|step| step.from == from) {
        Some(step) => (step.changes)(store),
        None => Err(store.damaged(format!("nothing leads on from format {from}"))),
    }
}

/// 2 to 3: the row of a model ends with its name, which the key alone said before, with the panes
/// whose windows must be judged again, and with the first event times of series that began anew;
/// both were not kept.
fn names_of_models(store: &dyn Store) -> Result<Vec<Change>, StoreError> {
    let mut changes = Vec::new();
    store.walk(Table::Models, &[], &mut |key, value| {
        let mut value = value.to_vec();
        // Names have at most 64 bytes: their length is a varint of one.
        value.push(key.len() as u8);
        value.extend_from_slice(key);
        value.extend([0, 0]);
        changes.push(Change { table: Table::Models, key: key.to_vec(), value: Some(value) });
        true
    })?;
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_follows_the_one_before() {
        let from: Vec<u32> = STEPS.iter().map(|step| step.from).collect();
        assert_eq!(from, (FORMAT - STEPS.len() as u32..FORMAT).collect::<Vec<_>>());
        assert!(leads_from(2) && !leads_from(1) && !leads_from(FORMAT));
    }
}
