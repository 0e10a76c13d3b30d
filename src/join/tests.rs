use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const RULES: Rules = Rules {
    within: Span(100),
    predictions: PredictionRepeats::First,
    outcomes: OutcomeRepeats::Last,
};

fn said(time: i64, arrival: i64) -> Waiting {
    Waiting {
        version: 0,
        time: Time(time),
        arrival: Time(arrival),
        answer: Answer::Number(1.0),
        segments: Vec::new(),
    }
}

fn came(time: i64, arrival: i64, offset: i64, truth: Truth) -> Known {
    Known { time: Time(time), arrival: Time(arrival), partition: 0, rank: 0, offset, truth }
}

/// Sums of (arrival, value) -> count after a sequence of arrivals; also met and late.
#[derive(Default, Debug, PartialEq)]
struct Sums {
    matches: BTreeMap<(i64, i64), i64>,
    met: i64,
    late: i64,
    duplicates: i64,
}

impl Sums {
    fn take(&mut self, delta: Delta<'_>) {
        match delta {
            Delta::Match { outcome, arrival, sign, .. } => {
                let Truth::Number(value) = outcome.truth else { return };
                let n = self.matches.entry((arrival.0, value as i64)).or_default();
                *n += sign;
                self.matches.retain(|_, n| *n != 0);
            }
            Delta::Met(.., sign) => self.met += sign,
            Delta::Duplicate(_) => self.duplicates += 1,
            Delta::LateOutcome(n) => self.late += n,
        }
    }
}

#[derive(Debug, Clone)]
enum Event {
    Said(Waiting),
    Came(Known),
}

fn run(events: &[Event], rules: Rules) -> Sums {
    let (mut entry, mut sums) = (Entry::default(), Sums::default());
    for event in events {
        match event.clone() {
            Event::Said(p) => {
                entry.predict(p, rules, |d| sums.take(d));
            }
            Event::Came(o) => entry.learn(o, rules, |d| sums.take(d)),
        }
    }
    sums
}

#[test]
fn either_order_matches_once_at_the_later_arrival() {
    let (p, o) = (Event::Said(said(10, 10)), Event::Came(came(50, 60, 1, Truth::Number(7.0))));
    let (there, back) = (run(&[p.clone(), o.clone()], RULES), run(&[o, p], RULES));
    assert_eq!(there, back);
    assert_eq!(there.matches, BTreeMap::from([((60, 7), 1)]));
    assert_eq!(there.met, 1);
}

#[test]
fn the_wait_ends_by_arrival_not_by_time() {
    let inside =
        run(&[Event::Said(said(10, 10)), Event::Came(came(0, 110, 1, Truth::Number(7.0)))], RULES);
    assert_eq!((inside.met, inside.late), (1, 0));
    let beyond =
        run(&[Event::Said(said(10, 10)), Event::Came(came(0, 111, 1, Truth::Number(7.0)))], RULES);
    assert_eq!((beyond.met, beyond.late), (0, 1));
    assert!(beyond.matches.is_empty());
}

#[test]
fn a_correction_takes_the_old_value_back_and_an_older_one_is_ignored() {
    let sums = run(
        &[
            Event::Said(said(10, 10)),
            Event::Came(came(20, 20, 1, Truth::Number(7.0))),
            Event::Came(came(30, 30, 2, Truth::Number(8.0))),
            Event::Came(came(25, 40, 3, Truth::Number(9.0))),
        ],
        RULES,
    );
    assert_eq!(sums.matches, BTreeMap::from([((20, 7), 1), ((30, 7), -1), ((30, 8), 1)]));
    assert_eq!(sums.met, 3);
}

#[test]
fn first_outcome_wins_where_configured() {
    let rules = Rules { outcomes: OutcomeRepeats::First, ..RULES };
    let sums = run(
        &[
            Event::Said(said(10, 10)),
            Event::Came(came(20, 20, 1, Truth::Number(7.0))),
            Event::Came(came(30, 30, 2, Truth::Number(8.0))),
        ],
        rules,
    );
    assert_eq!(sums.matches, BTreeMap::from([((20, 7), 1)]));
}

#[test]
fn a_withdrawal_is_bound_by_no_wait_and_a_later_outcome_matches_again() {
    let withdrawn = run(
        &[
            Event::Said(said(10, 10)),
            Event::Came(came(20, 20, 1, Truth::Number(7.0))),
            Event::Came(came(5000, 150, 2, Truth::Withdrawn)),
        ],
        RULES,
    );
    assert_eq!(withdrawn.matches, BTreeMap::from([((20, 7), 1), ((150, 7), -1)]));
    let again = run(
        &[
            Event::Said(said(10, 10)),
            Event::Came(came(20, 20, 1, Truth::Number(7.0))),
            Event::Came(came(30, 30, 2, Truth::Withdrawn)),
            Event::Came(came(40, 40, 3, Truth::Number(8.0))),
        ],
        RULES,
    );
    let total: i64 = again.matches.values().sum();
    assert_eq!((total, again.matches[&(40, 8)]), (1, 1));
}

#[test]
fn repeats_of_a_prediction() {
    let twice = [
        Event::Said(said(10, 10)),
        Event::Said(said(12, 12)),
        Event::Came(came(20, 20, 1, Truth::Number(7.0))),
    ];
    assert_eq!(run(&twice, RULES).duplicates, 1);
    assert_eq!(run(&twice, RULES).met, 1);
    let all = run(&twice, Rules { predictions: PredictionRepeats::All, ..RULES });
    assert_eq!((all.duplicates, all.met), (0, 2));
    let last = run(
        &[twice[2].clone(), twice[0].clone(), twice[1].clone()],
        Rules { predictions: PredictionRepeats::Last, ..RULES },
    );
    assert_eq!((last.duplicates, last.matches.values().sum::<i64>()), (1, 1));
}

#[test]
fn an_id_is_free_again_after_the_wait() {
    let mut entry = Entry::default();
    assert!(entry.predict(said(10, 10), RULES, |_| {}));
    assert!(!entry.predict(said(110, 110), RULES, |_| {}));
    assert!(entry.predict(said(111, 111), RULES, |_| {}));
}

#[test]
fn a_prediction_without_a_value_cannot_match() {
    let mut silent = said(10, 10);
    silent.answer = Answer::None;
    let sums = run(&[Event::Said(silent), Event::Came(came(20, 20, 1, Truth::Number(7.0)))], RULES);
    assert_eq!(sums, Sums::default());
}

fn outcome() -> impl Strategy<Value = Known> {
    (0i64..60, 0i64..40, 0u32..2, 0u8..8).prop_map(|(time, delay, partition, kind)| Known {
        time: Time(time),
        arrival: Time(time + delay),
        partition,
        rank: u64::from(partition),
        offset: 0,
        truth: if kind == 0 { Truth::Withdrawn } else { Truth::Number(f64::from(kind)) },
    })
}

proptest! {
    /// Whatever order outcomes of different partitions and the prediction are read in, the sums
    /// per arrival are equal.
    #[test]
    fn sums_do_not_depend_on_the_order_of_reading(
        mut outcomes in prop::collection::vec(outcome(), 0..6),
        time in 0i64..50,
        place in 0usize..6,
        seed in any::<u64>(),
    ) {
        for (i, o) in outcomes.iter_mut().enumerate() {
            o.offset = i as i64;
        }
        let prediction = Event::Said(said(time, time));
        let mut one: Vec<Event> = outcomes.iter().copied().map(Event::Came).collect();
        let mut two = one.clone();
        one.insert(place.min(one.len()), prediction.clone());
        two.push(prediction);
        let mut state = seed;
        for i in (1..two.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            two.swap(i, (state >> 33) as usize % (i + 1));
        }
        prop_assert_eq!(run(&one, RULES), run(&two, RULES));
    }
}

/// A record of a log: predictions and outcomes each have a partition of their own. Every other
/// kind is of another id, and only moves the watermark.
#[derive(Debug, Clone, Copy)]
struct Logged {
    time: i64,
    kind: u8,
}

fn log() -> impl Strategy<Value = Vec<Logged>> {
    let record = (0i64..900, 0u8..8).prop_map(|(time, kind)| Logged { time, kind });
    prop::collection::vec(record, 1..12)
}

/// What one id's records give when the partitions are read in this order; `sweeps` removes the
/// entry as soon as it has expired.
fn read(predictions: &[Logged], outcomes: &[Logged], order: &[bool], sweeps: bool) -> Sums {
    let (mut entry, mut sums) = (Entry::default(), Sums::default());
    let mut own = [Time::MIN; 2];
    let mut next = [0, 0];
    let rest = std::iter::repeat_n(true, 20).chain(std::iter::repeat_n(false, 20));
    for first in order.iter().copied().chain(rest) {
        let side = usize::from(!first);
        let Some(record) = [predictions, outcomes][side].get(next[side]) else { continue };
        let (time, offset) = (Time(record.time), next[side] as i64);
        next[side] += 1;
        let arrival = time.max(own[side]);
        match (first, record.kind) {
            (_, kind) if kind % 2 == 1 => {}
            // A prediction whose pane has closed is not joined.
            (true, _) if time + Span(50) < own[side] => {}
            (true, _) => {
                let said = said(record.time, arrival.0);
                let _ = entry.predict(said, RULES, |delta| sums.take(delta));
            }
            (false, 0) => {
                let known = came(record.time, own[side].0, offset, Truth::Withdrawn);
                entry.learn(known, RULES, |delta| sums.take(delta));
            }
            (false, kind) => {
                let known = came(record.time, arrival.0, offset, Truth::Number(f64::from(kind)));
                entry.learn(known, RULES, |delta| sums.take(delta));
            }
        }
        own[side] = own[side].max(time);
        if sweeps && entry.expired(own[0].min(own[1]), RULES.within) {
            entry = Entry::default();
        }
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    /// Neither the order of reading nor the moment at which expired entries are swept away shows.
    #[test]
    fn sweeping_changes_nothing(
        predictions in log(),
        outcomes in log(),
        one in prop::collection::vec(any::<bool>(), 20),
        two in prop::collection::vec(any::<bool>(), 20),
    ) {
        let swept = read(&predictions, &outcomes, &one, true);
        prop_assert_eq!(&swept, &read(&predictions, &outcomes, &one, false));
        prop_assert_eq!(&swept, &read(&predictions, &outcomes, &two, true));
    }
}
