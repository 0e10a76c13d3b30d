//! What predictions are worth.

use std::sync::Arc;

use super::interval::normal;
use super::metric::{BINARY, Estimate, Formula, Metric, binary, share};
use crate::stats::{
    Binary, Confusion, Expectation, OptionDoc, ParamError, Params, Performance, Statistic,
    StatisticKind,
};

const fn worth(name: &'static str, doc: &'static str) -> OptionDoc {
    OptionDoc { name, kind: "number", default: "0", doc }
}

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "business_value",
    summary: "mean worth of a prediction by a matrix of values and costs; any number, smaller is worse",
    definition: "(v_tp TP + v_fp FP + v_tn TN + v_fn FN) / pairs; costs are negative values",
    sees: "what answers are worth as a whole; not why: it moves with the share of positives as well as with the model. With no worth given it is always 0",
    range: "any number",
    source: "Elkan, IJCAI 2001; interval: normal, of the mean",
    best: None,
    options: &[
        worth("true_positive", "worth of a rightly predicted positive"),
        worth("false_positive", "worth of a false alarm, mostly below 0"),
        worth("true_negative", "worth of a rightly predicted negative"),
        worth("false_negative", "worth of a missed positive, mostly below 0"),
    ],
    build,
    ..BINARY
};

/// Worth of a true positive, false positive, true negative, false negative.
#[derive(Debug)]
struct BusinessValue([f64; 4]);

fn build(params: &mut Params) -> Result<Arc<dyn Statistic>, ParamError> {
    let mut worth = [0.0; 4];
    for (worth, option) in worth.iter_mut().zip(KIND.options) {
        *worth = params.number(option.name)?.unwrap_or(0.0);
    }
    Ok(Arc::new(Metric(BusinessValue(worth))))
}

fn cells(sums: &Binary) -> [i64; 4] {
    [sums.true_positive, sums.false_positive, sums.true_negative, sums.false_negative]
}

impl Formula for BusinessValue {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn expects(&self) -> Option<Expectation> {
        Some(Expectation::Classes)
    }

    fn label(&self) -> String {
        if self.0 == [0.0; 4] {
            return KIND.name.to_owned();
        }
        let [hit, alarm, quiet, miss] = self.0;
        format!("{}({hit},{alarm},{quiet},{miss})", KIND.name)
    }

    fn support(&self, sums: &Performance) -> i64 {
        binary(sums).map_or(0, Binary::n)
    }

    fn estimate(&self, sums: &Performance) -> Option<Estimate> {
        let sums = binary(sums)?;
        let total = |power: i32| {
            let terms = self.0.iter().zip(cells(sums));
            terms.map(|(worth, n)| worth.powi(power) * n as f64).sum::<f64>()
        };
        Some((total(1) / sums.n() as f64, normal(total(1), total(2), sums.n())))
    }

    fn of_confusion(&self, c: &Confusion) -> Option<(f64, f64)> {
        let cells = [c.true_positive, c.false_positive, c.true_negative, c.false_negative];
        let worth: f64 = self.0.iter().zip(cells).map(|(worth, n)| worth * n).sum();
        share(worth, cells.iter().sum())
    }
}
