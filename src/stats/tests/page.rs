//! docs/statistics.md: written from the registry, and fresh.

use std::fmt::Write;
use std::path::Path;

use super::*;

const HEAD: &str = "\
# Statistics

Every statistic that a monitor can compute. Generated from the registry (`src/stats`); do not edit.

`statistic = \"NAME\"`, or `{ kind = \"NAME\", ... }` with options. *Noise floor*: score lines carry the value
that an undrifted window of this size exceeds once in a hundred. *Interval*: score lines carry one where the
value is a bound (distributions on a compressed reference: it holds the truth) or an estimate (metrics: 95 %).
";

const ROOMS: [(&str, &[Basis]); 4] = [
    ("Distribution of a series against its reference", &[Basis::Distribution]),
    ("Quality of a series", &[Basis::Quality]),
    ("Performance over matched pairs", &[Basis::Performance]),
    ("Volume, coverage, delay", &[Basis::Volume, Basis::Coverage, Basis::Delay]),
];

fn worse(kind: &StatisticKind) -> &'static str {
    match kind.direction {
        Direction::Up => "greater",
        Direction::Down => "smaller",
        Direction::None => "either: levels say `above` or `below`",
    }
}

fn tasks(kind: &StatisticKind) -> String {
    let word = |task: &Task| match task {
        Task::Regression => "regression",
        Task::Binary => "binary",
        Task::Multiclass => "multiclass",
    };
    kind.tasks.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn page() -> String {
    let mut text = HEAD.to_owned();
    for (title, bases) in ROOMS {
        let kinds = || STATISTICS.iter().filter(|kind| bases.contains(&kind.basis));
        let performance = bases.contains(&Basis::Performance);
        let (column, dashes) = if performance { (" for |", "---|") } else { ("", "") };
        write!(text, "\n## {title}\n\n").unwrap();
        writeln!(text, "| name | range | worse is |{column} best | noise floor |").unwrap();
        writeln!(text, "|---|---|---|{dashes}---|---|").unwrap();
        for kind in kinds() {
            let best = kind.best.map_or("-".to_owned(), |best| best.to_string());
            let floor = if kind.floor { "yes" } else { "no" };
            let task = if performance { format!(" {} |", tasks(kind)) } else { String::new() };
            let (name, range, worse) = (kind.name, kind.range, worse(kind));
            writeln!(text, "| [{name}](#{name}) | {range} | {worse} |{task} {best} | {floor} |")
                .unwrap();
        }
        for kind in kinds() {
            write!(text, "\n### {}\n\n{}.\n", kind.name, capital(kind.summary)).unwrap();
            write!(text, "\n- Definition: {}.\n- Source: {}.\n", kind.definition, kind.source)
                .unwrap();
            for option in kind.options {
                let default = match option.default {
                    "" => String::new(),
                    default => format!(", default {default}"),
                };
                let (name, sort, doc) = (option.name, option.kind, option.doc);
                writeln!(text, "- `{name}` ({sort}{default}): {doc}.").unwrap();
            }
        }
    }
    text
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// Compares the page with the one in the repository; `UPDATE=1` writes it.
#[test]
fn the_page_of_statistics_is_fresh() {
    let (path, text) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/statistics.md"), page());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == text,
        "docs/statistics.md is stale; write it anew: UPDATE=1 cargo test fresh"
    );
}
