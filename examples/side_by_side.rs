//! driftd's half of `examples/other_tools/speed.py`, which starts it: reads three files of numbers (reference,
//! window, errors) and prints a line for each measurement: name, what it is, nanoseconds.

use std::time::Instant;

use driftd::detect::{DETECTORS, Memory, Observation};
use driftd::event::{Batch, Numbers, Time};
use driftd::reference::{BuildSpec, Builder, CreatedFrom};
use driftd::stats::{
    Counts, Dtype, NumericProfile, Pair, Params, Profile, STATISTICS, Sample, SeriesKind,
};

fn numbers(path: Option<String>) -> Vec<f64> {
    let path = path.expect("three files: reference, window, errors");
    let text = std::fs::read_to_string(path).expect("the file can be read");
    text.lines().map(|line| line.parse().expect("a number")).collect()
}

/// The reference as `driftd reference build` makes it.
fn profile(values: &[f64]) -> NumericProfile {
    let mut column = Numbers::default();
    values.iter().for_each(|value| column.push(*value));
    let times = vec![Time(0); values.len()];
    let mut builder = Builder::new(BuildSpec {
        model: "model".into(),
        features: vec![("x".into(), SeriesKind::Numeric(Dtype::F64))],
        most_categories: 1_000,
        ..BuildSpec::default()
    });
    let batch = Batch { times, numbers: vec![column], ..Batch::default() };
    builder.observe(&batch).expect("numbers are no categories");
    match builder.finish(CreatedFrom::default()).series["features.x"].as_ref() {
        Profile::Numeric(profile) => profile.clone(),
        Profile::Category(_) => unreachable!("declared numeric"),
    }
}

fn count(profile: &NumericProfile, values: &[f64], codes: &mut Vec<u32>) -> Counts {
    codes.clear();
    profile.code_all(values, codes);
    let mut counts = Counts::new(2 * profile.grid.len() + 1);
    codes.iter().for_each(|code| counts.cells[*code as usize] += 1);
    counts.counted = values.len() as u64;
    counts
}

/// Median nanoseconds of one of `per` parts of the work.
fn nanoseconds(per: usize, mut work: impl FnMut()) -> f64 {
    let mut took: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_nanos() as f64 / per as f64
        })
        .collect();
    took.sort_by(f64::total_cmp);
    took[took.len() / 2]
}

fn main() {
    let mut files = std::env::args().skip(1);
    let [reference, window, errors] = [(); 3].map(|()| numbers(files.next()));
    let numeric = profile(&reference);
    let profile = Profile::Numeric(numeric.clone());
    let whole = profile.whole();
    let mut codes = Vec::new();
    let counted = count(&numeric, &window, &mut codes);
    for name in ["ks", "psi"] {
        let kind = STATISTICS.iter().find(|kind| kind.name == name).expect("registered");
        let statistic = (kind.build)(&mut Params::default()).expect("defaults are fine");
        let score = |counts: &Counts| {
            let pair = Pair { profile: &profile, reference: &whole, window: counts };
            let sample = Sample { window: Some(counts), pair: Some(pair), ..Sample::default() };
            std::hint::black_box(statistic.score(&sample).is_ok());
        };
        let took = nanoseconds(1, || score(&count(&numeric, &window, &mut codes)));
        println!("{name}\t{name} of {} values, counted from the first\t{took}", window.len());
        let took = nanoseconds(1, || score(&counted));
        println!(
            "{name}\t{name} of {} values, all but the newest counted before\t{took}",
            window.len()
        );
    }
    let statistic = STATISTICS.iter().find(|kind| kind.name == "mean_error").expect("registered");
    let statistic = (statistic.build)(&mut Params::default()).expect("defaults are fine");
    for name in ["adwin", "page-hinkley", "ddm", "hddm-w"] {
        let kind = DETECTORS.iter().find(|kind| kind.name == name).expect("registered");
        let detector = (kind.build)(&mut Params::default(), statistic.as_ref()).expect("defaults");
        let took = nanoseconds(errors.len(), || {
            let mut memory = Memory::default();
            for error in &errors {
                let reading = detector.read(&Observation::of(*error), &mut memory);
                std::hint::black_box(reading.is_ok());
            }
        });
        println!("{name}\t{name}, per event\t{took}");
    }
}
