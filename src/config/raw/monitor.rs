//! Table of a monitor.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::RawNotify;
use crate::config::forms::{Ago, Extent, Kinded, Length, Many, Short};
use crate::event::Span;

/// One monitor.
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawMonitor {
    /// Former name, whose state and incident keys it carries on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"drift-old")]
    pub was: Option<String>,
    /// Models that it watches: names or globs, `*` means those of all files, `!` takes out.
    /// Default: every model of this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["*", "!demand"])]
    pub models: Option<Many<String>>,
    /// Series that it watches: `features`, `features.GLOB`, `prediction`, `probability`,
    /// `outcome`; `!` takes out. Statistics of the whole model need none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["features", "!features.hour"])]
    pub watch: Option<Many<String>>,
    /// What it computes: a name, or a table with `kind` and options.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::config::schema::statistic", example = &"psi")]
    pub statistic: Option<Short<Kinded>>,
    /// Window: event time (`24h`) or predictions in the order of reading (`5000 events`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"24h")]
    pub window: Option<Extent>,
    /// How often the window is judged; divides it. Default: the window itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"1h")]
    pub every: Option<Extent>,
    /// Category features whose values are judged apart, beside the whole; a list in the list
    /// crosses its features.
    pub by: Dimensions,
    /// Fewer predictions in the window than this: no data.
    pub min_events: u64,
    /// Less support of the metric (its denominator) than this: no data.
    pub min_support: u64,
    /// Share of predictions whose outcome is known before a window is judged.
    pub min_coverage: f64,
    /// Turns scores into verdicts: a table with `kind` and options.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::config::schema::detector")]
    pub detector: Option<Short<Kinded>>,
    /// After a resolve, how long a new crossing is only recorded; `0s` switches it off.
    pub cooldown: Length,
    /// Who is told, instead of the model's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify: Option<RawNotify>,
    /// Whether a critical incident asks the model's trainer for a retraining.
    pub retrain: bool,
    /// `none`: compare with the whole reference, whatever the season of the model; it also says
    /// that windows shorter than a day are meant. Default: the model's season.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"none")]
    pub season: Option<String>,
    /// Compares a window with the one that lies so long before it, instead of the reference: a
    /// statistic of distributions, or levels `worse_by` of a metric. The reference still gives the
    /// bins. A whole number of `every`, and no shorter than the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"7d ago")]
    pub against: Option<Ago>,
}

impl Default for RawMonitor {
    fn default() -> RawMonitor {
        RawMonitor {
            was: None,
            models: None,
            watch: None,
            statistic: None,
            window: None,
            every: None,
            by: Dimensions::default(),
            min_events: 500,
            min_support: 50,
            min_coverage: 0.0,
            detector: None,
            cooldown: Length(Span::from_secs(3600)),
            notify: None,
            retrain: false,
            season: None,
            against: None,
        }
    }
}

/// Dimensions of segments: each one feature, or several crossed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Dimensions(pub Vec<Vec<String>>);

impl<'de> Deserialize<'de> for Dimensions {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Dimensions, D::Error> {
        struct DimensionsVisitor;
        impl<'de> Visitor<'de> for DimensionsVisitor {
            type Value = Dimensions;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of features such as [\"city\"] or [[\"city\", \"vehicle\"]]")
            }
            fn visit_str<E: de::Error>(self, one: &str) -> Result<Dimensions, E> {
                Ok(Dimensions(vec![vec![one.to_owned()]]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Dimensions, A::Error> {
                let list = Vec::<Many<String>>::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(Dimensions(list.into_iter().map(|many| many.0).collect()))
            }
        }
        d.deserialize_any(DimensionsVisitor)
    }
}

impl JsonSchema for Dimensions {
    fn schema_name() -> Cow<'static, str> {
        "Dimensions".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "string"},
            {"type": "array", "examples": [["city"], [["city", "vehicle"]]],
             "items": {"anyOf": [{"type": "string"},
                                 {"type": "array", "items": {"type": "string"}}]}}
        ]})
    }
}
