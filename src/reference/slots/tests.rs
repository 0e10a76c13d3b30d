use std::sync::Arc;

use super::*;
use crate::event::{Batch, Numbers, Time};
use crate::reference::{BuildSpec, Builder, CreatedFrom};
use crate::stats::{Dtype, SeriesKind};

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) % n
    }
}

const CELLS: usize = 21;

/// Some slots with rows between none and 400, each with a law of its own.
fn random_slots(random: &mut Random, rhythm: Rhythm) -> Slots {
    let mut slots = Slots::new();
    for slot in 0..rhythm.slots() {
        let rows = match random.below(4) {
            0 => random.below(LEAST_ROWS),
            _ => LEAST_ROWS + random.below(300),
        };
        let (place, width) = (random.below(15), 1 + random.below(6));
        let mut counts = Counts::new(CELLS);
        for _ in 0..rows {
            if random.below(20) == 0 {
                counts.absences.missing += 1;
            } else {
                counts.cells[(place + random.below(width)) as usize] += 1;
                counts.counted += 1;
            }
        }
        if rows > 0 {
            let series = BTreeMap::from([("x".to_owned(), SlotCounts::from(&counts))]);
            slots.insert(slot, SlotPart { rows, series });
        }
    }
    slots
}

fn random_window(random: &mut Random, rhythm: Rhythm) -> BTreeMap<Slot, u64> {
    let hours = 1 + random.below(30);
    let slot = |random: &mut Random| random.below(u64::from(rhythm.slots())) as Slot;
    (0..hours).map(|_| (slot(random), 1 + random.below(500))).collect()
}

/// Shares of the rows, cell by cell and then missing, of all slots that some test admits.
fn shares(slots: &Slots, admits: impl Fn(Slot) -> bool) -> (Vec<f64>, u64) {
    let mut sums = vec![0.0; CELLS + 1];
    let mut rows = 0;
    for (_, part) in slots.iter().filter(|(slot, _)| admits(**slot)) {
        rows += part.rows;
        let counts = &part.series["x"];
        counts.cells.iter().for_each(|(code, n)| sums[*code as usize] += f64::from(*n));
        sums[CELLS] += counts.absences.missing as f64;
    }
    (sums.into_iter().map(|n| n / rows as f64).collect(), rows)
}

/// The law of a window, spelt out: every event has the law of its slot.
fn spelt_out(rhythm: Rhythm, window: &BTreeMap<Slot, u64>, slots: &Slots) -> Vec<f64> {
    let total: u64 = window.values().sum();
    let mut law = vec![0.0; CELLS + 1];
    for (slot, n) in window {
        let (own, rows) = shares(slots, |other| other == *slot);
        let (hour, same) = shares(slots, |other| other % 24 == slot % 24);
        let part = match (rows, same) {
            (LEAST_ROWS.., _) => own,
            (_, LEAST_ROWS..) if rhythm == Rhythm::HourOfWeek => hour,
            _ => shares(slots, |_| true).0,
        };
        for (sum, share) in law.iter_mut().zip(part) {
            *sum += share * *n as f64 / total as f64;
        }
    }
    law
}

fn in_order(counts: &Counts) -> Vec<f64> {
    let absent = [counts.absences.total()];
    counts.cells.iter().chain(&absent).map(|n| *n as f64).collect()
}

/// Every sum from the first cell on is that of the law but for half a row.
#[test]
fn a_mixture_is_the_law_that_is_spelt_out() {
    let mut random = Random(1);
    for rhythm in [Rhythm::HourOfDay, Rhythm::HourOfWeek] {
        for _ in 0..60 {
            let slots = random_slots(&mut random, rhythm);
            let window = random_window(&mut random, rhythm);
            let mix = Mix::of(rhythm, &window, &slots).unwrap();
            let counts = mix.counts(&slots, "x", CELLS).unwrap();
            let law = spelt_out(rhythm, &window, &slots);
            // Whole rows are given out of as many as the heaviest row leaves of weight 1.
            let rows: f64 = slots
                .iter()
                .map(|(slot, part)| {
                    part.rows as f64 * mix.weights.get(slot).map_or(0.0, |w| *w as f64 / ONE as f64)
                })
                .sum();
            let (mut got, mut want) = (0.0, 0.0);
            for (n, share) in in_order(&counts).iter().zip(&law) {
                (got, want) = (got + n, want + share * rows);
                assert!((got - want).abs() <= 0.5 + 1e-4, "{got} is not {want}");
            }
        }
    }
}

/// No sampling error of the law is larger than that of so many rows of the mixture, whatever the
/// event: the variance is worked out from the laws of the slots.
#[test]
fn the_rows_of_a_mixture_promise_no_more_than_the_slots_hold() {
    let mut random = Random(2);
    let rhythm = Rhythm::HourOfDay;
    let mut tightest = 0.0f64;
    for _ in 0..200 {
        let slots = random_slots(&mut random, rhythm);
        let window = random_window(&mut random, rhythm);
        let mix = Mix::of(rhythm, &window, &slots).unwrap();
        let weight = |slot: &Slot| mix.weights.get(slot).map_or(0.0, |w| *w as f64 / ONE as f64);
        let rows: f64 = slots.iter().map(|(slot, part)| weight(slot) * part.rows as f64).sum();
        for _ in 0..20 {
            let event: Vec<bool> = (0..=CELLS).map(|_| random.below(2) == 0).collect();
            let of = |law: &[f64]| -> f64 {
                law.iter().zip(&event).filter(|(_, held)| **held).map(|(share, _)| share).sum()
            };
            let mixture = of(&spelt_out(rhythm, &window, &slots));
            let variance: f64 = slots
                .iter()
                .map(|(slot, part)| {
                    let p = of(&shares(&slots, |other| other == *slot).0);
                    (weight(slot) / rows).powi(2) * part.rows as f64 * p * (1.0 - p)
                })
                .sum();
            let promised = mixture * (1.0 - mixture) / rows;
            assert!(variance <= promised + 1e-12, "{variance} above {promised}");
            if promised > 1e-6 {
                tightest = tightest.max(variance / promised);
            }
        }
    }
    assert!(tightest > 0.9, "{tightest}");
}

fn part(rows: u64, code: u32) -> SlotPart {
    let counts = SlotCounts { cells: vec![(code, rows as u32)], absences: Absences::default() };
    SlotPart { rows, series: BTreeMap::from([("x".to_owned(), counts)]) }
}

#[test]
fn one_slot_gives_its_own_rows_and_the_reference_s_own_mix_all_of_them() {
    let mut random = Random(3);
    let slots = random_slots(&mut random, Rhythm::HourOfWeek);
    let rich: BTreeMap<Slot, u64> = slots
        .iter()
        .filter(|(_, part)| part.rows >= LEAST_ROWS)
        .map(|(slot, part)| (*slot, 3 * part.rows))
        .collect();
    let slots: Slots = slots.into_iter().filter(|(_, part)| part.rows >= LEAST_ROWS).collect();
    let counts = |window: &BTreeMap<Slot, u64>| {
        Mix::of(Rhythm::HourOfWeek, window, &slots).unwrap().counts(&slots, "x", CELLS).unwrap()
    };
    let all = in_order(&counts(&rich));
    let (shares, rows) = shares(&slots, |_| true);
    for (n, share) in all.iter().zip(&shares) {
        assert!((n - share * rows as f64).abs() < 1e-6);
    }
    let (first, own) = slots.first_key_value().unwrap();
    let one = counts(&BTreeMap::from([(*first, 7)]));
    assert_eq!(SlotCounts::from(&one), own.series["x"]);
    assert_eq!(one.rows(), own.rows);
}

#[test]
fn sparse_slots_stand_back_for_the_hour_and_that_for_all() {
    let slots = Slots::from([
        // Monday 8 is rich; Tuesday 8 alone is not, with it the hour is. 9 is sparse on all days.
        (8, part(LEAST_ROWS, 0)),
        (24 + 8, part(LEAST_ROWS - 1, 1)),
        (24 + 9, part(1, 2)),
    ]);
    let judged = |slot: Slot| {
        let mix = Mix::of(Rhythm::HourOfWeek, &BTreeMap::from([(slot, 10)]), &slots).unwrap();
        let counts = mix.counts(&slots, "x", 3).unwrap();
        (mix.by_hour, mix.pooled, counts.cells)
    };
    assert_eq!(judged(8), (0.0, 0.0, vec![LEAST_ROWS, 0, 0]));
    assert_eq!(judged(24 + 8), (1.0, 0.0, vec![LEAST_ROWS, LEAST_ROWS - 1, 0]));
    assert_eq!(judged(24 + 9), (0.0, 1.0, vec![LEAST_ROWS, LEAST_ROWS - 1, 1]));
    // A slot that the reference never saw.
    assert_eq!(judged(3), (0.0, 1.0, vec![LEAST_ROWS, LEAST_ROWS - 1, 1]));
    // Over the day, 8 stands alone with its rows of all days.
    let day = Mix::of(Rhythm::HourOfDay, &BTreeMap::from([(8, 10), (9, 10)]), &slots).unwrap();
    assert_eq!((day.by_hour, day.pooled), (0.0, 0.5));
    assert_eq!(Mix::of(Rhythm::HourOfWeek, &BTreeMap::new(), &slots), None);
    assert_eq!(Mix::of(Rhythm::HourOfWeek, &BTreeMap::from([(8, 1)]), &Slots::new()), None);
    assert_eq!(Mix::of(Rhythm::HourOfWeek, &BTreeMap::from([(8, 0)]), &slots), None);
    let mix = Mix::of(Rhythm::HourOfWeek, &BTreeMap::from([(8, 1)]), &slots).unwrap();
    assert_eq!(mix.counts(&slots, "unknown", 3), None);
}

fn spec(season: Option<Season>) -> BuildSpec {
    BuildSpec {
        model: "demand".into(),
        features: vec![
            ("city".into(), SeriesKind::Category),
            ("fare".into(), SeriesKind::Numeric(Dtype::F64)),
        ],
        dimensions: vec![vec!["city".into()]],
        segment_series: ["features.fare".to_owned()].into(),
        season,
        slot_series: ["features.fare".to_owned()].into(),
        edges: BTreeMap::new(),
        most_categories: 10,
        ..BuildSpec::default()
    }
}

/// A row every ten minutes; the fare is the hour in UTC.
fn built(season: Option<Season>) -> Reference {
    let mut builder = Builder::new(spec(season));
    let mut batch = Batch { words: vec![Default::default()], ..Batch::default() };
    let mut fare = Numbers::default();
    let start = Time::parse("2026-11-02T00:00:00Z").unwrap();
    for i in 0..14 * 144 {
        batch.offsets.push(i);
        batch.times.push(Time(start.0 + i * 600_000_000));
        batch.words[0].push(if i % 2 == 0 { "Oslo" } else { "Bergen" });
        fare.push((i / 6 % 24) as f64);
    }
    batch.numbers = vec![fare];
    builder.observe(&batch).unwrap();
    builder.finish(CreatedFrom::default())
}

fn season(rhythm: Rhythm) -> Season {
    Season::new(rhythm, "Europe/Oslo").unwrap()
}

#[test]
fn rows_are_counted_by_the_clock_of_the_zone_in_the_whole_and_in_segments() {
    let reference = built(Some(season(Rhythm::HourOfDay)));
    let bergen = &reference.segments["city"]["Bergen"];
    for (slots, rows) in [(&reference.slots, 14 * 6), (&bergen.slots, 14 * 3)] {
        assert_eq!(slots.len(), 24);
        for (slot, part) in slots {
            // In winter the clocks of Oslo are an hour ahead.
            let hour = (slot + 23) % 24;
            let want = vec![(2 * u32::from(hour) + 1, rows as u32)];
            assert_eq!((part.rows, &part.series["features.fare"].cells), (rows, &want));
        }
    }
    assert!(reference.counts_by_slot("features.fare", &["city".into()]));
    assert!(!reference.counts_by_slot("features.city", &[]));
    let sentence = reference.sparse_slots().unwrap();
    assert!(sentence.contains("24 of the 24 slots"), "{sentence}");
}

#[test]
fn slots_survive_their_file_and_are_part_of_the_id() {
    let (with, without) = (built(Some(season(Rhythm::HourOfWeek))), built(None));
    assert_eq!(Reference::parse(&with.to_json()).unwrap(), with);
    assert_eq!(Reference::parse(&without.to_json()).unwrap(), without);
    assert!(!without.to_json().contains("slots"));
    assert_ne!(with.id, without.id);
    assert_ne!(with.id, built(Some(season(Rhythm::HourOfDay))).id);
    let fares = |r: &Reference| r.series["features.fare"].id().to_owned();
    assert_eq!(fares(&with), fares(&without), "the grid is the same");
    for (from, to, part) in [
        ("Europe/Oslo", "Europe/Olso", "no time zone"),
        ("\"hour_of_week\"", "\"hour_of_year\"", "hour_of_week"),
        ("\"slot\":0", "\"slot\":168", "beyond"),
        ("\"slot\":1}", "\"slot\":0}", "twice"),
        ("\"codes\":[[47,12]]", "\"codes\":[[49,12]]", "places of the grid"),
        ("\"rows\":12,", "\"rows\":13,", "hash"),
    ] {
        let text = with.to_json();
        assert!(
            text.contains(from),
            "{from} is not in {}",
            &text[text.find("slots").unwrap()..][..400]
        );
        let error = Reference::parse(&text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_reference_says_why_a_season_cannot_judge_by_it() {
    let week = season(Rhythm::HourOfWeek);
    let with = built(Some(week.clone()));
    assert_eq!(with.unseasonal(&week), None);
    assert!(with.slots_of(&week, None).is_some());
    let day = season(Rhythm::HourOfDay);
    let why = with.unseasonal(&day).unwrap();
    assert!(why.contains("hour_of_week in Europe/Oslo") && why.contains("hour_of_day"), "{why}");
    assert!(with.slots_of(&day, None).is_none());
    let why = built(None).unseasonal(&week).unwrap();
    assert!(why.contains("not counted"), "{why}");
}

#[test]
fn a_series_that_is_left_out_is_gone_everywhere() {
    let mut reference = built(Some(season(Rhythm::HourOfDay)));
    let before = reference.id.clone();
    reference.leave_out("features.fare");
    assert_ne!(reference.id, before);
    assert_eq!(Reference::parse(&reference.to_json()).unwrap(), reference);
    assert!(!reference.to_json().contains("fare"));
    assert_eq!(Arc::strong_count(&reference.series["features.city"]), 1);
}
