//! What travels with an incident: enough to understand it, and to retrain on the exact slice.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Engine;
use super::decide::Deciding;
use super::model::Group;
use super::segments::WHOLE;
use super::told::told;
use crate::event::Time;
use crate::plan::MonitorPlan;
use crate::policy::Incident;
use crate::stats::Direction;
use crate::window::Extent;

/// Findings in a message; the total is stated beside them.
const MOST_FINDINGS: usize = 10;
/// Bins per side of a finding.
const MOST_BINS: usize = 24;
/// Findings of which it is told what they are made of.
const MOST_ATTRIBUTED: usize = 3;
/// Series of the ranking.
const MOST_RANKED: usize = 10;
/// A body stays below 20 KB; findings are left out from the end until it does.
const MOST_BYTES: usize = 18_000;
/// Bytes of offset ranges; where they are more, `slice_truncated` says so.
const MOST_SLICE: usize = 9_000;

/// How much is told.
#[derive(Debug, Clone, Copy)]
struct Most {
    findings: usize,
    attributed: usize,
}

/// What is tried until it fits: fewer findings, then less of what they are made of, then none.
fn sizes() -> impl Iterator<Item = Most> {
    let findings = (MOST_ATTRIBUTED..=MOST_FINDINGS).rev().map(|n| (n, MOST_ATTRIBUTED));
    let attributed = (0..MOST_ATTRIBUTED).rev().map(|n| (MOST_ATTRIBUTED, n));
    let few = (0..MOST_ATTRIBUTED).rev().map(|n| (n, 0));
    let all = findings.chain(attributed).chain(few);
    all.map(|(findings, attributed)| Most { findings, attributed })
}

impl Engine {
    /// The `data` of a message about an incident, as JSON text.
    pub(super) fn evidence(&self, deciding: &Deciding, incident: &Incident) -> String {
        let mut text = String::new();
        for most in sizes() {
            text = self.evidence_with(deciding, incident, most).to_string();
            if text.len() <= MOST_BYTES {
                break;
            }
        }
        text
    }

    fn evidence_with(&self, deciding: &Deciding, incident: &Incident, most: Most) -> Value {
        let model = &self.models[deciding.model];
        let (start, end) = (deciding.end - deciding.window, deciding.end);
        let coverage = incident.findings.iter().find_map(|f| f.line.coverage);
        let group = model.groups.iter().find(|g| g.id == deciding.group);
        let (slice, slice_truncated) = self.slice(deciding, start, end);
        // How many times its noise a score is says something of distances only.
        let monitor = model.plan.monitors.iter().find(|m| *m.name == *deciding.monitor);
        let distance = |m: &MonitorPlan| {
            m.statistic.direction() == Direction::Up && m.statistic.best() == Some(0.0)
        };
        let ranks = monitor.is_some_and(distance);
        json!({
            "incident": {
                "key": incident.key,
                "state": incident.state,
                "severity": incident.severity,
                "model": incident.model,
                "version": incident.version,
                "monitor": incident.monitor,
                "opened": incident.opened,
                "changed": incident.changed,
                "resolved_by": incident.resolved_by,
                "suppressed": incident.suppressed,
                "url": format!("{}/incidents/{}", self.plan.public_url, incident.key),
            },
            "findings": findings(incident, most.findings),
            "findings_total": incident.findings.len(),
            "attribution": attributions(incident, most.attributed),
            "ranking": group.filter(|_| ranks).map_or_else(Vec::new, |group| ranking(group, deciding)),
            "window": { "start": start, "end": end },
            "outcome_coverage": coverage,
            "slice": slice,
            "slice_truncated": slice_truncated,
            "reference": group.and_then(|g| g.reference.as_ref()).map(|r| r.id.as_str()),
            "config_digest": self.plan.config_digest,
            "driftd_version": env!("CARGO_PKG_VERSION"),
            "historic": incident.historic,
            "name": self.plan.name,
        })
    }

    /// The smallest offset ranges that hold the window's predictions and their outcomes, and
    /// whether some had to be left out.
    pub(super) fn slice(&self, deciding: &Deciding, start: Time, end: Time) -> (Value, bool) {
        let model = &self.models[deciding.model];
        let members: Vec<u32> = model
            .groups
            .iter()
            .position(|g| g.id == deciding.group)
            .map(|group| model.members(group))
            .unwrap_or_default();
        let mut extents: BTreeMap<u32, Extent> = BTreeMap::new();
        // A window of so many events may begin and end within panes.
        for (key, pane) in model.time.between(start.floor_to(model.time.width), end) {
            if key.segment != WHOLE || !members.contains(&key.version) {
                continue;
            }
            let both = pane.prediction_extents.iter().chain(&pane.outcome_extents);
            for (&partition, &extent) in both {
                Extent::merge(&mut extents, partition, extent);
            }
        }
        let mut ranges: BTreeMap<(&str, i64), Extent> = BTreeMap::new();
        for (number, extent) in extents {
            let name = model.ledger.lexicon.name(number);
            let Some((topic, partition)) = name.rsplit_once('/') else { continue };
            ranges.insert((topic, partition.parse().unwrap_or(0)), extent);
        }
        bounded(ranges)
    }
}

/// The evidence of an incident's last window with where the incident stands now.
pub(super) fn as_of_now(incident: &Incident) -> String {
    let Ok(mut data) = serde_json::from_str::<Value>(&incident.evidence) else {
        return incident.evidence.clone();
    };
    if let Some(Value::Object(fields)) = data.get_mut("incident") {
        fields.insert("state".into(), json!(incident.state));
        fields.insert("changed".into(), json!(incident.changed));
        fields.insert("resolved_by".into(), json!(incident.resolved_by));
        fields.insert("suppressed".into(), json!(incident.suppressed));
    }
    data.to_string()
}

/// Ranges by topic and partition as `slice` writes them, and whether some were left out.
fn bounded(ranges: BTreeMap<(&str, i64), Extent>) -> (Value, bool) {
    let mut topics: Vec<(&str, Vec<Value>)> = Vec::new();
    let mut bytes = 0;
    let mut truncated = false;
    for ((topic, partition), extent) in ranges {
        let range = json!({ "partition": partition, "from": extent.from, "to": extent.to });
        let known = topics.last().is_some_and(|(last, _)| *last == topic);
        let name = json!({ "topic": topic, "partitions": [] });
        bytes += range.to_string().len() + 1 + if known { 0 } else { name.to_string().len() + 1 };
        if bytes > MOST_SLICE {
            truncated = true;
            break;
        }
        if !known {
            topics.push((topic, Vec::new()));
        }
        if let Some((_, partitions)) = topics.last_mut() {
            partitions.push(range);
        }
    }
    let topics: Vec<Value> = topics
        .into_iter()
        .map(|(topic, partitions)| json!({ "topic": topic, "partitions": partitions }))
        .collect();
    (json!({ "topics": topics }), truncated)
}

/// All series of a monitor in the window, also those within their levels, by what can be compared
/// between them: how many times its own noise floor a score is.
fn ranking(group: &Group, deciding: &Deciding) -> Vec<Value> {
    let judged = group.latest.iter().filter(|(key, judged)| {
        *key.monitor == *deciding.monitor
            && key.segment == WHOLE
            && judged.line.window.end == deciding.end
    });
    let mut ranked: Vec<_> = judged
        .filter_map(|(_, judged)| {
            let (score, floor) = (judged.line.score?, judged.line.noise_floor?);
            (floor > 0.0).then_some((score / floor, score, floor, &judged.line))
        })
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let told = |(times, score, floor, line): &(f64, f64, f64, &crate::lines::ScoreLine)| {
        json!({
            "series": line.series,
            "score": score,
            "noise_floor": floor,
            "times_noise": times,
            "verdict": line.verdict,
        })
    };
    ranked.iter().take(MOST_RANKED).map(told).collect()
}

/// What findings are made of, wholes first: only they have segments.
fn attributions(incident: &Incident, most: usize) -> Vec<Value> {
    let attributed = incident.findings.iter().filter_map(|f| Some((f, f.attribution.as_ref()?)));
    let mut attributed: Vec<_> = attributed.collect();
    attributed.sort_by_key(|(finding, _)| !finding.line.segment.is_whole());
    attributed.iter().take(most).map(|(finding, why)| told(&finding.line, why)).collect()
}

fn findings(incident: &Incident, most: usize) -> Vec<Value> {
    incident
        .findings
        .iter()
        .take(most)
        .map(|finding| {
            let mut value =
                serde_json::to_value(finding.line.clone().written()).unwrap_or(Value::Null);
            if let Value::Object(fields) = &mut value {
                fields.insert("level".into(), json!(finding.level));
                fields.insert("reference_score".into(), json!(finding.reference_score));
                fields.insert("severity".into(), json!(finding.severity));
                let bins = finding.attribution.as_ref().map(|why| &why.bins);
                let bins = bins.filter(|bins| !bins.is_empty());
                if let Some(bins) = bins {
                    let shown = |reference: bool| {
                        let share = |b: &crate::stats::Bin| {
                            json!({
                                "bin": b.label,
                                "share": if reference { b.reference } else { b.window },
                            })
                        };
                        Value::Array(bins.iter().take(MOST_BINS).map(share).collect())
                    };
                    fields.insert("reference_bins".into(), shown(true));
                    fields.insert("current_bins".into(), shown(false));
                }
            }
            value
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_partitions_are_cut_and_it_is_said() {
        let extent = Extent { from: 1_000_000_000, to: 1_000_050_000 };
        let ranges = |partitions: i64| {
            let both = |p| [(("outcomes", p), extent), (("predictions", p), extent)];
            (0..partitions).flat_map(both).collect::<BTreeMap<_, _>>()
        };
        let (slice, truncated) = bounded(ranges(64));
        assert!(!truncated);
        assert_eq!(slice["topics"][1]["partitions"].as_array().map(Vec::len), Some(64));
        let (slice, truncated) = bounded(ranges(500));
        assert!(truncated);
        let bytes = slice.to_string().len();
        assert!((8_500..=MOST_SLICE + 20).contains(&bytes), "{bytes}");
    }
}
