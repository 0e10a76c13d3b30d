use std::collections::BTreeMap;

use super::*;
use crate::admin::fixture;
use crate::admin::snapshot::Snapshot;
use crate::clock::ManualClock;

/// Families of a text in the 0.0.4 flavour: type, and samples (name with labels -> number).
type Families = BTreeMap<String, (String, BTreeMap<String, f64>)>;

/// Reads as strictly as a scraper: every sample belongs to the family declared before it.
fn parse(text: &str) -> Families {
    let mut families = Families::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(!families.contains_key(name), "{name} twice");
            families.insert(name.to_owned(), (kind.to_owned(), BTreeMap::new()));
            current = name.to_owned();
        } else if line.starts_with("# HELP ") {
        } else {
            assert!(!line.starts_with('#'), "{line}");
            let (sample, number) = line.rsplit_once(' ').unwrap();
            let name = sample.split('{').next().unwrap();
            let family = families.get_mut(&current).unwrap();
            let suffixes: &[&str] =
                if family.0 == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(suffixes.iter().any(|s| name == format!("{current}{s}")), "{line}");
            let number = number.parse().unwrap();
            assert!(family.1.insert(sample.to_owned(), number).is_none(), "{sample} twice");
        }
    }
    families
}

fn exporter(snapshot: Snapshot, metrics: &Metrics) -> (Exporter, Snapshots) {
    let snapshots = snapshot.shared();
    let clock = ManualClock::at(fixture::time("2026-11-02T00:02:00Z"));
    (Exporter::new(metrics, Arc::clone(&snapshots), clock), snapshots)
}

fn scrape(exporter: &Exporter) -> Families {
    parse(&exporter.text(Flavour::Plain).unwrap())
}

/// The list of the interface, written by hand: names and labels that dashboards hold on to.
const AGREED: &[(&str, &[&str])] = &[
    ("driftd_score", &["model", "version", "monitor", "series", "statistic"]),
    ("driftd_verdict", &["model", "version", "monitor", "series", "statistic"]),
    ("driftd_window_events", &["model", "version", "monitor", "series", "statistic"]),
    ("driftd_no_data", &["model", "monitor", "reason"]),
    ("driftd_incidents_firing", &["model", "monitor", "severity"]),
    ("driftd_outcome_coverage_ratio", &["model"]),
    ("driftd_events_consumed_total", &["topic"]),
    ("driftd_bad_events_total", &["topic", "reason"]),
    ("driftd_unmatched_events_total", &["topic"]),
    ("driftd_late_events_total", &["model"]),
    ("driftd_consumer_lag_messages", &["topic", "partition"]),
    ("driftd_watermark_lag_seconds", &["model"]),
    ("driftd_messages_total", &["notifier", "result"]),
    ("driftd_partitions_held", &[]),
    ("driftd_partitions_waiting", &[]),
    ("driftd_registry_requests_total", &["registry", "result"]),
    ("driftd_outbox_pending", &[]),
    ("driftd_outbox_oldest_seconds", &[]),
    ("driftd_commit_duration_seconds", &[]),
    ("driftd_state_bytes", &[]),
    ("driftd_runs", &["model", "state"]),
    ("driftd_config_last_reload_successful", &[]),
    ("driftd_build_info", &["version"]),
];

fn busy() -> Metrics {
    let metrics = Metrics::default();
    metrics.prepare(["demand.predictions"], ["demand"], ["oncall"]);
    metrics.consumed("demand.predictions", 1_000);
    metrics.bad("demand.predictions", "bad_json", 3);
    metrics.late("demand", 2);
    metrics.message("oncall", Outcome::Delivered);
    metrics.message("oncall", Outcome::Retrying);
    metrics.registry_asked("main", "ok");
    metrics.commit(Duration::from_millis(3));
    metrics
}

#[test]
fn every_agreed_name_is_scraped_with_its_labels_and_no_other() {
    let (exporter, _) = exporter(fixture::snapshot(), &busy());
    let families = scrape(&exporter);
    let names: Vec<&str> = families.keys().map(String::as_str).collect();
    let mut agreed: Vec<&str> = AGREED.iter().map(|(name, _)| *name).collect();
    agreed.sort_unstable();
    assert_eq!(names, agreed);
    for (name, labels) in AGREED {
        let doc = METRICS.iter().find(|doc| doc.name == *name).unwrap();
        assert_eq!(doc.labels, *labels, "{name}");
        for sample in families[*name].1.keys() {
            let inner = sample.split_once('{').map_or("", |(_, l)| l.trim_end_matches('}'));
            let found: Vec<&str> = inner
                .split("\",")
                .filter_map(|l| l.split_once('=').map(|(k, _)| k))
                .filter(|k| *k != "le")
                .collect();
            assert_eq!(found, *labels, "{sample}");
        }
    }
}

#[test]
fn the_numbers_are_those_of_the_picture_and_of_what_was_counted() {
    let (exporter, _) = exporter(fixture::snapshot(), &busy());
    let families = scrape(&exporter);
    let of = |sample: &str| {
        let name = sample.split('{').next().unwrap();
        let family = name.strip_suffix("_count").unwrap_or(name);
        *families[family].1.get(sample).unwrap_or_else(|| panic!("{sample}: {families:#?}"))
    };
    let series = r#"{model="demand",version="v12",monitor="feature-drift",series="features.fare",statistic="psi"}"#;
    assert_eq!(of(&format!("driftd_score{series}")), 0.31);
    assert_eq!(of(&format!("driftd_verdict{series}")), 2.0);
    assert_eq!(of(&format!("driftd_window_events{series}")), 51_230.0);
    assert_eq!(of(r#"driftd_no_data{model="demand",monitor="worse",reason="low_coverage"}"#), 1.0);
    let firing = |severity: &str| {
        of(&format!(
            r#"driftd_incidents_firing{{model="demand",monitor="feature-drift",severity="{severity}"}}"#
        ))
    };
    assert_eq!((firing("critical"), firing("warning")), (1.0, 0.0));
    assert_eq!(of(r#"driftd_outcome_coverage_ratio{model="demand"}"#), 0.75);
    assert_eq!(of(r#"driftd_events_consumed_total{topic="demand.predictions"}"#), 1_000.0);
    assert_eq!(of(r#"driftd_bad_events_total{topic="demand.predictions",reason="bad_json"}"#), 3.0);
    assert_eq!(of(r#"driftd_late_events_total{model="demand"}"#), 2.0);
    assert_eq!(
        of(r#"driftd_consumer_lag_messages{topic="demand.predictions",partition="0"}"#),
        7.0
    );
    assert_eq!(of(r#"driftd_watermark_lag_seconds{model="demand"}"#), 90.0);
    assert_eq!(of(r#"driftd_messages_total{notifier="oncall",result="retrying"}"#), 1.0);
    assert_eq!(of(r#"driftd_messages_total{notifier="oncall",result="dead"}"#), 0.0);
    assert_eq!(of("driftd_outbox_pending"), 1.0);
    assert_eq!(of("driftd_outbox_oldest_seconds"), 60.0);
    assert_eq!(of("driftd_commit_duration_seconds_count"), 1.0);
    assert_eq!(of("driftd_state_bytes"), 4_096.0);
    assert_eq!(of(r#"driftd_runs{model="demand",state="accepted"}"#), 1.0);
    assert_eq!(of("driftd_config_last_reload_successful"), 1.0);
}

#[test]
fn a_score_that_is_not_there_is_absent_and_segments_are_not_shown() {
    let (exporter, _) = exporter(fixture::snapshot(), &busy());
    let families = scrape(&exporter);
    let samples = |name: &str| families[name].1.keys().cloned().collect::<Vec<_>>();
    assert!(!samples("driftd_score").iter().any(|s| s.contains("worse")));
    assert!(samples("driftd_verdict").iter().any(|s| s.contains("worse")));
    assert!(!exporter.text(Flavour::Plain).unwrap().contains("Oslo"));
}

#[test]
fn what_was_removed_vanishes() {
    let (exporter, snapshots) = exporter(fixture::snapshot(), &busy());
    assert!(exporter.text(Flavour::Plain).unwrap().contains("feature-drift"));
    snapshots.store(Arc::new(Snapshot::default()));
    assert!(!exporter.text(Flavour::Plain).unwrap().contains("feature-drift"));
}

#[test]
fn labels_out_of_events_cannot_break_the_format() {
    let mut snapshot = fixture::snapshot();
    snapshot.status.latest[0].version = Some("v\"1\"\n# TYPE evil \\".into());
    let (exporter, _) = exporter(snapshot, &busy());
    let text = exporter.text(Flavour::Plain).unwrap();
    assert_eq!(text.matches("\n# TYPE evil").count(), 0, "{text}");
    assert!(text.contains(r#"version="v\"1\"\n# TYPE evil \\""#), "{text}");
}

#[test]
fn both_flavours_are_spoken() {
    assert_eq!(Flavour::asked(None), Flavour::Plain);
    assert_eq!(Flavour::asked(Some("*/*")), Flavour::Plain);
    let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2";
    assert_eq!(Flavour::asked(Some(prometheus)), Flavour::OpenMetrics);
    let (exporter, _) = exporter(fixture::snapshot(), &busy());
    let open = exporter.text(Flavour::OpenMetrics).unwrap();
    assert!(open.ends_with("# EOF\n"));
    assert!(open.contains("# TYPE driftd_events_consumed counter\ndriftd_events_consumed_total{"));
    let plain = exporter.text(Flavour::Plain).unwrap();
    assert!(plain.contains(
        "# HELP driftd_events_consumed_total Records that are in the state or were refused.\n\
         # TYPE driftd_events_consumed_total counter\n"
    ));
    assert!(!plain.contains("EOF"));
    if let Ok(path) = std::env::var("DRIFTD_TEST_METRICS") {
        std::fs::write(path, plain).unwrap();
    }
}
