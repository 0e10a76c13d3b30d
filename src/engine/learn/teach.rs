//! From rows to a reference in force.

use std::sync::Arc;

use super::row::batch;
use super::{Cell, Learner, Row};
use crate::engine::axis::Along;
use crate::engine::io::Notice;
use crate::engine::lexicon::Lexicon;
use crate::engine::model::{Model, VersionIx};
use crate::engine::segments::WHOLE;
use crate::event::{Batch, Numbers, Span, Time, Values, Words};
use crate::join::Truth;
use crate::plan::Learn;
use crate::reference::{Builder, CreatedFrom, Reference};
use crate::stats::{Profile, SeriesKind};

/// Panes between the end of learning and the first one that is judged: rows of those between may
/// have been read before there was a grid to count them on.
const APART: i64 = 3;

impl Model {
    /// Drift has been judged up to a boundary: closed panes are learnt from.
    pub(in crate::engine) fn learn_panes(&mut self, boundary: Time) {
        let Some(goal) = self.plan.reference.learn else { return };
        let learning = self.learning.by_version.iter().filter(|(_, l)| l.takes_rows());
        let versions: Vec<VersionIx> = learning.map(|(version, _)| *version).collect();
        for version in versions {
            let Some(from) = self.first_whole_pane(version).filter(|from| *from < boundary) else {
                continue;
            };
            let Some(learner) = self.learning.by_version.get_mut(&version) else { continue };
            // A length of time ends where it ends, also where boundaries are skipped.
            let boundary = match goal {
                Learn::Span(span) => boundary.min((from + span).ceil_to(self.time.width)),
                Learn::Events(_) => boundary,
            };
            let since = learner.progress.upto.unwrap_or(from).max(from);
            let panes = self.time.between(since, boundary);
            let mine = panes.filter(|(key, _)| key.version == version && key.segment == WHOLE);
            let events = mine.map(|(_, pane)| pane.predictions).sum();
            self.learning.dirty.insert(version);
            if learner.close(from, boundary, events, goal) {
                self.teach(version, boundary);
            }
        }
    }

    /// Performance has been judged up to a boundary: the outcomes of what was learnt may be in.
    pub(in crate::engine) fn learn_outcomes(&mut self, boundary: Time) {
        let within = self.plan.within();
        let complete = |learner: &Learner| {
            learner
                .progress
                .end
                .is_some_and(|end| (end + within).ceil_to(self.time.width) <= boundary)
        };
        let ended = self.learning.by_version.iter().filter(|(_, l)| complete(l));
        let versions: Vec<VersionIx> = ended.map(|(version, _)| *version).collect();
        for version in versions {
            if let Some(reference) = self.made_of_rows(version, true) {
                self.put_in_force(version, Arc::new(reference));
            }
            self.learning.finish(version);
        }
    }

    /// Makes the reference of a version out of what it has learnt and judges by it from now on.
    fn teach(&mut self, version: VersionIx, end: Time) {
        let Some(reference) = self.made_of_rows(version, false) else { return };
        let what = self.version_name(version);
        let what = what.map_or("the model".to_owned(), |name| format!("version {name}"));
        let rows = reference.created_from.rows;
        self.notices.push(Notice {
            warning: false,
            model: self.plan.name.clone(),
            message: format!(
                "{what} has learnt its reference {} from {rows} rows up to {end}",
                reference.id
            ),
        });
        self.put_in_force(version, Arc::new(reference));
        self.begin_anew(version, end);
        if self.plan.outcomes.is_none() {
            self.learning.finish(version);
        }
    }

    /// The reference of the rows that a version has learnt from.
    fn made_of_rows(&mut self, version: VersionIx, with_outcomes: bool) -> Option<Reference> {
        let learner = self.learning.by_version.get(&version)?;
        // Whether a word list is too long is known at the end; see below.
        let mut spec = self.plan.reference_spec(usize::MAX);
        if !with_outcomes {
            spec.outcome = None;
        }
        let empty = Batch {
            prediction: spec.prediction.map(empty_values),
            outcome: spec.outcome.map(empty_values),
            ..Batch::default()
        };
        let assumed = self.assumed_cell().filter(|_| with_outcomes);
        let rows: Vec<Row> = learner.taken.values().map(|row| row.assuming(&assumed)).collect();
        let (sha256, learnt) = (String::new(), learner.progress.from.zip(learner.progress.end));
        let mut builder = Builder::new(spec);
        // Without a limit of categories nothing is refused.
        builder.observe(&batch(rows.iter(), empty)).ok()?;
        let from = CreatedFrom { files: Vec::new(), rows: rows.len() as u64, sha256, learnt };
        let mut reference = builder.finish(from);
        self.leave_out_endless(&mut reference);
        Some(reference)
    }

    /// A category feature with more values than the limit is none; it stays without a reference.
    fn leave_out_endless(&mut self, reference: &mut Reference) {
        let most = self.most_categories;
        let endless = |profile: &Profile| match profile {
            Profile::Category(profile) => profile.categories.len() > most,
            Profile::Numeric(_) => false,
        };
        let names: Vec<String> = reference
            .series
            .iter()
            .filter(|(name, profile)| name.starts_with("features.") && endless(profile))
            .map(|(name, _)| name.clone())
            .collect();
        for name in names {
            self.notices.push(Notice {
                warning: true,
                model: self.plan.name.clone(),
                message: format!(
                    "{name} has more than {most} distinct values and stays without a reference; \
                     declare it numeric, leave it out, or raise limits.categories"
                ),
            });
            reference.leave_out(&name);
        }
    }

    fn put_in_force(&mut self, version: VersionIx, reference: Arc<Reference>) {
        self.learnt.insert(version, reference);
        self.learning.dirty.insert(version);
        self.admit(version, None);
    }

    /// Takes a reference that the very events to come have taught before: all of them are counted on
    /// its grids, so that windows begin where the learning ended.
    pub(in crate::engine) fn know(&mut self, version: &str, reference: Arc<Reference>) {
        let (learnt, events) = (reference.created_from.learnt, reference.created_from.rows);
        let Some((_, end)) = learnt else { return };
        let version = self.ledger.lexicon.number(version);
        self.learnt.insert(version, reference);
        self.admit(version, None);
        if let Some(known) = self.versions.get(&version) {
            let begins = &mut self.groups[known.group].begins;
            begins.insert(Along::Time, end);
            begins.insert(Along::Events, Time(events as i64));
        }
    }

    /// Windows of a version's group begin with the first pane that is counted whole.
    fn begin_anew(&mut self, version: VersionIx, end: Time) {
        let Some(group) = self.versions.get(&version).map(|v| v.group) else { return };
        let width = self.time.width;
        let apart = end + Span(width.0.saturating_mul(APART));
        let read = self.latest_event().map_or(apart, |latest| (latest + Span(1)).ceil_to(width));
        let begins = &mut self.groups[group].begins;
        begins.insert(Along::Time, apart.max(read));
        begins.insert(Along::Events, Time(self.ledger.events.next));
        self.dirty = true;
    }

    fn first_whole_pane(&self, version: VersionIx) -> Option<Time> {
        let group = self.versions.get(&version)?.group;
        let start = self.groups[group].starts.get(&(Along::Time, "model".into()))?;
        Some(start.1.ceil_to(self.time.width))
    }

    fn assumed_cell(&self) -> Option<Cell> {
        self.assumed_truth().map(|truth| outcome_cell(&self.ledger.lexicon, truth))
    }
}

/// An outcome as a row keeps it.
pub(in crate::engine) fn outcome_cell(lexicon: &Lexicon, truth: Truth) -> Cell {
    match truth {
        Truth::Number(value) => Cell::Number(value),
        Truth::Class(class) => Cell::Word(lexicon.name(class).to_string()),
        Truth::Withdrawn => Cell::Missing,
    }
}

fn empty_values(kind: SeriesKind) -> Values {
    match kind {
        SeriesKind::Numeric(_) => Values::Numbers(Numbers::default()),
        SeriesKind::Category => Values::Words(Words::default()),
    }
}
