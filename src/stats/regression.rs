//! Errors of numeric predictions; error = prediction - outcome.

use std::sync::Arc;

use super::{
    Basis, Direction, Performance, Regression, Sample, Score, Statistic, StatisticKind, Task,
    Undefined,
};

/// `mae`.
pub const MAE: StatisticKind = StatisticKind {
    name: "mae",
    summary: "mean absolute error; from 0, greater is worse",
    options: &[],
    build: |_| Ok(Arc::new(Metric(Kind::Mae))),
};

/// `rmse`.
pub const RMSE: StatisticKind = StatisticKind {
    name: "rmse",
    summary: "root of the mean squared error; from 0, greater is worse",
    options: &[],
    build: |_| Ok(Arc::new(Metric(Kind::Rmse))),
};

/// `mean_error`.
pub const MEAN_ERROR: StatisticKind = StatisticKind {
    name: "mean_error",
    summary: "mean of prediction - outcome (bias); 0 is best, bad in both directions",
    options: &[],
    build: |_| Ok(Arc::new(Metric(Kind::MeanError))),
};

/// `mape`.
pub const MAPE: StatisticKind = StatisticKind {
    name: "mape",
    summary: "mean of |error| / |outcome|, pairs with outcome 0 left out; from 0, greater is worse",
    options: &[],
    build: |_| Ok(Arc::new(Metric(Kind::Mape))),
};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Mae,
    Rmse,
    MeanError,
    Mape,
}

#[derive(Debug)]
struct Metric(Kind);

impl Metric {
    fn sums<'a>(&self, sample: &Sample<'a>) -> Option<&'a Regression> {
        match sample.performance {
            Some(Performance::Regression(sums)) => Some(sums),
            _ => None,
        }
    }

    fn pairs(&self, sums: &Regression) -> u64 {
        let n = if self.0 == Kind::Mape { sums.n - sums.zero_outcomes } else { sums.n };
        n.max(0) as u64
    }
}

impl Statistic for Metric {
    fn name(&self) -> &'static str {
        match self.0 {
            Kind::Mae => MAE.name,
            Kind::Rmse => RMSE.name,
            Kind::MeanError => MEAN_ERROR.name,
            Kind::Mape => MAPE.name,
        }
    }

    fn basis(&self) -> Basis {
        Basis::Performance
    }

    fn tasks(&self) -> &'static [Task] {
        &[Task::Regression]
    }

    fn direction(&self) -> Direction {
        if self.0 == Kind::MeanError { Direction::None } else { Direction::Up }
    }

    fn best(&self) -> Option<f64> {
        Some(0.0)
    }

    fn mean_of(&self) -> Option<(f64, f64)> {
        matches!(self.0, Kind::Mae | Kind::Mape).then_some((0.0, f64::INFINITY))
    }

    fn support(&self, sample: &Sample<'_>) -> u64 {
        self.sums(sample).map_or(0, |sums| self.pairs(sums))
    }

    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        let sums = self.sums(sample).ok_or(Undefined::Undefined)?;
        let pairs = self.pairs(sums);
        if pairs == 0 {
            return Err(Undefined::Undefined);
        }
        let n = pairs as f64;
        let value = match self.0 {
            Kind::Mae => sums.sum_abs.value() / n,
            Kind::Rmse => (sums.sum_sq.value() / n).sqrt(),
            Kind::MeanError => sums.sum_error.value() / n,
            Kind::Mape => sums.sum_share.value() / n,
        };
        if !value.is_finite() {
            return Err(Undefined::Undefined);
        }
        Ok(Score { value, support: pairs, interval: None })
    }
}
