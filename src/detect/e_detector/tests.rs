//! The promise, and how fast changes are seen, on simulated streams of fixed seeds.

use std::sync::Arc;

use serde_json::{Value, json};
use statrs::distribution::{ContinuousCDF, Normal};

use crate::detect::tests::random::Random;
use crate::detect::{Detector, Member, Memory, Observation, Reading, Severity, Step};
use crate::event::Span;
use crate::stats::{Absences, CategoryProfile, Counts, Dtype, NumericProfile, Pair, Profile};

/// Values of a normal series, cut into cells of equal probability.
const CELLS: usize = 480;

/// A reference of `rows` values of a standard normal series, on a whole grid of its cells.
fn reference(rows: usize, random: &mut Random) -> Profile {
    profile((0..rows).map(|_| cell(random.normal())).collect())
}

fn profile(mut values: Vec<f64>) -> Profile {
    let rows = values.len();
    values.sort_by(f64::total_cmp);
    let grid: Vec<f64> = (0..CELLS).map(|c| c as f64).collect();
    Profile::Numeric(NumericProfile {
        id: "id".into(),
        dtype: Dtype::F64,
        rows: rows as u64,
        absences: Absences::default(),
        at_or_below: grid.iter().map(|g| values.partition_point(|x| x <= g) as u64).collect(),
        below: grid.iter().map(|g| values.partition_point(|x| x < g) as u64).collect(),
        grid,
    })
}

/// A value's cell between -4 and 4 standard deviations.
fn cell(value: f64) -> f64 {
    ((value + 4.0) / 8.0 * CELLS as f64).floor().clamp(0.0, (CELLS - 1) as f64)
}

struct Stream {
    profile: Profile,
    whole: Counts,
    detector: Arc<dyn Detector>,
    memory: Memory,
    random: Random,
}

impl Stream {
    fn new(rows: usize, seed: u64, options: &Value) -> Stream {
        let mut random = Random(seed);
        let profile = reference(rows, &mut random);
        let detector = super::super::tests::build("e-detector", "psi", options).unwrap();
        Stream { whole: profile.whole(), profile, detector, memory: Memory::default(), random }
    }

    /// One hour of `events` values moved by `shift`, of which a share is missing.
    fn step(&mut self, events: usize, shift: f64, missing: f64) -> (Option<Severity>, bool) {
        let reading = self.read(events, shift, missing, 1);
        (reading.beyond, reading.uncleared)
    }

    /// One hour of a thousand values moved by `shift`, each of them so often.
    fn many(&mut self, each: u64, shift: f64) {
        let mut counts = Counts::new(2 * CELLS + 1);
        for _ in 0..1_000 {
            counts.cells[2 * cell(self.random.normal() + shift) as usize + 1] += each;
        }
        counts.counted = counts.cells.iter().sum();
        self.look(&counts, 1);
    }

    /// The same, as one of so many that share the promise.
    fn read(&mut self, events: usize, shift: f64, missing: f64, among: usize) -> Reading {
        let mut counts = Counts::new(2 * CELLS + 1);
        for _ in 0..events {
            if self.random.unit() < missing {
                counts.absences.missing += 1;
            } else {
                counts.cells[2 * cell(self.random.normal() + shift) as usize + 1] += 1;
                counts.counted += 1;
            }
        }
        self.look(&counts, among)
    }

    fn look(&mut self, window: &Counts, among: usize) -> Reading {
        let pair = Pair { profile: &self.profile, reference: &self.whole, window };
        let seen = Observation {
            every: Span::from_secs(3600),
            among,
            step: Step { pair: Some(pair), ..Step::default() },
            ..Observation::of(0.0)
        };
        self.detector.read(&seen, &mut self.memory).unwrap()
    }

    /// Steps until it is critical; `most` where it never is.
    fn delay(&mut self, events: usize, shift: f64, missing: f64, most: usize) -> usize {
        (1..=most)
            .find(|_| self.step(events, shift, missing).0 == Some(Severity::Critical))
            .unwrap_or(most)
    }
}

/// Options with a promise in steps, here hours.
fn promise(steps: u64, tolerance: f64) -> Value {
    json!({"false_alarm_every": format!("{steps}h"), "tolerance": tolerance})
}

/// The mean time to the first false alarm is at least what is stated, whatever the reference's
/// size; runs are cut off at ten times the promise, which only lowers the mean.
#[test]
fn false_alarms_are_as_rare_as_stated() {
    for rows in [300, 1_000, 10_000] {
        for stated in [20, 100] {
            let runs = 20;
            let total: usize = (0..runs)
                .map(|seed| {
                    let mut stream = Stream::new(rows, seed, &promise(stated, 0.0));
                    stream.delay(100, 0.0, 0.0, 10 * stated as usize)
                })
                .sum();
            let mean = total as f64 / runs as f64;
            assert!(mean >= stated as f64, "{rows} rows, stated {stated}, measured {mean}");
        }
    }
}

#[test]
fn a_change_is_seen_and_its_end_too() {
    let mut stream = Stream::new(10_000, 1, &json!({}));
    for _ in 0..300 {
        assert_eq!(stream.step(500, 0.0, 0.0).0, None);
    }
    let delay = stream.delay(500, 0.5, 0.0, 50);
    assert!(delay <= 2, "{delay}");
    for _ in 0..100 {
        assert_eq!(stream.step(500, 0.5, 0.0).0, Some(Severity::Critical), "it stays");
    }
    let cleared = (1..50).find(|_| !stream.step(500, 0.0, 0.0).1).unwrap();
    assert!(cleared <= 3, "{cleared}");
    for _ in 0..300 {
        assert_eq!(stream.step(500, 0.0, 0.0).0, None);
    }
    let delay = stream.delay(500, 0.0, 0.1, 50);
    assert!(delay <= 3, "missing values: {delay}");
}

/// Days that differ by 0.15 standard deviations, all their hours alike: hours differ no more among
/// themselves than that, and the sums of a day do.
#[test]
fn days_whose_hours_go_together_are_no_evidence_and_a_change_still_is() {
    let mut alarms = 0;
    for seed in 0..4 {
        let mut stream = Stream::new(10_000, seed, &json!({}));
        let mut hour = |day: f64, shift: f64| stream.step(500, day + shift, 0.0).0.is_some();
        let mut random = Random(seed + 100);
        for _ in 0..40 {
            let day = 0.15 * random.normal();
            alarms += (0..24).filter(|_| hour(day, 0.0)).count();
        }
        let delay = (1..=72).find(|_| hour(0.0, 0.7)).unwrap();
        assert!(delay <= 48, "{delay}");
    }
    // In 160 days less than two false alarms, each of some hours; without it 376 hours.
    assert!(alarms <= 48, "{alarms} hours of alarm in 3,840");
}

/// What [`Detector::memory`] promises goes into the bound on memory that `check` prints.
#[test]
fn it_remembers_no_more_than_it_says() {
    for (options, each) in
        [(json!({}), 5_000), (json!({"bins": 480}), 5), (json!({"calibrate": false}), 1)]
    {
        let mut stream = Stream::new(10_000, 3, &options);
        let mut day = Random(9);
        let mut most = 0;
        for hour in 0..600 {
            // Waves of all lengths have something to keep.
            let shift = if hour % 24 == 0 { 0.3 * day.normal() } else { 0.0 };
            stream.many(each, shift);
            let bytes = postcard::to_stdvec(&stream.memory).unwrap().len() as u64;
            most = most.max(bytes);
        }
        let stated = stream.detector.memory();
        assert!(most <= stated, "{options}: {most} bytes of {stated}");
        assert!(most * 8 >= stated, "{options}: {most} bytes of {stated} is no tight bound");
    }
}

/// Hours that differ by 0.15 standard deviations, as real ones do: twelve times what 500 independent
/// events explain.
#[test]
fn hours_that_differ_are_no_evidence_and_a_change_still_is() {
    let mut alarms = [0, 0];
    for seed in 0..4 {
        for calibrate in [true, false] {
            let mut stream = Stream::new(10_000, seed, &json!({"calibrate": calibrate}));
            let mut hour = |shift: f64| {
                let effect = 0.15 * stream.random.normal();
                stream.step(500, shift + effect, 0.0).0.is_some()
            };
            alarms[usize::from(calibrate)] += (0..400).filter(|_| hour(0.0)).count();
            if calibrate {
                let delay = (1..=50).find(|_| hour(0.5)).unwrap();
                assert!(delay <= 10, "{delay}");
            }
        }
    }
    // 1600 hours at a false alarm in 2160.
    let [plain, learnt] = alarms;
    assert!(learnt <= 1 && plain > 20, "{learnt} hours of alarm; {plain} without");
}

#[test]
fn a_change_within_the_tolerance_is_none() {
    // A shift of 0.1 standard deviations has PSI 0.01.
    let mut tolerant = Stream::new(100_000, 5, &json!({"tolerance": 0.02}));
    let mut strict = Stream::new(100_000, 5, &json!({"tolerance": 0.0}));
    assert_eq!(tolerant.delay(1_000, 0.1, 0.0, 200), 200);
    let delay = strict.delay(1_000, 0.1, 0.0, 200);
    assert!(delay < 40, "{delay}");
}

#[test]
fn another_reference_begins_anew() {
    let mut stream = Stream::new(10_000, 9, &json!({}));
    assert!(stream.delay(500, 1.0, 0.0, 10) < 10);
    let other = Stream::new(10_000, 10, &json!({}));
    (stream.profile, stream.whole) = (other.profile, other.whole);
    assert_eq!(stream.step(500, 0.0, 0.0), (None, false));
}

#[test]
fn a_restart_changes_nothing() {
    let mut through = Stream::new(1_000, 3, &promise(50, 0.0));
    let mut restarted = Stream::new(1_000, 3, &promise(50, 0.0));
    for _ in 0..60 {
        let stored = postcard::to_stdvec(&restarted.memory).unwrap();
        restarted.memory = postcard::from_bytes(&stored).unwrap();
        assert_eq!(through.step(200, 0.15, 0.0), restarted.step(200, 0.15, 0.0));
    }
}

/// The first hour with an alarm among so many of `events` names of an unchanged law, of which the
/// reference holds `rows`.
fn alarm_of_names(
    law: impl Fn(&mut Random) -> usize,
    (rows, events, hours): (usize, usize, u64),
    options: &Value,
    seed: u64,
) -> Option<u64> {
    let mut random = Random(seed);
    let mut counts = std::collections::BTreeMap::<usize, u64>::new();
    (0..rows).for_each(|_| *counts.entry(law(&mut random)).or_default() += 1);
    let held: Vec<usize> = counts.keys().copied().collect();
    let profile = Profile::Category(CategoryProfile {
        id: "id".into(),
        rows: rows as u64,
        absences: Absences::default(),
        categories: counts.into_iter().map(|(name, n)| (format!("{name:04}"), n)).collect(),
    });
    let whole = profile.whole();
    let detector = super::super::tests::build("e-detector", "psi", options).unwrap();
    let mut memory = Memory::default();
    (1..=hours).find(|_| {
        let mut window = Counts::new(profile.cells());
        for _ in 0..events {
            let cell = held.binary_search(&law(&mut random)).unwrap_or(held.len());
            window.cells[cell] += 1;
            window.counted += 1;
        }
        let pair = Pair { profile: &profile, reference: &whole, window: &window };
        let step = Step { pair: Some(pair), ..Step::default() };
        let every = Span::from_secs(3600);
        let seen = Observation { every, step, ..Observation::of(0.0) };
        detector.read(&seen, &mut memory).unwrap().beyond == Some(Severity::Critical)
    })
}

/// Thousands of names, of which a reference holds most but not all, and none much more often than
/// another: neither those that it lacks nor those that it happens to hold often are a change.
#[test]
fn many_names_are_no_evidence() {
    let law = |random: &mut Random| (2_000.0 * random.unit().powf(1.3)) as usize;
    let (stated, runs) = (100, 6);
    let options = promise(stated, 0.0);
    let hours = |seed| alarm_of_names(law, (4_000, 100, 10 * stated), &options, seed);
    let hours: u64 = (0..runs).map(|seed| hours(seed).unwrap_or(10 * stated)).sum();
    assert!(hours >= runs * stated, "{hours} hours in {runs} runs, stated {stated}");
}

/// References so small that chance alone says which names are frequent, rare or unknown: no more than
/// one in a hundred is unlucky.
#[test]
fn small_references_of_many_names_keep_the_promise() {
    const REFERENCES: u64 = 200;
    for names in [46.0, 300.0, 1e9] {
        let law = |random: &mut Random| (names * random.unit()) as usize;
        let alarm = |seed: &u64| alarm_of_names(law, (200, 500, 24), &json!({}), *seed).is_some();
        let unlucky = (0..REFERENCES).filter(alarm).count();
        assert!(unlucky <= 4, "{unlucky} of {REFERENCES} with {names} names");
    }
}

/// 99 % and 99.98 % points of chi-square with 15 degrees of freedom, from its closed tail.
#[test]
fn none_of_the_references_of_a_list_may_be_unlucky() {
    let promise = super::Promise::take(&mut crate::stats::Params::default()).unwrap();
    let detector = super::EDetector { calibrate: false, promise, tolerance: 0.01, bins: 16 };
    for (among, point) in [(1, 30.577914), (50, 42.328846)] {
        let radius = detector.radius(1_000, 16, among);
        assert!((radius - 0.01 - point / 2_000.0).abs() < 1e-9, "{among}: {radius}");
    }
}

/// Series of a standard normal law that share one promise.
struct List {
    streams: Vec<Stream>,
}

/// The law of the cells itself, as a reference of a thousand million rows.
fn exact() -> Profile {
    let (normal, rows) = (Normal::standard(), 1e9);
    let grid: Vec<f64> = (0..CELLS).map(|c| c as f64).collect();
    let edge = |cell: usize| (rows * normal.cdf(8.0 * cell as f64 / CELLS as f64 - 4.0)) as u64;
    let up_to = |cell: usize| match cell {
        0 => 0,
        CELLS => rows as u64,
        cell => edge(cell),
    };
    Profile::Numeric(NumericProfile {
        id: "id".into(),
        dtype: Dtype::F64,
        rows: rows as u64,
        absences: Absences::default(),
        at_or_below: (1..=CELLS).map(up_to).collect(),
        below: (0..CELLS).map(up_to).collect(),
        grid,
    })
}

impl List {
    /// Series whose reference is their law, so that nothing but the promise holds alarms back.
    fn known(count: usize, seed: u64, options: &Value) -> List {
        let mut list = List::new(count, 1, seed, options);
        for stream in &mut list.streams {
            stream.profile = exact();
            stream.whole = stream.profile.whole();
        }
        list
    }

    fn new(count: usize, rows: usize, seed: u64, options: &Value) -> List {
        let seeds = (0..count as u64).map(|place| 1_000 * seed + place);
        List { streams: seeds.map(|seed| Stream::new(rows, seed, options)).collect() }
    }

    /// The places of those that are critical after an hour in which the first so many are moved.
    fn step(&mut self, events: usize, moved: usize, shift: f64) -> Vec<usize> {
        let among = self.streams.len();
        let detector = self.streams[0].detector.clone();
        let read = |(place, stream): (usize, &mut Stream)| {
            stream.read(events, if place < moved { shift } else { 0.0 }, 0.0, among)
        };
        let mut readings: Vec<Reading> = self.streams.iter_mut().enumerate().map(read).collect();
        let both = self.streams.iter_mut().zip(&mut readings);
        let mut members: Vec<Member<'_>> =
            both.map(|(stream, reading)| Member { memory: &mut stream.memory, reading }).collect();
        detector.name_list(&mut members, among, Span::from_secs(3600));
        let critical = |place: &usize| readings[*place].beyond == Some(Severity::Critical);
        (0..among).filter(critical).collect()
    }
}

/// Fifty series keep one promise; each for itself would break it within a few hours.
#[test]
fn a_list_alarms_as_rarely_as_one_series() {
    let (stated, runs) = (20, 8);
    let hours: usize = (0..runs)
        .map(|seed| {
            let mut list = List::known(50, seed, &promise(stated, 0.0));
            let most = 4 * stated as usize;
            (1..=most).find(|_| !list.step(100, 0, 0.0).is_empty()).unwrap_or(most)
        })
        .sum();
    let mean = hours as f64 / runs as f64;
    assert!(mean >= stated as f64, "stated {stated}, measured {mean}");
}

#[test]
fn a_list_names_those_that_have_changed() {
    for (moved, hours) in [(1, 4), (10, 4)] {
        let mut list = List::new(50, 10_000, 7, &json!({}));
        for _ in 0..20 {
            assert!(list.step(500, moved, 0.0).is_empty());
        }
        for hour in 1..=12 {
            let named = list.step(500, moved, 0.5);
            assert!(named.iter().all(|place| *place < moved), "{named:?} of {moved}");
            assert!(hour < hours || named.len() == moved, "{named:?} of {moved} in hour {hour}");
        }
        let quiet = (1..=12).find(|_| list.step(500, moved, 0.0).is_empty());
        assert!(quiet.is_some_and(|hours| hours <= 4), "{quiet:?}");
    }
}
