//! What an incident's findings are made of, in sentences.

use serde_json::Value;

use super::summary::{number, word};

/// Bins and segments that a sentence names.
const NAMED: usize = 3;

/// The sentences about one finding, out of a message's `attribution`; none where nothing is known.
#[must_use]
pub fn why(told: &Value) -> Vec<String> {
    let mut sentences = Vec::new();
    sentences.extend(bins(each(&told["bins"])));
    sentences.extend(place(&told["place"]));
    sentences.extend(each(&told["segments"]).iter().map(segments));
    sentences
}

fn each(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

fn float(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn bins(bins: &[Value]) -> Option<String> {
    let named = bins.iter().take(NAMED).map(|bin| {
        let (part, before, now) = (&bin["part"], &bin["reference"], &bin["window"]);
        format!(
            "{} ({} of the PSI: {} → {})",
            word(&bin["bin"]),
            percent(float(part)),
            percent(float(before)),
            percent(float(now)),
        )
    });
    let named: Vec<String> = named.collect();
    (!named.is_empty()).then(|| format!("most from the bins {}", named.join(", ")))
}

fn place(place: &Value) -> Option<String> {
    let direction = place["direction"].as_str().filter(|direction| *direction != "equal")?;
    Some(format!(
        "values are {direction} than the reference's: {} of them are {}, {} of the reference's",
        percent(float(&place["window"])),
        word(&place["at"]),
        percent(float(&place["reference"])),
    ))
}

fn segments(segments: &Value) -> String {
    if segments.get("mix").is_none() { without(segments) } else { split(segments) }
}

fn without(carried: &Value) -> String {
    let largest = each(&carried["largest"]).iter().take(NAMED).map(|part| {
        format!(
            "{} without {} (its own {} → {}; its share {} → {})",
            optional(&part["without"], "undefined", number),
            word(&part["value"]),
            optional(&part["reference"], UNKNOWN, number),
            optional(&part["window"], UNKNOWN, number),
            optional(&part["reference_share"], UNKNOWN, percent),
            optional(&part["window_share"], UNKNOWN, percent),
        )
    });
    format!(
        "by {}: {} is {}, and would be {}",
        word(&carried["by"]),
        word(&carried["of"]),
        number(float(&carried["window"])),
        largest.collect::<Vec<_>>().join(", "),
    )
}

const UNKNOWN: &str = "unknown";

fn optional(value: &Value, otherwise: &str, text: impl Fn(f64) -> String) -> String {
    value.as_f64().map_or_else(|| otherwise.to_owned(), text)
}

fn split(split: &Value) -> String {
    let change = float(&split["change"]);
    let part = |name: &str| {
        let term = float(&split[name]);
        if change == 0.0 { number(term) } else { percent(term / change) }
    };
    let largest = each(&split["largest"]).iter().take(NAMED).map(|part| {
        let (before, now) = (&part["reference_share"], &part["window_share"]);
        format!(
            "{} (adds {}; its share {} → {})",
            word(&part["value"]),
            number(float(&part["adds"])),
            percent(float(before)),
            percent(float(now)),
        )
    });
    format!(
        "by {}: the change of {} by {} is {} mix, {} within segments, {} rest; most from {}",
        word(&split["by"]),
        word(&split["of"]),
        number(change),
        part("mix"),
        part("within"),
        part("rest"),
        largest.collect::<Vec<_>>().join(", "),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sentences_name_bins_place_and_segments() {
        let told = json!({
            "bins": [{ "bin": "> 20", "reference": 0.1, "window": 0.4, "term": 0.41, "part": 0.82 }],
            "place": { "at": "<= 12.5", "reference": 0.5, "window": 0.25, "direction": "higher" },
            "segments": [{ "by": "city", "of": "psi", "change": 0.5, "mix": 0.45, "within": 0.04,
                "rest": 0.01, "largest": [{ "value": "Oslo", "adds": 0.4, "reference_share": 0.5,
                "window_share": 0.9 }] }],
        });
        assert_eq!(
            why(&told),
            [
                "most from the bins > 20 (82.0 % of the PSI: 10.0 % → 40.0 %)",
                "values are higher than the reference's: 25.0 % of them are <= 12.5, 50.0 % of the \
                 reference's",
                "by city: the change of psi by 0.5 is 90.0 % mix, 8.0 % within segments, 2.0 % \
                 rest; most from Oslo (adds 0.4; its share 50.0 % → 90.0 %)",
            ]
        );
        assert!(why(&json!({ "series": "model" })).is_empty());
    }

    #[test]
    fn metrics_that_are_no_sums_name_what_they_would_be_without_a_segment() {
        let told = json!({
            "segments": [{ "by": "city", "of": "f1", "change": -0.2, "window": 0.7, "total": 2,
                "largest": [
                    { "value": "Oslo", "adds": -0.2, "without": 0.9, "reference": 0.92,
                        "window": 0.5, "reference_share": 0.1, "window_share": 0.3 },
                    { "value": "Bergen", "adds": null, "without": null, "reference": null,
                        "window": 0.9, "reference_share": null, "window_share": 0.7 },
                ] }],
        });
        assert_eq!(
            why(&told),
            ["by city: f1 is 0.7, and would be 0.9 without Oslo (its own 0.92 → 0.5; its share \
              10.0 % → 30.0 %), undefined without Bergen (its own unknown → 0.9; its share unknown → \
              70.0 %)"]
        );
    }
}
