//! Topics that name a registry and no schema are read by the latest schema of their subject: it
//! says what features are, and its aliases and defaults serve records of other versions.
//!
//! What a state was counted by is not changed by whoever registers a schema: where the latest one
//! would make something else of a feature, the schema before stays, and a sentence says so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::Knowing;
use super::model::{format_of, kind_of};
use crate::config::Mode;
use crate::config::key::KeyPath;
use crate::config::problem::Report;
use crate::config::raw::{Raw, RawField, RawFieldType, RawModel};
use crate::plan::SeriesKind;
use crate::wire::{self, Field, FormatSpec, Outline, Path as FieldPath, Place, Reason};
use crate::wire::{Refusal, Written};

/// What describes the records of a topic.
pub struct Followed {
    /// The schema that they are read by; `None` while nobody knows one.
    schema: Option<Written>,
    /// Who says what a field is: the first one that has it.
    outlines: Vec<Arc<dyn Outline>>,
}

/// A topic that follows its registry.
struct Topic<'a> {
    name: &'a str,
    /// Where its format stands.
    at: KeyPath,
    format: FormatSpec,
    open: Vec<Open<'a>>,
}

/// A feature whose type, or whose precision, nobody wrote.
struct Open<'a> {
    at: KeyPath,
    name: &'a str,
    field: &'a RawField,
    coerce: bool,
    steps: Vec<String>,
}

/// A schema and what it says.
struct Described {
    written: Written,
    outline: Arc<dyn Outline>,
}

impl Described {
    fn new(written: Written) -> Result<Described, Refusal> {
        Ok(Described { outline: wire::outline(&written)?, written })
    }

    fn followed(self) -> Followed {
        Followed { schema: Some(self.written), outlines: vec![self.outline] }
    }
}

/// Every topic that follows a registry, and what describes its records.
pub fn topics(
    raw: &Raw,
    knowing: Knowing<'_>,
    state: &Path,
    report: &mut Report,
) -> BTreeMap<String, Followed> {
    let mut found: Vec<Topic<'_>> = Vec::new();
    for (name, model) in &raw.models {
        let at = KeyPath::of(&["models", name]);
        let predictions = model.predictions.iter();
        let predictions = predictions.map(|of| ("predictions", &of.topic, &of.format));
        let outcomes = model.outcomes.iter().map(|of| ("outcomes", &of.topic, &of.format));
        for (table, topics, format) in predictions.chain(outcomes) {
            let at = at.key(table);
            let Some(format) = format_of(raw, &at, format, knowing, report) else { continue };
            if format.format.registry().is_none() || format.format.outline().is_some() {
                continue;
            }
            for topic in topics.iter().flat_map(|topics| &topics.0) {
                let open = if table == "predictions" { open(model, &at) } else { Vec::new() };
                match found.iter_mut().find(|known| known.name == topic) {
                    Some(known) => known.open.extend(open),
                    None => found.push(Topic {
                        name: topic,
                        at: at.key("format"),
                        format: format.clone(),
                        open,
                    }),
                }
            }
        }
    }
    let dimensions = raw.monitors.values().flat_map(|monitor| monitor.by.0.iter().flatten());
    let dimensions: BTreeSet<&str> = dimensions.map(String::as_str).collect();
    // Files bring no schema ids: of the subject, only its types matter.
    let files = matches!(knowing.site.mode, Mode::Replay | Mode::ReferenceBuild);
    let found = found.into_iter().filter(|topic| !files || !topic.open.is_empty());
    let found: Vec<Topic<'_>> = found.collect();
    let mut followed = BTreeMap::new();
    for topic in &found {
        let Some(by) = choose(topic, knowing, state, report) else {
            let names = topic.open.iter().filter(|open| dimensions.contains(open.name));
            let categories = names.map(|open| open.steps.clone()).collect();
            let guess: Arc<dyn Outline> = Arc::new(Guess { categories });
            followed
                .insert(topic.name.to_owned(), Followed { schema: None, outlines: vec![guess] });
            continue;
        };
        followed.insert(topic.name.to_owned(), by);
    }
    followed
}

/// The schemas themselves, by topic.
pub fn schemas(followed: BTreeMap<String, Followed>) -> BTreeMap<String, Written> {
    followed.into_iter().filter_map(|(topic, by)| Some((topic, by.schema?))).collect()
}

impl Followed {
    /// A topic's format with the schema that describes its records.
    pub fn describe(&self, format: &FormatSpec) -> FormatSpec {
        let described = self.schema.as_ref().and_then(|s| format.format.described_by(s).ok());
        match described {
            Some(described) => FormatSpec { format: described, ..format.clone() },
            None => format.clone(),
        }
    }
}

/// Who says what the fields of a model's predictions are: for each schema or topic in question,
/// the outlines in their order.
pub fn outlines(
    format: Option<&FormatSpec>,
    topics: &[Arc<str>],
    followed: &BTreeMap<String, Followed>,
) -> Vec<Vec<Arc<dyn Outline>>> {
    if let Some(own) = format.and_then(|format| format.format.outline()) {
        return vec![vec![own]];
    }
    let topics = topics.iter().filter_map(|topic| followed.get(&**topic));
    topics.map(|by| by.outlines.clone()).collect()
}

fn open<'a>(model: &'a RawModel, at: &KeyPath) -> Vec<Open<'a>> {
    let Some(predictions) = &model.predictions else { return Vec::new() };
    let at = at.key("features");
    let open = predictions.features.iter().filter_map(|(name, field)| {
        let field = &field.0;
        let told = field.dtype.is_some()
            || matches!(field.kind, Some(kind) if kind != RawFieldType::Numeric);
        let path = FieldPath::parse(&field.path).ok()?;
        let Place::Payload(steps) = path.place() else { return None };
        let coerce = field.coerce.or(predictions.coerce).unwrap_or(model.coerce);
        let steps = steps.clone();
        (!told).then(|| Open { at: at.key(name), name, field, coerce, steps })
    });
    open.collect()
}

/// What describes a topic; `None`, and a problem, where that is not known.
fn choose(
    topic: &Topic<'_>,
    knowing: Knowing<'_>,
    state: &Path,
    report: &mut Report,
) -> Option<Followed> {
    let (name, subject) = topic.format.format.registry()?;
    let registry = knowing.registries.get(name)?;
    let subject = subject.map_or_else(|| format!("{}-value", topic.name), str::to_owned);
    let subjects = knowing.site.subjects;
    let kept = subjects.kept(state, topic.name).unwrap_or_else(|why| {
        let key = KeyPath::of(&["state", "dir"]);
        // Who only looks may be somebody else than the daemon's user.
        match knowing.site.mode {
            Mode::Run => report.error(&key, why, ""),
            _ => report.warn(&key, why, ""),
        }
        None
    });
    let kept = kept.and_then(|written| Described::new(written).ok());
    let asked = knowing.site.mode != Mode::CheckNoConnect;
    let latest = asked.then(|| subjects.latest(name, registry, &subject).and_then(Described::new));
    match (latest, kept) {
        (Some(Ok(latest)), None) => Some(latest.followed()),
        (Some(Ok(latest)), Some(kept)) => Some(newer(topic, &subject, kept, latest, report)),
        (None, Some(kept)) => Some(kept.followed()),
        (Some(Err(trouble)), Some(kept)) => {
            let message = format!(
                "{}; topic {} is read by the schema of subject {subject} that the state keeps",
                trouble.detail, topic.name
            );
            report.warn(&KeyPath::of(&["registries", name]), message, "");
            Some(kept.followed())
        }
        (None, None) if topic.open.is_empty() => None,
        (None, None) => {
            let message = format!(
                "what {} are follows from the latest schema of subject {subject}, which was not \
                 asked for",
                named(&topic.open)
            );
            report.warn(&topic.at, message, "write type and dtype, or schema = \"FILE.avsc\"");
            None
        }
        (Some(Err(trouble)), None) => {
            missing(topic, name, &subject, &trouble, report);
            None
        }
    }
}

/// Nobody knows the schema that a topic follows.
fn missing(topic: &Topic<'_>, name: &str, subject: &str, trouble: &Refusal, report: &mut Report) {
    let Refusal { reason, detail } = trouble;
    if topic.open.is_empty() {
        let message = format!(
            "{detail}; until the next start topic {} is read without the aliases and defaults of \
             the latest schema of subject {subject}",
            topic.name
        );
        report.warn(&topic.at, message, "");
        return;
    }
    let message = format!(
        "{detail}; what {} are follows from the latest schema of subject {subject}",
        named(&topic.open)
    );
    let hint = "write type and dtype of these features, or schema = \"FILE.avsc\" in the format, \
                or subject = \"NAME\" where it has another name";
    let schema = matches!(reason, Reason::UnknownSchema | Reason::BadSchema | Reason::OtherSchema);
    if schema {
        report.error(&topic.at, message, hint);
    } else {
        report.unreachable(&KeyPath::of(&["registries", name]), message, hint);
    }
}

fn named(open: &[Open<'_>]) -> String {
    let names: Vec<&str> = open.iter().map(|open| open.name).collect();
    format!("features {}", names.join(", "))
}

/// The latest schema, unless a feature would be something else by it than by the one before.
fn newer(
    topic: &Topic<'_>,
    subject: &str,
    kept: Described,
    latest: Described,
    report: &mut Report,
) -> Followed {
    let mut changed = false;
    for open in &topic.open {
        let Some(before) = kept.outline.find(&open.steps) else { continue };
        let now = latest.outline.find(&open.steps);
        let kind = |said| kind_of(open.field, open.coerce, said);
        let stays = kind(before.series);
        if kind(now.as_ref().and_then(|field| field.series)) == stays {
            continue;
        }
        changed = true;
        let now = now.map_or("not there".to_owned(), |field| field.kind);
        let message = format!(
            "is {} in the schema that the state was counted by, and {now} in the latest one of \
             subject {subject}; it stays {stays}, and topic {} is read by the schema before",
            before.kind, topic.name
        );
        let hint = "write type, and dtype of a number, to say what it is from now on";
        report.warn(&open.at, message, hint);
    }
    if changed {
        // What only the latest one has is what that one says.
        let outlines = vec![kept.outline, latest.outline];
        return Followed { schema: Some(kept.written), outlines };
    }
    latest.followed()
}

/// In the place of a schema that nobody knows: what segments are made by is a category, so that
/// no monitor is found wrong because of it.
#[derive(Debug)]
struct Guess {
    categories: BTreeSet<Vec<String>>,
}

impl Outline for Guess {
    fn find(&self, steps: &[String]) -> Option<Field> {
        self.categories.contains(steps).then(|| Field {
            kind: "unknown".to_owned(),
            series: Some(SeriesKind::Category),
            plain: true,
        })
    }

    fn paths(&self) -> Vec<String> {
        Vec::new()
    }
}
