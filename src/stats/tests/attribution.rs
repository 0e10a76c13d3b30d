//! Splits against exact fractions out of rows (tests/golden/attribution.py), and on random parts.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/attribution.json")).unwrap()
}

type Rows = Vec<(Option<String>, Option<f64>)>;

fn rows(value: &Value) -> Rows {
    serde_json::from_value(value.clone()).unwrap()
}

/// Counts of the rows that `holds` says, with those without a value.
fn tally(profile: &NumericProfile, rows: &Rows, holds: impl Fn(&Option<String>) -> bool) -> Counts {
    let held: Vec<Option<f64>> =
        rows.iter().filter(|(name, _)| holds(name)).map(|(_, value)| *value).collect();
    let values: Vec<f64> = held.iter().copied().flatten().collect();
    let missing = (held.len() - values.len()) as u64;
    let absences = Absences { missing, ..Absences::default() };
    Counts { absences, ..count(profile, &values) }
}

struct Case {
    name: String,
    profile: Profile,
    reference: Counts,
    window: Counts,
    parts: BTreeMap<String, (Counts, Counts)>,
    want: Value,
}

fn cases() -> Vec<Case> {
    let case = |want: &Value| {
        let (before, now) = (rows(&want["reference"]), rows(&want["window"]));
        let values: Vec<f64> = before.iter().filter_map(|(_, value)| *value).collect();
        let missing = (before.len() - values.len()) as u64;
        let absences = Absences { missing, ..Absences::default() };
        let numeric =
            NumericProfile { rows: before.len() as u64, absences, ..super::profile(&values) };
        let names: BTreeSet<&String> =
            before.iter().chain(&now).filter_map(|(name, _)| name.as_ref()).collect();
        let part = |name: &&String| {
            let holds = |of: &Option<String>| of.as_ref() == Some(*name);
            let counts = |rows| tally(&numeric, rows, holds);
            ((*name).clone(), (counts(&before), counts(&now)))
        };
        Case {
            name: want["name"].as_str().unwrap().to_owned(),
            parts: names.iter().map(part).collect(),
            reference: tally(&numeric, &before, |_| true),
            window: tally(&numeric, &now, |_| true),
            profile: Profile::Numeric(numeric),
            want: want.clone(),
        }
    };
    golden()["cases"].as_array().unwrap().iter().map(case).collect()
}

fn four(split: &Split) -> [f64; 4] {
    [split.change, split.terms.mix, split.terms.within, split.terms.rest]
}

fn all_close(got: [f64; 4], want: &Value, what: &str) {
    for (got, want) in got.into_iter().zip(numbers(want)) {
        assert!((got - want).abs() < 1e-12, "{what}: {got} is not {want}");
    }
}

#[test]
fn splits_equal_those_of_rows() {
    for case in cases() {
        let Case { name, profile, reference, window, parts, want } = &case;
        let pair = Pair { profile, reference, window };
        let parts_of: Vec<(&Counts, &Counts)> = parts.values().map(|(r, w)| (r, w)).collect();
        let place = Place::of(&pair).unwrap();
        assert_eq!(place.label, want["ks"]["at"].as_str().unwrap(), "{name}");
        close(place.reference, want["ks"]["reference"].as_f64().unwrap(), 1e-12, name);
        close(place.window, want["ks"]["window"].as_f64().unwrap(), 1e-12, name);
        let ks = build("ks").score(&compare(pair)).unwrap().value;
        close(place.distance().abs(), ks, 1e-12, "the place is that of the distance");
        let split = place.split(&pair, &parts_of).unwrap();
        all_close(four(&split), &want["ks"]["split"], name);
        for (part, (segment, _)) in split.parts.iter().zip(parts) {
            let Some(terms) = want["ks"]["parts"].get(segment) else {
                assert_eq!((part.terms.mix, part.terms.within), (0.0, 0.0), "not in the reference");
                continue;
            };
            let terms = numbers(terms);
            assert!((part.terms.mix - terms[0]).abs() < 1e-12, "{name} {segment}");
            assert!((part.terms.within - terms[1]).abs() < 1e-12, "{name} {segment}");
        }
        let binning = build("psi").binning().unwrap();
        let terms: Vec<f64> = bins(&pair, &binning).iter().map(|bin| bin.term).collect();
        let wanted = numbers(&want["psi"]["terms"]);
        assert_eq!(terms.len(), wanted.len(), "{name}");
        for (got, want) in terms.iter().zip(&wanted) {
            close(*got, *want, 1e-12, name);
        }
        let psi = build("psi").score(&compare(pair)).unwrap().value;
        close(terms.iter().sum(), psi, 1e-12, "terms sum to the score");
        let split = split_psi(&pair, &binning, &parts_of).unwrap();
        all_close(four(&split), &want["psi"]["split"], name);
        close(split.change, psi, 1e-12, "the change is the score");
    }
}

/// Bins of categories, of other options, and of a segment that holds what the whole's bins do not
/// name.
#[test]
fn terms_sum_to_the_score_of_any_binning() {
    let names = [("a", 50), ("b", 30), ("new", 15), ("absent", 5)];
    let profile = Profile::Category(CategoryProfile {
        id: "id".into(),
        rows: 104,
        absences: Absences { missing: 4, ..Absences::default() },
        categories: names.map(|(name, n)| (name.to_owned(), n)).into(),
    });
    let reference = profile.whole();
    for (new, missing) in [(0, 0), (7, 0), (0, 9), (7, 9)] {
        let absences = Absences { missing, ..Absences::default() };
        let window =
            Counts { cells: vec![20, 40, 3, 2, new], counted: 65 + new, absences, type_errors: 0 };
        let pair = Pair { profile: &profile, reference: &reference, window: &window };
        let half =
            Counts { cells: vec![10, 20, 1, 1, new], counted: 32 + new, absences, type_errors: 0 };
        let parts = [(&half, &window), (&Counts::default(), &half)];
        for options in [json!({}), json!({"smoothing": 2.0})] {
            let psi = build_with("psi", &options);
            let (score, binning) =
                (psi.score(&compare(pair)).unwrap().value, psi.binning().unwrap());
            let terms: f64 = bins(&pair, &binning).iter().map(|bin| bin.term).sum();
            close(terms, score, 1e-12, "terms");
            let split = split_psi(&pair, &binning, &parts).unwrap();
            close(split.terms.sum(), score, 1e-12, "split");
        }
    }
}

/// Shares of uneven size, parts of one side alone, means of any sign and size.
#[test]
fn parts_sum_to_the_whole() {
    let mut seed = 1u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 40) as f64 / f64::from(1u32 << 24)
    };
    for round in 0..2_000 {
        let count = (random() * 6.0) as usize;
        let mut side = || match random() {
            x if x < 0.2 => Tally::default(),
            _ => Tally::of(random() * 4.0 - 2.0, (random() * 1_000.0).ceil()),
        };
        let mut sides = || Sides { reference: side(), window: side() };
        let parts: Vec<Sides> = (0..count).map(|_| sides()).collect();
        let of_none = sides();
        let sum = |of: fn(&Sides) -> Tally| {
            let all = parts.iter().chain([&of_none]).map(of);
            all.fold(Tally::default(), |a, b| Tally { n: a.n + b.n, sum: a.sum + b.sum })
        };
        let whole = Sides { reference: sum(|s| s.reference), window: sum(|s| s.window) };
        let Some(split) = Split::of(whole, &parts) else {
            assert!(whole.reference.n == 0.0 || whole.window.n == 0.0, "round {round}");
            continue;
        };
        let parts_add: f64 = split.parts.iter().map(|part| part.terms.sum()).sum();
        assert!((split.terms.sum() - split.change).abs() < 1e-12, "round {round}");
        if of_none == Sides::default() {
            assert!((parts_add - split.change).abs() < 1e-12, "round {round}: nothing is left");
        }
        for (part, sides) in split.parts.iter().zip(&parts) {
            let unchanged = sides.reference.n > 0.0 && sides.window == Tally::default();
            assert!(!unchanged || part.terms.within.abs() < 1e-12, "who is gone has not changed");
        }
    }
}
