//! `driftd dead-letters`: records that were refused, and the way back for those that could be read
//! by now.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::broker::{Broker, client};
use super::{FAILURE, OK, Output, settings};
use crate::config::{Mode, Settings};
use crate::dead_letter::{KeptLetter, Sender, origin, read};
use crate::event::Role;
use crate::wire::Reason;

/// Reasons of a registry, not of a record: what was refused for them may be read later.
const CURABLE: &[Reason] = &[
    Reason::UnknownSchema,
    Reason::RegistryUnreachable,
    Reason::RegistryTimeout,
    Reason::RegistryTls,
    Reason::RegistryDenied,
    Reason::RegistryFailed,
    Reason::RegistryNonsense,
];

#[derive(Debug, Subcommand)]
pub(super) enum DeadLettersCommand {
    /// Lists the letters of a state directory, the oldest first.
    List(Chosen),
    /// Sends letters once to a topic that the same models read, as the records that they were.
    /// Those that a registry was to blame for: no other would be read now.
    Send {
        #[command(flatten)]
        chosen: Chosen,
        /// The topic.
        #[arg(long)]
        to: String,
    },
}

/// Which letters.
#[derive(Debug, Args)]
pub(super) struct Chosen {
    /// State directory, or a copy of it; by default the configuration's.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Records of this topic only.
    #[arg(long)]
    topic: Option<String>,
    /// Refused for these reasons only.
    #[arg(long)]
    reason: Vec<String>,
}

impl Chosen {
    fn has(&self, letter: &KeptLetter) -> bool {
        self.topic.as_ref().is_none_or(|topic| *topic == letter.topic)
            && (self.reason.is_empty() || self.reason.contains(&letter.reason))
    }
}

pub(super) fn run(
    command: &DeadLettersCommand,
    config: &Path,
    output: &Output,
) -> anyhow::Result<u8> {
    match command {
        DeadLettersCommand::List(chosen) => list(chosen, config, output),
        DeadLettersCommand::Send { chosen, to } => send(chosen, to, config, output),
    }
}

fn list(chosen: &Chosen, config: &Path, output: &Output) -> anyhow::Result<u8> {
    let dir = match &chosen.dir {
        Some(dir) => dir.clone(),
        None => match settings(config, Mode::CheckNoConnect)? {
            Ok(settings) => settings.state.dir,
            Err(code) => return Ok(code),
        },
    };
    let rows: Vec<Value> = letters(&dir, |letter| chosen.has(letter))?
        .iter()
        .map(|letter| {
            json!({
                "topic": letter.topic,
                "partition": letter.partition,
                "offset": letter.offset,
                "timestamp": letter.timestamp,
                "reason": letter.reason,
                "detail": letter.detail,
                "whole": letter.is_whole(),
            })
        })
        .collect();
    output.rows(&["topic", "partition", "offset", "timestamp", "reason", "detail"], &rows)?;
    Ok(OK)
}

fn letters(dir: &Path, wanted: impl Fn(&KeptLetter) -> bool) -> anyhow::Result<Vec<KeptLetter>> {
    let found = read(dir, wanted)
        .with_context(|| format!("the dead letters in {} cannot be read", dir.display()))?;
    if found.broken > 0 {
        eprintln!("{} lines are no letters and are passed over", found.broken);
    }
    Ok(found.letters)
}

fn send(chosen: &Chosen, to: &str, config: &Path, output: &Output) -> anyhow::Result<u8> {
    let settings = match settings(config, Mode::ReadTopics)? {
        Ok(settings) => settings,
        Err(code) => return Ok(code),
    };
    let curable = |reason: &str| CURABLE.iter().any(|curable| curable.as_str() == reason);
    // Of others a model may have refused what another one counted.
    if let Some(other) = chosen.reason.iter().find(|reason| !curable(reason)) {
        let names: Vec<&str> = CURABLE.iter().map(|reason| reason.as_str()).collect();
        bail!("letters of {other} are not sent: only those of {}", names.join(", "));
    }
    let wanted = |letter: &KeptLetter| chosen.has(letter) && curable(&letter.reason);
    let dir = chosen.dir.as_deref().unwrap_or(&settings.state.dir);
    let mut letters = letters(dir, wanted)?;
    // The order in which they were written: who comes too late is measured along it.
    letters.sort_by_cached_key(|letter| (letter.timestamp, letter.place()));
    check(&letters, to, &settings)?;
    let broker = Broker::new(&settings).context("kafka.properties")?;
    let partitions = i32::try_from(broker.partitions(to)?).unwrap_or(i32::MAX);
    ensure!(partitions > 0, "there is no topic {to}; create it, and let the models read it");
    let mut there = BTreeSet::new();
    broker.every(to, &mut |record| there.extend(origin(record.headers)))?;
    let sender = Sender::new(client(&settings), to)?;
    let (mut sent, mut passed, mut cut) = (0u64, 0u64, 0u64);
    for letter in &letters {
        if there.contains(&letter.place()) {
            passed += 1;
        } else if letter.is_whole() {
            sender.send(letter, letter.partition % partitions)?;
            sent += 1;
        } else {
            cut += 1;
        }
    }
    sender.finish()?;
    let row = json!({ "to": to, "sent": sent, "there_before": passed, "cut": cut });
    output.rows(&["to", "sent", "there_before", "cut"], &[row])?;
    if cut > 0 {
        eprintln!("{cut} letters do not hold their whole record, which is too long, and stay here");
        return Ok(FAILURE);
    }
    Ok(OK)
}

/// Whoever reads the records' own topics must read this one, and it must be another one.
fn check(letters: &[KeptLetter], to: &str, settings: &Settings) -> anyhow::Result<()> {
    let models = |topic: &str| -> BTreeSet<(String, &str)> {
        let readers = settings.readers.iter().filter(|reader| reader.topic == topic);
        let readers = readers.flat_map(|topic| &topic.readers).map(|reader| {
            let role = match reader.role {
                Role::Prediction => "predictions",
                Role::Outcome => "outcomes",
            };
            (settings.plan.models[usize::from(reader.model)].name.clone(), role)
        });
        readers.collect()
    };
    let target = models(to);
    let topics: BTreeSet<&str> = letters.iter().map(|letter| letter.topic.as_str()).collect();
    for topic in topics {
        if topic == to && letters.iter().any(|letter| letter.topic == to && !letter.was_sent()) {
            bail!(
                "records of {to} do not go back there: it has been read beyond them, so they would \
                 be late, and others read it too; name a topic of its own"
            );
        }
        ensure!(
            !models(topic).is_empty(),
            "no model reads {topic}, where letters come from; choose others by --topic"
        );
        for (model, table) in models(topic) {
            ensure!(
                target.contains(&(model.clone(), table)),
                "model {model} does not read {to} as it reads {topic}; write topic = [\"{topic}\", \
                 \"{to}\"] in models.{model}.{table}, and reload"
            );
        }
    }
    Ok(())
}
