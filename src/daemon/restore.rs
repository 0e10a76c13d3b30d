//! An engine out of what the store holds.

use std::sync::Arc;

use super::References;
use super::shelf::StoreShelf;
use crate::clock;
use crate::engine::io::{Effects, Table};
use crate::engine::{Engine, Shelf};
use crate::plan::Plan;
use crate::store::{ScoreQuery, Store, StoreError, rows, scores};

/// Score lines looked at in one go.
const PAGE: usize = 1000;
/// Tables that an engine is restored from; counts, join entries and scores stay on disk.
const RESTORED: [Table; 11] = [
    Table::Positions,
    Table::Models,
    Table::Panes,
    Table::Counted,
    Table::Tracks,
    Table::Revisions,
    Table::Incidents,
    Table::Outbox,
    Table::Runs,
    Table::Silences,
    Table::Learning,
];

/// An engine out of what the store holds.
pub(super) fn restore(
    plan: &Arc<Plan>,
    secret: &[u8; 32],
    store: &dyn Store,
    references: &References,
    shelf: &Arc<StoreShelf>,
) -> anyhow::Result<(Engine, Effects)> {
    let mut stored = Vec::new();
    for table in RESTORED {
        stored.extend(rows(store, table)?.into_iter().map(|(key, value)| (table, key, value)));
    }
    let resolve = |model: &str, version: Option<&str>| references.resolve(model, version);
    let (mut engine, effects) = Engine::restore(
        plan.clone(),
        *secret,
        clock::now(),
        stored,
        &resolve,
        &(shelf.clone() as Arc<dyn Shelf>),
    )?;
    shelf.check()?;
    forget_inherited(store, &mut engine)?;
    for (model, after) in engine.recallable() {
        let (model, from) = (Some(model), Some(after));
        let query = ScoreQuery { model, from, all_revisions: true, ..ScoreQuery::default() };
        let mut page = None;
        loop {
            let (lines, next) = scores(store, &query, page.as_ref(), PAGE)?;
            lines.into_iter().for_each(|line| engine.recall(line));
            if next.is_none() {
                break;
            }
            page = next;
        }
    }
    Ok((engine, effects))
}

/// Score lines of a removed model whose name another one bears now: none of that one's.
///
/// # Errors
/// The store cannot be read.
pub(super) fn forget_inherited(store: &dyn Store, engine: &mut Engine) -> Result<(), StoreError> {
    let names: Vec<String> = engine.inherited().map(str::to_owned).collect();
    for name in names {
        let (prefix, mut keys) = ([name.as_bytes(), &[0]].concat(), Vec::new());
        store.walk(Table::Scores, &prefix, &mut |key, _| {
            let mine = key.starts_with(&prefix);
            keys.extend(mine.then(|| key.to_vec()));
            mine
        })?;
        engine.forget_rows(Table::Scores, keys);
    }
    Ok(())
}
