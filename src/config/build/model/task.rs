//! What a model answers: a number, a class, probabilities.

use crate::config::key::KeyPath;
use crate::config::problem::Report;
use crate::config::raw::{RawField, RawFieldType, RawLossOf, RawModel, RawProbability};
use crate::plan::SeriesKind;
use crate::stats::{Dtype, Loss, Task};

/// The answer's series.
#[derive(Debug, Default)]
pub struct Answer {
    /// The prediction.
    pub prediction: Option<SeriesKind>,
    /// Classes that carry a probability.
    pub probabilities: Vec<String>,
    /// What the expected loss is of.
    pub expected_loss: Option<Loss>,
}

/// Checks task, prediction, probability, positive class and threshold against each other.
pub fn answer(model: &RawModel, task: Option<Task>, at: &KeyPath, report: &mut Report) -> Answer {
    let Some(predictions) = &model.predictions else { return Answer::default() };
    let table = at.key("predictions");
    let probabilities = probabilities(model, task, at, report);
    let mut prediction = predictions
        .prediction
        .as_ref()
        .map(|field| series(&field.0, task, &table.key("prediction"), report));
    if let Some(threshold) = model.threshold {
        let path = at.key("threshold");
        if task != Some(Task::Binary) || predictions.probability.is_none() {
            report.error(
                &path,
                "makes a prediction of a binary model's probability; this model has none",
                "write task = \"binary\" and the path of `probability`, or remove it",
            );
        } else if !(threshold > 0.0 && threshold < 1.0) {
            report.error(&path, "must lie between 0 and 1", "the usual one is 0.5");
        }
        prediction = prediction.or(Some(SeriesKind::Category));
    }
    let positive = at.key("positive");
    match (task, &model.positive) {
        (Some(Task::Binary), None) => report.error(
            &positive,
            "a binary model needs the value of its positive class",
            "write positive = \"fraud\", or a list of values",
        ),
        (Some(Task::Binary), Some(values)) if values.0.is_empty() => {
            report.error(&positive, "is empty", "write positive = \"fraud\"");
        }
        (Some(Task::Binary), _) | (_, None) => {}
        (_, Some(_)) => report.error(
            &positive,
            "belongs to binary models",
            "write task = \"binary\", or remove it",
        ),
    }
    let judged = model.outcomes.is_some() || predictions.outcome.is_some();
    if judged && prediction.is_none() && predictions.probability.is_none() {
        report.error(
            &table.key("prediction"),
            "is missing: outcomes have nothing to be compared with",
            "write the path of the prediction",
        );
    }
    if judged && task.is_none() {
        report.error(
            &at.key("task"),
            "is missing: outcomes are compared by task",
            "write task = \"regression\", \"binary\" or \"multiclass\"",
        );
    }
    if predictions.expected_loss.is_some() && task != Some(Task::Regression) {
        report.error(
            &table.key("expected_loss"),
            "belongs to regressions; estimates of classes follow from `probability`",
            "remove it, or write task = \"regression\"",
        );
    }
    let expected_loss = predictions.expected_loss.as_ref().map(|loss| match loss.0.of {
        RawLossOf::Mae => Loss::Absolute,
        RawLossOf::Mse => Loss::Squared,
    });
    Answer { prediction, probabilities, expected_loss }
}

/// The series of a prediction: numbers for a regression, classes otherwise; free without a task.
fn series(field: &RawField, task: Option<Task>, at: &KeyPath, report: &mut Report) -> SeriesKind {
    let dtype: Dtype = field.dtype.map(Dtype::from).unwrap_or_default();
    let fits = match (task, field.kind) {
        (_, None) | (None, _) => true,
        (Some(Task::Regression), Some(kind)) => kind == RawFieldType::Numeric,
        (Some(_), Some(kind)) => kind == RawFieldType::Category,
    };
    if !fits {
        report.error(&at.key("type"), "does not fit the model's task", "remove `type`");
    }
    match (task, field.kind) {
        (Some(Task::Regression), _) | (None, None | Some(RawFieldType::Numeric)) => {
            SeriesKind::Numeric(dtype)
        }
        _ => SeriesKind::Category,
    }
}

fn probabilities(
    model: &RawModel,
    task: Option<Task>,
    at: &KeyPath,
    report: &mut Report,
) -> Vec<String> {
    let Some(probability) = model.predictions.as_ref().and_then(|p| p.probability.as_ref()) else {
        return Vec::new();
    };
    let path = at.key("predictions").key("probability");
    let positive: Vec<&str> =
        model.positive.iter().flat_map(|p| &p.0).map(|s| s.0.as_str()).collect();
    match (task, probability) {
        (None | Some(Task::Regression), _) => {
            report.error(
                &path,
                "belongs to binary and multiclass models",
                "write task = \"binary\" or \"multiclass\", or remove it",
            );
            Vec::new()
        }
        (Some(Task::Binary), RawProbability::One(_)) => {
            vec![positive.first().map_or_else(String::new, |p| (*p).to_owned())]
        }
        (Some(Task::Binary), RawProbability::Classes(classes)) => {
            let found: Vec<String> =
                classes.keys().filter(|c| positive.contains(&c.as_str())).cloned().collect();
            if found.len() != 1 && !positive.is_empty() {
                report.error(
                    &path,
                    "must name the positive class exactly once",
                    format!("write the path of the probability of {}", positive.join(" or ")),
                );
            }
            found
        }
        (Some(Task::Multiclass), RawProbability::One(_)) => {
            report.error(
                &path,
                "a multiclass model has one probability per class",
                "write a table: { bus = \"p.bus\", car = \"p.car\" }",
            );
            Vec::new()
        }
        (Some(Task::Multiclass), RawProbability::Classes(classes)) => {
            if classes.len() < 2 {
                report.error(&path, "must name every class", "");
            }
            classes.keys().cloned().collect()
        }
    }
}
