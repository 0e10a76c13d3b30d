//! What a reference of a model is made of follows from its plan.

use std::collections::{BTreeMap, BTreeSet};

use super::ModelPlan;
use crate::reference::BuildSpec;

impl ModelPlan {
    /// What to build a reference from: every column of the model, the edges that its statistics
    /// name, and segments of the series that some monitor judges by segment.
    #[must_use]
    pub fn reference_spec(&self, most_categories: usize) -> BuildSpec {
        let mut edges: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let (mut segment_series, mut slot_series) = (BTreeSet::new(), BTreeSet::new());
        for monitor in &self.monitors {
            for series in &monitor.series {
                edges.entry(series.clone()).or_default().extend(monitor.statistic.edges());
                if !monitor.by.is_empty() {
                    segment_series.insert(series.clone());
                }
                if monitor.seasonal {
                    slot_series.insert(series.clone());
                }
            }
        }
        if let Some(threshold) = self.threshold {
            edges.entry("probability".to_owned()).or_default().push(threshold);
        }
        BuildSpec {
            model: self.name.clone(),
            features: self.features.iter().map(|f| (f.name.clone(), f.kind)).collect(),
            prediction: self.prediction,
            outcome: self.series_kind("outcome"),
            task: self.task,
            positive: self.positive.clone(),
            threshold: self.threshold,
            classes: self.probabilities.clone(),
            metrics: self.monitors.iter().map(|m| m.statistic.clone()).collect(),
            dimensions: self.dimensions.clone(),
            segment_series,
            season: self.season.clone(),
            slot_series,
            edges,
            most_categories,
        }
    }
}
