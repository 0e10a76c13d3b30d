//! The registries next door, seen as documentation: names, sentences and options of everything
//! that a table with `kind` may choose.

use super::key::KeyPath;
use super::problem::{Report, suggest};
use crate::detect::DETECTORS;
use crate::notify::NOTIFIERS;
use crate::retrain::TRAINERS;
use crate::stats::{ESTIMATE_OPTIONS, OptionDoc, ParamError, Params, STATISTICS, expectation_of};
use crate::wire::FORMATS;

/// An entry of a registry.
#[derive(Debug, Clone, Copy)]
pub struct KindDoc {
    /// Name in the configuration.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Options beside `kind`.
    pub options: &'static [OptionDoc],
    /// Options that it shares with others of its registry.
    pub shared: &'static [OptionDoc],
}

impl KindDoc {
    /// All options.
    pub fn every_option(&self) -> impl Iterator<Item = &'static OptionDoc> + Clone + use<> {
        self.options.iter().chain(self.shared)
    }
}

/// Every statistic.
#[must_use]
pub fn statistics() -> Vec<KindDoc> {
    STATISTICS
        .iter()
        .map(|k| KindDoc {
            name: k.name,
            summary: k.summary,
            options: k.options,
            shared: if expectation_of(k).is_some() { ESTIMATE_OPTIONS } else { &[] },
        })
        .collect()
}

/// Every detector.
#[must_use]
pub fn detectors() -> Vec<KindDoc> {
    DETECTORS
        .iter()
        .map(|k| KindDoc { name: k.name, summary: k.summary, options: k.options, shared: &[] })
        .collect()
}

/// Every format of records.
#[must_use]
pub fn formats() -> Vec<KindDoc> {
    FORMATS
        .iter()
        .map(|k| KindDoc { name: k.name, summary: k.doc, options: k.options, shared: &[] })
        .collect()
}

/// What a registry entry built out of its options; every error, and every option that nobody knows,
/// is reported.
pub fn built<T>(
    result: Result<T, ParamError>,
    left: &Params,
    kind: &KindDoc,
    at: &KeyPath,
    report: &mut Report,
) -> Option<T> {
    let (built, last) = match result {
        Ok(built) => (Some(built), None),
        Err(error) => (None, Some(error).filter(|error| !left.kept().contains(error))),
    };
    for error in left.kept().iter().chain(&last) {
        report.error(&at.key(&error.key), error.message.as_str(), "");
    }
    // What was not taken may also stand behind an error.
    for key in left.left_over().filter(|key| !kind.every_option().any(|o| o.name == *key)) {
        let hint = suggest(key, kind.every_option().map(|o| o.name))
            .unwrap_or_else(|| "it has no options".to_owned());
        report.error(&at.key(key), format!("is no option of {}", kind.name), hint);
    }
    built
}

/// Every notifier.
#[must_use]
pub fn notifiers() -> Vec<KindDoc> {
    NOTIFIERS
        .iter()
        .map(|k| KindDoc { name: k.name, summary: k.summary, options: k.options, shared: &[] })
        .collect()
}

/// Every trainer.
#[must_use]
pub fn trainers() -> Vec<KindDoc> {
    TRAINERS
        .iter()
        .map(|k| KindDoc {
            name: k.name,
            summary: k.summary,
            options: k.options,
            shared: RUN_OPTIONS,
        })
        .collect()
}

/// Options that every trainer has; the runs of a model obey them, not the door.
pub const RUN_OPTIONS: &[OptionDoc] = &[
    OptionDoc {
        name: "timeout",
        kind: "length of time",
        default: "6h",
        doc: "no callback and no new version by then: the run has timed out, and that is paged",
    },
    OptionDoc {
        name: "budget",
        kind: "text",
        default: "1 per day",
        doc: "runs per UTC day and model",
    },
    OptionDoc {
        name: "deployed_share",
        kind: "number",
        default: "0.5",
        doc: "share of the last hour's predictions that makes the new version deployed",
    },
];
