//! The state of one model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::axis::{Along, Axis, Count};
use super::clocks::Clocks;
use super::io::{Notice, Table};
use super::learn::Learning;
use super::lexicon::Lexicon;
use super::score::Judged;
use super::segments::{SegmentIx, Segments};
use super::shelf::Shelf;
use super::track::Track;
use crate::event::{Span, Time};
use crate::join::{OutcomeRepeats, PredictionRepeats, Rules};
use crate::lines::Segment;
use crate::plan::{Limits, ModelPlan, SeriesKind};
use crate::reference::Reference;
use crate::stats::{Counts, Profile};
use crate::window::Running;

/// Number of a version in the model's lexicon.
pub(super) type VersionIx = u32;

/// A version of the model.
#[derive(Debug, Clone)]
pub(super) struct Version {
    /// What it is judged against, where there is anything.
    pub reference: Option<Arc<Reference>>,
    /// Whether that is its own, not one that was kept from the version before.
    pub own: bool,
    /// The group it is judged with.
    pub group: usize,
    /// Least arrival of its predictions: the newest version is the one that came last.
    pub first_arrival: Time,
    /// Start of the latest pane that holds predictions of it.
    pub last_pane: Time,
}

/// Versions that share a reference and are therefore judged together.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Identity in the state: the reference's id where references differ by version, else empty.
    pub id: Arc<str>,
    /// What it is judged against.
    pub reference: Option<Arc<Reference>>,
    /// Per line and series: its reference's id and the earliest event counted with it.
    pub starts: BTreeMap<(Along, Arc<str>), (Arc<str>, Time)>,
    /// Evaluation history.
    pub tracks: BTreeMap<TrackKey, Track>,
    /// The latest judgement of each track; its line is among the stored score lines.
    pub latest: BTreeMap<TrackKey, Judged>,
    /// First position of a window along a line, where the group began anew.
    pub begins: BTreeMap<Along, Time>,
    /// First event time of a window of series that began anew while others went on.
    pub floors: BTreeMap<Arc<str>, Time>,
    /// Sliding sums by segment, length and how far back they lie; rebuilt at will.
    pub sums: HashMap<(Along, SegmentIx, Span, Span), Running>,
    /// Counts of the whole reference by series, with the profile that they belong to.
    wholes: HashMap<Arc<str>, (Arc<Profile>, Arc<Counts>)>,
}

impl Group {
    /// The counts of a profile of its reference, worked out once.
    pub(super) fn whole(&mut self, series: &Arc<str>, profile: Arc<Profile>) -> Arc<Counts> {
        match self.wholes.get(series) {
            Some((of, whole)) if Arc::ptr_eq(of, &profile) => whole.clone(),
            _ => {
                let whole = Arc::new(profile.whole());
                self.wholes.insert(series.clone(), (profile, whole.clone()));
                whole
            }
        }
    }
}

/// Monitor, series and segment: what one line is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TrackKey {
    pub monitor: Arc<str>,
    pub series: Arc<str>,
    pub segment: SegmentIx,
}

/// Where a pane lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct PaneKey {
    pub start: Time,
    pub version: VersionIx,
    pub segment: SegmentIx,
}

/// Where a series' values stand in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A column of numbers.
    Number(usize),
    /// A column of words.
    Word(usize),
    /// The prediction.
    Prediction,
    /// The probability.
    Probability,
    /// The probability beside the predicted class.
    Classified,
    /// The expected loss.
    ExpectedLoss,
    /// Comes with the match, not with the prediction.
    Outcome,
}

/// A series that is counted, with the dimensions whose segments count it.
#[derive(Debug, Clone)]
pub(super) struct CountedSeries {
    pub name: Arc<str>,
    pub source: Source,
    pub dimensions: Vec<usize>,
}

/// What of the plan an export needs, kept with the state so that it needs no configuration.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Keeping {
    pub joins: bool,
    pub lateness: Span,
    pub within: Span,
    pub first_prediction: bool,
    pub all_predictions: bool,
    pub first_outcome: bool,
    /// Names of categories by id of the reference that numbers them.
    pub categories: BTreeMap<Arc<str>, Vec<String>>,
    pub category_series: BTreeSet<String>,
}

impl Ledger {
    /// The join's rules.
    pub(super) fn rules(&self) -> Rules {
        let keeping = &self.keeping;
        Rules {
            within: keeping.within,
            predictions: match (keeping.first_prediction, keeping.all_predictions) {
                (true, _) => PredictionRepeats::First,
                (false, true) => PredictionRepeats::All,
                (false, false) => PredictionRepeats::Last,
            },
            outcomes: if keeping.first_outcome {
                OutcomeRepeats::First
            } else {
                OutcomeRepeats::Last
            },
        }
    }
}

/// Line and series, id of its reference, earliest event counted with it.
pub(super) type Start = ((Along, Arc<str>), Arc<str>, Time);

/// Small values that are stored whole whenever they change.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Ledger {
    pub lexicon: Lexicon,
    pub clocks: Clocks,
    /// What an export needs to know.
    pub keeping: Keeping,
    /// Pane widths that the panes were made with, by line.
    pub widths: BTreeMap<Along, Span>,
    /// How many predictions were counted along [`Along::Events`].
    pub events: Count,
    /// How many pairs were counted along [`Along::Pairs`].
    pub pairs: Count,
    /// Boundaries up to which drift has been judged.
    pub judged_drift: Option<Time>,
    /// Boundaries up to which performance has been judged.
    pub judged_performance: Option<Time>,
    /// Groups whose versions a retraining has replaced: still counted and judged, but what they
    /// show is known and dealt with.
    pub retired: BTreeSet<String>,
    /// Outcome records beyond the wait of their prediction.
    pub late_outcomes: u64,
    /// Predictions of versions beyond the limit.
    pub crowded_out: u64,
    /// Outcomes and predictions that found no room in the join.
    pub unjoined: u64,
    /// Greatest Kafka timestamp read.
    pub latest_logged: Option<Time>,
    /// Configured paths seen at least once, by name.
    pub paths_seen: BTreeSet<String>,
    /// Name and path of every field that was counted: another path counts anew.
    pub paths: BTreeSet<(String, String)>,
    /// Panes before it were dropped: a window that reaches further back is not full.
    pub horizon: Option<Time>,
    /// Versions: lexicon number, reference group, least arrival.
    pub versions: Vec<(VersionIx, String, Time)>,
    /// Segments in the order of their numbers.
    pub segments: Vec<Segment>,
    /// Starts of series by group.
    pub starts: Vec<(String, Vec<Start>)>,
    /// First positions of groups that began anew.
    pub begins: Vec<(String, BTreeMap<Along, Time>)>,
    /// The model's name: a renamed one keeps the keys of its rows.
    pub name: String,
    /// Judged panes that a record changed after all, until their windows are judged again.
    pub restated: BTreeSet<PaneKey>,
    /// First event times of series that began anew, by group.
    pub floors: Vec<(String, BTreeMap<Arc<str>, Time>)>,
}

/// The state of one model.
#[derive(Debug)]
pub(super) struct Model {
    pub plan: Arc<ModelPlan>,
    /// What the keys of its rows begin with: the first name that it was stored under.
    pub stem: String,
    pub ledger: Ledger,
    pub segments: Segments,
    pub versions: BTreeMap<VersionIx, Version>,
    pub groups: Vec<Group>,
    /// Panes of event time; those of counts beside them.
    pub time: Axis,
    pub events: Axis,
    pub pairs: Axis,
    /// Versions that learn their reference.
    pub learning: Learning,
    /// References that were learnt.
    pub learnt: BTreeMap<VersionIx, Arc<Reference>>,
    /// Values that a category feature may have.
    pub most_categories: usize,
    /// Versions that may be counted at the same time.
    pub most_versions: usize,
    /// Whether it has been said that there are more.
    pub crowded: bool,
    /// Stored rows that nothing reads any more.
    pub orphans: Vec<(Table, Vec<u8>)>,
    /// Where counts of judged panes are left; without one they stay in memory.
    pub shelf: Option<Arc<dyn Shelf>>,
    /// What is worth a line in the log.
    pub notices: Vec<Notice>,
    pub dirty_tracks: BTreeSet<(usize, TrackKey)>,
    pub dirty: bool,
    /// Classes that are positive, by lexicon number.
    pub positive: BTreeSet<u32>,
}

impl Model {
    pub(super) fn new(plan: Arc<ModelPlan>, limits: &Limits) -> Model {
        let mut model = Model {
            stem: plan.name.clone(),
            ledger: Ledger::default(),
            segments: Segments::new(&plan, limits.segments),
            versions: BTreeMap::new(),
            groups: Vec::new(),
            time: Axis::new(Along::Time, &plan),
            events: Axis::new(Along::Events, &plan),
            pairs: Axis::new(Along::Pairs, &plan),
            learning: Learning::default(),
            learnt: BTreeMap::new(),
            most_categories: limits.categories,
            most_versions: limits.versions,
            crowded: false,
            orphans: Vec::new(),
            shelf: None,
            notices: Vec::new(),
            dirty_tracks: BTreeSet::new(),
            dirty: false,
            positive: BTreeSet::new(),
            plan,
        };
        model.number_classes();
        model.note_keeping();
        let paths = model.plan.paths.iter();
        model.ledger.paths = paths.map(|p| (p.name.clone(), p.path.clone())).collect();
        model
    }

    /// Copies what an export needs out of the plan.
    pub(super) fn note_keeping(&mut self) {
        let plan = self.plan.clone();
        let outcomes = plan.outcomes.as_ref();
        let known = std::mem::take(&mut self.ledger.keeping.categories);
        self.ledger.keeping = Keeping {
            joins: outcomes.is_some(),
            lateness: plan.lateness,
            within: plan.within(),
            first_prediction: plan.repeats == PredictionRepeats::First,
            all_predictions: plan.repeats == PredictionRepeats::All,
            first_outcome: outcomes.is_some_and(|o| o.repeats == OutcomeRepeats::First),
            categories: known,
            category_series: self
                .time
                .series
                .iter()
                .filter(|s| plan.series_kind(&s.name) == Some(SeriesKind::Category))
                .map(|s| s.name.to_string())
                .collect(),
        };
    }

    /// Looks the class names of the plan up again, after the lexicon was restored.
    pub(super) fn number_classes(&mut self) {
        let lexicon = &mut self.ledger.lexicon;
        self.positive = self.plan.positive.iter().map(|name| lexicon.number(name)).collect();
        if let Some(assumed) = self.plan.outcomes.as_ref().and_then(|o| o.assume.as_ref()) {
            lexicon.number(assumed);
        }
    }

    /// Name of a version; `None` where none is configured.
    pub(super) fn version_name(&self, version: VersionIx) -> Option<Arc<str>> {
        let name = self.ledger.lexicon.name(version);
        (self.plan.versioned && !name.is_empty()).then(|| name.clone())
    }

    /// The panes along a line.
    pub(super) fn axis(&self, along: Along) -> &Axis {
        match along {
            Along::Time => &self.time,
            Along::Events => &self.events,
            Along::Pairs => &self.pairs,
        }
    }

    pub(super) fn axes(&self) -> impl Iterator<Item = &Axis> {
        [&self.time, &self.events, &self.pairs].into_iter()
    }

    pub(super) fn axis_mut(&mut self, along: Along) -> &mut Axis {
        match along {
            Along::Time => &mut self.time,
            Along::Events => &mut self.events,
            Along::Pairs => &mut self.pairs,
        }
    }

    /// Files a version with its reference. Without one it learns, where it may; else it keeps the
    /// one before.
    pub(super) fn admit(&mut self, version: VersionIx, found: Option<Arc<Reference>>) {
        let learns = found.is_none() && self.plan.reference.learn.is_some();
        let per_version = self.plan.reference.per_version || self.plan.reference.learn.is_some();
        let reference = found.or_else(|| self.learnt.get(&version).cloned().filter(|_| learns));
        let own = reference.is_some() || !per_version;
        let id: Arc<str> = match &reference {
            _ if learns => format!("learnt:{}", self.ledger.lexicon.name(version)).into(),
            Some(reference) if per_version => reference.id.as_str().into(),
            _ => "".into(),
        };
        if !learns {
            self.learning.finish(version);
        } else if reference.is_none() {
            self.learning.begin(version);
        }
        let group = match self.groups.iter().position(|g| g.id == id) {
            Some(group) => group,
            None if reference.is_none() && !learns && !self.groups.is_empty() => {
                self.groups.len() - 1
            }
            None => {
                let reference = reference.clone();
                self.groups.push(Group { id, reference, ..Group::default() });
                self.groups.len() - 1
            }
        };
        let before = self.versions.get(&version).map(|v| v.group).filter(|before| *before != group);
        for group in before.into_iter().flat_map(|before| [before, group]) {
            // Sums of both hold the wrong versions now.
            self.groups[group].sums.clear();
        }
        if before.is_some() && self.groups[group].starts.is_empty() {
            // What came before was counted with another reference, in whatever order it comes.
            let begins = [
                (Along::Time, self.after_all_read()),
                (Along::Events, Some(Time(self.ledger.events.next))),
            ];
            let begins = begins.into_iter().filter_map(|(along, at)| Some((along, at?)));
            self.groups[group].begins.extend(begins);
        }
        if learns || self.groups[group].reference.is_none() {
            // Sums were made with the counts of the reference before.
            self.groups[group].sums.clear();
            self.groups[group].reference.clone_from(&reference);
        }
        let reference = self.groups[group].reference.clone();
        self.note_unseasonal(reference.as_deref());
        for profile in reference.iter().flat_map(|r| r.series.values()) {
            if let Profile::Category(profile) = profile.as_ref() {
                let names = profile.categories.iter().map(|(name, _)| name.clone()).collect();
                self.ledger.keeping.categories.insert(profile.id.as_str().into(), names);
            }
        }
        self.versions
            .entry(version)
            .and_modify(|v| (v.group, v.reference, v.own) = (group, reference.clone(), own))
            .or_insert(Version {
                reference,
                own,
                group,
                first_arrival: Time::MAX,
                last_pane: Time::MIN,
            });
        self.dirty = true;
    }

    /// The first event time that no prediction has reached so far.
    pub(super) fn after_all_read(&self) -> Option<Time> {
        self.latest_event().map(|latest| latest + Span(1))
    }

    /// Meets a version for the first time; the notice is for the log.
    pub(super) fn meet(
        &mut self,
        version: VersionIx,
        reference: Option<Arc<Reference>>,
    ) -> Option<Notice> {
        if self.versions.contains_key(&version) {
            return None;
        }
        let found = reference.is_some();
        self.admit(version, reference);
        let name = self.version_name(version);
        let configured = self.plan.reference.file;
        let what = name.map_or("events".to_owned(), |name| format!("version {name}"));
        let message = match (found, configured) {
            (true, _) => format!("{what} is judged against its reference"),
            (false, _) if self.plan.reference.learn.is_some() => {
                format!("{what} has no reference yet and learns it")
            }
            (false, true) => format!(
                "{what} has no reference file that can be read; the one before stays, if there was one"
            ),
            (false, false) => return None,
        };
        let warning = !found && self.plan.reference.learn.is_none();
        Some(Notice { warning, model: self.plan.name.clone(), message })
    }

    /// Versions that are still judged against what was kept from the one before.
    pub(super) fn waiting_for_reference(&self) -> Vec<Arc<str>> {
        let waiting = self.versions.iter().filter(|(_, v)| !v.own);
        waiting.filter_map(|(ix, _)| self.version_name(*ix)).collect()
    }

    /// Versions of a group, and the one that names it at `boundary`: whose first prediction
    /// arrived last before it.
    pub(super) fn members(&self, group: usize) -> Vec<VersionIx> {
        self.versions.iter().filter(|(_, v)| v.group == group).map(|(ix, _)| *ix).collect()
    }

    /// Name of the group's newest version at `boundary`.
    pub(super) fn label(&self, group: usize, boundary: Time) -> Option<Arc<str>> {
        let newest = self
            .versions
            .iter()
            .filter(|(_, v)| v.group == group && v.first_arrival < boundary)
            // An event without a version does not take the name away from those that have one.
            .max_by_key(|(ix, v)| {
                let name = self.ledger.lexicon.name(**ix);
                (!name.is_empty(), v.first_arrival, name.clone())
            })?;
        self.version_name(*newest.0)
    }
}
