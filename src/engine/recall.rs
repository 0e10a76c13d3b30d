//! The latest line of every series, brought back: what people and gauges see until the next window
//! is judged.

use super::Engine;
use super::model::{Model, TrackKey};
use super::score::{Judged, metric_on_reference, part_of};
use super::segments::WHOLE;
use crate::event::Time;
use crate::lines::{ScoreLine, Severity, Verdict};

impl Engine {
    /// Where to look for lines that [`Engine::recall`] may want: the names that they may bear as
    /// their model, each with the window end after which they lie.
    #[must_use]
    pub fn recallable(&self) -> Vec<(String, Time)> {
        let mut wanted = Vec::new();
        for Model { plan, ledger, .. } in &self.models {
            let judged = [ledger.judged_drift, ledger.judged_performance];
            let Some(judged) = judged.into_iter().flatten().min() else { continue };
            let after = judged - plan.longest_window() - plan.within();
            let names = [Some(plan.name.clone()), plan.was.clone()].into_iter().flatten();
            let mine = names.filter(|name| !self.inherited.contains(name));
            wanted.extend(mine.map(|name| (name, after)));
        }
        wanted
    }

    /// Takes a line of an earlier process back, unless a newer one is known or nobody watches its
    /// series any more.
    pub fn recall(&mut self, line: ScoreLine) {
        if self.inherited.contains(&*line.model) {
            return;
        }
        let bears = |name: &str| *line.model == *name;
        let model = self
            .models
            .iter_mut()
            .find(|model| bears(&model.plan.name) || model.plan.was.as_deref().is_some_and(bears));
        if let Some(model) = model {
            model.recall(line);
        }
    }

    /// The latest line of every series.
    pub(super) fn latest_lines(&self) -> impl Iterator<Item = &ScoreLine> {
        let groups = self.models.iter().flat_map(|model| &model.groups);
        groups.flat_map(|group| group.latest.values().map(|judged| &judged.line))
    }
}

impl Model {
    fn recall(&mut self, mut line: ScoreLine) -> Option<()> {
        let plan = self.plan.clone();
        let monitor = plan.monitors.iter().find(|monitor| {
            *monitor.name == *line.monitor || monitor.was.as_deref() == Some(&*line.monitor)
        })?;
        let segment = self.segments.find(&line.segment)?;
        let entry = self.segments.entry(segment);
        let watched = monitor.statistic.name() == &*line.statistic
            && monitor.series.iter().any(|series| **series == *line.series)
            && (segment == WHOLE || monitor.by.contains(&entry.dimension));
        let version = self.ledger.lexicon.find(line.version.as_deref().unwrap_or(""))?;
        let group = self.versions.get(&version).filter(|_| watched)?.group;
        line.model = plan.name.as_str().into();
        line.monitor = monitor.name.as_str().into();

        let reference = self.groups[group].reference.as_deref();
        let part = part_of(reference, &entry.reference_key);
        // The metric of an earlier window is known again when the next one is judged.
        let metric = metric_on_reference(reference, part, segment, &monitor.statistic.label())
            .filter(|_| monitor.against.is_none());
        let severity = match line.verdict {
            Verdict::Critical => Some(Severity::Critical),
            Verdict::Warning => Some(Severity::Warning),
            Verdict::Ok | Verdict::NoData => None,
        };
        let level = line
            .score
            .zip(severity)
            .and_then(|(score, severity)| monitor.detector.level(severity, score, metric));
        let key = TrackKey { monitor: line.monitor.clone(), series: line.series.clone(), segment };
        let place = |line: &ScoreLine| (line.window.end, line.revision);
        let latest = &mut self.groups[group].latest;
        if latest.get(&key).is_none_or(|known| place(&known.line) <= place(&line)) {
            let judged = Judged {
                line,
                reading: None,
                level,
                reference_score: metric,
                attribution: None,
                restated: false,
            };
            latest.insert(key, judged);
        }
        Some(())
    }
}
