//! `driftd reference`: builds, shows and compares references.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Subcommand;
use serde_json::json;

use super::replay::progress;
use super::{OK, Output, sources};
use crate::config::{Mode, Sources};
use crate::daemon::read_reference;
use crate::event::Role;
use crate::files::{Options, Rows};
use crate::reference::{Builder, CreatedFrom, Reference, diff};

#[derive(Debug, Subcommand)]
pub(super) enum ReferenceCommand {
    /// Builds a reference out of CSV, JSON lines, Avro or Parquet.
    Build {
        /// The model.
        #[arg(long)]
        model: String,
        /// Files, read in the order given.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Where to write it.
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Shows what a reference holds.
    Inspect {
        /// Reference file.
        file: PathBuf,
    },
    /// Compares two references, feature by feature.
    Diff {
        /// The one before.
        a: PathBuf,
        /// The one after.
        b: PathBuf,
    },
}

pub(super) fn run(
    command: &ReferenceCommand,
    config: &Path,
    output: &Output,
) -> anyhow::Result<u8> {
    match command {
        ReferenceCommand::Build { model, files, output: to } => {
            build(config, model, files, to, output)
        }
        ReferenceCommand::Inspect { file } => inspect(file, output),
        ReferenceCommand::Diff { a, b } => {
            let rows: Vec<_> = diff(&read(a)?, &read(b)?)
                .iter()
                .map(serde_json::to_value)
                .collect::<Result<_, _>>()?;
            output.rows(&["series", "change", "psi", "rows_a", "rows_b"], &rows)?;
            Ok(OK)
        }
    }
}

fn build(
    config: &Path,
    name: &str,
    files: &[PathBuf],
    to: &Path,
    output: &Output,
) -> anyhow::Result<u8> {
    let only = Some(name.to_owned());
    let sources = sources(Some(config.to_owned()), Mode::ReferenceBuild);
    let settings = match super::read(&Sources { only, ..sources })? {
        Ok(settings) => settings,
        Err(code) => return Ok(code),
    };
    let place = settings
        .plan
        .models
        .iter()
        .position(|m| m.name == name)
        .with_context(|| format!("there is no model '{name}' in {}", config.display()))?;
    let plan = &settings.plan.models[place];
    let all = settings.readers.iter().flat_map(|t| &t.readers);
    let mine: Vec<_> = all.filter(|r| usize::from(r.model) == place).collect();
    let mut spec = mine
        .iter()
        .find(|r| r.role == Role::Prediction)
        .map(|r| (*r).clone())
        .with_context(|| format!("model {name} reads no predictions"))?;
    // In a file the outcome stands beside its prediction.
    if spec.outcome.is_none() {
        spec.outcome =
            mine.iter().find(|r| r.role == Role::Outcome).and_then(|r| r.outcome.clone());
    }
    let mut builder = Builder::new(plan.reference_spec(settings.plan.limits.categories));
    // Only the hours of a season need the time of a row.
    let options = Options { ids: false, times: plan.season.is_some(), now: None };
    let mut rows_read = 0;
    for file in files {
        let mut rows = Rows::open(file, &spec, &options, &[0; 16])?;
        let bar = progress(file, rows.progress().1);
        while let Some(batch) = rows.next() {
            let batch = batch?;
            rows_read += batch.times.len() as u64;
            builder.observe(&batch)?;
            bar.set_position(rows.progress().0);
        }
        bar.finish_and_clear();
        for absent in rows.absent() {
            eprintln!("{}: {absent}", file.display());
        }
        for (reason, n) in rows.refused() {
            eprintln!("{}: {n} rows refused: {}", file.display(), reason.as_str());
        }
    }
    ensure!(rows_read > 0, "the files hold no rows of model {name}; nothing was written");
    for (series, wrong) in builder.of_wrong_type() {
        eprintln!(
            "{series}: {wrong} of {rows_read} rows hold something of another type than configured and count as \
             missing; correct the files, or the type of the feature"
        );
    }
    let names = files.iter().map(|f| f.display().to_string()).collect();
    let created_from =
        CreatedFrom { files: names, rows: rows_read, sha256: digest(files)?, learnt: None };
    let reference = builder.finish(created_from);
    if let Some(sentence) = reference.sparse_slots() {
        eprintln!("{sentence}");
    }
    write(to, &reference.to_json())?;
    let summary = json!({
        "reference": reference.id,
        "model": reference.model,
        "rows": rows_read,
        "series": reference.series.len(),
        "segments": reference.segments.values().map(std::collections::BTreeMap::len).sum::<usize>(),
        "slots": reference.slots.len(),
        "file": to.display().to_string(),
    });
    output
        .rows(&["model", "reference", "rows", "series", "segments", "slots", "file"], &[summary])?;
    Ok(OK)
}

fn inspect(file: &Path, output: &Output) -> anyhow::Result<u8> {
    let reference = read(file)?;
    let rows: Vec<_> =
        reference.inspect().iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
    if output.is_table() {
        output.text(&format!("{}  {}", reference.model, reference.id))?;
    }
    output.rows(&["series", "type", "rows", "missing", "points", "exact", "id"], &rows)?;
    Ok(OK)
}

fn read(file: &Path) -> anyhow::Result<Reference> {
    read_reference(file)
        .map_err(anyhow::Error::msg)?
        .with_context(|| format!("there is no file {}", file.display()))
}

/// Written beside and renamed: a reader sees the old file or the new one.
fn write(to: &Path, text: &str) -> anyhow::Result<()> {
    let part = to.with_extension("part");
    let context = || format!("cannot write {}", to.display());
    std::fs::write(&part, text).with_context(context)?;
    std::fs::rename(&part, to).with_context(context)
}

/// Hash over the content of all files.
fn digest(files: &[PathBuf]) -> anyhow::Result<String> {
    use sha2::{Digest, Sha256};
    use std::io::Read;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    for path in files {
        let context = || format!("cannot read {}", path.display());
        let mut file = std::fs::File::open(path).with_context(context)?;
        loop {
            let n = file.read(&mut buffer).with_context(context)?;
            if n == 0 {
                break;
            }
            hash.update(&buffer[..n]);
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
