//! What one round of judging leaves behind: lines, and where the monitor's series stand.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::model::{Group, TrackKey};
use super::score::{Frame, Judged};
use crate::lines::{ScoreLine, Segment, Verdict};
use crate::plan::MonitorPlan;
use crate::policy::{Finding, patience};

/// What one monitor said about one group of versions at one window end.
#[derive(Debug)]
pub(super) struct Round {
    pub monitor: usize,
    pub group: usize,
    /// The window judged.
    pub frame: Frame,
    pub version: Option<Arc<str>>,
    pub lines: Vec<ScoreLine>,
    /// What fires after it, worst first.
    pub findings: Vec<Finding>,
    /// What is still beyond its clear level.
    pub holding: BTreeSet<(Arc<str>, Segment)>,
    /// Whether any window was scored.
    pub scored: bool,
    /// Whether a restated window changed its verdict.
    pub restated: bool,
}

/// Files the judgements of a round and says where its series stand.
pub(super) fn close_round(
    place: usize,
    monitor: &MonitorPlan,
    group_ix: usize,
    group: &mut Group,
    frame: Frame,
    version: Option<Arc<str>>,
    judgements: Vec<(TrackKey, Judged)>,
) -> Round {
    let (mut scored, mut restated) = (false, false);
    let mut lines = Vec::with_capacity(judgements.len());
    for (key, judged) in judgements {
        scored |= judged.line.verdict != Verdict::NoData;
        restated |= judged.restated;
        lines.push(judged.line.clone());
        let before = group.latest.get(&key).map(|b| b.line.window.end);
        if before.is_none_or(|end| end <= judged.line.window.end) {
            group.latest.insert(key, judged);
        }
    }
    let (findings, holding) = standing(group, monitor, &frame);
    Round {
        monitor: place,
        group: group_ix,
        frame,
        version,
        lines,
        findings,
        holding,
        scored,
        restated,
    }
}

/// What fires now, worst first, and what is still beyond its clear level.
fn standing(
    group: &Group,
    monitor: &MonitorPlan,
    frame: &Frame,
) -> (Vec<Finding>, BTreeSet<(Arc<str>, Segment)>) {
    let (persistence, every) = (monitor.detector.persistence(), frame.every);
    let mut findings = Vec::new();
    let mut holding = BTreeSet::new();
    let mine = group.tracks.iter().filter(|(key, _)| *key.monitor == *monitor.name);
    // A segment that has vanished holds nothing for ever.
    for (key, track) in mine.filter(|(_, t)| t.fresh(frame.end, patience(frame.end - frame.start)))
    {
        let Some(latest) = group.latest.get(key) else { continue };
        let line = &latest.line;
        if let Some(severity) = track.firing(persistence, every) {
            findings.push(Finding {
                severity,
                line: line.clone(),
                level: latest.level,
                reference_score: latest.reference_score,
                attribution: latest.attribution.clone(),
            });
        }
        if track.holds(persistence, every) {
            holding.insert((line.series.clone(), line.segment.clone()));
        }
    }
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then(excess(b).total_cmp(&excess(a))));
    (findings, holding)
}

/// How far beyond its level, relative to the level, so that scores of one monitor rank.
fn excess(finding: &Finding) -> f64 {
    match (finding.line.score, finding.level) {
        (Some(score), Some(level)) if level != 0.0 => ((score - level) / level).abs(),
        (Some(score), _) => score.abs(),
        _ => 0.0,
    }
}
