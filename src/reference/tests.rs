use super::*;
use crate::event::{Absent, Batch, Numbers, Time, Values, Words};
use crate::stats::{Dtype, Params, STATISTICS, Sample, SeriesKind, Statistic, Task, statistic};

fn spec() -> BuildSpec {
    BuildSpec {
        model: "demand".into(),
        features: vec![
            ("city".into(), SeriesKind::Category),
            ("fare".into(), SeriesKind::Numeric(Dtype::F64)),
        ],
        prediction: Some(SeriesKind::Numeric(Dtype::F64)),
        outcome: Some(SeriesKind::Numeric(Dtype::F64)),
        task: Some(Task::Regression),
        dimensions: vec![vec!["city".into()]],
        segment_series: ["features.fare".to_owned()].into(),
        edges: BTreeMap::from([("features.fare".to_owned(), vec![12.5])]),
        most_categories: 10,
        ..BuildSpec::default()
    }
}

fn batch(fares: &[f64]) -> Batch {
    let mut batch = Batch { words: vec![Words::default()], ..Batch::default() };
    let (mut fare, mut said, mut was) = Default::default();
    for (i, x) in fares.iter().enumerate() {
        batch.offsets.push(i as i64);
        batch.times.push(Time(0));
        batch.words[0].push(if i % 2 == 0 { "Oslo" } else { "Bergen, Vest" });
        push(&mut fare, *x);
        push(&mut said, 10.0);
        push(&mut was, if i % 2 == 0 { 8.0 } else { 11.0 });
    }
    batch.numbers = vec![fare];
    batch.prediction = Some(Values::Numbers(said));
    batch.outcome = Some(Values::Numbers(was));
    batch
}

fn push(column: &mut Numbers, x: f64) {
    column.push(x);
}

fn built(fares: &[f64]) -> Reference {
    let mut builder = Builder::new(spec());
    for chunk in fares.chunks(7) {
        builder.observe(&batch(chunk)).unwrap();
    }
    builder.finish(CreatedFrom::default())
}

fn fares(n: u32) -> Vec<f64> {
    (0..n).map(|i| f64::from((i * 7919) % n)).collect()
}

#[test]
fn survives_its_file_and_says_what_was_changed_by_hand() {
    let mut values = fares(100);
    values[3] = f64::INFINITY;
    let reference = built(&values);
    let text = reference.to_json();
    assert_eq!(Reference::parse(&text).unwrap(), reference);
    let tampered = text.replacen("\"rows\":100", "\"rows\":101", 1);
    assert!(Reference::parse(&tampered).is_err());
    for (text, part) in [
        ("{", "not JSON"),
        ("{}", "not a reference file"),
        ("{\"driftd_reference\":2}", "format 2"),
        ("{\"driftd_reference\":1}", "id"),
    ] {
        let error = Reference::parse(text).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn few_values_are_kept_whole_with_the_edges() {
    let reference = built(&fares(100));
    let Profile::Numeric(fare) = reference.series["features.fare"].as_ref() else { panic!() };
    assert_eq!(fare.grid.len(), 101);
    assert!(fare.grid.contains(&12.5) && fare.is_whole());
    let place = fare.grid.iter().position(|g| *g == 12.5).unwrap();
    assert_eq!((fare.below[place], fare.at_or_below[place]), (13, 13));
}

#[test]
fn many_values_become_quantiles() {
    let reference = built(&fares(4800));
    let Profile::Numeric(fare) = reference.series["features.fare"].as_ref() else { panic!() };
    // 479 quantiles, minimum, maximum and the edge; F(x) >= j/480 first holds at 10 j - 1.
    assert_eq!(fare.grid.len(), 479 + 2 + 1);
    assert!(!fare.is_whole());
    for j in [1.0, 48.0, 240.0, 479.0] {
        assert!(fare.grid.contains(&(10.0 * j - 1.0)), "{j}");
    }
}

#[test]
fn segments_share_the_grid_and_have_their_own_metrics() {
    let reference = built(&fares(100));
    let oslo = &reference.segments["city"]["Oslo"];
    let bergen = &reference.segments["city"]["Bergen\\, Vest"];
    assert_eq!(oslo.rows + bergen.rows, 100);
    let mut sum = oslo.series["features.fare"].clone();
    sum.add(&bergen.series["features.fare"]);
    assert_eq!(sum, reference.series["features.fare"].whole());
    assert_eq!((oslo.performance["mae"], bergen.performance["mae"]), (2.0, 1.0));
    assert_eq!(reference.performance["n"], 100.0);
}

#[test]
fn the_order_of_rows_and_where_they_came_from_do_not_matter() {
    let values = fares(90);
    let mut turned = values.clone();
    turned.reverse();
    // An even shift keeps each fare in its city.
    turned.rotate_left(1);
    let (a, b) = (built(&values), built(&turned));
    assert_eq!(a.series["features.fare"].id(), b.series["features.fare"].id());
    assert_ne!(a.series["features.fare"].id(), built(&fares(91)).series["features.fare"].id());
}

#[test]
fn rows_without_a_value_are_counted_by_why() {
    let mut one = batch(&[1.0, 2.0, 3.0]);
    one.numbers[0] = Numbers::default();
    one.numbers[0].push(1.0);
    one.numbers[0].push_absent(Absent::Null);
    one.numbers[0].push_absent(Absent::BadType);
    let mut builder = Builder::new(spec());
    builder.observe(&one).unwrap();
    let reference = builder.finish(CreatedFrom::default());
    let Profile::Numeric(fare) = reference.series["features.fare"].as_ref() else { panic!() };
    assert_eq!((fare.rows, fare.absences.missing, fare.absences.null), (3, 1, 1));
}

#[test]
fn rows_of_a_wrong_type_are_told_where_they_are_many() {
    let wrong = |bad: usize| {
        let mut rows = batch(&[1.0; 100]);
        rows.numbers[0] = Numbers::default();
        (0..100).for_each(|i| match i < bad {
            true => rows.numbers[0].push_absent(Absent::BadType),
            false => rows.numbers[0].push(1.0),
        });
        let mut builder = Builder::new(spec());
        builder.observe(&rows).unwrap();
        builder
            .of_wrong_type()
            .into_iter()
            .map(|(name, n)| (name.to_owned(), n))
            .collect::<Vec<_>>()
    };
    assert_eq!(wrong(5), []);
    assert_eq!(wrong(6), [("features.fare".to_owned(), 6)]);
}

#[test]
fn a_category_without_end_is_refused() {
    let mut many = batch(&[0.0; 30]);
    many.words[0] = Words::default();
    for i in 0..30 {
        many.words[0].push(&format!("rider-{i}"));
    }
    let error = Builder::new(spec()).observe(&many).unwrap_err().to_string();
    assert!(error.contains("features.city") && error.contains("limits.categories"), "{error}");
}

#[test]
fn a_diff_names_what_changed() {
    let (a, b) = (built(&fares(100)), built(&fares(200)));
    let same = diff(&a, &a);
    assert!(same.iter().all(|d| d.change == "same" && d.psi.is_some_and(|p| p.abs() < 1e-12)));
    let changed = diff(&a, &b);
    let fare = changed.iter().find(|d| d.series == "features.fare").unwrap();
    assert_eq!(fare.change, "changed");
    assert!(fare.psi.unwrap() > 0.1);
}

#[test]
fn a_count_is_written_as_one() {
    let file: serde_json::Value = serde_json::from_str(&built(&fares(100)).to_json()).unwrap();
    assert_eq!(file["performance"]["n"].as_u64(), Some(100));
    let oslo = &file["segments"]["city"]["Oslo"];
    assert_eq!(oslo["performance"]["n"], oslo["rows"]);
}

/// One of four pairs has outcome 0, which a share of the outcome leaves out.
#[test]
fn a_metric_says_of_how_many_pairs_it_is_and_errors_are_kept_where_compared() {
    let mut pairs = batch(&[1.0, 2.0, 3.0, 4.0]);
    let numbers = |values: &[f64]| {
        let mut numbers = Numbers::default();
        values.iter().for_each(|x| numbers.push(*x));
        Some(Values::Numbers(numbers))
    };
    (pairs.prediction, pairs.outcome) =
        (numbers(&[1.0, 5.0, 2.0, 1.0]), numbers(&[0.0, 4.0, 4.0, 2.0]));
    let built = |metrics: Vec<Arc<dyn Statistic>>| {
        let mut builder = Builder::new(BuildSpec { metrics, ..spec() });
        builder.observe(&pairs).unwrap();
        builder.finish(CreatedFrom::default())
    };
    let plain = built(Vec::new());
    assert_eq!(own_pairs(&plain.performance, "mape"), Some(3.0));
    assert_eq!(own_pairs(&plain.performance, "mae"), None);
    assert!(plain.errors.is_none() && !plain.to_json().contains("\"errors\""));

    let kind = STATISTICS.iter().find(|kind| kind.name == "error_ks").unwrap();
    let compared = built(vec![(kind.build)(&mut Params::default()).unwrap()]);
    assert_ne!(compared.id, plain.id);
    assert_eq!(compared.errors.as_ref().unwrap().n(), 4);
    let back = Reference::parse(&compared.to_json()).unwrap();
    assert_eq!(back, compared);
    assert_eq!(back.segments["city"]["Oslo"].errors, compared.segments["city"]["Oslo"].errors);
    let broken = compared.to_json().replacen("\"errors\":[[", "\"errors\":[[\"x\",", 1);
    let error = Reference::parse(&broken).unwrap_err().to_string();
    assert!(error.contains("errors"), "{error}");
}

#[test]
fn edges_of_a_single_precision_feature_are_rounded_like_its_values() {
    let mut spec = spec();
    spec.features[1].1 = SeriesKind::Numeric(Dtype::F32);
    spec.edges = BTreeMap::from([("features.fare".to_owned(), vec![0.1])]);
    let mut builder = Builder::new(spec);
    builder.observe(&batch(&[0.1_f32, 0.5, 0.7].map(f64::from))).unwrap();
    let reference = builder.finish(CreatedFrom::default());
    let Profile::Numeric(fare) = reference.series["features.fare"].as_ref() else { panic!() };
    assert_eq!(fare.grid, [0.1_f32, 0.5, 0.7].map(f64::from));
}

/// A binary model whose probabilities and outcomes are those of a golden case.
fn binary(case: &serde_json::Value) -> Reference {
    let spec = BuildSpec {
        features: Vec::new(),
        prediction: Some(SeriesKind::Category),
        outcome: Some(SeriesKind::Category),
        task: Some(Task::Binary),
        positive: vec!["yes".into()],
        threshold: Some(0.5),
        dimensions: Vec::new(),
        segment_series: Default::default(),
        edges: BTreeMap::from([("probability".to_owned(), vec![0.5])]),
        ..spec()
    };
    let numbers =
        |key: &str| -> Vec<f64> { serde_json::from_value(case["reference"][key].clone()).unwrap() };
    let (mut probability, mut outcome) = (Numbers::default(), Words::default());
    let mut batch = Batch::default();
    for (p, y) in numbers("p").into_iter().zip(numbers("y")) {
        batch.times.push(Time(0));
        push(&mut probability, p);
        outcome.push(if y > 0.0 { "yes" } else { "no" });
    }
    batch.probabilities = vec![probability];
    batch.outcome = Some(Values::Words(outcome));
    let mut builder = Builder::new(spec);
    builder.observe(&batch).unwrap();
    builder.finish(CreatedFrom::default())
}

#[test]
fn a_compressed_reference_estimates_within_its_grid() {
    let golden = include_str!("../../tests/golden/estimates.json");
    let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
    let case = &golden["cases"][1];
    let reference = binary(case);
    let text = reference.to_json();
    assert_eq!(Reference::parse(&text).unwrap(), reference);
    let Profile::Numeric(profile) = reference.series["probability"].as_ref() else { panic!() };
    assert!(!profile.is_whole());
    let calibrator = reference.calibrator().unwrap();
    assert!(calibrator.isotonic);
    let (id, cells) = reference.ruler(CLASSIFIED).unwrap();
    assert_eq!((id, cells), (profile.id.as_str(), 2 * calibrator.table.len()));
    let mut counts = Counts::new(cells);
    let numbers =
        |key: &str| -> Vec<f64> { serde_json::from_value(case["window"][key].clone()).unwrap() };
    for (p, said) in numbers("p").into_iter().zip(numbers("said")) {
        counts.cells[2 * profile.code(p) as usize + usize::from(said > 0.0)] += 1;
    }
    let sample =
        Sample { window: Some(&counts), calibrator: Some(calibrator), ..Sample::default() };
    for metric in ["accuracy", "precision", "recall", "specificity", "f1", "roc_auc"] {
        let kind = STATISTICS.iter().find(|k| k.name == metric).unwrap();
        let options = serde_json::Map::from_iter([("estimated".to_owned(), true.into())]);
        let estimate = statistic(kind, &mut Params::new(options)).unwrap();
        let (score, want) =
            (estimate.score(&sample).unwrap(), case["nannyml"][metric].as_f64().unwrap());
        assert!((score.value - want).abs() < 1e-3, "{metric}: {} is not {want}", score.value);
        let (low, high) = score.interval.unwrap();
        assert!(low < want && want < high);
    }
    // The metric of the reference is the realised one.
    let right = case["reference"]["said"].as_array().unwrap().iter();
    let right = right.zip(case["reference"]["y"].as_array().unwrap()).filter(|(a, b)| a == b);
    assert_eq!(reference.performance["accuracy"], right.count() as f64 / 6000.0);
    // Whatever becomes of the probability, the calibrator is of its grid or none.
    let mut other = reference.clone();
    other.series.remove("probability");
    assert_eq!((other.calibrator(), other.ruler(CLASSIFIED)), (None, None));
    let tampered = text.replacen("\"isotonic\":true", "\"isotonic\":false", 1);
    assert!(Reference::parse(&tampered).unwrap_err().to_string().contains("calibration.id"));
}
