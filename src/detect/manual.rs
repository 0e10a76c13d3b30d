//! `docs/detectors.md`: every detector as the registry describes it.

use std::fmt::Write;

use super::DETECTORS;

const HEAD: &str = "\
# Detectors

Generated from the registry; do not edit. A detector reads the scores of a monitor:
`detector = \"e-detector\"` in `[monitors.NAME]`, or a table with `kind` and options.

| To watch | Choose | Because |
|---|---|---|
| drift of features, predictions, probabilities | `e-detector` | it states how rare a false alarm is, and knows how large the reference was |
| accuracy and other bounded losses | `risk` | the same promise, for the mean of losses |
| an amount that matters by itself: coverage, a rate, an agreed error | `threshold` | the level is yours |
| a mean without a reference | `adwin` | it compares the series with its own past, at a chosen significance per look |
| what another system watches with River | `page-hinkley`, `ddm`, `eddm`, `hddm-a`, `hddm-w` | equal to River, score by score |

`e-detector`, `risk`, `threshold` with learnt levels and River's detectors take each window once, in
their order, and remember. A window that is restated later keeps its first reading.
";

/// The page, in Markdown.
#[must_use]
pub fn manual() -> String {
    let mut page = HEAD.to_owned();
    for kind in DETECTORS {
        // Writing into a text cannot fail.
        let _ =
            write!(page, "\n## {}\n\n{}.\n\n{}\n", kind.name, capital(kind.summary), kind.details);
        if kind.options.is_empty() {
            continue;
        }
        page.push_str("\n| Option | Type | Default | |\n|---|---|---|---|\n");
        for option in kind.options {
            let default = match option.default {
                "" => String::new(),
                text => format!("`{text}`"),
            };
            let doc = option.doc.replace('|', "\\|");
            let _ = writeln!(page, "| `{}` | {} | {default} | {doc} |", option.name, option.kind);
        }
    }
    page
}

fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
