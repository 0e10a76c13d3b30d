//! Monitors: each becomes one plan per model that it watches.

use std::sync::Arc;

use super::doors::chosen;
use super::{Site, model, watch};
use crate::config::forms::{Extent, Kinded, Length, Short};
use crate::config::key::KeyPath;
use crate::config::kinds;
use crate::config::problem::Report;
use crate::config::raw::{Raw, RawMonitor};
use crate::detect::{DETECTORS, Detector};
use crate::event::Span;
use crate::plan::{EXPECTED_LOSS, Learn, ModelPlan, MonitorPlan, WindowPlan};
use crate::stats::{Basis, Params, STATISTICS, Statistic};

mod against;
mod fit;

/// What a monitor writes as its season to have none.
pub const NO_SEASON: &str = "none";

/// Builds every monitor into the models that it watches.
pub fn monitors(raw: &Raw, site: &Site<'_>, models: &mut [ModelPlan], report: &mut Report) {
    for (name, monitor) in &raw.monitors {
        let at = KeyPath::of(&["monitors", name]);
        let watched = watched(name, monitor, raw, site, models, &at, report);
        let Some(built) = Built::new(raw, name, monitor, &at, report) else { continue };
        for model in models.iter_mut().filter(|m| watched.contains(&m.name)) {
            let inherits_watch = site.filled.contains(&at.key("watch"));
            if let Some(plan) = built.for_model(model, monitor, inherits_watch, &at, report) {
                model.monitors.push(plan);
            }
        }
    }
    let all_are_built = !report.failed();
    for model in models {
        warn_of_short_learning(model, report);
        warn_of_missing_slots(model, report);
        if all_are_built {
            warn_of_what_nobody_reads(model, report);
        }
    }
}

/// Names of the models that a monitor watches: those it lists, else those of its file.
fn watched(
    name: &str,
    monitor: &RawMonitor,
    raw: &Raw,
    site: &Site<'_>,
    models: &[ModelPlan],
    at: &KeyPath,
    report: &mut Report,
) -> Vec<String> {
    let owner = |table: &str, name: &str| {
        site.owners.get(&(table.to_owned(), name.to_owned())).copied().unwrap_or(0)
    };
    let file = owner("monitors", name);
    let own: Vec<&str> = raw
        .models
        .keys()
        .map(String::as_str)
        .filter(|model| owner("models", model) == file)
        .collect();
    let all: Vec<&str> = raw.models.keys().map(String::as_str).collect();
    let before = report.count();
    let chosen = match &monitor.models {
        None => own,
        Some(list) => watch::choose(&list.0, &all, &own, &at.key("models"), "model", report),
    };
    if chosen.is_empty() && !raw.models.is_empty() && report.count() == before {
        report.error(
            &at.key("models"),
            "watches no model",
            "without `models` a monitor watches the models of its own file; [\"*\"] means all",
        );
    }
    let built = models.iter().map(|m| m.name.as_str());
    built.filter(|name| chosen.contains(name)).map(str::to_owned).collect()
}

/// What is the same for every model of a monitor.
struct Built<'a> {
    raw: &'a Raw,
    name: &'a str,
    statistic: Arc<dyn Statistic>,
    detector: Arc<dyn Detector>,
    window: WindowPlan,
}

impl<'a> Built<'a> {
    fn new(
        raw: &'a Raw,
        name: &'a str,
        monitor: &RawMonitor,
        at: &KeyPath,
        report: &mut Report,
    ) -> Option<Built<'a>> {
        if let Some(other) = monitor.season.as_ref().filter(|season| *season != NO_SEASON) {
            report.error(
                &at.key("season"),
                format!("'{other}' stands in a monitor, which follows the season of its models"),
                format!(
                    "write season and timezone in [models.NAME]; a monitor may say season = \"{NO_SEASON}\""
                ),
            );
        }
        if !(0.0..=1.0).contains(&monitor.min_coverage) {
            report.error(
                &at.key("min_coverage"),
                format!("{} is no share", monitor.min_coverage),
                "write a number from 0 to 1, such as 0.8",
            );
        }
        let window = window(monitor, at, report);
        let statistic = statistic(monitor.statistic.as_ref(), &at.key("statistic"), report);
        let path = at.key("detector");
        if monitor.detector.is_none() {
            let example = "write detector = { kind = \"threshold\", critical = 0.25 }";
            report.error(&path, "is missing", example);
        }
        let statistic = statistic?;
        let detector = detector(monitor.detector.as_ref()?, statistic.as_ref(), &path, report);
        let built = Built { raw, name, statistic, detector: detector?, window: window? };
        fit::counted(&built, at, report);
        against::fits(&built, monitor, at, report);
        Some(built)
    }

    fn for_model(
        &self,
        model: &mut ModelPlan,
        monitor: &RawMonitor,
        inherits_watch: bool,
        at: &KeyPath,
        report: &mut Report,
    ) -> Option<MonitorPlan> {
        fit::outcomes(self.statistic.as_ref(), model, at, report);
        fit::estimate(self, model, at, report);
        let referred = self.raw.models.get(&model.name).is_some_and(|m| m.reference.is_some());
        if !(referred || monitor.against.is_some() && self.statistic.basis() == Basis::Performance)
        {
            fit::reference(self.statistic.as_ref(), self.detector.as_ref(), model, at, report);
        }
        let entries = monitor
            .watch
            .as_ref()
            .filter(|_| self.statistic.basis().per_series() || !inherits_watch);
        let series = self.series(entries.map(|w| w.0.as_slice()), model, at, report);
        let by = watch::dimensions(&monitor.by.0, model, &at.key("by"), report);
        if monitor.retrain && model.retrain.is_none() {
            report.error(
                &at.key("retrain"),
                format!("model `{}` names no trainer", model.name),
                format!("write retrain = \"TRAINER\" in [models.{}]", model.name),
            );
        }
        let notify = match &monitor.notify {
            Some(own) => model::notify(self.raw, own, &at.key("notify"), report),
            None => model.notify.clone(),
        };
        let told = notify.warning.len() + notify.critical.len();
        if told == 0 && !monitor.retrain && !self.raw.notifiers.is_empty() {
            report.warn(
                at,
                format!("nobody is told of what it finds in model `{}`", model.name),
                "add `notify` to the monitor or the model",
            );
        }
        let seasonal = self.seasonal(model, monitor, at, report);
        let (min_events, min_support) = self.least(monitor, at, report);
        fit::noise(self, monitor, min_events, at, report);
        Some(MonitorPlan {
            name: self.name.to_owned(),
            was: monitor.was.clone(),
            series,
            statistic: self.statistic.clone(),
            window: self.window,
            seasonal,
            against: monitor.against.map(|ago| ago.0),
            by,
            min_events,
            min_support,
            min_coverage: monitor.min_coverage,
            detector: self.detector.clone(),
            cooldown: monitor.cooldown.0,
            notify,
            retrain: monitor.retrain,
        })
    }

    fn series(
        &self,
        entries: Option<&[String]>,
        model: &ModelPlan,
        at: &KeyPath,
        report: &mut Report,
    ) -> Vec<String> {
        let path = at.key("watch");
        let per_series = self.statistic.basis().per_series();
        match (per_series, entries) {
            (false, None) => vec!["model".to_owned()],
            (false, Some(_)) => {
                report.error(
                    &path,
                    format!("{} is computed for the whole model", self.statistic.name()),
                    "remove `watch`",
                );
                Vec::new()
            }
            (true, None) => {
                report.error(
                    &path,
                    format!("is missing: {} is computed per series", self.statistic.name()),
                    "write watch = [\"features\"], or name some",
                );
                Vec::new()
            }
            (true, Some(entries)) => {
                let before = report.count();
                let predictions =
                    self.raw.models.get(&model.name).and_then(|m| m.predictions.as_ref());
                let made = model.threshold.is_some()
                    && predictions.is_some_and(|p| p.prediction.is_none());
                let series = watch::series(entries, model, made, &path, report);
                if series.is_empty() && report.count() == before {
                    let message = format!("watches no series of model `{}`", model.name);
                    report.error(&path, message, "write watch = [\"features\"]");
                }
                series
            }
        }
    }

    /// Whether its windows are judged against the reference of their own hours.
    fn seasonal(
        &self,
        model: &ModelPlan,
        monitor: &RawMonitor,
        at: &KeyPath,
        report: &mut Report,
    ) -> bool {
        let distribution = self.statistic.basis() == Basis::Distribution;
        let opts_out = monitor.season.is_some() || monitor.against.is_some();
        if model.season.is_none() || opts_out || !distribution {
            return false;
        }
        if let WindowPlan::Count { .. } = self.window {
            report.error(
                &at.key("window"),
                format!(
                    "a window of so many events lies in no hour, and model `{}` has a season",
                    model.name
                ),
                format!("write season = \"{NO_SEASON}\" in the monitor, or a length of time as its window"),
            );
            return false;
        }
        true
    }

    /// Fewest events and support: windows of few events hold no more, so the defaults give way.
    fn least(&self, monitor: &RawMonitor, at: &KeyPath, report: &mut Report) -> (u64, u64) {
        let WindowPlan::Count { length, .. } = self.window else {
            return (monitor.min_events, monitor.min_support);
        };
        let mut least = |key: &str, value: u64| {
            let path = at.key(key);
            if value > length && report.index.get(&path).is_some() {
                report.error(
                    &path,
                    format!("a window of {length} events never holds {value}"),
                    "such a monitor would never judge; lower it",
                );
            }
            value.min(length)
        };
        (least("min_events", monitor.min_events), least("min_support", monitor.min_support))
    }
}

fn statistic(
    table: Option<&Short<Kinded>>,
    at: &KeyPath,
    report: &mut Report,
) -> Option<Arc<dyn Statistic>> {
    let known = kinds::statistics();
    let Some(table) = table else {
        report.error(at, "is missing", "write for example statistic = \"psi\"");
        return None;
    };
    let doc = chosen(table, at, &known, report)?;
    let kind = STATISTICS.iter().find(|k| k.name == doc.name)?;
    let mut params = Params::new(table.0.0.clone());
    kinds::built(crate::stats::statistic(kind, &mut params), &params, doc, at, report)
}

fn detector(
    table: &Short<Kinded>,
    statistic: &dyn Statistic,
    at: &KeyPath,
    report: &mut Report,
) -> Option<Arc<dyn Detector>> {
    let known = kinds::detectors();
    let doc = chosen(table, at, &known, report)?;
    let kind = DETECTORS.iter().find(|k| k.name == doc.name)?;
    let mut params = Params::new(table.0.0.clone());
    kinds::built((kind.build)(&mut params, statistic), &params, doc, at, report)
}

/// Checks that `every` divides `window`, both of one sort.
fn window(monitor: &RawMonitor, at: &KeyPath, report: &mut Report) -> Option<WindowPlan> {
    let Some(window) = monitor.window else {
        report.error(
            &at.key("window"),
            "is missing",
            "write for example window = \"24h\", or \"5000 events\"",
        );
        return None;
    };
    let every = monitor.every.unwrap_or(window);
    let path = at.key("every");
    match (window, every) {
        (Extent::Time(Span(0)), _) | (Extent::Events(0), _) => {
            report.error(&at.key("window"), "must be above 0", "write for example \"24h\"");
            None
        }
        (Extent::Time(length), Extent::Time(every)) => {
            if every.0 == 0 || length.0 % every.0 != 0 {
                let message =
                    format!("{} does not divide the window of {}", Length(every), Length(length));
                report.error(&path, message, "windows begin at multiples of `every`");
                return None;
            }
            Some(WindowPlan::Time { length, every })
        }
        (Extent::Events(length), Extent::Events(every)) => {
            if every == 0 || length % every != 0 {
                let message = format!("{every} events do not divide the window of {length}");
                report.error(&path, message, "a window is a whole number of hops");
                return None;
            }
            Some(WindowPlan::Count { length, every })
        }
        _ => {
            report.error(
                &path,
                "a window by time has an `every` by time, one by events one by events",
                "write both as \"24h\" and \"1h\", or both as \"5000 events\" and \"1000 events\"",
            );
            None
        }
    }
}

/// A reference shorter than a window holds less than one rhythm of it.
fn warn_of_short_learning(model: &ModelPlan, report: &mut Report) {
    let Some(learn) = model.reference.learn else { return };
    let path = KeyPath::of(&["models", &model.name, "reference", "learn"]);
    let short = model.monitors.iter().find(|m| match (learn, m.window) {
        (Learn::Span(span), WindowPlan::Time { length, .. }) => span < length,
        (Learn::Events(number), WindowPlan::Count { length, .. }) => number < length,
        _ => false,
    });
    if let Some(monitor) = short {
        report.warn(
            &path,
            format!("is shorter than the window of monitor `{}`", monitor.name),
            "learn at least as long as the longest window",
        );
    }
}

/// Keys of a model that change nothing, since no monitor of it looks at what they make.
fn warn_of_what_nobody_reads(model: &ModelPlan, report: &mut Report) {
    let at = KeyPath::of(&["models", &model.name]);
    if model.season.is_some() && !model.monitors.iter().any(|m| m.seasonal) {
        report.warn(
            &at.key("season"),
            "no monitor of the model judges by it",
            "let one watch a distribution over a length of time, without `season` and `against` of its own, or remove it",
        );
    }
    let expects = |m: &MonitorPlan| m.expects() == Some(EXPECTED_LOSS);
    if model.expected_loss.is_some() && !model.monitors.iter().any(expects) {
        report.warn(
            &at.key("predictions").key("expected_loss"),
            "no monitor of the model looks at it",
            "write a statistic with estimated = true, such as { kind = \"mae\", estimated = true }, or remove it",
        );
    }
}

/// A reference that does not see every slot cannot judge by them.
fn warn_of_missing_slots(model: &ModelPlan, report: &mut Report) {
    let (Some(season), Some(Learn::Span(span))) = (&model.season, model.reference.learn) else {
        return;
    };
    let whole = Span::from_secs(3600 * i64::from(season.rhythm().slots()));
    if span < whole {
        report.warn(
            &KeyPath::of(&["models", &model.name, "reference", "learn"]),
            format!("is shorter than the {whole} of the season: hours that it lacks are judged against others"),
            format!("learn {whole} at least, better several times that"),
        );
    }
}
