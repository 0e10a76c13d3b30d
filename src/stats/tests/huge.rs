//! Windows of billions of events and counts beyond 2^32: every statistic stays a number, and those
//! that are free of scale say what they say of few events.

use super::orders::Random;
use super::*;

/// Each event as often as this; more than fits 32 bits.
const TIMES: u64 = 1 << 33;

/// Statistics that grow with the number of events.
const OF_SIZE: [&str; 4] = ["chi_square", "g_test", "cramer_von_mises", "anderson_darling"];

fn values(seed: u64, n: usize, power: f64) -> Vec<f64> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ seed);
    (0..n).map(|_| (1e4 * random.uniform().powf(power)).round() / 100.0).collect()
}

fn times(counts: &Counts, factor: u64) -> Counts {
    let Absences { missing, null, nan } = counts.absences;
    Counts {
        cells: counts.cells.iter().map(|n| n * factor).collect(),
        counted: counts.counted * factor,
        absences: Absences { missing: missing * factor, null: null * factor, nan: nan * factor },
        type_errors: counts.type_errors * factor,
    }
}

fn many(of: &NumericProfile) -> NumericProfile {
    NumericProfile {
        rows: of.rows * TIMES,
        at_or_below: of.at_or_below.iter().map(|n| n * TIMES).collect(),
        below: of.below.iter().map(|n| n * TIMES).collect(),
        ..of.clone()
    }
}

/// What a window says, with everything around its score; nothing of it may be anything but finite.
fn checked(statistic: &dyn Statistic, sample: &Sample<'_>) -> Option<f64> {
    let name = statistic.label();
    let score = statistic.score(sample).ok()?;
    assert!(score.value.is_finite(), "{name}: {score:?}");
    if let Some((low, high)) = score.interval {
        assert!(low <= score.value && score.value <= high, "{name}: {score:?}");
    }
    let chance = statistic.chance(sample, &score);
    assert!(chance.floor.is_none_or(f64::is_finite), "{name}: {chance:?}");
    if let Some(p) = chance.tail.and_then(Tail::probability) {
        assert!((0.0..=1.0).contains(&p), "{name}: {p}");
    }
    Some(score.value)
}

#[test]
fn distances_of_billions_of_events_are_those_of_few() {
    let few = profile(&values(1, 2_000, 2.0));
    let small = count(&few, &values(2, 1_500, 1.6));
    let (few_whole, large) = (Profile::Numeric(few.clone()), Profile::Numeric(many(&few)));
    let (reference, references) = (few_whole.whole(), large.whole());
    let window = times(&small, TIMES);
    assert!(
        window.rows() > 10_000_000_000_000 && window.cells.iter().any(|n| *n > u64::from(u32::MAX))
    );
    let mut told = 0;
    for kind in STATISTICS.iter().filter(|kind| kind.basis.per_series()) {
        let Ok(statistic) = (kind.build)(&mut Params::default()) else { continue };
        let pair = Pair { profile: &few_whole, reference: &reference, window: &small };
        let of_few = checked(statistic.as_ref(), &compare(pair));
        let pair = Pair { profile: &large, reference: &references, window: &window };
        let of_many = checked(statistic.as_ref(), &compare(pair));
        // A billion events beside a thousand rows, and the other way round.
        let pair = Pair { profile: &few_whole, reference: &reference, window: &window };
        checked(statistic.as_ref(), &compare(pair));
        let pair = Pair { profile: &large, reference: &references, window: &small };
        checked(statistic.as_ref(), &compare(pair));
        let (Some(few), Some(many)) = (of_few, of_many) else { continue };
        told += 1;
        if !OF_SIZE.contains(&kind.name) {
            // Half a count per bin weighs nothing any more.
            assert!((few - many).abs() < 0.02 * (1.0 + few.abs()), "{}: {few} {many}", kind.name);
        }
    }
    assert!(told > 15, "{told}");
}

fn doubled(mut sums: Performance, doublings: u32) -> Performance {
    for _ in 0..doublings {
        sums.merge(&sums.clone());
    }
    sums
}

#[test]
fn metrics_of_billions_of_pairs_are_those_of_few() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let names: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
    for task in [Task::Regression, Task::Binary, Task::Multiclass] {
        let mut few = Performance::empty(task, &Extra::ALL);
        for _ in 0..400 {
            let (x, y) = (random.uniform(), random.uniform());
            let class = |u: f64| &*names[(3.0 * u) as usize];
            let parts = [x / 2.0, (1.0 - x) / 2.0, 0.5];
            let pair = match task {
                Task::Regression => {
                    Observation::Regression { prediction: 10.0 * x, outcome: 8.0 * x + y }
                }
                Task::Binary => Observation::Binary {
                    predicted: Some(x > 0.5),
                    probability: Some(x),
                    outcome: y < x,
                },
                Task::Multiclass => Observation::Multiclass {
                    predicted: Some(class(x)),
                    classes: &names,
                    probabilities: &parts,
                    outcome: class(0.7 * x + 0.3 * y),
                },
            };
            few.observe(&pair, 1);
        }
        let many = doubled(few.clone(), 33);
        assert_eq!(many.n(), 400 << 33);
        let mut told = 0;
        for kind in STATISTICS.iter().filter(|kind| kind.basis == Basis::Performance) {
            let Ok(statistic) = (kind.build)(&mut Params::default()) else { continue };
            if !(kind.tasks.is_empty() || kind.tasks.contains(&task)) {
                continue;
            }
            let sample = |sums| Sample { performance: Some(sums), ..Sample::default() };
            let of_few = checked(statistic.as_ref(), &sample(&few));
            let of_many = checked(statistic.as_ref(), &sample(&many));
            let (Some(of_few), Some(of_many)) = (of_few, of_many) else { continue };
            told += 1;
            let near = (of_few - of_many).abs() < 1e-9 * (1.0 + of_few.abs());
            assert!(near, "{}: {of_few} {of_many}", kind.name);
        }
        assert!(told >= 5, "{task:?}: {told}");
    }
}
