//! What judging costs: `cargo bench --bench evaluating --no-default-features`; behind `--`, some of
//! `scores`, `detecting`, `judging` and `events` alone.
//!
//! Scores: 1,000 features over one window, each on a full grid of 1,000 points; budget 10 ms for
//! psi and ks, 50 ms for all statistics of a series that need no options. The e-detector: one step
//! of one feature; budget 5 us. Judging: windows of 2,400 events through the engine, with noise floors,
//! p-values, verdicts and lines. Cost per event: the engine's time for one event, with everything
//! that it hands to the store, while windows grow from an hour to a week; it must stay flat.

#[path = "evaluating/house.rs"]
mod house;
mod measure;

use std::hint::black_box;
use std::sync::Arc;

use driftd::detect::{DETECTORS, Memory, Observation, Step};
use driftd::event::Span;
use driftd::stats::{Counts, Pair, Params, Profile, STATISTICS, Sample, Statistic};
use house::{House, Watched};
use measure::{Random, median_seconds};

const FEATURES: usize = 1_000;
const HOUR: Span = Span::from_secs(3_600);
const DAY: Span = Span::from_secs(86_400);
const HOP: Span = Span::from_secs(300);

fn main() {
    let parts: [(&str, fn()); 4] = [
        ("scores", scores),
        ("detecting", detecting),
        ("judging", judging),
        ("events", cost_per_event),
    ];
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for (name, part) in parts {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            part();
        }
    }
}

fn scores() {
    let profile = Profile::Numeric(house::grid());
    let reference = profile.whole();
    let mut random = Random(42);
    let windows: Vec<Counts> = (0..FEATURES)
        .map(|_| {
            let mut window = Counts::new(profile.cells());
            for _ in 0..10_000 {
                window.cells[2 * random.below(1_000) as usize + 1] += 1;
            }
            window.counted = 10_000;
            window
        })
        .collect();
    println!("scores of {FEATURES} features, one window each");
    let built = STATISTICS.iter().filter_map(|kind| (kind.build)(&mut Params::default()).ok());
    let all: Vec<Arc<dyn Statistic>> =
        built.filter(|statistic| statistic.basis().per_series()).collect();
    let is_one_of_both =
        |statistic: &&Arc<dyn Statistic>| ["psi", "ks"].contains(&statistic.name());
    let both: Vec<Arc<dyn Statistic>> = all.iter().filter(is_one_of_both).cloned().collect();
    let measure = |name: &str, statistics: &[Arc<dyn Statistic>]| {
        let seconds = median_seconds(15, || {
            for window in &windows {
                let pair = Pair { profile: &profile, reference: &reference, window };
                for statistic in statistics {
                    black_box(score(statistic.as_ref(), &pair));
                }
            }
        });
        println!("  {name:24} {:>8.2} ms", seconds * 1e3);
    };
    for statistic in &all {
        measure(statistic.name(), std::slice::from_ref(statistic));
    }
    measure("psi and ks at once", &both);
    measure(&format!("all {} at once", all.len()), &all);
}

fn score(statistic: &dyn Statistic, pair: &Pair<'_>) -> Option<f64> {
    let sample = Sample {
        events: 10_000,
        window: Some(pair.window),
        pair: Some(*pair),
        ..Sample::default()
    };
    statistic.score(&sample).ok().map(|score| score.value)
}

/// Steps of an hour that do not change, in rounds so short that nothing comes between.
fn detecting() {
    const STEPS: usize = 20;
    let profile = Profile::Numeric(house::grid());
    let reference = profile.whole();
    let mut random = Random(7);
    let steps: Vec<Counts> = (0..STEPS)
        .map(|_| {
            let mut step = Counts::new(profile.cells());
            (0..1_000).for_each(|_| step.cells[2 * random.below(1_000) as usize + 1] += 1);
            step.counted = 1_000;
            step
        })
        .collect();
    let psi = STATISTICS.iter().find(|kind| kind.name == "psi").expect("a known statistic");
    let psi = (psi.build)(&mut Params::default()).expect("defaults are fine");
    let kind = DETECTORS.iter().find(|kind| kind.name == "e-detector").expect("a known detector");
    let detector = (kind.build)(&mut Params::default(), psi.as_ref()).expect("defaults are fine");
    let mut memory = Memory::default();
    let seconds = median_seconds(1_001, || {
        for window in &steps {
            let pair = Pair { profile: &profile, reference: &reference, window };
            let step = Step { pair: Some(pair), ..Step::default() };
            let seen = Observation { every: HOUR, step, ..Observation::of(0.0) };
            black_box(detector.read(&seen, &mut memory).is_ok());
        }
    });
    println!("e-detector, one step of one feature on a full grid");
    println!("  {:24} {:>8.2} us", "default", seconds * 1e6 / STEPS as f64);
}

fn judging() {
    let mut house = House::new(Watched::Features(FEATURES), HOUR, HOP);
    house.feed_until(HOUR, 200);
    // The next slab closes a pane: one boundary, with a window of both monitors per feature.
    let mut rounds = [(); 7].map(|()| {
        let (lines, seconds) = house.judge_next_hop(200);
        assert_eq!(lines, 2 * FEATURES);
        seconds
    });
    rounds.sort_by(f64::total_cmp);
    println!("judging them in the engine");
    println!("  {:24} {:>8.2} ms", "both monitors", rounds[3] * 1e3);
}

fn cost_per_event() {
    const ROUNDS: usize = 15;
    println!("cost per event, 1,000 events per hop of 5 minutes, each with a commit");
    for (name, watched) in
        [("psi and ks of 5 features", Watched::Features(5)), ("mae and rmse", Watched::Errors)]
    {
        println!("  {name}");
        let windows = [("1 h", HOUR), ("1 d", DAY), ("7 d", Span(7 * DAY.0))];
        let mut houses = windows.map(|(_, window)| {
            let mut house = House::new(watched, window, HOP);
            house.feed_until(window, 1_000);
            house
        });
        let mut rounds = [[0.0; ROUNDS]; 3];
        // In turn, since what else runs on a machine slows it for seconds.
        for round in 0..ROUNDS {
            for (house, rounds) in houses.iter_mut().zip(&mut rounds) {
                rounds[round] = house.feed(96, 1_000);
            }
        }
        let mut first = None;
        for ((name, _), mut rounds) in windows.into_iter().zip(rounds) {
            rounds.sort_by(f64::total_cmp);
            let nanoseconds = rounds[ROUNDS / 2] * 1e9 / 96_000.0;
            let ratio = nanoseconds / *first.get_or_insert(nanoseconds);
            println!("    window of {name:12} {nanoseconds:>8.0} ns {ratio:>6.2}");
        }
    }
}
