//! Results to standard output: tables for people, JSON lines for scripts.

use std::io::{IsTerminal, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use super::Format;

/// Where results go.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    format: Format,
}

impl Output {
    /// As asked for, else as standard output is.
    #[must_use]
    pub fn new(asked: Option<Format>) -> Output {
        let natural = if std::io::stdout().is_terminal() { Format::Table } else { Format::Json };
        Output { format: asked.unwrap_or(natural) }
    }

    /// Whether people read it.
    #[must_use]
    pub fn is_table(&self) -> bool {
        self.format == Format::Table
    }

    /// Prints rows: as a table with these columns (JSON pointers without the first slash), or
    /// whole as JSON lines.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn rows(&self, columns: &[&str], rows: &[Value]) -> std::io::Result<()> {
        if self.is_table() {
            return print(&table(columns, rows));
        }
        let mut out = std::io::stdout().lock();
        for row in rows {
            writeln!(out, "{}", escaped(&row.to_string()))?;
        }
        Ok(())
    }

    /// Prints text for people.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn text(&self, text: &str) -> std::io::Result<()> {
        print(text)
    }
}

fn print(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{}", harmless(text))
}

/// Text from events may hold anything: control characters do not reach the terminal.
#[must_use]
pub(super) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

/// JSON escapes the control characters of ASCII; the others, which terminals know too, follow.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_control() {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

fn table(columns: &[&str], rows: &[Value]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns.iter().map(|c| c.rsplit('/').next().unwrap_or(c).to_uppercase()));
    for row in rows {
        table.add_row(columns.iter().map(|column| cell(row.pointer(&format!("/{column}")))));
    }
    table.to_string()
}

fn cell(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(n)) if n.is_f64() => {
            format!("{:.4}", n.as_f64().unwrap_or_default())
        }
        Some(Value::Array(list)) => {
            list.iter().map(|v| cell(Some(v))).collect::<Vec<_>>().join(", ")
        }
        Some(other) => other.to_string(),
    };
    harmless(&text).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_is_printed_and_json_stays_what_it_was() {
        let hostile = "a\u{1b}[2J\u{9b}31m\u{7f}\nb";
        assert_eq!(harmless(hostile), "a [2J 31m \nb");
        assert_eq!(cell(Some(&Value::from(hostile))), "a [2J 31m  b");
        let line = escaped(&Value::from(hostile).to_string());
        assert!(!line.contains(char::is_control), "{line:?}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), hostile);
    }
}
