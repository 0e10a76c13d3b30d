//! Random rows of fixed seeds, references as driftd builds them, and windows counted on them.

use std::sync::Arc;

use driftd::event::{Batch, Numbers, Time};
use driftd::reference::{BuildSpec, Builder, CreatedFrom};
use driftd::stats::{
    Counts, Dtype, Pair, Params, Profile, STATISTICS, Sample, Score, SeriesKind, Statistic,
};
use serde_json::Value;

/// SplitMix64: the same numbers in every run.
pub struct Random(pub u64);

impl Random {
    /// From 0 to 1.
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.unit(), self.unit());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

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
            prediction: None,
            outcome: None,
            task: None,
            positive: Vec::new(),
            threshold: None,
            classes: Vec::new(),
            metrics: Vec::new(),
            dimensions: Vec::new(),
            season: None,
            slot_series: Default::default(),
            segment_series: Default::default(),
            edges: Default::default(),
            most_categories: 1_000,
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
