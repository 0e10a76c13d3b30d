//! What is read from the records of a model's topics.

use std::sync::Arc;

use crate::config::build::fields;
use crate::config::forms::{Kinded, Many, Short};
use crate::config::key::KeyPath;
use crate::config::problem::Report;
use crate::config::raw::{
    RawField, RawFieldType, RawModel, RawOutcomes, RawPredictions, RawProbability, RawTime,
    RawWhere,
};
use crate::event::{ModelIx, Role};
use crate::plan::{FeaturePlan, ModelPlan, NamedPath, SeriesKind};
use crate::stats::{Dtype, Task};
use crate::wire::{
    self, FieldSpec, Filter, Outline, Path, Place, ReaderSpec, Test, TimeSpec, ValueSpec,
};

/// One of a model's tables of events.
pub struct Source<'a> {
    /// Where the table stands.
    pub at: KeyPath,
    /// Topics that hold its events.
    pub topics: Vec<String>,
    /// Their format.
    pub format: &'a Short<Kinded>,
    /// What is read; `None` where that is broken, and reported.
    pub spec: Option<ReaderSpec>,
}

/// The features in the order of their names. Where schemas say what a field is, a feature is that
/// unless it says otherwise itself; of each list of outlines the first that has the field counts.
pub fn features(
    raw: &RawPredictions,
    coerce: bool,
    outlines: &[Vec<Arc<dyn Outline>>],
    at: &KeyPath,
    report: &mut Report,
) -> Vec<FeaturePlan> {
    let at = at.key("predictions").key("features");
    let features = raw.features.iter().map(|(name, field)| {
        let (at, field) = (at.key(name), &field.0);
        if let Some(kind @ (RawFieldType::Text | RawFieldType::Vector)) = field.kind {
            let word = if kind == RawFieldType::Text { "text" } else { "vector" };
            report.error(
                &at.key("type"),
                format!("features of type \"{word}\" are not built yet"),
                "use \"numeric\" or \"category\"",
            );
        }
        let coerce = field.coerce.or(raw.coerce).unwrap_or(coerce);
        let kinds = kinds(field, coerce, outlines);
        let kind = kinds.first().copied().unwrap_or_else(|| kind_of(field, coerce, None));
        if kinds.iter().any(|other| *other != kind) {
            report.error(
                &at,
                "is not the same by the schemas of all the topics",
                "write type = \"category\", or dtype = \"f64\"",
            );
        }
        if kind == SeriesKind::Category && field.dtype.is_some() {
            report.error(&at.key("dtype"), "belongs to numeric features", "remove it");
        }
        FeaturePlan { name: name.clone(), kind }
    });
    features.collect()
}

/// What a feature is by each of the schemas.
fn kinds(field: &RawField, coerce: bool, outlines: &[Vec<Arc<dyn Outline>>]) -> Vec<SeriesKind> {
    let path = Path::parse(&field.path);
    let steps = match path.as_ref().map(Path::place) {
        Ok(Place::Payload(steps)) => steps,
        _ => return Vec::new(),
    };
    let found = outlines.iter().filter_map(|of| of.iter().find_map(|outline| outline.find(steps)));
    found.map(|said| kind_of(field, coerce, said.series)).collect()
}

/// What a feature is, where a schema says this of its field.
pub fn kind_of(field: &RawField, coerce: bool, said: Option<SeriesKind>) -> SeriesKind {
    let category = match field.kind {
        None => said == Some(SeriesKind::Category) && field.dtype.is_none() && !coerce,
        Some(kind) => kind == RawFieldType::Category,
    };
    match (category, field.dtype, said) {
        (true, ..) => SeriesKind::Category,
        (false, Some(dtype), _) => SeriesKind::Numeric(dtype.into()),
        (false, None, Some(numeric @ SeriesKind::Numeric(_))) => numeric,
        (false, None, _) => SeriesKind::Numeric(Dtype::default()),
    }
}

/// The tables of a model. `names` takes the name of every field in the order in which readers
/// report them as seen: `features.NAME` for a feature, else the key below the model.
pub fn sources<'a>(
    model: ModelIx,
    raw: &'a RawModel,
    plan: &ModelPlan,
    at: &KeyPath,
    names: &mut Vec<NamedPath>,
    report: &mut Report,
) -> Vec<Source<'a>> {
    let mut sources = Vec::new();
    let mut shared = Shared { model, raw, plan, names, report };
    if let Some(predictions) = &raw.predictions {
        let at = at.key("predictions");
        sources.push(Source {
            topics: predictions.topic.as_ref().map(|t| t.0.clone()).unwrap_or_default(),
            format: &predictions.format,
            spec: shared.predictions(predictions, &at),
            at,
        });
    }
    if let Some(outcomes) = &raw.outcomes {
        let at = at.key("outcomes");
        sources.push(Source {
            topics: outcomes.topic.as_ref().map(|t| t.0.clone()).unwrap_or_default(),
            format: &outcomes.format,
            spec: shared.outcomes(outcomes, &at),
            at,
        });
    }
    sources
}

struct Shared<'a> {
    model: ModelIx,
    raw: &'a RawModel,
    plan: &'a ModelPlan,
    names: &'a mut Vec<NamedPath>,
    report: &'a mut Report,
}

impl Shared<'_> {
    fn predictions(&mut self, raw: &RawPredictions, at: &KeyPath) -> Option<ReaderSpec> {
        let mut paths = Vec::new();
        // An event that carries its own outcome needs an id only where repeats are to be found.
        let keeps_ids = self.raw.outcomes.is_some() || (raw.outcome.is_some() && raw.id.is_some());
        let coerce = raw.coerce.unwrap_or(self.raw.coerce);
        let id = self.ids(raw.id.as_ref(), keeps_ids, at);
        if keeps_ids {
            id.iter().flatten().for_each(|path| self.name("predictions.id", path, &mut paths));
        }
        let time = self.time(&raw.time, at, "predictions.time", &mut paths);
        let version =
            self.optional(raw.version.as_deref(), at, "version", "predictions.version", &mut paths);
        let filter = self.filter(raw.filter.as_ref(), at);
        let features = self.features(raw, coerce, at, &mut paths);
        let text = raw.prediction.as_ref().map(|field| field.0.path.as_str());
        let prediction =
            self.optional(text, at, "prediction", "predictions.prediction", &mut paths);
        let probabilities = self.probabilities(raw, at, &mut paths);
        let text = raw.expected_loss.as_ref().map(|loss| loss.0.path.as_str());
        let name = "predictions.expected_loss";
        let expected_loss = self.optional(text, at, "expected_loss", name, &mut paths);
        let text = raw.outcome.as_deref();
        let outcome = self.optional(text, at, "outcome", "predictions.outcome", &mut paths);
        let kind = self.plan.prediction.unwrap_or(SeriesKind::Category);
        let (numbers, words) = features?;
        Some(ReaderSpec {
            model: self.model,
            role: Role::Prediction,
            keeps_ids,
            id: id?,
            time: time?,
            version: version?,
            filter: filter?,
            numbers,
            words,
            prediction: prediction?.map(|path| ValueSpec { path, kind }),
            outcome: outcome?.map(|path| ValueSpec { path, kind: outcome_kind(self.plan) }),
            probabilities: probabilities?,
            expected_loss: expected_loss?,
            coerce,
            max_ahead: self.raw.max_ahead.0,
            paths,
        })
    }

    fn outcomes(&mut self, raw: &RawOutcomes, at: &KeyPath) -> Option<ReaderSpec> {
        let mut paths = Vec::new();
        let id = self.ids(raw.id.as_ref(), true, at);
        id.iter().flatten().for_each(|path| self.name("outcomes.id", path, &mut paths));
        let given = |id: &Option<Many<String>>| id.as_ref().map_or(0, |id| id.0.len());
        let own = given(&raw.id);
        let other = self.raw.predictions.as_ref().map_or(0, |p| given(&p.id));
        if own > 0 && other > 0 && own != other {
            self.report.error(
                &at.key("id"),
                format!("has {own} paths, that of the predictions {other}"),
                "ids of both sides must have the same parts",
            );
        }
        let time = self.time(&raw.time, at, "outcomes.time", &mut paths);
        let filter = self.filter(raw.filter.as_ref(), at);
        let text = raw.outcome.as_deref();
        let outcome = self.optional(text, at, "outcome", "outcomes.outcome", &mut paths);
        Some(ReaderSpec {
            model: self.model,
            role: Role::Outcome,
            keeps_ids: true,
            id: id?,
            time: time?,
            version: None,
            filter: filter?,
            numbers: Vec::new(),
            words: Vec::new(),
            prediction: None,
            outcome: outcome?.map(|path| ValueSpec { path, kind: outcome_kind(self.plan) }),
            probabilities: Vec::new(),
            expected_loss: None,
            coerce: raw.coerce.unwrap_or(self.raw.coerce),
            max_ahead: self.raw.max_ahead.0,
            paths,
        })
    }

    /// Gives a path its place among the names of the model. A record always has a timestamp.
    fn name(&mut self, name: &str, path: &Path, paths: &mut Vec<(Path, u16)>) {
        if *path.place() == Place::Timestamp {
            return;
        }
        let place = u16::try_from(self.names.len()).unwrap_or(u16::MAX);
        self.names.push(NamedPath { name: name.to_owned(), path: path.as_str().to_owned() });
        paths.push((path.clone(), place));
    }

    /// A path that may be left out; `None`: there, but broken.
    fn optional(
        &mut self,
        text: Option<&str>,
        at: &KeyPath,
        key: &str,
        name: &str,
        paths: &mut Vec<(Path, u16)>,
    ) -> Option<Option<Path>> {
        let Some(text) = text else { return Some(None) };
        let path = fields::path(text, &at.key(key), self.report)?;
        self.name(name, &path, paths);
        Some(Some(path))
    }

    fn features(
        &mut self,
        raw: &RawPredictions,
        coerce: bool,
        at: &KeyPath,
        paths: &mut Vec<(Path, u16)>,
    ) -> Option<(Vec<FieldSpec>, Vec<FieldSpec>)> {
        let at = at.key("features");
        let (mut numbers, mut words, mut whole) = (Vec::new(), Vec::new(), true);
        for FeaturePlan { name, kind } in &self.plan.features {
            let Some(field) = raw.features.get(name) else { continue };
            let Some(path) = fields::path(&field.0.path, &at.key(name), self.report) else {
                whole = false;
                continue;
            };
            self.name(&format!("features.{name}"), &path, paths);
            let spec = FieldSpec { path, kind: *kind, coerce: field.0.coerce.unwrap_or(coerce) };
            match kind {
                SeriesKind::Numeric(_) => numbers.push(spec),
                SeriesKind::Category => words.push(spec),
            }
        }
        whole.then_some((numbers, words))
    }

    fn probabilities(
        &mut self,
        raw: &RawPredictions,
        at: &KeyPath,
        paths: &mut Vec<(Path, u16)>,
    ) -> Option<Vec<Path>> {
        let at = at.key("probability");
        let mut found = Vec::new();
        let texts: Vec<(KeyPath, &str)> = match &raw.probability {
            None => Vec::new(),
            Some(RawProbability::One(path)) => vec![(at, path.as_str())],
            Some(RawProbability::Classes(classes)) => {
                let wanted = self.plan.probabilities.iter();
                let wanted = wanted.filter_map(|c| classes.get_key_value(c));
                wanted.map(|(class, path)| (at.key(class), path.as_str())).collect()
            }
        };
        let count = texts.len();
        for (at, text) in texts {
            let Some(path) = fields::path(text, &at, self.report) else { continue };
            self.name("predictions.probability", &path, paths);
            found.push(path);
        }
        (found.len() == count).then_some(found)
    }

    fn ids(&mut self, id: Option<&Many<String>>, needed: bool, at: &KeyPath) -> Option<Vec<Path>> {
        let at = at.key("id");
        let texts = id.map(|id| id.0.as_slice()).unwrap_or_default();
        if needed && texts.is_empty() {
            self.report.error(
                &at,
                "is missing: outcomes meet predictions by id",
                "write id = \"path\", or a list of paths",
            );
        }
        let paths: Vec<Path> =
            texts.iter().filter_map(|text| fields::path(text, &at, self.report)).collect();
        (paths.len() == texts.len()).then_some(paths)
    }

    fn time(
        &mut self,
        time: &Short<RawTime>,
        at: &KeyPath,
        name: &str,
        paths: &mut Vec<(Path, u16)>,
    ) -> Option<TimeSpec> {
        let at = at.key("time");
        let path = fields::path(&time.0.path, &at, self.report);
        if let Some(path) = &path {
            self.name(name, path, paths);
        }
        let zone = match time.0.zone.as_deref().map(wire::zone) {
            None => None,
            Some(Ok(zone)) => Some(zone),
            Some(Err(message)) => {
                self.report.error(&at.key("zone"), message, "");
                None
            }
        };
        Some(TimeSpec { path: path?, zone })
    }

    fn filter(&mut self, raw: Option<&RawWhere>, at: &KeyPath) -> Option<Option<Filter>> {
        let Some(raw) = raw else { return Some(None) };
        let at = at.key("where");
        let path = fields::path(&raw.path, &at.key("path"), self.report);
        let test = match (&raw.equals, &raw.one_of, raw.exists) {
            (Some(value), None, None) => Test::Equals(value.0.clone()),
            (None, Some(values), None) if !values.is_empty() => {
                Test::In(values.iter().map(|v| v.0.clone()).collect())
            }
            (None, None, Some(there)) => Test::Exists(there),
            _ => {
                self.report.error(
                    &at,
                    "needs exactly one of `equals`, `in` and `exists`",
                    "write { path = \"type\", equals = \"ride\" }",
                );
                return None;
            }
        };
        Some(Some(Filter { path: path?, test }))
    }
}

/// Outcomes are numbers for a regression, classes otherwise.
fn outcome_kind(plan: &ModelPlan) -> SeriesKind {
    match plan.task {
        Some(Task::Regression) | None => SeriesKind::Numeric(Dtype::F64),
        Some(_) => SeriesKind::Category,
    }
}
