//! Random rows of fixed seeds, references as driftd builds them, and windows counted on them.

use std::sync::Arc;

use driftd::event::{Batch, Numbers, Time};
use driftd::reference::{BuildSpec, Builder, CreatedFrom};
use driftd::stats::{
    Counts, Dtype, Pair, Params, Profile, STATISTICS, Sample, Score, SeriesKind, Statistic,
};
use serde_json::Value;

#[path = "../simulated/random.rs"]
mod random;
pub use random::Random;

impl Random {
    pub fn normals(&mut self, n: usize, mean: f64) -> Vec<f64> {
        (0..n).map(|_| mean + self.normal()).collect()
    }

    /// 0 to 5, all as likely.
    pub fn die(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| (6.0 * self.unit()).floor()).collect()
    }
}

/// A reference with its own counts.
pub struct Reference {
    pub profile: Arc<Profile>,
    pub whole: Counts,
}

impl Reference {
    /// Built as `driftd reference build` does.
    pub fn of(values: &[f64]) -> Reference {
        let mut column = Numbers::default();
        values.iter().for_each(|value| column.push(*value));
        let spec = BuildSpec {
            model: "model".into(),
            features: vec![("x".into(), SeriesKind::Numeric(Dtype::F64))],
            most_categories: 1_000,
            ..BuildSpec::default()
        };
        let times = vec![Time(0); values.len()];
        let batch = Batch { times, numbers: vec![column], ..Batch::default() };
        let mut builder = Builder::new(spec);
        builder.observe(&batch).unwrap();
        let reference = builder.finish(CreatedFrom::default());
        let profile = reference.series["features.x"].clone();
        Reference { whole: profile.whole(), profile }
    }

    pub fn count(&self, values: &[f64]) -> Counts {
        let Profile::Numeric(profile) = self.profile.as_ref() else { unreachable!() };
        let mut codes = Vec::new();
        profile.code_all(values, &mut codes);
        let mut counts = Counts::new(self.profile.cells());
        for code in codes {
            counts.cells[code as usize] += 1;
        }
        counts.counted = values.len() as u64;
        counts
    }

    pub fn pair<'a>(&'a self, window: &'a Counts) -> Pair<'a> {
        Pair { profile: &self.profile, reference: &self.whole, window }
    }
}

/// A statistic beside one window.
pub struct Judged {
    pub score: Score,
    pub floor: Option<f64>,
    pub p: Option<f64>,
}

pub fn build(name: &str, options: Value) -> Arc<dyn Statistic> {
    let kind = STATISTICS.iter().find(|kind| kind.name == name).unwrap();
    (kind.build)(&mut Params::new(options.as_object().unwrap().clone())).unwrap()
}

fn sample<'a>(pair: Pair<'a>) -> Sample<'a> {
    Sample {
        events: pair.window.counted,
        seconds: 3600.0,
        window: Some(pair.window),
        pair: Some(pair),
        ..Sample::default()
    }
}

pub fn judge(statistic: &dyn Statistic, reference: &Reference, window: &[f64]) -> Judged {
    let counts = reference.count(window);
    let sample = sample(reference.pair(&counts));
    Judged {
        score: statistic.score(&sample).unwrap(),
        floor: statistic.noise_floor(&sample),
        p: statistic.p_value(&sample),
    }
}

pub fn score(statistic: &dyn Statistic, reference: &Reference, window: &[f64]) -> Score {
    let counts = reference.count(window);
    statistic.score(&sample(reference.pair(&counts))).unwrap()
}

/// The largest distance of both distribution functions, point by point.
pub fn distance(a: &[f64], b: &[f64]) -> f64 {
    let (mut a, mut b) = (a.to_vec(), b.to_vec());
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    let share = |sorted: &[f64], x: f64| {
        sorted.partition_point(|value| *value <= x) as f64 / sorted.len() as f64
    };
    let points = a.iter().chain(&b);
    points.map(|x| (share(&a, *x) - share(&b, *x)).abs()).fold(0.0, f64::max)
}
