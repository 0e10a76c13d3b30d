//! Which records of a topic a stretch of event time is about, and when the rest of a partition
//! can no longer be.

use std::collections::BTreeMap;

use crate::event::{ModelIx, Partition, Role, Slab, Span, Time};
use crate::plan::{ModelPlan, Plan};
use crate::wire::ReaderSpec;

/// Predictions of `[from, to)` and their outcomes.
pub(super) struct Scope<'a> {
    plan: &'a Plan,
    from: Time,
    to: Time,
    /// Greatest accepted event time of each model in each partition, so far.
    latest: BTreeMap<(Partition, ModelIx), Time>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(plan: &'a Plan, from: Time, to: Time) -> Scope<'a> {
        Scope { plan, from, to, latest: BTreeMap::new() }
    }

    /// From which Kafka timestamp on these readers of a topic can find anything: an event may be
    /// ahead of its record, and an outcome may come before its prediction.
    pub(super) fn since(&self, readers: &[ReaderSpec]) -> Time {
        let before = |reader: &ReaderSpec| match reader.role {
            Role::Prediction => reader.max_ahead,
            Role::Outcome => reader.max_ahead + self.model(reader.model).within(),
        };
        self.from - readers.iter().map(before).max().unwrap_or(Span(0))
    }

    /// Takes the predictions of other times out of a slab, and those that their partition's log
    /// would make late.
    pub(super) fn narrow(&mut self, slab: &mut Slab) {
        for (model, role, batch) in &mut slab.batches {
            let plan = &self.plan.models[usize::from(*model)];
            let width = plan.pane_width();
            let latest = self.latest.entry((slab.partition.clone(), *model)).or_insert(Time::MIN);
            let mut rows = Vec::with_capacity(batch.times.len());
            for (row, &time) in batch.times.iter().enumerate() {
                let late = time.floor_to(width) + width <= own_watermark(*latest, plan.lateness);
                if *role == Role::Outcome {
                    *latest = (*latest).max(time);
                    continue;
                }
                if !late {
                    *latest = (*latest).max(time);
                    if (self.from..self.to).contains(&time) {
                        rows.push(row as u32);
                    }
                }
            }
            if *role == Role::Prediction && rows.len() < batch.times.len() {
                batch.keep(&rows);
            }
        }
        slab.batches.retain(|(_, _, batch)| !batch.times.is_empty());
    }

    /// Whether nothing that follows in a partition can count: predictions are late from here on,
    /// outcomes beyond the wait of every prediction.
    pub(super) fn is_over(&self, partition: &Partition, readers: &[ReaderSpec]) -> bool {
        readers.iter().all(|reader| {
            let Some(latest) = self.latest.get(&(partition.clone(), reader.model)) else {
                return false;
            };
            let model = self.model(reader.model);
            let end = match reader.role {
                Role::Prediction => self.to.ceil_to(model.pane_width()),
                Role::Outcome => self.to + model.within(),
            };
            own_watermark(*latest, model.lateness) >= end
        })
    }

    fn model(&self, model: ModelIx) -> &'a ModelPlan {
        &self.plan.models[usize::from(model)]
    }
}

fn own_watermark(latest: Time, lateness: Span) -> Time {
    if latest == Time::MIN { latest } else { latest - lateness }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Mode, Settings, Sources, load};
    use crate::event::{Batch, Numbers};

    const CONFIG: &str = "
        [models.m]
        task = \"regression\"
        lateness = \"10m\"
        [models.m.predictions]
        topic = \"p\"
        id = \"id\"
        time = \"at\"
        prediction = \"y\"
        [models.m.outcomes]
        topic = \"o\"
        id = \"id\"
        time = \"at\"
        outcome = \"y\"
        within = \"3h\"
        [monitors.worse]
        statistic = \"mae\"
        window = \"2h\"
        every = \"1h\"
        detector = { kind = \"threshold\", critical = 1.0 }
    ";

    fn settings() -> Settings {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("driftd.toml");
        std::fs::write(&file, CONFIG).unwrap();
        let sources = Sources {
            file: Some(file),
            env: Vec::new(),
            overrides: Vec::new(),
            mode: Mode::ReferenceBuild,
            only: None,
        };
        load(&sources, &crate::daemon::Asking::default())
            .unwrap_or_else(|problems| panic!("{problems:?}"))
            .0
    }

    fn at(minutes: i64) -> Time {
        Time(0) + Span::from_secs(60 * minutes)
    }

    fn slab(topic: &str, role: Role, minutes: &[i64]) -> Slab {
        let mut batch = Batch::default();
        let mut numbers = Numbers::default();
        for (offset, minutes) in minutes.iter().enumerate() {
            batch.offsets.push(offset as i64);
            batch.times.push(at(*minutes));
            batch.logged.push(at(*minutes));
            batch.ids.push(offset as u128);
            numbers.push(*minutes as f64);
        }
        batch.numbers.push(numbers);
        Slab {
            partition: Partition { topic: topic.into(), number: 0 },
            from: 0,
            to: minutes.len() as i64,
            ordered: true,
            read_at: Time(0),
            anchor: None,
            batches: vec![(0, role, batch)],
            refused: Vec::new(),
            seen: Vec::new(),
        }
    }

    #[test]
    fn predictions_of_the_stretch_are_kept_unless_their_log_makes_them_late() {
        let settings = settings();
        let mut scope = Scope::new(&settings.plan, at(60), at(210));
        // 61 after 131: the pane 60..120 closed when 130 was read; 119 came before that.
        let mut got = slab("p", Role::Prediction, &[59, 60, 129, 119, 131, 61, 209, 210, 125]);
        scope.narrow(&mut got);
        let (_, _, batch) = &got.batches[0];
        assert_eq!(batch.offsets, [1, 2, 3, 4, 6]);
        assert_eq!(batch.numbers[0].values, [60.0, 129.0, 119.0, 131.0, 209.0]);
        assert_eq!(batch.ids, [1, 2, 3, 4, 6]);
        let mut none = slab("p", Role::Prediction, &[500]);
        scope.narrow(&mut none);
        assert!(none.batches.is_empty());
    }

    #[test]
    fn a_partition_is_over_when_nothing_after_can_count() {
        let settings = settings();
        let mut scope = Scope::new(&settings.plan, at(60), at(210));
        let readers = |role| {
            let all = settings.readers.iter().flat_map(|t| &t.readers).cloned();
            all.filter(|r| r.role == role).collect::<Vec<_>>()
        };
        let mut over = |topic: &str, role, minutes: i64| {
            let mut slab = slab(topic, role, &[minutes]);
            scope.narrow(&mut slab);
            scope.is_over(&slab.partition, &readers(role))
        };
        // The pane of 210 ends at 240, and ten minutes of lateness.
        assert!(!over("p", Role::Prediction, 249));
        assert!(over("p", Role::Prediction, 250));
        // Three hours of waiting after 210, and ten minutes.
        assert!(!over("o", Role::Outcome, 399));
        assert!(over("o", Role::Outcome, 400));
        assert!(!scope.is_over(&slab("q", Role::Outcome, &[]).partition, &readers(Role::Outcome)));
    }

    #[test]
    fn reading_begins_where_an_event_may_be_ahead_or_an_outcome_early() {
        let settings = settings();
        let scope = Scope::new(&settings.plan, at(600), at(660));
        let since = |topic: &str| {
            let readers = settings.readers.iter().find(|t| t.topic == topic).unwrap();
            scope.since(&readers.readers)
        };
        assert_eq!((since("p"), since("o")), (at(595), at(415)));
    }
}
