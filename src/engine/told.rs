//! What a finding is made of, as messages, pages and people read it.

use serde_json::{Value, json};

use crate::lines::ScoreLine;
use crate::policy::{Attribution, BySegment, Carried, Made, Without};
use crate::stats::{Bin, Part, Split, Terms};

/// Bins and segments that are told; those that add most.
const MOST_PARTS: usize = 5;

/// What adds most comes first.
pub(super) fn told(line: &ScoreLine, attribution: &Attribution) -> Value {
    let mut bins: Vec<_> = attribution.bins.iter().filter(|bin| bin.term > 0.0).collect();
    bins.sort_by(|a, b| b.term.total_cmp(&a.term));
    let psi: f64 = attribution.bins.iter().map(|bin| bin.term).sum();
    let bin = |bin: &&Bin| {
        json!({
            "bin": bin.label,
            "reference": bin.reference,
            "window": bin.window,
            "term": bin.term,
            "part": bin.term / psi,
        })
    };
    json!({
        "series": line.series,
        "segment": line.segment,
        "bins": bins.iter().take(MOST_PARTS).map(bin).collect::<Vec<_>>(),
        "place": attribution.place.as_ref().map(|place| json!({
            "at": place.label,
            "reference": place.reference,
            "window": place.window,
            "distance": place.distance(),
            "direction": place.direction(),
        })),
        "segments": attribution.segments.iter().map(segments).collect::<Vec<_>>(),
    })
}

fn segments(by_segment: &BySegment) -> Value {
    let BySegment { by, of, names, made } = by_segment;
    let mut told = match made {
        Made::Split(made) => split(names, made),
        Made::Without(made) => carried(names, made),
    };
    told["by"] = json!(by);
    told["of"] = json!(of);
    told["total"] = json!(names.len());
    told
}

fn split(names: &[String], split: &Split) -> Value {
    let mut parts: Vec<_> = names.iter().zip(&split.parts).collect();
    parts.sort_by(|a, b| b.1.terms.sum().abs().total_cmp(&a.1.terms.sum().abs()));
    let part = |(name, part): &(&String, &Part)| {
        json!({
            "value": name,
            "adds": part.terms.sum(),
            "mix": part.terms.mix,
            "within": part.terms.within,
            "rest": part.terms.rest,
            "reference_share": part.reference_share,
            "window_share": part.window_share,
            "reference": part.means.0,
            "window": part.means.1,
        })
    };
    let Terms { mix, within, rest } = split.terms;
    json!({
        "change": split.change,
        "mix": mix,
        "within": within,
        "rest": rest,
        "largest": parts.iter().take(MOST_PARTS).map(part).collect::<Vec<_>>(),
    })
}

fn carried(names: &[String], carried: &Carried) -> Value {
    let mut parts: Vec<_> = names.iter().zip(&carried.parts).collect();
    parts.sort_by(|a, b| carried.burden(b.1).total_cmp(&carried.burden(a.1)));
    let part = |(name, part): &(&String, &Without)| {
        json!({
            "value": name,
            "adds": part.value.map(|without| carried.value - without),
            "without": part.value,
            "reference_share": part.reference_share,
            "window_share": part.window_share,
            "reference": part.own.0,
            "window": part.own.1,
        })
    };
    json!({
        "change": carried.before.map(|before| carried.value - before),
        "window": carried.value,
        "largest": parts.iter().take(MOST_PARTS).map(part).collect::<Vec<_>>(),
    })
}
