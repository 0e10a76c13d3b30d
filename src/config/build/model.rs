//! Models: their plans, what is read for them, where their references come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::doors::{Terms, chosen};
use super::follow::{self, Followed};
use super::registry::Around;
use super::{Knowing, Site, located};
use crate::config::Mode;
use crate::config::forms::{Extent, Kinded, Many, Scalar, Short};
use crate::config::key::KeyPath;
use crate::config::kinds;
use crate::config::problem::{Report, suggest};
use crate::config::raw::{
    Raw, RawModel, RawNotify, RawOutcomeRepeats, RawPredictionRepeats, RawSeason, RawTask,
};
use crate::config::settings::{ReferenceSettings, TopicReaders};
use crate::event::{ModelIx, Rhythm, Season, Span};
use crate::plan::{
    Learn, ModelPlan, NotifyPlan, OutcomePlan, OutcomeRepeats, PredictionRepeats, ReferencePlan,
    RetrainPlan,
};
use crate::stats::{Params, Task};
use crate::wire::{FORMATS, FormatSpec, ReaderSpec};

mod reader;
mod task;

pub use reader::kind_of;

/// Everything that models become, in the order of their names.
pub struct Models {
    /// Plans, without monitors.
    pub models: Vec<ModelPlan>,
    /// By topic.
    pub readers: Vec<TopicReaders>,
    /// By model.
    pub references: Vec<ReferenceSettings>,
}

/// Builds every model.
pub fn models(
    raw: &Raw,
    terms: &BTreeMap<String, Terms>,
    knowing: Knowing<'_>,
    followed: &BTreeMap<String, Followed>,
    report: &mut Report,
) -> Models {
    let mut built = Models { models: Vec::new(), readers: Vec::new(), references: Vec::new() };
    let mut formats: BTreeMap<String, &Short<Kinded>> = BTreeMap::new();
    if raw.models.is_empty() {
        let at = KeyPath::of(&["models"]);
        report.error(&at, "there is no model", "add a table [models.NAME]");
    }
    for (i, (name, model)) in raw.models.iter().enumerate() {
        let at = KeyPath::of(&["models", name]);
        let index = ModelIx::try_from(i).unwrap_or(ModelIx::MAX);
        let predicted = model.predictions.as_ref().and_then(|predictions| {
            format_of(raw, &at.key("predictions"), &predictions.format, knowing, report)
        });
        let described = (predicted.as_ref(), followed);
        let Some(plan) = plan(raw, (name, model), described, &at, terms, report) else {
            built.references.push(ReferenceSettings { file: None, learn: None });
            continue;
        };
        let mut paths = Vec::new();
        for source in reader::sources(index, model, &plan, &at, &mut paths, report) {
            let format = match source.at.last_key() {
                Some("predictions") => predicted.clone(),
                _ => format_of(raw, &source.at, source.format, knowing, report),
            };
            for topic in &source.topics {
                let known = formats.entry(topic.clone()).or_insert(source.format);
                if **known != *source.format {
                    report.error(
                        &source.at.key("format"),
                        format!("topic '{topic}' is read in another format elsewhere"),
                        "records of one topic have one format",
                    );
                }
                let (Some(format), Some(spec)) = (&format, &source.spec) else { continue };
                let format = followed.get(topic).map_or(format.clone(), |by| by.describe(format));
                add_reader(&mut built.readers, topic, &format, spec.clone());
            }
        }
        built.references.push(references(model, &plan, knowing.site, &at, report));
        let season = season(model, knowing.site, &at, report);
        built.models.push(ModelPlan { paths, season, ..plan });
    }
    built.readers.sort_by(|a, b| a.topic.cmp(&b.topic));
    built
}

fn plan(
    raw: &Raw,
    (name, model): (&str, &RawModel),
    (format, followed): (Option<&FormatSpec>, &BTreeMap<String, Followed>),
    at: &KeyPath,
    terms: &BTreeMap<String, Terms>,
    report: &mut Report,
) -> Option<ModelPlan> {
    let Some(predictions) = &model.predictions else {
        report.error(
            &at.key("predictions"),
            "is missing",
            format!("add a table [{}]", at.key("predictions")),
        );
        return None;
    };
    let topics = topics(predictions.topic.as_ref(), &at.key("predictions"), report);
    let outlines = follow::outlines(format, &topics, followed);
    let task = model.task.map(|task| match task {
        RawTask::Regression => Task::Regression,
        RawTask::Binary => Task::Binary,
        RawTask::Multiclass => Task::Multiclass,
    });
    let answer = task::answer(model, task, at, report);
    let outcomes = outcomes(model, task, at, report);
    let list = |many: &Option<Many<Scalar>>| -> Vec<String> {
        many.iter().flat_map(|m| &m.0).map(|s| s.0.clone()).collect()
    };
    Some(ModelPlan {
        name: name.to_owned(),
        was: model.was.clone(),
        task,
        lateness: model.lateness.0,
        prediction_topics: topics,
        versioned: predictions.version.is_some(),
        features: reader::features(predictions, model.coerce, &outlines, at, report),
        prediction: answer.prediction,
        probabilities: answer.probabilities,
        expected_loss: answer.expected_loss,
        outcomes,
        repeats: match predictions.repeats {
            RawPredictionRepeats::First => PredictionRepeats::First,
            RawPredictionRepeats::Last => PredictionRepeats::Last,
            RawPredictionRepeats::All => PredictionRepeats::All,
        },
        positive: list(&model.positive),
        threshold: model.threshold,
        reference: ReferencePlan {
            file: model.reference.as_ref().is_some_and(|r| r.file.is_some()),
            per_version: model
                .reference
                .as_ref()
                .and_then(|r| r.file.as_ref())
                .is_some_and(|f| f.contains("{version}")),
            learn: model.reference.as_ref().and_then(|r| r.learn).map(learn),
        },
        season: None,
        dimensions: Vec::new(),
        monitors: Vec::new(),
        retrain: retrain(raw, model, at, terms, report),
        notify: notify(raw, &model.notify, &at.key("notify"), report),
        paths: Vec::new(),
    })
}

/// The rhythm and whose clocks it follows.
fn season(model: &RawModel, site: &Site<'_>, at: &KeyPath, report: &mut Report) -> Option<Season> {
    let path = at.key("timezone");
    let Some(season) = model.season else {
        let is_news = !site.filled.contains(&path) && !report.refused_within(&at.key("season"));
        if model.timezone.is_some() && is_news {
            report.warn(&path, "says nothing without `season`", "write season = \"hour_of_week\"");
        }
        return None;
    };
    let rhythm = match season {
        RawSeason::HourOfDay => Rhythm::HourOfDay,
        RawSeason::HourOfWeek => Rhythm::HourOfWeek,
    };
    let Some(zone) = &model.timezone else {
        let hint =
            "write the zone of those who make the rhythm, such as timezone = \"Europe/Oslo\"";
        report.error(&path, "is missing: the hours of a season are those of a place", hint);
        return None;
    };
    let season = Season::new(rhythm, zone);
    if let Err(error) = &season {
        report.error(&path, error.to_string(), "names are those of the IANA database");
    }
    season.ok()
}

fn learn(extent: Extent) -> Learn {
    match extent {
        Extent::Time(span) => Learn::Span(span),
        Extent::Events(number) => Learn::Events(number),
    }
}

fn topics(topic: Option<&Many<String>>, at: &KeyPath, report: &mut Report) -> Vec<Arc<str>> {
    let at = at.key("topic");
    let topics: Vec<Arc<str>> =
        topic.iter().flat_map(|t| &t.0).map(|t| t.as_str().into()).collect();
    if topics.is_empty() {
        report.error(&at, "is missing", "write topic = \"name\", or a list of names");
    }
    for (i, topic) in topics.iter().enumerate() {
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if !topic.bytes().all(legal) || !(1..=249).contains(&topic.len()) {
            report.error(
                &at,
                format!("'{topic}' is no name of a Kafka topic"),
                "letters, digits, `.`, `_`, `-`",
            );
        }
        if topics[..i].contains(topic) {
            report.error(&at, format!("names '{topic}' twice"), "");
        }
    }
    topics
}

fn outcomes(
    model: &RawModel,
    task: Option<Task>,
    at: &KeyPath,
    report: &mut Report,
) -> Option<OutcomePlan> {
    let inside = model.predictions.as_ref().and_then(|p| p.outcome.as_ref());
    let Some(raw) = &model.outcomes else {
        return inside.map(|_| OutcomePlan {
            topics: Vec::new(),
            within: Span(0),
            due: Span(0),
            repeats: OutcomeRepeats::Last,
            assume: None,
        });
    };
    let at = at.key("outcomes");
    if inside.is_some() {
        report.error(
            &at,
            "predictions carry their outcome already",
            "remove this table, or `outcome` from the predictions",
        );
    }
    if raw.outcome.is_none() {
        report.error(&at.key("outcome"), "is missing", "write the path of the outcome");
    }
    let (within, due) = (raw.within.0, raw.due.unwrap_or(raw.within).0);
    if within == Span(0) {
        report.error(&at.key("within"), "must be above 0", "the default is 24h");
    }
    if due > within {
        report.error(
            &at.key("due"),
            format!("outcomes are due after {due}, but none counts after {within} (`within`)"),
            "make `within` at least as long as `due`",
        );
    }
    let assume = raw.assume.as_ref().map(|s| s.0.clone());
    if let (Some(assume), Some(Task::Regression)) = (&assume, task)
        && !assume.parse::<f64>().is_ok_and(f64::is_finite)
    {
        report.error(
            &at.key("assume"),
            format!("'{assume}' is not a number"),
            "outcomes of a regression are numbers",
        );
    }
    Some(OutcomePlan {
        topics: topics(raw.topic.as_ref(), &at, report),
        within,
        due,
        repeats: match raw.repeats {
            RawOutcomeRepeats::Last => OutcomeRepeats::Last,
            RawOutcomeRepeats::First => OutcomeRepeats::First,
        },
        assume,
    })
}

/// Checks that every named notifier exists.
pub fn notify(raw: &Raw, notify: &RawNotify, at: &KeyPath, report: &mut Report) -> NotifyPlan {
    for (key, names) in [("warning", &notify.warning), ("critical", &notify.critical)] {
        for (i, name) in names.iter().enumerate() {
            if !raw.notifiers.contains_key(name)
                && !report.refused_within(&KeyPath::of(&["notifiers", name]))
            {
                let known = raw.notifiers.keys().map(String::as_str);
                let hint = suggest(name, known)
                    .unwrap_or_else(|| format!("add a table [notifiers.{name}]"));
                report.error(&at.key(key).item(i), format!("there is no notifier '{name}'"), hint);
            }
        }
    }
    NotifyPlan { warning: notify.warning.clone(), critical: notify.critical.clone() }
}

fn retrain(
    raw: &Raw,
    model: &RawModel,
    at: &KeyPath,
    terms: &BTreeMap<String, Terms>,
    report: &mut Report,
) -> Option<RetrainPlan> {
    let trainer = model.retrain.as_ref()?;
    if !raw.trainers.contains_key(trainer)
        && !report.refused_within(&KeyPath::of(&["trainers", trainer]))
    {
        let known = raw.trainers.keys().map(String::as_str);
        let hint =
            suggest(trainer, known).unwrap_or_else(|| format!("add a table [trainers.{trainer}]"));
        report.error(&at.key("retrain"), format!("there is no trainer '{trainer}'"), hint);
    }
    let terms = terms.get(trainer).copied().unwrap_or_default();
    Some(RetrainPlan {
        trainer: trainer.clone(),
        budget: terms.budget,
        timeout: terms.timeout,
        deployed_share: terms.deployed_share,
    })
}

fn references(
    model: &RawModel,
    plan: &ModelPlan,
    site: &Site<'_>,
    at: &KeyPath,
    report: &mut Report,
) -> ReferenceSettings {
    let at = at.key("reference");
    let Some(raw) = &model.reference else { return ReferenceSettings { file: None, learn: None } };
    if raw.file.is_none() && raw.learn.is_none() {
        report.error(&at, "is empty", "write { file = \"...\" }, { learn = \"7d\" }, or both");
    }
    if matches!(raw.learn, Some(Extent::Time(Span(0)) | Extent::Events(0))) {
        report.error(&at.key("learn"), "must be above 0", "write learn = \"7d\"");
    }
    let path = at.key("file");
    let file = raw.file.as_ref().map(|f| located(f, &path, site, report));
    if plan.reference.per_version && !plan.versioned {
        report.error(
            &path,
            "names a file per {version}, but the predictions have no `version`",
            "write version = \"path\" in the predictions, or one file for all",
        );
    }
    if let Some(file) = &file
        && !plan.reference.per_version
        && raw.learn.is_none()
        && !file.exists()
    {
        let message = format!("there is no file {}", file.display());
        let hint = format!("make it: driftd reference build --model {} FILE... -o FILE", plan.name);
        match site.mode {
            Mode::Check | Mode::CheckNoConnect => report.error(&path, message, hint),
            Mode::Run | Mode::Replay | Mode::ReadTopics => report.warn(&path, message, hint),
            Mode::ReferenceBuild => {}
        }
    }
    ReferenceSettings {
        file: file.map(|f| f.to_string_lossy().into_owned()),
        learn: raw.learn.map(learn),
    }
}

/// Builds the format from its registry entry.
pub fn format_of(
    raw: &Raw,
    at: &KeyPath,
    format: &Short<Kinded>,
    Knowing { site, registries }: Knowing<'_>,
    report: &mut Report,
) -> Option<FormatSpec> {
    let at = at.key("format");
    let known = kinds::formats();
    let chosen = chosen(format, &at, &known, report)?;
    let kind = FORMATS.iter().find(|k| k.name == chosen.name)?;
    let mut params = Params::new(format.0.0.clone());
    let around = Around { raw, registries, folder: located("", &at, site, report) };
    let built = (kind.build)(&mut params, &around);
    let format = kinds::built(built, &params, chosen, &at, report)?;
    let max_bytes = usize::try_from(raw.limits.record.0).unwrap_or(usize::MAX);
    Some(FormatSpec { format, max_bytes })
}

/// All readers of a topic share one format.
fn add_reader(readers: &mut Vec<TopicReaders>, topic: &str, format: &FormatSpec, spec: ReaderSpec) {
    match readers.iter_mut().find(|r| r.topic == topic) {
        Some(known) => known.readers.push(spec),
        None => readers.push(TopicReaders {
            topic: topic.to_owned(),
            format: format.clone(),
            readers: vec![spec],
        }),
    }
}
