//! A replay over files: rows in their order, every row counts.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::back_test::BackTest;
use crate::config::Settings;
use crate::event::{Batch, ModelIx, Partition, Role, Slab, Time};
use crate::files::{Options, Rows};
use crate::wire::ReaderSpec;

pub(super) fn read(
    test: &mut BackTest,
    settings: &Settings,
    model: Option<ModelIx>,
    predictions: &[PathBuf],
    outcomes: &[PathBuf],
) -> anyhow::Result<()> {
    let model = match (model, settings.plan.models.as_slice()) {
        (Some(model), _) => model,
        (None, [_]) => 0,
        (None, _) => bail!("several models are configured; say which one with --model"),
    };
    let readers = settings.readers.iter().flat_map(|topic| &topic.readers);
    let readers: Vec<&ReaderSpec> = readers.filter(|r| r.model == model).collect();
    for (files, role) in [(predictions, Role::Prediction), (outcomes, Role::Outcome)] {
        if files.is_empty() {
            continue;
        }
        let name = &settings.plan.models[usize::from(model)].name;
        let spec = readers
            .iter()
            .find(|r| r.role == role)
            .with_context(|| format!("model {name} has no outcomes of its own"))?;
        // All files of a role are one log in the order given: of two outcomes at one time the later
        // row corrects, and a file that serves twice is read twice.
        let topic = if role == Role::Prediction { "predictions" } else { "outcomes" };
        let mut log = Log { partition: Partition { topic: topic.into(), number: 0 }, end: 0 };
        for file in files {
            read_file(test, &mut log, file, spec)?;
        }
    }
    Ok(())
}

/// The rows of all files of one role.
struct Log {
    partition: Partition,
    end: i64,
}

impl Log {
    /// The next rows; `seen` are the places of the paths that were found so far.
    fn slab(&mut self, spec: &ReaderSpec, base: i64, mut batch: Batch, seen: Vec<u16>) -> Slab {
        batch.offsets.iter_mut().for_each(|offset| *offset += base);
        let from = self.end;
        self.end = batch.offsets.last().map_or(from, |last| last + 1);
        Slab {
            partition: self.partition.clone(),
            from,
            to: self.end,
            ordered: false,
            read_at: batch.logged.iter().max().copied().unwrap_or(Time(0)),
            anchor: None,
            batches: vec![(spec.model, spec.role, batch)],
            refused: Vec::new(),
            seen: vec![(spec.model, seen)],
        }
    }
}

fn read_file(
    test: &mut BackTest,
    log: &mut Log,
    file: &Path,
    spec: &ReaderSpec,
) -> anyhow::Result<()> {
    let options = Options { ids: true, times: true, now: None };
    let mut rows = Rows::open(file, spec, &options, &[0; 16])?;
    let bar = progress(file, rows.progress().1);
    let base = log.end;
    while let Some(batch) = rows.next() {
        let batch = batch?;
        let seen = rows.seen();
        test.take(log.slab(spec, base, batch, seen));
        bar.set_position(rows.progress().0);
    }
    bar.finish_and_clear();
    if test.is_second() {
        return Ok(());
    }
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

/// A bar on standard error, where that is a terminal.
pub(in crate::cli) fn progress(file: &Path, total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {eta}")
    {
        bar.set_style(style);
    }
    bar.set_message(file.display().to_string());
    bar
}
