//! Whether a statistic and its levels can work on a model.

use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::Built;
use crate::config::key::KeyPath;
use crate::config::problem::Report;
use crate::config::raw::RawMonitor;
use crate::detect::{Detector, For, Severity};
use crate::plan::{ModelPlan, WindowPlan};
use crate::stats::{Basis, Expectation, Loss, Statistic, Task};

/// A statistic of outcomes needs outcomes, and the right task.
pub fn outcomes(statistic: &dyn Statistic, model: &ModelPlan, at: &KeyPath, report: &mut Report) {
    let path = at.key("statistic");
    let name = statistic.name();
    if statistic.basis().needs_outcomes() && model.outcomes.is_none() {
        report.error(
            &path,
            format!("{name} needs outcomes, and model `{}` has none", model.name),
            format!(
                "add [models.{0}.outcomes], or take the model out: models = [\"!{0}\"]",
                model.name
            ),
        );
        return;
    }
    let tasks = statistic.tasks();
    if !tasks.is_empty() && !model.task.is_some_and(|task| tasks.contains(&task)) {
        let wanted: Vec<&str> = tasks.iter().map(|t| word(*t)).collect();
        let is = model.task.map_or("without a task", word);
        report.error(
            &path,
            format!("{name} is for {}; model `{}` is {is}", wanted.join(" and "), model.name),
            format!("take the model out: models = [\"!{}\"]", model.name),
        );
    }
}

fn word(task: Task) -> &'static str {
    match task {
        Task::Regression => "regression",
        Task::Binary => "binary",
        Task::Multiclass => "multiclass",
    }
}

/// An estimate needs a probability, a predicted class, and a reference that knows what the
/// probability was worth; or the loss that is expected of each prediction.
pub fn estimate(built: &Built<'_>, model: &ModelPlan, at: &KeyPath, report: &mut Report) {
    let statistic = built.statistic.as_ref();
    let (path, name) = (at.key("statistic"), &model.name);
    if statistic.estimates().is_some()
        && statistic.basis().needs_outcomes()
        && matches!(built.window, WindowPlan::Count { .. })
    {
        report.error(
            &at.key("window"),
            "an estimate and its outcomes meet in a stretch of time, not in so many events",
            "write a length of time, such as window = \"24h\"",
        );
    }
    let wanted = match (statistic.estimates(), model.task) {
        (Some(Expectation::Classes), Some(Task::Binary)) => None,
        (Some(Expectation::Loss(loss)), Some(Task::Regression)) => Some(loss),
        // Another task was told of already.
        _ => return,
    };
    if let Some(wanted) = wanted {
        if model.expected_loss != Some(wanted) {
            let of = if wanted == Loss::Absolute { "mae" } else { "mse" };
            report.error(
                &path,
                format!("{} is the mean of expected losses of {of}, and model `{name}` has none", statistic.name()),
                format!("write expected_loss = {{ path = \"...\", of = \"{of}\" }} in [models.{name}.predictions]"),
            );
        }
        return;
    }
    if model.probabilities.is_empty() {
        report.error(
            &path,
            format!("an estimate follows from the probability, and model `{name}` has none"),
            format!("write the path of `probability` in [models.{name}.predictions]"),
        );
    } else if model.prediction.is_none() && !RANKS.contains(&statistic.kind().name) {
        report.error(
            &path,
            format!("{} needs the predicted class, and model `{name}` has none", statistic.name()),
            format!("write the path of `prediction`, or `threshold` in [models.{name}]"),
        );
    }
    if !model.reference.file && (model.reference.learn.is_none() || model.outcomes.is_none()) {
        let (message, hint) = match model.reference.learn {
            Some(_) => (
                "a learnt reference knows what probabilities are worth from outcomes, and",
                format!("add [models.{name}.outcomes], or build a reference with outcomes"),
            ),
            None => (
                "a reference says what probabilities are worth, and",
                format!("add reference = {{ learn = \"7d\" }} to [models.{name}]"),
            ),
        };
        report.error(&path, format!("{message} model `{name}` has none"), hint);
    }
}

/// Metrics of the probability alone.
const RANKS: [&str; 2] = ["roc_auc", "gini"];

/// A distance needs something to be distant from, `worse_by` something to be worse than; this
/// model has no reference.
pub fn reference(
    statistic: &dyn Statistic,
    detector: &dyn Detector,
    model: &ModelPlan,
    at: &KeyPath,
    report: &mut Report,
) {
    let drift = statistic.basis() == Basis::Distribution;
    if !(drift || detector.needs_reference_metric()) {
        return;
    }
    let (path, message) = match drift {
        true => ("statistic", format!("{} compares with a reference", statistic.name())),
        false => ("detector", "`worse_by` compares with a reference".to_owned()),
    };
    report.error(
        &at.key(path),
        format!("{message}, and model `{}` has none", model.name),
        format!("add reference = {{ learn = \"7d\" }} to [models.{}]", model.name),
    );
}

/// What has no meaning for a window of so many events.
pub fn counted(built: &Built<'_>, at: &KeyPath, report: &mut Report) {
    if !matches!(built.window, WindowPlan::Count { .. }) {
        return;
    }
    if built.statistic.basis() == Basis::Coverage {
        report.error(
            &at.key("window"),
            format!(
                "{} is a share of the predictions of a stretch of time",
                built.statistic.name()
            ),
            "write a length of time, such as window = \"6h\"",
        );
    }
    if matches!(built.detector.persistence(), For::Lasting(_)) {
        report.error(
            &at.key("detector").key("for"),
            "a length of time does not say how many windows of so many events it means",
            "write it as \"M of N\", such as for = \"2 of 3\"",
        );
    }
}

/// Warns of a PSI level below what pure chance reaches: without drift PSI is about chi-square
/// with B - 1 degrees of freedom over the window's events, so that its 99th percentile is a floor
/// under every sensible level.
pub fn noise(
    built: &Built<'_>,
    monitor: &RawMonitor,
    min_events: u64,
    at: &KeyPath,
    report: &mut Report,
) {
    if built.statistic.name() != "psi" {
        return;
    }
    let options = monitor.statistic.as_ref().map(|s| &s.0.0);
    let number = |key: &str| options.and_then(|o| o.get(key)?.as_f64());
    let edges = options.and_then(|o| Some(o.get("edges")?.as_array()?.len() as f64 + 1.0));
    let bins = number("bins").or(edges).unwrap_or(10.0);
    let Ok(chance) = ChiSquared::new((bins - 1.0).max(1.0)) else { return };
    let events = match built.window {
        WindowPlan::Count { length, .. } => length.max(min_events),
        WindowPlan::Time { .. } => min_events,
    };
    let floor = chance.inverse_cdf(0.99) / events.max(1) as f64;
    let level = |severity| built.detector.level(severity, 0.0, None);
    let Some(lowest) = level(Severity::Warning).or_else(|| level(Severity::Critical)) else {
        return;
    };
    if lowest < floor {
        report.warn(
            &at.key("min_events"),
            format!(
                "with {events} events PSI reaches {floor:.3} by chance alone (1 in 100), and the level is {lowest}"
            ),
            format!("judge from {} events on, or raise the level", needed(floor, lowest, events)),
        );
    }
}

/// Events from which the floor lies below the level, rounded up to hundreds.
fn needed(floor: f64, level: f64, events: u64) -> u64 {
    if level <= 0.0 {
        return events;
    }
    ((floor * events as f64 / level / 100.0).ceil() * 100.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::ReferencePlan;
    use crate::stats::{Params, STATISTICS};

    fn model(task: Option<Task>) -> ModelPlan {
        ModelPlan {
            name: "m".to_owned(),
            was: None,
            task,
            lateness: crate::event::Span(0),
            prediction_topics: Vec::new(),
            versioned: false,
            features: Vec::new(),
            prediction: None,
            probabilities: Vec::new(),
            expected_loss: None,
            outcomes: None,
            repeats: crate::plan::PredictionRepeats::First,
            positive: Vec::new(),
            threshold: None,
            reference: ReferencePlan { file: false, per_version: false, learn: None },
            season: None,
            dimensions: Vec::new(),
            monitors: Vec::new(),
            retrain: None,
            notify: crate::plan::NotifyPlan::default(),
            paths: Vec::new(),
        }
    }

    fn awaited() -> crate::plan::OutcomePlan {
        crate::plan::OutcomePlan {
            topics: Vec::new(),
            within: crate::event::Span(1),
            due: crate::event::Span(1),
            repeats: crate::plan::OutcomeRepeats::Last,
            assume: None,
        }
    }

    #[test]
    fn a_statistic_of_another_task_is_refused() {
        let kind = STATISTICS.iter().find(|kind| kind.name == "specificity").unwrap();
        let statistic = (kind.build)(&mut Params::default()).unwrap();
        let told = |task| {
            let mut report = Report::default();
            let model = ModelPlan { outcomes: Some(awaited()), ..model(task) };
            outcomes(statistic.as_ref(), &model, &KeyPath::default(), &mut report);
            report.finish().pop().map(|p| p.message)
        };
        assert_eq!(told(Some(Task::Binary)), None);
        let other = told(Some(Task::Regression)).unwrap();
        assert_eq!(other, "specificity is for binary; model `m` is regression");
        assert!(told(None).unwrap().contains("without a task"));
    }

    #[test]
    fn the_needed_number_of_events_brings_the_floor_below_the_level() {
        // 99th percentile of chi-square with 9 degrees of freedom: 21.666 (tables).
        let floor = ChiSquared::new(9.0).unwrap().inverse_cdf(0.99) / 100.0;
        assert!((floor - 0.21666).abs() < 1e-4);
        assert_eq!(needed(floor, 0.1, 100), 300);
    }
}
