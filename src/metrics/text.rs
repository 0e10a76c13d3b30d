//! Two flavours of one text: OpenMetrics 1.0, and Prometheus 0.0.4 for older scrapers and tools.

/// Which flavour somebody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus 0.0.4.
    Plain,
}

impl Flavour {
    /// The one that an `Accept` header asks for.
    #[must_use]
    pub fn asked(accept: Option<&str>) -> Flavour {
        match accept {
            Some(accept) if accept.contains("application/openmetrics-text") => Flavour::OpenMetrics,
            _ => Flavour::Plain,
        }
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Flavour::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Flavour::Plain => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// Turns OpenMetrics text into this flavour.
    pub(super) fn of(self, text: String) -> String {
        match self {
            Flavour::OpenMetrics => text,
            Flavour::Plain => plain(&text),
        }
    }
}

/// In the older flavour a counter's family bears the name of its samples, `_total` included, and
/// there is no end mark.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let lines: Vec<&str> = text.lines().collect();
    for (i, line) in lines.iter().enumerate() {
        let declared = |of: &'static str| line.strip_prefix(of).and_then(|l| l.split_once(' '));
        if let Some((name, help)) = declared("# HELP ") {
            let counter = lines.get(i + 1) == Some(&format!("# TYPE {name} counter").as_str());
            let suffix = if counter { "_total" } else { "" };
            out.push_str(&format!("# HELP {name}{suffix} {help}\n"));
        } else if let Some((name, "counter")) = declared("# TYPE ") {
            out.push_str(&format!("# TYPE {name}_total counter\n"));
        } else if !line.starts_with("# EOF") && !line.starts_with("# UNIT") {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}
