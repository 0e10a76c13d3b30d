//! `models`, `watch` and `by` of a monitor: names and globs become lists.

use glob::Pattern;

use crate::config::key::KeyPath;
use crate::config::problem::{Report, suggest};
use crate::plan::{ModelPlan, SeriesKind};

/// Chooses among `all` by entries that add and, after `!`, take out. `first` is what is there
/// when the first entry takes out already. A broken or idle entry is reported at its place.
pub fn choose<'a>(
    entries: &[String],
    all: &[&'a str],
    first: &[&'a str],
    at: &KeyPath,
    what: &str,
    report: &mut Report,
) -> Vec<&'a str> {
    let only_out = entries.iter().all(|e| e.starts_with('!'));
    let mut chosen: Vec<&str> = if only_out { first.to_vec() } else { Vec::new() };
    for (i, entry) in entries.iter().enumerate() {
        let (out, text) = match entry.strip_prefix('!') {
            Some(text) => (true, text),
            None => (false, entry.as_str()),
        };
        let Ok(pattern) = Pattern::new(text) else {
            report.error(&at.item(i), format!("'{text}' is not a glob"), "");
            continue;
        };
        let found: Vec<&str> = all.iter().copied().filter(|name| pattern.matches(name)).collect();
        if found.is_empty() {
            let hint = suggest(text, all.iter().copied());
            let message = format!("'{text}' matches no {what}");
            match out {
                true => report.warn(&at.item(i), message, hint),
                false => report.error(&at.item(i), message, hint),
            }
        }
        match out {
            true => chosen.retain(|name| !found.contains(name)),
            false => chosen.extend(found),
        }
    }
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// Series of a model that `watch` names, sorted. `made`: its prediction is made by `threshold`,
/// and no series of its own.
pub fn series(
    entries: &[String],
    model: &ModelPlan,
    made: bool,
    at: &KeyPath,
    report: &mut Report,
) -> Vec<String> {
    let features: Vec<String> =
        model.features.iter().map(|f| format!("features.{}", f.name)).collect();
    let mut all: Vec<&str> = features.iter().map(String::as_str).collect();
    let others = ["prediction", "probability", "outcome"];
    all.extend(others.iter().filter(|s| model.series_kind(s).is_some()));
    all.retain(|series| !(made && *series == "prediction"));
    let probability = "probability".to_owned();
    let only_prediction = |entry: &str| {
        let pattern = Pattern::new(entry);
        pattern.is_ok_and(|p| p.matches("prediction") && !all.iter().any(|s| p.matches(s)))
    };
    // `features` is short for all of them.
    let mut lengthened: Vec<String> = entries
        .iter()
        .map(|entry| match entry.as_str() {
            "features" => "features.*".to_owned(),
            "!features" => "!features.*".to_owned(),
            other => other.to_owned(),
        })
        .collect();
    for (i, entry) in lengthened.iter_mut().enumerate().filter(|(_, e)| made && only_prediction(e))
    {
        let message = format!(
            "the prediction of model `{}` is made by `threshold` out of its probability; it is \
             compared with outcomes and no series of its own",
            model.name
        );
        report.error(&at.item(i), message, "watch `probability`");
        entry.clone_from(&probability);
    }
    let what = format!("series of model `{}`", model.name);
    choose(&lengthened, &all, &[], at, &what, report).into_iter().map(str::to_owned).collect()
}

/// Places of the dimensions in the model's list, which grows by those it lacks.
pub fn dimensions(
    by: &[Vec<String>],
    model: &mut ModelPlan,
    at: &KeyPath,
    report: &mut Report,
) -> Vec<usize> {
    let mut places = Vec::new();
    for (i, dimension) in by.iter().enumerate() {
        let at = at.item(i);
        let mut whole = !dimension.is_empty();
        if dimension.is_empty() {
            report.error(&at, "is an empty dimension", "write the name of a category feature");
        }
        for (n, name) in dimension.iter().enumerate() {
            let feature = model.features.iter().find(|f| f.name == *name);
            match feature.map(|f| f.kind) {
                Some(SeriesKind::Category) => {}
                Some(SeriesKind::Numeric(_)) => {
                    whole = false;
                    report.error(
                        &at,
                        format!("feature `{name}` of model `{}` is numeric", model.name),
                        "segments are made by features of type = \"category\"",
                    );
                }
                None => {
                    whole = false;
                    let bare = name.strip_prefix("features.").unwrap_or(name);
                    let hint = suggest(bare, model.features.iter().map(|f| f.name.as_str()));
                    let message = format!("model `{}` has no feature `{name}`", model.name);
                    report.error(&at, message, hint);
                }
            }
            if dimension[..n].contains(name) {
                whole = false;
                report.error(&at, format!("crosses `{name}` with itself"), "");
            }
        }
        if !whole {
            continue;
        }
        let place = model.dimensions.iter().position(|d| d == dimension).unwrap_or_else(|| {
            model.dimensions.push(dimension.clone());
            model.dimensions.len() - 1
        });
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(entries: &[&str]) -> (Vec<String>, usize) {
        let all = ["features.fare", "features.hour", "prediction"];
        let entries: Vec<String> = entries.iter().map(|e| (*e).to_owned()).collect();
        let mut report = Report::default();
        let chosen =
            choose(&entries, &all, &["prediction"], &KeyPath::default(), "series", &mut report);
        (chosen.into_iter().map(str::to_owned).collect(), report.finish().len())
    }

    #[test]
    fn entries_add_and_take_out_in_their_order() {
        assert_eq!(run(&["features.*", "!*.hour"]).0, ["features.fare"]);
        assert_eq!(run(&["!*.hour", "features.*"]).0, ["features.fare", "features.hour"]);
        assert_eq!(run(&["!features.*"]).0, ["prediction"]);
        assert_eq!(run(&["*", "prediction"]).0.len(), 3);
    }

    #[test]
    fn an_entry_that_matches_nothing_is_named() {
        assert_eq!(run(&["features.fair"]), (vec![], 1));
        assert_eq!(run(&["features.fare", "!features.x"]).1, 1);
        assert_eq!(run(&["[", "prediction"]).1, 1);
    }
}
