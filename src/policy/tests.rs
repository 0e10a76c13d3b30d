use super::*;
use std::sync::Arc;

use crate::detect::Severity;
use crate::event::{Span, Time};
use crate::lines::{
    IncidentState, ScoreLine, Segment, SilenceLine, Suppressed, Verdict, WindowLine,
};
use crate::plan::NotifyPlan;
use message::MessageKind;

const HOUR: i64 = 3_600_000_000;

fn finding(series: &str, severity: Severity) -> Finding {
    let line = ScoreLine {
        model: "demand".into(),
        version: None,
        monitor: "m".into(),
        series: series.into(),
        segment: Segment::default(),
        statistic: "psi".into(),
        estimated: false,
        window: WindowLine { start: Time(0), end: Time(HOUR), events: 1, support: 1 },
        revision: 0,
        score: Some(1.0),
        interval: None,
        p_value: None,
        tail: None,
        noise_floor: None,
        visible: None,
        reference: None,
        reference_events: None,
        season: None,
        against: None,
        coverage: None,
        verdict: Verdict::Critical,
        reason: None,
    };
    Finding { severity, line, level: None, reference_score: None, attribution: None }
}

struct Desk {
    slot: Option<Incident>,
    cooldown: Span,
    silences: Vec<SilenceLine>,
    historic: bool,
}

impl Desk {
    fn new() -> Desk {
        Desk { slot: None, cooldown: Span(2 * HOUR), silences: Vec::new(), historic: false }
    }

    /// One scored window at `hour`; `holding`: whether what fired is still beyond clear.
    fn window(&mut self, hour: i64, findings: &[(&str, Severity)], holding: bool) -> Vec<Act> {
        let findings: Vec<Finding> = findings.iter().map(|(s, v)| finding(s, *v)).collect();
        let fired = self.slot.as_ref().map(|i| i.fired.clone()).unwrap_or_default();
        let situation = Situation {
            name: "rides".into(),
            model: "demand".into(),
            version: Some("v1".into()),
            monitor: "m".into(),
            group: "".into(),
            findings,
            holding: if holding { fired } else { Default::default() },
            scored: true,
            restated: false,
        };
        let circumstances = Circumstances {
            end: Time(hour * HOUR),
            monitor: "m",
            silences: &self.silences,
            cooldown: self.cooldown,
            inhibited: false,
            historic: self.historic,
            storm: false,
        };
        let notify = NotifyPlan {
            warning: vec!["chat".into()],
            critical: vec!["oncall".into(), "chat".into()],
        };
        decide(&mut self.slot, &situation, &circumstances, &notify)
    }

    fn told(acts: &[Act]) -> Vec<(MessageKind, Vec<String>)> {
        acts.iter()
            .filter_map(|act| match act {
                Act::Tell { kind, to } => Some((*kind, to.clone())),
                _ => None,
            })
            .collect()
    }
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| (*s).to_owned()).collect()
}

#[test]
fn the_key_is_the_hash_that_anyone_can_recompute() {
    // printf 'rides-prod\ndemand\nv12\nworse\n2026-11-02T00:00:00Z' | sha256sum | cut -c1-32
    let end = Time::parse("2026-11-02T00:00:00Z").unwrap();
    assert_eq!(
        incident_key("rides-prod", "demand", "v12", "worse", end),
        "cb0e637f1bc2e00402a3034ce6bce947"
    );
}

#[test]
fn one_page_however_long_it_fires() {
    let mut desk = Desk::new();
    let critical = [("features.fare", Severity::Critical)];
    let first = desk.window(1, &critical, true);
    assert_eq!(Desk::told(&first), [(MessageKind::Firing, names(&["oncall", "chat"]))]);
    for hour in 2..10 {
        assert_eq!(Desk::told(&desk.window(hour, &critical, true)), []);
    }
    let last = desk.window(10, &[], false);
    assert_eq!(Desk::told(&last), [(MessageKind::Resolved, names(&["chat", "oncall"]))]);
}

#[test]
fn a_raise_updates_who_was_told_and_first_tells_who_was_not() {
    let mut desk = Desk::new();
    let warning = desk.window(1, &[("features.fare", Severity::Warning)], true);
    assert_eq!(Desk::told(&warning), [(MessageKind::Firing, names(&["chat"]))]);
    let raised = desk.window(2, &[("features.fare", Severity::Critical)], true);
    assert_eq!(
        Desk::told(&raised),
        [(MessageKind::Updated, names(&["chat"])), (MessageKind::Firing, names(&["oncall"]))]
    );
    let more = desk.window(
        3,
        &[("features.fare", Severity::Critical), ("prediction", Severity::Critical)],
        true,
    );
    assert_eq!(Desk::told(&more), [(MessageKind::Updated, names(&["chat", "oncall"]))]);
}

#[test]
fn a_crossing_within_the_cooldown_is_the_same_incident_and_quiet_until_it_ends() {
    let mut desk = Desk { cooldown: Span(4 * HOUR), ..Desk::new() };
    let critical = [("features.fare", Severity::Critical)];
    desk.window(1, &critical, true);
    let key = desk.slot.as_ref().unwrap().key.clone();
    desk.window(2, &[], false);
    let again = desk.window(3, &critical, true);
    assert_eq!(Desk::told(&again), []);
    let incident = desk.slot.as_ref().unwrap();
    assert_eq!((incident.suppressed, &incident.key), (Some(Suppressed::Cooldown), &key));
    // Resolved at hour 2, so the cooldown of four hours ends at hour 6.
    for hour in [4, 5] {
        assert_eq!(Desk::told(&desk.window(hour, &critical, true)), []);
    }
    let still = desk.window(6, &critical, true);
    assert_eq!(Desk::told(&still), [(MessageKind::Firing, names(&["oncall", "chat"]))]);
}

#[test]
fn the_cooldown_does_not_hide_what_is_worse() {
    let mut desk = Desk::new();
    desk.window(1, &[("features.fare", Severity::Warning)], true);
    desk.window(2, &[], false);
    let worse = desk.window(3, &[("features.fare", Severity::Critical)], true);
    assert_eq!(Desk::told(&worse), [(MessageKind::Firing, names(&["oncall", "chat"]))]);
}

#[test]
fn after_the_cooldown_it_is_a_new_incident() {
    let mut desk = Desk::new();
    desk.window(1, &[("features.fare", Severity::Critical)], true);
    let key = desk.slot.as_ref().unwrap().key.clone();
    desk.window(2, &[], false);
    desk.window(5, &[("features.fare", Severity::Critical)], true);
    assert_ne!(desk.slot.as_ref().unwrap().key, key);
}

#[test]
fn a_silence_mutes_until_it_ends_and_then_what_still_fires_is_sent() {
    let mut desk = Desk::new();
    desk.silences.push(SilenceLine {
        id: "s".into(),
        model: "demand".into(),
        monitor: Some("m".into()),
        segment: Segment::default(),
        from: Time(0),
        until: Time(3 * HOUR),
        comment: "festival".into(),
    });
    let critical = [("features.fare", Severity::Critical)];
    assert_eq!(Desk::told(&desk.window(1, &critical, true)), []);
    assert_eq!(desk.slot.as_ref().unwrap().suppressed, Some(Suppressed::Silence));
    assert_eq!(
        Desk::told(&desk.window(3, &critical, true)),
        [(MessageKind::Firing, names(&["oncall", "chat"]))]
    );
}

#[test]
fn what_was_never_told_resolves_in_silence() {
    let mut desk = Desk::new();
    desk.historic = true;
    desk.window(1, &[("features.fare", Severity::Critical)], true);
    let resolved = desk.window(2, &[], false);
    assert_eq!(resolved, [Act::Resolved]);
}

#[test]
fn an_older_window_that_is_restated_does_not_move_the_change_back() {
    let mut desk = Desk::new();
    desk.window(3, &[("features.fare", Severity::Warning)], true);
    desk.window(2, &[("features.fare", Severity::Critical)], true);
    let incident = desk.slot.unwrap();
    assert_eq!((incident.opened, incident.changed), (Time(3 * HOUR), Time(3 * HOUR)));
}

#[test]
fn unjudged_for_a_day_it_is_stale() {
    let mut desk = Desk::new();
    desk.window(1, &[("features.fare", Severity::Critical)], true);
    let mut incident = desk.slot.take().unwrap();
    let acts = incident.end(Time(26 * HOUR), "stale");
    assert_eq!(acts[0], Act::Resolved);
    assert_eq!(
        (incident.state, incident.resolved_by.as_deref()),
        (IncidentState::Resolved, Some("stale"))
    );
    let _: Arc<str> = incident.model;
}
