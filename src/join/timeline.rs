//! Which outcome counts for a prediction, from when on: a function of the set of outcome records,
//! not of the order in which they were read.

use super::{Answer, Known, OutcomeRepeats, Rules, Truth, Waiting, meets, remembers};
use crate::event::Time;

/// An outcome begins (1) or ceases (-1) to count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step<'a> {
    pub outcome: &'a Known,
    pub arrival: Time,
    pub sign: i64,
}

/// The steps of one prediction in the order of their arrival.
pub(super) fn timeline<'a>(
    prediction: &Waiting,
    outcomes: &'a [Known],
    rules: Rules,
) -> Vec<Step<'a>> {
    if prediction.answer == Answer::None || outcomes.is_empty() {
        return Vec::new();
    }
    // A withdrawal is bound by no wait, only by memory; anything else must reach the prediction in
    // time.
    let mut reaching: Vec<(Time, usize, &Known)> = outcomes
        .iter()
        .enumerate()
        .filter(|(_, o)| match o.truth {
            Truth::Withdrawn => remembers(prediction, o, rules),
            _ => meets(prediction, o, rules),
        })
        .map(|(place, o)| (o.arrival.max(prediction.arrival), place, o))
        .collect();
    reaching.sort_by_key(|&(arrival, place, o)| (arrival, o.time, o.offset, o.rank, place));

    let mut steps = Vec::with_capacity(1);
    let mut counting: Option<&Known> = None;
    for seen in 1..=reaching.len() {
        let arrival = reaching[seen - 1].0;
        let now = effective(&reaching[..seen], rules);
        if now.map(key) == counting.map(key) {
            continue;
        }
        if let Some(old) = counting {
            steps.push(Step { outcome: old, arrival, sign: -1 });
        }
        if let Some(new) = now {
            steps.push(Step { outcome: new, arrival, sign: 1 });
        }
        counting = now;
    }
    steps
}

fn key(o: &Known) -> (Time, u32, i64) {
    (o.time, o.partition, o.offset)
}

/// The outcome that counts among those that have arrived.
fn effective<'a>(arrived: &[(Time, usize, &'a Known)], rules: Rules) -> Option<&'a Known> {
    let by_time = |o: &Known| (o.time, o.offset, o.rank);
    match rules.outcomes {
        OutcomeRepeats::Last => {
            let last = arrived.iter().map(|&(_, _, o)| o).max_by_key(|o| by_time(o))?;
            (last.truth != Truth::Withdrawn).then_some(last)
        }
        OutcomeRepeats::First => {
            let withdrawn = arrived
                .iter()
                .filter(|(_, _, o)| o.truth == Truth::Withdrawn)
                .map(|&(_, _, o)| by_time(o))
                .max();
            arrived
                .iter()
                .filter(|(_, _, o)| o.truth != Truth::Withdrawn)
                .filter(|(_, _, o)| withdrawn.is_none_or(|w| by_time(o) > w))
                .min_by_key(|&&(_, place, _)| place)
                .map(|&(_, _, o)| o)
        }
    }
}
