//! How often classes are right, and how good their probabilities are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{
    Basis, Binary, Direction, Losses, Multiclass, OptionDoc, ParamError, Params, Performance,
    Sample, Score, Statistic, StatisticKind, Task, Undefined,
};

const AVERAGE: &[OptionDoc] = &[OptionDoc {
    name: "average",
    kind: "text",
    default: "macro",
    doc: "for several classes: macro (mean over classes), micro (over all pairs) or weighted (mean by the classes' outcomes)",
}];

/// `accuracy`.
pub const ACCURACY: StatisticKind = StatisticKind {
    name: "accuracy",
    summary: "share of right classes; 0 to 1, smaller is worse",
    options: &[],
    build: |_| Ok(Arc::new(Metric { kind: Kind::Accuracy, average: Average::Macro })),
};

/// `precision`.
pub const PRECISION: StatisticKind = StatisticKind {
    name: "precision",
    summary: "share of predicted positives that are; 0 to 1, smaller is worse",
    options: AVERAGE,
    build: |params| metric(Kind::Precision, params),
};

/// `recall`.
pub const RECALL: StatisticKind = StatisticKind {
    name: "recall",
    summary: "share of actual positives that were predicted; 0 to 1, smaller is worse",
    options: AVERAGE,
    build: |params| metric(Kind::Recall, params),
};

/// `f1`.
pub const F1: StatisticKind = StatisticKind {
    name: "f1",
    summary: "harmonic mean of precision and recall; 0 to 1, smaller is worse",
    options: AVERAGE,
    build: |params| metric(Kind::F1, params),
};

/// `log_loss`.
pub const LOG_LOSS: StatisticKind = StatisticKind {
    name: "log_loss",
    summary: "mean of -ln(probability of what came true), clipped at 1e-15; from 0, greater is worse",
    options: &[],
    build: |_| Ok(Arc::new(Metric { kind: Kind::LogLoss, average: Average::Macro })),
};

/// `brier`.
pub const BRIER: StatisticKind = StatisticKind {
    name: "brier",
    summary: "mean squared error of the probabilities; from 0, greater is worse",
    options: &[],
    build: |_| Ok(Arc::new(Metric { kind: Kind::Brier, average: Average::Macro })),
};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Accuracy,
    Precision,
    Recall,
    F1,
    LogLoss,
    Brier,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Average {
    Macro,
    Micro,
    Weighted,
}

#[derive(Debug)]
struct Metric {
    kind: Kind,
    average: Average,
}

fn metric(kind: Kind, params: &mut Params) -> Result<Arc<dyn Statistic>, ParamError> {
    let average = match params.text("average")?.as_deref() {
        None | Some("macro") => Average::Macro,
        Some("micro") => Average::Micro,
        Some("weighted") => Average::Weighted,
        Some(other) => {
            return Err(ParamError::new(
                "average",
                format!("'{other}' is none of macro, micro, weighted"),
            ));
        }
    };
    Ok(Arc::new(Metric { kind, average }))
}

/// True positives, predicted positives, actual positives of one class.
#[derive(Debug, Clone, Copy, Default)]
struct Class {
    hits: i64,
    predicted: i64,
    actual: i64,
}

impl Class {
    /// Numerator and denominator of a metric.
    fn ratio(self, kind: Kind) -> (i64, i64) {
        match kind {
            Kind::Precision => (self.hits, self.predicted),
            Kind::Recall => (self.hits, self.actual),
            _ => (2 * self.hits, self.predicted + self.actual),
        }
    }

    /// A class that the metric leaves undefined counts 0.
    fn value(self, kind: Kind) -> f64 {
        let (numerator, denominator) = self.ratio(kind);
        if denominator > 0 { numerator as f64 / denominator as f64 } else { 0.0 }
    }
}

fn positive(sums: &Binary) -> Class {
    Class {
        hits: sums.true_positive,
        predicted: sums.true_positive + sums.false_positive,
        actual: sums.true_positive + sums.false_negative,
    }
}

fn classes(sums: &Multiclass) -> BTreeMap<&str, Class> {
    let names: BTreeSet<&str> = sums
        .confusion
        .iter()
        .flat_map(|(outcome, row)| row.keys().chain([outcome]))
        .map(String::as_str)
        .collect();
    let mut classes: BTreeMap<&str, Class> =
        names.into_iter().map(|name| (name, Class::default())).collect();
    for (outcome, row) in &sums.confusion {
        for (predicted, &n) in row {
            if let Some(class) = classes.get_mut(outcome.as_str()) {
                class.actual += n;
                class.hits += if outcome == predicted { n } else { 0 };
            }
            if let Some(class) = classes.get_mut(predicted.as_str()) {
                class.predicted += n;
            }
        }
    }
    classes
}

impl Metric {
    fn losses<'a>(&self, sample: &Sample<'a>) -> Option<&'a Losses> {
        match sample.performance? {
            Performance::Binary(sums) => Some(&sums.losses),
            Performance::Multiclass(sums) => Some(&sums.losses),
            Performance::Regression(_) => None,
        }
    }

    /// The value, and the events that it was computed from.
    fn compute(&self, sample: &Sample<'_>) -> Option<(f64, i64)> {
        match self.kind {
            Kind::LogLoss => {
                let losses = self.losses(sample)?;
                Some((losses.sum_log.value() / losses.n as f64, losses.n))
            }
            Kind::Brier => {
                let losses = self.losses(sample)?;
                Some((losses.sum_brier.value() / losses.n as f64, losses.n))
            }
            kind => match sample.performance? {
                Performance::Binary(sums) => binary(kind, sums),
                Performance::Multiclass(sums) => multiclass(kind, self.average, sums),
                Performance::Regression(_) => None,
            },
        }
    }
}

fn binary(kind: Kind, sums: &Binary) -> Option<(f64, i64)> {
    if kind == Kind::Accuracy {
        let right = sums.true_positive + sums.true_negative;
        return Some((right as f64 / sums.n() as f64, sums.n()));
    }
    let class = positive(sums);
    let (numerator, denominator) = class.ratio(kind);
    // The denominator of f1 counts hits twice; its support is what either side called positive.
    let support = if kind == Kind::F1 { denominator - class.hits } else { denominator };
    Some((numerator as f64 / denominator as f64, support))
}

fn multiclass(kind: Kind, average: Average, sums: &Multiclass) -> Option<(f64, i64)> {
    let n = sums.n();
    let classes = classes(sums);
    let hits: i64 = classes.values().map(|c| c.hits).sum();
    if kind == Kind::Accuracy || average == Average::Micro {
        return Some((hits as f64 / n as f64, n));
    }
    let value = match average {
        Average::Weighted => {
            let weighted = classes.values().map(|c| c.value(kind) * c.actual as f64);
            weighted.sum::<f64>() / n as f64
        }
        _ => classes.values().map(|c| c.value(kind)).sum::<f64>() / classes.len() as f64,
    };
    Some((value, n))
}

impl Statistic for Metric {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Accuracy => ACCURACY.name,
            Kind::Precision => PRECISION.name,
            Kind::Recall => RECALL.name,
            Kind::F1 => F1.name,
            Kind::LogLoss => LOG_LOSS.name,
            Kind::Brier => BRIER.name,
        }
    }

    fn basis(&self) -> Basis {
        Basis::Performance
    }

    fn tasks(&self) -> &'static [Task] {
        &[Task::Binary, Task::Multiclass]
    }

    fn direction(&self) -> Direction {
        match self.kind {
            Kind::LogLoss | Kind::Brier => Direction::Up,
            _ => Direction::Down,
        }
    }

    fn best(&self) -> Option<f64> {
        Some(match self.kind {
            Kind::LogLoss | Kind::Brier => 0.0,
            _ => 1.0,
        })
    }

    fn mean_of(&self) -> Option<(f64, f64)> {
        match self.kind {
            Kind::Accuracy => Some((0.0, 1.0)),
            // Over several classes the squares of a wholly wrong answer add up to 2.
            Kind::Brier => Some((0.0, 2.0)),
            Kind::LogLoss => Some((0.0, f64::INFINITY)),
            Kind::Precision | Kind::Recall | Kind::F1 => None,
        }
    }

    fn support(&self, sample: &Sample<'_>) -> u64 {
        self.compute(sample).map_or(0, |(_, support)| support.max(0) as u64)
    }

    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        match self.compute(sample) {
            Some((value, support)) if support > 0 && value.is_finite() => {
                Ok(Score { value, support: support as u64, interval: None })
            }
            _ => Err(Undefined::Undefined),
        }
    }
}
