//! `driftd replay`: the same engine over files, without side effects.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::{FAILURE, OK, Output, REACHED, settings};
use crate::config::Mode;
use crate::daemon::{References, reference_files};
use crate::detect::Severity;
use crate::engine::Engine;
use crate::engine::io::{Fetched, Input};
use crate::event::{Batch, Partition, Role, Slab, Time};
use crate::files::{Options, Rows};
use crate::lines::{ScoreLine, SummaryLine, Verdict};
use crate::wire::ReaderSpec;

#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    /// Files with predictions: CSV, JSON lines or Parquet, in the order given.
    #[arg(long, num_args = 1.., required = true)]
    predictions: Vec<PathBuf>,
    /// Files with outcomes.
    #[arg(long, num_args = 1..)]
    outcomes: Vec<PathBuf>,
    /// The model whose files these are; needed where several are configured.
    #[arg(long)]
    model: Option<String>,
    /// Exit with 10 when an incident of this severity (or worse) opened.
    #[arg(long, value_enum)]
    fail_on: Option<FailOn>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Warning,
    Critical,
}

pub(super) fn run(
    arguments: &ReplayArguments,
    config: &std::path::Path,
    output: &Output,
) -> anyhow::Result<u8> {
    let began = Instant::now();
    let settings = match settings(config, Mode::Replay)? {
        Ok(settings) => settings,
        Err(code) => return Ok(code),
    };
    let plan = Arc::new(settings.plan.clone());
    let model = match (&arguments.model, plan.models.as_slice()) {
        (Some(name), models) => models
            .iter()
            .position(|m| m.name == *name)
            .with_context(|| format!("there is no model '{name}' in {}", config.display()))?,
        (None, [_]) => 0,
        (None, _) => bail!("several models are configured; say which one with --model"),
    };
    let references = References::new(reference_files(&settings));
    let mut replay = Replay {
        engine: Engine::new(plan.clone(), [0; 32]),
        references,
        name: plan.models[model].name.clone(),
        lines: Vec::new(),
        events: 0,
    };
    let readers = settings.readers.iter().flat_map(|topic| &topic.readers);
    let readers: Vec<&ReaderSpec> = readers.filter(|r| usize::from(r.model) == model).collect();
    for (files, role) in
        [(&arguments.predictions, Role::Prediction), (&arguments.outcomes, Role::Outcome)]
    {
        if files.is_empty() {
            continue;
        }
        let spec = readers
            .iter()
            .find(|r| r.role == role)
            .with_context(|| format!("model {} has no outcomes of its own", replay.name))?;
        for file in files {
            replay.read(file, spec)?;
        }
    }
    let effects = replay.engine.step(Input::Finish);
    replay.lines.extend(effects.lines);
    replay.report(arguments.fail_on, began, output)
}

struct Replay {
    engine: Engine,
    references: References,
    name: String,
    lines: Vec<ScoreLine>,
    events: u64,
}

impl Replay {
    fn read(&mut self, file: &std::path::Path, spec: &ReaderSpec) -> anyhow::Result<()> {
        let options = Options { ids: true, times: true, now: None };
        let mut rows = Rows::open(file, spec, &options, &[0; 16])?;
        let bar = progress(file, rows.progress().1);
        let partition = Partition { topic: file.display().to_string().into(), number: 0 };
        let mut from = 0;
        while let Some(batch) = rows.next() {
            let batch = batch?;
            let to = batch.offsets.last().map_or(from, |last| last + 1);
            self.events += batch.times.len() as u64;
            self.take(slab(&partition, from, to, spec, batch));
            from = to;
            bar.set_position(rows.progress().0);
        }
        bar.finish_and_clear();
        for (reason, n) in rows.refused() {
            eprintln!("{}: {n} rows refused: {}", file.display(), reason.as_str());
        }
        for bad in rows.samples() {
            eprintln!("  row {}: {}: {}", bad.row, bad.reason.as_str(), bad.detail);
        }
        for absent in rows.absent() {
            eprintln!("{}: {absent}", file.display());
        }
        Ok(())
    }

    fn take(&mut self, slab: Slab) {
        let wants = self.engine.wants(&slab);
        let references = wants
            .versions
            .into_iter()
            .map(|(model, version)| {
                let found = self.references.resolve(&self.name, version.as_deref());
                ((model, version), found)
            })
            .collect();
        let fetched = Fetched { entries: Vec::new(), references };
        let effects = self.engine.step(Input::Slab(Box::new(slab), fetched));
        self.lines.extend(effects.lines);
        for notice in effects.notices.iter().filter(|n| n.warning) {
            eprintln!("{}: {}", notice.model, notice.message);
        }
    }

    fn report(
        mut self,
        fail_on: Option<FailOn>,
        began: Instant,
        output: &Output,
    ) -> anyhow::Result<u8> {
        self.lines.sort_by(|a, b| order(a).cmp(&order(b)));
        let mut rows: Vec<Value> = Vec::new();
        for line in &self.lines {
            rows.push(serde_json::to_value(line)?);
        }
        let incidents = self.engine.status().incidents;
        let mut reached = false;
        for incident in incidents.iter().rev().filter(|i| !i.line.monitor.starts_with("driftd.")) {
            reached |= match fail_on {
                Some(FailOn::Warning) => true,
                Some(FailOn::Critical) => incident.line.severity == Severity::Critical,
                None => false,
            };
            rows.push(serde_json::to_value(&incident.line)?);
        }
        let summary = summarise(&self.lines, self.events, incidents.len() as u64, began);
        let judged = summary.judged;
        rows.push(serde_json::to_value(&summary)?);
        let columns = [
            "type",
            "monitor",
            "version",
            "series",
            "segment",
            "window/end",
            "window/events",
            "score",
            "noise_floor",
            "verdict",
            "reason",
            "state",
            "severity",
            "key",
        ];
        output.rows(&columns, &rows)?;
        if judged == 0 {
            eprintln!(
                "nothing was judged: see the reasons above (too few events, no reference ...)"
            );
            return Ok(FAILURE);
        }
        Ok(if reached { REACHED } else { OK })
    }
}

fn slab(partition: &Partition, from: i64, to: i64, spec: &ReaderSpec, batch: Batch) -> Slab {
    Slab {
        partition: partition.clone(),
        from,
        to,
        ordered: false,
        read_at: batch.logged.iter().max().copied().unwrap_or(Time(0)),
        anchor: None,
        batches: vec![(spec.model, spec.role, batch)],
        refused: Vec::new(),
        seen: vec![(spec.model, spec.paths.iter().map(|(_, place)| *place).collect())],
    }
}

type Order<'a> = (Time, &'a str, Option<&'a str>, &'a str, &'a crate::lines::Segment, u32);

fn order(line: &ScoreLine) -> Order<'_> {
    (
        line.window.end,
        &line.monitor,
        line.version.as_deref(),
        &line.series,
        &line.segment,
        line.revision,
    )
}

fn summarise(lines: &[ScoreLine], events: u64, incidents: u64, began: Instant) -> SummaryLine {
    let mut latest: BTreeMap<_, &ScoreLine> = BTreeMap::new();
    for line in lines {
        let (end, monitor, version, series, segment, _) = order(line);
        latest.insert((end, monitor, version, series, segment, line.window.start), line);
    }
    let count = |verdict: Verdict| latest.values().filter(|l| l.verdict == verdict).count() as u64;
    let windows = latest.len() as u64;
    let no_data = count(Verdict::NoData);
    SummaryLine {
        events,
        windows,
        judged: windows - no_data,
        no_data,
        warning: count(Verdict::Warning),
        critical: count(Verdict::Critical),
        incidents,
        seconds: began.elapsed().as_secs_f64(),
    }
}

/// A bar on standard error, where that is a terminal.
pub(super) fn progress(file: &std::path::Path, total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {eta}")
    {
        bar.set_style(style);
    }
    bar.set_message(file.display().to_string());
    bar
}
