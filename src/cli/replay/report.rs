//! What a replay tells: lines in their order, incidents, a summary, an exit code.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;

use super::FailOn;
use super::back_test::Findings;
use crate::cli::{FAILURE, OK, Output, REACHED};
use crate::detect::Severity;
use crate::event::Time;
use crate::lines::{ScoreLine, Segment, SummaryLine, Verdict};

const COLUMNS: [&str; 16] = [
    "type",
    "model",
    "monitor",
    "version",
    "series",
    "segment",
    "window/end",
    "window/events",
    "score",
    "noise_floor",
    "visible",
    "verdict",
    "reason",
    "state",
    "severity",
    "key",
];

pub(super) fn print(
    mut findings: Findings,
    fail_on: Option<FailOn>,
    began: Instant,
    output: &Output,
) -> anyhow::Result<u8> {
    findings.lines.sort_by(|a, b| order(a).cmp(&order(b)));
    let mut rows: Vec<Value> = Vec::new();
    for line in &findings.lines {
        rows.push(serde_json::to_value(line.clone().written())?);
    }
    let mut reached = false;
    let incidents = findings.incidents.iter().rev();
    for incident in incidents.filter(|i| !i.line.monitor.starts_with("driftd.")) {
        reached |= match fail_on {
            Some(FailOn::Warning) => true,
            Some(FailOn::Critical) => incident.line.severity == Severity::Critical,
            None => false,
        };
        let mut row = serde_json::to_value(&incident.line)?;
        for reasons in ["attribution", "ranking"] {
            row[reasons] = incident.data[reasons].clone();
        }
        rows.push(row);
    }
    let summary = summarise(&findings, began);
    let judged = summary.judged;
    rows.push(serde_json::to_value(&summary)?);
    output.rows(&COLUMNS, &rows)?;
    if judged == 0 {
        let why = match findings.lines.is_empty() {
            true => "no window was seen whole: a series counts from its first whole pane on",
            false => "see the reasons above (too few events, no reference ...)",
        };
        eprintln!("nothing was judged: {why}");
        return Ok(FAILURE);
    }
    Ok(if reached { REACHED } else { OK })
}

type Order<'a> = (Time, &'a str, Option<&'a str>, &'a str, &'a Segment, &'a str, u32);

fn order(line: &ScoreLine) -> Order<'_> {
    (
        line.window.end,
        &line.monitor,
        line.version.as_deref(),
        &line.series,
        &line.segment,
        &line.model,
        line.revision,
    )
}

fn summarise(findings: &Findings, began: Instant) -> SummaryLine {
    let mut latest: BTreeMap<_, &ScoreLine> = BTreeMap::new();
    for line in &findings.lines {
        let (end, monitor, version, series, segment, model, _) = order(line);
        latest.insert((end, monitor, version, series, segment, model, line.window.start), line);
    }
    let count = |verdict: Verdict| latest.values().filter(|l| l.verdict == verdict).count() as u64;
    let windows = latest.len() as u64;
    let no_data = count(Verdict::NoData);
    SummaryLine {
        events: findings.events,
        windows,
        judged: windows - no_data,
        no_data,
        warning: count(Verdict::Warning),
        critical: count(Verdict::Critical),
        incidents: findings.incidents.len() as u64,
        seconds: began.elapsed().as_secs_f64(),
    }
}
