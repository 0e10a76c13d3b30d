//! Precision, recall and f1: one class against the rest, and averages over classes.

use std::collections::{BTreeMap, BTreeSet};

use super::interval::wilson;
use super::metric::Estimate;
use crate::stats::{Binary, Multiclass, OptionDoc, ParamError, Params, Performance};

/// Option `average`.
pub(super) const OPTIONS: &[OptionDoc] = &[OptionDoc {
    name: "average",
    kind: "text",
    default: "macro",
    doc: "for several classes: macro (mean over classes), micro (over all pairs) or weighted (mean by the classes' outcomes)",
}];

/// How classes are averaged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Average {
    Macro,
    Micro,
    Weighted,
}

impl Average {
    pub(super) fn from_params(params: &mut Params) -> Result<Average, ParamError> {
        match params.text("average")?.as_deref() {
            None | Some("macro") => Ok(Average::Macro),
            Some("micro") => Ok(Average::Micro),
            Some("weighted") => Ok(Average::Weighted),
            Some(other) => {
                let message = format!("'{other}' is none of macro, micro, weighted");
                Err(ParamError::new("average", message))
            }
        }
    }

    /// The metric's name with its average.
    pub(super) fn label(self, name: &str) -> String {
        match self {
            Average::Macro => name.to_owned(),
            Average::Micro => format!("{name}(micro)"),
            Average::Weighted => format!("{name}(weighted)"),
        }
    }
}

/// True positives, predicted positives, actual positives of one class.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Class {
    pub hits: i64,
    pub predicted: i64,
    pub actual: i64,
}

/// Numerator and denominator of a metric of one class; the support is the denominator.
pub(super) type Ratio = fn(Class) -> (i64, i64);

fn share(class: Class, ratio: Ratio) -> f64 {
    match ratio(class) {
        (hits, of) if of > 0 => hits as f64 / of as f64,
        // A class that the metric leaves undefined counts 0.
        _ => 0.0,
    }
}

fn positive(sums: &Binary) -> Class {
    Class {
        hits: sums.true_positive,
        predicted: sums.true_positive + sums.false_positive,
        actual: sums.true_positive + sums.false_negative,
    }
}

/// Every class that was predicted or came true.
pub(super) fn classes(sums: &Multiclass) -> BTreeMap<&str, Class> {
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

/// The denominator of a binary metric; all pairs with several classes.
pub(super) fn support(sums: &Performance, ratio: Ratio) -> i64 {
    match sums {
        Performance::Binary(sums) => ratio(positive(sums)).1,
        Performance::Multiclass(sums) => sums.n(),
        Performance::Regression(_) => 0,
    }
}

/// The metric of the positive class, or averaged over several.
pub(super) fn estimate(sums: &Performance, average: Average, ratio: Ratio) -> Option<Estimate> {
    match sums {
        Performance::Binary(sums) => {
            let (hits, of) = ratio(positive(sums));
            Some((hits as f64 / of as f64, wilson(hits, of)))
        }
        Performance::Multiclass(sums) => Some(averaged(sums, average, ratio)),
        Performance::Regression(_) => None,
    }
}

fn averaged(sums: &Multiclass, average: Average, ratio: Ratio) -> Estimate {
    let (n, classes) = (sums.n(), classes(sums));
    match average {
        // Every wrong pair is a false positive of one class and a false negative of another: all
        // three metrics are the share of right pairs.
        Average::Micro => {
            let hits: i64 = classes.values().map(|c| c.hits).sum();
            (hits as f64 / n as f64, wilson(hits, n))
        }
        Average::Macro => {
            let sum: f64 = classes.values().map(|c| share(*c, ratio)).sum();
            (sum / classes.len() as f64, None)
        }
        Average::Weighted => {
            let sum: f64 = classes.values().map(|c| share(*c, ratio) * c.actual as f64).sum();
            (sum / n as f64, None)
        }
    }
}
