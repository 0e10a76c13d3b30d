//! Rows of a slab are accepted, joined and handed to counting: the counting law.

use std::sync::Arc;

use hashbrown::HashMap;

use super::axis::Along;
use super::count::{Origin, Slices};
use super::io::{JoinKey, Wants};
use super::learn::{Rank, Row};
use super::matching::Sums;
use super::model::{Model, PaneKey, VersionIx};
use super::segments::{SegmentIx, WHOLE};
use crate::event::{Batch, ModelIx, Partition, Role, Slab, Time, Values, Words};
use crate::join::{Answer, Entry, Known, Truth, Waiting};

/// Join entries in use: fetched ones, and changed ones that are not committed yet.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub by_key: HashMap<JoinKey, Entry>,
    pub dirty: hashbrown::HashSet<JoinKey>,
    /// The join has reached its limit: ids that are not in it yet find no room.
    pub full: bool,
}

impl Entries {
    fn change(&mut self, key: JoinKey) -> &mut Entry {
        self.dirty.insert(key);
        self.by_key.entry(key).or_default()
    }

    /// As [`Entries::change`]; `None` where there is no room for a further id.
    fn room_for(&mut self, key: JoinKey) -> Option<&mut Entry> {
        (!self.full || self.by_key.contains_key(&key)).then(|| self.change(key))
    }

    /// Keeps only what is not durable yet.
    pub(super) fn forget_clean(&mut self) {
        let dirty = &self.dirty;
        self.by_key.retain(|key, _| dirty.contains(key));
    }
}

/// One batch on its way in.
pub(super) struct Arriving<'a> {
    pub model: ModelIx,
    pub role: Role,
    pub batch: &'a Batch,
    pub slab: &'a Slab,
    /// Rows before this offset are in the state already.
    pub position: i64,
}

impl Model {
    /// What must be known before this batch can be taken.
    pub(super) fn wants(&self, model: ModelIx, batch: &Batch, role: Role, wants: &mut Wants) {
        wants.entries.extend(batch.ids.iter().map(|&id| JoinKey { model, id }));
        if role == Role::Outcome {
            return;
        }
        let mut room = self.room();
        let mut want = |name: Option<Arc<str>>| {
            let known = self
                .versions
                .keys()
                .any(|ix| **self.ledger.lexicon.name(*ix) == *name.as_deref().unwrap_or(""));
            if !known && room > 0 {
                room -= 1;
                wants.versions.push((model, name));
            }
        };
        if !self.plan.versioned {
            want(None);
            return;
        }
        for word in batch.versions.list.iter() {
            want(Some(word.into()));
        }
        if (0..batch.versions.places.len()).any(|row| batch.versions.place(row).is_err()) {
            want(None);
        }
    }

    /// Takes a batch of predictions; how many of them were late.
    pub(super) fn take_predictions(
        &mut self,
        arriving: &Arriving<'_>,
        entries: &mut Entries,
    ) -> u64 {
        let batch = arriving.batch;
        let partition = self.number_partition(&arriving.slab.partition);
        let rank = rank(&arriving.slab.partition);
        let segments = self.segments.assign(batch);
        let versions = self.number_versions(batch);
        let answers = Answers::new(self, batch);
        let lateness = self.plan.lateness;
        let width = self.time.width;
        let joins = self.plan.outcomes.is_some();
        // Without an id an event can meet only the outcome that it carries itself.
        let named = !batch.ids.is_empty();
        let judged = self.ledger.judged_drift.unwrap_or(Time::MIN);

        let mut latest = self.latest(arriving);
        let unread = self.after_all_read();
        let learns = self.learning.takes_rows();
        let (mut timed, mut counted) = (Slices::default(), Slices::default());
        let mut late = 0;
        // Times mostly move within a pane.
        let mut pane = Time(0)..Time(0);
        let first = batch.offsets.partition_point(|o| *o < arriving.position);
        for row in first..batch.times.len() {
            let time = batch.times[row];
            let own = if latest == Time::MIN { Time::MIN } else { latest - lateness };
            let Some(version) = versions[row] else {
                latest = latest.max(time);
                self.ledger.crowded_out += 1;
                continue;
            };
            if !pane.contains(&time) {
                let start = time.floor_to(width);
                pane = start..start + width;
            }
            let start = pane.start;
            let key = PaneKey { start, version, segment: WHOLE };
            if arriving.slab.ordered {
                if start + width <= own {
                    self.count_late(key, &segments, row);
                    late += 1;
                    continue;
                }
                latest = latest.max(time);
            }
            let arrival = time.max(own);
            let id = batch.ids.get(row).copied().unwrap_or_default();
            let mut own_entry = Entry::default();
            let entry = match (joins, named) {
                (false, _) => None,
                (true, true) => entries.room_for(JoinKey { model: arriving.model, id }),
                (true, false) => Some(&mut own_entry),
            };
            if let Some(entry) = entry {
                let waiting = Waiting {
                    version,
                    time,
                    arrival,
                    answer: answers.of(row),
                    segments: segments.iter().filter_map(|column| column[row]).collect(),
                };
                let outcome = batch.outcome.as_ref().map(|_| Known {
                    time,
                    arrival,
                    partition,
                    rank,
                    offset: batch.offsets[row],
                    truth: self.truth(batch, row),
                });
                if !self.join_prediction(id, entry, waiting, outcome) {
                    continue;
                }
            } else if joins {
                // Counted, never matched: it lowers the coverage, and that is shown.
                self.ledger.unjoined += 1;
            }
            if start + width <= judged {
                let sliced = segments.iter().filter_map(|column| column[row]);
                let touched = sliced.chain([WHOLE]).map(|segment| PaneKey { segment, ..key });
                self.ledger.restated.extend(touched);
            }
            self.note_arrival(version, arrival, start);
            if learns && let Some(learner) = self.learning.by_version.get_mut(&version) {
                let rank = Rank::of(batch.ids.get(row).copied(), rank, batch.offsets[row]);
                learner.keep(start, rank, || Row::of(batch, row));
            }
            timed.add(key, row, time);
            if self.events.used() {
                let at = self.ledger.events.take(time, self.events.width);
                counted.add(PaneKey { start: self.events.start_of(at), ..key }, row, at);
            }
        }
        self.advance(arriving, latest);
        let origin = Origin { segments: &segments, partition, unread };
        self.count(Along::Time, batch, timed, &origin);
        self.count(Along::Events, batch, counted, &origin);
        late
    }

    /// Takes a batch of outcomes. An outcome is never late by its own time.
    pub(super) fn take_outcomes(&mut self, arriving: &Arriving<'_>, entries: &mut Entries) {
        let batch = arriving.batch;
        let partition = self.number_partition(&arriving.slab.partition);
        let rank = rank(&arriving.slab.partition);
        let lateness = self.plan.lateness;
        let mut latest = self.latest(arriving);
        let first = batch.offsets.partition_point(|o| *o < arriving.position);
        for row in first..batch.times.len() {
            let time = batch.times[row];
            let own = if latest == Time::MIN { Time::MIN } else { latest - lateness };
            if arriving.slab.ordered {
                latest = latest.max(time);
            }
            let truth = self.truth(batch, row);
            let known = Known {
                time,
                arrival: if truth == Truth::Withdrawn { own } else { time.max(own) },
                partition,
                rank,
                offset: batch.offsets[row],
                truth,
            };
            let Some(&id) = batch.ids.get(row) else { continue };
            let Some(entry) = entries.room_for(JoinKey { model: arriving.model, id }) else {
                self.ledger.unjoined += 1;
                continue;
            };
            let mut sums = Sums::of(id);
            entry.learn(known, self.rules(), |delta| sums.take(delta));
            self.apply(sums);
        }
        self.advance(arriving, latest);
    }

    /// Files a prediction (with its own outcome, where the event carries it); false when it is a
    /// repeat that the rules set aside.
    fn join_prediction(
        &mut self,
        id: u128,
        entry: &mut Entry,
        waiting: Waiting,
        outcome: Option<Known>,
    ) -> bool {
        let rules = self.rules();
        let mut sums = Sums::of(id);
        let said = waiting.clone();
        let accepted = entry.predict(waiting, rules, |delta| sums.take(delta));
        if accepted && let Some(known) = outcome {
            entry.learn(known, rules, |delta| sums.take(delta));
        }
        self.apply(sums);
        if accepted {
            self.expect_answer(&said);
        }
        accepted
    }

    fn latest(&mut self, arriving: &Arriving<'_>) -> Time {
        self.ledger.clocks.clock(&arriving.slab.partition, arriving.role).latest
    }

    fn advance(&mut self, arriving: &Arriving<'_>, latest: Time) {
        let clock = self.ledger.clocks.clock(&arriving.slab.partition, arriving.role);
        clock.latest = latest;
        clock.read_at = Some(arriving.slab.read_at);
        let logged = arriving.batch.logged.iter().max().copied();
        self.ledger.latest_logged = self.ledger.latest_logged.max(logged);
        self.dirty = true;
    }

    fn count_late(&mut self, key: PaneKey, segments: &[Vec<Option<SegmentIx>>], row: usize) {
        self.time.count_late(key);
        for segment in segments.iter().filter_map(|column| column[row]) {
            self.time.count_late(PaneKey { segment, ..key });
        }
    }

    fn number_partition(&mut self, partition: &Partition) -> u32 {
        self.ledger.lexicon.number(&format!("{}/{}", partition.topic, partition.number))
    }

    /// The version of every row; `None` where it is one too many.
    fn number_versions(&mut self, batch: &Batch) -> Vec<Option<VersionIx>> {
        if !self.plan.versioned {
            let only = self.ledger.lexicon.number("");
            return vec![Some(only); batch.times.len()];
        }
        let mut none = None;
        if (0..batch.versions.places.len()).any(|row| batch.versions.place(row).is_err()) {
            none = self.number_version("");
        }
        let known: Vec<Option<VersionIx>> =
            batch.versions.list.iter().map(|word| self.number_version(word)).collect();
        (0..batch.times.len())
            .map(|row| batch.versions.place(row).map_or(none, |place| known[place as usize]))
            .collect()
    }

    /// What an outcome row, or a prediction row with its own outcome, says.
    fn truth(&mut self, batch: &Batch, row: usize) -> Truth {
        match &batch.outcome {
            Some(Values::Numbers(numbers)) => {
                numbers.get(row).map_or(Truth::Withdrawn, Truth::Number)
            }
            Some(Values::Words(words)) => match words.get(row) {
                Ok(word) => Truth::Class(self.ledger.lexicon.number(word)),
                Err(_) => Truth::Withdrawn,
            },
            None => Truth::Withdrawn,
        }
    }
}

/// FNV-1a over the partition's name: an order that no reading order changes.
fn rank(partition: &Partition) -> u64 {
    let number = partition.number.to_be_bytes();
    let bytes = partition.topic.bytes().chain(number);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The prediction values of a batch, with class names numbered once per distinct word.
struct Answers<'a> {
    batch: &'a Batch,
    classes: Vec<u32>,
}

impl<'a> Answers<'a> {
    fn new(model: &mut Model, batch: &'a Batch) -> Answers<'a> {
        let words: Option<&Words> = match &batch.prediction {
            Some(Values::Words(words)) => Some(words),
            _ => None,
        };
        let lexicon = &mut model.ledger.lexicon;
        let classes = words
            .map_or_else(Vec::new, |w| w.list.iter().map(|word| lexicon.number(word)).collect());
        Answers { batch, classes }
    }

    fn of(&self, row: usize) -> Answer {
        match &self.batch.prediction {
            Some(Values::Numbers(numbers)) => numbers.get(row).map_or(Answer::None, Answer::Number),
            other => {
                let class = match other {
                    Some(Values::Words(words)) => words.place(row).ok(),
                    _ => None,
                };
                let class = class.map(|place| self.classes[place as usize]);
                let probabilities: Vec<f64> =
                    self.batch.probabilities.iter().map(|column| column.values[row]).collect();
                if class.is_none() && probabilities.iter().all(|p| p.is_nan()) {
                    return Answer::None;
                }
                Answer::Class { class, probabilities }
            }
        }
    }
}
