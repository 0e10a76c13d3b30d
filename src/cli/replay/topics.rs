//! A replay over a stretch of the configured topics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};

use super::back_test::BackTest;
use super::scope::Scope;
use crate::config::Settings;
use crate::daemon::{range_spec, registries_for_a_look};
use crate::event::{ModelIx, Slab, Time};
use crate::source::{Range, Refusals, TopicPlan};
use crate::wire::{Bad, Reason, Record};

/// Shows the engine what the topics hold of predictions of `[from, to)` and their outcomes.
pub(super) fn read(
    test: &mut BackTest,
    settings: &Settings,
    model: Option<ModelIx>,
    from: Time,
    to: Time,
) -> anyhow::Result<()> {
    let mut spec = range_spec(settings);
    if let Some(model) = model {
        spec.topics.retain(|_, plan| {
            let readers = plan.readers.iter().filter(|r| r.model == model).cloned().collect();
            *plan = Arc::new(TopicPlan { readers, ..(**plan).clone() });
            !plan.readers.is_empty()
        });
    }
    let mut scope = Scope::new(&settings.plan, from, to);
    let refused = Refused::default();
    let readers = |topic: &str| spec.topics.get(topic).map_or(&[][..], |plan| &plan.readers);
    let since = |topic: &str| scope.since(readers(topic));
    let _registries = registries_for_a_look(settings)?;
    let mut range = Range::open(&spec, since, Box::new(refused.clone()))?;
    let bar = progress(range.total());
    while let Some(mut slab) = range.next_slab()? {
        let partition = slab.partition.clone();
        scope.narrow(&mut slab);
        slab.read_at = written_at(&slab);
        test.take(slab);
        if scope.is_over(&partition, readers(&partition.topic)) {
            range.leave(&partition);
        }
        bar.set_position(range.done());
    }
    bar.finish_and_clear();
    if !test.is_second() {
        refused.tell();
    }
    Ok(())
}

/// When a daemon would have read it: a back-test is not late to act.
fn written_at(slab: &Slab) -> Time {
    let logged = slab.batches.iter().flat_map(|(_, _, batch)| &batch.logged);
    logged.copied().chain(slab.anchor.map(|a| a.timestamp)).max().unwrap_or(Time(0))
}

/// Refused records by topic and reason: how many, and the first one in words.
type ByReason = BTreeMap<(String, Reason), (u64, String)>;

/// Refused records, counted.
#[derive(Clone, Default)]
struct Refused(Arc<Mutex<ByReason>>);

impl Refused {
    fn tell(&self) {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for ((topic, reason), (records, first)) in counted.iter() {
            eprintln!("{topic}: {records} records refused: {}, such as {first}", reason.as_str());
        }
    }
}

impl Refusals for Refused {
    fn refused(&mut self, record: &Record<'_>, bad: &Bad) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (records, _) =
            counted.entry((record.topic.to_owned(), bad.reason)).or_insert_with(|| {
                (
                    0,
                    format!(
                        "partition {} offset {}: {}",
                        record.partition, record.offset, bad.detail
                    ),
                )
            });
        *records += 1;
    }

    /// A replay shows what is judged; what no model wants is none of it.
    fn unmatched(&mut self, _: &str, _: u64) {}

    fn tick(&mut self) {}
}

/// A bar on standard error, where that is a terminal.
fn progress(total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    let template = "{wide_bar} {human_pos}/{human_len} records {eta}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
