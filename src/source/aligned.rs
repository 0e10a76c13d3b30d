//! Aligned reading: among topics that models share, no partition runs far ahead of the others in
//! event time. What is ahead only waits in the join and in open panes for what is behind.

use std::collections::{BTreeMap, BTreeSet};

use super::TopicPlans;
use crate::event::{ModelIx, Partition, Span, Time};

/// A partition may be this far ahead, however narrow panes are.
const LEAST_SLACK: Span = Span::from_secs(3600);

/// How far the reading of a partition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Greatest event time read.
    pub event: Time,
    /// Whether records that have been there for a while are still to be read.
    pub lagging: bool,
}

/// Topics that models share, directly or through others.
#[derive(Debug, Default)]
pub(super) struct Alignment {
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    topics: BTreeSet<String>,
    models: BTreeSet<ModelIx>,
    slack: Span,
}

impl Alignment {
    pub(super) fn new(topics: &TopicPlans) -> Alignment {
        let mut groups: Vec<Group> = Vec::new();
        for (topic, plan) in topics {
            let mut group = Group {
                topics: BTreeSet::from([topic.clone()]),
                models: plan.readers.iter().map(|reader| reader.model).collect(),
                slack: LEAST_SLACK.max(plan.pane + plan.pane),
            };
            groups.retain_mut(|other| {
                let apart = other.models.is_disjoint(&group.models);
                if !apart {
                    group.topics.append(&mut other.topics);
                    group.models.append(&mut other.models);
                    group.slack = group.slack.max(other.slack);
                }
                apart
            });
            groups.push(group);
        }
        Alignment { groups }
    }

    /// The partitions that are to wait, of those that wait now some on: released is what has come
    /// back within half of what holds it. The slowest of a group is never among them.
    pub(super) fn held(
        &self,
        paces: &BTreeMap<Partition, Pace>,
        held: &BTreeSet<Partition>,
    ) -> BTreeSet<Partition> {
        let mut wait = BTreeSet::new();
        for group in &self.groups {
            let mine = || paces.iter().filter(|(p, _)| group.topics.contains(&*p.topic));
            let lagging = mine().filter(|(_, pace)| pace.lagging);
            let Some(slowest) = lagging.map(|(_, pace)| pace.event).min() else { continue };
            let ahead = mine().filter(|(partition, pace)| {
                let slack =
                    if held.contains(partition) { Span(group.slack.0 / 2) } else { group.slack };
                pace.event - slowest > slack
            });
            wait.extend(ahead.map(|(partition, _)| partition.clone()));
        }
        wait
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::TopicPlan;
    use super::*;
    use crate::event::Role;
    use crate::wire::{FormatSpec, ReaderSpec};

    fn alignment(topics: &[(&str, &[ModelIx], i64)]) -> Alignment {
        let plan = |(topic, models, hours): &(&str, &[ModelIx], i64)| {
            let plan = TopicPlan {
                readers: models
                    .iter()
                    .map(|model| ReaderSpec::of_time(*model, Role::Prediction))
                    .collect(),
                format: FormatSpec::json(),
                key: [0; 16],
                pane: Span::from_secs(hours * 3600),
            };
            ((*topic).to_owned(), Arc::new(plan))
        };
        Alignment::new(&topics.iter().map(plan).collect())
    }

    fn partition(topic: &str, number: i32) -> Partition {
        Partition { topic: topic.into(), number }
    }

    fn minutes(minutes: i64) -> Time {
        Time(0) + Span::from_secs(60 * minutes)
    }

    /// Topic, partition, event time in minutes, lagging.
    fn held(
        alignment: &Alignment,
        paces: &[(&str, i32, i64, bool)],
        before: &[(&str, i32)],
    ) -> Vec<String> {
        let paces = paces.iter().map(|(topic, number, at, lagging)| {
            (partition(topic, *number), Pace { event: minutes(*at), lagging: *lagging })
        });
        let before = before.iter().map(|(topic, number)| partition(topic, *number)).collect();
        let held = alignment.held(&paces.collect(), &before);
        held.iter().map(|p| format!("{}/{}", p.topic, p.number)).collect()
    }

    #[test]
    fn what_is_an_hour_ahead_waits_until_half_of_that_is_left() {
        let one = alignment(&[("p", &[0], 0), ("o", &[0], 0)]);
        let at = |p: i64, before: &[(&str, i32)]| {
            held(&one, &[("p", 0, p, true), ("p", 1, 0, true), ("o", 0, 20, true)], before)
        };
        assert!(at(60, &[]).is_empty());
        assert_eq!(at(61, &[]), ["p/0"]);
        assert_eq!(at(31, &[("p", 0)]), ["p/0"]);
        assert!(at(30, &[("p", 0)]).is_empty());
    }

    #[test]
    fn wide_panes_give_more_room() {
        let wide = alignment(&[("o", &[0], 1), ("p", &[0, 1], 3)]);
        assert!(held(&wide, &[("p", 0, 360, true), ("o", 0, 0, true)], &[]).is_empty());
        assert_eq!(held(&wide, &[("p", 0, 361, true), ("o", 0, 0, true)], &[]), ["p/0"]);
    }

    #[test]
    fn who_has_read_all_holds_nobody_and_may_be_held() {
        let one = alignment(&[("p", &[0], 1)]);
        assert!(held(&one, &[("p", 0, 900, true), ("p", 1, 0, false)], &[]).is_empty());
        assert_eq!(held(&one, &[("p", 0, 900, false), ("p", 1, 0, true)], &[]), ["p/0"]);
        assert!(held(&one, &[("p", 0, 900, false), ("p", 1, 0, false)], &[]).is_empty());
    }

    #[test]
    fn the_slowest_is_never_held_whatever_was_held_before() {
        let one = alignment(&[("p", &[0], 1)]);
        for slowest in 0..3 {
            let mut paces = [("p", 0, 500, true), ("p", 1, 700, true), ("p", 2, 900, true)];
            paces[slowest as usize].2 = 100;
            let got = held(&one, &paces, &[("p", 0), ("p", 1), ("p", 2)]);
            assert!(!got.contains(&format!("p/{slowest}")) && got.len() == 2, "{got:?}");
        }
    }

    #[test]
    fn models_tie_their_topics_together_and_others_are_free() {
        let three = alignment(&[("a", &[0], 0), ("b", &[1], 0), ("c", &[0, 2], 0), ("d", &[2], 0)]);
        let paces = [("a", 0, 0, true), ("b", 0, 500, true), ("d", 0, 500, true)];
        assert_eq!(held(&three, &paces, &[]), ["d/0"]);
    }
}
