//! What judging costs: `cargo bench --bench evaluating --no-default-features`.
//!
//! Scores: psi and ks of 1,000 features over one window, each on a full grid of 1,000 points;
//! budget 10 ms for both. Judging: the same windows through the engine, with noise floors,
//! p-values, verdicts and lines. Cost per event: the engine's time for one event while windows
//! grow from an hour to a week, judged every 5 minutes; it must stay flat.

#[path = "evaluating/house.rs"]
mod house;
mod measure;

use std::hint::black_box;

use driftd::event::Span;
use driftd::stats::{Counts, Pair, Params, Profile, STATISTICS, Sample, Statistic};
use house::House;
use measure::{Random, median_seconds};

const FEATURES: usize = 1_000;
const HOUR: Span = Span::from_secs(3_600);
const HOP: Span = Span::from_secs(300);

fn main() {
    scores();
    judging();
    cost_per_event();
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
    let mut sum = 0.0;
    for name in ["psi", "ks"] {
        let kind = STATISTICS.iter().find(|kind| kind.name == name).expect("a known statistic");
        let statistic = (kind.build)(&mut Params::default()).expect("defaults are fine");
        let seconds = median_seconds(15, || {
            for window in &windows {
                let pair = Pair { profile: &profile, reference: &reference, window };
                black_box(score(statistic.as_ref(), &pair));
            }
        });
        sum += seconds;
        println!("  {name:24} {:>8.2} ms", seconds * 1e3);
    }
    println!("  {:24} {:>8.2} ms", "both", sum * 1e3);
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

fn judging() {
    let mut house = House::new(FEATURES, HOUR, HOP);
    house.feed_until(HOUR, 200);
    // The next slab closes a pane: one boundary, with a window of both monitors per feature.
    let seconds = median_seconds(7, || {
        let lines = house.judge_next_hop(200);
        assert_eq!(lines, 2 * FEATURES);
    });
    println!("judging them in the engine");
    println!("  {:24} {:>8.2} ms", "both monitors", seconds * 1e3);
}

fn cost_per_event() {
    println!("cost per event, 5 features, 1,000 events per hop of 5 minutes");
    let mut first = None;
    for (name, window) in
        [("1 h", HOUR), ("1 d", Span::from_secs(86_400)), ("7 d", Span::from_secs(7 * 86_400))]
    {
        let mut house = House::new(5, window, HOP);
        house.feed_until(window, 1_000);
        let hops = 96;
        let seconds = median_seconds(5, || house.feed(hops, 1_000)) / (f64::from(hops) * 1_000.0);
        let ratio = seconds / *first.get_or_insert(seconds);
        println!("  window of {name:14} {:>8.0} ns {ratio:>6.2}", seconds * 1e9);
    }
}
