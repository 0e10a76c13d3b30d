//! A reader that wants a bit of everything.

use std::sync::OnceLock;

use driftd::event::{Role, Span};
use driftd::plan::SeriesKind;
use driftd::stats::Dtype;
use driftd::wire::{FieldSpec, Filter, Path, ReaderSpec, Test, TimeSpec, ValueSpec};

fn path(text: &str) -> Path {
    Path::parse(text).expect("a path of the target's own")
}

/// Predictions with nested fields, a composed id, lists, headers, a filter and a zone.
pub fn reader() -> ReaderSpec {
    static READER: OnceLock<ReaderSpec> = OnceLock::new();
    READER.get_or_init(made).clone()
}

fn made() -> ReaderSpec {
    let numeric = SeriesKind::Numeric(Dtype::F64);
    let field = |text: &str, kind| FieldSpec { path: path(text), kind, coerce: true };
    ReaderSpec {
        model: 0,
        role: Role::Prediction,
        keeps_ids: true,
        id: vec![path("id"), path("a.b")],
        time: TimeSpec { path: path("at"), zone: driftd::wire::zone("Europe/Oslo").ok() },
        version: Some(path("v")),
        filter: Some(Filter { path: path("w"), test: Test::Exists(true) }),
        numbers: vec![
            field("x", numeric),
            field("f.y", SeriesKind::Numeric(Dtype::F32)),
            field("l.0", numeric),
        ],
        words: vec![field("c", SeriesKind::Category), field("kafka.key", SeriesKind::Category)],
        prediction: Some(ValueSpec { path: path("p"), kind: numeric }),
        outcome: Some(ValueSpec { path: path("o"), kind: numeric }),
        probabilities: vec![path("q.yes"), path("q.no")],
        expected_loss: None,
        coerce: true,
        max_ahead: Span::from_secs(300),
        paths: vec![(path("x"), 0), (path("f.y"), 1)],
    }
}
