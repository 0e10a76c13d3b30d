//! Noise floors by simulation: how often a window beyond its floor comes from the reference's own
//! source, over the shapes that real features have.

use super::orders::Random;
use super::*;

/// What a feature looks like; every value is its own draw, `None` a row without one.
type Shape = fn(&mut Random) -> Option<f64>;

fn continuous(random: &mut Random) -> Option<f64> {
    Some(random.uniform())
}

fn three_values(random: &mut Random) -> Option<f64> {
    let u = random.uniform();
    Some(if u < 0.5 {
        1.0
    } else if u < 0.8 {
        2.0
    } else {
        3.0
    })
}

fn thirty_values(random: &mut Random) -> Option<f64> {
    let u = random.uniform();
    Some((30.0 * u * u).floor())
}

fn heavy_atom(random: &mut Random) -> Option<f64> {
    Some(if random.uniform() < 0.95 { 0.0 } else { random.uniform() })
}

fn mostly_missing(random: &mut Random) -> Option<f64> {
    (random.uniform() < 0.05).then(|| random.uniform())
}

fn rarely_missing(random: &mut Random) -> Option<f64> {
    (random.uniform() > 0.002).then(|| random.uniform())
}

/// A narrow part of a whole that is spread over (0, 1): it fills two of ten bins.
fn narrow(random: &mut Random) -> Option<f64> {
    Some(0.35 + 0.1 * random.uniform())
}

/// Category numbers with shares that fall as 1 / rank, two hundred of them.
fn long_tail(random: &mut Random) -> Option<f64> {
    Some((201f64.powf(random.uniform())).floor())
}

/// A reference and windows from one source.
struct Case {
    name: &'static str,
    shape: Shape,
    /// Rows of the reference and of the window.
    rows: (usize, usize),
    /// Rows of a whole that is uniform on (0, 1) and rules the bins; 0 where the reference is the whole.
    whole: usize,
    /// Whether values are names.
    names: bool,
}

fn cases() -> Vec<Case> {
    let of = |name, shape, m, n| Case { name, shape, rows: (m, n), whole: 0, names: false };
    let part = |name, shape, m, n| Case { name, shape, rows: (m, n), whole: 1000, names: false };
    vec![
        of("continuous", continuous, 900, 300),
        of("long reference", continuous, 2500, 200),
        of("long window", continuous, 150, 1000),
        of("few of both", continuous, 40, 30),
        of("very few", continuous, 15, 8),
        of("three values", three_values, 600, 300),
        of("three values, few", three_values, 40, 20),
        of("thirty values", thirty_values, 600, 300),
        of("heavy atom", heavy_atom, 900, 300),
        of("heavy atom, few", heavy_atom, 100, 60),
        of("mostly missing", mostly_missing, 900, 300),
        of("rarely missing", rarely_missing, 1000, 500),
        part("narrow segment", narrow, 300, 200),
        part("tiny narrow segment", narrow, 30, 20),
        part("tiny segment", continuous, 25, 60),
        Case { names: true, ..of("three names", three_values, 600, 300) },
        Case { names: true, ..of("long tail of names", long_tail, 600, 300) },
    ]
}

fn draw(random: &mut Random, shape: Shape, rows: usize) -> (Vec<f64>, u64) {
    let values: Vec<f64> = (0..rows).filter_map(|_| shape(random)).collect();
    let missing = (rows - values.len()) as u64;
    (values, missing)
}

fn counted(profile: &NumericProfile, (values, missing): (&[f64], u64)) -> Counts {
    let mut counts = count(profile, values);
    counts.absences.missing = missing;
    counts
}

fn as_category(numeric: &NumericProfile) -> CategoryProfile {
    let mut before = 0;
    let mut categories: Vec<(String, u64)> = Vec::new();
    for (point, up_to) in numeric.grid.iter().zip(&numeric.at_or_below) {
        categories.push((format!("{point:08}"), up_to - before));
        before = *up_to;
    }
    CategoryProfile { id: "id".into(), rows: numeric.rows, absences: numeric.absences, categories }
}

/// One unchanged window beside its reference.
fn undrifted(random: &mut Random, case: &Case, check: &mut dyn FnMut(&Sample<'_>)) {
    let (m, n) = case.rows;
    let (values, missing) = draw(random, case.shape, m);
    let ruler =
        if case.whole == 0 { values.clone() } else { draw(random, continuous, case.whole).0 };
    let mut numeric =
        if ruler.len() > 1000 { orders::compressed(&ruler, 480) } else { profile(&ruler) };
    numeric.absences.missing = if case.whole == 0 { missing } else { 0 };
    numeric.rows = ruler.len() as u64 + numeric.absences.missing;
    let reference = counted(&numeric, (&values, missing));
    let (current, missing) = draw(random, case.shape, n);
    let window = counted(&numeric, (&current, missing));
    if case.names {
        let category = Profile::Category(as_category(&numeric));
        let fold = |counts: &Counts| {
            let mut cells: Vec<u64> = counts.cells.iter().skip(1).step_by(2).copied().collect();
            cells.push(counts.cells.iter().step_by(2).sum());
            Counts { cells, ..counts.clone() }
        };
        let (reference, window) = (fold(&reference), fold(&window));
        check(&Sample {
            events: n as u64,
            ..compare(Pair { profile: &category, reference: &reference, window: &window })
        });
        return;
    }
    let profile = Profile::Numeric(numeric);
    check(&Sample {
        events: n as u64,
        ..compare(Pair { profile: &profile, reference: &reference, window: &window })
    });
}

const ROUNDS: usize = 300;
/// Windows beyond a floor of 1 % in so many rounds: 3 are meant, and 10 are four standard deviations more.
const MOST: usize = 10;

/// How the scores of one statistic compare with their floors.
#[derive(Debug, Default)]
struct Seen {
    scores: Vec<f64>,
    floors: f64,
    beyond: usize,
}

/// Without drift a score exceeds its noise floor once in a hundred windows, or less often, and the
/// floor is no higher than it has to be for that.
fn holds(case: &Case, seed: u64) {
    let mut random = Random(seed);
    let statistics: Vec<_> = STATISTICS.iter().filter(|k| k.floor).map(|k| build(k.name)).collect();
    let mut table: Vec<Seen> = statistics.iter().map(|_| Seen::default()).collect();
    for _ in 0..ROUNDS {
        undrifted(&mut random, case, &mut |sample| {
            for (statistic, seen) in statistics.iter().zip(&mut table) {
                let Ok(score) = statistic.score(sample) else { continue };
                let Some(floor) = statistic.noise_floor(sample) else { continue };
                seen.scores.push(score.value);
                seen.floors += floor;
                seen.beyond += usize::from(score.value > floor);
            }
        });
    }
    for (statistic, mut seen) in statistics.iter().zip(table) {
        let what = format!("{}, {}", case.name, statistic.name());
        let n = seen.scores.len();
        assert!(seen.beyond <= MOST, "{what}: {} of {n} undrifted windows beyond", seen.beyond);
        // A rate moves in steps of a row, a spike in those of a gap, and the range of a bridge with a
        // heavy tie is bounded by twice its distance.
        let coarse = statistic.basis() == Basis::Quality || statistic.name() == "kuiper";
        if n == ROUNDS && !coarse {
            seen.scores.sort_by(f64::total_cmp);
            let (floor, reached) = (seen.floors / n as f64, seen.scores[n - 1 - n / 100]);
            assert!(floor < 1.75 * reached, "{what}: floor {floor}, scores reach {reached}");
        }
    }
}

#[test]
fn floors_hold() {
    std::thread::scope(|scope| {
        for (case, seed) in cases().into_iter().zip(20_261_101..) {
            scope.spawn(move || holds(&case, seed));
        }
    });
}
