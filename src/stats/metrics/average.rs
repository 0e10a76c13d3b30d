//! Precision, recall and f1: one class against the rest, and averages over classes.

use super::delta::{self, Slopes, softened};
use super::interval::wilson;
use super::metric::Estimate;
use super::table::{Class, Table};
use crate::stats::{Multiclass, OptionDoc, ParamError, Params, Performance};

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

/// Numerator and denominator of a metric of one class, both linear in its counts; the support is
/// the denominator.
pub(super) type Ratio = fn(Class) -> (i64, i64);

fn share(class: Class, ratio: Ratio) -> f64 {
    match ratio(class) {
        (hits, of) if of > 0 => hits as f64 / of as f64,
        // A class that the metric leaves undefined counts 0.
        _ => 0.0,
    }
}

/// The denominator of a binary metric; all pairs with several classes.
pub(super) fn support(sums: &Performance, ratio: Ratio) -> i64 {
    match sums {
        Performance::Binary(sums) => ratio(Class::positive(sums)).1,
        Performance::Multiclass(sums) => sums.n(),
        Performance::Regression(_) => 0,
    }
}

/// The metric of the positive class, or averaged over several.
pub(super) fn estimate(sums: &Performance, average: Average, ratio: Ratio) -> Option<Estimate> {
    match sums {
        Performance::Binary(sums) => {
            let (hits, of) = ratio(Class::positive(sums));
            Some((hits as f64 / of as f64, wilson(hits, of)))
        }
        Performance::Multiclass(sums) => Some(averaged(sums, average, ratio)),
        Performance::Regression(_) => None,
    }
}

/// How the metric, averaged, follows the cells of a class.
fn slopes(table: &Table, average: Average, ratio: Ratio) -> Vec<Slopes> {
    let soft = softened(table);
    let pairs: f64 = soft.iter().map(|class| class.actual as f64).sum();
    let by = |class: Class| {
        let (hits, of) = ratio(class);
        (hits as f64, of as f64)
    };
    let (right, actual, predicted) = (
        by(Class { hits: 1, ..Class::default() }),
        by(Class { actual: 1, ..Class::default() }),
        by(Class { predicted: 1, ..Class::default() }),
    );
    let of_class = |(counted, soft): (&Class, Class)| {
        // A class that the metric leaves undefined counts 0 wherever its pairs lie.
        if ratio(*counted).1 <= 0 {
            return Slopes::default();
        }
        let (value, (_, of)) = (share(soft, ratio), by(soft));
        let (weight, of_weight) = match average {
            Average::Weighted => (soft.actual as f64 / pairs, value),
            _ => (1.0 / table.classes.len() as f64, 0.0),
        };
        let slope = |(hits, more): (f64, f64)| weight * pairs * (hits - value * more) / of;
        Slopes {
            right: slope(right),
            actual: slope(actual) + of_weight,
            predicted: slope(predicted),
        }
    };
    table.classes.iter().zip(soft).map(of_class).collect()
}

fn averaged(sums: &Multiclass, average: Average, ratio: Ratio) -> Estimate {
    let table = Table::of_classes(sums);
    let (n, classes) = (table.pairs() as f64, &table.classes);
    let value = match average {
        // Every wrong pair is a false positive of one class and a false negative of another: all
        // three metrics are the share of right pairs.
        Average::Micro => {
            let hits: i64 = classes.iter().map(|c| c.hits).sum();
            return (hits as f64 / n, wilson(hits, table.pairs()));
        }
        Average::Macro => {
            classes.iter().map(|c| share(*c, ratio)).sum::<f64>() / classes.len() as f64
        }
        Average::Weighted => {
            classes.iter().map(|c| share(*c, ratio) * c.actual as f64).sum::<f64>() / n
        }
    };
    (value, delta::interval(&table, &slopes(&table, average, ratio), value, 0.0))
}
