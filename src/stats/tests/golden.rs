//! Distributions against scipy, numpy and astropy.

use super::*;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/statistics.json")).unwrap()
}

/// Each pair of samples on the whole reference of the first.
fn each_pair(mut check: impl FnMut(&str, &Value, &Sample<'_>)) {
    for case in golden()["pairs"].as_array().unwrap() {
        let numeric = profile(&numbers(&case["reference"]));
        let window = count(&numeric, &numbers(&case["window"]));
        let profile = Profile::Numeric(numeric);
        let reference = profile.whole();
        let pair = Pair { profile: &profile, reference: &reference, window: &window };
        check(case["name"].as_str().unwrap(), case, &compare(pair));
    }
}

#[test]
fn equal_to_scipy() {
    let exact = [
        "psi",
        "kl",
        "jensen_shannon",
        "hellinger",
        "total_variation",
        "l_infinity",
        "chi_square",
        "g_test",
        "ks",
        "kuiper",
        "mann_whitney",
        "cramer_von_mises",
        "anderson_darling",
    ];
    each_pair(|name, case, sample| {
        for statistic in exact {
            let score = build(statistic).score(sample);
            let Some(want) = case[statistic].as_f64() else {
                assert_eq!(score, Err(Undefined::Undefined), "{name} {statistic}");
                continue;
            };
            // Values that fall between the same two of the reference count as distinct; here they
            // are equal, and only these two statistics can tell.
            let ties_unseen = ["scipy ties", "same values"].contains(&name);
            if ties_unseen && ["cramer_von_mises", "anderson_darling"].contains(&statistic) {
                continue;
            }
            let score = score.unwrap();
            close(score.value, want, 1e-9, &format!("{name} {statistic}"));
            assert_eq!(score.interval, None, "{name}: a whole reference is exact");
        }
    });
}

#[test]
fn p_values_equal_scipys() {
    let mut told = std::collections::BTreeMap::<&str, u32>::new();
    each_pair(|name, case, sample| {
        for (statistic, tolerance) in [
            ("ks", 1e-6),
            ("chi_square", 1e-6),
            ("g_test", 1e-6),
            ("mann_whitney", 1e-9),
            ("cramer_von_mises", 1e-6),
            ("anderson_darling", 1e-9),
        ] {
            let ties_unseen = ["scipy ties", "same values"].contains(&name);
            if ties_unseen
                && ["mann_whitney", "cramer_von_mises", "anderson_darling"].contains(&statistic)
            {
                continue;
            }
            let got = build(statistic).p_value(sample);
            let want = case[format!("{statistic}_p")].as_f64();
            if let (Some(got), Some(want)) = (got, want) {
                // scipy ends the series of this law at terms of 1e-7.
                let near = statistic == "cramer_von_mises" && (got - want).abs() < 1e-6;
                if !near {
                    close(got, want, tolerance, &format!("{name} {statistic}"));
                }
                *told.entry(statistic).or_default() += 1;
            }
        }
    });
    assert!(told.len() == 6 && told.values().all(|n| *n >= 8), "{told:?}");
}

/// Stephens' correction and Paltani's formula are two approximations of one law.
#[test]
fn kuipers_law_is_near_astropys() {
    each_pair(|name, case, sample| {
        let (m, n) = (case["reference"].as_array().unwrap(), case["window"].as_array().unwrap());
        if m.len().min(n.len()) >= 90 {
            let got = build("kuiper").p_value(sample).unwrap();
            let want = case["kuiper_p"].as_f64().unwrap();
            assert!((got - want).abs() < 0.01 + 0.1 * want, "{name}: {got} is not {want}");
        }
    });
}

#[test]
fn wasserstein_lies_within_its_interval() {
    let (mut closed, mut open) = (0, 0);
    let holds = |score: Score, want: f64, name: &str| {
        let (low, high) = score.interval.unwrap_or((score.value, score.value));
        let near = low <= want * (1.0 + 1e-9) && want <= high * (1.0 + 1e-9);
        assert!(near && low <= score.value, "{name}: {score:?} {want}");
        high
    };
    each_pair(|name, case, sample| {
        let (Some(want), Some(deviation)) =
            (case["wasserstein"].as_f64(), case["deviation"].as_f64())
        else {
            return;
        };
        let (reference, window) = (numbers(&case["reference"]), numbers(&case["window"]));
        let Ok(score) = build("wasserstein").score(sample) else {
            assert!(reference.iter().all(|x| *x == reference[0]), "{name}: undefined");
            return;
        };
        let high = holds(score, want, name);
        let range = reference.iter().fold((f64::MAX, f64::MIN), |(l, h), x| (l.min(*x), h.max(*x)));
        let beyond = window.iter().any(|x| *x < range.0 || *x > range.1);
        assert_eq!(high.is_infinite(), beyond, "{name}: {score:?}");
        *(if beyond { &mut open } else { &mut closed }) += 1;
        let normed = build_with("wasserstein", &serde_json::json!({"normed": true})).score(sample);
        match normed {
            Ok(normed) => {
                close(normed.value, score.value / deviation, 1e-9, name);
                holds(normed, want / deviation, name);
            }
            Err(_) => close(deviation, 0.0, 1e-9, name),
        }
        if name == "inside" {
            assert!((score.value - want).abs() < 1e-3, "{} {want}", score.value);
        }
    });
    assert!(closed >= 3 && open >= 8, "{closed} closed, {open} open");
}

/// To nine digits of the probability, however small it is; to six where the law of large samples
/// begins, at 141 rows, and nearly all of it lies beyond.
#[test]
fn the_one_sample_law_equals_kstwo() {
    for case in golden()["kstwo"].as_array().unwrap() {
        let (n, d) = (case["n"].as_f64().unwrap(), case["d"].as_f64().unwrap());
        let want = case["sf"].as_f64().unwrap();
        let got = distribution::kolmogorov::one_sample_sf(n, d);
        let tolerance = if n > 140.0 && want > 0.999 { 2e-7 } else { 1e-9 };
        assert!((got / want - 1.0).abs() < tolerance, "n {n} d {d}: {got} is not {want}");
    }
}
