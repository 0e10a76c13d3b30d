//! Whether a stored row can be understood; nothing is done with it.

use super::Position;
use super::io::Table;
use super::learn::StoredLearning;
use super::model::Ledger;
use super::outbox::Row;
use super::pane_rows::{counted_pane, timed_pane};
use super::rows::{StateError, read};
use super::runs::Run;
use super::shelf::counts_of;
use super::tracks::{StoredRevisions, StoredTrack};
use crate::event::Partition;
use crate::join::Entry;
use crate::lines::{ScoreLine, SilenceLine};
use crate::policy::Incident;

/// Reads a row of any table as the engine and its neighbours do.
///
/// # Errors
/// It cannot be read; the error names its table.
pub fn readable(table: Table, value: &[u8]) -> Result<(), StateError> {
    match table {
        Table::Positions => read::<(Partition, Position)>(table, value).map(drop),
        Table::Models => read::<Ledger>(table, value).map(drop),
        Table::Panes => timed_pane(value).map(drop),
        Table::Counts => counts_of(value).map(drop),
        Table::Counted => counted_pane(value).map(drop),
        Table::Join => read::<Entry>(table, value).map(drop),
        Table::Tracks => read::<StoredTrack>(table, value).map(drop),
        Table::Revisions => read::<StoredRevisions>(table, value).map(drop),
        Table::Incidents => read::<Incident>(table, value).map(drop),
        Table::Outbox => read::<Row>(table, value).map(drop),
        Table::Runs => read::<Run>(table, value).map(drop),
        Table::Silences => read::<SilenceLine>(table, value).map(drop),
        Table::Learning => read::<StoredLearning>(table, value).map(drop),
        Table::Scores => {
            let line = serde_json::from_slice::<ScoreLine>(value).map(drop);
            line.map_err(|error| StateError { table: table.name(), why: error.to_string() })
        }
        // Those of the store itself have been read by now; schemas can be asked for again.
        Table::Meta | Table::Schemas => Ok(()),
    }
}
