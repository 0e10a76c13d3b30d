//! A picture with one of everything, for the tests of page, API and metrics.

use serde_json::json;

use super::snapshot::{Lag, Snapshot};
use crate::engine::{IncidentStatus, ModelStatus, MonitorStatus, Status};
use crate::event::{Span, Time};
use crate::lines::{
    IncidentLine, IncidentState, NoData, OutboxLine, RowState, RunLine, RunState, ScoreLine,
    Segment, Severity, SilenceLine, Verdict, WindowLine,
};

pub(crate) const KEY: &str = "cb0e637f1bc2e00402a3034ce6bce947";

pub(crate) fn time(text: &str) -> Time {
    Time::parse(text).unwrap()
}

pub(crate) fn score() -> ScoreLine {
    ScoreLine {
        model: "demand".into(),
        version: Some("v12".into()),
        monitor: "feature-drift".into(),
        series: "features.fare".into(),
        segment: Segment::default(),
        statistic: "psi".into(),
        estimated: false,
        window: WindowLine {
            start: time("2026-11-01T00:00:00Z"),
            end: time("2026-11-02T00:00:00Z"),
            events: 51_230,
            support: 51_230,
        },
        revision: 0,
        score: Some(0.31),
        interval: None,
        p_value: None,
        tail: None,
        noise_floor: Some(0.0021),
        visible: Some(0.0005),
        reference: Some("ref".into()),
        reference_events: Some(50_000),
        season: None,
        against: None,
        coverage: None,
        verdict: Verdict::Critical,
        reason: None,
    }
}

fn latest() -> Vec<ScoreLine> {
    let oslo = Segment(vec![("city".into(), "Oslo".into())]);
    vec![
        score(),
        ScoreLine { segment: oslo, score: Some(0.9), ..score() },
        ScoreLine {
            monitor: "worse".into(),
            series: "model".into(),
            statistic: "mae".into(),
            score: None,
            verdict: Verdict::NoData,
            reason: Some(NoData::LowCoverage),
            coverage: Some(0.75),
            ..score()
        },
        ScoreLine {
            monitor: "expected".into(),
            series: "model".into(),
            statistic: "accuracy_estimate".into(),
            estimated: true,
            score: Some(0.78),
            interval: Some((0.75, Some(0.8125))),
            noise_floor: None,
            verdict: Verdict::Warning,
            ..score()
        },
    ]
}

/// The incident, with a key made of `letter` where it is not the first.
pub(crate) fn incident(letter: Option<char>) -> IncidentStatus {
    let key = letter.map_or_else(|| KEY.to_owned(), |c| c.to_string().repeat(32));
    let mut finding = serde_json::to_value(score()).unwrap();
    finding["level"] = json!(0.25);
    finding["reference_bins"] =
        json!([{ "bin": "<= 10", "share": 0.5 }, { "bin": "> 10", "share": 0.5 }]);
    finding["current_bins"] =
        json!([{ "bin": "<= 10", "share": 0.2 }, { "bin": "> 10", "share": 0.8 }]);
    let attribution = json!([{
        "series": "features.fare",
        "segment": null,
        "bins": [{ "bin": "> 10", "reference": 0.5, "window": 0.8, "term": 0.14, "part": 0.34 }],
        "place": { "at": "<= 10", "reference": 0.5, "window": 0.2, "distance": -0.3,
            "direction": "higher" },
        "segments": [{ "by": "city", "of": "psi", "change": 0.31, "mix": 0.248, "within": 0.062,
            "rest": 0.0, "total": 2, "largest": [{ "value": "Oslo", "adds": 0.3, "mix": 0.24,
            "within": 0.06, "rest": 0.0, "reference_share": 0.5, "window_share": 0.9,
            "reference": null, "window": null }] }],
    }]);
    let rank = |series: &str, times: f64| {
        json!({ "series": series, "score": 0.0021 * times, "noise_floor": 0.0021,
            "times_noise": times, "verdict": "ok" })
    };
    IncidentStatus {
        line: IncidentLine {
            key: key.clone(),
            state: if letter.is_none() { IncidentState::Firing } else { IncidentState::Resolved },
            severity: Severity::Critical,
            suppressed: None,
            model: "demand".into(),
            version: Some("v12".into()),
            monitor: "feature-drift".into(),
            opened: time("2026-11-02T00:00:00Z"),
            changed: time("2026-11-02T00:00:00Z"),
            resolved_by: None,
            series: vec!["features.fare".into()],
        },
        data: json!({
            "name": "rides-prod",
            "incident": { "key": key, "url": format!("http://127.0.0.1:7438/incidents/{key}") },
            "findings": [finding],
            "findings_total": 3,
            "attribution": attribution,
            "ranking": [rank("features.fare", 147.6), rank("features.city", 0.5)],
            "window": { "start": "2026-11-01T00:00:00Z", "end": "2026-11-02T00:00:00Z" },
            "outcome_coverage": 0.75,
            "slice": { "topics": [{ "topic": "demand.predictions", "partitions": [
                { "partition": 0, "from": 100, "to": 51_330 },
            ] }] },
            "reference": "ref",
            "config_digest": "digest",
        }),
        told: vec!["oncall".into()],
        not_asked: None,
    }
}

pub(crate) fn message(number: usize, state: RowState) -> OutboxLine {
    OutboxLine {
        id: format!("msg_{number:04}"),
        key: KEY.into(),
        to: "oncall".into(),
        message: "incident.firing".into(),
        state,
        attempts: 2,
        created: time("2026-11-02T00:01:00Z"),
        error: Some("https://pager.example answered 503".into()),
    }
}

pub(crate) fn run() -> RunLine {
    RunLine {
        id: "run-0011223344556677".into(),
        model: "demand".into(),
        incident: Some(KEY.into()),
        state: RunState::Accepted,
        requested: time("2026-11-02T00:01:00Z"),
        changed: time("2026-11-02T00:01:00Z"),
        version: None,
        url: Some("https://pipelines.example/1".into()),
        reason: "feature-drift of demand".into(),
        message: None,
    }
}

pub(crate) fn silence() -> SilenceLine {
    SilenceLine {
        id: "a1b2c3".into(),
        model: "demand".into(),
        monitor: None,
        segment: Segment(vec![("city".into(), "Oslo".into())]),
        from: time("2026-11-02T00:00:00Z"),
        until: time("2026-11-04T00:00:00Z"),
        comment: "festival".into(),
    }
}

pub(crate) fn snapshot() -> Snapshot {
    let monitor = |name: &str, statistic: &str, series: &str| MonitorStatus {
        model: "demand".into(),
        name: name.into(),
        statistic: statistic.into(),
        series: vec![series.into()],
        window: "24h".into(),
    };
    Snapshot {
        name: "rides-prod".into(),
        config_digest: "digest".into(),
        not_ready: Vec::new(),
        status: Status {
            models: vec![ModelStatus {
                name: "demand".into(),
                versions: vec!["v12".into()],
                latest: Some(time("2026-11-02T00:01:30Z")),
                judged_drift: Some(time("2026-11-02T00:00:00Z")),
                judged_performance: None,
                watermark_lag: Some(Span::from_secs(90)),
                outcome_coverage: Some(0.75),
                late: 2,
                crowded_out: 3,
                unjoined: 5,
                has_reference: true,
                paths_never_seen: Vec::new(),
            }],
            monitors: vec![
                monitor("feature-drift", "psi", "features.fare"),
                monitor("worse", "mae", "model"),
            ],
            incidents: vec![incident(None), incident(Some('a'))],
            runs: vec![run()],
            silences: vec![silence()],
            outbox: vec![message(1, RowState::Pending), message(2, RowState::Delivered)],
            latest: latest(),
            lost: Default::default(),
        },
        held: 0,
        waiting: 0,
        lag: vec![Lag { topic: "demand.predictions".into(), partition: 0, messages: 7 }],
        state_bytes: 4_096,
        reload_ok: true,
    }
}
