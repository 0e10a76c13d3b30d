//! Notifiers and trainers can be reached: connections stand, and nothing is said over them.

use tokio::task::JoinSet;

use super::problem;
use crate::config::key::KeyPath;
use crate::config::{Problem, Settings, Severity};
use crate::daemon::receivers;

pub(super) fn check(settings: &Settings) -> anyhow::Result<Vec<Problem>> {
    let all = receivers(settings).map_err(anyhow::Error::msg)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut answers = runtime.block_on(async {
        let mut calls = JoinSet::new();
        for (name, notifier) in all.notifiers {
            calls.spawn(async move { ("notifiers", name, notifier.reach().await) });
        }
        for (name, trainer) in all.trainers {
            calls.spawn(async move { ("trainers", name, trainer.reach().await) });
        }
        calls.join_all().await
    });
    answers.sort();
    let problems = answers.into_iter().filter_map(|(table, name, answer)| {
        let key = KeyPath::of(&[table, name.as_str()]);
        let hint = "check the address and the network between; nothing was sent";
        Some(problem(settings, Severity::Error, &key, answer.err()?, hint))
    });
    Ok(problems.collect())
}
