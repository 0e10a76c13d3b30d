//! Whether a monitor can compare its windows with earlier ones.

use super::Built;
use crate::config::forms::Length;
use crate::config::key::KeyPath;
use crate::config::problem::Report;
use crate::config::raw::RawMonitor;
use crate::event::Span;
use crate::plan::WindowPlan;
use crate::stats::Basis;

/// Refuses what an earlier window says nothing about: other statistics than distances, or metrics
/// whose levels are no relative ones; detectors that need the one law of a reference; windows that
/// overlap.
pub fn fits(built: &Built<'_>, monitor: &RawMonitor, at: &KeyPath, report: &mut Report) {
    let Some(ago) = monitor.against else { return };
    let path = at.key("against");
    let (statistic, detector) = (built.statistic.as_ref(), built.detector.as_ref());
    match statistic.basis() {
        Basis::Distribution => {}
        Basis::Performance if detector.needs_reference_metric() => {}
        Basis::Performance => report.error(
            &path,
            format!("compares nothing: no level of {} is a relative one", statistic.name()),
            "write a level such as critical = { worse_by = \"10%\" }, or remove `against`",
        ),
        _ => report.error(
            &path,
            format!("{} is compared with nothing", statistic.name()),
            "remove `against`: it is for distances, and for metrics with `worse_by`",
        ),
    }
    if detector.takes_steps() || detector.name() == "risk" {
        report.error(
            &at.key("detector"),
            format!(
                "{} needs one law to hold all windows against, and earlier windows are many",
                detector.name()
            ),
            "write detector = { kind = \"threshold\", critical = { false_alarm_every = \"90d\" } }",
        );
    }
    let WindowPlan::Time { length, every } = built.window else {
        let hint = "write a length of time, such as window = \"24h\"";
        report.error(&at.key("window"), "so many events ago is no time ago", hint);
        return;
    };
    let twice = Span(2 * length.0);
    if ago.0 < length {
        let message = format!("{ago} overlaps the window of {}", Length(length));
        report.error(&path, message, format!("write \"{length} ago\" or more"));
    } else if ago.0.0 % every.0 != 0 {
        let message = format!("{ago} is no whole number of `every`, {}", Length(every));
        report.error(&path, message, "no window ends then; write a multiple of `every`");
    } else if ago.0 < twice && detector.takes_noise() {
        let message = format!(
            "{ago} makes two windows in a row share an odd one, and `false_alarm_every` learns from past windows"
        );
        report.error(
            &path,
            message,
            format!("write \"{twice} ago\" or more, or levels as numbers"),
        );
    }
}
