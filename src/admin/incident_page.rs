//! `/incidents/{key}`: what is wrong, where, since when, how sure, and what came of it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::App;
use super::html::{escape, link, page, row, shown, table};
use super::index_page::severity;
use super::lists::find_incident;
use super::snapshot::Snapshot;
use crate::engine::IncidentStatus;
use crate::lines::{IncidentState, RowState, RunState, Suppressed};
use crate::notify::summary::number;
use crate::notify::why::why;

/// Bars of one finding.
const MOST_BARS: usize = 24;

pub(super) async fn show(State(app): State<Arc<App>>, Path(key): Path<String>) -> Response {
    let snapshot = app.snapshots.load();
    match find_incident(&snapshot.status.incidents, &key) {
        Ok(incident) => {
            let line = &incident.line;
            let title = format!("{}: {}", line.model, line.monitor);
            page(StatusCode::OK, &title, &main(&snapshot, incident))
        }
        Err(error) => {
            let main = format!("<h1>Not found</h1><p>{}</p>", escape(&error.message));
            page(error.status, "Not found", &main)
        }
    }
}

fn main(snapshot: &Snapshot, incident: &IncidentStatus) -> String {
    let data = &incident.data;
    [
        head(incident),
        facts(incident),
        findings(data),
        reasons(data),
        ranking(data),
        distributions(data),
        messages(snapshot, incident),
        runs(snapshot, incident),
        slice(data),
        hint(incident),
    ]
    .concat()
}

fn head(incident: &IncidentStatus) -> String {
    let line = &incident.line;
    let state = match line.state {
        IncidentState::Firing => {
            format!("<span class=\"chip {}\">firing</span>", severity(line.severity))
        }
        IncidentState::Resolved => "<span class=\"chip resolved\">resolved</span>".to_owned(),
    };
    let why = match line.suppressed {
        None => "",
        Some(Suppressed::Silence) => "Nobody is told: a silence covers it.",
        Some(Suppressed::Cooldown) => "Nobody is told: it resolved a short while ago.",
        Some(Suppressed::Inhibited) => "Nobody is told: the model's own pipeline is broken.",
        Some(Suppressed::Historic) => "Nobody is told: the records that opened it were old.",
        Some(Suppressed::Storm) => "Nobody is told: too many incidents within an hour.",
    };
    format!(
        "<p>{state}<span class=\"chip {0}\">{0}</span></p><h1>{1}: {2}</h1><p>{3}</p>\
         <p class=warning>{why}</p>",
        severity(line.severity),
        escape(&line.model),
        escape(&line.monitor),
        sentence(&incident.data),
    )
}

/// The worst finding in words.
fn sentence(data: &Value) -> String {
    let worst = &data["findings"][0];
    let Some(score) = worst["score"].as_f64() else { return String::new() };
    let segment = match &worst["segment"] {
        Value::Null => String::new(),
        segment => format!(" in {}", shown(segment)),
    };
    let level = worst["level"].as_f64();
    let level = level.map_or_else(String::new, |l| format!(", its level is {}", number(l)));
    let noise = worst["noise_floor"].as_f64().map_or_else(String::new, |floor| {
        format!(
            " Without drift a window of this size would exceed {} only once in a hundred times.",
            number(floor)
        )
    });
    format!(
        "<b>{}</b> of <b>{}</b>{segment} is <b>{}</b>{level}.{noise}",
        shown(&worst["statistic"]),
        shown(&worst["series"]),
        number(score),
    )
}

fn facts(incident: &IncidentStatus) -> String {
    let (line, data) = (&incident.line, &incident.data);
    let told =
        if incident.told.is_empty() { "nobody".to_owned() } else { incident.told.join(", ") };
    let ended = line.resolved_by.as_deref().map(|by| ("resolved by", escape(by)));
    let retraining = incident.not_asked.as_deref().map(|why| ("no retraining", escape(why)));
    let coverage =
        data["outcome_coverage"].as_f64().map(|c| ("outcomes", format!("{:.1} %", c * 100.0)));
    let window =
        format!("{} to {}", shown(&data["window"]["start"]), shown(&data["window"]["end"]));
    let facts = [
        Some(("model version", line.version.as_deref().map_or_else(|| "–".to_owned(), escape))),
        Some(("since (event time)", escape(&line.opened.to_string()))),
        Some(("last change", escape(&line.changed.to_string()))),
        Some(("window judged", window)),
        coverage,
        Some(("told", escape(&told))),
        ended,
        retraining,
        Some(("reference", format!("<code>{}</code>", shown(&data["reference"])))),
        Some(("configuration", format!("<code>{}</code>", shown(&data["config_digest"])))),
        Some(("key", format!("<code>{}</code>", escape(&line.key)))),
    ];
    let list: String =
        facts.into_iter().flatten().map(|(dt, dd)| format!("<dt>{dt}</dt><dd>{dd}</dd>")).collect();
    format!("<dl>{list}</dl>")
}

fn each(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

fn findings(data: &Value) -> String {
    let list = each(&data["findings"]);
    if list.is_empty() {
        return String::new();
    }
    let rows: Vec<String> = list
        .iter()
        .map(|finding| {
            let verdict = shown(&finding["verdict"]);
            let score = match (finding["interval"][0].as_f64(), finding["interval"][1].as_f64()) {
                (Some(low), Some(high)) => {
                    let (low, high) = (number(low), number(high));
                    format!("{} <span class=soft>[{low}, {high}]</span>", shown(&finding["score"]))
                }
                (Some(_), None) => {
                    format!("{} <span class=soft>at least</span>", shown(&finding["score"]))
                }
                _ => shown(&finding["score"]),
            };
            row(&[
                shown(&finding["series"]),
                if finding["segment"].is_null() {
                    "whole".to_owned()
                } else {
                    shown(&finding["segment"])
                },
                shown(&finding["statistic"]),
                format!("<b>{score}</b>"),
                shown(&finding["level"]),
                shown(&finding["noise_floor"]),
                shown(&finding["visible"]),
                shown(&finding["p_value"]),
                shown(&finding["window"]["support"]),
                format!("<span class=\"{verdict}\">{verdict}</span>"),
            ])
        })
        .collect();
    let total = data["findings_total"].as_u64().unwrap_or(0);
    let shown_here = list.len() as u64;
    let more = if total > shown_here {
        format!("<p class=soft>The worst {shown_here} of {total}.</p>")
    } else {
        String::new()
    };
    let heads = [
        "series",
        "segment",
        "statistic",
        "score",
        "level",
        "noise floor",
        "visible",
        "p-value",
        "events",
        "verdict",
    ];
    format!("<h2>Findings</h2>{}{more}", table(&heads, &rows))
}

/// What the findings are made of.
fn reasons(data: &Value) -> String {
    let items: String = each(&data["attribution"])
        .iter()
        .flat_map(|finding| {
            let segment = match &finding["segment"] {
                Value::Null => String::new(),
                segment => format!(", {}", shown(segment)),
            };
            let name = format!("<b>{}</b>{segment}", shown(&finding["series"]));
            why(finding).into_iter().map(move |text| format!("<li>{name}: {}</li>", escape(&text)))
        })
        .collect();
    if items.is_empty() { String::new() } else { format!("<h2>Why</h2><ul>{items}</ul>") }
}

/// All series of the monitor in that window, beside each other.
fn ranking(data: &Value) -> String {
    let list = each(&data["ranking"]);
    if list.len() < 2 {
        return String::new();
    }
    let told = |value: &Value| value.as_f64().map(number).unwrap_or_default();
    let rows: Vec<String> = list
        .iter()
        .map(|of| {
            let verdict = shown(&of["verdict"]);
            row(&[
                shown(&of["series"]),
                told(&of["times_noise"]),
                told(&of["score"]),
                told(&of["noise_floor"]),
                format!("<span class=\"{verdict}\">{verdict}</span>"),
            ])
        })
        .collect();
    let heads = ["series", "score / noise floor", "score", "noise floor", "verdict"];
    format!("<h2>Series</h2>{}", table(&heads, &rows))
}

/// Reference and current shares of every finding that has them, side by side.
fn distributions(data: &Value) -> String {
    let cards: String = each(&data["findings"]).iter().filter_map(card).collect();
    if cards.is_empty() {
        return String::new();
    }
    format!(
        "<h2>Distributions</h2><p class=soft><span class=\"key ref\"></span>reference \
         <span class=\"key cur\"></span>window</p><div class=cards>{cards}</div>"
    )
}

fn card(finding: &Value) -> Option<String> {
    let (reference, current) = (each(&finding["reference_bins"]), each(&finding["current_bins"]));
    if reference.is_empty() || reference.len() != current.len() {
        return None;
    }
    let share = |bin: &Value| bin["share"].as_f64().unwrap_or(0.0).clamp(0.0, 1.0);
    let most = reference.iter().chain(current).map(share).fold(1e-9, f64::max);
    let bars: String = reference
        .iter()
        .zip(current)
        .take(MOST_BARS)
        .map(|(reference, current)| {
            let (r, c) = (share(reference), share(current));
            // Widths are numbers made here; only the label is foreign.
            format!(
                "<tr><td title=\"{0}\">{5}</td><td><svg viewBox=\"0 0 100 15\" \
                 preserveAspectRatio=none aria-hidden=true><rect class=ref width=\"{1:.2}\" \
                 height=7 /><rect class=cur y=8 width=\"{2:.2}\" height=7 /></svg></td>\
                 <td>{3:.1} → {4:.1} %</td></tr>",
                shown(&reference["bin"]),
                r / most * 100.0,
                c / most * 100.0,
                r * 100.0,
                c * 100.0,
                shown(&Value::from(short(reference["bin"].as_str().unwrap_or("")))),
            )
        })
        .collect();
    let segment = match &finding["segment"] {
        Value::Null => String::new(),
        segment => format!(", {}", shown(segment)),
    };
    Some(format!(
        "<div class=card><h3>{}{segment}</h3><table class=bins><tbody>{bars}</tbody></table></div>",
        shown(&finding["series"]),
    ))
}

/// A bin's label with the five digits of its edge that matter; the whole label is its tooltip.
fn short(label: &str) -> String {
    let shortened = ["<= ", "> "].into_iter().find_map(|sign| {
        let edge: f64 = label.strip_prefix(sign)?.parse().ok()?;
        let rounded: f64 = format!("{edge:.4e}").parse().ok()?;
        Some(format!("{sign}{rounded}"))
    });
    shortened.unwrap_or_else(|| label.to_owned())
}

fn messages(snapshot: &Snapshot, incident: &IncidentStatus) -> String {
    let rows: Vec<String> = snapshot
        .status
        .outbox
        .iter()
        .filter(|message| message.key == incident.line.key)
        .map(|message| {
            let state = match message.state {
                RowState::Pending => "pending",
                RowState::Delivered => "delivered",
                RowState::Superseded => "superseded",
                RowState::Dead => "dead",
            };
            row(&[
                escape(&message.to),
                escape(&message.message),
                format!("<span class={state}>{state}</span>"),
                message.attempts.to_string(),
                escape(&message.created.to_string()),
                message.error.as_deref().map(escape).unwrap_or_default(),
            ])
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let heads = ["to", "message", "state", "attempts", "written", "last error"];
    format!("<h2>Messages</h2>{}", table(&heads, &rows))
}

fn runs(snapshot: &Snapshot, incident: &IncidentStatus) -> String {
    let rows: Vec<String> = snapshot
        .status
        .runs
        .iter()
        .filter(|run| run.incident.as_deref() == Some(incident.line.key.as_str()))
        .map(|run| {
            let state = state(run.state);
            row(&[
                run.url.as_deref().map_or_else(|| escape(&run.id), |url| link(url, &run.id)),
                format!("<span class={state}>{state}</span>"),
                escape(&run.requested.to_string()),
                escape(&run.changed.to_string()),
                run.version.as_deref().map(escape).unwrap_or_default(),
                run.message.as_deref().map(escape).unwrap_or_default(),
            ])
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let heads = ["run", "state", "requested", "changed", "version", "message"];
    format!("<h2>Retraining</h2>{}", table(&heads, &rows))
}

fn state(state: RunState) -> &'static str {
    match state {
        RunState::Requested => "requested",
        RunState::Accepted => "accepted",
        RunState::Running => "running",
        RunState::Succeeded => "succeeded",
        RunState::Deployed => "deployed",
        RunState::Closed => "closed",
        RunState::Failed => "failed",
        RunState::TimedOut => "timed_out",
    }
}

/// The exact records, so that anybody can look at them or train on them.
fn slice(data: &Value) -> String {
    let rows: Vec<String> = each(&data["slice"]["topics"])
        .iter()
        .flat_map(|topic| each(&topic["partitions"]).iter().map(move |p| (topic, p)))
        .map(|(topic, partition)| {
            row(&[
                shown(&topic["topic"]),
                shown(&partition["partition"]),
                shown(&partition["from"]),
                shown(&partition["to"]),
            ])
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let heads = ["topic", "partition", "from offset", "to (exclusive)"];
    format!("<h2>Records of the window</h2>{}", table(&heads, &rows))
}

fn hint(incident: &IncidentStatus) -> String {
    let line = &incident.line;
    if line.state == IncidentState::Resolved {
        return String::new();
    }
    format!(
        "<h2>To be quiet about it</h2><pre><code>driftd silence add --model {} --monitor {} \
         --for 48h --comment &quot;...&quot;</code></pre>",
        escape(&line.model),
        escape(&line.monitor),
    )
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn edges_are_rounded_and_categories_are_not() {
        for (label, want) in [
            ("<= 16.614609043081", "<= 16.615"),
            ("> -0.000123456789", "> -0.00012346"),
            ("> 42", "> 42"),
            ("16.614609043081", "16.614609043081"),
            ("> west", "> west"),
        ] {
            assert_eq!(short(label), want);
        }
    }
}
