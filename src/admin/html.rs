//! HTML out of foreign values: everything is escaped, nothing is fetched, no script runs.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// Text as it may stand between tags and in quoted attributes.
#[must_use]
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A value out of evidence as text, escaped; a dash where there is none.
#[must_use]
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => escape(text),
        Value::Number(number) => match number.as_u64() {
            Some(whole) => whole.to_string(),
            None => crate::notify::summary::number(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::Object(map) if map.values().all(Value::is_string) => {
            let pairs = map.iter().map(|(k, v)| format!("{}={}", escape(k), shown(v)));
            pairs.collect::<Vec<_>>().join(", ")
        }
        other => escape(&other.to_string()),
    }
}

/// A link, only where it is one: `javascript:` and the like stay text.
#[must_use]
pub(super) fn link(url: &str, text: &str) -> String {
    if url.starts_with("https://") || url.starts_with("http://") || url.starts_with('/') {
        format!("<a href=\"{}\" rel=\"noreferrer\">{}</a>", escape(url), escape(text))
    } else {
        escape(text)
    }
}

/// A row of cells that are HTML already.
#[must_use]
pub(super) fn row(cells: &[String]) -> String {
    format!("<tr><td>{}</td></tr>", cells.join("</td><td>"))
}

/// A table, scrolled sideways where the screen is narrow.
#[must_use]
pub(super) fn table(heads: &[&str], rows: &[String]) -> String {
    let heads: String = heads.iter().map(|head| format!("<th scope=col>{head}</th>")).collect();
    format!(
        "<div class=wide><table><thead><tr>{heads}</tr></thead><tbody>{}</tbody></table></div>",
        rows.concat()
    )
}

/// A whole page.
#[must_use]
pub(super) fn page(status: StatusCode, title: &str, main: &str) -> Response {
    let title = escape(title);
    let text = format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title><link rel=icon href=\"data:,\"><style>{STYLE}</style></head>\
         <body><header><a href=\"/\">driftd</a></header><main>{main}</main></body></html>\n"
    );
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response()
}

const STYLE: &str = include_str!("style.css");
