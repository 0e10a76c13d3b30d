//! Levels that chance alone crosses, and windows that take the rhythm of the day for drift.

use super::problem;
use crate::config::key::KeyPath;
use crate::config::{Problem, Settings, Severity};
use crate::detect;
use crate::event::Span;
use crate::plan::{MonitorPlan, WindowPlan};
use crate::reference::{Reference, own_pairs};
use crate::stats::{
    Absences, Baseline, Basis, Binary, Counts, Direction, Pair, Performance, Profile, Sample,
};

const DAY: Span = Span::from_secs(86_400);

/// A level within the noise of the smallest window that is judged; the worst series is told.
pub(super) fn against_noise(
    settings: &Settings,
    monitor: &MonitorPlan,
    reference: &Reference,
) -> Option<Problem> {
    match (monitor.statistic.basis(), monitor.statistic.direction()) {
        (Basis::Performance, _) => metric_against_noise(settings, monitor, reference),
        (_, Direction::Up) => {
            let level = nearest(monitor, f64::INFINITY, None)?;
            distance_against_noise(settings, monitor, reference, (level, level))
        }
        (Basis::Distribution, Direction::None) => {
            let best = monitor.statistic.best()?;
            let sides = [f64::INFINITY, f64::NEG_INFINITY].map(|far| nearest(monitor, far, None));
            let from_best = |level: &f64| (level - best).abs();
            let level =
                sides.into_iter().flatten().min_by(|a, b| from_best(a).total_cmp(&from_best(b)))?;
            // Floors are above the best value.
            distance_against_noise(settings, monitor, reference, (level, best + from_best(&level)))
        }
        _ => None,
    }
}

/// The first of its levels that a score so far on the bad side crosses.
fn nearest(monitor: &MonitorPlan, worst: f64, metric: Option<f64>) -> Option<f64> {
    let level = |severity| monitor.detector.level(severity, worst, metric);
    level(detect::Severity::Warning).or_else(|| level(detect::Severity::Critical))
}

/// A metric that falls below its level by chance, where that is better than on the reference.
fn metric_against_noise(
    settings: &Settings,
    monitor: &MonitorPlan,
    reference: &Reference,
) -> Option<Problem> {
    let (statistic, metrics) = (&monitor.statistic, &reference.performance);
    if monitor.against.is_some() || statistic.direction() != Direction::Down {
        return None;
    }
    let (label, pairs) = (statistic.label(), *metrics.get("n")?);
    let value = *metrics.get(&label)?;
    let level = nearest(monitor, f64::NEG_INFINITY, Some(value)).filter(|level| *level <= value)?;
    let own = own_pairs(metrics, &label).unwrap_or(pairs).max(1.0);
    let baseline = Baseline { value, pairs: pairs as u64, own: Some(own as u64) };
    let floor = |support: u64| {
        let sums = Binary { true_positive: support as i64, ..Binary::default() };
        let sums = Performance::Binary(sums);
        let performance = Some(&sums);
        let sample = Sample { performance, baseline: Some(baseline), ..Sample::default() };
        statistic.noise_floor(&sample)
    };
    let support = monitor.min_support.max(1);
    let least = floor(support).filter(|least| level > *least)?;
    let message = format!(
        "the level {level:.4} of {label} lies within noise: an unchanged window with {support} pairs of its kind is below \
         {least:.3} once in a hundred, against a reference with {own} of them and {value:.3}; within it such a window is \
         no_data (too_little_power) unless even_if_noise = true"
    );
    let enough = (1..=20).map(|doubled| support << doubled);
    let hint = match enough.into_iter().find(|n| floor(*n).is_some_and(|least| level <= least)) {
        Some(enough) => {
            format!("judge from min_support = {enough} on, or choose a level farther off")
        }
        None => "choose a level farther off, or build the reference from more rows".to_owned(),
    };
    let key = KeyPath::of(&["monitors", monitor.name.as_str(), "detector"]);
    Some(problem(settings, Severity::Warning, &key, message, &hint))
}

/// A distance that exceeds its level by chance: the level as it is written, and as a distance.
fn distance_against_noise(
    settings: &Settings,
    monitor: &MonitorPlan,
    reference: &Reference,
    (level, lowest): (f64, f64),
) -> Option<Problem> {
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
        "the level {level} of {name} lies within the noise floor {floor:.3} of {series}: an unchanged window of {events} events \
         is beyond that once in a hundred, against {other}{then}"
    );
    let hint = match enough(monitor, profile, lowest, events) {
        Some(events) => {
            format!("judge from min_events = {events} on, or choose a level farther off")
        }
        None if monitor.against.is_some() => "choose a level farther off".to_owned(),
        None => "choose a level farther off, or build the reference from more rows".to_owned(),
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
    let of_losses = match monitor.statistic.basis() {
        Basis::Distribution => false,
        // Levels of a metric are its owner's; a bet on each step asks that none be worse than allowed.
        Basis::Performance if monitor.detector.takes_steps() => true,
        _ => return None,
    };
    if span >= DAY || same_hours {
        return None;
    }
    // `season = "none"` says that it is meant so.
    if settings.effective.values["monitors"][&monitor.name]["season"].is_string() {
        return None;
    }
    let key = KeyPath::of(&["monitors", monitor.name.as_str(), name]);
    let (message, season) = match of_losses {
        true => (
            "is shorter than a day: hours whose losses are always the greater count as growth of the mean of whole days",
            "",
        ),
        false => (
            "is shorter than a day: a daily rhythm of the series counts as drift from a reference of whole days",
            "season = \"hour_of_week\" in the model, or ",
        ),
    };
    let hint = format!(
        "write {season}{name} = \"24h\"; season = \"none\" in the monitor where there is no such rhythm"
    );
    Some(problem(settings, Severity::Warning, &key, message.to_owned(), &hint))
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
