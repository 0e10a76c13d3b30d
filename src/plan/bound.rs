//! How much memory the counts of a plan may take.

use std::collections::BTreeSet;

use super::{EXPECTED_LOSS, ModelPlan, MonitorPlan, Plan, SeriesKind, WindowPlan};
use crate::event::Span;
use crate::reference::CLASSIFIED;

/// Most points of a numeric grid before edges are added: as many distinct values are kept whole.
const GRID_POINTS: u64 = 1000;

/// Counts beside the codes: NaN, null and missing.
const ABSENCES: u64 = 3;

/// Bytes of one counter.
const COUNTER: u64 = 4;

/// Panes of one series that are open at the same time.
const OPEN_PANES: u64 = 3;

impl Plan {
    /// Bytes that counts may take at most: versions x sum over watched series of (1 + segments)
    /// x 4 (2k + 4) bytes x (3 open panes + one sum per window length and `against`), with k points of a grid,
    /// or half as many cells as a category feature may have; and what detectors remember of windows.
    #[must_use]
    pub fn memory_bound(&self) -> u64 {
        let versions = self.limits.versions as u64;
        let models = self.models.iter().map(|model| self.model_bound(model));
        versions.saturating_mul(models.fold(0, u64::saturating_add))
    }

    /// Panes that may be kept at most, of all versions and segments: those that some window or some
    /// outcome may still reach. What a pane keeps beside its counts stays in memory: up to 2 KB, and
    /// more where metrics count by probability or class.
    #[must_use]
    pub fn kept_panes(&self) -> u64 {
        let panes = |model: &ModelPlan| {
            let dimensions: BTreeSet<usize> =
                model.monitors.iter().flat_map(|monitor| monitor.by.iter().copied()).collect();
            let segments = dimensions.len() as u64 * (self.limits.segments as u64 + 1);
            let reach = (model.reach() + model.longest_hop() + model.within()).0;
            let panes = (reach / model.pane_width().0.max(1)).unsigned_abs() + 1 + OPEN_PANES;
            panes.saturating_mul(1 + segments)
        };
        let models = self.models.iter().map(panes).fold(0, u64::saturating_add);
        models.saturating_mul(self.limits.versions as u64)
    }

    fn model_bound(&self, model: &ModelPlan) -> u64 {
        let names: BTreeSet<&str> = model.monitors.iter().flat_map(MonitorPlan::counted).collect();
        names.into_iter().map(|name| self.series_bound(model, name)).fold(0, u64::saturating_add)
    }

    fn series_bound(&self, model: &ModelPlan, series: &str) -> u64 {
        let watching = || model.monitors.iter().filter(|m| m.counted().any(|s| s == series));
        let dimensions: BTreeSet<usize> = watching().flat_map(|m| m.by.iter().copied()).collect();
        let lengths: BTreeSet<(bool, i64, Option<Span>)> = watching()
            .flat_map(|m| match m.window {
                WindowPlan::Time { length, .. } => {
                    [None, m.against].map(|against| (true, length.0, against))
                }
                WindowPlan::Count { length, .. } => {
                    [(false, i64::try_from(length).unwrap_or(i64::MAX), None); 2]
                }
            })
            .collect();
        // Each dimension has its counted values and `other`.
        let segments = dimensions.len() as u64 * (self.limits.segments as u64 + 1);
        let edges: usize = watching().map(|m| m.statistic.edges().len()).sum();
        let cells = match model.series_kind(series) {
            Some(SeriesKind::Category) => self.limits.categories as u64 + 1,
            _ if series == EXPECTED_LOSS => 0,
            _ if series == CLASSIFIED => 2 * (2 * (GRID_POINTS + 1) + 1),
            _ => 2 * (GRID_POINTS + edges as u64) + 1,
        };
        let bytes = COUNTER * (cells + ABSENCES);
        let counts = bytes.saturating_mul(OPEN_PANES + lengths.len() as u64);
        let remembered: u64 = watching().map(|monitor| monitor.detector.memory()).sum();
        (1 + segments).saturating_mul(counts.saturating_add(remembered))
    }
}
