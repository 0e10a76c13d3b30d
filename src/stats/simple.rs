//! TEMPORARY
use super::*;
use std::sync::Arc;
#[derive(Debug)]
struct S(
    &'static str,
    Basis,
    Direction,
    Option<f64>,
    fn(&Sample<'_>) -> Result<Score, Undefined>,
    fn(&Sample<'_>) -> u64,
);
impl Statistic for S {
    fn name(&self) -> &'static str {
        self.0
    }
    fn basis(&self) -> Basis {
        self.1
    }
    fn direction(&self) -> Direction {
        self.2
    }
    fn best(&self) -> Option<f64> {
        self.3
    }
    fn support(&self, s: &Sample<'_>) -> u64 {
        (self.5)(s)
    }
    fn score(&self, s: &Sample<'_>) -> Result<Score, Undefined> {
        (self.4)(s)
    }
}
fn reg<'a>(s: &Sample<'a>) -> Option<&'a Regression> {
    match s.performance {
        Some(Performance::Regression(r)) if r.n > 0 => Some(r),
        _ => None,
    }
}
fn sup(s: &Sample<'_>) -> u64 {
    reg(s).map_or(0, |r| r.n as u64)
}
fn sc(s: &Sample<'_>, f: fn(&Regression) -> f64) -> Result<Score, Undefined> {
    let r = reg(s).ok_or(Undefined::Undefined)?;
    Ok(Score { value: f(r), support: r.n as u64, interval: None })
}
pub const MAE: StatisticKind = StatisticKind {
    name: "mae",
    summary: "",
    options: &[],
    build: |_| {
        Ok(Arc::new(S(
            "mae",
            Basis::Performance,
            Direction::Up,
            Some(0.0),
            |s| sc(s, |r| r.sum_abs.value() / r.n as f64),
            sup,
        )))
    },
};
pub const MEAN_ERROR: StatisticKind = StatisticKind {
    name: "mean_error",
    summary: "",
    options: &[],
    build: |_| {
        Ok(Arc::new(S(
            "mean_error",
            Basis::Performance,
            Direction::None,
            Some(0.0),
            |s| sc(s, |r| r.sum_error.value() / r.n as f64),
            sup,
        )))
    },
};
pub const ACCURACY: StatisticKind = StatisticKind {
    name: "accuracy",
    summary: "",
    options: &[],
    build: |_| {
        Ok(Arc::new(S(
            "accuracy",
            Basis::Performance,
            Direction::Down,
            Some(1.0),
            |_| Err(Undefined::Undefined),
            sup,
        )))
    },
};
pub const COVERAGE: StatisticKind = StatisticKind {
    name: "outcome_coverage",
    summary: "",
    options: &[],
    build: |_| {
        Ok(Arc::new(S(
            "outcome_coverage",
            Basis::Coverage,
            Direction::Down,
            Some(1.0),
            |s| {
                if s.events == 0 {
                    Err(Undefined::Undefined)
                } else {
                    Ok(Score {
                        value: (s.matched + s.assumed) as f64 / s.events as f64,
                        support: s.events,
                        interval: None,
                    })
                }
            },
            |s| s.events,
        )))
    },
};
