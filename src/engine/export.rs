//! State as lines: what `state export` prints, and any oracle can recompute. Works on stored rows
//! alone; no configuration is needed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::Position;
use super::axis::Along;
use super::io::Table;
use super::model::Ledger;
use super::outbox::Row;
use super::pane_rows::{StoredPane, timed_pane};
use super::rows::{StateError, first_part, read};
use super::runs::Run;
use super::shelf::counts_of;
use crate::event::{Partition, Time};
use crate::join::Entry;
use crate::policy::Incident;
use crate::window::PaneCounts;

/// Collects rows and writes lines.
#[derive(Debug, Default)]
pub struct Export {
    only: Option<String>,
    /// Models by what the keys of their rows begin with.
    names: BTreeMap<String, String>,
    positions: BTreeMap<Partition, Position>,
    ledgers: BTreeMap<String, Ledger>,
    /// By their row's key.
    panes: BTreeMap<Vec<u8>, (String, StoredPane)>,
    incidents: Vec<Value>,
    runs: Vec<Value>,
    outbox: Vec<Value>,
    /// Keys of the wanted incidents, ids of the wanted runs: messages are about one of them.
    subjects: BTreeSet<String>,
    pending: BTreeMap<String, (u64, u64)>,
}

/// Tables in the order that [`Export::take`] wants them.
pub const EXPORTED: [Table; 8] = [
    Table::Positions,
    Table::Models,
    Table::Panes,
    Table::Counts,
    Table::Join,
    Table::Incidents,
    Table::Runs,
    Table::Outbox,
];

impl Export {
    /// An export of everything, or of one model.
    #[must_use]
    pub fn new(only: Option<&str>) -> Export {
        Export { only: only.map(str::to_owned), ..Export::default() }
    }

    /// Takes a row; tables in the order of [`EXPORTED`].
    ///
    /// # Errors
    /// A row that cannot be read.
    pub fn take(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StateError> {
        match table {
            Table::Positions => {
                let (partition, position) = read(table, value)?;
                self.positions.insert(partition, position);
            }
            Table::Models => {
                let ledger: Ledger = read(table, value)?;
                self.names.insert(first_part(key), ledger.name.clone());
                self.ledgers.insert(ledger.name.clone(), ledger);
            }
            Table::Panes => {
                let model = self.name_of(key);
                if self.wants(&model) {
                    self.panes.insert(key.to_vec(), (model, timed_pane(value)?));
                }
            }
            Table::Counts => {
                if let Some((_, pane)) = self.panes.get_mut(key) {
                    pane.3.series = Some(counts_of(value)?);
                }
            }
            Table::Join => {
                let model = self.name_of(key);
                let Some(ledger) = self.ledgers.get(&model) else { return Ok(()) };
                let entry: Entry = read(table, value)?;
                let (watermark, rules) = (ledger.watermark(), ledger.rules());
                let pending = self.pending.entry(model).or_default();
                pending.0 += entry.pending_predictions(watermark, rules) as u64;
                pending.1 += entry.pending_outcomes(watermark, rules) as u64;
            }
            Table::Incidents => {
                let incident: Incident = read(table, value)?;
                if self.wants(&incident.model) {
                    self.subjects.insert(incident.key.clone());
                    self.incidents.push(to_value(&incident.line()));
                }
            }
            Table::Runs => {
                let run: Run = read(table, value)?;
                if self.wants(&run.line.model) {
                    self.subjects.insert(run.line.id.clone());
                    self.runs.push(to_value(&run.line));
                }
            }
            Table::Outbox => {
                let row: Row = read(table, value)?;
                let about = [Some(&row.message.key), row.message.run.as_ref()];
                if self.only.is_none()
                    || about.into_iter().flatten().any(|name| self.subjects.contains(name))
                {
                    self.outbox.push(to_value(&row.line()));
                }
            }
            Table::Meta
            | Table::Counted
            | Table::Tracks
            | Table::Revisions
            | Table::Silences
            | Table::Scores
            | Table::Learning
            | Table::Schemas => {}
        }
        Ok(())
    }

    /// All lines in a stable order.
    #[must_use]
    pub fn lines(mut self) -> Vec<Value> {
        let mut lines = Vec::new();
        for (partition, position) in self.positions.iter().filter(|(p, _)| self.reads(p)) {
            lines.push(json!({
                "type": "position",
                "topic": partition.topic,
                "partition": partition.number,
                "offset": position.offset,
                "timestamp": position.anchor.map(|a| a.timestamp),
                "lost": position.lost,
            }));
        }
        let mut panes: Vec<_> = std::mem::take(&mut self.panes).into_values().collect();
        panes.sort_by(|(a, p), (b, q)| (a, p.0, &p.1, &p.2).cmp(&(b, q.0, &q.1, &q.2)));
        for (model, pane) in &panes {
            if let Some(ledger) = self.ledgers.get(model) {
                lines.push(pane_line(model, ledger, pane));
            }
        }
        for (model, ledger) in &self.ledgers {
            if !self.wants(model) || !ledger.keeping.joins {
                continue;
            }
            let pending = self.pending.get(model).copied().unwrap_or_default();
            lines.push(json!({
                "type": "join",
                "model": model,
                "pending_predictions": pending.0,
                "pending_outcomes": pending.1,
                "late_outcomes": ledger.late_outcomes,
            }));
        }
        lines.extend(self.incidents);
        lines.extend(self.runs);
        lines.extend(self.outbox);
        lines
    }

    /// The model whose row this is; that of a row that is left of a removed one has no name.
    fn name_of(&self, key: &[u8]) -> String {
        self.names.get(&first_part(key)).cloned().unwrap_or_default()
    }

    fn wants(&self, model: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == model)
    }

    /// Whether a wanted model reads a partition.
    fn reads(&self, partition: &Partition) -> bool {
        let Some(only) = &self.only else { return true };
        let clocks = self.ledgers.get(only).map(|ledger| &ledger.clocks.by_partition);
        clocks.is_some_and(|clocks| clocks.keys().any(|known| known.topic == partition.topic))
    }
}

impl Ledger {
    /// The least own watermark: what has expired at it has expired for every partition.
    pub(super) fn watermark(&self) -> Time {
        let seen = self.clocks.by_partition.values().filter(|c| c.latest != Time::MIN);
        seen.map(|c| c.own_watermark(self.keeping.lateness)).min().unwrap_or(Time::MIN)
    }
}

fn pane_line(model: &str, ledger: &Ledger, stored: &StoredPane) -> Value {
    let (start, version, segment, pane) = stored;
    let matches = pane.all_matches();
    let end = *start + ledger.widths.get(&Along::Time).copied().unwrap_or_default();
    let over = ledger.watermark() >= end + ledger.keeping.within;
    let assumed = if over { pane.assumed(&matches) } else { 0 };
    let mut performance = matches.performance.clone();
    if assumed > 0
        && let (Some(sums), Some(more)) = (&mut performance, pane.assumed_performance(&matches))
    {
        sums.merge(&more);
    }
    let mut line = json!({
        "type": "pane",
        "model": model,
        "version": Some(version).filter(|v| !v.is_empty()),
        "segment": segment,
        "start": start,
        "end": end,
        "predictions": pane.predictions,
        "outcomes": pane.outcomes,
        "matched": matches.matched,
        "duplicates": pane.duplicates,
        "late": pane.late,
        "assumed": assumed,
        "performance": performance.map(|p| p.to_json()),
    });
    if let Some(losses) = &pane.losses {
        let (sum, squares) = (losses.sum.value(), losses.squares.value());
        line["expected_losses"] = json!({ "n": losses.n, "sum": sum, "sum_sq": squares });
    }
    let mut features = Map::new();
    for (name, counts) in pane.series.iter().flatten() {
        let value = counts_value(ledger, name, counts);
        match name.strip_prefix("features.") {
            Some(feature) => {
                features.insert(feature.to_owned(), value);
            }
            None => line[&**name] = value,
        }
    }
    line["features"] = Value::Object(features);
    line
}

fn counts_value(ledger: &Ledger, series: &str, counts: &PaneCounts) -> Value {
    let mut value = json!({
        "count": counts.counted,
        "missing": counts.absences.missing,
        "null": counts.absences.null,
        "nan": counts.absences.nan,
        "type_errors": counts.type_errors,
    });
    match ledger.keeping.categories.get(&counts.reference) {
        Some(names) => {
            let mut categories = Map::new();
            let mut other = 0u64;
            for (cell, n) in counts.pairs() {
                match names.get(cell as usize) {
                    Some(name) => {
                        categories.insert(name.clone(), n.into());
                    }
                    None => other += n,
                }
            }
            value["categories"] = Value::Object(categories);
            value["other"] = other.into();
        }
        None if ledger.keeping.category_series.contains(series) => {
            value["categories"] = json!({});
            value["other"] = counts.counted.into();
        }
        None => value["codes"] = json!(counts.pairs()),
    }
    value
}

fn to_value<T: serde::Serialize>(line: &T) -> Value {
    serde_json::to_value(line).unwrap_or(Value::Null)
}
