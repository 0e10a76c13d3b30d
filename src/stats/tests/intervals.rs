//! 95 % intervals of metrics against numpy and scikit-learn, and how often they hold the truth.

use super::orders::Random;
use super::*;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/intervals.json")).unwrap()
}

fn asked(name: &str, options: &Value, sums: &Performance) -> Score {
    let sample = Sample { performance: Some(sums), ..Sample::default() };
    build_with(name, options).score(&sample).unwrap()
}

fn score(name: &str, sums: &Performance) -> Score {
    asked(name, &json!({}), sums)
}

fn averaged(name: &str, average: &str, sums: &Performance) -> Score {
    asked(name, &json!({ "average": average }), sums)
}

/// Every average of every metric that has one; none of them is accuracy.
const AVERAGES: [(&str, &str); 5] = [
    ("precision", "macro"),
    ("precision", "weighted"),
    ("recall", "macro"),
    ("f1", "macro"),
    ("f1", "weighted"),
];

fn classes(counts: &[Vec<usize>]) -> Performance {
    let mut sums = Performance::empty(Task::Multiclass, &[]);
    for (actual, row) in counts.iter().enumerate() {
        for (predicted, &n) in row.iter().enumerate() {
            let (outcome, said) = (format!("c{actual}"), format!("c{predicted}"));
            let pair = Observation::Multiclass {
                predicted: Some(&said),
                classes: &[],
                probabilities: &[],
                outcome: &outcome,
            };
            (0..n).for_each(|_| sums.observe(&pair, 1));
        }
    }
    sums
}

/// The second class is the positive one.
fn yes_and_no(counts: &[Vec<usize>]) -> Performance {
    let mut sums = Performance::empty(Task::Binary, &[]);
    for (actual, row) in counts.iter().enumerate() {
        for (predicted, &n) in row.iter().enumerate() {
            let (predicted, outcome) = (Some(predicted == 1), actual == 1);
            let pair = Observation::Binary { predicted, probability: None, outcome };
            (0..n).for_each(|_| sums.observe(&pair, 1));
        }
    }
    sums
}

fn same(got: Score, want: &Value, tolerance: f64, what: &str) {
    let ((low, high), want) = (got.interval.unwrap(), numbers(want));
    let near = |a: f64, b: f64| (a - b).abs() < tolerance;
    assert!(near(low, want[0]) && near(high, want[1]), "{what}: {got:?} is not {want:?}");
    assert!(low <= got.value && got.value <= high, "{what}: {got:?}");
}

#[test]
fn intervals_of_confusions_equal_numeric_derivatives() {
    for case in golden()["confusions"].as_array().unwrap() {
        let rows = case["counts"].as_array().unwrap();
        let whole = |row: &Value| numbers(row).into_iter().map(|n| n as usize).collect();
        let counts: Vec<Vec<usize>> = rows.iter().map(whole).collect();
        let (sums, name) = (classes(&counts), case["name"].as_str().unwrap());
        // What numeric differentiation leaves.
        same(score("mcc", &sums), &case["mcc"], 1e-10, name);
        for (metric, average) in AVERAGES {
            let want = &case[format!("{metric}({average})")];
            let what = format!("{name}: {average} {metric}");
            same(averaged(metric, average, &sums), want, 1e-10, &what);
        }
        let recall = averaged("recall", "weighted", &sums);
        same(recall, &case["recall(weighted)"], 1e-12, name);
        assert_eq!(recall, score("accuracy", &sums), "{name}: the share of right pairs");
        if counts.len() == 2 {
            same(score("mcc", &yes_and_no(&counts)), &case["mcc"], 1e-10, name);
        }
    }
}

#[test]
fn a_class_alone_has_no_interval() {
    let sums = classes(&[vec![30]]);
    for (metric, average) in AVERAGES {
        let score = averaged(metric, average, &sums);
        assert_eq!((score.value, score.interval), (1.0, None), "{average} {metric}");
    }
    for sums in [sums, yes_and_no(&[vec![30, 0], vec![2, 0]])] {
        let score = score("mcc", &sums);
        assert_eq!((score.value, score.interval), (0.0, None));
    }
}

/// One pair of a class's own and of its probabilities, in the order of their names.
fn told(sums: &mut Performance, names: &[String], outcome: usize, probabilities: &[f64]) {
    let outcome = &names[outcome];
    let pair = Observation::Multiclass { predicted: None, classes: names, probabilities, outcome };
    sums.observe(&pair, 1);
}

fn names() -> Vec<String> {
    ["a", "b", "c"].map(str::to_owned).into()
}

#[test]
fn the_interval_of_a_mean_of_areas_holds_the_mean_of_their_deviations() {
    let (golden, names) = (golden(), names());
    let case = &golden["roc_auc"];
    let mut sums = Performance::empty(Task::Multiclass, &[Extra::Scores]);
    for (outcome, p) in numbers(&case["outcomes"]).into_iter().zip(0..) {
        told(&mut sums, &names, outcome as usize, &numbers(&case["probabilities"][p]));
    }
    let area = score("roc_auc", &sums);
    close(area.value, case["value"].as_f64().unwrap(), 1e-12, "roc_auc");
    same(area, &case["interval"], 1e-12, "roc_auc");
    // Of one class one pair is there: its area has no deviation.
    let mut sums = Performance::empty(Task::Multiclass, &[Extra::Scores]);
    for (outcome, p) in [(0, 0.9), (0, 0.4), (1, 0.3), (1, 0.6), (2, 0.5)] {
        told(&mut sums, &names, outcome, &[p, 1.0 - p, p / 2.0]);
    }
    assert_eq!(score("roc_auc", &sums).interval, None);
}

fn scored(sums: &mut Performance, probability: f64, outcome: bool) {
    let pair = Observation::Binary { predicted: None, probability: Some(probability), outcome };
    sums.observe(&pair, 1);
}

#[test]
fn the_interval_of_ece_equals_half_normal_laws() {
    for case in golden()["ece"].as_array().unwrap() {
        let mut sums = Performance::empty(Task::Binary, &[Extra::Calibration]);
        let (outcomes, told) = (numbers(&case["outcomes"]), numbers(&case["probabilities"]));
        for (y, p) in outcomes.into_iter().zip(told) {
            scored(&mut sums, p, y == 1.0);
        }
        let (score, name) = (score("ece", &sums), case["name"].as_str().unwrap());
        close(score.value, case["value"].as_f64().unwrap(), 1e-9, name);
        same(score, &case["interval"], 1e-12, name);
    }
}

#[test]
fn the_interval_of_r2_equals_numpys() {
    for case in golden()["r2"].as_array().unwrap() {
        let pairs = numbers(&case["outcomes"]).into_iter().zip(numbers(&case["predictions"]));
        let pairs: Vec<(f64, f64)> = pairs.collect();
        let sums = |extras: &[Extra]| {
            let mut sums = Performance::empty(Task::Regression, extras);
            for &(outcome, prediction) in &pairs {
                sums.observe(&Observation::Regression { prediction, outcome }, 1);
            }
            sums
        };
        let kind = STATISTICS.iter().find(|kind| kind.name == "r2").unwrap();
        let (found, name) = (score("r2", &sums(kind.extras)), case["name"].as_str().unwrap());
        close(found.value, case["value"].as_f64().unwrap(), 1e-9, name);
        same(found, &case["interval"], 1e-12, name);
        // Panes of a state that knew no squares yet.
        let bare = score("r2", &sums(&[Extra::Outcomes]));
        assert_eq!((bare.value, bare.interval), (found.value, None), "{name}");
    }
}

/// Windows of a simulation, and pairs of a window.
const ROUNDS: usize = 2_000;
const PAIRS: usize = 300;

/// How often intervals held the truth, each of some at its place.
fn coverages<const N: usize>(
    seed: u64,
    mut round: impl FnMut(&mut Random) -> [(Score, f64); N],
) -> [f64; N] {
    let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ seed);
    let mut held = [0; N];
    for _ in 0..ROUNDS {
        for (held, (score, truth)) in held.iter_mut().zip(round(&mut random)) {
            let (low, high) = score.interval.unwrap();
            *held += u32::from(low <= truth && truth <= high);
        }
    }
    held.map(|held| f64::from(held) / ROUNDS as f64)
}

fn coverage(seed: u64, mut round: impl FnMut(&mut Random) -> (Score, f64)) -> f64 {
    coverages(seed, |random| [round(random)])[0]
}

/// Counts of so many pairs, drawn with the shares of a table.
fn drawn(random: &mut Random, table: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let cells: Vec<(usize, usize)> = (0..table.len())
        .flat_map(|row| (0..table.len()).map(move |column| (row, column)))
        .flat_map(|(row, column)| vec![(row, column); table[row][column]])
        .collect();
    let mut counts = vec![vec![0; table.len()]; table.len()];
    for _ in 0..PAIRS {
        let (row, column) = cells[(random.uniform() * cells.len() as f64) as usize];
        counts[row][column] += 1;
    }
    counts
}

#[test]
fn intervals_of_confusions_hold_the_truth() {
    // Thirty pairs of a rare class, of which nine or ten are wrong, are few for a normal law.
    let tables: [(&str, f64, Vec<Vec<usize>>); 6] = [
        ("alike", 0.93, vec![vec![70, 20, 10], vec![15, 75, 10], vec![12, 13, 75]]),
        ("uneven", 0.93, vec![vec![450, 30, 20], vec![40, 240, 20], vec![30, 50, 120]]),
        ("hardly ever wrong", 0.93, vec![vec![495, 3, 2], vec![2, 298, 0], vec![1, 2, 197]]),
        ("guessing", 0.93, vec![vec![25, 15, 10], vec![15, 9, 6], vec![10, 6, 4]]),
        ("two", 0.93, vec![vec![75, 5], vec![5, 15]]),
        ("one of two rare", 0.915, vec![vec![85, 5], vec![3, 7]]),
    ];
    let all = |sums: &Performance| {
        let [a, b, c, d, e] = AVERAGES.map(|(metric, average)| averaged(metric, average, sums));
        [score("mcc", sums), a, b, c, d, e]
    };
    for (seed, (name, least, table)) in tables.iter().enumerate() {
        let truth = all(&classes(table)).map(|score| score.value);
        let held = coverages(seed as u64, |random| {
            let scores = all(&classes(&drawn(random, table)));
            std::array::from_fn::<_, 6, _>(|place| (scores[place], truth[place]))
        });
        assert!(held.iter().all(|held| (*least..=0.99).contains(held)), "{name}: {held:?}");
    }
}

/// Of two uniform numbers the greater is a positive's, so that the area is 2/3; of each class its
/// own, or the same of all of them.
#[test]
fn intervals_of_mean_areas_hold_the_truth() {
    let names = names();
    for alike in [false, true] {
        let held = coverage(11, |random| {
            let mut sums = Performance::empty(Task::Multiclass, &[Extra::Scores]);
            for _ in 0..PAIRS {
                let outcome = (3.0 * random.uniform().powi(2)) as usize;
                let (shared, own) = (random.uniform(), [0; 3].map(|_| random.uniform()));
                let p: Vec<f64> = (0..3)
                    .map(|class| {
                        let u = if alike { shared } else { own[class] };
                        if class == outcome { u.sqrt() } else { u }
                    })
                    .collect();
                told(&mut sums, &names, outcome, &p);
            }
            (score("roc_auc", &sums), 2.0 / 3.0)
        });
        assert!(held >= 0.95, "alike {alike}: {held}");
    }
}

#[test]
fn intervals_of_ece_hold_the_truth() {
    type Law = (&'static str, fn(f64) -> f64, fn(f64) -> f64);
    // What is said, out of a uniform number, and how often it comes true then.
    let laws: [Law; 6] = [
        ("honest", |u| u, |p| p),
        ("one bin, rare", |u| 0.1 * u, |p| p),
        ("one bin, hardly ever", |u| 0.01 * u, |p| p),
        ("one bin, honest", |u| 0.41 + 0.08 * u, |p| p),
        ("one bin, too low", |u| 0.41 + 0.08 * u, |p| p + 0.3),
        ("too sure", |u| u, |p| 0.25 + 0.5 * p),
    ];
    for (seed, (name, said, true_share)) in laws.into_iter().enumerate() {
        let held = coverage(seed as u64, |random| {
            let mut sums = Performance::empty(Task::Binary, &[Extra::Calibration]);
            let mut gaps = [0.0; 10];
            for _ in 0..PAIRS {
                let p = said(random.uniform());
                scored(&mut sums, p, random.uniform() < true_share(p));
                gaps[(p * 10.0).ceil().clamp(1.0, 10.0) as usize - 1] += true_share(p) - p;
            }
            let truth = gaps.iter().map(|gap: &f64| gap.abs()).sum::<f64>() / PAIRS as f64;
            (score("ece", &sums), truth)
        });
        // In one bin it is 95 % and no more, which two thousand rounds miss by half a percent.
        let least = if name.starts_with("one bin") { 0.935 } else { 0.95 };
        assert!(held >= least, "{name}: {held}");
    }
}

/// The truth is that of the window's own outcomes: their spread is taken as it is.
#[test]
fn intervals_of_r2_hold_the_truth() {
    for scale in [1.0, 3.0] {
        let held = coverage(5, |random| {
            let mut normal = || (0..12).map(|_| random.uniform()).sum::<f64>() - 6.0;
            let mut sums = Performance::empty(Task::Regression, &Extra::ALL);
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..PAIRS {
                let outcome = 2.0 * normal();
                let prediction = outcome + scale * normal();
                sums.observe(&Observation::Regression { prediction, outcome }, 1);
                sum += outcome;
                squares += outcome * outcome;
            }
            let n = PAIRS as f64;
            let truth = 1.0 - scale * scale / (squares / n - (sum / n).powi(2));
            (score("r2", &sums), truth)
        });
        assert!((0.93..=0.99).contains(&held), "errors of {scale}: {held}");
    }
}
