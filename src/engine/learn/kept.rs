//! Learning as rows of the state.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Learner, Progress, Rank, Row};
use crate::engine::io::{Change, Table};
use crate::engine::model::{Model, VersionIx};
use crate::engine::rows::{StateError, row, text_key};
use crate::reference::Reference;

/// A row of the table; versions by name.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::engine) enum StoredLearning {
    /// How far a version has come.
    Progress(String, Progress),
    /// A prediction that it keeps.
    Row(String, Rank, Row),
    /// What it has learnt: a reference file's text.
    Reference(String, String),
}

impl Model {
    /// What changed since the last commit.
    pub(in crate::engine) fn learning_changes(&mut self, changes: &mut Vec<Change>) {
        for (version, rank) in std::mem::take(&mut self.learning.gone) {
            changes.push(self.kept_row(version, rank, None));
        }
        for version in std::mem::take(&mut self.learning.dirty) {
            let name = self.ledger.lexicon.name(version).to_string();
            let key = |what: &str| text_key(&[&self.stem, &name, what]);
            let progress = self.learning.by_version.get(&version);
            let progress =
                progress.map(|l| StoredLearning::Progress(name.clone(), l.progress.clone()));
            changes.push(row(Table::Learning, key("progress"), progress.as_ref()));
            let reference = self.learnt.get(&version);
            let reference = reference.map(|r| StoredLearning::Reference(name.clone(), r.to_json()));
            changes.push(row(Table::Learning, key("reference"), reference.as_ref()));
        }
        let versions: Vec<VersionIx> = self.learning.by_version.keys().copied().collect();
        for version in versions {
            let learner = self.learning.by_version.get_mut(&version);
            let dirty = learner.map(|l| std::mem::take(&mut l.dirty)).unwrap_or_default();
            let Some(learner) = self.learning.by_version.get(&version) else { continue };
            changes.extend(
                dirty.into_iter().map(|rank| self.kept_row(version, rank, learner.row(&rank))),
            );
        }
    }

    fn kept_row(&self, version: VersionIx, rank: Rank, kept: Option<&Row>) -> Change {
        let name = self.ledger.lexicon.name(version).to_string();
        let mut key = text_key(&[&self.stem, &name, "row"]);
        key.push(0);
        key.extend(rank.hash.to_be_bytes());
        key.extend(rank.partition.to_be_bytes());
        key.extend(rank.offset.to_be_bytes());
        let stored = kept.map(|kept| StoredLearning::Row(name, rank, kept.clone()));
        row(Table::Learning, key, stored.as_ref())
    }

    pub(in crate::engine) fn mark_learning(&mut self) {
        self.learning.dirty.extend(self.learnt.keys().chain(self.learning.by_version.keys()));
        for learner in self.learning.by_version.values_mut() {
            let ranks: Vec<Rank> = learner.ranks().collect();
            learner.dirty.extend(ranks);
        }
    }

    /// Takes stored rows back; before any version is admitted.
    pub(in crate::engine) fn take_learning_back(
        &mut self,
        stored: impl Iterator<Item = StoredLearning>,
    ) -> Result<(), StateError> {
        let mut rows = Vec::new();
        for part in stored {
            match part {
                StoredLearning::Progress(name, progress) => {
                    let version = self.ledger.lexicon.number(&name);
                    let learner = Learner { progress, ..Learner::default() };
                    self.learning.by_version.insert(version, learner);
                }
                StoredLearning::Row(name, rank, row) => rows.push((name, rank, row)),
                StoredLearning::Reference(name, text) => {
                    let version = self.ledger.lexicon.number(&name);
                    let reference = Reference::parse(&text).map_err(|error| StateError {
                        table: Table::Learning.name(),
                        why: format!("the reference learnt for {name}: {error}"),
                    })?;
                    self.learnt.insert(version, Arc::new(reference));
                }
            }
        }
        // Whether a row's pane was taken is known from the progress.
        for (name, rank, row) in rows {
            let version = self.ledger.lexicon.number(&name);
            if let Some(learner) = self.learning.by_version.get_mut(&version) {
                learner.restore(rank, row, self.time.width);
            }
        }
        Ok(())
    }
}
