//! How long it takes to count one value: its code on a full grid of 1,000 points, and the counter
//! of that code. `cargo bench --bench counting --no-default-features`. Budget: 10 ns per value.

mod measure;

use std::hint::black_box;

use driftd::stats::{Absences, Dtype, NumericProfile};
use driftd::window::PaneCounts;
use measure::{Random, median_seconds};

const POINTS: u64 = 1_000;
/// A slab's worth of rows.
const VALUES: usize = 8_192;
const ROUNDS: usize = 301;

fn main() {
    let profile = NumericProfile {
        id: "grid".into(),
        dtype: Dtype::F64,
        rows: POINTS,
        absences: Absences::default(),
        grid: (0..POINTS).map(|point| point as f64 * 0.9).collect(),
        at_or_below: (1..=POINTS).collect(),
        below: (0..POINTS).collect(),
    };
    println!("ns per value, median of {ROUNDS} rounds of {VALUES} values");
    println!("{:24} {:>6} {:>6} {:>6}", "", "code", "count", "both");
    let mut random = Random(42);
    let on_points: Vec<f64> = (0..VALUES).map(|_| random.below(POINTS) as f64 * 0.9).collect();
    let between: Vec<f64> = on_points.iter().map(|value| value + 0.1).collect();
    for (name, values) in [("values on grid points", on_points), ("values between points", between)]
    {
        let mut codes = Vec::with_capacity(VALUES);
        let code = median_seconds(ROUNDS, || {
            codes.clear();
            profile.code_all(black_box(&values), &mut codes);
        });
        let mut counts = PaneCounts::new("grid".into(), 2 * POINTS as usize + 1);
        counts.count_all(&codes);
        let count = median_seconds(ROUNDS, || counts.count_all(black_box(&codes)));
        let both = median_seconds(ROUNDS, || {
            codes.clear();
            profile.code_all(black_box(&values), &mut codes);
            counts.count_all(&codes);
        });
        let per_value = |seconds: f64| seconds * 1e9 / VALUES as f64;
        println!(
            "{name:24} {:>6.2} {:>6.2} {:>6.2}",
            per_value(code),
            per_value(count),
            per_value(both)
        );
    }
}
