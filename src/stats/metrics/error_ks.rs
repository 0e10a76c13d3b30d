//! Whether errors are distributed as they were on the reference.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::metric::{REGRESSION, regression};
use crate::stats::distribution::ks;
use crate::stats::{
    Absences, Chance, Counts, Dtype, Extra, LogHistogram, Noise, NumericProfile, Pair, ParamError,
    Params, Profile, Sample, Score, Statistic, StatisticKind, Tail, Undefined,
};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "error_ks",
    summary: "largest distance between the distribution functions of the error (prediction - outcome) in the window and on the reference: drift of the residuals, whatever its kind; 0 to 1, greater is worse",
    definition: "D = sup |F_reference - F_window| of prediction - outcome, from counts on a grid of 128 cells per factor two and sign: the maximum over the cells' edges, a lower bound; the interval holds every order of the values within cells. Noise floor and p-value as of `ks`. `reference build` and `learn` keep the errors where a monitor watches it",
    sees: "any change of the errors' distribution, sign included; not whether it is for the better, how far errors went, and changes of the tails only weakly",
    range: "0 to 1",
    source: "Kolmogorov 1933, Smirnov 1939; as scipy.stats.ks_2samp of the errors",
    extras: &[Extra::Errors],
    floor: true,
    build,
    ..REGRESSION
};

/// The distance itself is that of numbers on a grid: of the edges of all cells that hold errors.
#[derive(Debug)]
struct ErrorKs {
    distance: Arc<dyn Statistic>,
}

fn build(_params: &mut Params) -> Result<Arc<dyn Statistic>, ParamError> {
    Ok(Arc::new(ErrorKs { distance: (ks::KIND.build)(&mut Params::default())? }))
}

/// Errors of both sides on one grid.
struct Both {
    profile: Profile,
    reference: Counts,
    window: Counts,
}

impl Both {
    fn of(reference: &LogHistogram, window: &LogHistogram) -> Both {
        let mut places: BTreeMap<i64, [u64; 2]> = BTreeMap::new();
        for (side, errors) in [reference, window].into_iter().enumerate() {
            for (place, n) in errors.places() {
                places.entry(place).or_default()[side] = n.max(0) as u64;
            }
        }
        let mut grid: Vec<f64> = Vec::new();
        let mut held: Vec<(usize, [u64; 2])> = Vec::new();
        for (place, counts) in places {
            let (low, high) = LogHistogram::bounds(place);
            if grid.last().is_none_or(|last| *last < low) {
                grid.push(low);
            }
            if low < high {
                held.push((2 * grid.len(), counts));
                grid.push(high);
            } else {
                held.push((2 * grid.len() - 1, counts));
            }
        }
        let side = |side: usize| {
            let mut counts = Counts::new(2 * grid.len() + 1);
            held.iter().for_each(|(code, n)| counts.cells[*code] = n[side]);
            counts.counted = counts.cells.iter().sum();
            counts
        };
        let (reference, window) = (side(0), side(1));
        let profile = Profile::Numeric(NumericProfile {
            id: String::new(),
            dtype: Dtype::F64,
            rows: reference.counted,
            absences: Absences::default(),
            at_or_below: vec![0; grid.len()],
            below: vec![0; grid.len()],
            grid,
        });
        Both { profile, reference, window }
    }

    fn pair(&self) -> Pair<'_> {
        Pair { profile: &self.profile, reference: &self.reference, window: &self.window }
    }
}

impl ErrorKs {
    /// Asks the distance about both sides; `None` until every pane of the window has errors.
    fn ask<T>(
        &self,
        sample: &Sample<'_>,
        what: impl Fn(&dyn Statistic, &Sample<'_>) -> Option<T>,
    ) -> Option<T> {
        let both = Both::of(sample.reference_errors?, sample.performance?.errors()?);
        let of_errors = Sample {
            events: sample.events,
            window: Some(&both.window),
            pair: Some(both.pair()),
            ..Sample::default()
        };
        what(self.distance.as_ref(), &of_errors)
    }
}

impl Statistic for ErrorKs {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn support(&self, sample: &Sample<'_>) -> u64 {
        sample.performance.and_then(regression).map_or(0, |sums| sums.n.max(0) as u64)
    }

    fn compares_errors(&self) -> bool {
        true
    }

    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        if sample.reference_errors.is_none() {
            return Err(Undefined::NoReference);
        }
        self.ask(sample, |distance, sample| distance.score(sample).ok()).ok_or(Undefined::Undefined)
    }

    fn noise_floor(&self, sample: &Sample<'_>) -> Option<f64> {
        self.ask(sample, |distance, sample| distance.noise_floor(sample))
    }

    fn noise(&self, sample: &Sample<'_>) -> Option<Noise> {
        self.ask(sample, |distance, sample| distance.noise(sample))
    }

    fn p_value(&self, sample: &Sample<'_>) -> Option<f64> {
        self.ask(sample, |distance, sample| distance.p_value(sample))
    }

    fn tail(&self, sample: &Sample<'_>) -> Option<Tail> {
        self.ask(sample, |distance, sample| distance.tail(sample))
    }

    fn chance(&self, sample: &Sample<'_>, score: &Score) -> Chance {
        self.ask(sample, |distance, sample| Some(distance.chance(sample, score)))
            .unwrap_or_default()
    }
}
