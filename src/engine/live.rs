//! Which versions are live: no more than `limits.versions` are counted at the same time.

use super::io::Notice;
use super::model::{Model, VersionIx};
use crate::event::Time;

impl Model {
    /// The number of a version that may be counted; `None` where it would be one too many. Of the
    /// versions that came first none makes way for a later one: its predictions are not counted
    /// until an older version has left every window.
    pub(super) fn number_version(&mut self, name: &str) -> Option<VersionIx> {
        let known = self.ledger.lexicon.find(name).filter(|ix| self.versions.contains_key(ix));
        if let Some(version) = known.filter(|ix| self.is_live(*ix) || self.room() > 0) {
            let judged = self.ledger.judged_drift.unwrap_or(Time::MIN);
            // It takes its room before the next one asks.
            self.note_arrival(version, Time::MAX, judged);
            return Some(version);
        }
        if !std::mem::replace(&mut self.crowded, true) {
            self.notices.push(Notice {
                warning: true,
                model: self.plan.name.clone(),
                message: format!(
                    "version {name} is one more than limits.versions = {}: its predictions are \
                     not counted until an older version has left every window",
                    self.most_versions
                ),
            });
        }
        None
    }

    /// How many more versions may be counted.
    pub(super) fn room(&self) -> usize {
        let live = self.versions.keys().filter(|version| self.is_live(**version)).count();
        self.most_versions.saturating_sub(live)
    }

    /// Whether some window may still hold predictions of a version.
    fn is_live(&self, version: VersionIx) -> bool {
        let judged = self.ledger.judged_drift.unwrap_or(Time::MIN);
        let reach = self.plan.longest_window() + self.time.width;
        self.versions.get(&version).is_some_and(|v| v.last_pane + reach > judged)
    }

    /// A prediction of a version came.
    pub(super) fn note_arrival(&mut self, version: VersionIx, arrival: Time, pane: Time) {
        let Some(version) = self.versions.get_mut(&version) else { return };
        version.last_pane = version.last_pane.max(pane);
        if arrival < version.first_arrival {
            version.first_arrival = arrival;
            self.dirty = true;
        }
    }
}
