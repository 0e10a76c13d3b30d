//! One line that says what is wrong: `[rides-prod] demand: mae 41 % worse, city=Oslo, since 02:10
//! UTC (v12)`.

use serde_json::Value;

use super::text::cut;
use crate::event::{Span, Time};
use crate::policy::message::{Message, MessageKind};

/// Longest summary that PagerDuty takes.
pub(super) const LONGEST: usize = 1024;
/// Longest name out of events (segment values are theirs).
const LONGEST_WORD: usize = 120;

/// The line for a message and its parsed data.
#[must_use]
pub(super) fn summary(message: &Message, data: &Value) -> String {
    let name = word(&data["name"]);
    let head = if name.is_empty() { String::new() } else { format!("[{name}] ") };
    if message.kind == MessageKind::Test {
        return cut(&format!("{head}{}", word(&data["text"])), LONGEST);
    }
    let incident = &data["incident"];
    let model = word(&incident["model"]);
    let what = match message.kind {
        MessageKind::Resolved => format!("{} resolved", word(&incident["monitor"])),
        _ => what(incident, data),
    };
    let version = match word(&incident["version"]) {
        version if version.is_empty() => String::new(),
        version => format!(" ({version})"),
    };
    let line = format!("{head}{model}: {what}{}{version}", since(incident, message.created));
    cut(&line, LONGEST)
}

/// The worst finding, and how many more there are.
fn what(incident: &Value, data: &Value) -> String {
    let finding = &data["findings"][0];
    let monitor = word(&incident["monitor"]);
    if finding.is_null() {
        return monitor;
    }
    let mut text = String::new();
    if monitor.starts_with("driftd.") {
        text = format!("{monitor}: ");
    }
    text.push_str(&measured(finding));
    let segment: Vec<String> = finding["segment"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(dimension, value)| format!("{dimension}={}", word(value)))
        .collect();
    if !segment.is_empty() {
        text.push_str(&format!(", {}", segment.join(", ")));
    }
    match data["findings_total"].as_u64() {
        Some(total) if total > 1 => format!("{text} and {} more", total - 1),
        _ => text,
    }
}

/// `mae 41 % worse`, `psi of fare 0.31 (level 0.25)`.
fn measured(finding: &Value) -> String {
    let statistic = word(&finding["statistic"]);
    let series = word(&finding["series"]);
    let subject = match series.strip_prefix("features.").unwrap_or(&series) {
        "model" | "" => statistic,
        series => format!("{statistic} of {series}"),
    };
    let Some(score) = finding["score"].as_f64() else { return subject };
    let reference = finding["reference_score"].as_f64().filter(|r| *r != 0.0);
    if let Some(reference) = reference {
        let percent = ((score - reference) / reference).abs() * 100.0;
        return format!("{subject} {percent:.0} % worse");
    }
    match finding["level"].as_f64() {
        Some(level) => format!("{subject} {} (level {})", number(score), number(level)),
        None => format!("{subject} {}", number(score)),
    }
}

/// `, since 02:10 UTC`; with the date where that was not within the last day.
fn since(incident: &Value, now: Time) -> String {
    let Ok(opened) = Time::parse(&word(&incident["opened"])) else { return String::new() };
    // An RFC 3339 text in UTC: 2026-11-01T02:10:00Z.
    let text = opened.to_string();
    let (Some(date), Some(clock)) = (text.get(..10), text.get(11..16)) else {
        return String::new();
    };
    let age = now - opened;
    if age.0 >= 0 && age < Span::from_secs(86_400) {
        format!(", since {clock} UTC")
    } else {
        format!(", since {date} {clock} UTC")
    }
}

/// Three significant digits, without needless zeros.
#[must_use]
pub(crate) fn number(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{x}");
    }
    let magnitude = x.abs().log10().floor() as i32;
    if !(-4..9).contains(&magnitude) {
        return format!("{x:.2e}");
    }
    let digits = usize::try_from(2 - magnitude).unwrap_or(0);
    let text = format!("{x:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A text out of foreign data: one line, not long.
pub(super) fn word(value: &Value) -> String {
    let text = value.as_str().unwrap_or("");
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    cut(&clean, LONGEST_WORD)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lines::Severity;

    fn message(kind: MessageKind) -> Message {
        Message {
            id: "msg_1".into(),
            key: "k".into(),
            to: "oncall".into(),
            to_trainer: false,
            kind,
            severity: Severity::Critical,
            created: Time::parse("2026-11-01T02:12:00Z").unwrap(),
            data: String::new(),
            run: None,
        }
    }

    fn data() -> Value {
        json!({
            "name": "rides-prod",
            "incident": {
                "model": "demand", "version": "v12", "monitor": "worse",
                "opened": "2026-11-01T02:10:00Z",
            },
            "findings": [{
                "series": "model", "statistic": "mae", "segment": { "city": "Oslo" },
                "score": 5.64, "reference_score": 4.0, "level": 5.0,
            }],
            "findings_total": 1,
        })
    }

    #[test]
    fn it_reads_as_agreed() {
        assert_eq!(
            summary(&message(MessageKind::Firing), &data()),
            "[rides-prod] demand: mae 41 % worse, city=Oslo, since 02:10 UTC (v12)"
        );
    }

    #[test]
    fn drift_shows_score_and_level_and_how_many_more() {
        let mut data = data();
        data["findings"][0] = json!({
            "series": "features.fare", "statistic": "psi", "segment": null,
            "score": 0.31234, "level": 0.25,
        });
        data["findings_total"] = json!(4);
        data["incident"]["version"] = Value::Null;
        data["incident"]["opened"] = json!("2026-10-30T02:10:00Z");
        assert_eq!(
            summary(&message(MessageKind::Updated), &data),
            "[rides-prod] demand: psi of fare 0.312 (level 0.25) and 3 more, since 2026-10-30 \
             02:10 UTC"
        );
        assert_eq!(
            summary(&message(MessageKind::Resolved), &data),
            "[rides-prod] demand: worse resolved, since 2026-10-30 02:10 UTC"
        );
    }

    #[test]
    fn hostile_values_stay_one_short_line() {
        let mut data = data();
        data["findings"][0]["segment"]["city"] = json!(format!("a\nb{}", "x".repeat(5_000)));
        let line = summary(&message(MessageKind::Firing), &data);
        assert!(line.chars().count() <= LONGEST && !line.contains('\n'), "{line}");
    }

    #[test]
    fn numbers_have_three_digits_that_matter() {
        for (x, text) in [
            (0.134_22, "0.134"),
            (0.25, "0.25"),
            (1234.5, "1234"),
            (0.000_012_3, "1.23e-5"),
            (-2.0, "-2"),
            (0.0, "0"),
            (99.96, "100"),
        ] {
            assert_eq!(number(x), text);
        }
    }
}
