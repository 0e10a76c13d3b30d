//! Reference files hold together, and hold what is watched.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{levels, problem};
use crate::config::key::KeyPath;
use crate::config::{Problem, Settings, Severity};
use crate::daemon::{References, kinds, misfits, read_reference, reference_files};
use crate::plan::MonitorPlan;
use crate::reference::CLASSIFIED;
use crate::stats::{Basis, Profile};

pub(super) fn check(settings: &Settings) -> Vec<Problem> {
    let files = References::new(reference_files(settings), &settings.plan);
    let mut problems = Vec::new();
    for model in settings.plan.models.iter().filter(|m| !m.reference.per_version) {
        let Some(path) = files.path(&model.name, None) else { continue };
        let key = KeyPath::of(&["models", model.name.as_str(), "reference", "file"]);
        let mut tell = |severity, message, hint| {
            problems.push(problem(settings, severity, &key, message, hint));
        };
        let reference = match read_reference(&path) {
            Ok(Some(reference)) => reference,
            Ok(None) => continue,
            Err(message) => {
                let hint = "build it again with `driftd reference build`";
                tell(Severity::Error, message, hint);
                continue;
            }
        };
        for misfit in misfits(&reference, &kinds(model)) {
            let message = format!("{}: {}", path.display(), misfit.sentence);
            let hint = "build it again, or write type and dtype as they are there";
            tell(Severity::Error, message, hint);
        }
        for monitor in &model.monitors {
            let lacks = |series: &&String| match reference.series.get(*series).map(Arc::as_ref) {
                Some(Profile::Numeric(profile)) => {
                    !monitor.statistic.edges().iter().all(|edge| profile.divides_at(*edge))
                }
                _ => false,
            };
            for series in monitor.series.iter().filter(lacks) {
                let (path, name) = (path.display(), &monitor.name);
                let message = format!(
                    "{path} was built before monitor {name} asked for its edges of {series}"
                );
                tell(
                    Severity::Error,
                    message,
                    "build it again: until then the monitor says no_reference",
                );
            }
        }
        let unseasonal = model.season.as_ref().and_then(|season| reference.unseasonal(season));
        let seasonal = || model.monitors.iter().filter(|m| m.seasonal);
        if let Some(why) = unseasonal.filter(|_| seasonal().next().is_some()) {
            let hint = "build it again from rows with their time, or write season = \"none\" in the monitors";
            tell(Severity::Error, format!("{}: {why}", path.display()), hint);
        } else {
            let names = |m: &MonitorPlan| -> Vec<String> {
                m.by.iter().map(|dimension| model.dimensions[*dimension].join(",")).collect()
            };
            let uncounted: BTreeSet<&String> = seasonal()
                .flat_map(|m| m.series.iter().map(move |series| (m, series)))
                .filter(|(_, series)| reference.series.contains_key(*series))
                .filter(|(m, series)| !reference.counts_by_slot(series, &names(m)))
                .map(|(_, series)| series)
                .collect();
            for series in uncounted {
                let message = format!("{} does not count {series} by the hour", path.display());
                tell(
                    Severity::Error,
                    message,
                    "build it again: no monitor watched it by the season",
                );
            }
        }
        let noisy = |m| levels::against_noise(settings, m, &reference);
        let judged: Vec<Problem> = model.monitors.iter().filter_map(noisy).collect();
        let watched = model.monitors.iter().filter(|m| m.statistic.basis() == Basis::Distribution);
        for series in watched.flat_map(|m| &m.series) {
            if !reference.series.contains_key(series) {
                let path = path.display();
                let message = format!("{path} holds nothing of {series}, which a monitor watches");
                tell(Severity::Warning, message, "build it again from files that have this column");
            }
        }
        let estimates = model.monitors.iter().any(|m| m.expects() == Some(CLASSIFIED));
        if estimates && reference.calibrator().is_none() {
            let path = path.display();
            let message = format!(
                "{path} does not say what probabilities are worth, which estimates without outcomes follow from"
            );
            let hint = "build it again from files with the probability and the outcome";
            tell(Severity::Error, message, hint);
        }
        let compares_errors = model.monitors.iter().any(|m| m.statistic.compares_errors());
        if compares_errors && reference.errors.is_none() {
            let message = format!("{} keeps no errors, which a monitor compares", path.display());
            let hint = "build it again from files with the prediction and the outcome";
            tell(Severity::Error, message, hint);
        }
        problems.extend(judged);
    }
    problems
}
