//! Levels that chance alone crosses, and windows that take the rhythm of the day for drift.

use super::problem;
use crate::config::key::KeyPath;
use crate::config::{Problem, Settings, Severity};
use crate::detect;
use crate::event::Span;
use crate::plan::{MonitorPlan, WindowPlan};
use crate::reference::Reference;
use crate::stats::{Absences, Basis, Counts, Direction, Pair, Profile, Sample};

const DAY: Span = Span::from_secs(86_400);

/// A level below the noise floor of the smallest window that is judged; the worst series is told.
pub(super) fn against_noise(
    settings: &Settings,
    monitor: &MonitorPlan,
    reference: &Reference,
) -> Option<Problem> {
    if monitor.statistic.direction() != Direction::Up {
        return None;
    }
    let level = |severity| monitor.detector.level(severity, f64::INFINITY, None);
    let lowest = level(detect::Severity::Warning).or_else(|| level(detect::Severity::Critical))?;
    let events = match monitor.window {
        WindowPlan::Count { length, .. } => length.max(monitor.min_events),
        WindowPlan::Time { .. } => monitor.min_events,
    };
    let profiles = monitor.series.iter().filter_map(|s| Some((s, reference.series.get(s)?)));
    let floors = profiles.filter_map(|(series, profile)| {
        let floor = floor(monitor, profile, events)?;
        // What the events alone explain is told where the configuration is read.
        let told = match monitor.against {
            Some(_) => 2.0,
            None => 1.0 + events as f64 / profile.rows().max(1) as f64,
        };
        let is_news = monitor.statistic.name() != "psi" || lowest >= floor / told;
        (lowest < floor && is_news).then_some((series, profile, floor))
    });
    let (series, profile, floor) = floors.max_by(|a, b| a.2.total_cmp(&b.2))?;
    let name = monitor.statistic.name();
    let other = match monitor.against {
        Some(_) => "an earlier one of as many".to_owned(),
        None => format!("a reference of {} rows", profile.rows()),
    };
    let then = match monitor.statistic.basis() {
        Basis::Distribution => {
            "; within it such a window is no_data (too_little_power) unless even_if_noise = true"
        }
        _ => "",
    };
    let message = format!(
        "the level {lowest} of {name} lies below the noise floor {floor:.3} of {series}: an unchanged window of {events} events \
         exceeds that once in a hundred, against {other}{then}"
    );
    let hint = match enough(monitor, profile, lowest, events) {
        Some(events) => format!("judge from min_events = {events} on, or raise the level"),
        None if monitor.against.is_some() => "raise the level".to_owned(),
        None => "raise the level, or build the reference from more rows".to_owned(),
    };
    let key = KeyPath::of(&["monitors", monitor.name.as_str(), "detector"]);
    Some(problem(settings, Severity::Warning, &key, message, &hint))
}

/// Fewest events, doubling, whose floor lies within the level.
fn enough(monitor: &MonitorPlan, profile: &Profile, level: f64, events: u64) -> Option<u64> {
    (1..=12)
        .map(|doubled| events.max(1) << doubled)
        .find(|events| floor(monitor, profile, *events).is_some_and(|floor| floor <= level))
}

/// The noise floor of a window of so many events that looks exactly like the reference.
fn floor(monitor: &MonitorPlan, profile: &Profile, events: u64) -> Option<f64> {
    let reference = profile.whole();
    let window = like(&reference, events);
    let reference = if monitor.against.is_some() { &window } else { &reference };
    let pair = Pair { profile, reference, window: &window };
    let sample = Sample { events, window: Some(&window), pair: Some(pair), ..Sample::default() };
    monitor.statistic.noise_floor(&sample)
}

/// The shares of a reference in `events` rows; rounding is carried from cell to cell.
fn like(reference: &Counts, events: u64) -> Counts {
    let rows = u128::from(reference.rows().max(1));
    let (mut seen, mut given) = (0u128, 0u128);
    let mut share = |n: u64| {
        seen += u128::from(n);
        let upto = (seen * u128::from(events) + rows / 2) / rows;
        let part = upto - given;
        given = upto;
        part as u64
    };
    let cells: Vec<u64> = reference.cells.iter().map(|n| share(*n)).collect();
    let absences = Absences {
        missing: share(reference.absences.missing),
        null: share(reference.absences.null),
        nan: share(reference.absences.nan),
    };
    Counts { counted: cells.iter().sum(), cells, absences, type_errors: 0 }
}

/// Monitors that compare a part of a day with whole days.
pub(super) fn rhythms(settings: &Settings) -> Vec<Problem> {
    let monitors = settings.plan.models.iter().flat_map(|model| &model.monitors);
    let mut told: Vec<Problem> = monitors.filter_map(|m| rhythm(settings, m)).collect();
    // A monitor of several models is one piece of configuration.
    told.sort_by(|a, b| a.key.cmp(&b.key));
    told.dedup();
    told
}

fn rhythm(settings: &Settings, monitor: &MonitorPlan) -> Option<Problem> {
    let WindowPlan::Time { length, every } = monitor.window else { return None };
    // A sequential detector takes what came since the last evaluation.
    let (span, name) = match monitor.detector.takes_steps() {
        true => (every, "every"),
        false => (length, "window"),
    };
    let same_hours = monitor.seasonal || monitor.against.is_some_and(|back| back.0 % DAY.0 == 0);
    if monitor.statistic.basis() != Basis::Distribution || span >= DAY || same_hours {
        return None;
    }
    // `season = "none"` says that it is meant so.
    if settings.effective.values["monitors"][&monitor.name]["season"].is_string() {
        return None;
    }
    let key = KeyPath::of(&["monitors", monitor.name.as_str(), name]);
    let message = "is shorter than a day: a daily rhythm of the series counts as drift from a reference of whole days";
    let hint = format!(
        "write season = \"hour_of_week\" in the model, or {name} = \"24h\"; season = \"none\" in the monitor \
         where the series has no such rhythm"
    );
    Some(problem(settings, Severity::Info, &key, message.to_owned(), &hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_like_the_reference_has_its_shares() {
        let reference = Counts {
            cells: vec![0, 50, 0, 30, 10],
            counted: 90,
            absences: Absences { missing: 7, null: 3, nan: 0 },
            type_errors: 0,
        };
        let window = like(&reference, 10);
        assert_eq!(window.cells, [0, 5, 0, 3, 1]);
        assert_eq!((window.rows(), window.counted), (10, 9));
        assert_eq!(like(&reference, 1_000).absences.missing, 70);
    }
}
